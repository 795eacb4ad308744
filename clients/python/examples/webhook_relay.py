"""Relays channels to a webhook that takes {"content": …} as Discord's do, or {"text": …} as Slack's and Mattermost's do.

    WEBHOOK_URL=https://… python examples/webhook_relay.py

I3_CHANNELS names the channels (default: chat), WEBHOOK_FIELD the member for the text (default: content).

- Loop guard: lines of this mud are not relayed (echo=False, and its name is compared), nor are lines of users in RELAY_IGNORE
  ("name@mud,…": other bridges), nor a text that the relay has sent in the last ten seconds.
- Mentions are harmless: @everyone, <@id> and <!channel> arrive as plain text, and Discord is told to notify nobody.
- A line counts as handled when the webhook has taken it; what came while the relay was down is sent when it is back.
"""

import json
import os
import re
import time
import urllib.error
import urllib.request
from collections import deque
from typing import Deque, Optional, Tuple, Union

from i3_gateway import BlockingClient, ChannelEmote, ChannelMessage

URL = os.environ.get("WEBHOOK_URL", "")
FIELD = os.environ.get("WEBHOOK_FIELD", "content")
CHANNELS = os.environ.get("I3_CHANNELS", "chat").split(",")
IGNORED = {name.strip().lower() for name in os.environ.get("RELAY_IGNORE", "").split(",") if name.strip()}
TEXT_CHARACTERS_MAX = 1900  # Discord takes 2,000
REPEAT_SECONDS = 10.0
TRIES = 5


def harmless(text: str) -> str:
    """The text without anything that would notify or format: a zero-width space behind each @ and <."""
    return re.sub(r"([\\*_~`|\[\]])", r"\\\1", re.sub(r"([@<])", "\\1\u200b", text))[:TEXT_CHARACTERS_MAX]


class LoopGuard:
    """Knows what was relayed a moment ago."""

    def __init__(self) -> None:
        self._recent: Deque[Tuple[float, str]] = deque(maxlen=200)

    def stops(self, line: Union[ChannelMessage, ChannelEmote], mud_name: Optional[str]) -> bool:
        if line.own or line.from_mud == mud_name or f"{line.from_user}@{line.from_mud}".lower() in IGNORED:
            return True
        now = time.monotonic()
        repeated = any(now - when < REPEAT_SECONDS and text == line.message for when, text in self._recent)
        self._recent.append((now, line.message))
        return repeated


def post(text: str) -> None:
    """Sends one text, and waits as long as the webhook asks for."""
    body = json.dumps({FIELD: text, "allowed_mentions": {"parse": []}}).encode()
    request = urllib.request.Request(URL, body, {"Content-Type": "application/json", "User-Agent": "i3-relay/1"})
    for attempt in range(TRIES):
        try:
            with urllib.request.urlopen(request, timeout=20):
                return
        except urllib.error.HTTPError as refused:
            if refused.code != 429 and refused.code < 500:
                print(f"the webhook refuses a line: {refused}", flush=True)
                return
            wait = float(refused.headers.get("Retry-After") or 2**attempt)
        except OSError as failed:
            print(f"the webhook cannot be reached: {failed}", flush=True)
            wait = 2.0**attempt
        time.sleep(min(wait, 60.0))
    raise SystemExit("the webhook does not answer; what it has not taken comes again at the next start")


def main() -> None:
    if not URL.startswith(("http://", "https://")):
        raise SystemExit("set WEBHOOK_URL")
    guard = LoopGuard()
    with BlockingClient.from_env("webhook-relay", channels=CHANNELS, text_format="plain", echo=False) as i3:
        print(f"relaying {', '.join(CHANNELS)}", flush=True)
        for event in i3.events():
            if not isinstance(event, (ChannelMessage, ChannelEmote)) or guard.stops(event, i3.mud_name):
                continue
            emote = isinstance(event, ChannelEmote)
            who = harmless(f"{event.visname}@{event.from_mud}")
            post(f"[{event.channel}] {harmless(event.message) if emote else f'{who}: {harmless(event.message)}'}")


try:
    main()
except KeyboardInterrupt:
    pass
