"""Which events were received and handled: nothing is handed out twice, nothing is acknowledged too early.

An acknowledgement covers all events up to its id. Replayed events have lower ids than live ones that came before them, so the
id that may be acknowledged is the one before the lowest event that is not handled yet.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Optional, Set

from .event import Event

# How many ids are remembered to recognise a repeated event. The gateway keeps at most 1,000 of each channel by default.
SEEN_IDS_MAX = 20_000


class Ledger:
    """The record of one client, over all of its connections."""

    def __init__(self) -> None:
        self._seen: "OrderedDict[int, None]" = OrderedDict()
        self._open: Set[int] = set()
        self._highest_handled = 0
        self._acked = 0
        self._holds = 0
        self.highest_received = 0

    def received(self, event: Event) -> bool:
        """Notes an event that has come in. False: it was here before, and is not to be handed out again."""
        if not event.KEPT or event.event_id == 0:
            return True
        if event.event_id in self._seen:
            return False
        self._seen[event.event_id] = None
        if len(self._seen) > SEEN_IDS_MAX:
            self._seen.popitem(last=False)
        self._open.add(event.event_id)
        self.highest_received = max(self.highest_received, event.event_id)
        return True

    def handled(self, event: Event) -> None:
        """Notes that the program has done with an event. Twice is once."""
        if event.event_id in self._open:
            self._open.discard(event.event_id)
            self._highest_handled = max(self._highest_handled, event.event_id)

    def hold(self) -> None:
        """No acknowledgement until `release`: a replay may be on its way with events of lower ids."""
        self._holds += 1

    def release(self) -> None:
        self._holds = max(0, self._holds - 1)

    def release_all(self) -> None:
        """The connection has ended, and with it whatever was on its way."""
        self._holds = 0

    def to_acknowledge(self) -> Optional[int]:
        """The id to acknowledge now, if there is news to tell."""
        id = min(self._open) - 1 if self._open else self._highest_handled
        id = min(id, self._highest_handled)
        return id if id > self._acked and not self._holds else None

    def acknowledged(self, id: int) -> None:
        """The gateway has saved it."""
        self._acked = max(self._acked, id)
