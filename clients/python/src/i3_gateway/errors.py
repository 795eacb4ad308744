"""What can go wrong, as exceptions. All of them are `I3Error`."""

from __future__ import annotations

from typing import Any, Dict, Mapping, Optional, Type


class I3Error(Exception):
    """The base of all errors of this package."""


class NotConnected(I3Error):
    """There is no connection to the gateway now. The request was not sent."""


class ConnectionLost(I3Error):
    """The connection was lost before the answer came. The gateway may have done what was asked, or not."""


class CallTimeout(I3Error, TimeoutError):
    """No answer came in time. The gateway may have done what was asked, or not."""


class ClientClosed(I3Error):
    """The client was closed."""


class RpcError(I3Error):
    """The gateway refused a request. The text is for people; `code` and `data` are for programs."""

    code: int = 0
    data: Mapping[str, Any]

    def __init__(self, message: str, code: int, data: Optional[Mapping[str, Any]] = None) -> None:
        super().__init__(message)
        self.message = message
        self.code = code
        self.data = data or {}

    @property
    def retryable(self) -> bool:
        """Whether the same request may succeed later."""
        return bool(self.data.get("retryable", False))


class InvalidRequest(RpcError):
    """-32700 or -32600: the request could not be read, or is too long."""


class MethodNotFound(RpcError):
    """-32601: this gateway has no such method."""


class InvalidParams(RpcError):
    """-32602: a parameter is missing or wrong. The text names it."""


class InternalError(RpcError):
    """-32603: a fault of the gateway."""


class NotAuthenticated(RpcError):
    """-32000: the API key is wrong."""


class RateLimited(RpcError):
    """-32001: too many requests. Wait `retry_after` seconds."""

    @property
    def retry_after(self) -> float:
        """Seconds to wait before the next request."""
        return float(self.data.get("retry_after_ms", 1000)) / 1000

    @property
    def retryable(self) -> bool:
        return True


class PermissionDenied(RpcError):
    """-32002: the key does not allow it. `needs` is the permission that it lacks."""

    @property
    def needs(self) -> str:
        """The permission that the key lacks."""
        return str(self.data.get("needs", ""))


class SessionExpired(RpcError):
    """-32003: the session has ended, after too long a silence or by an administrator."""


class GatewayError(RpcError):
    """-32004: the gateway cannot do it now. `reason` says why; the text is fit for players."""

    @property
    def reason(self) -> str:
        """A word for programs: `router_down`, `no_answer`, `unk-user`, …; docs/API.md lists them."""
        return str(self.data.get("reason", ""))


_BY_CODE: Dict[int, Type[RpcError]] = {
    -32700: InvalidRequest,
    -32600: InvalidRequest,
    -32601: MethodNotFound,
    -32602: InvalidParams,
    -32603: InternalError,
    -32000: NotAuthenticated,
    -32001: RateLimited,
    -32002: PermissionDenied,
    -32003: SessionExpired,
    -32004: GatewayError,
}


def from_wire(error: Any) -> RpcError:
    """The exception for the member `error` of an answer."""
    told: Mapping[str, Any] = error if isinstance(error, dict) else {}
    code = told.get("code")
    data = told.get("data")
    number = code if isinstance(code, int) else 0
    return _BY_CODE.get(number, RpcError)(str(told.get("message", "")), number, data if isinstance(data, dict) else None)
