"""What all events have in common, and the two events that the client itself reports."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar, Mapping, Optional


@dataclass(frozen=True)
class Event:
    """Something that happened. The classes in `i3_gateway.api` are the kinds of events, with their members."""

    NAME: ClassVar[str] = ""
    """The name of the event in the API."""
    KEPT: ClassVar[bool] = False
    """Whether the gateway keeps it for a game that is away. Such an event is acknowledged."""
    event_id: int
    """Identifies the event. 0: the client itself reports it."""
    timestamp: str
    """When it happened: RFC 3339, UTC."""
    replay: bool
    """True: it happened while this client was away."""
    raw: Mapping[str, Any] = field(repr=False, compare=False)
    """All members as they came, also those that this version of the package does not know."""


@dataclass(frozen=True)
class UnknownEvent(Event):
    """An event that this version of the package does not know; its members are in `raw`."""

    event_name: str


@dataclass(frozen=True)
class Connected(Event):
    """The client is connected and identified. Its channels are joined next."""

    NAME: ClassVar[str] = "connected"
    mud_name: str
    session_id: str


@dataclass(frozen=True)
class Disconnected(Event):
    """The connection to the gateway is lost. The client tries again in `retry_in` seconds."""

    NAME: ClassVar[str] = "disconnected"
    reason: str
    retry_in: Optional[float]
