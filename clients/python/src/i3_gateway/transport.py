"""The two ways to carry texts with asyncio: lines over TCP, and a WebSocket (with the package `websockets`)."""

from __future__ import annotations

import asyncio
import ssl
from typing import Any, List, Optional, Protocol

from .address import Address

# The longest line that is read. The gateway's longest answers have some 300,000 bytes.
LINE_BYTES_MAX = 4 * 1024 * 1024
# How much is read at once; asyncio keeps up to twice as much before it stops reading from the socket.
READ_BYTES = 64 * 1024


class Transport(Protocol):
    """A connection that carries JSON texts."""

    async def receive(self) -> Optional[str]:
        """The next text; None when the other side has closed."""

    async def send(self, text: str) -> None:
        """Returns when the text has been accepted for sending."""

    async def close(self) -> None:
        """Ends the connection."""


class Lines:
    """One text a line over TCP."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer
        self._partial = b""
        self._lines: List[bytes] = []

    async def receive(self) -> Optional[str]:
        while True:
            while self._lines:
                line = self._lines.pop(0).strip()
                if line:
                    return line.decode("utf-8", "replace")
            read = await self._reader.read(READ_BYTES)
            if not read:
                return None
            *self._lines, self._partial = (self._partial + read).split(b"\n")
            if len(self._partial) > LINE_BYTES_MAX:
                raise ConnectionError(f"a line of the gateway is longer than {LINE_BYTES_MAX} bytes")

    async def send(self, text: str) -> None:
        self._writer.write(text.encode("utf-8") + b"\n")
        await self._writer.drain()

    async def close(self) -> None:
        self._writer.close()
        try:
            await asyncio.wait_for(self._writer.wait_closed(), 2)
        except (OSError, asyncio.TimeoutError):
            pass


class WebSocket:
    """One text a frame."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection

    async def receive(self) -> Optional[str]:
        from websockets.exceptions import ConnectionClosed  # type: ignore[import-not-found, import-untyped, unused-ignore]

        try:
            text = await self._connection.recv()
        except ConnectionClosed as closed:
            if closed.rcvd is not None and closed.rcvd.reason:
                raise ConnectionError(f"closed by the gateway: {closed.rcvd.reason}") from None
            return None
        return text if isinstance(text, str) else bytes(text).decode("utf-8", "replace")

    async def send(self, text: str) -> None:
        from websockets.exceptions import ConnectionClosed  # type: ignore[import-not-found, import-untyped, unused-ignore]

        try:
            await self._connection.send(text)
        except ConnectionClosed as closed:
            raise ConnectionError(str(closed)) from None

    async def close(self) -> None:
        await self._connection.close()


async def connect(address: Address, tls: Optional[ssl.SSLContext]) -> Transport:
    """Connects. Raises OSError if that fails."""
    context = (tls or ssl.create_default_context()) if address.tls else None
    if address.websocket_url is None:
        reader, writer = await asyncio.open_connection(address.host, address.port, ssl=context, limit=READ_BYTES)
        return Lines(reader, writer)
    try:
        from websockets.asyncio.client import connect as connect_websocket  # type: ignore[import-not-found, import-untyped, unused-ignore]
        from websockets.exceptions import WebSocketException  # type: ignore[import-not-found, import-untyped, unused-ignore]
    except ImportError as missing:
        raise ImportError("a WebSocket needs the package: pip install 'i3-gateway-client[websocket]'") from missing
    try:
        # The client sends its own heartbeats. Pings of the library would fail while a slow program lets the client wait.
        connection = await connect_websocket(
            address.websocket_url, ssl=context, max_size=LINE_BYTES_MAX, max_queue=16, ping_interval=None, close_timeout=2
        )
    except WebSocketException as refused:
        raise ConnectionError(str(refused)) from refused
    return WebSocket(connection)
