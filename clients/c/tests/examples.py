#!/usr/bin/env python3
"""Runs the examples of clients/c: the first block of its README as it stands, and the smallest game.

    examples.py ROUTER GATEWAY SMALLEST
"""
import os
import re
import shutil
import signal
import subprocess
import sys
import time

from network import PATIENCE, Lines, Network, free_port

ROUTER, GATEWAY, SMALLEST = sys.argv[1:4]
HERE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def wait_for(path, text):
    deadline = time.time() + PATIENCE
    while time.time() < deadline:
        with open(path) as file:
            if text in file.read():
                return
        time.sleep(0.1)
    raise AssertionError("%r is not printed" % text)


def until_printed(path, say, text):
    """Says something until it is printed: the program may still be joining its channel."""
    deadline = time.time() + PATIENCE
    while True:
        say()
        time.sleep(0.5)
        with open(path) as file:
            if text in file.read():
                return
        assert time.time() < deadline, "%r is not printed" % text


def watch(net, far, environment, by_url):
    with open(HERE + "/README.md") as file:
        command = re.search(r"^```sh\n(.*?)^```", file.read(), re.M | re.S).group(1)
    if by_url:
        environment = dict(environment, I3_GATEWAY_URL="tcp://127.0.0.1:%s" % environment["I3_GATEWAY_PORT"],
                           I3_GATEWAY_HOST="", I3_GATEWAY_PORT="")
    # In a copy: the command writes the program beside its source, and this test may run twice at a time.
    folder = net.folder + "/c"
    os.mkdir(folder)
    shutil.copy(HERE + "/i3.h", folder)
    shutil.copytree(HERE + "/examples", folder + "/examples")
    program = net.start("watch", ["sh", "-c", command], cwd=folder, env=environment, start_new_session=True)
    log = net.folder + "/watch.log"
    wait_for(log, "listening to 1 channels")
    until_printed(log, lambda: far.say("hello, watchers"), "[chat] Bob@Far: hello, watchers")
    far.tell("one tell", "somebody")
    wait_for(log, "Bob@Far -> somebody: one tell")
    far.call("channel_emote", channel="chat", from_user="Bob", emote="$N waves.")
    wait_for(log, "Bob waves.")
    net.stop(net.gateway)
    wait_for(log, "no connection to the gateway")
    net.start_gateway()
    far = net.far()
    until_printed(log, lambda: far.say("hello again"), "hello again")
    # Ctrl-C: the shell gets it too, and ends by it.
    os.killpg(program.pid, signal.SIGINT)
    code = program.wait(PATIENCE)
    assert code in (0, -signal.SIGINT), "ended with %d" % code
    return far


def smallest(net, far, environment):
    port = free_port()
    program = net.start("smallest", [SMALLEST, str(port)], env=environment)
    ann = Lines(port)
    ann.send("Ann")

    def heard(text):
        deadline = time.time() + PATIENCE
        while time.time() < deadline:
            line = ann.read(1)
            if line and text in line:
                return
        raise AssertionError("Ann does not hear %r" % text)

    heard("Welcome.")
    far.publish()
    deadline = time.time() + PATIENCE
    while [user["name"] for user in far.call("who", target_mud="Home", wait=True)["users"]] != ["Ann"]:
        assert time.time() < deadline, "Ann is not on the list"
        time.sleep(0.2)
    far.tell("psst")
    heard("Bob@Far tells you: psst")
    ann.send("tell Bob@Far and you")
    far.event("tell_received", "and you")
    ann.send("hello, all")
    far.event("channel_message", "hello, all")
    heard("Ann@Home: hello, all")
    far.say("hello, Ann")
    heard("Bob@Far: hello, Ann")
    ann.send("who Far")
    heard("Bob")
    ann.send("quit")
    ann.close()
    net.stop(program)


def main():
    with Network(ROUTER, GATEWAY) as net:
        far = net.far()
        environment = dict(os.environ, I3_GATEWAY_URL="ws://127.0.0.1:9/ws", I3_GATEWAY_HOST="127.0.0.1",
                           I3_GATEWAY_PORT=str(net.port), I3_API_KEY="the-key-of-home", I3_MUD_NAME="Home", I3_CHANNEL="chat")
        far = watch(net, far, environment, by_url=GATEWAY.endswith("-threads"))
        smallest(net, far, environment)
    print("examples with %s: ok" % os.path.basename(GATEWAY))


main()
