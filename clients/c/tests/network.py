"""A router, a gateway with the muds Home and Far, and those who talk through them: for the tests of clients/c."""
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time


# Whoever ends the test ends what it has started too.
signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(1))


# Seconds that something may take on a busy machine.
PATIENCE = 90


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


class Lines:
    """A connection that is read line by line."""

    def __init__(self, port, charset="utf-8"):
        self.charset = charset
        deadline = time.time() + PATIENCE
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
        self.socket.sendall(text.encode(self.charset) + b"\n")

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
        return line.decode(self.charset).rstrip("\r")

    def close(self):
        self.socket.close()


class Player(Lines):
    """Somebody who plays the game."""

    def __init__(self, port, name, charset="utf-8"):
        super().__init__(port, charset)
        self.send(name)
        self.wait("Welcome.")

    def wait(self, text, seconds=PATIENCE):
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
        deadline = time.time() + PATIENCE
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

    def event(self, name, text="", seconds=PATIENCE):
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


class Network:
    """A router and a gateway in a folder of their own, and whatever else was started. All of it ends with the block."""

    def __init__(self, router, gateway):
        self.gateway_program = gateway
        self.directory = tempfile.TemporaryDirectory()
        self.folder = self.directory.name
        self.port = free_port()
        self.started = []
        router_port = free_port()
        self.start("router", [router, "--name", "*test", "--port", str(router_port), "--state", self.folder + "/router"])
        with open(self.folder + "/config.yaml", "w") as file:
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
""" % (router_port, free_port(), self.port, self.folder))
        self.start_gateway()

    def __enter__(self):
        return self

    def __exit__(self, kind, value, traceback):
        if kind:
            for name in sorted(os.listdir(self.folder)):
                if name.endswith(".log"):
                    with open("%s/%s" % (self.folder, name)) as log:
                        sys.stderr.write("---- %s\n%s\n" % (name, log.read()[-3000:]))
        for process in self.started:
            if process.poll() is None:
                process.kill()
                process.wait()
            if process.stdout:
                process.stdout.close()
        self.directory.cleanup()

    def start(self, name, command, **how):
        """Starts a program. What it prints goes to NAME.log, or is read from its stdout with stdout=PIPE."""
        with open("%s/%s.log" % (self.folder, name), "a") as log:
            process = subprocess.Popen(command, **{"cwd": self.folder, "stdout": log, "stderr": log, **how})
        self.started.append(process)
        return process

    def start_gateway(self):
        self.gateway = self.start("gateway", [self.gateway_program, "-c", self.folder + "/config.yaml"])

    def stop(self, process, number=signal.SIGTERM):
        process.send_signal(number)
        code = process.wait(PATIENCE)
        assert code == (-number if number == signal.SIGKILL else 0), "ended with %d" % code

    def far(self):
        """Far, once both muds are on the network."""
        far = Far(self.port)
        deadline = time.time() + PATIENCE
        while time.time() < deadline:
            muds = far.call("mudlist", filter={"status": "up"})["muds"]
            if far.call("status")["connected"] and {"Home", "Far"} <= {mud["name"] for mud in muds}:
                far.call("channel_join", channel="chat")
                return far
            time.sleep(0.3)
        raise AssertionError("the muds are not on the network")
