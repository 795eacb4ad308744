// What the page knows: the session, the lines of channels, the threads of tells, the packets of a trace. Views read it and
// call its functions; `changed` has the page drawn again, at most once for each frame.

import { Api, whyNot } from './api.js';
import { plain } from './ansi.js';

/** Lines of one channel or thread that are kept. Older ones come from the history again. */
const LINES_MAX = 10000;

/** Lines of one chunk of a log: what is drawn again when one of them changes. */
export const CHUNK = 100;

/** Packets of a trace that are kept. */
export const PACKETS_MAX = 2000;

/** Where the key is kept for this tab, if the user has asked for that. */
const KEY = 'i3-gateway-key';

const LINE_EVENTS = ['channel_message', 'channel_emote', 'channel_targeted_emote'];
const TELL_EVENTS = ['tell_received', 'emoteto_received', 'beep_received'];

let draw = () => {};
let isDrawing = false;

/** Has the page drawn again. */
export function changed() {
  if (isDrawing) return;
  isDrawing = true;
  const now = () => {
    if (!isDrawing) return;
    isDrawing = false;
    draw();
  };
  // A page in the background gets no frames.
  requestAnimationFrame(now);
  setTimeout(now, 200);
}

export function onChange(call) {
  draw = call;
}

/** Lines in the order of their event ids, in chunks. What changes becomes a new object: so a view sees what has changed. */
export class Lines {
  constructor() {
    this.chunks = [];
    this.ids = new Set();
    this.version = 0;
    this.dropped = false;
  }

  get size() {
    return this.ids.size;
  }

  get first() {
    return this.chunks[0]?.lines[0];
  }

  get last() {
    return this.chunks[this.chunks.length - 1]?.lines.at(-1);
  }

  all() {
    return this.chunks.flatMap((chunk) => chunk.lines);
  }

  /** Adds lines. One that is there already is left out. */
  add(lines) {
    const fresh = lines.filter((line) => !this.ids.has(line.id));
    if (fresh.length === 0) return 0;
    fresh.sort((a, b) => a.id - b.id);
    this.version += 1;
    for (const line of fresh) this.ids.add(line.id);
    if (!this.last || fresh[0].id > this.last.id) this.append(fresh);
    else if (fresh.at(-1).id < this.first.id) this.prepend(fresh);
    else this.rebuild([...this.all(), ...fresh].sort((a, b) => a.id - b.id));
    while (this.size - this.chunks[0].lines.length >= LINES_MAX) {
      for (const line of this.chunks[0].lines) this.ids.delete(line.id);
      this.chunks = this.chunks.slice(1);
      this.dropped = true;
    }
    return fresh.length;
  }

  append(fresh) {
    const open = this.chunks.at(-1);
    if (!open || open.lines.length >= CHUNK) {
      this.chunks = [...this.chunks, ...Lines.cut(fresh)];
      return;
    }
    const room = CHUNK - open.lines.length;
    const filled = { key: open.key, lines: [...open.lines, ...fresh.slice(0, room)] };
    this.chunks = [...this.chunks.slice(0, -1), filled, ...Lines.cut(fresh.slice(room))];
  }

  prepend(fresh) {
    this.chunks = [...Lines.cut(fresh), ...this.chunks];
  }

  rebuild(lines) {
    this.chunks = Lines.cut(lines);
  }

  /** Replaces a line. */
  replace(id, change) {
    const at = this.chunks.findIndex((chunk) => chunk.lines.some((line) => line.id === id));
    if (at < 0) return false;
    const { key, lines } = this.chunks[at];
    const changed = { key, lines: lines.map((line) => (line.id === id ? { ...line, ...change } : line)) };
    this.chunks = [...this.chunks.slice(0, at), changed, ...this.chunks.slice(at + 1)];
    this.version += 1;
    return true;
  }

  clear() {
    this.chunks = [];
    this.ids.clear();
    this.version += 1;
  }

  static cut(lines) {
    const chunks = [];
    for (let at = 0; at < lines.length; at += CHUNK) {
      chunks.push({ key: lines[at].id, lines: lines.slice(at, at + CHUNK) });
    }
    return chunks;
  }
}

export const state = {
  phase: 'start',
  why: '',
  needsKey: true,
  session: null,
  overview: null,
  overviewError: '',
  permissions: [],
  maySpeak: false,
  channels: new Map(),
  channel: null,
  threads: new Map(),
  thread: null,
  packets: [],
  packetCount: 0,
  trace: 'off',
  heldPackets: 0,
  asUser: '',
  notices: [],
  lost: null,
  missed: null,
  dialog: null,
  changes: 0,
};

export const api = new Api({ onEvent: received, onState: connection });

/** Whether the key may do this. */
export function may(permission) {
  return state.permissions.includes('*') || state.permissions.includes(permission);
}

/** Whether the key may do this on the network. */
export function maySay(permission) {
  return state.maySpeak && may(permission);
}

let lastNotice = 0;

/** Shows a message for a while. */
export function notice(text, kind = 'info') {
  lastNotice += 1;
  const one = { id: lastNotice, text, kind };
  state.notices = [...state.notices.slice(-3), one];
  changed();
  if (kind !== 'missed') setTimeout(() => dismiss(one.id), kind === 'error' ? 15000 : 6000);
}

export function dismiss(id) {
  state.notices = state.notices.filter((one) => one.id !== id);
  changed();
}

/** Calls a method, and shows why it was refused. Returns its result, or null. */
export async function attempt(method, params, wait) {
  try {
    return await api.call(method, params, wait);
  } catch (error) {
    notice(`${method}: ${error.message}`, 'error');
    return null;
  }
}

// Signing in and out.

export async function start() {
  try {
    const info = await (await fetch('api/info')).json();
    state.needsKey = info.authentication !== 'none';
  } catch {
    state.needsKey = true;
  }
  const key = state.needsKey ? stored() : '';
  if (key === null) {
    state.phase = 'out';
    changed();
  } else await signIn(key, state.needsKey);
}

function stored() {
  try {
    return sessionStorage.getItem(KEY);
  } catch {
    return null;
  }
}

function store(key) {
  try {
    if (key === null) sessionStorage.removeItem(KEY);
    else sessionStorage.setItem(KEY, key);
  } catch {
    // The browser keeps nothing for this page.
  }
}

export async function signIn(key, keep) {
  state.phase = 'connecting';
  state.why = '';
  changed();
  try {
    const session = await api.signIn(key);
    store(keep && key ? key : null);
    await signedIn(session);
  } catch (error) {
    const why = await whyNot(error);
    forget();
    state.phase = 'out';
    state.why = why;
    changed();
  }
}

async function signedIn(session) {
  state.session = session;
  state.overview = await api.call('overview');
  state.permissions = state.overview.permissions;
  state.maySpeak = state.overview.may_speak;
  state.phase = 'in';
  changed();
  await loadChannels();
}

export function signOut(why = '') {
  api.close();
  store(null);
  forget();
  state.phase = 'out';
  state.why = why;
  changed();
}

function forget() {
  Object.assign(state, {
    session: null, overview: null, permissions: [], maySpeak: false, channels: new Map(), channel: null,
    threads: new Map(), thread: null, packets: [], packetCount: 0, trace: 'off', heldPackets: 0, notices: [], lost: null,
    missed: null, dialog: null,
  });
}

async function connection(what, detail) {
  if (what === 'ended') {
    store(null);
    forget();
    state.phase = 'out';
    state.why = `The session has ended: ${detail}.`;
  } else if (what === 'away') {
    state.phase = 'away';
    state.why = detail;
    state.lost ??= Date.now();
  } else await comeBack(detail);
  changed();
}

// After a lost connection: the channels are joined again, and what was missed is counted.

async function comeBack(session) {
  const seconds = Math.round((Date.now() - (state.lost ?? Date.now())) / 1000);
  state.lost = null;
  state.missed ??= { lines: 0, tells: 0, others: 0, gap: false };
  try {
    await signedIn(session);
    for (const channel of state.channels.values()) {
      if (channel.joined) {
        const answer = await attempt('channel_join', { channel: channel.name, listen_only: channel.listenOnly });
        channel.joined = answer !== null;
      }
      if (channel.loaded) await catchUp(channel);
    }
    if (state.trace !== 'off') await attempt('trace', { enabled: true });
  } catch (error) {
    notice(`After the reconnect: ${error.message}`, 'error');
  }
  // A replay follows the answers.
  setTimeout(() => sayMissed(seconds), 700);
}

async function catchUp(channel) {
  const last = channel.lines.last;
  if (!may('info') || !last) return;
  const answer = await attempt('channel_history', { channel: channel.name, after: Math.floor(last.id) });
  if (!answer) return;
  if (answer.more) {
    // More was said than one answer holds: what is older comes from the history.
    channel.lines.clear();
    channel.before = answer.next;
    state.missed.gap = true;
  }
  state.missed.lines += channel.lines.add(answer.messages.map(lineOf));
}

function sayMissed(seconds) {
  const missed = state.missed;
  state.missed = null;
  if (!missed) return;
  const counts = [[missed.lines, 'line'], [missed.tells, 'tell'], [missed.others, 'other event']];
  const parts = counts.filter(([count]) => count > 0).map(([count, what]) => `${count} ${what}${count === 1 ? '' : 's'}`);
  const what = parts.length > 0 ? `${parts.join(', ')} came meanwhile and are shown` : 'nothing was missed';
  const gap = missed.gap ? ' More came than is kept: some may be lost.' : '';
  notice(`Connected again after ${seconds} s: ${what}.${gap}`, 'missed');
}

// Channels.

export function channelOf(name) {
  let channel = state.channels.get(name);
  if (!channel) {
    channel = { name, joined: false, listenOnly: false, lines: new Lines(), unread: 0, loaded: false, before: null, owner: '', type: null, found: null };
    state.channels.set(name, channel);
  }
  return channel;
}

export async function loadChannels() {
  if (!may('info')) return;
  try {
    const answer = await api.list('channel_list', 'channels');
    for (const one of answer.channels) Object.assign(channelOf(one.name), { owner: one.owner, type: one.type });
    for (const name of answer.subscribed_channels) channelOf(name).joined = true;
  } catch (error) {
    notice(`channel_list: ${error.message}`, 'error');
  }
  changed();
}

export async function choose(name) {
  const channel = channelOf(name);
  state.channel = name;
  channel.unread = 0;
  changed();
  if (!channel.loaded && may('info')) {
    channel.loaded = true;
    const answer = await attempt('channel_history', { channel: name });
    if (!answer) return;
    channel.lines.add(answer.messages.map(lineOf));
    channel.before = answer.more ? answer.next : null;
    changed();
  }
}

/** Loads lines above the first one. Returns how many came. */
export async function earlier(channel) {
  const before = channel.lines.dropped ? Math.floor(channel.lines.first?.id ?? 0) : channel.before;
  if (!before || channel.loading) return 0;
  channel.loading = true;
  const answer = await attempt('channel_history', { channel: channel.name, before });
  channel.loading = false;
  if (!answer) return 0;
  channel.lines.dropped = false;
  channel.before = answer.more ? answer.next : null;
  const count = channel.lines.add(answer.messages.map(lineOf));
  changed();
  return count;
}

export async function join(channel) {
  const answer = await attempt('channel_join', { channel: channel.name });
  if (!answer) return;
  channel.joined = true;
  if (answer.warning) notice(answer.warning);
  // What was said between the history and the join.
  if (channel.loaded && channel.lines.last) {
    state.missed = { lines: 0, tells: 0, others: 0, gap: false };
    await catchUp(channel);
    state.missed = null;
  }
  changed();
}

export async function leave(channel) {
  if (await attempt('channel_leave', { channel: channel.name })) channel.joined = false;
  changed();
}

/** Makes a line of an event or of an entry of the history. */
export function lineOf(event) {
  const kind = event.event;
  return {
    id: event.event_id,
    at: event.timestamp,
    mud: event.from_mud,
    user: event.from_user,
    name: event.visname || event.from_user,
    emote: kind === 'channel_emote' || kind === 'channel_targeted_emote' || kind === 'emoteto_received',
    beep: kind === 'beep_received',
    target: event.target_visname || event.target_user,
    to: event.to_user,
    text: event.message ?? '',
    own: event.self === true,
    channel: event.channel,
  };
}

/** Returns an emote with the names in place of `$N` and `$O`. */
export function said(line) {
  if (line.beep) return 'beeps you.';
  if (!line.emote) return line.text;
  const names = { N: plain(line.name), O: plain(line.target ?? '') };
  return line.text.replace(/^\s*\$N\s?/, '').replace(/\$([NO])/g, (_, one) => names[one]);
}

// Tells.

export function threadOf(local, user, mud) {
  const key = JSON.stringify([local.toLowerCase(), user.toLowerCase(), mud.toLowerCase()]);
  let thread = state.threads.get(key);
  if (!thread) {
    thread = { key, local, user, mud, lines: new Lines(), unread: 0 };
    state.threads.set(key, thread);
  }
  return thread;
}

let lastOwn = 0;

export async function tell({ from, user, mud, text, emote }) {
  const params = { target_mud: mud, target_user: user };
  if (from) params.from_user = from;
  params[emote ? 'emote' : 'message'] = text;
  const answer = await attempt(emote ? 'emoteto' : 'tell', params);
  if (!answer) return false;
  const thread = threadOf(from || 'Someone', user, mud);
  lastOwn += 1;
  // Between the event ids of what came before and what comes after.
  const id = api.seen + lastOwn / 1e6;
  const line = {
    id, at: new Date().toISOString(), mud: state.session.mud_name, user: from || 'Someone', name: from || 'Someone',
    emote, text, own: true, message: answer.message_id,
  };
  thread.lines.add([line]);
  state.thread = thread.key;
  changed();
  return true;
}

function tellReceived(method, event) {
  const thread = threadOf(event.to_user, event.from_user, event.from_mud);
  const count = thread.lines.add([lineOf({ ...event, event: method })]);
  if (count && (state.thread !== thread.key || location.hash !== '#/tells')) thread.unread += count;
  // The newest thread is the first.
  state.threads.delete(thread.key);
  state.threads.set(thread.key, thread);
  return count;
}

// Events.

function received(method, event) {
  const replayed = event.replay === true;
  if (LINE_EVENTS.includes(method)) {
    const channel = channelOf(event.channel);
    const count = channel.lines.add([lineOf({ ...event, event: method })]);
    if (count && (state.channel !== channel.name || location.hash !== '#/channels')) channel.unread += count;
    if (state.missed && replayed) state.missed.lines += count;
  } else if (TELL_EVENTS.includes(method)) {
    const count = tellReceived(method, event);
    if (state.missed && replayed) state.missed.tells += count;
  } else if (method === 'packet_trace') packet(event);
  else other(method, event, replayed);
  changed();
}

function other(method, event, replayed) {
  if (state.missed && replayed) state.missed.others += 1;
  if (method === 'replay_complete') {
    if (state.missed && event.gap) state.missed.gap = true;
  } else if (method === 'error_occurred') failed(event, replayed);
  else if (method === 'lagged') notice(`This page was too slow: ${event.dropped} events were left out.`, 'error');
  else if (method === 'refused') notice(event.message, 'error');
  else if (method === 'shutdown_warning' || method === 'identity_warning') notice(`${event.message}. ${event.advice ?? ''}`, 'error');
  else if (method === 'storage_failed') notice(`The store does not save: ${event.reason}`, 'error');
  else if (method === 'gateway_disconnected' || method === 'gateway_reconnected') {
    if (!replayed) notice(`${event.router}: ${event.status}, ${event.reason}`);
    refresh();
  } else if (method === 'channel_added' && !replayed) {
    Object.assign(channelOf(event.channel), { owner: event.owner, type: event.type });
  } else if (method === 'channel_removed' && !replayed) {
    const channel = state.channels.get(event.channel);
    if (channel && !channel.joined && channel.lines.size === 0) state.channels.delete(event.channel);
  }
}

function failed(event, replayed) {
  const text = `${event.error_message} (${event.error_code}${event.from_mud ? `, ${event.from_mud}` : ''})`;
  for (const thread of state.threads.values()) {
    const line = event.message_id && thread.lines.all().find((one) => one.message === event.message_id);
    if (line) {
      thread.lines.replace(line.id, { failed: text });
      return;
    }
  }
  if (!replayed) notice(text, 'error');
}

/** Asks for the overview again. */
export async function refresh() {
  try {
    state.overview = await api.call('overview');
    state.permissions = state.overview.permissions;
    state.maySpeak = state.overview.may_speak;
    state.overviewError = '';
  } catch (error) {
    state.overviewError = error.message;
  }
  changed();
}

// The trace.

function packet(event) {
  state.packetCount += 1;
  state.packets.push({ ...event, number: state.packetCount });
  if (state.packets.length > PACKETS_MAX * 1.2) state.packets.splice(0, state.packets.length - PACKETS_MAX);
  if (state.trace === 'paused') state.heldPackets += 1;
}

export async function trace(to) {
  if (to === 'off' || state.trace === 'off') {
    if (!await attempt('trace', { enabled: to !== 'off' })) return;
  }
  state.trace = to;
  state.heldPackets = 0;
  changed();
}
