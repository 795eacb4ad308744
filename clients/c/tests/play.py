#!/usr/bin/env python3
"""Plays a game with a head of clients/c through a real gateway and router.

    play.py ROUTER GATEWAY ENGINE NAME

ROUTER and GATEWAY are the programs, ENGINE is a stand-in for an engine with its head, NAME one of tbamud, rom, smaug,
afkmud. The game is the mud Home; this program is the mud Far, and the players of both.
"""
import json
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time

ROUTER, GATEWAY, ENGINE, NAME = sys.argv[1:5]
# What players write for red, and whether the head sends typed colours as colours.
RED = {"tbamud": None, "rom": "{Rred{x", "smaug": "&Rred&w", "afkmud": "&Rred&d"}[NAME]
# What would be a code on some engine: players must see it as it was written.
CODES = "{R &R @R $n ^r }x %s %n {{ && @@ end"


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


class Lines:
    """A connection that is read line by line."""

    def __init__(self, port):
        deadline = time.time() + 20
        while True:
            try:
                self.socket = socket.create_connection(("127.0.0.1", port), 5)
                break
            except OSError:
                if time.time() > deadline:
                    raise
                time.sleep(0.1)
        self.rest = b""
        self.seen = []

    def send(self, text):
        self.socket.sendall(text.encode() + b"\n")

    def read(self, seconds):
        self.socket.settimeout(max(seconds, 0.01))
        while b"\n" not in self.rest:
            try:
                more = self.socket.recv(65536)
            except socket.timeout:
                return None
            if not more:
                raise EOFError
            self.rest += more
        line, self.rest = self.rest.split(b"\n", 1)
        return line.decode().rstrip("\r")

    def close(self):
        self.socket.close()


class Player(Lines):
    """Somebody who plays the game."""

    def __init__(self, port, name):
        super().__init__(port)
        self.send(name)
        self.wait("Welcome.")

    def wait(self, text, seconds=20):
        """Returns the first line from now on that holds a text, and forgets the lines up to it."""
        deadline = time.time() + seconds
        while time.time() < deadline:
            line = self.read(deadline - time.time())
            if line is None:
                break
            self.seen.append(line)
            if text in line:
                return line
        raise AssertionError("no line with %r came; the last were:\n  %s" % (text, "\n  ".join(self.seen[-12:])))

    def never(self, text, seconds):
        deadline = time.time() + seconds
        while time.time() < deadline:
            line = self.read(deadline - time.time())
            if line is not None:
                self.seen.append(line)
                assert text not in line, line

    def does(self, command, text):
        self.send(command)
        return self.wait(text)


class Far(Lines):
    """The other mud, a client of the same gateway under another name."""

    def __init__(self, port):
        super().__init__(port)
        self.last = 0
        self.call("authenticate", api_key="the-key-of-far", client="far")
        self.publish()

    def publish(self):
        self.call("presence_sync", users=[{"name": "Bob", "title": "the Bold", "level": 12}])

    def take(self, seconds):
        line = self.read(seconds)
        return None if line is None else json.loads(line)

    def try_call(self, method, **params):
        self.last += 1
        self.send(json.dumps({"jsonrpc": "2.0", "id": self.last, "method": method, "params": params}))
        deadline = time.time() + 20
        while time.time() < deadline:
            got = self.take(deadline - time.time())
            if got is None:
                break
            if got.get("id") == self.last:
                return got
            self.seen.append(got)
        raise AssertionError("no answer to " + method)

    def call(self, method, **params):
        got = self.try_call(method, **params)
        assert "result" in got, got
        return got["result"]

    def event(self, name, text="", seconds=20):
        """Returns the first event of a name whose message holds a text."""
        deadline = time.time() + seconds
        while True:
            for got in self.seen:
                if got.get("method") == name and text in json.dumps(got["params"]):
                    self.seen.remove(got)
                    return got["params"]
            if time.time() > deadline:
                raise AssertionError("no event %s with %r" % (name, text))
            got = self.take(max(deadline - time.time(), 0.01))
            if got:
                self.seen.append(got)

    def tell(self, text, user="ann"):
        return self.try_call("tell", target_mud="Home", target_user=user, from_user="Bob", message=text)

    def say(self, text):
        return self.call("channel_send", channel="chat", from_user="Bob", message=text)


class Play:
    def __init__(self, folder):
        self.folder = folder
        self.port = free_port()
        self.started = []
        os.mkdir(folder + "/i3")
        router_port = free_port()
        self.router = self.start("router", [ROUTER, "--name", "*test", "--port", str(router_port), "--state",
                                            folder + "/router"])
        with open(folder + "/config.yaml", "w") as file:
            file.write("""
mud: {name: Home}
muds: [{name: Far}]
router:
  primary: {name: "*test", host: 127.0.0.1, port: %d}
api:
  websocket: {host: 127.0.0.1, port: %d}
  tcp: {host: 127.0.0.1, port: %d}
  auth:
    api_keys:
      - {key: the-key-of-home, mud_name: Home, permissions: ["*"]}
      - {key: the-key-of-far, mud_name: Far, permissions: ["*"]}
state: {directory: %s/state}
""" % (router_port, free_port(), self.port, folder))
        with open(folder + "/i3.conf", "w") as file:
            file.write("# settings of the game\nport %d\nkey the-key-of-home\nclient %s\nplayers %s/i3\nchannel chat\n"
                       % (self.port, NAME, folder))
        self.start_gateway()
        self.start_game()

    def start(self, name, command):
        log = open("%s/%s.log" % (self.folder, name), "a")
        process = subprocess.Popen(command, cwd=self.folder, stdout=subprocess.PIPE if name == "game" else log, stderr=log)
        self.started.append(process)
        return process

    def start_gateway(self):
        self.gateway = self.start("gateway", [GATEWAY, "-c", self.folder + "/config.yaml"])

    def start_game(self):
        self.game = self.start("game", [ENGINE, self.folder + "/i3.conf"])
        self.game_port = int(self.game.stdout.readline().split()[1])

    def stop(self, process, number=signal.SIGTERM):
        process.send_signal(number)
        code = process.wait(20)
        assert code == (0 if number == signal.SIGTERM else -number), "ended with %d" % code

    def far(self):
        """Far, once both muds are on the network."""
        far = Far(self.port)
        deadline = time.time() + 40
        while time.time() < deadline:
            muds = far.call("mudlist", filter={"status": "up"})["muds"]
            if far.call("status")["connected"] and {"Home", "Far"} <= {mud["name"] for mud in muds}:
                far.call("channel_join", channel="chat")
                return far
            time.sleep(0.3)
        raise AssertionError("the muds are not on the network")

    def player(self, name):
        return Player(self.game_port, name)

    def knows_far(self, player):
        """Waits until the game's own list of muds is complete: from then on names may be written in any case."""
        deadline = time.time() + 30
        while " 1 muds." not in " " + player.does("i3mudlist Far", " muds."):
            assert time.time() < deadline, "the game does not know Far"
            time.sleep(0.3)
        while "nowhere" not in player.does("i3tell bob@nowhere lost", "nowhere") or "You tell" in player.seen[-1]:
            assert time.time() < deadline, "the list of muds stays incomplete"
            time.sleep(0.5)

    def connected(self, player):
        deadline = time.time() + 20
        while "Connected as Home" not in player.does("i3", "onnected"):
            assert time.time() < deadline, "the game does not reach the gateway"
            time.sleep(0.3)


def is_present(far, *names):
    """Waits until the game has published exactly these players."""
    deadline = time.time() + 20
    while [user["name"] for user in far.call("who", target_mud="Home", wait=True)["users"]] != list(names):
        assert time.time() < deadline, "the presence is another one"
        time.sleep(0.2)


def talk(play, far, ann):
    """Tells and lines, both ways."""
    is_present(far, "Ann")
    assert "result" in far.tell("hi " + CODES)
    ann.wait("Bob@Far tells you: hi " + CODES)
    ann.does("i3reply and hello to you", "You tell Bob@Far: and hello to you")
    got = far.event("tell_received", "and hello to you")
    assert (got["from_user"], got["visname"], got["to_user"].lower()) == ("Ann", "Ann", "bob"), got
    ann.does('i3tell bob@"Far" quoted', "You tell")
    far.event("tell_received", "quoted")
    ann.does("i3emote bob@far waves to you.", "You emote to bob@far")
    far.event("emoteto_received", "waves to you.")
    ann.does("i3beep bob@far", "You beep bob.")
    far.event("beep_received")
    far.call("beep", target_mud="Home", target_user="ann", from_user="Bob")
    ann.wait("Bob@Far beeps you.")
    far.call("emoteto", target_mud="Home", target_user="ann", from_user="Bob", emote="$N bows.")
    assert "Bob bows. (Bob@Far)" in ann.wait("Bob bows.")

    ann.does("i3chat hello all", "Ann@Home: hello all")
    far.event("channel_message", "hello all")
    ann.does("i3chat chat :waves", "Ann waves")
    far.event("channel_emote", "waves")
    far.say("welcome " + CODES)
    line = ann.wait("welcome")
    assert line.endswith("Bob@Far: welcome " + CODES) and "[chat]" in line, line
    far.call("channel_targeted_emote", channel="chat", target_mud="Home", target_user="ann", from_user="Bob",
             message="$N points at $O.", message_target="$N points at you.")
    ann.wait("Bob points at you.")
    if RED:
        ann.send("i3chat it is " + RED)
        assert "RED" in far.event("channel_message", "it is")["message"]
    far.call("channel_send", channel="chat", from_user="Bob", message="so \x1b[31mred\x1b[0m!")
    assert re.search(r"so <.>red<.>!", ann.wait("Bob@Far: so ")), ann.seen[-1]
    ann.does("i3 colour off", "off")
    far.call("channel_send", channel="chat", from_user="Bob", message="no \x1b[31mred\x1b[0m!")
    ann.wait("no red!")
    ann.does("i3 colour on", "on")


def ask(play, far, ann):
    """Who, finger, locate and the lists, both ways."""
    far.publish()
    ann.does("i3who far", "Players on Far:")
    ann.wait("Bob")
    ann.wait("1 player.")
    ann.does("i3finger bob@far", "From Far:")
    ann.wait("the Bold")
    ann.does("i3locate bob", "Bob is on Far")
    ann.does("i3mudlist", "Far")
    ann.wait("muds.")
    ann.does("i3mudlist zzz", "0 muds.")
    ann.does("i3chanlist", "* chat")
    assert far.call("finger", target_mud="Home", target_user="ann", wait=True)["user_info"]["level"] in (7, "7")
    assert "error" in far.tell("hm", "nobody") or far.event("error_occurred", "nobody")["error_code"] == "unk-user"
    for command in ("i3chat", "i3tell", "i3tell bob", "i3finger", "i3beep", "i3who", "i3locate", "i3emote", "i3reply", "i3ignore"):
        ann.send(command)
    ann.does("i3 nonsense", "i3 alone shows")


def switches(play, far, ann):
    """Each player's own switches, and the bans of the staff."""
    ann.does("i3listen chat", "chat is off.")
    far.say("not for Ann")
    ann.never("not for Ann", 1)
    ann.does("i3chat x", "You do not listen to chat")
    ann.does("i3listen", "off  chat")
    ann.does("i3listen chat", "chat is on.")
    ann.does("i3ignore bob@*", "You ignore bob@*.")
    far.tell("ignored tell")
    far.say("ignored line")
    ann.never("ignored", 1)
    ann.does("i3ignore", "bob@*")
    ann.does("i3ignore bob@*", "You ignore bob@* no longer.")
    ann.does("i3ban x@y", "You may not do that.")
    boss = play.player("Boss")
    boss.does("i3ban spam@Nowhere too much", "Done.")
    listed = boss.does("i3ban", "spam@Nowhere")
    boss.does("i3ban " + listed.split()[0], "Done.")
    boss.does("i3ban", "Nobody is banned.")
    boss.does("i3 join code", "The game listens to code.")
    boss.does("i3 leave code", "no longer listens")
    boss.send("quit")
    boss.close()


def gateway_restarts(play, ann):
    """The game comes back by itself, and listens to its channels again."""
    play.stop(play.gateway)
    ann.does("i3tell bob@far lost", "Intermud-3 is away")
    play.start_gateway()
    far = play.far()
    play.connected(ann)
    time.sleep(1)
    far.say("after the restart")
    ann.wait("after the restart")
    far.tell("still there?")
    ann.wait("still there?")
    return far


def sleeps(play, far, ann):
    """Nobody plays, and the engine waits: the game goes on publishing presence, also after the last one has expired."""
    ann.send("quit")
    ann.close()
    # A presence is valid for 30 seconds.
    time.sleep(35 if NAME == "tbamud" else 5)
    assert far.call("who", target_mud="Home", wait=True)["users"] == []
    got = far.tell("for nobody")
    assert "error" in got or far.event("error_occurred", "ann", 10)["error_code"] == "unk-user"


def crashes(play, far):
    """A tell that came while the game was down is kept over two crashes, until its player has seen it, and no longer."""
    ann = play.player("Ann")
    play.connected(ann)
    is_present(far, "Ann")
    play.stop(play.game, signal.SIGKILL)
    ann.close()
    assert "result" in far.tell("kept for Ann")
    far.say("said while you were away")
    time.sleep(1)
    play.start_game()
    boss = play.player("Boss")
    play.connected(boss)
    boss.never("kept for Ann", 4)
    play.stop(play.game, signal.SIGKILL)
    boss.close()
    play.start_game()
    ann = play.player("Ann")
    seen = ann.wait("kept for Ann")
    assert "(earlier) Bob@Far tells you: kept for Ann" in seen, seen
    if not any("said while you were away" in line for line in ann.seen):
        ann.wait("said while you were away")
    ann.does("i3reply got it", "You tell Bob@Far")
    far.event("tell_received", "got it")
    time.sleep(4)  # the acknowledgement
    play.stop(play.game, signal.SIGKILL)
    ann.close()
    play.start_game()
    ann = play.player("Ann")
    play.connected(ann)
    ann.never("kept for Ann", 3)
    ann.does("i3 history chat", "said while you were away")
    ann.close()
    play.stop(play.game)


def main():
    with tempfile.TemporaryDirectory() as folder:
        play = Play(folder)
        try:
            far = play.far()
            ann = play.player("Ann")
            play.connected(ann)
            play.knows_far(ann)
            talk(play, far, ann)
            ask(play, far, ann)
            switches(play, far, ann)
            far = gateway_restarts(play, ann)
            sleeps(play, far, ann)
            crashes(play, far)
            play.stop(play.gateway)
        except BaseException:
            for name in ("game", "gateway", "router"):
                path = "%s/%s.log" % (folder, name)
                if os.path.exists(path):
                    sys.stderr.write("---- %s\n%s\n" % (name, open(path).read()[-3000:]))
            raise
        finally:
            for process in play.started:
                if process.poll() is None:
                    process.kill()
                    process.wait()
        log = open(folder + "/game.log").read()
        assert "ERROR" not in log and "runtime error" not in log, log[-3000:]
    print("%s with %s: ok" % (NAME, os.path.basename(GATEWAY)))


main()
