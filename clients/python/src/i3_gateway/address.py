"""Where the gateway is, from a URL or from the environment."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Mapping, Optional
from urllib.parse import urlsplit

DEFAULT_TCP_PORT = 8081


@dataclass(frozen=True)
class Address:
    """Lines over TCP, or a WebSocket; either in the clear or in TLS."""

    host: str
    port: int
    tls: bool
    websocket_url: Optional[str] = None

    def __str__(self) -> str:
        return self.websocket_url or f"{'tls' if self.tls else 'tcp'}://{self.host}:{self.port}"

    @staticmethod
    def parse(url: str) -> "Address":
        """tcp://HOST:PORT and tls://HOST:PORT are lines; ws://, wss://, http:// and https:// are a WebSocket."""
        parts = urlsplit(url)
        scheme = {"http": "ws", "https": "wss"}.get(parts.scheme, parts.scheme)
        if scheme not in ("tcp", "tls", "ws", "wss") or not parts.hostname:
            raise ValueError(f"{url!r} is no address of a gateway: write tcp://HOST:PORT, tls://…, ws://HOST:PORT/ws or wss://…")
        if scheme in ("tcp", "tls"):
            return Address(parts.hostname, parts.port or DEFAULT_TCP_PORT, scheme == "tls")
        port = parts.port or (443 if scheme == "wss" else 80)
        path = parts.path if parts.path not in ("", "/") else "/ws"
        query = f"?{parts.query}" if parts.query else ""
        return Address(parts.hostname, port, scheme == "wss", f"{scheme}://{parts.netloc}{path}{query}")

    @staticmethod
    def from_env(environment: Optional[Mapping[str, str]] = None) -> "Address":
        """Lines to I3_GATEWAY_HOST and I3_GATEWAY_PORT if one of them is set, else I3_GATEWAY_URL, else 127.0.0.1:8081."""
        given = os.environ if environment is None else environment
        host, port, url = (given.get(name, "") for name in ("I3_GATEWAY_HOST", "I3_GATEWAY_PORT", "I3_GATEWAY_URL"))
        if url and not host and not port:
            return Address.parse(url)
        return Address(host or "127.0.0.1", int(port or DEFAULT_TCP_PORT), False)
