"""A bot on channels: it answers `!time`, `!muds` and `!seen NAME`. I3_CHANNELS names its channels (default: chat)."""

import os
import time
from typing import Dict

from i3_gateway import BlockingClient, ChannelMessage, I3Error

CHANNELS = os.environ.get("I3_CHANNELS", "chat").split(",")
NAME = "Clockwork"


def answer(i3: BlockingClient, line: ChannelMessage, seen: Dict[str, str]) -> str:
    word, _, rest = line.message.strip().partition(" ")
    if word == "!time":
        return time.strftime("It is %H:%M:%S UTC.", time.gmtime())
    if word == "!muds":
        return f"{i3.stats()['online_muds']} muds are on the network."
    if word == "!seen" and rest:
        return seen.get(rest.lower(), f"I have not seen {rest}.")
    return ""


def main() -> None:
    seen: Dict[str, str] = {}
    # echo=False: the bot does not hear itself.
    with BlockingClient.from_env("channel-bot", channels=CHANNELS, text_format="plain", echo=False) as i3:
        print(f"{NAME} is on {', '.join(CHANNELS)}", flush=True)
        for event in i3.events():
            # A replayed line is old: nobody waits for its answer.
            if not isinstance(event, ChannelMessage) or event.replay:
                continue
            try:
                text = answer(i3, event, seen)
                if text:
                    i3.channel_send(event.channel, text, from_user=NAME)
            except I3Error as error:
                print(f"no answer to {event.visname}@{event.from_mud}: {error}", flush=True)
            seen[event.from_user.lower()] = f"{event.visname}@{event.from_mud} spoke at {event.timestamp}."


try:
    main()
except KeyboardInterrupt:
    pass
