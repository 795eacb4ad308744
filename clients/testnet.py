#!/usr/bin/env python3
"""A network on this host for the tests of the clients: a router, the gateway under test, and the gateway of another mud.

    python3 testnet.py DAEMONS NAME

DAEMONS is the folder with i3-gateway, i3-gateway-threads and i3-router; NAME is the daemon under test. Prints one JSON line
with the addresses and keys, then obeys one command a line (kill, start, stop, end) and answers each with a JSON line. As a
module, `Testnet` is the same for Python. Everything listens on 127.0.0.1 at free ports.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from typing import Any, Dict, List, Optional

MUD, PEER = "Alpha", "Sage"
KEY, WEAK_KEY, PEER_KEY = "alpha-key-for-tests", "alpha-key-to-read", "sage-key-for-tests"
START_SECONDS = 90.0
STOP_SECONDS = 60.0


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Daemon:
    """One gateway: its settings, and its process while it runs."""

    def __init__(self, folder: str, program: str, mud: str, keys: List[Dict[str, Any]], router_port: int) -> None:
        self.folder, self.program, self.mud = folder, program, mud
        self.ws_port, self.tcp_port = free_port(), free_port()
        self.process: Optional[subprocess.Popen[bytes]] = None
        os.makedirs(folder)
        settings = {
            "mud": {"name": mud, "services": {"tell": 1, "channel": 1, "who": 1, "finger": 1, "locate": 1, "emoteto": 1}},
            "router": {
                "primary": {"name": "*net", "host": "127.0.0.1", "port": router_port},
                "pacing": {"enabled": False},
            },
            "api": {
                "websocket": {"host": "127.0.0.1", "port": self.ws_port},
                "tcp": {"host": "127.0.0.1", "port": self.tcp_port},
                "auth": {"api_keys": keys},
            },
            "state": {"directory": os.path.join(folder, "state")},
        }
        with open(os.path.join(folder, "config.yaml"), "w", encoding="utf-8") as file:
            json.dump(settings, file)  # JSON is YAML

    def start(self) -> None:
        environment = {name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR") if name in os.environ}
        with open(os.path.join(self.folder, "log"), "ab") as log:
            self.process = subprocess.Popen(
                [self.program, "-c", "config.yaml"],
                cwd=self.folder,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        deadline = time.monotonic() + START_SECONDS
        while not self.ready():
            if self.process.poll() is not None or time.monotonic() > deadline:
                with open(os.path.join(self.folder, "log"), encoding="utf-8", errors="replace") as log_text:
                    raise RuntimeError(f"{self.program} did not start:\n{log_text.read()[-3000:]}")
            time.sleep(0.05)

    def ready(self) -> bool:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.ws_port}/health/ready", timeout=2) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False

    def end(self, how: int) -> None:
        if self.process is not None:
            self.process.send_signal(how)
            self.process.wait(STOP_SECONDS)
            self.process = None


class Testnet:
    """A router with the channels chat and code, the gateway of Alpha (under test), and the gateway of Sage."""

    __test__ = False  # not a test, whatever its name looks like

    def __init__(self, daemons: str, name: str) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="i3-testnet-")
        self._router: Optional[subprocess.Popen[bytes]] = None
        folder = self._folder.name
        router_port = free_port()
        program = os.path.join(daemons, name)
        keys: List[Dict[str, Any]] = [
            {"key": KEY, "mud_name": MUD, "permissions": ["*"], "rate_limit_override": 100000},
            {"key": WEAK_KEY, "mud_name": MUD, "permissions": ["info"]},
        ]
        peer_keys: List[Dict[str, Any]] = [{"key": PEER_KEY, "mud_name": PEER, "permissions": ["*"], "rate_limit_override": 100000}]
        self.gateway = Daemon(os.path.join(folder, "alpha"), program, MUD, keys, router_port)
        self.peer = Daemon(os.path.join(folder, "sage"), os.path.join(daemons, "i3-gateway"), PEER, peer_keys, router_port)
        try:
            with open(os.path.join(folder, "router.log"), "wb") as log:
                self._router = subprocess.Popen(
                    [os.path.join(daemons, "i3-router"), "--name", "*net", "--port", str(router_port), "--dialect", "spec"]
                    + ["--channel", "chat", "--channel", "code", "--state", os.path.join(folder, "router")],
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                )
            self.gateway.start()
            self.peer.start()
        except BaseException:
            self.close()
            raise

    def describe(self) -> Dict[str, Any]:
        """Everything that a test needs to connect, as environment variables and plain values."""
        return {
            "I3_GATEWAY_URL": f"ws://127.0.0.1:{self.gateway.ws_port}/ws",
            "I3_GATEWAY_HOST": "127.0.0.1",
            "I3_GATEWAY_PORT": str(self.gateway.tcp_port),
            "I3_API_KEY": KEY,
            "I3_MUD_NAME": MUD,
            "weak_key": WEAK_KEY,
            "peer_port": self.peer.tcp_port,
            "peer_key": PEER_KEY,
            "peer_mud": PEER,
        }

    def kill(self) -> None:
        """Ends the gateway under test without any warning."""
        self.gateway.end(signal.SIGKILL)

    def stop(self) -> None:
        """Ends the gateway under test as an operator would."""
        self.gateway.end(signal.SIGTERM)

    def start(self) -> None:
        self.gateway.start()

    def close(self) -> None:
        for daemon in (self.gateway, self.peer):
            try:
                daemon.end(signal.SIGTERM)
            except subprocess.TimeoutExpired:
                daemon.end(signal.SIGKILL)
        if self._router is not None:
            self._router.kill()
            self._router.wait()
        self._folder.cleanup()


def main() -> None:
    net = Testnet(sys.argv[1], sys.argv[2])
    try:
        print(json.dumps(net.describe()), flush=True)
        for line in sys.stdin:
            command = line.strip()
            if command == "end":
                break
            {"kill": net.kill, "stop": net.stop, "start": net.start}[command]()
            print(json.dumps({"done": command}), flush=True)
    finally:
        net.close()


if __name__ == "__main__":
    main()
