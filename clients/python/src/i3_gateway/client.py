"""The client for asyncio."""

from __future__ import annotations

import asyncio
import inspect
import logging
import os
import ssl
import time
from collections import deque
from types import TracebackType
from typing import Any, AsyncIterator, Awaitable, Callable, Deque, Dict, Iterable, List, Mapping, Optional, Type, Union

from .address import Address
from .api import Methods, PresentUser
from .backoff import Backoff
from .errors import (
    CallTimeout,
    ClientClosed,
    ConnectionLost,
    GatewayError,
    I3Error,
    NotAuthenticated,
    NotConnected,
    RateLimited,
    RpcError,
)
from .event import Connected, Disconnected, Event
from .ledger import Ledger
from .transport import Transport, connect
from .wire import Answer, decode, encode

log = logging.getLogger("i3_gateway")

# The gateway answers who, finger and locate for 30 seconds after a presence_sync.
PRESENCE_SECONDS = 15.0
# Several changes within this time are published as one.
PRESENCE_PAUSE_SECONDS = 0.5
# How often the gateway is asked for a sign of life. After twice that time without any, the connection is given up.
HEARTBEAT_SECONDS = 30.0
CONNECT_SECONDS = 10.0
CALL_SECONDS = 30.0
# Acknowledgements go out at once, and then at most once in this time, since they count as requests.
ACK_SECONDS = 1.0
CLOSE_SECONDS = 2.0
QUEUE_SIZE = 1000
# How many more events may be queued while a call is awaited: its answer stands behind them. The gateway lets about a megabyte
# of events wait for a client, which is some 5,000 of the shortest.
EVENTS_DURING_CALLS = 10_000

Users = Iterable[Union[str, PresentUser]]
Presence = Callable[[], Union[Users, Awaitable[Users]]]


def environment_options(client: Optional[str], options: Dict[str, Any]) -> Dict[str, Any]:
    """The arguments of a client from I3_GATEWAY_URL, I3_GATEWAY_HOST, I3_GATEWAY_PORT, I3_API_KEY and I3_MUD_NAME."""
    mud_name = os.environ.get("I3_MUD_NAME") or None
    from_env = {"address": Address.from_env(), "api_key": os.environ.get("I3_API_KEY") or None, "mud_name": mud_name}
    return {**from_env, "client": client, **options}


class I3Client(Methods):
    """A game's connection to the gateway. It stays connected: after a loss it tries again, joins its channels and goes on.

    `client` is the name under which the gateway remembers what this program has received. With it, events that came while
    the program or the gateway was away are delivered once it is back. An event counts as handled when the program asks for
    the next one; with `acks="manual"`, when it calls `acknowledge`.

    At most `queue_size` events wait for the program. When so many wait, nothing more is read from the gateway until the
    program has taken some. While the program awaits a call, up to 10,000 more are read, since the answer stands behind them.
    """

    def __init__(
        self,
        address: Union[str, Address] = "tcp://127.0.0.1:8081",
        api_key: Optional[str] = None,
        *,
        client: Optional[str] = None,
        channels: Iterable[str] = (),
        mud_name: Optional[str] = None,
        presence: Optional[Presence] = None,
        acks: str = "auto",
        text_format: Optional[str] = None,
        echo: Optional[bool] = None,
        role: Optional[str] = None,
        queue_size: int = QUEUE_SIZE,
        call_timeout: float = CALL_SECONDS,
        tls: Optional[ssl.SSLContext] = None,
        backoff: Optional[Backoff] = None,
    ) -> None:
        if acks not in ("auto", "manual"):
            raise ValueError('acks is "auto" or "manual"')
        self.address = Address.parse(address) if isinstance(address, str) else address
        self.mud_name = mud_name
        """The mud that the key speaks for. If given at the start, another one is reported in the log."""
        self.session_id: Optional[str] = None
        self._login = {"api_key": api_key, "client": client, "text_format": text_format, "echo": echo, "role": role}
        self._auto = acks == "auto"
        self._acks = client is not None
        self._queue_size, self._call_timeout, self._tls = max(1, queue_size), call_timeout, tls
        self._backoff = backoff or Backoff()
        self._channels: Dict[str, bool] = {channel: False for channel in channels}
        self._presence = presence
        self._ledger = Ledger()
        self._queue: Deque[Event] = deque()
        self._current: Optional[Event] = None
        self._consumed = False
        self.dropped = 0
        """Events that were dropped because the program never asked for any."""
        self._calls: Dict[int, "asyncio.Future[Any]"] = {}
        self._awaited = 0
        self._next_id = 1
        self._transport: Optional[Transport] = None
        self._identified = False
        self._paused = False
        self._closing = False
        self._last_received = 0.0
        self._main: Optional["asyncio.Task[None]"] = None
        self._over: Optional[Exception] = None

    @classmethod
    def from_env(cls, client: Optional[str] = None, **options: Any) -> "I3Client":
        """A client from I3_GATEWAY_HOST and I3_GATEWAY_PORT or I3_GATEWAY_URL, I3_API_KEY and I3_MUD_NAME."""
        return cls(**environment_options(client, options))

    # -- its life ----------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Begins to connect, and returns at once."""
        if self._main is not None:
            return
        self._came = asyncio.Event()  # an event to hand out, or the end
        self._room = asyncio.Event()  # the reader may read on
        self._up = asyncio.Event()  # identified, or the end
        self._ack_wanted = asyncio.Event()
        self._presence_wanted = asyncio.Event()
        self._main = asyncio.ensure_future(self._run())

    @property
    def connected(self) -> bool:
        """Whether the client is connected and identified now."""
        return self._identified

    async def wait_connected(self, timeout: Optional[float] = None) -> None:
        """Waits until the client is connected. Raises NotAuthenticated if the key is wrong, CallTimeout after `timeout` seconds."""
        self.start()
        try:
            await asyncio.wait_for(self._up.wait(), timeout)
        except asyncio.TimeoutError:
            raise CallTimeout(f"not connected to {self.address} within {timeout} seconds") from None
        if self._over is not None:
            raise self._over

    async def __aenter__(self) -> "I3Client":
        try:
            await self.wait_connected()
        except BaseException:
            await self.close(handled=False)
            raise
        return self

    async def __aexit__(
        self, kind: Optional[Type[BaseException]], error: Optional[BaseException], trace: Optional[TracebackType]
    ) -> None:
        await self.close(handled=kind is None)

    async def close(self, handled: bool = True) -> None:
        """Acknowledges what was handled, and ends the connection. `handled`: the event in hand counts as handled."""
        if self._main is None:
            self._over = self._over or ClientClosed("the client was closed")
            return
        if handled:
            self._done_with_current()
        self._closing = True
        self._room.set()
        if self._acks and self._identified:
            try:
                await asyncio.wait_for(self._last_ack(), CLOSE_SECONDS)
            except (I3Error, asyncio.TimeoutError):
                pass  # these events come again
        self._end(ClientClosed("the client was closed"))
        self._main.cancel()
        await asyncio.gather(self._main, return_exceptions=True)

    async def _last_ack(self) -> None:
        await self._ask("ping", {})  # what was on its way before the answer is known to the ledger now
        self._ledger.release_all()
        id = self._ledger.to_acknowledge()
        if id is not None:
            await self._ask("ack", {"event_id": id})

    def _end(self, why: Exception) -> None:
        self._over = self._over or why
        for event in (self._came, self._room, self._up):
            event.set()

    # -- events ------------------------------------------------------------------------------------------------------

    async def events(self) -> AsyncIterator[Event]:
        """The events, one after the other, over all connections. Ends when the client is closed. For one consumer."""
        while True:
            event = await self.next_event()
            if event is None:
                return
            yield event

    async def next_event(self, timeout: Optional[float] = None) -> Optional[Event]:
        """The next event, or None: nothing came within `timeout` seconds, or the client was closed.

        The event that was returned before counts as handled now, unless acks are manual.
        """
        self.start()
        self._consumed = True
        self._done_with_current()
        if not self._queue and self._over is None and timeout != 0:
            try:
                self._came.clear()
                await asyncio.wait_for(self._came.wait(), timeout)
            except asyncio.TimeoutError:
                pass
        if isinstance(self._over, ClientClosed):
            return None
        if not self._queue:
            if self._over is not None:
                raise self._over
            return None
        self._current = self._queue.popleft()
        self._room.set()
        return self._current

    def acknowledge(self, event: Event) -> None:
        """Says that an event is done with: it is not delivered again. Events that came before it are not touched by this."""
        self._ledger.handled(event)
        if self._main is not None:
            self._ack_wanted.set()

    def _done_with_current(self) -> None:
        if self._current is not None and self._auto:
            self.acknowledge(self._current)
        self._current = None

    def _put(self, event: Event) -> None:
        if not self._consumed and len(self._queue) >= self._queue_size:
            if self.dropped == 0:
                log.warning("%d events wait and the program asks for none: the oldest are dropped", self._queue_size)
            self._ledger.handled(self._queue.popleft())
            self.dropped += 1
        self._queue.append(event)
        self._came.set()

    async def _deliver(self, event: Event) -> None:
        """Queues an event, after a wait if too many are queued: that wait is the back-pressure."""
        while not self._closing and self._consumed and len(self._queue) >= self._queue_size + (EVENTS_DURING_CALLS if self._awaited else 0):
            self._paused = True
            self._room.clear()
            await self._room.wait()
            if self._over is not None:
                return
        self._paused = False
        if self._ledger.received(event) and not self._closing:
            self._put(event)

    # -- requests ----------------------------------------------------------------------------------------------------

    async def call(self, method: str, params: Optional[Mapping[str, Any]] = None, timeout: Optional[float] = None) -> Any:
        """Calls a method of the API and returns its result.

        Raises RpcError if the gateway refuses, NotConnected if there is no connection, ConnectionLost if it is lost before the
        answer, CallTimeout after `timeout` seconds (by default 30, and as long as the gateway itself waits for other muds).
        """
        if self._over is not None:
            raise self._over
        if not self._identified:
            raise NotConnected(f"there is no connection to {self.address} now")
        given = dict(params or {})
        if timeout is None:
            waits = float(given.get("timeout") or 10.0) if given.get("wait") or method == "channel_user" else 0.0
            timeout = self._call_timeout + waits
        self._awaited += 1
        self._room.set()
        try:
            result = await asyncio.wait_for(self._ask(method, given), timeout)
        except asyncio.TimeoutError:
            raise CallTimeout(f"no answer to {method} within {timeout:g} seconds") from None
        finally:
            self._awaited -= 1
        if method == "channel_join":
            self._channels[str(given["channel"])] = given.get("listen_only") is True
            self._hold_acks()
        elif method == "channel_leave":
            self._channels.pop(str(given["channel"]), None)
        return result

    async def join(self, *channels: str, listen_only: bool = False) -> None:
        """Joins channels, now and after each reconnect. Without a connection, they are joined when there is one."""
        for channel in channels:
            self._channels[channel] = listen_only
            if self._identified:
                try:
                    result = await self.channel_join(channel, listen_only=listen_only or None)
                except NotConnected:
                    continue
                except RpcError:
                    self._channels.pop(channel, None)
                    raise
                if "warning" in result:
                    log.warning("%s: %s", channel, result["warning"])

    async def leave(self, *channels: str) -> None:
        """Leaves channels for good."""
        for channel in channels:
            self._channels.pop(channel, None)
            if self._identified:
                await self.channel_leave(channel)

    async def _ask(self, method: str, params: Mapping[str, Any]) -> Any:
        transport = self._transport
        if transport is None:
            raise NotConnected(f"there is no connection to {self.address} now")
        id = self._next_id
        self._next_id += 1
        future: "asyncio.Future[Any]" = asyncio.get_running_loop().create_future()
        self._calls[id] = future
        try:
            await transport.send(encode(method, params, id))
            return await future
        except OSError as lost:
            raise ConnectionLost(str(lost) or "the connection was lost") from lost
        finally:
            self._calls.pop(id, None)

    def _answered(self, answer: Answer) -> None:
        future = self._calls.get(answer.id) if answer.id is not None else None
        if future is None or future.done():
            if answer.error is not None and answer.id is None:
                log.warning("the gateway reports: %s", answer.error)
        elif answer.error is not None:
            future.set_exception(answer.error)
        else:
            future.set_result(answer.result)

    # -- presence ----------------------------------------------------------------------------------------------------

    def set_presence(self, users: Users) -> None:
        """Publishes who is on, now and every 15 seconds from now on: names, or dicts with name, title, level, idle, …"""
        listed = list(users)
        self._presence = lambda: listed
        self.presence_changed()

    def presence_changed(self) -> None:
        """Publishes who is on at once, for instance after a login."""
        if self._main is not None:
            self._presence_wanted.set()

    async def _publish_presence(self) -> None:
        while True:
            self._presence_wanted.clear()
            if self._presence is not None:
                try:
                    told = self._presence()
                    users = await told if inspect.isawaitable(told) else told
                    listed = [{"name": user} if isinstance(user, str) else user for user in users]
                    # Not awaited: while the program lets events wait, answers wait behind them, but presence goes on.
                    self._background(self._ask("presence_sync", {"users": listed}), "presence_sync")
                except Exception:
                    log.exception("who is on cannot be published")
            await asyncio.sleep(PRESENCE_PAUSE_SECONDS)
            try:
                await asyncio.wait_for(self._presence_wanted.wait(), PRESENCE_SECONDS - PRESENCE_PAUSE_SECONDS)
            except asyncio.TimeoutError:
                pass

    # -- the connection ----------------------------------------------------------------------------------------------

    async def _run(self) -> None:
        while self._over is None:
            reason = await self._connection()
            if self._over is not None:
                return
            wait = self._backoff.wait()
            log.warning("%s: %s; next try in %.1f seconds", self.address, reason, wait)
            self._put(Disconnected(event_id=0, timestamp=_now(), replay=False, raw={}, reason=reason, retry_in=wait))
            await asyncio.sleep(wait)

    async def _connection(self) -> str:
        """One connection from its beginning to its end. Returns why it ended."""
        try:
            transport = await asyncio.wait_for(connect(self.address, self._tls), CONNECT_SECONDS)
        except asyncio.TimeoutError:
            return "no connection in time"
        except OSError as refused:
            return str(refused) or type(refused).__name__
        except ImportError as missing:
            self._end(missing)
            return str(missing)
        self._transport = transport
        self._last_received = time.monotonic()
        tasks = [asyncio.ensure_future(self._read(transport)), asyncio.ensure_future(self._attend())]
        self._tasks: List["asyncio.Task[Any]"] = []
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            return next(iter(done)).result()
        finally:
            self._transport, self._identified, self._paused = None, False, False
            if self._over is None:
                self._up.clear()
            self._ledger.release_all()
            for task in [*tasks, *self._tasks]:
                task.cancel()
            for future in list(self._calls.values()):
                if not future.done():
                    future.set_exception(ConnectionLost("the connection was lost before the answer came"))
            await asyncio.gather(*tasks, *self._tasks, return_exceptions=True)
            await transport.close()

    async def _read(self, transport: Transport) -> str:
        while True:
            try:
                text = await transport.receive()
            except OSError as lost:
                return str(lost) or type(lost).__name__
            if text is None:
                return "the gateway has closed the connection"
            self._last_received = time.monotonic()
            message = decode(text)
            if isinstance(message, Answer):
                self._answered(message)
            elif isinstance(message, Event):
                await self._deliver(message)

    async def _attend(self) -> str:
        """Identifies the client, joins its channels, and sees to it that the connection is alive."""
        login: Dict[str, Any] = dict(self._login)
        if login["client"] is None and self._ledger.highest_received:
            login["last_event_id"] = self._ledger.highest_received
        self._ledger.hold()
        try:
            result = await asyncio.wait_for(self._ask("authenticate", login), CONNECT_SECONDS)
        except NotAuthenticated as wrong:
            self._end(wrong)
            return str(wrong)
        except RateLimited as busy:
            await asyncio.sleep(min(busy.retry_after, 60.0))
            return str(busy)
        except (I3Error, asyncio.TimeoutError) as failed:
            return str(failed) or "the gateway does not answer"
        self._greet(result)
        self._background(self._join_all(), "channel_join")
        self._background(self._publish_presence(), "presence_sync")
        if self._acks:
            self._background(self._acknowledge_all(), "ack")
        while True:
            await asyncio.sleep(HEARTBEAT_SECONDS)
            # While the program lets events wait, nothing is read: then silence says nothing about the gateway.
            if not self._paused and time.monotonic() - self._last_received > 2 * HEARTBEAT_SECONDS:
                return "the gateway is silent"
            self._background(self._ask("ping", {}), "ping")

    def _greet(self, result: Mapping[str, Any]) -> None:
        mud_name, self.session_id = str(result["mud_name"]), str(result["session_id"])
        if self.mud_name is not None and self.mud_name.casefold() != mud_name.casefold():
            log.warning("the key is for the mud %s, not for %s", mud_name, self.mud_name)
        self.mud_name = mud_name
        self._identified = True
        self._backoff.reset()
        common: Dict[str, Any] = {"event_id": 0, "timestamp": _now(), "replay": False, "raw": {}}
        self._put(Connected(**common, mud_name=mud_name, session_id=self.session_id))
        self._up.set()

    def _background(self, work: Awaitable[Any], what: str) -> None:
        """Does something for this connection beside everything else, and reports in the log if it fails."""

        async def guarded() -> None:
            try:
                await work
            except NotConnected:
                pass
            except ConnectionLost:
                pass
            except I3Error as error:
                log.warning("%s: %s", what, error)

        self._tasks = [task for task in self._tasks if not task.done()]
        self._tasks.append(asyncio.ensure_future(guarded()))

    async def _join_all(self) -> None:
        """Joins the channels again. The replay of a channel follows its join, and the answer to a ping follows that."""
        for channel, listen_only in list(self._channels.items()):
            while True:
                try:
                    await self._ask("channel_join", {"channel": channel, "listen_only": listen_only or None})
                except RateLimited as busy:
                    await asyncio.sleep(busy.retry_after)
                    continue
                except GatewayError as busy:
                    if busy.retryable:
                        await asyncio.sleep(2)
                        continue
                    log.warning("channel %s: %s", channel, busy)
                except RpcError as refused:
                    log.warning("channel %s: %s", channel, refused)
                break
        await self._ask("ping", {})
        self._release_acks()

    def _hold_acks(self) -> None:
        """After a join: its replay has to be here before anything above is acknowledged."""

        async def release() -> None:
            await self._ask("ping", {})
            self._release_acks()

        self._ledger.hold()
        self._background(release(), "ping")

    def _release_acks(self) -> None:
        self._ledger.release()
        self._ack_wanted.set()

    async def _acknowledge_all(self) -> None:
        while True:
            await self._ack_wanted.wait()
            self._ack_wanted.clear()
            id = self._ledger.to_acknowledge()
            if id is None:
                continue
            pause = ACK_SECONDS
            try:
                await self._ask("ack", {"event_id": id})
                self._ledger.acknowledged(id)
            except RateLimited as busy:
                pause = busy.retry_after
            except GatewayError as failed:
                log.warning("ack: %s", failed)
            await asyncio.sleep(pause)
            self._ack_wanted.set()


def _now() -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
