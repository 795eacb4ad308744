"""Drives real clients of IRC against the gateway: WeeChat and irssi without a screen, and an IRC library.

Each client registers with a key, joins a channel, is told something by the network, says something there, sends a tell and an
emote, and shows what it has got. The other side is a client of the gateway of a second mud."""

import os
import re
import select
import socket
import subprocess
import sys
import threading
import time

import gateway

KEY = "real-clients-key-1"
CHANNEL = "#chat"


class Raw:
    """The other side: a client without a library."""

    def __init__(self, port, nick, key):
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.lines, self.rest = [], b""
        self.send("PASS " + key, "NICK " + nick, "USER %s 0 * :x" % nick)
        self.expect(r" 422 ")
        self.send("JOIN " + CHANNEL)
        self.expect(r" 366 ")

    def send(self, *lines):
        for line in lines:
            self.socket.sendall(line.encode() + b"\r\n")

    def expect(self, pattern, seconds=20):
        until = time.time() + seconds
        while True:
            for at, line in enumerate(self.lines):
                if re.search(pattern, line):
                    del self.lines[: at + 1]
                    return line
            left = until - time.time()
            if left <= 0 or not select.select([self.socket], [], [], left)[0]:
                raise SystemExit("irc: %r did not come; there was:\n%s" % (pattern, "\n".join(self.lines)))
            data = self.socket.recv(65536)
            if not data:
                raise SystemExit("irc: the connection was closed before %r" % pattern)
            *lines, self.rest = (self.rest + data).split(b"\r\n")
            for line in lines:
                line = line.decode()
                if line.startswith("PING"):
                    self.send("PONG x")
                self.lines.append(line)


def converse(other, name, nick, home, say):
    """What happens with each client. `say` lets it do something, by a word."""
    say("join")
    time.sleep(1)
    say("line")
    other.expect(r"^:%s!%s@%s PRIVMSG #chat :hello from %s" % (nick, nick, home, name))
    say("action")
    other.expect(r"^:%s!\S+ PRIVMSG #chat :\x01ACTION waves from %s\x01" % (nick, name))
    say("tell")
    other.expect(r"^:%s!%s@%s PRIVMSG other :a tell from %s" % (nick, nick, home, name))
    other.send("PRIVMSG #chat :line for %s" % name, "PRIVMSG %s@%s :tell for %s" % (nick, home, name),
               "PRIVMSG %s@%s :\x01ACTION nods to %s\x01" % (nick, home, name))


def wait_in(path, *texts):
    def is_there():
        with open(path, errors="replace") as log:
            shown = log.read()
        return all(text in shown for text in texts)
    gateway.wait_for(is_there, "%s in %s" % (texts, path))


def weechat(home, other, folder):
    """WeeChat has a FIFO for commands, and logs what it shows."""
    os.makedirs(folder, exist_ok=True)
    commands = [
        "/set logger.file.path %s/logs" % folder, "/set logger.file.flush_delay 0",
        "/set irc.look.server_buffer independent",
        "/server add i3 127.0.0.1/%d -notls -password=%s -nicks=weech" % (home.irc, KEY), "/connect i3"]
    process = subprocess.Popen(
        ["weechat-headless", "-d", folder, "--stdout"] + [word for one in commands for word in ("-r", one)],
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        env={"PATH": os.environ["PATH"], "HOME": folder, "LANG": "C.UTF-8"})
    try:
        def fifo():
            found = [os.path.join(at, name) for at, _, names in os.walk(folder) for name in names
                     if name.startswith("weechat_fifo")]
            return found[0] if found else None
        gateway.wait_for(fifo, "the FIFO of WeeChat")
        channel, server = "irc.i3.#chat", "irc.server.i3"
        words = {
            "join": "%s */join %s" % (server, CHANNEL),
            "line": "%s *hello from weechat" % channel,
            "action": "%s */me waves from weechat" % channel,
            "tell": "%s */msg other@Elsewhere a tell from weechat" % server,
        }
        time.sleep(2)

        def say(word):
            with open(fifo(), "w") as pipe:
                pipe.write(words[word] + "\n")
        converse(other, "weechat", "weech", home.name, say)
        wait_in(os.path.join(folder, "logs", "irc.i3.#chat.weechatlog"), "other\tline for weechat", "hello from weechat")
        wait_in(os.path.join(folder, "logs", "irc.i3.other.weechatlog"), "tell for weechat", "nods to weechat")
    finally:
        process.terminate()
        process.wait(10)


def irssi(home, other, folder):
    """irssi needs a terminal: a pseudo-terminal is one. What is typed goes to its window."""
    import pty
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, "config"), "w") as settings:
        settings.write(
            'servers = ( { address = "127.0.0.1"; chatnet = "i3"; port = "%d"; password = "%s"; use_tls = "no"; '
            'autoconnect = "yes"; } );\nchatnets = { i3 = { type = "IRC"; nick = "irs"; }; };\n'
            'settings = { core = { real_name = "x"; user_name = "x"; nick = "irs"; }; '
            '"fe-common/core" = { autolog = "yes"; autolog_path = "%s/$0.log"; }; };\n' % (home.irc, KEY, folder))
    master, terminal = pty.openpty()
    process = subprocess.Popen(
        ["irssi", "--home", folder], stdin=terminal, stdout=terminal, stderr=terminal,
        env={"PATH": os.environ["PATH"], "HOME": folder, "TERM": "xterm", "LANG": "C.UTF-8"})
    os.close(terminal)

    def drain():
        try:
            while os.read(master, 65536):
                pass
        except OSError:
            pass
    threading.Thread(target=drain, daemon=True).start()
    try:
        words = {
            "join": "/join %s" % CHANNEL,
            "line": "hello from irssi",
            "action": "/me waves from irssi",
            "tell": "/msg other@Elsewhere a tell from irssi",
        }
        time.sleep(3)
        converse(other, "irssi", "irs", home.name, lambda word: os.write(master, (words[word] + "\r").encode()))
        wait_in(os.path.join(folder, "#chat.log"), "line for irssi", "hello from irssi")
        wait_in(os.path.join(folder, "other.log"), "tell for irssi", "nods to irssi")
    finally:
        process.terminate()
        process.wait(10)
        os.close(master)


def library(home, other):
    """The package irc of PyPI, on which many bots are built."""
    import irc.client
    got = []
    reactor = irc.client.Reactor()
    connection = reactor.server().connect("127.0.0.1", home.irc, "pybot", password=KEY)

    def note(_, event):
        got.append((event.type, str(event.source), event.target, event.arguments))
    for kind in ("pubmsg", "privmsg", "action", "join", "welcome", "featurelist", "namreply", "liststart", "list"):
        connection.add_global_handler(kind, note)

    def until(is_there, what):
        end = time.time() + 20
        while not any(is_there(one) for one in got):
            if time.time() > end:
                raise SystemExit("irc: the library did not see %s, but %s" % (what, got))
            reactor.process_once(0.1)
    until(lambda one: one[0] == "welcome", "the welcome")
    words = {
        "join": lambda: connection.join(CHANNEL),
        "line": lambda: connection.privmsg(CHANNEL, "hello from pybot"),
        "action": lambda: connection.action(CHANNEL, "waves from pybot"),
        "tell": lambda: connection.privmsg("other@Elsewhere", "a tell from pybot"),
    }

    def say(word):
        words[word]()
        for _ in range(5):
            reactor.process_once(0.05)
    converse(other, "pybot", "pybot", home.name, say)
    until(lambda one: one[0] == "pubmsg" and one[1] == "other!other@Elsewhere" and one[3] == ["line for pybot"], "the line")
    until(lambda one: one[0] == "privmsg" and one[2] == "pybot" and one[3] == ["tell for pybot"], "the tell")
    until(lambda one: one[0] == "action" and one[3] == ["nods to pybot"], "the emote")
    connection.list()
    until(lambda one: one[0] == "list" and one[3][0] == CHANNEL, "the list of channels")
    assert connection.features.network == gateway.ROUTER and connection.features.casemapping == "ascii"
    connection.quit("done")


def main():
    folder = os.path.abspath(sys.argv[1])
    router = gateway.Router("chat")
    home = gateway.Gateway(router, "Home", KEY)
    elsewhere = gateway.Gateway(router, "Elsewhere", KEY)
    started = [router, home, elsewhere]
    try:
        # Then a list that lacks a mud or a channel is complete.
        time.sleep(6)
        other = Raw(elsewhere.irc, "other", KEY)
        for name, drive in (
                ("the library irc of PyPI", lambda: library(home, other)),
                ("WeeChat", lambda: weechat(home, other, os.path.join(folder, "weechat"))),
                ("irssi", lambda: irssi(home, other, os.path.join(folder, "irssi")))):
            drive()
            print("irc: %s: registers, joins, speaks, acts, tells and is told" % name, flush=True)
    finally:
        for one in reversed(started):
            one.stop()


main()
