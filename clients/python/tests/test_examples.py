"""The commands of README.md and the examples, as a user runs them."""

from __future__ import annotations

import http.server
import json
import os
import pathlib
import queue
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from typing import Callable, Dict, Iterator, List

import pytest

from i3_gateway import BlockingClient, GatewayError, TellReceived
from testnet import PEER_KEY, Testnet

HERE = pathlib.Path(__file__).resolve().parents[1]


class Program:
    """A running example, and the lines that it has printed."""

    def __init__(self, command: List[str], environment: Dict[str, str], cwd: pathlib.Path = HERE) -> None:
        self.process = subprocess.Popen(
            command,
            cwd=cwd,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
            # A background job of a shell ignores SIGINT, and passes that on.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )
        self.lines: "queue.Queue[str]" = queue.Queue()
        self.printed: List[str] = []
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.put(line)

    def expect(self, text: str, seconds: float = 90) -> None:
        deadline = time.monotonic() + seconds
        while not self.printed or text not in self.printed[-1]:
            try:
                self.printed.append(self.lines.get(timeout=max(0.01, deadline - time.monotonic())))
            except queue.Empty:
                raise AssertionError(f"{text!r} was not printed, but {''.join(self.printed)!r}") from None

    def type(self, line: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def interrupt(self) -> int:
        """Ctrl-C: the whole group gets the signal. Returns the exit code."""
        os.killpg(self.process.pid, signal.SIGINT)
        code = self.process.wait(60)
        time.sleep(0.1)
        while not self.lines.empty():
            self.printed.append(self.lines.get())
        assert "Traceback" not in "".join(self.printed), "".join(self.printed)
        return code


@pytest.fixture
def run(net: Testnet) -> Iterator[Callable[..., Program]]:
    running: List[Program] = []
    given = {name: str(value) for name, value in net.describe().items() if name.startswith("I3_")}

    def start(*command: str, cwd: pathlib.Path = HERE, **more: str) -> Program:
        running.append(Program(list(command), {**os.environ, **given, **more}, cwd))
        return running[-1]

    yield start
    for program in running:
        if program.process.poll() is None:
            os.killpg(program.process.pid, signal.SIGKILL)
            program.process.wait()


@pytest.fixture
def sage(net: Testnet) -> Iterator[BlockingClient]:
    with BlockingClient(f"tcp://127.0.0.1:{net.peer.tcp_port}", PEER_KEY, echo=False, channels=["chat", "code"]) as client:
        yield client


def until_heard(program: Program, send: Callable[[], object], text: str) -> None:
    """Says something until the program has heard it: it may still be joining."""
    for _ in range(180):
        try:
            send()
            program.expect(text, 0.5)
            return
        except (AssertionError, GatewayError):
            assert program.process.poll() is None, "".join(program.printed)
    program.expect(text, 1)


def blocks(language: str) -> List[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", (HERE / "README.md").read_text(encoding="utf-8"), re.M | re.S)


def test_the_first_command_of_the_readme(
    run: Callable[..., Program], sage: BlockingClient, tmp_path: pathlib.Path, request: pytest.FixtureRequest
) -> None:
    by_url = "threads" in request.node.name  # over TCP with one daemon, over a WebSocket with the other
    folder = tmp_path / "clients" / "python"
    shutil.copytree(HERE, folder, ignore=shutil.ignore_patterns(".*", "dist"))
    more = {"I3_GATEWAY_HOST": "", "I3_GATEWAY_PORT": ""} if by_url else {}
    program = run("sh", "-c", blocks("sh")[0], cwd=folder if by_url else tmp_path, PYTHONPATH="", **more)
    program.expect("connected as Alpha", 300)
    until_heard(program, lambda: sage.channel_send("code", "a line", from_user="Ann"), "[code] Ann@Sage: a line")
    sage.tell("Alpha", "Bob", "a tell", from_user="Ann")
    program.expect("tell Ann@Sage -> bob: a tell")
    program.interrupt()


def test_the_code_of_the_readme_is_short_and_typed(tmp_path: pathlib.Path) -> None:
    (code,) = blocks("python")
    assert len(code.splitlines()) <= 10
    (tmp_path / "block.py").write_text(code, encoding="utf-8")
    checked = subprocess.run([sys.executable, "-m", "mypy", "--strict", "block.py"], cwd=tmp_path, capture_output=True, text=True)
    assert checked.returncode == 0, checked.stdout


def test_the_smallest_game(run: Callable[..., Program], sage: BlockingClient) -> None:
    program = run(sys.executable, "-u", "examples/game.py", "0")
    program.expect("telnet 127.0.0.1")
    port = int(program.printed[-1].split()[-1])
    with socket.create_connection(("127.0.0.1", port), 10) as player:
        player.settimeout(90)
        told = player.makefile("rw", encoding="utf-8", newline="\n")
        told.write("Bob\n")
        told.flush()
        for _ in range(300):  # until the network sees that the player is on
            if [user["name"] for user in sage.who("Alpha", wait=True)["users"]] == ["Bob"]:
                break
            time.sleep(0.2)
        sage.tell("Alpha", "bob", "hello", from_user="Ann")
        assert "Ann@Sage tells you: hello" in told.readline()
        told.write("tell Ann@sage hello back\n")
        told.flush()
        assert "You tell Ann@sage" in told.readline()
        heard = next(event for event in sage.events() if isinstance(event, TellReceived))
        assert (heard.visname, heard.message) == ("Bob", "hello back")
        assert [user["name"] for user in sage.who("Alpha", wait=True)["users"]] == ["Bob"]
        with pytest.raises(GatewayError):
            sage.finger("Alpha", "nobody", wait=True)
    program.interrupt()


def test_the_channel_bot(run: Callable[..., Program], sage: BlockingClient) -> None:
    program = run(sys.executable, "-u", "examples/channel_bot.py")
    program.expect("Clockwork is on chat")
    heard = ""
    deadline = time.monotonic() + 90
    while "muds are on the network" not in heard and time.monotonic() < deadline:
        sage.channel_send("chat", "!muds", from_user="Ann")
        time.sleep(0.5)
        while (event := sage.poll(0.2)) is not None:
            heard += str(event.raw.get("message", ""))
    assert "muds are on the network" in heard
    program.interrupt()


def test_the_relay(run: Callable[..., Program], sage: BlockingClient) -> None:
    posted: "queue.Queue[Dict[str, object]]" = queue.Queue()
    answers = [429, 503]

    class Hook(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            code = answers.pop() if answers else 204
            if code == 204:
                posted.put(body)
            self.send_response(code)
            self.send_header("Retry-After", "0.1")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            pass

    hook = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Hook)
    threading.Thread(target=hook.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{hook.server_address[1]}/hook"
    program = run(sys.executable, "-u", "examples/webhook_relay.py", WEBHOOK_URL=url, RELAY_IGNORE="Bridge@Sage")
    program.expect("relaying chat")
    own = BlockingClient.from_env("own-voice", address=f"tcp://127.0.0.1:{program_port(program)}", api_key="alpha-key-for-tests")
    with own:
        for number in range(180):
            sage.channel_send("chat", f"warm-up {number}", from_user="Ann")
            try:
                posted.get(timeout=0.5)
                break
            except queue.Empty:
                pass
        while not posted.empty():
            posted.get()
        own.channel_send("chat", "of this mud", from_user="Bob")
        sage.channel_send("chat", "of a bridge", from_user="bridge")
        sage.channel_send("chat", "hey @everyone <@123> *now*", from_user="Ann")
        sage.channel_send("chat", "hey @everyone <@123> *now*", from_user="Ann")
        sage.channel_send("chat", "the end", from_user="Ann")
        texts: List[str] = []
        while not texts or "the end" not in texts[-1]:
            body = posted.get(timeout=90)
            assert body["allowed_mentions"] == {"parse": []}
            texts.append(str(body["content"]))
    texts = [text for text in texts if "warm-up" not in text]
    assert len(texts) == 2, texts
    assert "@everyone" not in texts[0] and "<@" not in texts[0] and "everyone" in texts[0] and r"\*now\*" in texts[0]
    program.interrupt()
    hook.shutdown()


def program_port(program: Program) -> str:
    environment = pathlib.Path(f"/proc/{program.process.pid}/environ").read_bytes().split(b"\0")
    return next(entry for entry in environment if entry.startswith(b"I3_GATEWAY_PORT=")).split(b"=")[1].decode()


def test_the_terminal_chat(run: Callable[..., Program], sage: BlockingClient) -> None:
    program = run(sys.executable, "-u", "examples/terminal_chat.py", I3_USER="Bob")
    program.expect("Bob@Alpha")
    until_heard(program, lambda: sage.channel_send("chat", "anybody?", from_user="Ann"), "Ann@Sage: anybody?")
    program.type("/tell Ann@Sage hello")
    heard = next(event for event in sage.events() if isinstance(event, TellReceived))
    assert heard.message == "hello"
    program.type("/who Alpha")
    program.expect("Bob")
    program.type("/quit")
    assert program.process.wait(60) == 0
