// The WebSocket of the API: requests, events, and a connection that comes back by itself. docs/API.md describes what is
// said over it.

/** A request that was refused. */
export class Refused extends Error {
  constructor({ code = 0, message = 'no reason was given', data = {} } = {}) {
    super(message);
    this.code = code;
    this.data = data ?? {};
  }
}

/** The waits before the next attempt, in milliseconds. The last one stays. */
const RETRY_MS = [500, 1000, 2000, 4000, 8000, 15000];

/** How long an answer may take, in milliseconds, if the request does not say. */
const ANSWER_MS = 20000;

/** How often the page looks whether the gateway still answers, and how long the answer may take, in milliseconds. */
const PING_MS = 30000;
const LOOK_MS = 5000;

/** The code with which the gateway closes a connection whose key or session is not wanted. */
const CLOSED_BY_POLICY = 1008;

/** A session. It looks only: what it receives is still kept for the game. */
export class Api {
  constructor({ onEvent, onState }) {
    this.onEvent = onEvent;
    this.onState = onState;
    this.waiting = new Map();
    this.lastId = 0;
    this.failures = 0;
    this.seen = 0;
    this.key = null;
    this.wanted = false;
    window.addEventListener('online', () => this.retryNow());
    // A gateway on this host can be reached all the same.
    window.addEventListener('offline', () => this.look());
    document.addEventListener('visibilitychange', () => document.hidden || this.retryNow());
  }

  /** The address of the WebSocket beside the page, so that a proxy may serve both below any path. */
  static address() {
    const url = new URL('ws?role=observer', location.href.replace(/[?#].*$/, ''));
    url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
    return url;
  }

  /** Signs in. An empty key is for gateways that need none. */
  async signIn(key) {
    this.close();
    this.key = key;
    this.wanted = true;
    this.seen = 0;
    try {
      return await this.open();
    } catch (error) {
      this.close();
      throw error;
    }
  }

  /** Ends the session and forgets the key. */
  close() {
    this.wanted = false;
    this.key = null;
    clearTimeout(this.timer);
    clearInterval(this.pinger);
    const socket = this.socket;
    this.socket = null;
    socket?.close(1000);
    this.dropAll('the session has ended');
  }

  async open() {
    const socket = new WebSocket(Api.address());
    this.socket = socket;
    await new Promise((resolve, reject) => {
      socket.onopen = resolve;
      socket.onclose = () => reject(new Error('unreachable'));
    });
    socket.onmessage = (message) => this.received(message.data);
    socket.onclose = (event) => this.lost(socket, event);
    clearInterval(this.pinger);
    this.pinger = setInterval(() => this.look(), PING_MS);
    const params = { role: 'observer', text_format: 'raw', last_event_id: this.seen };
    if (this.key) params.api_key = this.key;
    const session = await this.call('authenticate', params);
    this.failures = 0;
    return session;
  }

  /** Calls a method. Resolves with its result, or rejects with `Refused`. */
  call(method, params = {}, wait = ANSWER_MS) {
    return new Promise((resolve, reject) => {
      if (this.socket?.readyState !== WebSocket.OPEN) {
        reject(new Refused({ message: 'the connection to the gateway is down' }));
        return;
      }
      this.lastId += 1;
      const id = this.lastId;
      const timer = setTimeout(() => {
        this.waiting.delete(id);
        reject(new Refused({ message: 'the gateway has not answered in time' }));
      }, wait);
      this.waiting.set(id, { resolve, reject, timer });
      this.socket.send(JSON.stringify({ jsonrpc: '2.0', id, method, params }));
    });
  }

  /** Calls a method for all pages of a list. */
  async list(method, member, params = {}, pages = 100) {
    const rows = [];
    let answer;
    let after;
    do {
      answer = await this.call(method, after === undefined ? params : { ...params, after });
      rows.push(...answer[member]);
      after = answer.next;
      pages -= 1;
    } while (answer.more && pages > 0);
    return { ...answer, [member]: rows };
  }

  received(text) {
    const message = JSON.parse(text);
    if (message.method !== undefined) {
      const id = message.params?.event_id;
      if (typeof id === 'number' && id > this.seen) this.seen = id;
      this.onEvent(message.method, message.params ?? {});
      return;
    }
    const waiting = this.waiting.get(message.id);
    if (!waiting) {
      if (message.error) this.onEvent('refused', message.error);
      return;
    }
    this.waiting.delete(message.id);
    clearTimeout(waiting.timer);
    if (message.error) waiting.reject(new Refused(message.error));
    else waiting.resolve(message.result);
  }

  dropAll(message) {
    for (const { reject, timer } of this.waiting.values()) {
      clearTimeout(timer);
      reject(new Refused({ message }));
    }
    this.waiting.clear();
  }

  lost(socket, event) {
    if (socket !== this.socket) return;
    clearInterval(this.pinger);
    this.dropAll('the connection was lost');
    if (!this.wanted) return;
    if (event.code === CLOSED_BY_POLICY) {
      this.close();
      this.onState('ended', event.reason || 'the gateway has ended the session');
      return;
    }
    this.onState('away', event.reason || 'the connection to the gateway was lost');
    this.again();
  }

  /** Looks whether the gateway still answers. A dead connection is given up without a goodbye, which could take minutes. */
  look() {
    const { socket } = this;
    if (socket?.readyState !== WebSocket.OPEN) return;
    this.call('ping', {}, LOOK_MS).catch(() => {
      if (socket !== this.socket) return;
      socket.onclose = null;
      socket.close();
      this.lost(socket, { code: 0, reason: '' });
    });
  }

  again() {
    const wait = RETRY_MS[Math.min(this.failures, RETRY_MS.length - 1)];
    this.failures += 1;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.retry(), wait);
  }

  retryNow() {
    if (this.wanted && this.socket?.readyState !== WebSocket.OPEN && this.failures > 0 && !this.trying) this.retry();
  }

  async retry() {
    clearTimeout(this.timer);
    this.trying = true;
    try {
      this.onState('back', await this.open());
    } catch (error) {
      const socket = this.socket;
      this.socket = null;
      socket?.close();
      if (!this.wanted) return;
      if (error instanceof Refused && error.code === -32000) {
        this.close();
        this.onState('ended', 'the gateway no longer accepts the key');
        return;
      }
      this.again();
    } finally {
      this.trying = false;
    }
  }
}

/** Says in words why a sign-in failed. */
export async function whyNot(error) {
  if (error instanceof Refused) {
    if (error.code === -32000) return 'The gateway does not know this key. Check that all of it was copied; keys are in the gateway’s settings or its env file.';
    if (error.code === -32001) {
      const seconds = Math.ceil((error.data.retry_after_ms ?? 1000) / 1000);
      return `Too many wrong keys came from this address. Wait ${seconds} s, then try again.`;
    }
    if (error.code === -32602) return 'Enter the API key: this gateway does not let anybody in without one.';
    return `The gateway refuses: ${error.message}.`;
  }
  try {
    await fetch('health/live');
  } catch {
    return 'The gateway cannot be reached. Is it running, and is the network up?';
  }
  return 'The gateway answers, but not over WebSocket. It may be full, or a proxy in between does not pass on WebSocket connections and the header Host.';
}
