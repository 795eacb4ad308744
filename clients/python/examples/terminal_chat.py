"""A chat in the terminal. Type a line to say it on the first channel of I3_CHANNELS (default: chat), or a command:

/join CHANNEL   /leave CHANNEL   /on CHANNEL TEXT   /tell USER@MUD TEXT   /who MUD   /muds   /quit
"""

import getpass
import os
import sys
import threading

from i3_gateway import BlockingClient, ChannelEmote, ChannelMessage, Disconnected, ErrorOccurred, Event, I3Error, TellReceived

CHANNELS = os.environ.get("I3_CHANNELS", "chat").split(",")
ME = os.environ.get("I3_USER") or getpass.getuser()


def show(event: Event) -> None:
    if isinstance(event, ChannelMessage):
        print(f"[{event.channel}] {event.visname}@{event.from_mud}: {event.message}", flush=True)
    elif isinstance(event, ChannelEmote):
        print(f"[{event.channel}] {event.message}", flush=True)
    elif isinstance(event, TellReceived):
        print(f"{event.visname}@{event.from_mud} tells {event.to_user}: {event.message}", flush=True)
    elif isinstance(event, ErrorOccurred):
        print(f"-- {event.error_message}", flush=True)
    elif isinstance(event, Disconnected):
        print(f"-- {event.reason}", flush=True)


def listen(i3: BlockingClient) -> None:
    for event in i3.events():
        show(event)


def obey(i3: BlockingClient, line: str) -> None:
    word, _, rest = line.partition(" ")
    first, _, text = rest.partition(" ")
    if not line.startswith("/"):
        i3.channel_send(CHANNELS[0], line, from_user=ME)
    elif word == "/join":
        i3.join(first)
    elif word == "/leave":
        i3.leave(first)
    elif word == "/on":
        i3.channel_send(first, text, from_user=ME)
    elif word == "/tell":
        user, _, mud = first.partition("@")
        i3.tell(mud, user, text, from_user=ME)
    elif word == "/who":
        print(", ".join(user["name"] for user in i3.who(rest, from_user=ME, wait=True)["users"]) or "nobody", flush=True)
    elif word == "/muds":
        print(", ".join(mud["name"] for mud in i3.mudlist(filter={"status": "up"})["muds"]), flush=True)
    else:
        print(__doc__, flush=True)


def main() -> None:
    with BlockingClient.from_env("terminal-chat", channels=CHANNELS, text_format="ansi") as i3:
        i3.set_presence([ME])
        print(f"-- {ME}@{i3.mud_name}; /quit or Ctrl-D ends it", flush=True)
        threading.Thread(target=listen, args=(i3,), daemon=True).start()
        for line in sys.stdin:
            if line.strip() == "/quit":
                break
            try:
                if line.strip():
                    obey(i3, line.strip())
            except I3Error as error:
                print(f"-- {error}", flush=True)


try:
    main()
except KeyboardInterrupt:
    pass
