"""The network that the page is tested on: a router, a gateway, and a mud whose people say anything."""

import json
import os
import pathlib
import signal
import socket
import struct
import subprocess
import threading
import time
import urllib.request


# Seconds that something may take on a busy machine.
PATIENCE = 60


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def wait_until(what, is_true, seconds=PATIENCE):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if is_true():
            return
        time.sleep(0.05)
    raise AssertionError(f"not within {seconds} s: {what}")


def lpc(value):
    """Writes a value as a mud does."""
    if isinstance(value, list):
        return "({" + "".join(lpc(one) + "," for one in value) + "})"
    if isinstance(value, dict):
        return "([" + "".join(f"{lpc(key)}:{lpc(one)}," for key, one in value.items()) + "])"
    if isinstance(value, str):
        escaped = value.replace("\\", "\\\\").replace('"', '\\"')
        return '"' + escaped.replace("\n", "\\n").replace("\r", "\\r") + '"'
    return str(value)


def read_lpc(text, at=0):
    """Reads a value; returns it and the place behind it."""
    if text.startswith("({", at):
        at, found = at + 2, []
        while not text.startswith("})", at):
            value, at = read_lpc(text, at)
            found.append(value)
            at += text[at] == ","
        return found, at + 2
    if text.startswith("([", at):
        at, found = at + 2, {}
        while not text.startswith("])", at):
            key, at = read_lpc(text, at)
            value, at = read_lpc(text, at + 1)
            found[str(key)] = value
            at += text[at] == ","
        return found, at + 2
    if text[at] == '"':
        out, at = "", at + 1
        while text[at] != '"':
            if text[at] == "\\":
                at += 1
                out += {"n": "\n", "r": "\r"}.get(text[at], text[at])
            else:
                out += text[at]
            at += 1
        return out, at + 1
    end = at
    while text[end] in "-0123456789.":
        end += 1
    return int(float(text[at:end])), end


class Program:
    """A program that this test has started."""

    def __init__(self, arguments, folder, log):
        self.log = open(folder / log, "ab")
        self.process = subprocess.Popen(arguments, cwd=folder, stdout=self.log, stderr=self.log, env={"PATH": os.environ["PATH"]})

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(12)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.log.close()


class Router(Program):
    def __init__(self, programs, folder):
        self.port = free_port()
        # The published specification has no flood control: the tests send more than ten packets a second.
        arguments = [programs / "i3-router", "--name", "*net", "--port", str(self.port), "--dialect", "spec", "--channel", "gossip", "--channel", "code"]
        super().__init__(arguments, folder, "router.log")
        wait_until("the router listens", lambda: can_connect(self.port))


def can_connect(port):
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
        return True
    except OSError:
        return False


class Gateway:
    """A gateway with a key for everything, and one for reading."""

    KEY = "a-key-for-everything"
    READER = "a-key-for-reading"

    def __init__(self, programs, daemon, folder, router_port, **more):
        self.programs, self.daemon, self.folder = programs, daemon, folder
        self.port, self.lines = free_port(), free_port()
        router = {"primary": {"name": "*net", "host": "127.0.0.1", "port": router_port},
                  "fallback": [{"name": "*spare", "host": "127.0.0.1", "port": 1}]}
        self.settings = {
            "mud": {"name": "Alpha", "port": 4000, "status": "open for testing"},
            "muds": [{"name": "Beta", "port": 4001, "router": router}],
            "router": router,
            "api": {
                "websocket": {"host": "127.0.0.1", "port": self.port},
                "tcp": {"host": "127.0.0.1", "port": self.lines},
                "auth": {"secret": self.KEY, "api_keys": [{"key": self.READER, "mud_name": "Alpha", "permissions": ["info", "channel"]}]},
                "rate_limits": {"default": {"per_minute": 100000, "burst": 10000}},
            },
            "history": {"max_lines": 1000},
            # A channel that is joined brings only its history.
            "events": {"keep": {"channels": 1}},
            "state": {"directory": str(folder / "state")},
            **more,
        }
        self.start()

    def start(self):
        file = self.folder / "config.yaml"
        file.write_text(json.dumps(self.settings))
        file.chmod(0o600)
        self.program = Program([self.programs / self.daemon, "-c", file], self.folder, "gateway.log")
        wait_until("the gateway is ready", lambda: self.health() == 200)

    def health(self):
        try:
            return urllib.request.urlopen(f"http://127.0.0.1:{self.port}/health/ready", timeout=2).status
        except OSError:
            return None

    def stop(self):
        self.program.stop()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}/"


class Lines:
    """A game's connection to the gateway, over TCP."""

    def __init__(self, port, key, **more):
        self.socket = socket.create_connection(("127.0.0.1", port), 10)
        self.file = self.socket.makefile("r", encoding="utf-8")
        self.file.readline()
        self.last = 0
        self.call("authenticate", api_key=key, **more)

    def call(self, method, **params):
        self.last += 1
        message = {"jsonrpc": "2.0", "id": self.last, "method": method, "params": params}
        self.socket.sendall((json.dumps(message) + "\n").encode())
        while True:
            answer = json.loads(self.file.readline())
            if answer.get("id") == self.last:
                return answer.get("result", answer.get("error"))

    def close(self):
        self.socket.close()


class Mud:
    """A mud on the network. It answers questions, and says what it is told to say."""

    def __init__(self, router_port, name, users=("bob",), open_status="open"):
        self.name, self.users, self.seen = name, list(users), []
        self.lock = threading.Lock()
        self.socket = socket.create_connection(("127.0.0.1", router_port), 10)
        self.socket.settimeout(None)
        services = {"tell": 1, "emoteto": 1, "channel": 1, "who": 1, "finger": 1, "locate": 1}
        self.send(["startup-req-3", 5, name, 0, "*net", 0, 0, 0, 0, 4000, 0, 0, "lib", "lib", "driver", "LP", open_status, "a@b.example", services, 0])
        threading.Thread(target=self.run, daemon=True).start()
        wait_until(f"{name} is logged in", lambda: any(packet[0] == "startup-reply" for packet in self.seen))

    def send(self, packet):
        text = lpc(packet).encode() + b"\0"
        with self.lock:
            self.socket.sendall(struct.pack(">I", len(text)) + text)

    def run(self):
        buffer = b""
        try:
            while True:
                more = self.socket.recv(65536)
                if not more:
                    return
                buffer += more
                while len(buffer) >= 4 and len(buffer) >= 4 + struct.unpack(">I", buffer[:4])[0]:
                    length = struct.unpack(">I", buffer[:4])[0]
                    text, buffer = buffer[4:4 + length], buffer[4 + length:]
                    packet, _ = read_lpc(text.rstrip(b"\0").decode("utf-8", "replace"))
                    self.seen.append(packet)
                    self.answer(packet)
        except OSError:
            return

    def answer(self, packet):
        kind, asker, user = packet[0], packet[2], packet[3]
        def head(name):
            return [name, 5, self.name, 0, asker, user]
        if kind == "who-req":
            self.send([*head("who-reply"), [[one, 5, f"{one} the Tester"] for one in self.users]])
        elif kind == "finger-req":
            self.send([*head("finger-reply"), packet[6], "the Tester", "", "", "", 30, "", "7", "Says <b>anything</b>."])
        elif kind == "locate-req" and packet[6].lower() in [one.lower() for one in self.users]:
            self.send([*head("locate-reply"), self.name, packet[6], 30, ""])
        elif kind == "chan-who-req":
            self.send([*head("chan-who-reply"), packet[6], self.users])

    def listen(self, channel):
        self.send(["channel-listen", 5, self.name, 0, "*net", 0, channel, 1])

    def say(self, channel, text, user="bob", visname=None):
        self.send(["channel-m", 5, self.name, user, 0, 0, channel, visname or user.capitalize(), text])

    def emote(self, channel, text, user="bob"):
        self.send(["channel-e", 5, self.name, user, 0, 0, channel, user.capitalize(), text])

    def tell(self, mud, to, text, user="bob", visname=None):
        self.send(["tell", 5, self.name, user, mud, to, visname or user.capitalize(), text])

    def got(self, kind, text):
        return any(packet[0] == kind and text in packet for packet in self.seen)

    def close(self):
        self.socket.close()


def programs(argument):
    return pathlib.Path(argument).resolve()
