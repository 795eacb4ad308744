// The methods and events of the gateway's API 0.1.0, as types.
// Written by clients/generate.py from docs/openrpc.json and docs/asyncapi.json. Do not edit.

export interface Action {
  /** who did it: the mud of the key, and where its session came from */
  by: string;
  /** the method */
  method: string;
  /** the mud of the caller's key */
  mud_name: string;
  /** numbers the actions since the start */
  number: number;
  /** its parameters in JSON, as the caller wrote them; at most 500 bytes */
  params: string;
  /** when it was done */
  timestamp: string;
}

export interface Ban {
  /** identifies the ban */
  ban_id: number;
  /** who has set it: the mud of the key, and where its session came from; empty if that is not known */
  by: string;
  /** the channels, as a pattern; null: all */
  channel: string | null;
  /** when it was added */
  created: string;
  /** the direction */
  direction: "both" | "in" | "out";
  /** when it ends; null: never */
  expires: string | null;
  /** number of packets that it has stopped since the start */
  hits: number;
  /** the packet types, as a pattern; null: all */
  packet_type: string | null;
  /** the user, as a pattern */
  pattern: string;
  /** a text for people */
  reason: string;
}

export interface Message {
  /** `channel_message`, `channel_emote`, …; it determines the other members */
  event: string;
  /** the number of its event */
  event_id: number;
  /** the sender's mud */
  from_mud: string;
  /** the sender's user name */
  from_user: string;
  /** the text; in an emote `$N` stands for the name, which is there itself unless texts are read `raw` */
  message: string;
  /** when it arrived */
  timestamp: string;
  /** the sender's visible name */
  visname: string;
  /** the channel */
  channel?: string;
  /** for a targeted emote: the text for the target */
  message_target?: string;
  /** true: the mud's own line, as the router sent it back */
  self?: boolean;
  /** for a targeted emote: the mud of the target */
  target_mud?: string;
  /** for a targeted emote: the target */
  target_user?: string;
  /** for a targeted emote: the visible name of the target */
  target_visname?: string;
  /** for a tell: the recipient's mud */
  to_mud?: string;
  /** for a tell: the recipient */
  to_user?: string;
}

export interface ChannelListFilter {
  /** only channels with at least this many local subscribers */
  min_members?: number;
  /** only channels of this mud */
  owner?: string;
  /** only channels of this type */
  type?: number;
}

export interface Channel {
  /** number of sessions of this gateway that subscribe to it, on all its nodes */
  member_count: number;
  /** its exact name */
  name: string;
  /** the mud that created it */
  owner: string;
  /** 0: open to all muds but the banned; 1: open to admitted muds only; 2: filtered */
  type: number;
}

export interface MudUsers {
  /** the mud */
  mud: string;
  /** its users */
  users: Array<string>;
}

export interface UserInfo {
  /** the e-mail address */
  email: string;
  /** other text that the mud reports */
  extra: string;
  /** seconds of idleness; -1 when offline */
  idle_time: number;
  /** the address from which the user is connected */
  ip_address: string;
  /** the level; 0 if the mud reports none, or one that is not a number */
  level: number;
  /** the time of the last login or logout, as the mud writes it */
  login_time: string;
  /** the visible name */
  name: string;
  /** the real name */
  real_name: string;
  /** the title; any text is empty if the mud does not report it */
  title: string;
  /** the level, if it is a text */
  level_name?: string;
}

export interface MudlistFilter {
  /** a part of the driver's name, in any case */
  driver?: string;
  /** a service that the mud offers */
  has_service?: string;
  /** a part of the mud's name, in any case */
  name?: string;
  /** `up` or `down` */
  status?: string;
}

export interface Mud {
  /** the e-mail address of its administrator */
  admin_email: string;
  /** the driver */
  driver: string;
  /** the address, as the router sees it */
  host: string;
  /** the type of mud: `LP`, `Diku`, … */
  mud_type: string;
  /** the mudlib */
  mudlib: string;
  /** its exact name */
  name: string;
  /** free text about whether the mud is open */
  open_status: string;
  /** the port for players */
  port: number;
  /** the services that it offers; each value is 1, a port, or a version */
  services: Record<string, unknown>;
  /** whether it is on the network */
  status: "up" | "down";
  /** the out-of-band TCP port, 0 for none */
  tcp_port: number;
  /** the out-of-band UDP port, 0 for none */
  udp_port: number;
}

export interface Router {
  /** why the link was last lost or refused */
  last_error: string | null;
  /** how the gateway checks that the router still answers, as text for people */
  liveness: string;
  /** the router in use, or the one being tried */
  name: string;
  /** when the gateway dials it next; null when no attempt is scheduled */
  next_attempt: string | null;
  /** when the link entered its state */
  since: string;
  /** the state of the link */
  state: "waiting" | "connecting" | "logging in" | "saving password" | "ready" | "leaving" | "stopped";
}

export interface OverviewRouter {
  /** its address */
  host: string;
  /** whether the link uses it, or is trying it */
  in_use: boolean;
  /** its name */
  name: string;
  /** its port */
  port: number;
}

export interface Identitie {
  /** bans */
  ban_count: number;
  /** known channels */
  channel_count: number;
  /** whether the router link is ready */
  connected: boolean;
  /** local users who are online, as the game has published them */
  local_users: number;
  /** the mud */
  mud_name: string;
  /** known muds that are up */
  online_muds: number;
  /** the router link */
  router: Router;
  /** the routers in the order in which they are tried */
  routers: Array<OverviewRouter>;
  /** bytes of these packets */
  waiting_bytes: number;
  /** packets that wait for the router */
  waiting_packets: number;
  /** where several nodes share the muds: the name of the node that holds the router link; null: none does */
  holder?: string | null;
}

export interface Minute {
  /** the mean time, in milliseconds, of requests that waited for the network or the store; null: none did */
  answer_ms: number | null;
  /** events for clients, counted for each recipient */
  events: number;
  /** the greatest delay of the gateway's loop, in milliseconds */
  lag_ms: number;
  /** packets from routers */
  packets_received: number;
  /** packets to routers */
  packets_sent: number;
  /** requests of clients */
  requests: number;
  /** when it began */
  timestamp: string;
}

export interface Queue {
  /** bytes of these events */
  kept_bytes: number;
  /** events that are kept for the history and for games that are away */
  kept_events: number;
  /** bytes queued or in transit for all connections */
  pending_bytes: number;
  /** identified sessions */
  session_count: number;
  /** whether the store accepts changes */
  storage: "good" | "failing";
  /** changes that are not saved yet */
  unsaved_changes: number;
  /** requests that wait for an answer from the network or the store */
  waiting_requests: number;
}

export interface PresentUser {
  /** as shown, without blanks around it; at most 128 characters */
  name: string;
  /** at most 128 characters */
  guild?: string;
  /** seconds of idleness */
  idle?: number;
  /** the user's level */
  level?: number;
  /** at most 256 characters */
  location?: string;
  /** seconds since 1970, or a text of at most 64 bytes */
  login_time?: unknown;
  /** at most 128 characters */
  race?: string;
  /** `afk`, `editing`, …, at most 256 characters */
  status?: string;
  /** the text after the name; at most 256 characters */
  title?: string;
}

export interface SessionInfo {
  /** the client's address; behind a trusted proxy, the address that the proxy reports */
  address: string;
  /** number of channels that it subscribes to */
  channels: number;
  /** the name that the client gave itself; null if it gave none */
  client: string | null;
  /** the name of its key in the settings; null before `authenticate`, and where no key is needed */
  key_name: string | null;
  /** the mud of its key; null before `authenticate` */
  mud_name: string | null;
  /** permissions of its key; `*` means all */
  permissions: Array<string>;
  /** whom it speaks for: what an `observer` receives is still kept for the game; null before `authenticate` */
  role: "game" | "observer" | null;
  /** identifies the session; null before `authenticate` */
  session_id: string | null;
  /** when it connected */
  since: string;
  /** how it is connected */
  transport: "tcp" | "websocket" | "i3" | "irc";
  /** seconds since its last request; not for a session at another node */
  idle_seconds?: number;
  /** the node that it is connected to, where several gateways share a database */
  node?: string;
  /** bytes queued for the client that it has not read yet; not for a session at another node */
  queued_bytes?: number;
}

export interface WhoFilter {
  /** only users whose description holds this text, in any case */
  guild?: string;
  /** only users of at most this level */
  max_level?: number;
  /** only users of at least this level */
  min_level?: number;
  /** only users whose description holds this text, in any case */
  race?: string;
}

export interface User {
  /** other text that the mud reports */
  extra: string;
  /** seconds of idleness */
  idle: number;
  /** the level; 0 if the mud does not report one */
  level: number;
  /** the user's visible name */
  name: string;
}

export interface AckParams {
  /** the last event that the client has handled, along with all before it */
  event_id: number;
}

export interface AckResult {
  /** as given */
  event_id: number;
  /** always `acknowledged`: the cursor is saved */
  status: "acknowledged";
}

export interface AuditParams {
  /** only actions after this number: the `next` of the answer before */
  after?: number;
}

export interface AuditResult {
  /** the last actions since the start, oldest first, at most 500 */
  actions: Array<Action>;
  /** number of actions in this answer */
  count: number;
  /** always `success` */
  status: "success";
  /** true: the answer is full, and there are more actions */
  more?: boolean;
  /** where the rest begins: `after` of the next request */
  next?: number;
}

export interface AuthenticateParams {
  /** the key; not needed by a client that is identified already */
  api_key?: string;
  /** how texts are delivered: unchanged, without colours, with colours for a terminal, or as HTML; in all but `raw`, emotes have the names in place of `$N` and `$O`. A key can have another default in the settings */
  text_format?: "raw" | "plain" | "ansi" | "html";
  /** replay the events after this one */
  last_event_id?: number;
  /** a name under which the gateway remembers which events this client has received */
  client?: string;
  /** false: do not send the mud's own channel lines that the router sends back */
  echo?: boolean;
  /** the character set of the client. `ascii`, `latin-1`: what it lacks is spelled in ASCII. Over TCP, `latin-1` is what the bytes of lines are, in both directions; a WebSocket carries UTF-8 in any case */
  charset?: "utf-8" | "latin-1" | "ascii";
  /** `observer`: a tool that only looks; what it receives is still kept for the game */
  role?: "game" | "observer";
}

export interface AuthenticateResult {
  /** the mud that the session speaks for */
  mud_name: string;
  /** identifies the session; it is not a secret */
  session_id: string;
  /** `success` if the session was identified already; it keeps its identity */
  status: "authenticated" | "success";
}

export interface BanAddParams {
  /** the user, as `user@mud` with `*` and `?`, such as `bob@Sage` or `*@Sage`: the sender of an incoming packet, the sender or the target of an outgoing one */
  pattern: string;
  /** only packets for such channels, with `*` and `?` */
  channel?: string;
  /** only packets of such types, with `*` and `?`: `tell`, `channel-*` */
  packet_type?: string;
  /** in (from the network), out (to it) or both */
  direction?: "both" | "in" | "out";
  /** how long the ban lasts, in seconds; without it, for ever */
  expires_in?: number;
  /** a text for people */
  reason?: string;
}

export interface BanAddResult {
  /** identifies the ban */
  ban_id: number;
  /** always `banned`: the ban is saved */
  status: "banned";
}

export interface BanListParams {
  /** only bans after this ban_id: the `next` of the answer before */
  after?: number;
}

export interface BanListResult {
  /** the bans of this mud */
  bans: Array<Ban>;
  /** number of bans in this answer */
  count: number;
  /** always `success` */
  status: "success";
  /** true: the answer is full, and there are more bans */
  more?: boolean;
  /** where the rest begins: `after` of the next request */
  next?: number;
}

export interface BanRemoveParams {
  /** from `ban_add` or `ban_list` */
  ban_id: number;
}

export interface BanRemoveResult {
  /** as given */
  ban_id: number;
  /** always `removed`: that is saved */
  status: "removed";
}

export interface BeepParams {
  /** the mud; its name in any case, or shortened */
  target_mud: string;
  /** the user, in any case */
  target_user: string;
  /** the local user */
  from_user?: string;
  /** the name to show; without it, `from_user` */
  visname?: string;
}

export interface BeepResult {
  /** identifies the message; an `error_occurred` about it has this id too */
  message_id: string;
  /** always `sent`: accepted into the queue of the router */
  status: "sent";
}

export interface ChannelAddParams {
  /** the channel's name */
  channel: string;
  /** 0: open to all muds but the banned; 1: open to admitted muds only; 2: filtered by this mud */
  type?: number;
  /** the local user */
  from_user?: string;
}

export interface ChannelAddResult {
  /** the channel */
  channel: string;
  /** identifies the request; an `error_occurred` about it has this id too */
  message_id: string;
  /** `success`: the router has confirmed it; `sent`: no answer within 3 seconds, as is usual after success */
  status: "success" | "sent";
}

export interface ChannelAdminParams {
  /** the channel's exact name */
  channel: string;
  /** muds to put on the channel's list */
  add?: Array<string>;
  /** muds to take off the channel's list */
  remove?: Array<string>;
  /** the local user */
  from_user?: string;
}

export interface ChannelAdminResult {
  /** the channel */
  channel: string;
  /** identifies the request; an `error_occurred` about it has this id too */
  message_id: string;
  /** `success`: the router has confirmed it; `sent`: no answer within 3 seconds, as is usual after success */
  status: "success" | "sent";
}

export interface ChannelEmoteParams {
  /** the channel's exact name */
  channel: string;
  /** the text, with `$N` for the name; a missing `$N` is put in front; may also be called `message` */
  emote: string;
  /** the local user */
  from_user?: string;
  /** the name to show; without it, `from_user` */
  visname?: string;
}

export interface ChannelEmoteResult {
  /** identifies the message; an `error_occurred` about it has this id too */
  message_id: string;
  /** always `sent`: accepted into the queue of the router */
  status: "sent";
}

export interface ChannelFilterParams {
  /** the channel whose messages this session judges */
  channel?: string;
  /** false: stop judging */
  enabled?: boolean;
  /** from the event `channel_filter_request` that is answered */
  filter_id?: number;
  /** whether the message may pass; required with `filter_id` */
  allow?: boolean;
  /** a text to pass on in place of the message */
  message?: string;
}

export interface ChannelFilterResult1 {
  /** the channel */
  channel: string;
  /** whether this session judges the channel */
  status: "filtering" | "not_filtering";
}

export interface ChannelFilterResult2 {
  /** as given */
  filter_id: number;
  /** what happened to the message */
  status: "passed" | "dropped";
}

export interface ChannelHistoryParams {
  /** the channel's exact name */
  channel: string;
  /** how many messages at most, counted from the newest; more than 100 count as 100 */
  limit?: number;
  /** only messages before this event_id, or before this time (RFC 3339) */
  before?: number | string;
  /** only messages after this event_id, or after this time (RFC 3339) */
  after?: number | string;
}

export interface ChannelHistoryResult {
  /** number of messages in this answer */
  count: number;
  /** the messages, oldest first, each with the members of its event; `event` is the event's name */
  messages: Array<Message>;
  /** always `success` */
  status: "success";
  /** true: the answer is full, and there are older messages */
  more?: boolean;
  /** where the rest begins: `before` of the next request */
  next?: number;
}

export interface ChannelJoinParams {
  /** the channel's exact name */
  channel: string;
  /** receive the channel's lines, but do not speak */
  listen_only?: boolean;
}

export interface ChannelJoinResult {
  /** as given */
  channel: string;
  /** always `joined` */
  status: "joined";
  /** if the list of channels does not have it: a text that says so, with the most similar names */
  warning?: string;
}

export interface ChannelLeaveParams {
  /** the channel's exact name */
  channel: string;
}

export interface ChannelLeaveResult {
  /** as given */
  channel: string;
  /** always `left` */
  status: "left";
}

export interface ChannelListParams {
  /** ask the router for the list again; changes arrive as events */
  refresh?: boolean;
  /** which channels to list */
  filter?: ChannelListFilter;
  /** only channels after this name: the `next` of the answer before */
  after?: string;
}

export interface ChannelListResult {
  /** sorted by name */
  channels: Array<Channel>;
  /** number of channels in this answer */
  count: number;
  /** always `success` */
  status: "success";
  /** the channels that this session subscribes to */
  subscribed_channels: Array<string>;
  /** true: the answer is full, and there are more channels */
  more?: boolean;
  /** where the rest begins: `after` of the next request */
  next?: string;
}

export interface ChannelRemoveParams {
  /** the channel's exact name */
  channel: string;
  /** the local user */
  from_user?: string;
}

export interface ChannelRemoveResult {
  /** the channel */
  channel: string;
  /** identifies the request; an `error_occurred` about it has this id too */
  message_id: string;
  /** `success`: the router has confirmed it; `sent`: no answer within 3 seconds, as is usual after success */
  status: "success" | "sent";
}

export interface ChannelSendParams {
  /** the channel's exact name */
  channel: string;
  /** the text */
  message: string;
  /** the local user */
  from_user?: string;
  /** the name to show; without it, `from_user` */
  visname?: string;
}

export interface ChannelSendResult {
  /** identifies the message; an `error_occurred` about it has this id too */
  message_id: string;
  /** always `sent`: accepted into the queue of the router */
  status: "sent";
}

export interface ChannelTargetedEmoteParams {
  /** the channel's exact name */
  channel: string;
  /** the mud; its name in any case, or shortened */
  target_mud: string;
  /** the user, in any case */
  target_user: string;
  /** the text for others, with `$N` and `$O` for the names; may also be called `emote` */
  message: string;
  /** the text for the target; without it, `message` */
  message_target?: string;
  /** the local user */
  from_user?: string;
  /** the name to show; without it, `from_user` */
  visname?: string;
  /** the visible name of the target; without it, `target_user` */
  target_visname?: string;
}

export interface ChannelTargetedEmoteResult {
  /** identifies the message; an `error_occurred` about it has this id too */
  message_id: string;
  /** always `sent`: accepted into the queue of the router */
  status: "sent";
}

export interface ChannelUserParams {
  /** the mud; its name in any case, or shortened */
  target_mud: string;
  /** the user, in any case */
  target_user: string;
  /** how long to wait, in seconds */
  timeout?: number;
}

export interface ChannelUserResult {
  /** 0: male; 1: female; 2: neuter */
  gender: number;
  /** the mud */
  mud_name: string;
  /** always `success` */
  status: "success";
  /** the user's name, in lower case */
  user_name: string;
  /** the visible name */
  visname: string;
}

export interface ChannelWhoParams {
  /** the channel's exact name */
  channel: string;
  /** the mud to ask; without it, those that spoke on the channel last */
  target_mud?: string;
  /** the local user */
  from_user?: string;
  /** return the reply as the result */
  wait?: boolean;
  /** how long to wait, in seconds */
  timeout?: number;
}

export interface ChannelWhoResult {
  /** the channel */
  channel: string;
  /** the users by mud */
  members: Array<MudUsers>;
  /** `success`: the answers are in; `requested`: muds were asked, and the result holds what was known before */
  status: "success" | "requested";
  /** the users of all muds in one list */
  users: Array<string>;
  /** true: the lists were too long, and their end is left out */
  more?: boolean;
}

export interface DrainResult {
  /** number of muds whose links it had */
  muds: number;
  /** always `drained`: no router link is left on this node */
  status: "drained";
}

export interface EmotetoParams {
  /** the mud; its name in any case, or shortened */
  target_mud: string;
  /** the user, in any case */
  target_user: string;
  /** the text, with `$N` for the name; may also be called `message` */
  emote: string;
  /** the local user */
  from_user?: string;
  /** the name to show; without it, `from_user` */
  visname?: string;
}

export interface EmotetoResult {
  /** identifies the message; an `error_occurred` about it has this id too */
  message_id: string;
  /** always `sent`: accepted into the queue of the router */
  status: "sent";
}

export interface FingerParams {
  /** the mud; its name in any case, or shortened */
  target_mud: string;
  /** the user, in any case */
  target_user: string;
  /** the local user */
  from_user?: string;
  /** return the reply as the result */
  wait?: boolean;
  /** how long to wait, in seconds */
  timeout?: number;
}

export interface FingerRequested {
  /** the mud */
  mud_name: string;
  /** always `requested` */
  status: "requested";
  /** as given */
  user_name: string;
}

export interface FingerResult {
  /** the mud that answers */
  from_mud: string;
  /** the mud that asked */
  to_mud: string;
  /** the user who asked */
  to_user: string;
  /** the user */
  user_info: UserInfo;
}

export interface HeartbeatResult {
  /** always `ok` */
  status: "ok";
  /** the current time */
  timestamp: string;
}

export interface HistorySearchParams {
  /** a part of a message or of a visible name, in any case */
  query: string;
  /** one channel; all when left out */
  channel?: string;
  /** the sender's mud */
  from_mud?: string;
  /** the sender's user name */
  from_user?: string;
  /** how many messages at most, counted from the newest; more than 100 count as 100 */
  limit?: number;
  /** only messages before this event_id, or before this time (RFC 3339) */
  before?: number | string;
  /** only messages after this event_id, or after this time (RFC 3339) */
  after?: number | string;
}

export interface HistorySearchResult {
  /** number of messages in this answer */
  count: number;
  /** the messages, oldest first, each with the members of its event; `event` is the event's name */
  messages: Array<Message>;
  /** always `success` */
  status: "success";
  /** true: the answer is full, and there are older messages */
  more?: boolean;
  /** where the rest begins: `before` of the next request */
  next?: number;
}

export interface KickParams {
  /** from `sessions` */
  session_id: string;
}

export interface KickResult {
  /** as given */
  session_id: string;
  /** always `kicked` */
  status: "kicked";
}

export interface LocateParams {
  /** the user, in any case */
  target_user: string;
  /** the local user */
  from_user?: string;
  /** return the reply as the result */
  wait?: boolean;
  /** how long to wait, in seconds */
  timeout?: number;
}

export interface LocateRequested {
  /** always `requested` */
  status: "requested";
  /** as given */
  user_name: string;
}

export interface LocateResult {
  /** the mud that answers */
  from_mud: string;
  /** seconds of idleness */
  idle: number;
  /** the mud where the user is */
  located_mud: string;
  /** the user's visible name */
  located_user: string;
  /** `afk`, `editing`, … */
  status: string;
  /** the mud that asked */
  to_mud: string;
  /** the user who asked */
  to_user: string;
}

export interface LogLevelParams {
  /** DEBUG, INFO, WARNING or ERROR, in any case; omit it to read the level only */
  level?: string;
}

export interface LogLevelResult {
  /** the current level of the log */
  level: "DEBUG" | "INFO" | "WARNING" | "ERROR";
  /** always `success` */
  status: "success";
}

export interface MudlistParams {
  /** accepted for old clients, without effect; routers send every change unasked */
  refresh?: boolean;
  /** which muds to list */
  filter?: MudlistFilter;
  /** only muds after this name: the `next` of the answer before */
  after?: string;
}

export interface MudlistResult {
  /** number of muds in this answer */
  count: number;
  /** sorted by name */
  muds: Array<Mud>;
  /** always `success` */
  status: "success";
  /** true: the answer is full, and there are more muds */
  more?: boolean;
  /** where the rest begins: `after` of the next request */
  next?: string;
}

export interface OverviewResult {
  /** the muds that this gateway speaks for, as far as the caller may see them */
  identities: Array<Identitie>;
  /** whether the caller's mud has a router link here, without which a session may not speak */
  may_speak: boolean;
  /** the minutes of the last hour in which something came in, oldest first; the last one is not over yet */
  minutes: Array<Minute>;
  /** what the caller's key may do; `*` means all */
  permissions: Array<string>;
  /** what waits */
  queues: Queue;
  /** always `success` */
  status: "success";
  /** seconds since the gateway was started */
  uptime: number;
  /** the version of the gateway */
  version: string;
  /** what is doubtful about the settings; empty without the permission `admin` for the gateway's own mud */
  warnings: Array<string>;
  /** where several nodes share the muds: the name of this node */
  node?: string;
}

export interface PingResult {
  /** always true */
  pong: boolean;
  /** the current time */
  timestamp: string;
}

export interface PresenceSyncParams {
  /** all users who are online; any other user is offline */
  users: Array<PresentUser>;
}

export interface PresenceSyncResult {
  /** number of users */
  count: number;
  /** the session's mud */
  mud_name: string;
  /** always `synchronized` */
  status: "synchronized";
}

export interface ReconnectResult {
  /** always `reconnecting` */
  status: "reconnecting";
}

export interface ResumeParams {
  /** replay the events after this one */
  last_event_id?: number;
}

export interface ResumeResult {
  /** where the replay starts; null: at the first event not yet delivered to any session of the mud */
  last_event_id: number | null;
  /** always `success` */
  status: "success";
}

export interface RetireParams {
  /** the name of the mud, as a check: the mud of the key retires */
  mud_name?: string;
}

export interface RetireResult {
  /** the mud */
  mud_name: string;
  /** the router that has been told */
  router: string;
  /** always `retired` */
  status: "retired";
}

export interface RpcDiscoverResult {
  /** the name and version of the API */
  info: Record<string, unknown>;
  /** the methods */
  methods: Array<Record<string, unknown>>;
  /** the version of OpenRPC */
  openrpc: string;
}

export interface SessionsParams {
  /** only sessions after this number: the `next` of the answer before */
  after?: number;
}

export interface SessionsResult {
  /** number of sessions in this answer */
  count: number;
  /** the sessions */
  sessions: Array<SessionInfo>;
  /** always `success` */
  status: "success";
  /** true: the answer is full, and there are more sessions */
  more?: boolean;
  /** where the rest begins: `after` of the next request */
  next?: number;
}

export interface StatsResult {
  /** the version number of the router's channel list; the numbers have no order */
  chanlist_id: number;
  /** known channels */
  channel_count: number;
  /** whether the router link is ready */
  gateway_connected: boolean;
  /** known muds */
  mud_count: number;
  /** the version number of the router's mudlist; the numbers have no order */
  mudlist_id: number;
  /** known muds that are up */
  online_muds: number;
  /** packets received from routers since the start */
  packets_received: number;
  /** packets sent to routers since the start */
  packets_sent: number;
  /** identified sessions, at all nodes */
  session_count: number;
}

export interface StatusResult {
  /** whether the router link is ready */
  connected: boolean;
  /** the session's mud */
  mud_name: string;
  /** the router link */
  router: Router;
  /** this session */
  session_id: string;
  /** seconds since this session connected */
  uptime: number;
  /** where several nodes share the muds: the name of the node that holds the router link; null: none does */
  holder?: string | null;
  /** where several nodes share the muds: the name of this node */
  node?: string;
}

export interface TellParams {
  /** the mud; its name in any case, or shortened */
  target_mud: string;
  /** the user, in any case */
  target_user: string;
  /** the text */
  message: string;
  /** the local user */
  from_user?: string;
  /** the name to show; without it, `from_user` */
  visname?: string;
}

export interface TellResult {
  /** identifies the message; an `error_occurred` about it has this id too */
  message_id: string;
  /** always `sent`: accepted into the queue of the router */
  status: "sent";
}

export interface TellRefuseParams {
  /** the event of the tell, the emote or the beep */
  event_id: number;
  /** what the sender is told; without it, that the user is not online */
  message?: string;
}

export interface TellRefuseResult {
  /** as given */
  event_id: number;
  /** always `refused`: the error was accepted into the queue of the router */
  status: "refused";
}

export interface TextPreviewParams {
  /** the text, with colours in pinkfish (`%^RED%^`), in ANSI, or in the codes of mIRC */
  text: string;
}

export interface TextPreviewResult {
  /** with colours for a terminal */
  ansi: string;
  /** as HTML */
  html: string;
  /** without colours */
  plain: string;
  /** as a client reads it that asks for `raw` */
  raw: string;
  /** as it goes to the network if a client sends it */
  sent: string;
  /** always `success` */
  status: "success";
}

export interface TraceParams {
  /** false: stop tracing */
  enabled?: boolean;
}

export interface TraceResult {
  /** whether the session receives packets */
  status: "tracing" | "stopped";
}

export interface WhoParams {
  /** the mud; its name in any case, or shortened */
  target_mud: string;
  /** the local user */
  from_user?: string;
  /** which users the result contains, with `wait`; the event always contains all */
  filters?: WhoFilter;
  /** return the reply as the result */
  wait?: boolean;
  /** how long to wait, in seconds */
  timeout?: number;
}

export interface WhoRequested {
  /** the mud */
  mud_name: string;
  /** always `requested` */
  status: "requested";
}

export interface WhoResult {
  /** the mud that answers */
  from_mud: string;
  /** the users' names by mud */
  members: Array<MudUsers>;
  /** the mud that asked */
  to_mud: string;
  /** the user who asked */
  to_user: string;
  /** the users who are online */
  users: Array<User>;
  /** true: the list was too long, and its end is left out */
  more?: boolean;
}

/** A user of another mud wants the attention of a user of this mud. `message` is empty. Kept for a game that is away. */
export interface BeepReceived {
  /** identifies the event; ids only grow, also across restarts */
  event_id: number;
  /** the sender's mud */
  from_mud: string;
  /** the sender's user name */
  from_user: string;
  /** the text; in an emote `$N` stands for the sender's name, which is there itself unless texts are read `raw` */
  message: string;
  /** when it arrived */
  timestamp: string;
  /** this mud */
  to_mud: string;
  /** the local user who receives it */
  to_user: string;
  /** the sender's visible name */
  visname: string;
  /** true: the event is a replay */
  replay?: boolean;
}

/** A channel was added or has changed. */
export interface ChannelAdded {
  /** the channel */
  channel: string;
  /** identifies the event; ids only grow, also across restarts */
  event_id: number;
  /** the mud that created it; empty when it was removed */
  owner: string;
  /** when it arrived */
  timestamp: string;
  /** 0: open to all muds but the banned; 1: open to admitted muds only; 2: filtered */
  type: number;
}

/** An emote on a channel, for sessions that subscribe to it. Kept for a game that is away. */
export interface ChannelEmote {
  /** the channel */
  channel: string;
  /** identifies the event; ids only grow, also across restarts */
  event_id: number;
  /** the sender's mud */
  from_mud: string;
  /** the sender's user name */
  from_user: string;
  /** the text; in an emote `$N` stands for the sender's name, which is there itself unless texts are read `raw` */
  message: string;
  /** when it arrived */
  timestamp: string;
  /** the sender's visible name */
  visname: string;
  /** true: the event is a replay */
  replay?: boolean;
  /** true: this mud's own line, as the router sent it back */
  self?: boolean;
}

/** The router asks whether a message may pass on a filtered channel of this mud. The sessions of the mud receive this once one of them has called `channel_filter`, which also answers it. */
export interface ChannelFilterRequest {
  /** the channel */
  channel: string;
  /** the event that the message would become */
  event: "channel_message" | "channel_emote" | "channel_targeted_emote";
  /** identifies the event; ids only grow, also across restarts */
  event_id: number;
  /** for the answer with `channel_filter` */
  filter_id: number;
  /** the sender's mud */
  from_mud: string;
  /** the sender's user name */
  from_user: string;
  /** the text */
  message: string;
  /** seconds after which the message passes unchanged */
  timeout: number;
  /** when it arrived */
  timestamp: string;
  /** the sender's visible name */
  visname: string;
}

/** Another session of the mud has joined a channel. */
export interface ChannelJoined {
  /** the channel */
  channel: string;
  /** identifies the event; ids only grow, also across restarts */
  event_id: number;
  /** the session */
  session_id: string;
  /** when it arrived */
  timestamp: string;
}

/** Another session of the mud has left a channel. */
export interface ChannelLeft {
  /** the channel */
  channel: string;
  /** identifies the event; ids only grow, also across restarts */
  event_id: number;
  /** the session */
  session_id: string;
  /** when it arrived */
  timestamp: string;
}

/** A message on a channel, for sessions that subscribe to it. Kept for a game that is away. */
export interface ChannelMessage {
  /** the channel */
  channel: string;
  /** identifies the event; ids only grow, also across restarts */
  event_id: number;
  /** the sender's mud */
  from_mud: string;
  /** the sender's user name */
  from_user: string;
  /** the text; in an emote `$N` stands for the sender's name, which is there itself unless texts are read `raw` */
  message: string;
  /** when it arrived */
  timestamp: string;
  /** the sender's visible name */
  visname: string;
  /** true: the event is a replay */
  replay?: boolean;
  /** true: this mud's own line, as the router sent it back */
  self?: boolean;
}

/** A channel was removed. */
export interface ChannelRemoved {
  /** the channel */
  channel: string;
  /** identifies the event; ids only grow, also across restarts */
  event_id: number;
  /** the mud that created it; empty when it was removed */
  owner: string;
  /** when it arrived */
  timestamp: string;
  /** 0: open to all muds but the banned; 1: open to admitted muds only; 2: filtered */
  type: number;
}

/** An emote on a channel that is aimed at a user, for sessions that subscribe to it. Kept for a game that is away. */
export interface ChannelTargetedEmote {
  /** the channel */
  channel: string;
  /** identifies the event; ids only grow, also across restarts */
  event_id: number;
  /** the sender's mud */
  from_mud: string;
  /** the sender's user name */
  from_user: string;
  /** the text for others; `$N` stands for the sender's name and `$O` for the target's, as in an emote */
  message: string;
  /** the text for the target */
  message_target: string;
  /** the mud of the target */
  target_mud: string;
  /** the target */
  target_user: string;
  /** the target's visible name */
  target_visname: string;
  /** when it arrived */
  timestamp: string;
  /** the sender's visible name */
  visname: string;
  /** true: the event is a replay */
  replay?: boolean;
  /** true: this mud's own line, as the router sent it back */
  self?: boolean;
}

/** An answer to a `channel_who`. Kept for a game that is away. */
export interface ChannelWhoReply {
  /** the channel */
  channel: string;
  /** identifies the event; ids only grow, also across restarts */
  event_id: number;
  /** the mud that answers */
  from_mud: string;
  /** when it arrived */
  timestamp: string;
  /** the user who asked */
  to_user: string;
  /** the subscribers on that mud */
  users: Array<string>;
  /** true: the list was too long, and its end is left out */
  more?: boolean;
  /** true: the event is a replay */
  replay?: boolean;
}

/** A user of another mud has sent an emote to a user of this mud. Kept for a game that is away. */
export interface EmotetoReceived {
  /** identifies the event; ids only grow, also across restarts */
  event_id: number;
  /** the sender's mud */
  from_mud: string;
  /** the sender's user name */
  from_user: string;
  /** the text; in an emote `$N` stands for the sender's name, which is there itself unless texts are read `raw` */
  message: string;
  /** when it arrived */
  timestamp: string;
  /** this mud */
  to_mud: string;
  /** the local user who receives it */
  to_user: string;
  /** the sender's visible name */
  visname: string;
  /** true: the event is a replay */
  replay?: boolean;
}

/** Something that this mud has sent failed. A request that waits for it gets the error as its answer instead. Kept for a game that is away. */
export interface ErrorOccurred {
  /** whether the error is from the network or from the gateway's queue */
  context: "i3_packet_error" | "gateway_queue";
  /** a code of Intermud-3, such as `unk-dst`, `unk-user` or `not-allowed`; `not-sent`: the packet never left the gateway */
  error_code: string;
  /** a text for people */
  error_message: string;
  /** identifies the event; ids only grow, also across restarts */
  event_id: number;
  /** the mud or router that reports the error; empty: this gateway */
  from_mud: string;
  /** when it arrived */
  timestamp: string;
  /** this mud */
  to_mud: string;
  /** the local user concerned */
  to_user: string;
  /** identifies the message that failed, if it is known */
  message_id?: string;
  /** true: the event is a replay */
  replay?: boolean;
}

/** The answer to a `finger` without `wait`. Kept for a game that is away. */
export interface FingerReply {
  /** identifies the event; ids only grow, also across restarts */
  event_id: number;
  /** the mud that answers */
  from_mud: string;
  /** when it arrived */
  timestamp: string;
  /** the mud that asked */
  to_mud: string;
  /** the user who asked */
  to_user: string;
  /** the user */
  user_info: UserInfo;
  /** true: the event is a replay */
  replay?: boolean;
}

/** The link to the router was lost or closed. */
export interface GatewayDisconnected {
  /** identifies the event; ids only grow, also across restarts */
  event_id: number;
  /** a text for people */
  message: string;
  /** a text for people */
  reason: string;
  /** the router */
  router: string;
  /** the state of the link */
  status: "connected" | "disconnected";
  /** when it arrived */
  timestamp: string;
}

/** The link to the router is ready. */
export interface GatewayReconnected {
  /** identifies the event; ids only grow, also across restarts */
  event_id: number;
  /** a text for people */
  message: string;
  /** a text for people */
  reason: string;
  /** the router */
  router: string;
  /** the state of the link */
  status: "connected" | "disconnected";
  /** when it arrived */
  timestamp: string;
}

/** Another gateway or game uses the mud's name, or the router refuses the login. Kept for a game that is away. */
export interface IdentityWarning {
  /** what to do, for people */
  advice: string;
  /** the router's code, such as `bad-mojo` */
  error_code: string;
  /** identifies the event; ids only grow, also across restarts */
  event_id: number;
  /** the router's text */
  message: string;
  /** when it arrived */
  timestamp: string;
  /** true: the event is a replay */
  replay?: boolean;
}

/** This client has not read for a while, and events for it were dropped. */
export interface Lagged {
  /** number of dropped events */
  dropped: number;
  /** identifies the event; ids only grow, also across restarts */
  event_id: number;
  /** when it arrived */
  timestamp: string;
}

/** An answer to a `locate`: one from each mud where the user is. Kept for a game that is away. */
export interface LocateReply {
  /** identifies the event; ids only grow, also across restarts */
  event_id: number;
  /** the mud that answers */
  from_mud: string;
  /** seconds of idleness */
  idle: number;
  /** the mud where the user is */
  located_mud: string;
  /** the user's visible name */
  located_user: string;
  /** `afk`, `editing`, … */
  status: string;
  /** when it arrived */
  timestamp: string;
  /** the mud that asked */
  to_mud: string;
  /** the user who asked */
  to_user: string;
  /** true: the event is a replay */
  replay?: boolean;
}

/** A mud has gone down. */
export interface MudOffline {
  /** identifies the event; ids only grow, also across restarts */
  event_id: number;
  /** the mud's entry, as in `mudlist`; null when it is off the list */
  info: Mud | null;
  /** the mud */
  mud_name: string;
  /** whether it is on the network now */
  status: "up" | "down";
  /** when it arrived */
  timestamp: string;
}

/** A mud has come up. */
export interface MudOnline {
  /** identifies the event; ids only grow, also across restarts */
  event_id: number;
  /** the mud's entry, as in `mudlist`; null when it is off the list */
  info: Mud | null;
  /** the mud */
  mud_name: string;
  /** whether it is on the network now */
  status: "up" | "down";
  /** when it arrived */
  timestamp: string;
}

/** A packet of the mud, for sessions that have called `trace`. */
export interface PacketTrace {
  /** the direction */
  direction: "received" | "sent";
  /** identifies the event; ids only grow, also across restarts */
  event_id: number;
  /** the mud */
  mud_name: string;
  /** the text of the packet, without passwords; a long one is cut */
  packet: string;
  /** the router */
  router: string;
  /** when it arrived */
  timestamp: string;
  /** why the gateway could not read it, if it could not */
  dropped?: string;
}

/** A request was refused because requests come too often; sent at most once a minute. */
export interface RateLimitWarning {
  /** identifies the event; ids only grow, also across restarts */
  event_id: number;
  /** the method of the refused request; `unknown` if there is no such method */
  method: string;
  /** the limit in requests a minute */
  per_minute: number;
  /** milliseconds to wait before the next request */
  retry_after_ms: number;
  /** when it arrived */
  timestamp: string;
}

/** A replay is complete: see "What came while you were away". */
export interface ReplayComplete {
  /** identifies the event; ids only grow, also across restarts */
  event_id: number;
  /** true: some events were too old or too many, and are lost */
  gap: boolean;
  /** number of replayed events */
  replayed: number;
  /** when it arrived */
  timestamp: string;
  /** the channel, if the replay was only of its lines */
  channel?: string;
}

/** The gateway is shutting down. */
export interface ShutdownWarning {
  /** identifies the event; ids only grow, also across restarts */
  event_id: number;
  /** a text for people */
  message: string;
  /** when it arrived */
  timestamp: string;
}

/** The store fails to save changes, or what was saved is gone; the gateway tries again, and then saves all of it. */
export interface StorageFailed {
  /** identifies the event; ids only grow, also across restarts */
  event_id: number;
  /** the text of the store */
  reason: string;
  /** when it arrived */
  timestamp: string;
  /** number of changes that are not saved yet */
  waiting: number;
}

/** The store has saved all changes again. */
export interface StorageRecovered {
  /** identifies the event; ids only grow, also across restarts */
  event_id: number;
  /** the text of the store */
  reason: string;
  /** when it arrived */
  timestamp: string;
  /** number of changes that are not saved yet */
  waiting: number;
}

/** A user of another mud has sent a message to a user of this mud. Kept for a game that is away. */
export interface TellReceived {
  /** identifies the event; ids only grow, also across restarts */
  event_id: number;
  /** the sender's mud */
  from_mud: string;
  /** the sender's user name */
  from_user: string;
  /** the text; in an emote `$N` stands for the sender's name, which is there itself unless texts are read `raw` */
  message: string;
  /** when it arrived */
  timestamp: string;
  /** this mud */
  to_mud: string;
  /** the local user who receives it */
  to_user: string;
  /** the sender's visible name */
  visname: string;
  /** true: the event is a replay */
  replay?: boolean;
}

/** The answer to a `who` without `wait`. Kept for a game that is away. */
export interface WhoReply {
  /** identifies the event; ids only grow, also across restarts */
  event_id: number;
  /** the mud that answers */
  from_mud: string;
  /** when it arrived */
  timestamp: string;
  /** the mud that asked */
  to_mud: string;
  /** the user who asked */
  to_user: string;
  /** the users who are online */
  users: Array<User>;
  /** true: the list was too long, and its end is left out */
  more?: boolean;
  /** true: the event is a replay */
  replay?: boolean;
}

/** The parameters of each event, by its name. */
export interface EventParams {
  beep_received: BeepReceived;
  channel_added: ChannelAdded;
  channel_emote: ChannelEmote;
  channel_filter_request: ChannelFilterRequest;
  channel_joined: ChannelJoined;
  channel_left: ChannelLeft;
  channel_message: ChannelMessage;
  channel_removed: ChannelRemoved;
  channel_targeted_emote: ChannelTargetedEmote;
  channel_who_reply: ChannelWhoReply;
  emoteto_received: EmotetoReceived;
  error_occurred: ErrorOccurred;
  finger_reply: FingerReply;
  gateway_disconnected: GatewayDisconnected;
  gateway_reconnected: GatewayReconnected;
  identity_warning: IdentityWarning;
  lagged: Lagged;
  locate_reply: LocateReply;
  mud_offline: MudOffline;
  mud_online: MudOnline;
  packet_trace: PacketTrace;
  rate_limit_warning: RateLimitWarning;
  replay_complete: ReplayComplete;
  shutdown_warning: ShutdownWarning;
  storage_failed: StorageFailed;
  storage_recovered: StorageRecovered;
  tell_received: TellReceived;
  who_reply: WhoReply;
}

/** The methods of the API. Each can reject with an `RpcError`. */
export interface Methods {
  /** Moves the cursor of this client: events up to it are not replayed again. The result comes when the cursor is saved. */
  ack(params: AckParams): Promise<AckResult>;
  /** Lists what administrators and moderators of the caller's mud have done since the start: bans, hosted channels, ended sessions, the log level, reconnects. A key of the gateway's own mud sees the actions of all muds. Needs the permission `admin`. */
  audit(params?: AuditParams): Promise<AuditResult>;
  /** Identifies the client. All other methods but `ping` and `rpc.discover` need it first. */
  authenticate(params?: AuthenticateParams): Promise<AuthenticateResult>;
  /** Bans packets from coming in or going out. The result comes when the ban is saved. Needs the permission `moderate`. */
  ban_add(params: BanAddParams): Promise<BanAddResult>;
  /** Lists the bans, each with the number of packets that it has stopped since the start. Needs the permission `moderate`. */
  ban_list(params?: BanListParams): Promise<BanListResult>;
  /** Removes a ban. The result comes when the removal is saved. Needs the permission `moderate`. */
  ban_remove(params: BanRemoveParams): Promise<BanRemoveResult>;
  /** Gets the attention of a user on another mud. Needs the permission `tell`. */
  beep(params: BeepParams): Promise<BeepResult>;
  /** Creates a channel of this mud. An error from the router becomes the error of the request. Needs the permission `host`. */
  channel_add(params: ChannelAddParams): Promise<ChannelAddResult>;
  /** Changes which muds are banned from, or admitted to, a channel of this mud. `add` or `remove` must name a mud. Needs the permission `host`. */
  channel_admin(params: ChannelAdminParams): Promise<ChannelAdminResult>;
  /** Sends an emote to a channel. Needs the permission `channel`. */
  channel_emote(params: ChannelEmoteParams): Promise<ChannelEmoteResult>;
  /** Judges the messages on a filtered channel of this mud. With `channel`, this session receives them from now on as events `channel_filter_request`; with `filter_id` and `allow`, it answers one. Needs the permission `host`. */
  channel_filter(params?: ChannelFilterParams): Promise<ChannelFilterResult1 | ChannelFilterResult2>;
  /** Returns the messages of a channel, oldest first. Needs the permission `info`. */
  channel_history(params: ChannelHistoryParams): Promise<ChannelHistoryResult>;
  /** Subscribes this session to a channel. Needs the permission `channel`. */
  channel_join(params: ChannelJoinParams): Promise<ChannelJoinResult>;
  /** Ends this session's subscription to a channel. Needs the permission `channel`. */
  channel_leave(params: ChannelLeaveParams): Promise<ChannelLeaveResult>;
  /** Lists the channels of the network. Needs the permission `info`. */
  channel_list(params?: ChannelListParams): Promise<ChannelListResult>;
  /** Removes a channel of this mud. Needs the permission `host`. */
  channel_remove(params: ChannelRemoveParams): Promise<ChannelRemoveResult>;
  /** Sends a message to a channel. Needs the permission `channel`. */
  channel_send(params: ChannelSendParams): Promise<ChannelSendResult>;
  /** Sends an emote that is aimed at a user to a channel. Needs the permission `channel`. */
  channel_targeted_emote(params: ChannelTargetedEmoteParams): Promise<ChannelTargetedEmoteResult>;
  /** Returns the visible name and the gender of a user of another mud. Needs the permission `info`. */
  channel_user(params: ChannelUserParams): Promise<ChannelUserResult>;
  /** Returns the known subscribers of a channel. With `wait` it asks the other muds first. Needs the permission `info`. */
  channel_who(params: ChannelWhoParams): Promise<ChannelWhoResult>;
  /** Gives the router links of this node to other nodes. The answer comes when none is left here. Until it is restarted the node takes none; clients stay connected to it, and go on to use the links. Needs the permission `admin`. */
  drain(): Promise<DrainResult>;
  /** Sends an emote to a user on another mud. Needs the permission `tell`. */
  emoteto(params: EmotetoParams): Promise<EmotetoResult>;
  /** Asks a mud about a user. The answer is the event `finger_reply`, or with `wait` the result. Needs the permission `info`. */
  finger(params: FingerParams & { wait: true }): Promise<FingerResult>;
  finger(params: FingerParams & { wait?: false }): Promise<FingerRequested>;
  finger(params: FingerParams): Promise<FingerRequested | FingerResult>;
  /** Keeps the session from timing out. */
  heartbeat(): Promise<HeartbeatResult>;
  /** Searches the messages of channels. Needs the permission `info`. */
  history_search(params: HistorySearchParams): Promise<HistorySearchResult>;
  /** Ends a session and closes its connection. Needs the permission `admin`. */
  kick(params: KickParams): Promise<KickResult>;
  /** Asks all muds for a user. Each answer is an event `locate_reply`; with `wait` the first one is the result. Needs the permission `info`. */
  locate(params: LocateParams & { wait: true }): Promise<LocateResult>;
  locate(params: LocateParams & { wait?: false }): Promise<LocateRequested>;
  locate(params: LocateParams): Promise<LocateRequested | LocateResult>;
  /** Returns the level of the log, and changes it until the next restart if one is given. Needs the permission `admin`. */
  log_level(params?: LogLevelParams): Promise<LogLevelResult>;
  /** Lists the muds of the network. Needs the permission `info`. */
  mudlist(params?: MudlistParams): Promise<MudlistResult>;
  /** Reports the router links, the last hour, and what waits. A key of the gateway's own mud sees the links of all muds. */
  overview(): Promise<OverviewResult>;
  /** Shows that the gateway is running. */
  ping(): Promise<PingResult>;
  /** Publishes which users are online. The list is valid for 30 seconds, unless the settings say otherwise. Needs the permission `presence`. */
  presence_sync(params: PresenceSyncParams): Promise<PresenceSyncResult>;
  /** Closes the link to the router and logs in again. Needs the permission `admin`. */
  reconnect(): Promise<ReconnectResult>;
  /** Replays missed events, followed by the event `replay_complete`. */
  resume(params?: ResumeParams): Promise<ResumeResult>;
  /** Logs the mud off for good: the router forgets its name, and other muds take it off their lists. The gateway goes on without the link. A later start logs in again, under the same name as a new mud. Needs the permission `admin`. */
  retire(params?: RetireParams): Promise<RetireResult>;
  /** Returns the OpenRPC document that describes all methods. */
  rpc_discover(): Promise<RpcDiscoverResult>;
  /** Lists the sessions of the caller's mud. A key of the gateway's own mud sees the sessions of all muds. Needs the permission `admin`. */
  sessions(params?: SessionsParams): Promise<SessionsResult>;
  /** Returns counters. */
  stats(): Promise<StatsResult>;
  /** Reports whether the router link is ready, and why not. */
  status(): Promise<StatusResult>;
  /** Sends a message to a user on another mud. Needs the permission `tell`. */
  tell(params: TellParams): Promise<TellResult>;
  /** Tells the sender of a tell, an emote or a beep that the user does not get it, because the user is absent or ignores the sender. The sender's mud receives the error `unk-user` with the text. This works for as long as the event is kept. Needs the permission `tell`. */
  tell_refuse(params: TellRefuseParams): Promise<TellRefuseResult>;
  /** Returns a text in each of the forms in which clients read texts. */
  text_preview(params: TextPreviewParams): Promise<TextPreviewResult>;
  /** Sends this session the packets of its mud as events `packet_trace`, with passwords removed. Needs the permission `admin`. */
  trace(params?: TraceParams): Promise<TraceResult>;
  /** Asks a mud who is on. The answer is the event `who_reply`, or with `wait` the result. Needs the permission `info`. */
  who(params: WhoParams & { wait: true }): Promise<WhoResult>;
  who(params: WhoParams & { wait?: false }): Promise<WhoRequested>;
  who(params: WhoParams): Promise<WhoRequested | WhoResult>;
}
