"""The parts that need no gateway."""

from __future__ import annotations

import pytest

from i3_gateway import (
    Address,
    ChannelMessage,
    Event,
    GatewayError,
    I3Client,
    PermissionDenied,
    RateLimited,
    TellReceived,
    UnknownEvent,
)
from i3_gateway.backoff import Backoff
from i3_gateway.ledger import SEEN_IDS_MAX, Ledger
from i3_gateway.wire import Answer, Welcome, decode, encode


def tell(id: int, replay: bool = False) -> Event:
    members = {"from_mud": "Sage", "from_user": "bob", "to_mud": "Alpha", "to_user": "ann", "message": "hi", "visname": "Bob"}
    return TellReceived(event_id=id, timestamp="", replay=replay, raw={}, **members)


def test_an_acknowledgement_waits_for_the_lowest_event_that_is_not_handled() -> None:
    ledger = Ledger()
    first, live, late = tell(5), tell(20), tell(7, replay=True)
    for event in (first, live, late):
        assert ledger.received(event)
    assert ledger.to_acknowledge() is None
    ledger.handled(live)
    assert ledger.to_acknowledge() == 4
    ledger.handled(first)
    assert ledger.to_acknowledge() == 6
    ledger.handled(late)
    assert ledger.to_acknowledge() == 20
    ledger.acknowledged(20)
    assert ledger.to_acknowledge() is None


def test_a_repeated_event_is_not_handed_out_again_whether_handled_or_not() -> None:
    ledger = Ledger()
    assert ledger.received(tell(5)) and not ledger.received(tell(5, replay=True))
    ledger.handled(tell(5))
    assert not ledger.received(tell(5, replay=True))
    assert ledger.to_acknowledge() == 5


def test_nothing_is_acknowledged_while_a_replay_may_be_on_its_way() -> None:
    ledger = Ledger()
    ledger.hold()
    ledger.hold()
    assert ledger.received(tell(9))
    ledger.handled(tell(9))
    ledger.release()
    assert ledger.to_acknowledge() is None
    ledger.release()
    assert ledger.to_acknowledge() == 9


def test_the_memory_of_the_ledger_is_bounded() -> None:
    ledger = Ledger()
    for id in range(1, SEEN_IDS_MAX + 100):
        ledger.received(tell(id))
        ledger.handled(tell(id))
    assert len(ledger._seen) == SEEN_IDS_MAX and not ledger._open


def test_what_the_gateway_sends_is_typed() -> None:
    event = decode('{"jsonrpc":"2.0","method":"channel_message","params":{"channel":"chat","from_mud":"A","from_user":"b",'
                   '"visname":"B","message":"hi","self":true,"timestamp":"T","event_id":3,"new_member":1}}')
    assert isinstance(event, ChannelMessage) and event.own and not event.replay and event.event_id == 3
    assert event.raw["new_member"] == 1
    assert isinstance(decode('{"method":"from_tomorrow","params":{"event_id":4}}'), UnknownEvent)
    assert isinstance(decode('{"method":"tell_received","params":{"event_id":4}}'), UnknownEvent)
    assert isinstance(decode('{"method":"welcome","params":{}}'), Welcome)
    for nonsense in ("", "{", "[]", "1", '"x"', "null"):
        assert decode(nonsense) is None


def test_errors_carry_code_and_data() -> None:
    answer = decode('{"id":1,"error":{"code":-32004,"message":"away","data":{"reason":"router_down","retryable":true}}}')
    assert isinstance(answer, Answer) and isinstance(answer.error, GatewayError)
    assert (answer.error.code, answer.error.reason, answer.error.retryable) == (-32004, "router_down", True)
    busy = decode('{"id":1,"error":{"code":-32001,"message":"slow down","data":{"retry_after_ms":250}}}')
    assert isinstance(busy, Answer) and isinstance(busy.error, RateLimited) and busy.error.retry_after == 0.25
    no = decode('{"id":1,"error":{"code":-32002,"message":"no","data":{"needs":"tell"}}}')
    assert isinstance(no, Answer) and isinstance(no.error, PermissionDenied) and no.error.needs == "tell"


def test_a_request_is_one_line_without_what_is_not_given() -> None:
    line = encode("tell", {"message": "a\nb\u2028ü", "visname": None}, 7)
    assert "\n" not in line and "visname" not in line and '"id":7' in line
    assert encode("heartbeat", None, None) == '{"jsonrpc":"2.0","method":"heartbeat"}'


def test_addresses() -> None:
    assert str(Address.parse("ws://10.0.0.1:8080")) == "ws://10.0.0.1:8080/ws"
    assert str(Address.parse("https://i3.example.org")) == "wss://i3.example.org/ws"
    assert Address.parse("tcp://[::1]:99") == Address("::1", 99, False)
    assert Address.parse("tls://i3.example.org").tls
    both = {"I3_GATEWAY_URL": "ws://h:1/ws", "I3_GATEWAY_HOST": "10.0.0.2", "I3_GATEWAY_PORT": "77"}
    assert Address.from_env(both) == Address("10.0.0.2", 77, False)
    assert Address.from_env({"I3_GATEWAY_URL": "ws://h:1/ws"}).websocket_url == "ws://h:1/ws"
    assert Address.from_env({}) == Address("127.0.0.1", 8081, False)
    for wrong in ("localhost:8081", "ftp://host", "ws://"):
        with pytest.raises(ValueError):
            Address.parse(wrong)


def test_waits_grow_to_a_minute_and_begin_anew() -> None:
    backoff = Backoff()
    waits = [backoff.wait() for _ in range(12)]
    assert 0.5 <= waits[0] <= 1 and all(30 <= wait <= 60 for wait in waits[7:])
    backoff.reset()
    assert backoff.wait() <= 1


def test_a_wrong_argument_is_refused_at_once() -> None:
    with pytest.raises(ValueError):
        I3Client("tcp://127.0.0.1", "key", acks="never")
