// The client. It stays connected: after a loss it tries again, joins its channels and goes on.

import { METHODS } from "./api.js";
import { addressFromEnv, parseAddress } from "./address.js";
import {
  CallTimeout,
  ClientClosed,
  ConnectionLost,
  GatewayError,
  NotAuthenticated,
  NotConnected,
  RateLimited,
  RpcError,
  fromWire,
} from "./errors.js";
import { Ledger } from "./ledger.js";
import { openWebSocket } from "./websocket.js";

// All times are in milliseconds. The gateway answers who, finger and locate for 30 seconds after a presence_sync.
const PRESENCE = 15_000;
// Several changes within this time are published as one.
const PRESENCE_PAUSE = 500;
// How often the gateway is asked for a sign of life. After twice that time without any, the connection is given up.
const HEARTBEAT = 30_000;
const CONNECT = 10_000;
const CALL = 30_000;
// Acknowledgements go out at once, and then at most once in this time, since they count as requests.
const ACK_PAUSE = 1_000;
const CLOSE = 2_000;
const BACKOFF = { first: 1_000, max: 60_000 };
const QUEUE_SIZE = 1_000;
// How many more events may be queued while a call is awaited: its answer stands behind them. The gateway lets about a megabyte
// of events wait for a client, which is some 5,000 of the shortest.
const EVENTS_DURING_CALLS = 10_000;

const sleep = (milliseconds) => new Promise((done) => setTimeout(done, milliseconds));

/** `promise`, or a rejection with what `late` makes after so many milliseconds. */
function within(promise, milliseconds, late) {
  if (milliseconds === undefined || milliseconds === Infinity) return promise;
  let timer;
  const timeout = new Promise((_, reject) => {
    timer = setTimeout(() => reject(late()), milliseconds);
  });
  return Promise.race([promise, timeout]).finally(() => clearTimeout(timer));
}

/** A thing to wait for: `wake` lets all go on that wait. */
class Bell {
  #waiting = new Set();

  wake() {
    for (const done of this.#waiting) done(true);
    this.#waiting.clear();
  }

  /** True when it rang, false after so many milliseconds. */
  wait(milliseconds) {
    return new Promise((resolve) => {
      let timer;
      const done = (rang) => {
        clearTimeout(timer);
        this.#waiting.delete(done);
        resolve(rang);
      };
      if (milliseconds !== undefined && milliseconds !== Infinity) timer = setTimeout(() => done(false), milliseconds);
      this.#waiting.add(done);
    });
  }
}

export class I3Client {
  #options;
  #address;
  #channels = new Map(); // name -> listen_only
  #ledger = new Ledger();
  #queue = [];
  #current;
  #consumed = false;
  #handlers = new Map();
  #calls = new Map(); // id -> { resolve, reject }
  #awaited = 0;
  #nextId = 1;
  #transport;
  #identified = false;
  #paused = false;
  #overflowing = false;
  #lastReceived = 0;
  #running;
  #pumping;
  #over; // why there is no more: an Error
  #closing = false;
  #presence;
  #wait;
  #came = new Bell(); // an event to hand out, or the end
  #up = new Bell(); // identified, or the end
  #taken = new Bell(); // the program has taken an event, or the end
  #ackWanted = new Bell();
  #ackDue = false;
  #presenceWanted = new Bell();
  #ended = new Bell();

  constructor(options = {}) {
    const acks = options.acks ?? "auto";
    if (acks !== "auto" && acks !== "manual") throw new TypeError('acks is "auto" or "manual"');
    this.#options = { queueSize: QUEUE_SIZE, callTimeout: CALL, backoff: BACKOFF, ...options, acks };
    this.#address = parseAddress(options.address ?? "tcp://127.0.0.1:8081");
    for (const channel of options.channels ?? []) this.#channels.set(channel, false);
    this.#presence = options.presence;
    this.#wait = this.#options.backoff.first;
    this.mudName = options.mudName;
    this.sessionId = undefined;
    this.dropped = 0;
  }

  /** A client from I3_GATEWAY_HOST and I3_GATEWAY_PORT or I3_GATEWAY_URL, I3_API_KEY and I3_MUD_NAME. */
  static fromEnv(client, options = {}) {
    const env = globalThis.process?.env ?? {};
    const given = { address: addressFromEnv(env), apiKey: env.I3_API_KEY || undefined, mudName: env.I3_MUD_NAME || undefined };
    return new I3Client({ ...given, client, ...options });
  }

  // -- its life ----------------------------------------------------------------------------------------------------------

  get connected() {
    return this.#identified;
  }

  get queued() {
    return this.#queue.length;
  }

  /** Connects. Resolves when the client is connected; rejects if the key is wrong, or after `timeout` milliseconds. */
  async start(timeout) {
    if (this.#running === undefined && this.#over === undefined) this.#running = this.#run();
    if (this.#handlers.size > 0) this.#pumping ??= this.#pump();
    if (this.#over === undefined && !this.#identified && !(await this.#up.wait(timeout))) {
      throw new CallTimeout(`not connected to ${this.#address.text} within ${timeout} milliseconds`);
    }
    if (this.#over !== undefined) throw this.#over;
  }

  /** Acknowledges what was handled, and ends the connection. `handled`: the event in hand counts as handled. */
  async close({ handled = true } = {}) {
    if (this.#closing) return this.#running;
    if (handled) this.#doneWithCurrent();
    this.#closing = true;
    this.#transport?.resume();
    if (this.#identified && this.#options.client !== undefined) {
      await within(this.#lastAck(), CLOSE, () => new CallTimeout("")).catch(() => {}); // these events come again
    }
    this.#end(new ClientClosed("the client was closed"));
    this.#transport?.close();
    return this.#running;
  }

  async #lastAck() {
    await this.#ask("ping"); // what was on its way before the answer is known to the ledger now
    this.#ledger.releaseAll();
    const id = this.#ledger.toAcknowledge();
    if (id !== undefined) await this.#ask("ack", { event_id: id });
  }

  #end(why) {
    this.#over ??= why;
    for (const bell of [this.#came, this.#up, this.#taken, this.#ended]) bell.wake();
  }

  // -- events ------------------------------------------------------------------------------------------------------------

  /** Calls `handler` for each such event, or for each event with "*". The next event waits until its promise is done. */
  on(method, handler) {
    if (!this.#handlers.has(method)) this.#handlers.set(method, []);
    this.#handlers.get(method).push(handler);
    if (this.#running !== undefined) this.#pumping ??= this.#pump();
    return this;
  }

  async #pump() {
    try {
      for await (const event of this.events()) {
        for (const handler of [...(this.#handlers.get(event.method) ?? []), ...(this.#handlers.get("*") ?? [])]) {
          try {
            await handler(event.params, event);
          } catch (error) {
            this.#report("a handler has failed", error);
          }
        }
      }
    } catch {
      // The end of the client; `start` reports it.
    }
  }

  /** The events, one after the other, over all connections. Ends when the client is closed. For one consumer. */
  async *events() {
    for (;;) {
      const event = await this.nextEvent();
      if (event === undefined) return;
      yield event;
    }
  }

  /**
   * The next event; undefined if nothing came within `timeout` milliseconds, or the client was closed.
   * The event that was returned before counts as handled now, unless acks are manual.
   */
  async nextEvent(timeout) {
    if (this.#running === undefined && this.#over === undefined) this.start().catch(() => {});
    this.#consumed = true;
    this.#doneWithCurrent();
    if (this.#queue.length === 0 && this.#over === undefined && timeout !== 0) await this.#came.wait(timeout);
    if (this.#over instanceof ClientClosed || this.#closing) return undefined;
    if (this.#queue.length === 0) {
      if (this.#over !== undefined) throw this.#over;
      return undefined;
    }
    this.#current = this.#queue.shift();
    this.#taken.wake();
    if (this.#paused) this.#transport?.resume();
    return this.#current;
  }

  /** Says that an event is done with: it is not delivered again. */
  acknowledge(event) {
    this.#ledger.handled(event);
    this.#acksDue();
  }

  #acksDue() {
    this.#ackDue = true;
    this.#ackWanted.wake();
  }

  #doneWithCurrent() {
    if (this.#current !== undefined && this.#options.acks === "auto") this.acknowledge(this.#current);
    this.#current = undefined;
  }

  #put(event) {
    if (!this.#consumed && this.#queue.length >= this.#options.queueSize) {
      if (this.dropped === 0) this.#report(`${this.#queue.length} events wait and the program asks for none: the oldest are dropped`);
      this.#ledger.handled(this.#queue.shift());
      this.dropped += 1;
    }
    this.#queue.push(event);
    this.#came.wake();
  }

  get #full() {
    const room = this.#options.queueSize + (this.#awaited > 0 ? EVENTS_DURING_CALLS : 0);
    return this.#consumed && !this.#closing && this.#queue.length >= room;
  }

  /** A text has come in. False: there is no room for it now, and it is to be given again after `resume`. */
  #received(text) {
    this.#lastReceived = Date.now();
    let message;
    try {
      message = JSON.parse(text);
    } catch {
      return true;
    }
    if (typeof message !== "object" || message === null || Array.isArray(message)) return true;
    if (typeof message.method !== "string") {
      this.#answered(message);
      return true;
    }
    if (message.method === "welcome") return true;
    if (this.#full) {
      this.#paused = true;
      if (this.#transport.canPause) return false;
      // This event is kept by the gateway, or lost like those that come while there is no connection.
      this.#overflowing = true;
      this.#transport.close("more events came than the program takes");
      return true;
    }
    this.#paused = false;
    const event = { method: message.method, params: message.params ?? {} };
    if (this.#ledger.received(event) && !this.#closing) this.#put(event);
    return true;
  }

  // -- requests ----------------------------------------------------------------------------------------------------------

  /** Calls a method of the API and returns its result. */
  async call(method, params = {}, { timeout } = {}) {
    if (this.#over !== undefined) throw this.#over;
    if (!this.#identified) throw new NotConnected(`there is no connection to ${this.#address.text} now`);
    const waits = params.wait || method === "channel_user" ? (params.timeout ?? 10) * 1000 : 0;
    const most = timeout ?? this.#options.callTimeout + waits;
    this.#awaited += 1;
    if (this.#paused) this.#transport?.resume();
    let result;
    try {
      result = await this.#ask(method, params, most);
    } finally {
      this.#awaited -= 1;
    }
    if (method === "channel_join") {
      this.#channels.set(params.channel, params.listen_only === true);
      this.#holdAcks();
    } else if (method === "channel_leave") {
      this.#channels.delete(params.channel);
    }
    return result;
  }

  /** Joins channels, now and after each reconnect. Without a connection, they are joined when there is one. */
  async join(channels, { listenOnly = false } = {}) {
    for (const channel of [channels].flat()) {
      this.#channels.set(channel, listenOnly);
      if (!this.#identified) continue;
      try {
        const result = await this.call("channel_join", { channel, listen_only: listenOnly });
        if (result.warning) this.#report(`${channel}: ${result.warning}`);
      } catch (error) {
        if (error instanceof NotConnected) continue;
        if (error instanceof RpcError) this.#channels.delete(channel);
        throw error;
      }
    }
  }

  /** Leaves channels for good. */
  async leave(channels) {
    for (const channel of [channels].flat()) {
      this.#channels.delete(channel);
      if (this.#identified) await this.call("channel_leave", { channel });
    }
  }

  async #ask(method, params, timeout) {
    if (this.#transport === undefined) throw new NotConnected(`there is no connection to ${this.#address.text} now`);
    const id = this.#nextId++;
    const answer = new Promise((resolve, reject) => this.#calls.set(id, { resolve, reject }));
    const late = () => new CallTimeout(`no answer to ${method} within ${timeout} milliseconds`);
    this.#transport.send(JSON.stringify({ jsonrpc: "2.0", id, method, params }));
    return within(answer, timeout, late).finally(() => this.#calls.delete(id));
  }

  #answered({ id, result, error }) {
    const call = this.#calls.get(id);
    if (call === undefined) {
      if (error && id === null) this.#report(`the gateway reports: ${error.message}`);
    } else if (error) {
      call.reject(fromWire(error));
    } else {
      call.resolve(result);
    }
  }

  // -- presence ----------------------------------------------------------------------------------------------------------

  /** Publishes who is on, now and every 15 seconds from now on: names, or objects with name, title, level, idle, … */
  setPresence(users) {
    const listed = [...users];
    this.#presence = () => listed;
    this.presenceChanged();
  }

  /** Publishes who is on at once, for instance after a login. */
  presenceChanged() {
    this.#presenceWanted.wake();
  }

  async #publishPresence(alive) {
    while (alive()) {
      let asked = false;
      this.#presenceWanted.wait().then(() => (asked = true));
      if (this.#presence !== undefined) {
        try {
          const users = [...(await this.#presence())].map((user) => (typeof user === "string" ? { name: user } : user));
          // Not awaited: while the program lets events wait, answers wait behind them, but presence goes on.
          if (alive()) this.#background("presence_sync", this.#ask("presence_sync", { users }));
        } catch (error) {
          this.#report("who is on cannot be published", error);
        }
      }
      await sleep(PRESENCE_PAUSE);
      if (!asked) await Promise.race([this.#presenceWanted.wait(PRESENCE - PRESENCE_PAUSE), this.#ended.wait(PRESENCE)]);
    }
  }

  // -- the connection ----------------------------------------------------------------------------------------------------

  async #run() {
    while (this.#over === undefined) {
      const reason = await this.#connection();
      if (this.#over !== undefined || this.#closing) break;
      const retry = this.#wait * (0.5 + Math.random() / 2);
      this.#wait = Math.min(this.#wait * 2, this.#options.backoff.max);
      this.#put({ method: "disconnected", params: { reason, retry_in_ms: Math.round(retry) } });
      while (this.#overflowing && this.#queue.length > this.#options.queueSize / 2 && this.#over === undefined) {
        await this.#taken.wait();
      }
      this.#overflowing = false;
      if (this.#over === undefined) await this.#ended.wait(retry);
    }
  }

  /** One connection from its beginning to its end. Returns why it ended. */
  async #connection() {
    let closed = false;
    let end;
    const over = new Promise((resolve) => (end = resolve));
    const alive = () => !closed && this.#over === undefined;
    try {
      await within(
        new Promise((resolve, reject) => {
          const on = {
            open: resolve,
            text: (text) => (closed ? true : this.#received(text)),
            closed: (reason) => {
              closed = true;
              end(reason);
              reject(new Error(reason));
            },
          };
          this.#open(on).then((transport) => {
            this.#transport = transport;
            if (this.#over !== undefined) transport.close();
          }, reject);
        }),
        CONNECT,
        () => new Error("no connection in time"),
      );
      this.#lastReceived = Date.now();
      // An end during the login is reported by its request.
      this.#attend(alive).catch((error) => end(error.message));
      return await over;
    } catch (error) {
      return error.message;
    } finally {
      closed = true;
      this.#identified = false;
      this.#paused = false;
      this.#transport?.close();
      this.#transport = undefined;
      this.#ledger.releaseAll();
      this.#presenceWanted.wake();
      this.#ackWanted.wake();
      for (const { reject } of [...this.#calls.values()]) {
        reject(new ConnectionLost("the connection was lost before the answer came"));
      }
    }
  }

  async #open(on) {
    if (this.#address.url !== undefined) return openWebSocket(this.#address.url, on);
    const { openLines } = await import("./lines.js");
    return openLines({ ...this.#address, tls: this.#address.tls && (this.#options.tls ?? true) }, on);
  }

  /** Identifies the client, joins its channels, and sees to it that the connection is alive. */
  async #attend(alive) {
    const { apiKey: api_key, client, textFormat: text_format, echo, role } = this.#options;
    const login = { api_key, client, text_format, echo, role };
    if (client === undefined && this.#ledger.highestReceived > 0) login.last_event_id = this.#ledger.highestReceived;
    this.#ledger.hold();
    let greeting;
    try {
      greeting = await this.#ask("authenticate", login, CONNECT);
    } catch (error) {
      if (error instanceof NotAuthenticated) this.#end(error);
      if (error instanceof RateLimited) await sleep(Math.min(error.retryAfter, 60_000));
      throw error;
    }
    const { mud_name, session_id } = greeting;
    if (this.mudName !== undefined && this.mudName.toLowerCase() !== mud_name.toLowerCase()) {
      this.#report(`the key is for the mud ${mud_name}, not for ${this.mudName}`);
    }
    this.mudName = mud_name;
    this.sessionId = session_id;
    this.#identified = true;
    this.#wait = this.#options.backoff.first;
    this.#put({ method: "connected", params: { mud_name, session_id } });
    this.#up.wake();
    this.#background("channel_join", this.#joinAll(alive));
    this.#background("presence_sync", this.#publishPresence(alive));
    if (client !== undefined) this.#background("ack", this.#acknowledgeAll(alive));
    while (alive()) {
      await this.#ended.wait(HEARTBEAT);
      if (!alive()) return;
      // While the program lets events wait, nothing is read: then silence says nothing about the gateway.
      if (!this.#paused && Date.now() - this.#lastReceived > 2 * HEARTBEAT) throw new Error("the gateway is silent");
      this.#background("ping", this.#ask("ping"));
    }
  }

  #background(what, work) {
    work.catch((error) => {
      if (!(error instanceof ConnectionLost || error instanceof NotConnected)) this.#report(what, error);
    });
  }

  /** Joins the channels again. The replay of a channel follows its join, and the answer to a ping follows that. */
  async #joinAll(alive) {
    for (const [channel, listen_only] of [...this.#channels]) {
      for (let again = true; again && alive(); ) {
        again = false;
        try {
          await this.#ask("channel_join", { channel, listen_only });
        } catch (error) {
          if (!(error instanceof RpcError)) throw error;
          again = error instanceof RateLimited || (error instanceof GatewayError && error.retryable);
          if (again) await sleep(error instanceof RateLimited ? error.retryAfter : 2_000);
          else this.#report(`channel ${channel}`, error);
        }
      }
    }
    await this.#ask("ping");
    this.#releaseAcks();
  }

  /** After a join: its replay has to be here before anything above is acknowledged. */
  #holdAcks() {
    this.#ledger.hold();
    this.#background(
      "ping",
      this.#ask("ping").then(() => this.#releaseAcks()),
    );
  }

  #releaseAcks() {
    this.#ledger.release();
    this.#acksDue();
  }

  async #acknowledgeAll(alive) {
    this.#ackDue = true;
    while (alive()) {
      if (!this.#ackDue) await this.#ackWanted.wait();
      if (!alive()) return;
      this.#ackDue = false;
      const id = this.#ledger.toAcknowledge();
      if (id === undefined) continue;
      let pause = ACK_PAUSE;
      try {
        await this.#ask("ack", { event_id: id });
        this.#ledger.acknowledged(id);
      } catch (error) {
        if (error instanceof RateLimited) pause = error.retryAfter;
        else if (error instanceof GatewayError) this.#report("ack", error);
        else throw error;
        this.#ackDue = true;
      }
      await this.#ended.wait(pause);
    }
  }

  #report(what, error) {
    const text = error === undefined ? what : `${what}: ${error.message ?? error}`;
    if (this.#options.onWarning) this.#options.onWarning(text, error);
    else console.warn(`i3-gateway: ${text}`);
  }
}

for (const method of METHODS) {
  const spelled = method.replace(".", "_");
  I3Client.prototype[spelled] = function (params, options) {
    return this.call(method, params, options);
  };
}
