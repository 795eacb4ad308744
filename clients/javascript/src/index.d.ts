/// <reference lib="es2018" />

import type { EventParams, Methods, PresentUser } from "./api.js";
export * from "./api.js";

/** The client is connected and identified. Its channels are joined next. */
export interface Connected {
  mud_name: string;
  session_id: string;
}

/** The connection to the gateway is lost. The client tries again in so many milliseconds. */
export interface Disconnected {
  reason: string;
  retry_in_ms: number;
}

/** The parameters of all events: those of the gateway, and the two of the client itself. */
export interface AllEventParams extends EventParams {
  connected: Connected;
  disconnected: Disconnected;
}

/** An event: `method` is its name, which determines its `params`. */
export type I3Event = { [M in keyof AllEventParams]: { method: M; params: AllEventParams[M] } }[keyof AllEventParams];

/** Who is on: a name, or an object with name, title, level, idle, … */
export type User = string | PresentUser;

export interface Options {
  /** tcp://HOST:PORT or tls://HOST:PORT (Node), ws://HOST:PORT/ws or wss://… Default: tcp://127.0.0.1:8081. */
  address?: string;
  apiKey?: string;
  /** The name under which the gateway remembers what this program has received. */
  client?: string;
  /** Channels to join, after each reconnect too. */
  channels?: Iterable<string>;
  /** The mud that you expect the key to be for. Another one is reported. */
  mudName?: string;
  /** Who is on. Asked every 15 seconds. */
  presence?: () => Iterable<User> | Promise<Iterable<User>>;
  /** "auto": an event counts as handled when the next one is asked for. "manual": when `acknowledge` is called. */
  acks?: "auto" | "manual";
  textFormat?: "raw" | "plain" | "ansi" | "html";
  /** false: do not deliver the mud's own channel lines. */
  echo?: boolean;
  role?: "game" | "observer";
  /** How many events wait for the program at most. Default: 1000. */
  queueSize?: number;
  /** Milliseconds until a call without an answer fails. Default: 30000. */
  callTimeout?: number;
  /** Milliseconds before the first and the longest of the next tries. Default: 1000 and 60000. */
  backoff?: { first: number; max: number };
  /** Options of node:tls for tls:// addresses, such as `ca`. */
  tls?: object;
  /** Gets what would otherwise be printed with console.warn. */
  onWarning?: (text: string, error?: unknown) => void;
}

/** A game's connection to the gateway. It stays connected, and joins its channels again after a loss. */
export declare class I3Client {
  constructor(options?: Options);
  /** A client from I3_GATEWAY_HOST and I3_GATEWAY_PORT or I3_GATEWAY_URL, I3_API_KEY and I3_MUD_NAME. */
  static fromEnv(client?: string, options?: Options): I3Client;
  /** The mud that the key speaks for. */
  mudName: string | undefined;
  sessionId: string | undefined;
  /** Events that were dropped because the program never asked for any. */
  dropped: number;
  /** Whether the client is connected and identified now. */
  readonly connected: boolean;
  /** How many events wait for the program. */
  readonly queued: number;
  /** Connects. Resolves when the client is connected; rejects if the key is wrong, or after `timeout` milliseconds. */
  start(timeout?: number): Promise<void>;
  /** Acknowledges what was handled, and ends the connection. `handled`: the event in hand counts as handled. */
  close(options?: { handled?: boolean }): Promise<void>;
  /** Calls `handler` for each such event. The next event waits until its promise is done. */
  on<M extends keyof AllEventParams>(method: M, handler: (params: AllEventParams[M], event: I3Event) => unknown): this;
  on(method: "*", handler: (params: AllEventParams[keyof AllEventParams], event: I3Event) => unknown): this;
  /** The events, one after the other. Ends when the client is closed. For one consumer. */
  events(): AsyncGenerator<I3Event, void, void>;
  /** The next event; undefined if nothing came within `timeout` milliseconds, or the client was closed. */
  nextEvent(timeout?: number): Promise<I3Event | undefined>;
  /** Says that an event is done with: it is not delivered again. */
  acknowledge(event: I3Event): void;
  /** Calls a method of the API and returns its result. */
  call(method: string, params?: object, options?: { timeout?: number }): Promise<unknown>;
  /** Joins channels, now and after each reconnect. */
  join(channels: string | string[], options?: { listenOnly?: boolean }): Promise<void>;
  /** Leaves channels for good. */
  leave(channels: string | string[]): Promise<void>;
  /** Publishes who is on, now and every 15 seconds from now on. */
  setPresence(users: Iterable<User>): void;
  /** Publishes who is on at once, for instance after a login. */
  presenceChanged(): void;
}
export interface I3Client extends Methods {}

/** The names of the methods. */
export declare const METHODS: string[];
/** The events that the gateway keeps for a game that is away: these are acknowledged. */
export declare const KEPT: Set<string>;

/** The base of all errors of this package. */
export declare class I3Error extends Error {}
/** There is no connection to the gateway now. The request was not sent. */
export declare class NotConnected extends I3Error {}
/** The connection was lost before the answer came. The gateway may have done what was asked, or not. */
export declare class ConnectionLost extends I3Error {}
/** No answer came in time. The gateway may have done what was asked, or not. */
export declare class CallTimeout extends I3Error {}
/** The client was closed. */
export declare class ClientClosed extends I3Error {}
/** The gateway refused a request. The message is for people; `code` and `data` are for programs. */
export declare class RpcError extends I3Error {
  code: number;
  data: Record<string, unknown>;
  /** Whether the same request may succeed later. */
  get retryable(): boolean;
}
export declare class InvalidRequest extends RpcError {}
export declare class MethodNotFound extends RpcError {}
export declare class InvalidParams extends RpcError {}
export declare class InternalError extends RpcError {}
/** The API key is wrong. */
export declare class NotAuthenticated extends RpcError {}
/** Too many requests. */
export declare class RateLimited extends RpcError {
  /** Milliseconds to wait before the next request. */
  get retryAfter(): number;
}
export declare class PermissionDenied extends RpcError {
  /** The permission that the key lacks. */
  get needs(): string;
}
export declare class SessionExpired extends RpcError {}
/** The gateway cannot do it now. The message is fit for players. */
export declare class GatewayError extends RpcError {
  /** A word for programs: `router_down`, `no_answer`, `unk-user`, …; docs/API.md lists them. */
  get reason(): string;
}
