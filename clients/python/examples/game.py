"""The smallest game: players connect with telnet, give a name, and talk to the network.

    python examples/game.py 4000        then: telnet 127.0.0.1 4000

Commands: gossip TEXT, tell USER@MUD TEXT, who MUD, quit.
"""

import asyncio
import sys
from typing import Dict, Optional

from i3_gateway import ChannelMessage, Event, I3Client, I3Error, TellReceived

CHANNEL = "chat"


class Game:
    def __init__(self, i3: I3Client) -> None:
        self.i3 = i3
        self.players: Dict[str, asyncio.StreamWriter] = {}

    def show(self, text: str, player: Optional[str] = None) -> None:
        for name, writer in self.players.items():
            if player is None or name.lower() == player.lower():
                writer.write(f"{text}\r\n".encode())

    async def network(self) -> None:
        async for event in self.i3.events():
            self.heard(event)

    def heard(self, event: Event) -> None:
        if isinstance(event, TellReceived):
            self.show(f"{event.visname}@{event.from_mud} tells you: {event.message}", event.to_user)
        elif isinstance(event, ChannelMessage):
            self.show(f"[{event.channel}] {event.visname}@{event.from_mud}: {event.message}")

    async def command(self, player: str, line: str) -> None:
        word, _, rest = line.partition(" ")
        try:
            if word == "gossip" and rest:
                await self.i3.channel_send(CHANNEL, rest, from_user=player)
            elif word == "tell" and "@" in rest:
                user, _, mud_and_text = rest.partition("@")
                mud, _, text = mud_and_text.partition(" ")  # of a mud's name the first word is enough
                await self.i3.tell(mud, user, text, from_user=player)
                self.show(f"You tell {user}@{mud}: {text}", player)
            elif word == "who" and rest:
                answer = await self.i3.who(rest, from_user=player, wait=True)
                self.show("\r\n".join(user["name"] for user in answer["users"]) or "Nobody is on.", player)
            else:
                self.show("gossip TEXT, tell USER@MUD TEXT, who MUD, quit", player)
        except I3Error as error:
            self.show(str(error), player)

    async def play(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await self.talk(reader, writer)
        except (asyncio.CancelledError, ConnectionError):
            pass  # the game ends, or the player's connection does
        finally:
            writer.close()

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"Your name? ")
        name = (await reader.readline()).decode("utf-8", "replace").strip()
        if name and name not in self.players:
            self.players[name] = writer
            self.i3.set_presence(self.players)  # who is on: for who, finger and tells
            try:
                while (line := (await reader.readline()).decode("utf-8", "replace")) and line.strip() != "quit":
                    await self.command(name, line.strip())
            finally:
                del self.players[name]
                self.i3.set_presence(self.players)


async def main() -> None:
    async with I3Client.from_env("smallest-game", channels=[CHANNEL], text_format="plain") as i3:
        game = Game(i3)
        i3.set_presence([])
        server = await asyncio.start_server(game.play, "127.0.0.1", int(sys.argv[1]) if len(sys.argv) > 1 else 4000)
        host, port = server.sockets[0].getsockname()[:2]
        print(f"telnet {host} {port}", flush=True)
        await game.network()


try:
    asyncio.run(main())
except KeyboardInterrupt:
    pass
