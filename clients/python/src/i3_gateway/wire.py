"""JSON texts to answers and events, and requests to JSON texts. Without input or output of its own."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from typing import Any, Dict, Mapping, Optional, Union

from .api import EVENTS
from .errors import RpcError, from_wire
from .event import Event, UnknownEvent


@dataclass(frozen=True)
class Answer:
    """The answer to a request: `error`, or else `result`. `id` is None if the gateway could not tell which request."""

    id: Optional[int]
    result: Any
    error: Optional[RpcError]


@dataclass(frozen=True)
class Welcome:
    """The first message over TCP."""

    params: Mapping[str, Any]


Incoming = Union[Answer, Event, Welcome]


def encode(method: str, params: Optional[Mapping[str, Any]], id: Optional[int]) -> str:
    """A request in one line, or a notification if `id` is None. A parameter that is None is left out."""
    message: Dict[str, Any] = {"jsonrpc": "2.0"}
    if id is not None:
        message["id"] = id
    message["method"] = method
    given = {name: value for name, value in (params or {}).items() if value is not None}
    if given:
        message["params"] = given
    return json.dumps(message, ensure_ascii=False, separators=(",", ":"))


def decode(text: Union[str, bytes]) -> Optional[Incoming]:
    """What a text of the gateway says. None: nothing that this client understands."""
    try:
        message = json.loads(text)
    except ValueError:
        return None
    if not isinstance(message, dict):
        return None
    method = message.get("method")
    params = message.get("params")
    if isinstance(method, str):
        told: Mapping[str, Any] = params if isinstance(params, dict) else {}
        return Welcome(told) if method == "welcome" else event(method, told)
    id = message.get("id")
    error = from_wire(message["error"]) if message.get("error") is not None else None
    return Answer(id if isinstance(id, int) else None, message.get("result"), error)


def event(name: str, params: Mapping[str, Any]) -> Event:
    """The event with this name. One that is not as described is an `UnknownEvent`."""
    event_id = params.get("event_id")
    common: Dict[str, Any] = {
        "event_id": event_id if isinstance(event_id, int) else 0,
        "timestamp": str(params.get("timestamp", "")),
        "replay": params.get("replay") is True,
        "raw": params,
    }
    kind = EVENTS.get(name)
    if kind is not None:
        members = {}
        for member in dataclasses.fields(kind):
            wire_name = "self" if member.name == "own" else member.name
            if member.name not in common and wire_name in params:
                members[member.name] = params[wire_name]
        try:
            return kind(**common, **members)
        except TypeError:  # a member is missing
            pass
    return UnknownEvent(**common, event_name=name)
