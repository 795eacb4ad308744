"""The part in Evennia's Portal: the connection to the gateway, as a session of the bot.

The client has a thread of its own with asyncio. What it reports goes to Twisted's thread with `callFromThread`, and nothing of
Evennia is touched elsewhere. An event is acknowledged when the Server says that it has handled it: what comes while the Server
reloads is given to it afterwards.
"""

from __future__ import annotations

import asyncio
import threading
from typing import Any, Dict, Optional

from evennia.server.session import Session  # type: ignore[import-not-found, import-untyped, unused-ignore]
from evennia.utils import logger  # type: ignore[import-not-found, import-untyped, unused-ignore]
from twisted.internet import reactor, threads  # type: ignore[import-not-found, import-untyped, unused-ignore]

from .. import Event, I3Client, I3Error, RpcError
from ..event import UnknownEvent

# How long the Server may take to handle an event before it is sent again: it may have been reloading.
HANDLED_SECONDS = 5.0

_running: Dict[int, "I3Factory"] = {}


class I3Factory:
    """What the Portal makes when the bot asks for a session; the Portal calls `start`."""

    def __init__(self, sessionhandler: Any, uid: int = 0, options: Optional[Dict[str, Any]] = None) -> None:
        self.sessionhandler, self.uid, self.options = sessionhandler, int(uid), dict(options or {})
        self.session: Optional["I3Session"] = None

    def start(self) -> None:
        running = _running.get(self.uid)
        if running is not None and running.session is not None:  # the settings have changed, or the Server does not know that session
            running.session.disconnect("replaced")
        _running[self.uid] = self
        self.session = I3Session(self)
        self.session.begin()


class I3Session(Session):  # type: ignore[misc, unused-ignore]
    """The bot's session. It lasts as long as the Portal, whether or not the gateway can be reached."""

    def __init__(self, factory: I3Factory) -> None:
        self.factory = factory
        self._loop = asyncio.new_event_loop()
        self._client = I3Client(acks="manual", **factory.options)
        self._handled: Dict[int, "asyncio.Event"] = {}
        self._ended = False

    def begin(self) -> None:
        self.init_session("intermud3", str(self._client.address), self.factory.sessionhandler)
        self.uid = self.factory.uid
        self.logged_in = True
        self.sessionhandler.connect(self)
        threading.Thread(target=self._loop.run_until_complete, args=(self._pump(),), name="i3-gateway", daemon=True).start()

    def at_login(self) -> None:
        pass

    # -- in the thread of the client ----------------------------------------------------------------------------------

    async def _pump(self) -> None:
        number = 0
        try:
            async for event in self._client.events():
                number += 1
                handled = self._handled[number] = asyncio.Event()
                while not handled.is_set() and not self._ended:
                    reactor.callFromThread(self._to_server, number, event)
                    try:
                        await asyncio.wait_for(handled.wait(), HANDLED_SECONDS)
                    except asyncio.TimeoutError:
                        pass
                del self._handled[number]
                if handled.is_set():
                    self._client.acknowledge(event)
        except I3Error as error:
            reactor.callFromThread(logger.log_err, f"Intermud-3: {error}; the connection is given up")
        finally:
            await self._client.close()

    async def _call(self, token: int, method: str, params: Dict[str, Any]) -> None:
        answer: Dict[str, Any] = {"token": token}
        try:
            if method == "channel_join":
                await self._client.join(params["channel"])
            elif method == "channel_leave":
                await self._client.leave(params["channel"])
            else:
                answer["result"] = await self._client.call(method, params)
        except RpcError as error:
            answer["error"] = error.message
        except I3Error as error:
            answer["error"] = str(error)
        reactor.callFromThread(self._answer, answer)

    # -- in the Portal's thread ----------------------------------------------------------------------------------------

    def _to_server(self, number: int, event: Event) -> None:
        name = event.event_name if isinstance(event, UnknownEvent) else event.NAME
        params = dict(event.raw) or {"mud_name": self._client.mud_name}
        self.sessionhandler.data_in(self, bot_data_in=("i3", {"i3": "event", "number": number, "name": name, "params": params}))

    def _answer(self, answer: Dict[str, Any]) -> None:
        self.sessionhandler.data_in(self, bot_data_in=("i3", {"i3": "answer", **answer}))

    def send_i3_handled(self, number: int, *args: Any, **kwargs: Any) -> None:
        """The Server has handled an event."""

        def told() -> None:
            if number in self._handled:
                self._handled[number].set()

        self._loop.call_soon_threadsafe(told)

    def send_i3_call(self, token: int, method: str, params: Dict[str, Any], *args: Any, **kwargs: Any) -> None:
        """The Server asks for a method of the API."""
        asyncio.run_coroutine_threadsafe(self._call(token, method, dict(params)), self._loop)

    def send_i3_presence(self, users: Any, *args: Any, **kwargs: Any) -> None:
        """The Server says who is on. The client repeats it, also while the Server reloads."""
        names = [str(user["name"]) for user in users]
        self._loop.call_soon_threadsafe(lambda: self._client.set_presence(names))

    def send_default(self, *args: Any, **kwargs: Any) -> None:
        """Whatever else is sent to an account does not concern the network."""

    def disconnect(self, reason: Optional[str] = None) -> None:
        if self._ended:
            return
        self._ended = True
        if _running.get(self.factory.uid) is self.factory:
            del _running[self.factory.uid]
        self.sessionhandler.disconnect(self)
        # Not awaited here: the reactor's thread must not block.
        threads.deferToThread(self._close)

    def _close(self) -> None:
        try:
            asyncio.run_coroutine_threadsafe(self._client.close(), self._loop).result(5)
        except Exception:  # the loop has ended by itself
            pass
