"""The methods and events of the gateway's API 0.1.0, as types. Written by clients/generate.py from docs/openrpc.json and docs/asyncapi.json. Do not edit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Dict, List, Literal, Mapping, Optional, Type, TypedDict, Union, cast, overload

from .event import Event


class Action(TypedDict):
    """`by`: who did it: the mud of the key, and where its session came from; `method`: the method; `mud_name`: the
    mud of the caller's key; `number`: numbers the actions since the start; `params`: its parameters in JSON, as
    the caller wrote them; at most 500 bytes; `timestamp`: when it was done
    """

    by: str
    method: str
    mud_name: str
    number: int
    params: str
    timestamp: str


class Ban(TypedDict):
    """`ban_id`: identifies the ban; `by`: who has set it: the mud of the key, and where its session came from;
    empty if that is not known; `channel`: the channels, as a pattern; null: all; `created`: when it was added;
    `direction`: the direction; `expires`: when it ends; null: never; `hits`: number of packets that it has
    stopped since the start; `packet_type`: the packet types, as a pattern; null: all; `pattern`: the user, as a
    pattern; `reason`: a text for people
    """

    ban_id: int
    by: str
    channel: Optional[str]
    created: str
    direction: Literal["both", "in", "out"]
    expires: Optional[str]
    hits: int
    packet_type: Optional[str]
    pattern: str
    reason: str


class _Message(TypedDict):
    event: str
    event_id: int
    from_mud: str
    from_user: str
    message: str
    timestamp: str
    visname: str


class Message(_Message, total=False):
    """`event`: `channel_message`, `channel_emote`, …; it determines the other members; `event_id`: the number of
    its event; `from_mud`: the sender's mud; `from_user`: the sender's user name; `message`: the text; in an
    emote `$N` stands for the name, which is there itself unless texts are read `raw`; `timestamp`: when it
    arrived; `visname`: the sender's visible name; `channel`: the channel; `message_target`: for a targeted
    emote: the text for the target; `self`: true: the mud's own line, as the router sent it back; `target_mud`:
    for a targeted emote: the mud of the target; `target_user`: for a targeted emote: the target;
    `target_visname`: for a targeted emote: the visible name of the target; `to_mud`: for a tell: the
    recipient's mud; `to_user`: for a tell: the recipient
    """

    channel: str
    message_target: str
    self: bool
    target_mud: str
    target_user: str
    target_visname: str
    to_mud: str
    to_user: str


class ChannelListFilter(TypedDict, total=False):
    """`min_members`: only channels with at least this many local subscribers; `owner`: only channels of this mud;
    `type`: only channels of this type
    """

    min_members: int
    owner: str
    type: int


class Channel(TypedDict):
    """`member_count`: number of sessions of this gateway that subscribe to it, on all its nodes; `name`: its exact
    name; `owner`: the mud that created it; `type`: 0: open to all muds but the banned; 1: open to admitted muds
    only; 2: filtered
    """

    member_count: int
    name: str
    owner: str
    type: int


class MudUsers(TypedDict):
    """`mud`: the mud; `users`: its users"""

    mud: str
    users: List[str]


class _UserInfo(TypedDict):
    email: str
    extra: str
    idle_time: int
    ip_address: str
    level: int
    login_time: str
    name: str
    real_name: str
    title: str


class UserInfo(_UserInfo, total=False):
    """`email`: the e-mail address; `extra`: other text that the mud reports; `idle_time`: seconds of idleness; -1
    when offline; `ip_address`: the address from which the user is connected; `level`: the level; 0 if the mud
    reports none, or one that is not a number; `login_time`: the time of the last login or logout, as the mud
    writes it; `name`: the visible name; `real_name`: the real name; `title`: the title; any text is empty if
    the mud does not report it; `level_name`: the level, if it is a text
    """

    level_name: str


class MudlistFilter(TypedDict, total=False):
    """`driver`: a part of the driver's name, in any case; `has_service`: a service that the mud offers; `name`: a
    part of the mud's name, in any case; `status`: `up` or `down`
    """

    driver: str
    has_service: str
    name: str
    status: str


class Mud(TypedDict):
    """`admin_email`: the e-mail address of its administrator; `driver`: the driver; `host`: the address, as the
    router sees it; `mud_type`: the type of mud: `LP`, `Diku`, …; `mudlib`: the mudlib; `name`: its exact name;
    `open_status`: free text about whether the mud is open; `port`: the port for players; `services`: the
    services that it offers; each value is 1, a port, or a version; `status`: whether it is on the network;
    `tcp_port`: the out-of-band TCP port, 0 for none; `udp_port`: the out-of-band UDP port, 0 for none
    """

    admin_email: str
    driver: str
    host: str
    mud_type: str
    mudlib: str
    name: str
    open_status: str
    port: int
    services: Dict[str, Any]
    status: Literal["up", "down"]
    tcp_port: int
    udp_port: int


class Router(TypedDict):
    """`last_error`: why the link was last lost or refused; `liveness`: how the gateway checks that the router
    still answers, as text for people; `name`: the router in use, or the one being tried; `next_attempt`: when
    the gateway dials it next; null when no attempt is scheduled; `since`: when the link entered its state;
    `state`: the state of the link
    """

    last_error: Optional[str]
    liveness: str
    name: str
    next_attempt: Optional[str]
    since: str
    state: Literal["waiting", "connecting", "logging in", "saving password", "ready", "leaving", "stopped"]


class OverviewRouter(TypedDict):
    """`host`: its address; `in_use`: whether the link uses it, or is trying it; `name`: its name; `port`: its port"""

    host: str
    in_use: bool
    name: str
    port: int


class _Identitie(TypedDict):
    ban_count: int
    channel_count: int
    connected: bool
    local_users: int
    mud_name: str
    online_muds: int
    router: Router
    routers: List[OverviewRouter]
    waiting_bytes: int
    waiting_packets: int


class Identitie(_Identitie, total=False):
    """`ban_count`: bans; `channel_count`: known channels; `connected`: whether the router link is ready;
    `local_users`: local users who are online, as the game has published them; `mud_name`: the mud;
    `online_muds`: known muds that are up; `router`: the router link; `routers`: the routers in the order in
    which they are tried; `waiting_bytes`: bytes of these packets; `waiting_packets`: packets that wait for the
    router; `holder`: where several nodes share the muds: the name of the node that holds the router link; null:
    none does
    """

    holder: Optional[str]


class Minute(TypedDict):
    """`answer_ms`: the mean time, in milliseconds, of requests that waited for the network or the store; null:
    none did; `events`: events for clients, counted for each recipient; `lag_ms`: the greatest delay of the
    gateway's loop, in milliseconds; `packets_received`: packets from routers; `packets_sent`: packets to
    routers; `requests`: requests of clients; `timestamp`: when it began
    """

    answer_ms: Optional[float]
    events: int
    lag_ms: float
    packets_received: int
    packets_sent: int
    requests: int
    timestamp: str


class Queue(TypedDict):
    """`kept_bytes`: bytes of these events; `kept_events`: events that are kept for the history and for games that
    are away; `pending_bytes`: bytes queued or in transit for all connections; `session_count`: identified
    sessions; `storage`: whether the store accepts changes; `unsaved_changes`: changes that are not saved yet;
    `waiting_requests`: requests that wait for an answer from the network or the store
    """

    kept_bytes: int
    kept_events: int
    pending_bytes: int
    session_count: int
    storage: Literal["good", "failing"]
    unsaved_changes: int
    waiting_requests: int


class _PresentUser(TypedDict):
    name: str


class PresentUser(_PresentUser, total=False):
    """`name`: as shown, without blanks around it; at most 128 characters; `guild`: at most 128 characters; `idle`:
    seconds of idleness; `level`: the user's level; `location`: at most 256 characters; `login_time`: seconds
    since 1970, or a text of at most 64 bytes; `race`: at most 128 characters; `status`: `afk`, `editing`, …, at
    most 256 characters; `title`: the text after the name; at most 256 characters
    """

    guild: str
    idle: int
    level: int
    location: str
    login_time: Any
    race: str
    status: str
    title: str


class _SessionInfo(TypedDict):
    address: str
    channels: int
    client: Optional[str]
    key_name: Optional[str]
    mud_name: Optional[str]
    permissions: List[str]
    role: Optional[Literal["game", "observer"]]
    session_id: Optional[str]
    since: str
    transport: Literal["tcp", "websocket", "i3", "irc"]


class SessionInfo(_SessionInfo, total=False):
    """`address`: the client's address; behind a trusted proxy, the address that the proxy reports; `channels`:
    number of channels that it subscribes to; `client`: the name that the client gave itself; null if it gave
    none; `key_name`: the name of its key in the settings; null before `authenticate`, and where no key is
    needed; `mud_name`: the mud of its key; null before `authenticate`; `permissions`: permissions of its key;
    `*` means all; `role`: whom it speaks for: what an `observer` receives is still kept for the game; null
    before `authenticate`; `session_id`: identifies the session; null before `authenticate`; `since`: when it
    connected; `transport`: how it is connected; `idle_seconds`: seconds since its last request; not for a
    session at another node; `node`: the node that it is connected to, where several gateways share a database;
    `queued_bytes`: bytes queued for the client that it has not read yet; not for a session at another node
    """

    idle_seconds: int
    node: str
    queued_bytes: int


class WhoFilter(TypedDict, total=False):
    """`guild`: only users whose description holds this text, in any case; `max_level`: only users of at most this
    level; `min_level`: only users of at least this level; `race`: only users whose description holds this text,
    in any case
    """

    guild: str
    max_level: int
    min_level: int
    race: str


class User(TypedDict):
    """`extra`: other text that the mud reports; `idle`: seconds of idleness; `level`: the level; 0 if the mud does
    not report one; `name`: the user's visible name
    """

    extra: str
    idle: int
    level: int
    name: str


class AckResult(TypedDict):
    """The result of `ack`."""

    event_id: int
    status: Literal["acknowledged"]


class _AuditResult(TypedDict):
    actions: List[Action]
    count: int
    status: Literal["success"]


class AuditResult(_AuditResult, total=False):
    """The result of `audit`."""

    more: bool
    next: int


class AuthenticateResult(TypedDict):
    """The result of `authenticate`."""

    mud_name: str
    session_id: str
    status: Literal["authenticated", "success"]


class BanAddResult(TypedDict):
    """The result of `ban_add`."""

    ban_id: int
    status: Literal["banned"]


class _BanListResult(TypedDict):
    bans: List[Ban]
    count: int
    status: Literal["success"]


class BanListResult(_BanListResult, total=False):
    """The result of `ban_list`."""

    more: bool
    next: int


class BanRemoveResult(TypedDict):
    """The result of `ban_remove`."""

    ban_id: int
    status: Literal["removed"]


class BeepResult(TypedDict):
    """The result of `beep`."""

    message_id: str
    status: Literal["sent"]


class ChannelAddResult(TypedDict):
    """The result of `channel_add`."""

    channel: str
    message_id: str
    status: Literal["success", "sent"]


class ChannelAdminResult(TypedDict):
    """The result of `channel_admin`."""

    channel: str
    message_id: str
    status: Literal["success", "sent"]


class ChannelEmoteResult(TypedDict):
    """The result of `channel_emote`."""

    message_id: str
    status: Literal["sent"]


class ChannelFilterResult1(TypedDict):
    """The result of `channel_filter`."""

    channel: str
    status: Literal["filtering", "not_filtering"]


class ChannelFilterResult2(TypedDict):
    """The result of `channel_filter`."""

    filter_id: int
    status: Literal["passed", "dropped"]


class _ChannelHistoryResult(TypedDict):
    count: int
    messages: List[Message]
    status: Literal["success"]


class ChannelHistoryResult(_ChannelHistoryResult, total=False):
    """The result of `channel_history`."""

    more: bool
    next: int


class _ChannelJoinResult(TypedDict):
    channel: str
    status: Literal["joined"]


class ChannelJoinResult(_ChannelJoinResult, total=False):
    """The result of `channel_join`."""

    warning: str


class ChannelLeaveResult(TypedDict):
    """The result of `channel_leave`."""

    channel: str
    status: Literal["left"]


class _ChannelListResult(TypedDict):
    channels: List[Channel]
    count: int
    status: Literal["success"]
    subscribed_channels: List[str]


class ChannelListResult(_ChannelListResult, total=False):
    """The result of `channel_list`."""

    more: bool
    next: str


class ChannelRemoveResult(TypedDict):
    """The result of `channel_remove`."""

    channel: str
    message_id: str
    status: Literal["success", "sent"]


class ChannelSendResult(TypedDict):
    """The result of `channel_send`."""

    message_id: str
    status: Literal["sent"]


class ChannelTargetedEmoteResult(TypedDict):
    """The result of `channel_targeted_emote`."""

    message_id: str
    status: Literal["sent"]


class ChannelUserResult(TypedDict):
    """The result of `channel_user`."""

    gender: int
    mud_name: str
    status: Literal["success"]
    user_name: str
    visname: str


class _ChannelWhoResult(TypedDict):
    channel: str
    members: List[MudUsers]
    status: Literal["success", "requested"]
    users: List[str]


class ChannelWhoResult(_ChannelWhoResult, total=False):
    """The result of `channel_who`."""

    more: bool


class DrainResult(TypedDict):
    """The result of `drain`."""

    muds: int
    status: Literal["drained"]


class EmotetoResult(TypedDict):
    """The result of `emoteto`."""

    message_id: str
    status: Literal["sent"]


class FingerRequested(TypedDict):
    """The result of `finger`."""

    mud_name: str
    status: Literal["requested"]
    user_name: str


class FingerResult(TypedDict):
    """The result of `finger`."""

    from_mud: str
    to_mud: str
    to_user: str
    user_info: UserInfo


class HeartbeatResult(TypedDict):
    """The result of `heartbeat`."""

    status: Literal["ok"]
    timestamp: str


class _HistorySearchResult(TypedDict):
    count: int
    messages: List[Message]
    status: Literal["success"]


class HistorySearchResult(_HistorySearchResult, total=False):
    """The result of `history_search`."""

    more: bool
    next: int


class KickResult(TypedDict):
    """The result of `kick`."""

    session_id: str
    status: Literal["kicked"]


class LocateRequested(TypedDict):
    """The result of `locate`."""

    status: Literal["requested"]
    user_name: str


class LocateResult(TypedDict):
    """The result of `locate`."""

    from_mud: str
    idle: int
    located_mud: str
    located_user: str
    status: str
    to_mud: str
    to_user: str


class LogLevelResult(TypedDict):
    """The result of `log_level`."""

    level: Literal["DEBUG", "INFO", "WARNING", "ERROR"]
    status: Literal["success"]


class _MudlistResult(TypedDict):
    count: int
    muds: List[Mud]
    status: Literal["success"]


class MudlistResult(_MudlistResult, total=False):
    """The result of `mudlist`."""

    more: bool
    next: str


class _OverviewResult(TypedDict):
    identities: List[Identitie]
    may_speak: bool
    minutes: List[Minute]
    permissions: List[str]
    queues: Queue
    status: Literal["success"]
    uptime: float
    version: str
    warnings: List[str]


class OverviewResult(_OverviewResult, total=False):
    """The result of `overview`."""

    node: str


class PingResult(TypedDict):
    """The result of `ping`."""

    pong: bool
    timestamp: str


class PresenceSyncResult(TypedDict):
    """The result of `presence_sync`."""

    count: int
    mud_name: str
    status: Literal["synchronized"]


class ReconnectResult(TypedDict):
    """The result of `reconnect`."""

    status: Literal["reconnecting"]


class ResumeResult(TypedDict):
    """The result of `resume`."""

    last_event_id: Optional[int]
    status: Literal["success"]


class RetireResult(TypedDict):
    """The result of `retire`."""

    mud_name: str
    router: str
    status: Literal["retired"]


class RpcDiscoverResult(TypedDict):
    """The result of `rpc.discover`."""

    info: Dict[str, Any]
    methods: List[Dict[str, Any]]
    openrpc: str


class _SessionsResult(TypedDict):
    count: int
    sessions: List[SessionInfo]
    status: Literal["success"]


class SessionsResult(_SessionsResult, total=False):
    """The result of `sessions`."""

    more: bool
    next: int


class StatsResult(TypedDict):
    """The result of `stats`."""

    chanlist_id: int
    channel_count: int
    gateway_connected: bool
    mud_count: int
    mudlist_id: int
    online_muds: int
    packets_received: int
    packets_sent: int
    session_count: int


class _StatusResult(TypedDict):
    connected: bool
    mud_name: str
    router: Router
    session_id: str
    uptime: float


class StatusResult(_StatusResult, total=False):
    """The result of `status`."""

    holder: Optional[str]
    node: str


class TellResult(TypedDict):
    """The result of `tell`."""

    message_id: str
    status: Literal["sent"]


class TellRefuseResult(TypedDict):
    """The result of `tell_refuse`."""

    event_id: int
    status: Literal["refused"]


class TextPreviewResult(TypedDict):
    """The result of `text_preview`."""

    ansi: str
    html: str
    plain: str
    raw: str
    sent: str
    status: Literal["success"]


class TraceResult(TypedDict):
    """The result of `trace`."""

    status: Literal["tracing", "stopped"]


class WhoRequested(TypedDict):
    """The result of `who`."""

    mud_name: str
    status: Literal["requested"]


class _WhoResult(TypedDict):
    from_mud: str
    members: List[MudUsers]
    to_mud: str
    to_user: str
    users: List[User]


class WhoResult(_WhoResult, total=False):
    """The result of `who`."""

    more: bool


@dataclass(frozen=True)
class BeepReceived(Event):
    """A user of another mud wants the attention of a user of this mud. `message` is empty."""

    NAME: ClassVar[str] = "beep_received"
    KEPT: ClassVar[bool] = True
    from_mud: str
    from_user: str
    message: str
    to_mud: str
    to_user: str
    visname: str


@dataclass(frozen=True)
class ChannelAdded(Event):
    """A channel was added or has changed."""

    NAME: ClassVar[str] = "channel_added"
    KEPT: ClassVar[bool] = False
    channel: str
    owner: str
    type: int


@dataclass(frozen=True)
class ChannelEmote(Event):
    """An emote on a channel, for sessions that subscribe to it."""

    NAME: ClassVar[str] = "channel_emote"
    KEPT: ClassVar[bool] = True
    channel: str
    from_mud: str
    from_user: str
    message: str
    visname: str
    own: bool = False


@dataclass(frozen=True)
class ChannelFilterRequest(Event):
    """The router asks whether a message may pass on a filtered channel of this mud. The sessions of the mud
    receive this once one of them has called `channel_filter`, which also answers it.
    """

    NAME: ClassVar[str] = "channel_filter_request"
    KEPT: ClassVar[bool] = False
    channel: str
    event: Literal["channel_message", "channel_emote", "channel_targeted_emote"]
    filter_id: int
    from_mud: str
    from_user: str
    message: str
    timeout: int
    visname: str


@dataclass(frozen=True)
class ChannelJoined(Event):
    """Another session of the mud has joined a channel."""

    NAME: ClassVar[str] = "channel_joined"
    KEPT: ClassVar[bool] = False
    channel: str
    session_id: str


@dataclass(frozen=True)
class ChannelLeft(Event):
    """Another session of the mud has left a channel."""

    NAME: ClassVar[str] = "channel_left"
    KEPT: ClassVar[bool] = False
    channel: str
    session_id: str


@dataclass(frozen=True)
class ChannelMessage(Event):
    """A message on a channel, for sessions that subscribe to it."""

    NAME: ClassVar[str] = "channel_message"
    KEPT: ClassVar[bool] = True
    channel: str
    from_mud: str
    from_user: str
    message: str
    visname: str
    own: bool = False


@dataclass(frozen=True)
class ChannelRemoved(Event):
    """A channel was removed."""

    NAME: ClassVar[str] = "channel_removed"
    KEPT: ClassVar[bool] = False
    channel: str
    owner: str
    type: int


@dataclass(frozen=True)
class ChannelTargetedEmote(Event):
    """An emote on a channel that is aimed at a user, for sessions that subscribe to it."""

    NAME: ClassVar[str] = "channel_targeted_emote"
    KEPT: ClassVar[bool] = True
    channel: str
    from_mud: str
    from_user: str
    message: str
    message_target: str
    target_mud: str
    target_user: str
    target_visname: str
    visname: str
    own: bool = False


@dataclass(frozen=True)
class ChannelWhoReply(Event):
    """An answer to a `channel_who`."""

    NAME: ClassVar[str] = "channel_who_reply"
    KEPT: ClassVar[bool] = True
    channel: str
    from_mud: str
    to_user: str
    users: List[str]
    more: bool = False


@dataclass(frozen=True)
class EmotetoReceived(Event):
    """A user of another mud has sent an emote to a user of this mud."""

    NAME: ClassVar[str] = "emoteto_received"
    KEPT: ClassVar[bool] = True
    from_mud: str
    from_user: str
    message: str
    to_mud: str
    to_user: str
    visname: str


@dataclass(frozen=True)
class ErrorOccurred(Event):
    """Something that this mud has sent failed. A request that waits for it gets the error as its answer instead."""

    NAME: ClassVar[str] = "error_occurred"
    KEPT: ClassVar[bool] = True
    context: Literal["i3_packet_error", "gateway_queue"]
    error_code: str
    error_message: str
    from_mud: str
    to_mud: str
    to_user: str
    message_id: Optional[str] = None


@dataclass(frozen=True)
class FingerReply(Event):
    """The answer to a `finger` without `wait`."""

    NAME: ClassVar[str] = "finger_reply"
    KEPT: ClassVar[bool] = True
    from_mud: str
    to_mud: str
    to_user: str
    user_info: UserInfo


@dataclass(frozen=True)
class GatewayDisconnected(Event):
    """The link to the router was lost or closed."""

    NAME: ClassVar[str] = "gateway_disconnected"
    KEPT: ClassVar[bool] = False
    message: str
    reason: str
    router: str
    status: Literal["connected", "disconnected"]


@dataclass(frozen=True)
class GatewayReconnected(Event):
    """The link to the router is ready."""

    NAME: ClassVar[str] = "gateway_reconnected"
    KEPT: ClassVar[bool] = False
    message: str
    reason: str
    router: str
    status: Literal["connected", "disconnected"]


@dataclass(frozen=True)
class IdentityWarning(Event):
    """Another gateway or game uses the mud's name, or the router refuses the login."""

    NAME: ClassVar[str] = "identity_warning"
    KEPT: ClassVar[bool] = True
    advice: str
    error_code: str
    message: str


@dataclass(frozen=True)
class Lagged(Event):
    """This client has not read for a while, and events for it were dropped."""

    NAME: ClassVar[str] = "lagged"
    KEPT: ClassVar[bool] = False
    dropped: int


@dataclass(frozen=True)
class LocateReply(Event):
    """An answer to a `locate`: one from each mud where the user is."""

    NAME: ClassVar[str] = "locate_reply"
    KEPT: ClassVar[bool] = True
    from_mud: str
    idle: int
    located_mud: str
    located_user: str
    status: str
    to_mud: str
    to_user: str


@dataclass(frozen=True)
class MudOffline(Event):
    """A mud has gone down."""

    NAME: ClassVar[str] = "mud_offline"
    KEPT: ClassVar[bool] = False
    info: Optional[Mud]
    mud_name: str
    status: Literal["up", "down"]


@dataclass(frozen=True)
class MudOnline(Event):
    """A mud has come up."""

    NAME: ClassVar[str] = "mud_online"
    KEPT: ClassVar[bool] = False
    info: Optional[Mud]
    mud_name: str
    status: Literal["up", "down"]


@dataclass(frozen=True)
class PacketTrace(Event):
    """A packet of the mud, for sessions that have called `trace`."""

    NAME: ClassVar[str] = "packet_trace"
    KEPT: ClassVar[bool] = False
    direction: Literal["received", "sent"]
    mud_name: str
    packet: str
    router: str
    dropped: Optional[str] = None


@dataclass(frozen=True)
class RateLimitWarning(Event):
    """A request was refused because requests come too often; sent at most once a minute."""

    NAME: ClassVar[str] = "rate_limit_warning"
    KEPT: ClassVar[bool] = False
    method: str
    per_minute: int
    retry_after_ms: int


@dataclass(frozen=True)
class ReplayComplete(Event):
    """A replay is complete: see "What came while you were away"."""

    NAME: ClassVar[str] = "replay_complete"
    KEPT: ClassVar[bool] = False
    gap: bool
    replayed: int
    channel: Optional[str] = None


@dataclass(frozen=True)
class ShutdownWarning(Event):
    """The gateway is shutting down."""

    NAME: ClassVar[str] = "shutdown_warning"
    KEPT: ClassVar[bool] = False
    message: str


@dataclass(frozen=True)
class StorageFailed(Event):
    """The store fails to save changes, or what was saved is gone; the gateway tries again, and then saves all of
    it.
    """

    NAME: ClassVar[str] = "storage_failed"
    KEPT: ClassVar[bool] = False
    reason: str
    waiting: int


@dataclass(frozen=True)
class StorageRecovered(Event):
    """The store has saved all changes again."""

    NAME: ClassVar[str] = "storage_recovered"
    KEPT: ClassVar[bool] = False
    reason: str
    waiting: int


@dataclass(frozen=True)
class TellReceived(Event):
    """A user of another mud has sent a message to a user of this mud."""

    NAME: ClassVar[str] = "tell_received"
    KEPT: ClassVar[bool] = True
    from_mud: str
    from_user: str
    message: str
    to_mud: str
    to_user: str
    visname: str


@dataclass(frozen=True)
class WhoReply(Event):
    """The answer to a `who` without `wait`."""

    NAME: ClassVar[str] = "who_reply"
    KEPT: ClassVar[bool] = True
    from_mud: str
    to_mud: str
    to_user: str
    users: List[User]
    more: bool = False


# The events by the names that they have on the wire.
EVENTS: Mapping[str, Type[Event]] = {
    "beep_received": BeepReceived,
    "channel_added": ChannelAdded,
    "channel_emote": ChannelEmote,
    "channel_filter_request": ChannelFilterRequest,
    "channel_joined": ChannelJoined,
    "channel_left": ChannelLeft,
    "channel_message": ChannelMessage,
    "channel_removed": ChannelRemoved,
    "channel_targeted_emote": ChannelTargetedEmote,
    "channel_who_reply": ChannelWhoReply,
    "emoteto_received": EmotetoReceived,
    "error_occurred": ErrorOccurred,
    "finger_reply": FingerReply,
    "gateway_disconnected": GatewayDisconnected,
    "gateway_reconnected": GatewayReconnected,
    "identity_warning": IdentityWarning,
    "lagged": Lagged,
    "locate_reply": LocateReply,
    "mud_offline": MudOffline,
    "mud_online": MudOnline,
    "packet_trace": PacketTrace,
    "rate_limit_warning": RateLimitWarning,
    "replay_complete": ReplayComplete,
    "shutdown_warning": ShutdownWarning,
    "storage_failed": StorageFailed,
    "storage_recovered": StorageRecovered,
    "tell_received": TellReceived,
    "who_reply": WhoReply,
}


class Methods:
    """The methods of the API as coroutines. An argument that is None is not sent."""

    async def call(self, method: str, params: Optional[Mapping[str, Any]] = None, timeout: Optional[float] = None) -> Any:
        raise NotImplementedError

    async def ack(self, event_id: int) -> AckResult:
        """Moves the cursor of this client: events up to it are not replayed again. The result comes when the
        cursor is saved.
        """
        return cast("AckResult", await self.call("ack", {"event_id": event_id}))

    async def audit(self, *, after: Optional[int] = None) -> AuditResult:
        """Lists what administrators and moderators of the caller's mud have done since the start: bans, hosted
        channels, ended sessions, the log level, reconnects. A key of the gateway's own mud sees the actions of
        all muds. Needs the permission `admin`.
        """
        return cast("AuditResult", await self.call("audit", {"after": after}))

    async def authenticate(
        self,
        *,
        api_key: Optional[str] = None,
        text_format: Optional[Literal["raw", "plain", "ansi", "html"]] = None,
        last_event_id: Optional[int] = None,
        client: Optional[str] = None,
        echo: Optional[bool] = None,
        charset: Optional[Literal["utf-8", "latin-1", "ascii"]] = None,
        role: Optional[Literal["game", "observer"]] = None,
    ) -> AuthenticateResult:
        """Identifies the client. All other methods but `ping` and `rpc.discover` need it first."""
        params = {"api_key": api_key, "text_format": text_format, "last_event_id": last_event_id, "client": client, "echo": echo, "charset": charset, "role": role}
        return cast("AuthenticateResult", await self.call("authenticate", params))

    async def ban_add(
        self,
        pattern: str,
        *,
        channel: Optional[str] = None,
        packet_type: Optional[str] = None,
        direction: Optional[Literal["both", "in", "out"]] = None,
        expires_in: Optional[float] = None,
        reason: Optional[str] = None,
    ) -> BanAddResult:
        """Bans packets from coming in or going out. The result comes when the ban is saved. Needs the permission
        `moderate`.
        """
        params = {"pattern": pattern, "channel": channel, "packet_type": packet_type, "direction": direction, "expires_in": expires_in, "reason": reason}
        return cast("BanAddResult", await self.call("ban_add", params))

    async def ban_list(self, *, after: Optional[int] = None) -> BanListResult:
        """Lists the bans, each with the number of packets that it has stopped since the start. Needs the
        permission `moderate`.
        """
        return cast("BanListResult", await self.call("ban_list", {"after": after}))

    async def ban_remove(self, ban_id: int) -> BanRemoveResult:
        """Removes a ban. The result comes when the removal is saved. Needs the permission `moderate`."""
        return cast("BanRemoveResult", await self.call("ban_remove", {"ban_id": ban_id}))

    async def beep(
        self,
        target_mud: str,
        target_user: str,
        *,
        from_user: Optional[str] = None,
        visname: Optional[str] = None,
    ) -> BeepResult:
        """Gets the attention of a user on another mud. Needs the permission `tell`."""
        params = {"target_mud": target_mud, "target_user": target_user, "from_user": from_user, "visname": visname}
        return cast("BeepResult", await self.call("beep", params))

    async def channel_add(
        self,
        channel: str,
        *,
        type: Optional[int] = None,
        from_user: Optional[str] = None,
    ) -> ChannelAddResult:
        """Creates a channel of this mud. An error from the router becomes the error of the request. Needs the
        permission `host`.
        """
        params = {"channel": channel, "type": type, "from_user": from_user}
        return cast("ChannelAddResult", await self.call("channel_add", params))

    async def channel_admin(
        self,
        channel: str,
        *,
        add: Optional[List[str]] = None,
        remove: Optional[List[str]] = None,
        from_user: Optional[str] = None,
    ) -> ChannelAdminResult:
        """Changes which muds are banned from, or admitted to, a channel of this mud. `add` or `remove` must name a
        mud. Needs the permission `host`.
        """
        params = {"channel": channel, "add": add, "remove": remove, "from_user": from_user}
        return cast("ChannelAdminResult", await self.call("channel_admin", params))

    async def channel_emote(
        self,
        channel: str,
        emote: str,
        *,
        from_user: Optional[str] = None,
        visname: Optional[str] = None,
    ) -> ChannelEmoteResult:
        """Sends an emote to a channel. Needs the permission `channel`."""
        params = {"channel": channel, "emote": emote, "from_user": from_user, "visname": visname}
        return cast("ChannelEmoteResult", await self.call("channel_emote", params))

    async def channel_filter(
        self,
        *,
        channel: Optional[str] = None,
        enabled: Optional[bool] = None,
        filter_id: Optional[int] = None,
        allow: Optional[bool] = None,
        message: Optional[str] = None,
    ) -> Union[ChannelFilterResult1, ChannelFilterResult2]:
        """Judges the messages on a filtered channel of this mud. With `channel`, this session receives them from
        now on as events `channel_filter_request`; with `filter_id` and `allow`, it answers one. Needs the
        permission `host`.
        """
        params = {"channel": channel, "enabled": enabled, "filter_id": filter_id, "allow": allow, "message": message}
        return cast("Union[ChannelFilterResult1, ChannelFilterResult2]", await self.call("channel_filter", params))

    async def channel_history(
        self,
        channel: str,
        *,
        limit: Optional[int] = None,
        before: Optional[Union[int, str]] = None,
        after: Optional[Union[int, str]] = None,
    ) -> ChannelHistoryResult:
        """Returns the messages of a channel, oldest first. Needs the permission `info`."""
        params = {"channel": channel, "limit": limit, "before": before, "after": after}
        return cast("ChannelHistoryResult", await self.call("channel_history", params))

    async def channel_join(self, channel: str, *, listen_only: Optional[bool] = None) -> ChannelJoinResult:
        """Subscribes this session to a channel. Needs the permission `channel`."""
        params = {"channel": channel, "listen_only": listen_only}
        return cast("ChannelJoinResult", await self.call("channel_join", params))

    async def channel_leave(self, channel: str) -> ChannelLeaveResult:
        """Ends this session's subscription to a channel. Needs the permission `channel`."""
        return cast("ChannelLeaveResult", await self.call("channel_leave", {"channel": channel}))

    async def channel_list(
        self,
        *,
        refresh: Optional[bool] = None,
        filter: Optional[ChannelListFilter] = None,
        after: Optional[str] = None,
    ) -> ChannelListResult:
        """Lists the channels of the network. Needs the permission `info`."""
        params = {"refresh": refresh, "filter": filter, "after": after}
        return cast("ChannelListResult", await self.call("channel_list", params))

    async def channel_remove(self, channel: str, *, from_user: Optional[str] = None) -> ChannelRemoveResult:
        """Removes a channel of this mud. Needs the permission `host`."""
        params = {"channel": channel, "from_user": from_user}
        return cast("ChannelRemoveResult", await self.call("channel_remove", params))

    async def channel_send(
        self,
        channel: str,
        message: str,
        *,
        from_user: Optional[str] = None,
        visname: Optional[str] = None,
    ) -> ChannelSendResult:
        """Sends a message to a channel. Needs the permission `channel`."""
        params = {"channel": channel, "message": message, "from_user": from_user, "visname": visname}
        return cast("ChannelSendResult", await self.call("channel_send", params))

    async def channel_targeted_emote(
        self,
        channel: str,
        target_mud: str,
        target_user: str,
        message: str,
        *,
        message_target: Optional[str] = None,
        from_user: Optional[str] = None,
        visname: Optional[str] = None,
        target_visname: Optional[str] = None,
    ) -> ChannelTargetedEmoteResult:
        """Sends an emote that is aimed at a user to a channel. Needs the permission `channel`."""
        params = {"channel": channel, "target_mud": target_mud, "target_user": target_user, "message": message, "message_target": message_target, "from_user": from_user, "visname": visname, "target_visname": target_visname}
        return cast("ChannelTargetedEmoteResult", await self.call("channel_targeted_emote", params))

    async def channel_user(
        self,
        target_mud: str,
        target_user: str,
        *,
        timeout: Optional[float] = None,
    ) -> ChannelUserResult:
        """Returns the visible name and the gender of a user of another mud. Needs the permission `info`."""
        params = {"target_mud": target_mud, "target_user": target_user, "timeout": timeout}
        return cast("ChannelUserResult", await self.call("channel_user", params))

    async def channel_who(
        self,
        channel: str,
        *,
        target_mud: Optional[str] = None,
        from_user: Optional[str] = None,
        wait: Optional[bool] = None,
        timeout: Optional[float] = None,
    ) -> ChannelWhoResult:
        """Returns the known subscribers of a channel. With `wait` it asks the other muds first. Needs the
        permission `info`.
        """
        params = {"channel": channel, "target_mud": target_mud, "from_user": from_user, "wait": wait, "timeout": timeout}
        return cast("ChannelWhoResult", await self.call("channel_who", params))

    async def drain(self) -> DrainResult:
        """Gives the router links of this node to other nodes. The answer comes when none is left here. Until it is
        restarted the node takes none; clients stay connected to it, and go on to use the links. Needs the
        permission `admin`.
        """
        return cast("DrainResult", await self.call("drain", {}))

    async def emoteto(
        self,
        target_mud: str,
        target_user: str,
        emote: str,
        *,
        from_user: Optional[str] = None,
        visname: Optional[str] = None,
    ) -> EmotetoResult:
        """Sends an emote to a user on another mud. Needs the permission `tell`."""
        params = {"target_mud": target_mud, "target_user": target_user, "emote": emote, "from_user": from_user, "visname": visname}
        return cast("EmotetoResult", await self.call("emoteto", params))

    @overload
    async def finger(
        self,
        target_mud: str,
        target_user: str,
        *,
        from_user: Optional[str] = None,
        wait: Optional[Literal[False]] = None,
        timeout: Optional[float] = None,
    ) -> FingerRequested: ...

    @overload
    async def finger(
        self,
        target_mud: str,
        target_user: str,
        *,
        from_user: Optional[str] = None,
        wait: Literal[True],
        timeout: Optional[float] = None,
    ) -> FingerResult: ...

    @overload
    async def finger(
        self,
        target_mud: str,
        target_user: str,
        *,
        from_user: Optional[str] = None,
        wait: Optional[bool],
        timeout: Optional[float] = None,
    ) -> Union[FingerRequested, FingerResult]: ...

    async def finger(
        self,
        target_mud: str,
        target_user: str,
        *,
        from_user: Optional[str] = None,
        wait: Optional[bool] = None,
        timeout: Optional[float] = None,
    ) -> Union[FingerRequested, FingerResult]:
        """Asks a mud about a user. The answer is the event `finger_reply`, or with `wait` the result. Needs the
        permission `info`.
        """
        params = {"target_mud": target_mud, "target_user": target_user, "from_user": from_user, "wait": wait, "timeout": timeout}
        return cast("Union[FingerRequested, FingerResult]", await self.call("finger", params))

    async def heartbeat(self) -> HeartbeatResult:
        """Keeps the session from timing out."""
        return cast("HeartbeatResult", await self.call("heartbeat", {}))

    async def history_search(
        self,
        query: str,
        *,
        channel: Optional[str] = None,
        from_mud: Optional[str] = None,
        from_user: Optional[str] = None,
        limit: Optional[int] = None,
        before: Optional[Union[int, str]] = None,
        after: Optional[Union[int, str]] = None,
    ) -> HistorySearchResult:
        """Searches the messages of channels. Needs the permission `info`."""
        params = {"query": query, "channel": channel, "from_mud": from_mud, "from_user": from_user, "limit": limit, "before": before, "after": after}
        return cast("HistorySearchResult", await self.call("history_search", params))

    async def kick(self, session_id: str) -> KickResult:
        """Ends a session and closes its connection. Needs the permission `admin`."""
        return cast("KickResult", await self.call("kick", {"session_id": session_id}))

    @overload
    async def locate(
        self,
        target_user: str,
        *,
        from_user: Optional[str] = None,
        wait: Optional[Literal[False]] = None,
        timeout: Optional[float] = None,
    ) -> LocateRequested: ...

    @overload
    async def locate(
        self,
        target_user: str,
        *,
        from_user: Optional[str] = None,
        wait: Literal[True],
        timeout: Optional[float] = None,
    ) -> LocateResult: ...

    @overload
    async def locate(
        self,
        target_user: str,
        *,
        from_user: Optional[str] = None,
        wait: Optional[bool],
        timeout: Optional[float] = None,
    ) -> Union[LocateRequested, LocateResult]: ...

    async def locate(
        self,
        target_user: str,
        *,
        from_user: Optional[str] = None,
        wait: Optional[bool] = None,
        timeout: Optional[float] = None,
    ) -> Union[LocateRequested, LocateResult]:
        """Asks all muds for a user. Each answer is an event `locate_reply`; with `wait` the first one is the
        result. Needs the permission `info`.
        """
        params = {"target_user": target_user, "from_user": from_user, "wait": wait, "timeout": timeout}
        return cast("Union[LocateRequested, LocateResult]", await self.call("locate", params))

    async def log_level(self, *, level: Optional[str] = None) -> LogLevelResult:
        """Returns the level of the log, and changes it until the next restart if one is given. Needs the
        permission `admin`.
        """
        return cast("LogLevelResult", await self.call("log_level", {"level": level}))

    async def mudlist(
        self,
        *,
        refresh: Optional[bool] = None,
        filter: Optional[MudlistFilter] = None,
        after: Optional[str] = None,
    ) -> MudlistResult:
        """Lists the muds of the network. Needs the permission `info`."""
        return cast("MudlistResult", await self.call("mudlist", {"refresh": refresh, "filter": filter, "after": after}))

    async def overview(self) -> OverviewResult:
        """Reports the router links, the last hour, and what waits. A key of the gateway's own mud sees the links
        of all muds.
        """
        return cast("OverviewResult", await self.call("overview", {}))

    async def ping(self) -> PingResult:
        """Shows that the gateway is running."""
        return cast("PingResult", await self.call("ping", {}))

    async def presence_sync(self, users: List[PresentUser]) -> PresenceSyncResult:
        """Publishes which users are online. The list is valid for 30 seconds, unless the settings say otherwise.
        Needs the permission `presence`.
        """
        return cast("PresenceSyncResult", await self.call("presence_sync", {"users": users}))

    async def reconnect(self) -> ReconnectResult:
        """Closes the link to the router and logs in again. Needs the permission `admin`."""
        return cast("ReconnectResult", await self.call("reconnect", {}))

    async def resume(self, *, last_event_id: Optional[int] = None) -> ResumeResult:
        """Replays missed events, followed by the event `replay_complete`."""
        return cast("ResumeResult", await self.call("resume", {"last_event_id": last_event_id}))

    async def retire(self, *, mud_name: Optional[str] = None) -> RetireResult:
        """Logs the mud off for good: the router forgets its name, and other muds take it off their lists. The
        gateway goes on without the link. A later start logs in again, under the same name as a new mud. Needs
        the permission `admin`.
        """
        return cast("RetireResult", await self.call("retire", {"mud_name": mud_name}))

    async def rpc_discover(self) -> RpcDiscoverResult:
        """Returns the OpenRPC document that describes all methods."""
        return cast("RpcDiscoverResult", await self.call("rpc.discover", {}))

    async def sessions(self, *, after: Optional[int] = None) -> SessionsResult:
        """Lists the sessions of the caller's mud. A key of the gateway's own mud sees the sessions of all muds.
        Needs the permission `admin`.
        """
        return cast("SessionsResult", await self.call("sessions", {"after": after}))

    async def stats(self) -> StatsResult:
        """Returns counters."""
        return cast("StatsResult", await self.call("stats", {}))

    async def status(self) -> StatusResult:
        """Reports whether the router link is ready, and why not."""
        return cast("StatusResult", await self.call("status", {}))

    async def tell(
        self,
        target_mud: str,
        target_user: str,
        message: str,
        *,
        from_user: Optional[str] = None,
        visname: Optional[str] = None,
    ) -> TellResult:
        """Sends a message to a user on another mud. Needs the permission `tell`."""
        params = {"target_mud": target_mud, "target_user": target_user, "message": message, "from_user": from_user, "visname": visname}
        return cast("TellResult", await self.call("tell", params))

    async def tell_refuse(self, event_id: int, *, message: Optional[str] = None) -> TellRefuseResult:
        """Tells the sender of a tell, an emote or a beep that the user does not get it, because the user is absent
        or ignores the sender. The sender's mud receives the error `unk-user` with the text. This works for as
        long as the event is kept. Needs the permission `tell`.
        """
        return cast("TellRefuseResult", await self.call("tell_refuse", {"event_id": event_id, "message": message}))

    async def text_preview(self, text: str) -> TextPreviewResult:
        """Returns a text in each of the forms in which clients read texts."""
        return cast("TextPreviewResult", await self.call("text_preview", {"text": text}))

    async def trace(self, *, enabled: Optional[bool] = None) -> TraceResult:
        """Sends this session the packets of its mud as events `packet_trace`, with passwords removed. Needs the
        permission `admin`.
        """
        return cast("TraceResult", await self.call("trace", {"enabled": enabled}))

    @overload
    async def who(
        self,
        target_mud: str,
        *,
        from_user: Optional[str] = None,
        filters: Optional[WhoFilter] = None,
        wait: Optional[Literal[False]] = None,
        timeout: Optional[float] = None,
    ) -> WhoRequested: ...

    @overload
    async def who(
        self,
        target_mud: str,
        *,
        from_user: Optional[str] = None,
        filters: Optional[WhoFilter] = None,
        wait: Literal[True],
        timeout: Optional[float] = None,
    ) -> WhoResult: ...

    @overload
    async def who(
        self,
        target_mud: str,
        *,
        from_user: Optional[str] = None,
        filters: Optional[WhoFilter] = None,
        wait: Optional[bool],
        timeout: Optional[float] = None,
    ) -> Union[WhoRequested, WhoResult]: ...

    async def who(
        self,
        target_mud: str,
        *,
        from_user: Optional[str] = None,
        filters: Optional[WhoFilter] = None,
        wait: Optional[bool] = None,
        timeout: Optional[float] = None,
    ) -> Union[WhoRequested, WhoResult]:
        """Asks a mud who is on. The answer is the event `who_reply`, or with `wait` the result. Needs the
        permission `info`.
        """
        params = {"target_mud": target_mud, "from_user": from_user, "filters": filters, "wait": wait, "timeout": timeout}
        return cast("Union[WhoRequested, WhoResult]", await self.call("who", params))


class BlockingMethods:
    """The methods of the API as blocking calls. An argument that is None is not sent."""

    def call(self, method: str, params: Optional[Mapping[str, Any]] = None, timeout: Optional[float] = None) -> Any:
        raise NotImplementedError

    def ack(self, event_id: int) -> AckResult:
        """Moves the cursor of this client: events up to it are not replayed again. The result comes when the
        cursor is saved.
        """
        return cast("AckResult", self.call("ack", {"event_id": event_id}))

    def audit(self, *, after: Optional[int] = None) -> AuditResult:
        """Lists what administrators and moderators of the caller's mud have done since the start: bans, hosted
        channels, ended sessions, the log level, reconnects. A key of the gateway's own mud sees the actions of
        all muds. Needs the permission `admin`.
        """
        return cast("AuditResult", self.call("audit", {"after": after}))

    def authenticate(
        self,
        *,
        api_key: Optional[str] = None,
        text_format: Optional[Literal["raw", "plain", "ansi", "html"]] = None,
        last_event_id: Optional[int] = None,
        client: Optional[str] = None,
        echo: Optional[bool] = None,
        charset: Optional[Literal["utf-8", "latin-1", "ascii"]] = None,
        role: Optional[Literal["game", "observer"]] = None,
    ) -> AuthenticateResult:
        """Identifies the client. All other methods but `ping` and `rpc.discover` need it first."""
        params = {"api_key": api_key, "text_format": text_format, "last_event_id": last_event_id, "client": client, "echo": echo, "charset": charset, "role": role}
        return cast("AuthenticateResult", self.call("authenticate", params))

    def ban_add(
        self,
        pattern: str,
        *,
        channel: Optional[str] = None,
        packet_type: Optional[str] = None,
        direction: Optional[Literal["both", "in", "out"]] = None,
        expires_in: Optional[float] = None,
        reason: Optional[str] = None,
    ) -> BanAddResult:
        """Bans packets from coming in or going out. The result comes when the ban is saved. Needs the permission
        `moderate`.
        """
        params = {"pattern": pattern, "channel": channel, "packet_type": packet_type, "direction": direction, "expires_in": expires_in, "reason": reason}
        return cast("BanAddResult", self.call("ban_add", params))

    def ban_list(self, *, after: Optional[int] = None) -> BanListResult:
        """Lists the bans, each with the number of packets that it has stopped since the start. Needs the
        permission `moderate`.
        """
        return cast("BanListResult", self.call("ban_list", {"after": after}))

    def ban_remove(self, ban_id: int) -> BanRemoveResult:
        """Removes a ban. The result comes when the removal is saved. Needs the permission `moderate`."""
        return cast("BanRemoveResult", self.call("ban_remove", {"ban_id": ban_id}))

    def beep(
        self,
        target_mud: str,
        target_user: str,
        *,
        from_user: Optional[str] = None,
        visname: Optional[str] = None,
    ) -> BeepResult:
        """Gets the attention of a user on another mud. Needs the permission `tell`."""
        params = {"target_mud": target_mud, "target_user": target_user, "from_user": from_user, "visname": visname}
        return cast("BeepResult", self.call("beep", params))

    def channel_add(
        self,
        channel: str,
        *,
        type: Optional[int] = None,
        from_user: Optional[str] = None,
    ) -> ChannelAddResult:
        """Creates a channel of this mud. An error from the router becomes the error of the request. Needs the
        permission `host`.
        """
        params = {"channel": channel, "type": type, "from_user": from_user}
        return cast("ChannelAddResult", self.call("channel_add", params))

    def channel_admin(
        self,
        channel: str,
        *,
        add: Optional[List[str]] = None,
        remove: Optional[List[str]] = None,
        from_user: Optional[str] = None,
    ) -> ChannelAdminResult:
        """Changes which muds are banned from, or admitted to, a channel of this mud. `add` or `remove` must name a
        mud. Needs the permission `host`.
        """
        params = {"channel": channel, "add": add, "remove": remove, "from_user": from_user}
        return cast("ChannelAdminResult", self.call("channel_admin", params))

    def channel_emote(
        self,
        channel: str,
        emote: str,
        *,
        from_user: Optional[str] = None,
        visname: Optional[str] = None,
    ) -> ChannelEmoteResult:
        """Sends an emote to a channel. Needs the permission `channel`."""
        params = {"channel": channel, "emote": emote, "from_user": from_user, "visname": visname}
        return cast("ChannelEmoteResult", self.call("channel_emote", params))

    def channel_filter(
        self,
        *,
        channel: Optional[str] = None,
        enabled: Optional[bool] = None,
        filter_id: Optional[int] = None,
        allow: Optional[bool] = None,
        message: Optional[str] = None,
    ) -> Union[ChannelFilterResult1, ChannelFilterResult2]:
        """Judges the messages on a filtered channel of this mud. With `channel`, this session receives them from
        now on as events `channel_filter_request`; with `filter_id` and `allow`, it answers one. Needs the
        permission `host`.
        """
        params = {"channel": channel, "enabled": enabled, "filter_id": filter_id, "allow": allow, "message": message}
        return cast("Union[ChannelFilterResult1, ChannelFilterResult2]", self.call("channel_filter", params))

    def channel_history(
        self,
        channel: str,
        *,
        limit: Optional[int] = None,
        before: Optional[Union[int, str]] = None,
        after: Optional[Union[int, str]] = None,
    ) -> ChannelHistoryResult:
        """Returns the messages of a channel, oldest first. Needs the permission `info`."""
        params = {"channel": channel, "limit": limit, "before": before, "after": after}
        return cast("ChannelHistoryResult", self.call("channel_history", params))

    def channel_join(self, channel: str, *, listen_only: Optional[bool] = None) -> ChannelJoinResult:
        """Subscribes this session to a channel. Needs the permission `channel`."""
        return cast("ChannelJoinResult", self.call("channel_join", {"channel": channel, "listen_only": listen_only}))

    def channel_leave(self, channel: str) -> ChannelLeaveResult:
        """Ends this session's subscription to a channel. Needs the permission `channel`."""
        return cast("ChannelLeaveResult", self.call("channel_leave", {"channel": channel}))

    def channel_list(
        self,
        *,
        refresh: Optional[bool] = None,
        filter: Optional[ChannelListFilter] = None,
        after: Optional[str] = None,
    ) -> ChannelListResult:
        """Lists the channels of the network. Needs the permission `info`."""
        params = {"refresh": refresh, "filter": filter, "after": after}
        return cast("ChannelListResult", self.call("channel_list", params))

    def channel_remove(self, channel: str, *, from_user: Optional[str] = None) -> ChannelRemoveResult:
        """Removes a channel of this mud. Needs the permission `host`."""
        return cast("ChannelRemoveResult", self.call("channel_remove", {"channel": channel, "from_user": from_user}))

    def channel_send(
        self,
        channel: str,
        message: str,
        *,
        from_user: Optional[str] = None,
        visname: Optional[str] = None,
    ) -> ChannelSendResult:
        """Sends a message to a channel. Needs the permission `channel`."""
        params = {"channel": channel, "message": message, "from_user": from_user, "visname": visname}
        return cast("ChannelSendResult", self.call("channel_send", params))

    def channel_targeted_emote(
        self,
        channel: str,
        target_mud: str,
        target_user: str,
        message: str,
        *,
        message_target: Optional[str] = None,
        from_user: Optional[str] = None,
        visname: Optional[str] = None,
        target_visname: Optional[str] = None,
    ) -> ChannelTargetedEmoteResult:
        """Sends an emote that is aimed at a user to a channel. Needs the permission `channel`."""
        params = {"channel": channel, "target_mud": target_mud, "target_user": target_user, "message": message, "message_target": message_target, "from_user": from_user, "visname": visname, "target_visname": target_visname}
        return cast("ChannelTargetedEmoteResult", self.call("channel_targeted_emote", params))

    def channel_user(self, target_mud: str, target_user: str, *, timeout: Optional[float] = None) -> ChannelUserResult:
        """Returns the visible name and the gender of a user of another mud. Needs the permission `info`."""
        params = {"target_mud": target_mud, "target_user": target_user, "timeout": timeout}
        return cast("ChannelUserResult", self.call("channel_user", params))

    def channel_who(
        self,
        channel: str,
        *,
        target_mud: Optional[str] = None,
        from_user: Optional[str] = None,
        wait: Optional[bool] = None,
        timeout: Optional[float] = None,
    ) -> ChannelWhoResult:
        """Returns the known subscribers of a channel. With `wait` it asks the other muds first. Needs the
        permission `info`.
        """
        params = {"channel": channel, "target_mud": target_mud, "from_user": from_user, "wait": wait, "timeout": timeout}
        return cast("ChannelWhoResult", self.call("channel_who", params))

    def drain(self) -> DrainResult:
        """Gives the router links of this node to other nodes. The answer comes when none is left here. Until it is
        restarted the node takes none; clients stay connected to it, and go on to use the links. Needs the
        permission `admin`.
        """
        return cast("DrainResult", self.call("drain", {}))

    def emoteto(
        self,
        target_mud: str,
        target_user: str,
        emote: str,
        *,
        from_user: Optional[str] = None,
        visname: Optional[str] = None,
    ) -> EmotetoResult:
        """Sends an emote to a user on another mud. Needs the permission `tell`."""
        params = {"target_mud": target_mud, "target_user": target_user, "emote": emote, "from_user": from_user, "visname": visname}
        return cast("EmotetoResult", self.call("emoteto", params))

    @overload
    def finger(
        self,
        target_mud: str,
        target_user: str,
        *,
        from_user: Optional[str] = None,
        wait: Optional[Literal[False]] = None,
        timeout: Optional[float] = None,
    ) -> FingerRequested: ...

    @overload
    def finger(
        self,
        target_mud: str,
        target_user: str,
        *,
        from_user: Optional[str] = None,
        wait: Literal[True],
        timeout: Optional[float] = None,
    ) -> FingerResult: ...

    @overload
    def finger(
        self,
        target_mud: str,
        target_user: str,
        *,
        from_user: Optional[str] = None,
        wait: Optional[bool],
        timeout: Optional[float] = None,
    ) -> Union[FingerRequested, FingerResult]: ...

    def finger(
        self,
        target_mud: str,
        target_user: str,
        *,
        from_user: Optional[str] = None,
        wait: Optional[bool] = None,
        timeout: Optional[float] = None,
    ) -> Union[FingerRequested, FingerResult]:
        """Asks a mud about a user. The answer is the event `finger_reply`, or with `wait` the result. Needs the
        permission `info`.
        """
        params = {"target_mud": target_mud, "target_user": target_user, "from_user": from_user, "wait": wait, "timeout": timeout}
        return cast("Union[FingerRequested, FingerResult]", self.call("finger", params))

    def heartbeat(self) -> HeartbeatResult:
        """Keeps the session from timing out."""
        return cast("HeartbeatResult", self.call("heartbeat", {}))

    def history_search(
        self,
        query: str,
        *,
        channel: Optional[str] = None,
        from_mud: Optional[str] = None,
        from_user: Optional[str] = None,
        limit: Optional[int] = None,
        before: Optional[Union[int, str]] = None,
        after: Optional[Union[int, str]] = None,
    ) -> HistorySearchResult:
        """Searches the messages of channels. Needs the permission `info`."""
        params = {"query": query, "channel": channel, "from_mud": from_mud, "from_user": from_user, "limit": limit, "before": before, "after": after}
        return cast("HistorySearchResult", self.call("history_search", params))

    def kick(self, session_id: str) -> KickResult:
        """Ends a session and closes its connection. Needs the permission `admin`."""
        return cast("KickResult", self.call("kick", {"session_id": session_id}))

    @overload
    def locate(
        self,
        target_user: str,
        *,
        from_user: Optional[str] = None,
        wait: Optional[Literal[False]] = None,
        timeout: Optional[float] = None,
    ) -> LocateRequested: ...

    @overload
    def locate(
        self,
        target_user: str,
        *,
        from_user: Optional[str] = None,
        wait: Literal[True],
        timeout: Optional[float] = None,
    ) -> LocateResult: ...

    @overload
    def locate(
        self,
        target_user: str,
        *,
        from_user: Optional[str] = None,
        wait: Optional[bool],
        timeout: Optional[float] = None,
    ) -> Union[LocateRequested, LocateResult]: ...

    def locate(
        self,
        target_user: str,
        *,
        from_user: Optional[str] = None,
        wait: Optional[bool] = None,
        timeout: Optional[float] = None,
    ) -> Union[LocateRequested, LocateResult]:
        """Asks all muds for a user. Each answer is an event `locate_reply`; with `wait` the first one is the
        result. Needs the permission `info`.
        """
        params = {"target_user": target_user, "from_user": from_user, "wait": wait, "timeout": timeout}
        return cast("Union[LocateRequested, LocateResult]", self.call("locate", params))

    def log_level(self, *, level: Optional[str] = None) -> LogLevelResult:
        """Returns the level of the log, and changes it until the next restart if one is given. Needs the
        permission `admin`.
        """
        return cast("LogLevelResult", self.call("log_level", {"level": level}))

    def mudlist(
        self,
        *,
        refresh: Optional[bool] = None,
        filter: Optional[MudlistFilter] = None,
        after: Optional[str] = None,
    ) -> MudlistResult:
        """Lists the muds of the network. Needs the permission `info`."""
        return cast("MudlistResult", self.call("mudlist", {"refresh": refresh, "filter": filter, "after": after}))

    def overview(self) -> OverviewResult:
        """Reports the router links, the last hour, and what waits. A key of the gateway's own mud sees the links
        of all muds.
        """
        return cast("OverviewResult", self.call("overview", {}))

    def ping(self) -> PingResult:
        """Shows that the gateway is running."""
        return cast("PingResult", self.call("ping", {}))

    def presence_sync(self, users: List[PresentUser]) -> PresenceSyncResult:
        """Publishes which users are online. The list is valid for 30 seconds, unless the settings say otherwise.
        Needs the permission `presence`.
        """
        return cast("PresenceSyncResult", self.call("presence_sync", {"users": users}))

    def reconnect(self) -> ReconnectResult:
        """Closes the link to the router and logs in again. Needs the permission `admin`."""
        return cast("ReconnectResult", self.call("reconnect", {}))

    def resume(self, *, last_event_id: Optional[int] = None) -> ResumeResult:
        """Replays missed events, followed by the event `replay_complete`."""
        return cast("ResumeResult", self.call("resume", {"last_event_id": last_event_id}))

    def retire(self, *, mud_name: Optional[str] = None) -> RetireResult:
        """Logs the mud off for good: the router forgets its name, and other muds take it off their lists. The
        gateway goes on without the link. A later start logs in again, under the same name as a new mud. Needs
        the permission `admin`.
        """
        return cast("RetireResult", self.call("retire", {"mud_name": mud_name}))

    def rpc_discover(self) -> RpcDiscoverResult:
        """Returns the OpenRPC document that describes all methods."""
        return cast("RpcDiscoverResult", self.call("rpc.discover", {}))

    def sessions(self, *, after: Optional[int] = None) -> SessionsResult:
        """Lists the sessions of the caller's mud. A key of the gateway's own mud sees the sessions of all muds.
        Needs the permission `admin`.
        """
        return cast("SessionsResult", self.call("sessions", {"after": after}))

    def stats(self) -> StatsResult:
        """Returns counters."""
        return cast("StatsResult", self.call("stats", {}))

    def status(self) -> StatusResult:
        """Reports whether the router link is ready, and why not."""
        return cast("StatusResult", self.call("status", {}))

    def tell(
        self,
        target_mud: str,
        target_user: str,
        message: str,
        *,
        from_user: Optional[str] = None,
        visname: Optional[str] = None,
    ) -> TellResult:
        """Sends a message to a user on another mud. Needs the permission `tell`."""
        params = {"target_mud": target_mud, "target_user": target_user, "message": message, "from_user": from_user, "visname": visname}
        return cast("TellResult", self.call("tell", params))

    def tell_refuse(self, event_id: int, *, message: Optional[str] = None) -> TellRefuseResult:
        """Tells the sender of a tell, an emote or a beep that the user does not get it, because the user is absent
        or ignores the sender. The sender's mud receives the error `unk-user` with the text. This works for as
        long as the event is kept. Needs the permission `tell`.
        """
        return cast("TellRefuseResult", self.call("tell_refuse", {"event_id": event_id, "message": message}))

    def text_preview(self, text: str) -> TextPreviewResult:
        """Returns a text in each of the forms in which clients read texts."""
        return cast("TextPreviewResult", self.call("text_preview", {"text": text}))

    def trace(self, *, enabled: Optional[bool] = None) -> TraceResult:
        """Sends this session the packets of its mud as events `packet_trace`, with passwords removed. Needs the
        permission `admin`.
        """
        return cast("TraceResult", self.call("trace", {"enabled": enabled}))

    @overload
    def who(
        self,
        target_mud: str,
        *,
        from_user: Optional[str] = None,
        filters: Optional[WhoFilter] = None,
        wait: Optional[Literal[False]] = None,
        timeout: Optional[float] = None,
    ) -> WhoRequested: ...

    @overload
    def who(
        self,
        target_mud: str,
        *,
        from_user: Optional[str] = None,
        filters: Optional[WhoFilter] = None,
        wait: Literal[True],
        timeout: Optional[float] = None,
    ) -> WhoResult: ...

    @overload
    def who(
        self,
        target_mud: str,
        *,
        from_user: Optional[str] = None,
        filters: Optional[WhoFilter] = None,
        wait: Optional[bool],
        timeout: Optional[float] = None,
    ) -> Union[WhoRequested, WhoResult]: ...

    def who(
        self,
        target_mud: str,
        *,
        from_user: Optional[str] = None,
        filters: Optional[WhoFilter] = None,
        wait: Optional[bool] = None,
        timeout: Optional[float] = None,
    ) -> Union[WhoRequested, WhoResult]:
        """Asks a mud who is on. The answer is the event `who_reply`, or with `wait` the result. Needs the
        permission `info`.
        """
        params = {"target_mud": target_mud, "from_user": from_user, "filters": filters, "wait": wait, "timeout": timeout}
        return cast("Union[WhoRequested, WhoResult]", self.call("who", params))
