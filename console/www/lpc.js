// Reads the text of a packet, as `packet_trace` has it: an LPC value such as ({"tell",5,"Sage","bob","Alpha","ann","Bob","hi",}).

/** The members after the six that every packet has. */
const MEMBERS = {
  tell: ['visible name', 'message'], emoteto: ['visible name', 'message'], beep: ['visible name'],
  'channel-m': ['channel', 'visible name', 'message'], 'channel-e': ['channel', 'visible name', 'message'],
  'channel-t': ['channel', 'target mud', 'target user', 'message', 'message to the target', 'visible name', 'visible name of the target'],
  'channel-listen': ['channel', 'on'], 'channel-add': ['channel', 'type'], 'channel-remove': ['channel'],
  'channel-admin': ['channel', 'add', 'remove'], 'chan-filter-req': ['channel', 'packet'],
  'chan-filter-reply': ['channel', 'packet'], 'chan-who-req': ['channel'], 'chan-who-reply': ['channel', 'users'],
  'chan-user-req': ['user'], 'chan-user-reply': ['user', 'visible name', 'gender'],
  'chanlist-req': ['list id'], 'chanlist-reply': ['list id', 'channels'], mudlist: ['list id', 'muds'],
  'who-req': [], 'who-reply': ['users'], 'finger-req': ['user'],
  'finger-reply': ['visible name', 'title', 'real name', 'e-mail', 'login', 'idle', 'address', 'level', 'extra'],
  'locate-req': ['user'], 'locate-reply': ['mud', 'user', 'idle', 'status'], error: ['code', 'message', 'packet'],
  'startup-req-3': ['password', 'old mudlist id', 'old chanlist id', 'player port', 'tcp port', 'udp port', 'mudlib',
    'base mudlib', 'driver', 'type', 'open status', 'admin e-mail', 'services', 'other data'],
  'startup-reply': ['routers', 'password'], shutdown: ['restart delay'], 'auth-mud-req': [], 'auth-mud-reply': ['key'],
  'ucache-update': ['user', 'visible name', 'gender'], 'ping-req': [], 'ping-reply': [],
};

const HEAD = ['type', 'hops', 'from mud', 'from user', 'to mud', 'to user'];

/** Nesting that is read. */
const DEPTH_MAX = 50;

class Reader {
  constructor(text) {
    this.text = text;
    this.at = 0;
  }

  blank() {
    while (' \t\r\n'.includes(this.text[this.at]) && this.at < this.text.length) this.at += 1;
  }

  take(mark) {
    this.blank();
    if (!this.text.startsWith(mark, this.at)) return false;
    this.at += mark.length;
    return true;
  }

  value(depth = 0) {
    if (depth > DEPTH_MAX) throw new Error('too deep');
    if (this.take('({')) return this.list('})', () => this.value(depth + 1));
    if (this.take('([')) {
      return this.list('])', () => {
        const key = this.value(depth + 1);
        if (!this.take(':')) throw new Error('no colon');
        return { key, value: this.value(depth + 1) };
      });
    }
    this.blank();
    if (this.text[this.at] === '"') return this.string();
    const number = /^-?\d+(?:\.\d+(?:e[+-]?\d+)?)?/i.exec(this.text.slice(this.at, this.at + 40));
    if (!number) throw new Error('no value');
    this.at += number[0].length;
    return Number(number[0]);
  }

  list(end, one) {
    const found = [];
    while (!this.take(end)) {
      found.push(one());
      if (!this.take(',') && !this.text.startsWith(end, this.at)) throw new Error('no comma');
    }
    return found;
  }

  string() {
    let out = '';
    for (this.at += 1; this.at < this.text.length; this.at += 1) {
      const one = this.text[this.at];
      if (one === '"') {
        this.at += 1;
        return out;
      }
      if (one === '\\') {
        this.at += 1;
        const next = this.text[this.at];
        out += { n: '\n', t: '\t', r: '\r' }[next] ?? next ?? '';
      } else out += one;
    }
    throw new Error('no end');
  }
}

function shown(value) {
  if (Array.isArray(value)) {
    const rows = value.map((one) => (one !== null && typeof one === 'object' && !Array.isArray(one)
      ? `${shown(one.key)}: ${shown(one.value)}` : shown(one)));
    return `[${rows.join(', ')}]`;
  }
  return typeof value === 'string' ? value : String(value);
}

/** Returns a packet's type, sender, target and named members. One that cannot be read has only its text. */
export function decode(text) {
  try {
    const value = new Reader(text).value();
    if (!Array.isArray(value) || typeof value[0] !== 'string') return null;
    const names = [...HEAD, ...(MEMBERS[value[0]] ?? [])];
    const rows = value.map((one, at) => [names[at] ?? `member ${at + 1}`, shown(one)]);
    const place = (user, mud) => (value[mud] ? `${value[user] ? `${shown(value[user])}@` : ''}${shown(value[mud])}` : 'all');
    return { type: value[0], from: place(3, 2), to: place(5, 4), rows };
  } catch {
    return null;
  }
}
