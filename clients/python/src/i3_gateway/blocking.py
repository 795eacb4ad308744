"""The client without asyncio: for scripts, and for games with a loop or threads of their own."""

from __future__ import annotations

import asyncio
import concurrent.futures
import threading
from types import TracebackType
from typing import Any, Coroutine, Iterator, Mapping, Optional, Type, TypeVar

from .api import BlockingMethods
from .client import I3Client, Users, environment_options
from .event import Event

T = TypeVar("T")


class BlockingClient(BlockingMethods):
    """Like `I3Client`, with the same arguments, but each call returns when it is done.

    A thread of its own keeps the connection. All methods may be called from any thread; events are for one thread.
    """

    def __init__(self, *args: Any, **options: Any) -> None:
        self._client = I3Client(*args, **options)
        self._loop = asyncio.new_event_loop()
        self._thread: Optional[threading.Thread] = None

    @classmethod
    def from_env(cls, client: Optional[str] = None, **options: Any) -> "BlockingClient":
        """A client from I3_GATEWAY_HOST and I3_GATEWAY_PORT or I3_GATEWAY_URL, I3_API_KEY and I3_MUD_NAME."""
        return cls(**environment_options(client, options))

    # -- its life ----------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Begins to connect, and returns at once."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._loop.run_forever, name="i3-gateway", daemon=True)
            self._thread.start()
            self._loop.call_soon_threadsafe(self._client.start)

    def wait_connected(self, timeout: Optional[float] = None) -> None:
        """Waits until the client is connected. Raises NotAuthenticated if the key is wrong, CallTimeout after `timeout` seconds."""
        self._do(self._client.wait_connected(timeout))

    @property
    def connected(self) -> bool:
        """Whether the client is connected and identified now."""
        return self._client.connected

    @property
    def mud_name(self) -> Optional[str]:
        """The mud that the key speaks for."""
        return self._client.mud_name

    def __enter__(self) -> "BlockingClient":
        try:
            self.wait_connected()
        except BaseException:
            self.close(handled=False)
            raise
        return self

    def __exit__(
        self, kind: Optional[Type[BaseException]], error: Optional[BaseException], trace: Optional[TracebackType]
    ) -> None:
        self.close(handled=kind is None)

    def close(self, handled: bool = True) -> None:
        """Acknowledges what was handled, and ends the connection. `handled`: the event in hand counts as handled."""
        if self._loop.is_closed():
            return
        if self._thread is not None:
            self._do(self._client.close(handled))
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()
        self._loop.close()

    # -- events ------------------------------------------------------------------------------------------------------

    def events(self) -> Iterator[Event]:
        """The events, one after the other. Ends when the client is closed."""
        while True:
            event = self._do(self._client.next_event())
            if event is None:
                return
            yield event

    def poll(self, timeout: float = 0.0) -> Optional[Event]:
        """The next event, or None if none comes within `timeout` seconds: for a game loop.

        The event that was returned before counts as handled now, unless acks are manual.
        """
        return self._do(self._client.next_event(timeout))

    def acknowledge(self, event: Event) -> None:
        """Says that an event is done with: it is not delivered again."""
        self._loop.call_soon_threadsafe(self._client.acknowledge, event)

    # -- requests ----------------------------------------------------------------------------------------------------

    def call(self, method: str, params: Optional[Mapping[str, Any]] = None, timeout: Optional[float] = None) -> Any:
        """Calls a method of the API and returns its result; raises as `I3Client.call` does."""
        return self._do(self._client.call(method, params, timeout))

    def join(self, *channels: str, listen_only: bool = False) -> None:
        """Joins channels, now and after each reconnect."""
        self._do(self._client.join(*channels, listen_only=listen_only))

    def leave(self, *channels: str) -> None:
        """Leaves channels for good."""
        self._do(self._client.leave(*channels))

    def set_presence(self, users: Users) -> None:
        """Publishes who is on, now and every 15 seconds from now on."""
        listed = list(users)
        self.start()
        self._loop.call_soon_threadsafe(self._client.set_presence, listed)

    def _do(self, work: Coroutine[Any, Any, T]) -> T:
        self.start()
        future = asyncio.run_coroutine_threadsafe(work, self._loop)
        try:
            return future.result()
        except (KeyboardInterrupt, concurrent.futures.CancelledError):
            future.cancel()
            raise
