"""Prints every tell and every channel line until Ctrl-C. I3_CHANNELS=chat,code limits it to some channels."""

import asyncio
import logging
import os
import signal

from i3_gateway import (
    ChannelAdded,
    ChannelEmote,
    ChannelMessage,
    ChannelTargetedEmote,
    Connected,
    Disconnected,
    EmotetoReceived,
    GatewayReconnected,
    I3Client,
    I3Error,
    NotAuthenticated,
    TellReceived,
)

WANTED = [name for name in os.environ.get("I3_CHANNELS", "").split(",") if name]


async def join_all(i3: I3Client) -> None:
    """Joins the channels of the network, to listen only."""
    after = None
    while True:
        page = await i3.channel_list(after=after)
        for channel in page["channels"]:
            if channel["name"] not in page["subscribed_channels"]:
                await i3.join(channel["name"], listen_only=True)
        after = page.get("next")
        if after is None:
            return


def say(text: str) -> None:
    print(text, flush=True)


async def listen(i3: I3Client) -> None:
    await i3.join(*WANTED, listen_only=True)
    async for event in i3.events():
        if isinstance(event, (TellReceived, EmotetoReceived)):
            what = "tell" if isinstance(event, TellReceived) else "emote"
            say(f"{what} {event.visname}@{event.from_mud} -> {event.to_user}: {event.message}")
        elif isinstance(event, ChannelMessage):
            say(f"[{event.channel}] {event.visname}@{event.from_mud}: {event.message}")
        elif isinstance(event, (ChannelEmote, ChannelTargetedEmote)):
            say(f"[{event.channel}] {event.message}")
        elif isinstance(event, Connected):
            say(f"-- connected as {event.mud_name}")
        elif isinstance(event, Disconnected):
            say(f"-- {event.reason}")
        if not WANTED and isinstance(event, (Connected, GatewayReconnected, ChannelAdded)):
            try:
                await join_all(i3)
            except I3Error as error:
                say(f"-- {error}")


async def main() -> None:
    i3 = I3Client.from_env("python-listen", text_format="plain")
    i3.start()
    listening = asyncio.ensure_future(listen(i3))
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, listening.cancel)
    try:
        await listening
    except asyncio.CancelledError:
        pass
    except NotAuthenticated as error:
        raise SystemExit(f"{error}: set I3_API_KEY") from None
    finally:
        await i3.close()


logging.basicConfig(level=logging.ERROR)
asyncio.run(main())
