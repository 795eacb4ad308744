// What can go wrong. All of these are I3Error.

/** The base of all errors of this package. */
export class I3Error extends Error {
  constructor(message) {
    super(message);
    this.name = new.target.name;
  }
}

/** There is no connection to the gateway now. The request was not sent. */
export class NotConnected extends I3Error {}
/** The connection was lost before the answer came. The gateway may have done what was asked, or not. */
export class ConnectionLost extends I3Error {}
/** No answer came in time. The gateway may have done what was asked, or not. */
export class CallTimeout extends I3Error {}
/** The client was closed. */
export class ClientClosed extends I3Error {}

/** The gateway refused a request. The message is for people; `code` and `data` are for programs. */
export class RpcError extends I3Error {
  constructor(message, code, data = {}) {
    super(message);
    this.code = code;
    this.data = data;
  }

  /** Whether the same request may succeed later. */
  get retryable() {
    return this.data.retryable === true;
  }
}

/** -32700 or -32600: the request could not be read, or is too long. */
export class InvalidRequest extends RpcError {}
/** -32601: this gateway has no such method. */
export class MethodNotFound extends RpcError {}
/** -32602: a parameter is missing or wrong. The message names it. */
export class InvalidParams extends RpcError {}
/** -32603: a fault of the gateway. */
export class InternalError extends RpcError {}
/** -32000: the API key is wrong. */
export class NotAuthenticated extends RpcError {}

/** -32001: too many requests. Wait `retryAfter` milliseconds. */
export class RateLimited extends RpcError {
  get retryAfter() {
    const wait = Number(this.data.retry_after_ms);
    return Number.isFinite(wait) ? wait : 1000;
  }

  get retryable() {
    return true;
  }
}

/** -32002: the key does not allow it. `needs` is the permission that it lacks. */
export class PermissionDenied extends RpcError {
  get needs() {
    return String(this.data.needs ?? "");
  }
}

/** -32003: the session has ended, after too long a silence or by an administrator. */
export class SessionExpired extends RpcError {}

/** -32004: the gateway cannot do it now. `reason` says why; the message is fit for players. */
export class GatewayError extends RpcError {
  get reason() {
    return String(this.data.reason ?? "");
  }
}

const BY_CODE = new Map([
  [-32700, InvalidRequest],
  [-32600, InvalidRequest],
  [-32601, MethodNotFound],
  [-32602, InvalidParams],
  [-32603, InternalError],
  [-32000, NotAuthenticated],
  [-32001, RateLimited],
  [-32002, PermissionDenied],
  [-32003, SessionExpired],
  [-32004, GatewayError],
]);

/** The error for the member `error` of an answer. */
export function fromWire(error) {
  const Kind = BY_CODE.get(error?.code) ?? RpcError;
  const data = typeof error?.data === "object" && error.data !== null ? error.data : {};
  return new Kind(String(error?.message ?? ""), Number(error?.code ?? 0), data);
}
