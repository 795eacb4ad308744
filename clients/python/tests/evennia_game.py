"""A real game of Evennia on the network: made, started, played, reloaded and stopped, without anybody at the keyboard.

    python evennia_game.py FOLDER TESTNET      FOLDER is made; TESTNET is the folder of testnet.py; I3_DAEMONS as for the other tests

The interpreter has Evennia and the client installed.
"""

from __future__ import annotations

import os
import pathlib
import signal
import socket
import subprocess
import sys
import time
from typing import Callable, Type

folder = pathlib.Path(sys.argv[1]).absolute()
sys.path.insert(0, str(pathlib.Path(sys.argv[2]).absolute()))

from i3_gateway import BlockingClient, ChannelEmote, ChannelMessage, Event, GatewayError, TellReceived  # noqa: E402
from testnet import PEER_KEY, Testnet, free_port  # noqa: E402

BIN = pathlib.Path(sys.executable).parent
# How long something may take on a busy host.
WAIT_SECONDS = 120.0
PLAYER, PASSWORD = "Bob", "a-long-password-1"


def evennia(*arguments: str, seconds: float = 240) -> str:
    environment = {
        **os.environ,
        "PATH": f"{BIN}:{os.environ['PATH']}",  # Evennia starts twistd
        "EVENNIA_SUPERUSER_USERNAME": PLAYER,
        "EVENNIA_SUPERUSER_EMAIL": "bob@example.com",
        "EVENNIA_SUPERUSER_PASSWORD": PASSWORD,
    }
    cwd = folder if folder.exists() else folder.parent
    done = subprocess.run(
        [str(BIN / "evennia"), *arguments], cwd=cwd, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=seconds
    )
    print(f"evennia {' '.join(arguments)}: {done.returncode}", flush=True)
    if done.returncode:
        raise AssertionError(done.stdout + done.stderr)
    return done.stdout


def start() -> None:
    """Evennia's launcher gives up on a busy host before the Portal is there, with exit code 0; a second start goes on."""
    for _ in range(6):
        told = evennia("start")
        if "Server: RUNNING" in evennia("status"):
            return
        time.sleep(3)
    raise AssertionError(f"Evennia does not start: {told}")


def make(net: Testnet) -> int:
    """The game, with what EVENNIA.md says added. Returns its telnet port."""
    evennia("--init", folder.name)
    telnet = free_port()
    with open(folder / "server/conf/settings.py", "a", encoding="utf-8") as file:
        file.write(
            f"""
TELNET_PORTS = [{telnet}]
TELNET_INTERFACES = ["127.0.0.1"]
WEBSERVER_ENABLED = False
WEBCLIENT_ENABLED = False
AMP_PORT = {free_port()}
GAME_INDEX_ENABLED = False
I3_ADDRESS = "tcp://127.0.0.1:{net.gateway.tcp_port}"
I3_CHANNELS = {{"Public": "chat"}}
"""
        )
    with open(folder / "server/conf/secret_settings.py", "a", encoding="utf-8") as file:
        file.write('\nI3_API_KEY = "alpha-key-for-tests"\n')
    startstop = folder / "server/conf/at_server_startstop.py"
    text = startstop.read_text(encoding="utf-8")
    head, marker, tail = text.partition("def at_server_start():")
    assert marker and "pass" in tail
    tail = tail.replace("pass", "from i3_gateway.evennia import at_server_start\n\n    at_server_start()", 1)
    startstop.write_text(head + marker + tail, encoding="utf-8")
    cmdsets = folder / "commands/default_cmdsets.py"
    text = cmdsets.read_text(encoding="utf-8")
    head, marker, tail = text.partition("class AccountCmdSet")
    line = "super().at_cmdset_creation()"
    assert marker and line in tail
    tail = tail.replace(line, f"{line}\n        from i3_gateway.evennia.commands import I3CmdSet\n\n        self.add(I3CmdSet)", 1)
    cmdsets.write_text(head + marker + tail, encoding="utf-8")
    evennia("migrate")
    return telnet


class Player:
    """A telnet connection to the game."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), 30)
        self.socket.settimeout(1)
        self.seen = ""

    def type(self, line: str) -> None:
        self.socket.sendall(line.encode() + b"\r\n")

    def sees(self, text: str, seconds: float = WAIT_SECONDS) -> None:
        deadline = time.monotonic() + seconds
        while text not in self.seen:
            assert time.monotonic() < deadline, f"{text!r} is not shown, but:\n{self.seen}"
            try:
                self.seen += self.socket.recv(65536).decode("utf-8", "replace")
            except socket.timeout:
                pass
        self.seen = self.seen.partition(text)[2]


def hears(sage: BlockingClient, kind: Type[Event], text: str, seconds: float = WAIT_SECONDS) -> Event:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        event = sage.poll(1)
        if isinstance(event, kind) and text in str(event.raw.get("message", "")):
            return event
    raise AssertionError(f"{text!r} did not arrive")


def until(what: str, test: Callable[[], bool], seconds: float = WAIT_SECONDS) -> None:
    deadline = time.monotonic() + seconds
    while not test():
        assert time.monotonic() < deadline, what
        time.sleep(0.5)


def on(sage: BlockingClient) -> bool:
    """Whether the network sees the player."""
    try:
        return PLAYER in [user["name"] for user in sage.who("Alpha", wait=True, timeout=2)["users"]]
    except GatewayError:
        return False


def play(net: Testnet, sage: BlockingClient, port: int) -> None:
    bob = Player(port)
    bob.type(f"connect {PLAYER} {PASSWORD}")
    until("the network sees who is on", lambda: on(sage))
    print("who: the player is seen", flush=True)

    bob.type("public Hello |rnetwork|n!")
    line = hears(sage, ChannelMessage, "Hello network!")
    assert line.raw["visname"] == PLAYER, line
    bob.type("public :grins.")
    hears(sage, ChannelEmote, "grins.")
    sage.channel_send("chat", "and back |rred", from_user="Ann")
    bob.sees("Ann@Sage: and back |rred")
    print("channel: both ways", flush=True)

    sage.tell("Alpha", PLAYER.lower(), "psst", from_user="Ann")
    bob.sees("Ann@Sage")
    bob.sees("psst")
    bob.type("i3reply yes?")
    assert hears(sage, TellReceived, "yes?").raw["to_user"] == "ann"
    bob.type("i3tell ann@sage = one more")
    hears(sage, TellReceived, "one more")
    bob.type("i3tell ann@nowhere-at-all = lost")
    bob.sees("Intermud-3:")
    sage.presence_sync([{"name": "Ann"}])
    bob.type("i3who sage")
    bob.sees("Sage: 1 on")
    bob.sees("Ann")
    bob.type("i3channels")
    bob.sees("chat (*net) *")
    print("tells, who: both ways", flush=True)

    evennia("reload")
    for number in range(6):  # some of them come while the Server is away
        sage.tell("Alpha", PLAYER.lower(), f"during the reload {number}", from_user="Ann")
        time.sleep(0.3)
    for number in range(6):
        bob.sees(f"during the reload {number}")
    bob.type("public Here again.")
    hears(sage, ChannelMessage, "Here again.")
    sessions = [one for one in sage_sessions(net) if one.get("client") == "evennia" or one.get("role") == "game"]
    assert len(sessions) == 1, sessions
    print("reload: nothing is lost, and there is one session", flush=True)

    net.kill()
    time.sleep(1)
    bob.type("public Nobody hears this.")
    bob.sees("Intermud-3:")
    net.start()
    until("the network sees who is on", lambda: on(sage))
    sage.tell("Alpha", PLAYER.lower(), "after the restart", from_user="Ann")
    bob.sees("after the restart")
    print("a killed gateway: the game goes on", flush=True)


def sage_sessions(net: Testnet) -> "list[dict[str, object]]":
    with BlockingClient(f"tcp://127.0.0.1:{net.gateway.tcp_port}", "alpha-key-for-tests", role="observer") as observer:
        return [dict(session) for session in observer.sessions()["sessions"]]


def main() -> None:
    # Whoever ends this test ends the game and the network too.
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(1))
    net = Testnet(os.environ["I3_DAEMONS"], "i3-gateway")
    try:
        port = make(net)
        start()
        try:
            with BlockingClient(f"tcp://127.0.0.1:{net.peer.tcp_port}", PEER_KEY, channels=["chat"], echo=False) as sage:
                play(net, sage, port)
        except BaseException:
            for log in sorted((folder / "server/logs").glob("*.log")):
                print(f"== {log.name}\n{log.read_text(encoding='utf-8')[-4000:]}", flush=True)
            raise
        finally:
            evennia("stop")
    finally:
        net.close()


main()
