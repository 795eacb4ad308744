"""A client for the Intermud-3 gateway: `I3Client` for asyncio, `BlockingClient` without it.

Methods, results and events are typed; `i3_gateway.api` has them all.
"""

from .address import Address as Address
from .api import *  # noqa: F403
from .api import EVENTS as EVENTS
from .blocking import BlockingClient as BlockingClient
from .client import I3Client as I3Client
from .errors import (
    CallTimeout as CallTimeout,
    ClientClosed as ClientClosed,
    ConnectionLost as ConnectionLost,
    GatewayError as GatewayError,
    I3Error as I3Error,
    InternalError as InternalError,
    InvalidParams as InvalidParams,
    InvalidRequest as InvalidRequest,
    MethodNotFound as MethodNotFound,
    NotAuthenticated as NotAuthenticated,
    NotConnected as NotConnected,
    PermissionDenied as PermissionDenied,
    RateLimited as RateLimited,
    RpcError as RpcError,
    SessionExpired as SessionExpired,
)
from .event import Connected as Connected
from .event import Disconnected as Disconnected
from .event import Event as Event
from .event import UnknownEvent as UnknownEvent

__version__ = "0.1.0"
