"""Starts a router and a gateway on this host, for tests with clients of IRC."""

import os
import socket
import subprocess
import tempfile
import time
import urllib.request

PROGRAMS = os.environ["I3_PROGRAMS"]
DAEMON = os.environ.get("I3_DAEMON", "i3-gateway")
ROUTER = "*private"
SETTINGS = """
mud: {{name: {name}, port: 4000, admin_email: admin@example.org}}
router: {{primary: {{name: "{router}", host: 127.0.0.1, port: {router_port}}}, fallback: []}}
state: {{directory: {directory}/state}}
api:
  websocket: {{port: {http}}}
  tcp: {{port: {lines}}}
  auth: {{enabled: {authenticated}, secret: "{key}"}}
irc: {{host: 127.0.0.1, port: {irc}}}
"""


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def wait_for(is_so, what, seconds=60):
    until = time.time() + seconds
    while time.time() < until:
        try:
            if is_so():
                return
        except OSError:
            pass
        time.sleep(0.05)
    raise SystemExit("irc: waited in vain for " + what)


def is_open(port):
    with socket.create_connection(("127.0.0.1", port), 1):
        return True


class Process:
    """A program with a folder of its own."""

    def __init__(self):
        self.directory = tempfile.mkdtemp(prefix="i3-irc-")
        self.log = open(os.path.join(self.directory, "log"), "wb")

    def start(self, name, *arguments):
        # No setting of this host is for it.
        environment = {"PATH": os.environ["PATH"], "HOME": self.directory}
        self.process = subprocess.Popen(
            [os.path.join(PROGRAMS, name), *arguments],
            cwd=self.directory, env=environment, stdout=self.log, stderr=self.log)

    def stop(self):
        self.process.terminate()
        self.process.wait(15)


class Router(Process):
    def __init__(self, *channels):
        super().__init__()
        self.port = free_port()
        named = [word for channel in channels for word in ("--channel", channel)]
        self.start("i3-router", "--name", ROUTER, "--port", str(self.port), *named)
        wait_for(lambda: is_open(self.port), "the router")


class Gateway(Process):
    def __init__(self, router, name, key="", port=None):
        super().__init__()
        self.key, self.name = key, name
        self.irc, self.http = port or free_port(), free_port()
        with open(os.path.join(self.directory, "config.yaml"), "w") as settings:
            settings.write(SETTINGS.format(
                name=name, router=ROUTER, router_port=router.port, directory=self.directory, http=self.http,
                lines=free_port(), authenticated="true" if key else "false", key=key, irc=self.irc))
        self.start(DAEMON, "--config", "config.yaml")
        wait_for(lambda: is_open(self.irc), "the gateway")
        wait_for(self.is_ready, "the login at the router")

    def is_ready(self):
        try:
            with urllib.request.urlopen("http://127.0.0.1:%d/health/ready" % self.http, timeout=2) as answer:
                return answer.status == 200
        except urllib.error.HTTPError:
            return False
