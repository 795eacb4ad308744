"""The clients against both daemons, as games use them."""

from __future__ import annotations

import asyncio
import time
from typing import Any, Callable, Coroutine, List, Type, TypeVar

import pytest

from i3_gateway import (
    BlockingClient,
    CallTimeout,
    ChannelEmote,
    ChannelMessage,
    Connected,
    ConnectionLost,
    Disconnected,
    EmotetoReceived,
    Event,
    GatewayError,
    I3Client,
    InvalidParams,
    MethodNotFound,
    NotAuthenticated,
    NotConnected,
    PermissionDenied,
    TellReceived,
)
from i3_gateway.backoff import Backoff
from testnet import KEY, PEER_KEY, WEAK_KEY, Testnet

E = TypeVar("E", bound=Event)
names = iter(f"test-{number}" for number in range(1_000_000))


def run(test: Coroutine[Any, Any, None], seconds: float = 300) -> None:
    async def bounded() -> None:
        await asyncio.wait_for(test, seconds)

    asyncio.run(bounded())


def tcp(net: Testnet) -> str:
    return f"tcp://127.0.0.1:{net.gateway.tcp_port}"


def websocket(net: Testnet) -> str:
    return f"ws://127.0.0.1:{net.gateway.ws_port}/ws"


def game(net: Testnet, **options: Any) -> I3Client:
    given = {"address": tcp(net), "api_key": KEY, "client": next(names), "backoff": Backoff(0.1, 0.5), **options}
    return I3Client(**given)


def peer(net: Testnet) -> I3Client:
    return I3Client(f"tcp://127.0.0.1:{net.peer.tcp_port}", PEER_KEY, echo=False)


async def next_of(client: I3Client, kind: Type[E], seconds: float = 90) -> E:
    deadline = time.monotonic() + seconds
    while True:
        event = await client.next_event(max(0.01, deadline - time.monotonic()))
        if isinstance(event, kind):
            return event
        assert time.monotonic() < deadline, f"no {kind.__name__} came"


WHOLE = 1000


async def until_heard(client: I3Client, sage: I3Client, channel: str, numbers: List[int]) -> None:
    """Says 1000 on a channel until the client hears it: its gateway may still be joining.

    It may come more than once, which `next_of_numbers` passes over. Other numbers that come are noted.
    """
    for _ in range(300):
        try:
            await sage.channel_send(channel, str(WHOLE))
        except GatewayError:
            pass
        while (event := await client.next_event(0.3)) is not None:
            if not isinstance(event, (TellReceived, ChannelMessage)):
                continue
            if int(event.message) != WHOLE:
                numbers.append(int(event.message))
            elif isinstance(event, ChannelMessage) and event.channel == channel and not event.replay:
                return
    raise AssertionError("the network did not come back")


@pytest.mark.parametrize("address", [tcp, websocket])
def test_talk_in_both_directions(net: Testnet, address: Callable[[Testnet], str]) -> None:
    async def test() -> None:
        async with game(net, address=address(net)) as alpha, peer(net) as sage:
            assert alpha.mud_name == "Alpha" and alpha.connected
            await alpha.join("chat")
            await sage.join("chat", "code")
            await alpha.tell("Sage", "Ann", "Grüße, 你好 \U0001f409 \"quoted\"\nnext", from_user="Bob")
            heard = await next_of(sage, TellReceived)
            assert (heard.from_mud, heard.visname) == ("Alpha", "Bob") and "Grüße, 你好 \U0001f409" in heard.message
            await sage.emoteto("alpha", "Bob", "$N waves.", from_user="Ann")
            assert "waves" in (await next_of(alpha, EmotetoReceived)).message
            await until_heard(alpha, sage, "chat", [])
            await sage.channel_send("chat", "hello", from_user="Ann")
            while (line := await next_of(alpha, ChannelMessage)).message == str(WHOLE):
                pass
            assert (line.channel, line.message, line.own) == ("chat", "hello", False)
            await alpha.channel_emote("chat", "$N grins.", from_user="Bob")
            assert (await next_of(sage, ChannelEmote)).from_mud == "Alpha"
            assert (await next_of(alpha, ChannelEmote)).own
            while not (muds := (await alpha.mudlist(filter={"name": "Sage"}))["muds"]):
                await asyncio.sleep(0.1)  # the router sends its list a moment after the login
            assert [mud["name"] for mud in muds] == ["Sage"]
            await alpha.leave("chat")
            assert (await alpha.channel_list())["subscribed_channels"] == []

    run(test())


def test_errors_are_typed(net: Testnet) -> None:
    async def test() -> None:
        async with game(net) as alpha:
            with pytest.raises(InvalidParams, match="message"):
                await alpha.tell("Sage", "Ann", "")
            with pytest.raises(MethodNotFound):
                await alpha.call("dance")
            with pytest.raises(GatewayError) as nobody:
                await alpha.finger("Sage", "nobody-at-all", wait=True, timeout=1)
            assert nobody.value.reason in ("unk-user", "no_answer")
            with pytest.raises(CallTimeout):
                await alpha.call("locate", {"target_user": "nobody-at-all", "wait": True, "timeout": 5}, timeout=0.2)
            assert (await alpha.ping())["pong"]
        async with game(net, api_key=WEAK_KEY) as weak:
            with pytest.raises(PermissionDenied) as refused:
                await weak.tell("Sage", "Ann", "hello")
            assert refused.value.needs == "tell" and refused.value.code == -32002
            with pytest.raises(PermissionDenied):
                await weak.join("chat")
        with pytest.raises(Exception, match="closed"):
            await weak.ping()

    run(test())


@pytest.mark.parametrize("address", [tcp, websocket])
def test_a_wrong_key_is_final(net: Testnet, address: Callable[[Testnet], str]) -> None:
    async def test() -> None:
        with pytest.raises(NotAuthenticated) as wrong:
            async with game(net, address=address(net), api_key="wrong"):
                raise AssertionError("a wrong key was accepted")
        assert wrong.value.code == -32000
        client = game(net, address=address(net), api_key="wrong")
        with pytest.raises(NotAuthenticated):
            async for _ in client.events():
                pass
        await client.close()

    run(test())
    with pytest.raises(NotAuthenticated):
        with BlockingClient(address(net), "wrong"):
            raise AssertionError("a wrong key was accepted")


@pytest.mark.parametrize("address", [tcp, websocket])
def test_nothing_is_lost_or_doubled_when_the_gateway_is_killed(net: Testnet, address: Callable[[Testnet], str]) -> None:
    async def test() -> None:
        async with game(net, address=address(net)) as alpha, peer(net) as sage:
            await alpha.join("chat")
            number = 0
            for round in range(2):
                await until_heard(alpha, sage, "chat", seen)
                for _ in range(10):
                    await sage.tell("Alpha", "Bob", str(number), from_user="Ann")
                    await sage.channel_send("chat", str(number + 1), from_user="Ann")
                    number += 2
                await asyncio.sleep(3)  # the gateway has read and saved them; a part is handled here
                if round == 0:
                    for _ in range(8):
                        await next_of_numbers(alpha, seen)
                await asyncio.to_thread(net.kill)
                with pytest.raises((NotConnected, ConnectionLost)):
                    while True:
                        await alpha.ping()
                await asyncio.to_thread(net.start)
                await alpha.wait_connected(90)
            await until_heard(alpha, sage, "chat", seen)
            while len(seen) < number:
                await next_of_numbers(alpha, seen)
            assert sorted(seen) == list(range(number))

    seen: List[int] = []
    run(test())


async def next_of_numbers(client: I3Client, seen: List[int]) -> None:
    while True:
        event = await client.next_event(90)
        assert event is not None
        if isinstance(event, (TellReceived, ChannelMessage)) and int(event.message) != WHOLE:
            seen.append(int(event.message))
            return


def test_the_client_goes_on_after_an_orderly_restart(net: Testnet) -> None:
    async def test() -> None:
        async with game(net, channels=["code"]) as alpha, peer(net) as sage:
            assert isinstance(await next_of(alpha, Connected), Connected)
            await asyncio.to_thread(net.stop)
            lost = await next_of(alpha, Disconnected)
            assert lost.reason and lost.retry_in is not None
            with pytest.raises(NotConnected):
                await alpha.ping()
            await alpha.join("chat")
            await asyncio.to_thread(net.start)
            await next_of(alpha, Connected)
            for channel in ("code", "chat"):
                await until_heard(alpha, sage, channel, [])

    run(test())


def test_what_a_dead_program_had_not_handled_comes_again_and_nothing_else(net: Testnet) -> None:
    async def test() -> None:
        name = next(names)
        first = game(net, client=name)
        async with peer(net) as sage:
            await first.wait_connected()
            await first.join("chat")
            await until_heard(first, sage, "chat", [])
            for number in range(0, 10, 2):
                await sage.tell("Alpha", "Bob", str(number), from_user="Ann")
                await sage.channel_send("chat", str(number + 1), from_user="Ann")
            handled: List[int] = []
            while len(handled) < 6:
                await next_of_numbers(first, handled)
            await asyncio.sleep(4)  # five are acknowledged, the sixth is in hand
            assert first._main is not None
            first._main.cancel()  # as a program that is killed: without a word
            await asyncio.gather(first._main, return_exceptions=True)
            async with game(net, client=name, channels=["chat"]) as second:
                again: List[int] = []
                await until_heard(second, sage, "chat", again)
            assert sorted(again) == sorted(set(range(10)) - set(handled[:5]))
            async with game(net, client=name, channels=["chat"]) as third:
                more: List[int] = []
                await until_heard(third, sage, "chat", more)
                assert more == [], "what a closed client had handled was acknowledged"

    run(test())


def test_an_event_that_is_not_acknowledged_by_hand_comes_again(net: Testnet) -> None:
    async def test() -> None:
        name = next(names)
        async with peer(net) as sage:
            async with game(net, client=name, acks="manual") as alpha:
                for number in range(3):
                    await sage.tell("Alpha", "Bob", str(number), from_user="Ann")
                tells = [await next_of(alpha, TellReceived) for _ in range(3)]
                alpha.acknowledge(tells[0])
                alpha.acknowledge(tells[2])
            async with game(net, client=name, acks="manual") as alpha:
                tells = [await next_of(alpha, TellReceived) for _ in range(2)]
                assert [tell.message for tell in tells] == ["1", "2"] and tells[0].replay
                for tell in tells:
                    alpha.acknowledge(tell)
            async with game(net, client=name, acks="manual") as alpha:
                await sage.tell("Alpha", "Bob", "3", from_user="Ann")
                assert (await next_of(alpha, TellReceived)).message == "3"

    run(test())


@pytest.mark.parametrize("address", [tcp, websocket])
def test_a_slow_program_loses_nothing_and_its_queue_is_bounded(net: Testnet, address: Callable[[Testnet], str]) -> None:
    async def test() -> None:
        async with game(net, address=address(net), queue_size=5) as alpha, peer(net) as sage:
            await next_of(alpha, Connected)
            text = "x" * 2000
            for number in range(60):
                await sage.tell("Alpha", "Bob", f"{number} {text}", from_user="Ann")
            while not (len(alpha._queue) == 5 and alpha._paused):
                await asyncio.sleep(0.1)
            got: List[int] = []
            while len(got) < 60:
                if not got:
                    assert len(alpha._queue) == 5
                tell = await next_of(alpha, TellReceived)
                got.append(int(tell.message.split()[0]))
                if len(got) % 20 == 1:  # the answer stands behind events for which there is no room
                    assert (await alpha.status())["mud_name"] == "Alpha"
            assert got == list(range(60)) and alpha.dropped == 0

    run(test())


def test_a_program_that_wants_no_events_can_call_on(net: Testnet) -> None:
    async def test() -> None:
        async with game(net, queue_size=5) as alpha, peer(net) as sage:
            for number in range(40):
                await sage.tell("Alpha", "Bob", str(number), from_user="Ann")
            while alpha.dropped < 35:
                await asyncio.sleep(0.1)
            assert (await alpha.status())["mud_name"] == "Alpha"

    run(test())


async def sees(sage: I3Client, *users: str) -> None:
    """Until the network sees these users."""
    names: List[str] = []
    for _ in range(300):
        names = sorted(user["name"] for user in (await sage.who("Alpha", wait=True))["users"])
        if names == list(users):
            return
        await asyncio.sleep(0.2)
    raise AssertionError(names)


def test_presence_is_published_and_kept_up(net: Testnet) -> None:
    async def test() -> None:
        async with peer(net) as sage:
            users: Any = lambda: ["Bob", {"name": "Ann", "title": "the Bold", "level": 12, "idle": 30}]  # noqa: E731
            async with game(net, presence=users) as alpha:
                await sees(sage, "Ann", "Bob")
                finger = await sage.finger("Alpha", "ann", wait=True)
                assert finger["user_info"]["title"] == "the Bold"
                alpha.set_presence(["Eve"])
                await sees(sage, "Eve")

    run(test())


def test_the_blocking_client_does_the_same(net: Testnet) -> None:
    with BlockingClient(tcp(net), KEY, client=next(names), backoff=Backoff(0.1, 0.5)) as alpha:
        with BlockingClient(f"tcp://127.0.0.1:{net.peer.tcp_port}", PEER_KEY) as sage:
            alpha.join("chat")
            alpha.set_presence(["Bob"])
            time.sleep(1)
            sage.tell("Alpha", "Bob", "one", from_user="Ann")
            event = next(event for event in alpha.events() if isinstance(event, TellReceived))
            assert event.message == "one"
            net.kill()
            with pytest.raises((NotConnected, ConnectionLost)):
                while True:
                    alpha.ping()
            net.start()
            alpha.wait_connected(90)
            for attempt in range(300):
                try:
                    sage.tell("Alpha", "Bob", "two", from_user="Ann")
                    break
                except GatewayError:
                    time.sleep(0.2)
            deadline = time.monotonic() + 90
            while time.monotonic() < deadline:
                polled = alpha.poll(0.1)
                if isinstance(polled, TellReceived):
                    assert polled.message == "two"
                    break
            else:
                raise AssertionError("the second tell did not come")
            assert alpha.poll() is None or not isinstance(polled, ChannelMessage)
            assert [user["name"] for user in sage.who("Alpha", wait=True)["users"]] == ["Bob"]
    with pytest.raises(CallTimeout):
        lonely = BlockingClient("tcp://127.0.0.1:9", KEY)
        try:
            lonely.wait_connected(0.5)
        finally:
            lonely.close()
