// What can be done about a name: finger, locate, tell, mute, ban. Each is a dialog over the view.

import { html, Component, Dialog, TextBox, Choice, T, Rich, clock, opener } from './ui.js';
import { plain } from './ansi.js';
import { api, attempt, changed, lineOf, may, maySay, notice, said, state, tell } from './store.js';

/** How long a ban may last. */
export const EXPIRIES = [['', 'ever'], ['3600', '1 hour'], ['86400', '1 day'], ['604800', '1 week'], ['2592000', '30 days']];

/** What a ban may stop. A mute is a ban on channels alone. */
export const KINDS = [['', 'everything'], ['channel-*', 'channel lines (mute)'], ['tell', 'tells']];

/** Lines that the preview of a ban shows. */
const MATCHES_SHOWN = 10;

export function show(dialog) {
  if (dialog && !state.dialog) opener.element = document.activeElement;
  state.dialog = dialog;
  changed();
}

export const hide = () => show(null);

export function showPerson({ user, mud, name, text, emote, target }) {
  show({ kind: 'person', user, mud, name, line: text === undefined ? null : { text, emote, name, target } });
}

/** Writes a name into a pattern. `*` and `?` in it stay wildcards, since patterns have no escape. */
export const patternOf = (user, mud) => `${user || '*'}@${mud}`;

/** Whether a pattern with `*` and `?` matches, in any case, as the gateway's bans do. */
export function matches(pattern, text) {
  const source = [...pattern.toLowerCase()];
  const target = [...text.toLowerCase()];
  let [at, to, star, mark] = [0, 0, -1, 0];
  while (to < target.length) {
    if (source[at] === '*') [star, mark, at] = [at, to, at + 1];
    else if (at < source.length && (source[at] === '?' || source[at] === target[to])) [at, to] = [at + 1, to + 1];
    else if (star >= 0) [at, mark, to] = [star + 1, mark + 1, mark + 1];
    else return false;
  }
  while (source[at] === '*') at += 1;
  return at === source.length;
}

/** The last lines that a ban would have stopped: of the channels and tells that this page has. */
export function wouldStop({ pattern, kind, channel }) {
  const found = [];
  let total = 0;
  const look = (lines, type, name) => {
    for (const line of lines.all()) {
      if (line.own) continue;
      total += 1;
      const fits = (!kind || matches(kind, type(line))) && (!channel || (name !== null && matches(channel, name)));
      if (fits && matches(pattern, `${line.user}@${line.mud}`)) found.push({ ...line, channel: name });
    }
  };
  for (const one of state.channels.values()) look(one.lines, (line) => (line.emote ? 'channel-e' : 'channel-m'), one.name);
  for (const one of state.threads.values()) look(one.lines, (line) => (line.emote ? 'emoteto' : 'tell'), null);
  found.sort((a, b) => b.id - a.id);
  return { found, total };
}

/** What a ban would have stopped. */
export class Matches extends Component {
  async componentDidMount() {
    if (!may('info')) return;
    const joined = [...state.channels.values()].filter((channel) => channel.joined && !channel.loaded);
    for (const channel of joined.slice(0, 20)) {
      channel.loaded = true;
      const answer = await api.call('channel_history', { channel: channel.name }).catch(() => null);
      if (answer) {
        channel.lines.add(answer.messages.map(lineOf));
        channel.before = answer.more ? answer.next : null;
      }
    }
    this.setState({});
    changed();
  }

  render({ pattern, kind, channel }) {
    if (!pattern.includes('@')) return html`<p class="quiet" role="status">A pattern is user@mud, such as bob@Sage or *@Sage, with * and ?.</p>`;
    const { found, total } = wouldStop({ pattern, kind, channel });
    return html`<div class="matches" role="status">
      <p>This would have stopped ${found.length} of the last ${total} lines.</p>
      ${found.length > 0 ? html`<ul>${found.slice(0, MATCHES_SHOWN).map((line) => html`<li key=${line.id}>
        <span class="quiet">${clock(line.at)} ${line.channel ? html`[<${T} text=${line.channel} />]` : 'tell'}</span> <${T} text=${`${line.user}@${line.mud}`} />: <${Rich} text=${said(line)} /></li>`)}</ul>` : null}
    </div>`;
  }
}

/** Adds a ban. Returns whether it was added. */
export async function ban({ pattern, reason, expires, kind, channel, direction }) {
  const params = { pattern };
  if (reason) params.reason = reason;
  if (expires) params.expires_in = Number(expires);
  if (kind) params.packet_type = kind;
  if (channel) params.channel = channel;
  if (direction) params.direction = direction;
  const answer = await attempt('ban_add', params);
  if (answer) notice(`${kind === 'channel-*' ? 'Muted' : 'Banned'}: ${pattern} (ban ${answer.ban_id}).`);
  return answer !== null;
}

class BanDialog extends Component {
  constructor(props) {
    super(props);
    this.state = { pattern: patternOf(props.user, props.mud), reason: '', expires: props.kind ? '86400' : '' };
  }

  async go(event) {
    event.preventDefault();
    const done = await ban({ ...this.state, kind: this.props.kind, direction: this.props.kind ? 'in' : undefined });
    if (done) hide();
  }

  render({ kind, user, mud }, { pattern, reason, expires }) {
    const verb = kind ? 'Mute' : 'Ban';
    const set = (name) => (value) => this.setState({ [name]: value });
    return html`<${Dialog} title=${html`${verb} <${T} text=${patternOf(user, mud)} />`} onClose=${hide}>
      <form onSubmit=${(event) => this.go(event)}>
        <p class="quiet">${kind ? 'Channel lines of this user no longer come in. Tells still do.' : 'Nothing of this user comes in, and nothing goes out to it.'}</p>
        <${TextBox} label="Pattern" value=${pattern} onInput=${set('pattern')} required />
        <p class="buttons"><button type="button" class="plain" onClick=${() => set('pattern')(patternOf('*', mud))}>The whole mud</button></p>
        <${Choice} label="For" value=${expires} options=${EXPIRIES} onInput=${set('expires')} />
        <${TextBox} label="Reason" value=${reason} onInput=${set('reason')} maxlength="500" />
        <${Matches} pattern=${pattern} kind=${kind} />
        <p class="buttons"><button type="submit" class="main">${verb}</button></p>
      </form>
    </${Dialog}>`;
  }
}

/** Asks something of the network, and shows the answer. */
class Asked extends Component {
  async componentDidMount() {
    try {
      this.setState({ answer: await api.call(this.props.method, { ...this.props.params, wait: true, timeout: 10 }) });
    } catch (error) {
      this.setState({ error: error.message });
    }
  }

  render({ title, render }, { answer, error }) {
    return html`<${Dialog} title=${title} onClose=${hide}>
      <div role="status">${error ? html`<p class="bad">${error}</p>` : answer ? render(answer) : html`<p>Asking the network …</p>`}</div>
    </${Dialog}>`;
  }
}

const FINGER = [['name', 'Name'], ['title', 'Title'], ['real_name', 'Real name'], ['email', 'E-mail'], ['level', 'Level'],
  ['level_name', 'Level'], ['login_time', 'Login'], ['idle_time', 'Idle'], ['ip_address', 'Address'], ['extra', 'More']];

export const Facts = ({ rows }) => html`<dl>${rows.map(([name, value]) => html`<dt>${name}</dt><dd>${value}</dd>`)}</dl>`;

function fingerRows({ user_info: info }) {
  const rows = FINGER.filter(([key]) => info[key] !== undefined && info[key] !== '' && info[key] !== 0);
  return rows.map(([key, name]) => [name, key === 'idle_time' ? (info[key] < 0 ? 'not on now' : `${info[key]} s`) : html`<${Rich} text=${String(info[key])} />`]);
}

export const finger = (user, mud) => show({ kind: 'asked', method: 'finger', params: { target_mud: mud, target_user: user },
  title: html`Finger <${T} text=${`${user}@${mud}`} />`,
  render: (answer) => html`<${Facts} rows=${fingerRows(answer)} /><${PersonButtons} user=${user} mud=${mud} without="Finger" />` });

export const who = (mud) => show({ kind: 'asked', method: 'who', params: { target_mud: mud }, title: html`Who is on <${T} text=${mud} />`,
  render: (answer) => html`<p>${answer.users.length} ${answer.users.length === 1 ? 'user' : 'users'}${answer.more ? ', and more' : ''}</p>
    <ul class="people">${answer.users.map((one) => html`<li><${Person} user=${one.name} mud=${answer.from_mud} />
      <span class="quiet"> idle ${one.idle} s</span> <${Rich} text=${one.extra} /></li>`)}</ul>` });

export const locate = (user) => show({ kind: 'asked', method: 'locate', params: { target_user: user }, title: html`Locate <${T} text=${user} />`,
  render: (answer) => html`<p><${Person} user=${answer.located_user} mud=${answer.located_mud} /> <span class="quiet">idle ${answer.idle} s <${T} text=${answer.status} /></span></p>` });

export const listeners = (channel) => show({ kind: 'asked', method: 'channel_who', params: { channel }, title: html`Who listens to <${T} text=${channel} />`,
  render: (answer) => (answer.members.length === 0 ? html`<p>Nobody is known to listen.</p>`
    : html`<dl>${answer.members.map(({ mud, users }) => html`<dt><${T} text=${mud} /></dt><dd>${users.length === 0 ? 'nobody' : users.map((user, at) => html`${at > 0 ? ', ' : ''}<${Person} user=${plain(user)} mud=${mud} />`)}</dd>`)}</dl>`) });

/** A name that opens its actions. */
export const Person = ({ user, mud }) => html`<button type="button" class="name" onClick=${() => showPerson({ user: plain(user), mud, name: user })}><${Rich} text=${user} /><span class="at">@<${T} text=${mud} /></span></button>`;

const PersonButtons = ({ user, mud, without }) => {
  const all = [
    ['Finger', maySay('info'), () => finger(user, mud)],
    ['Locate', maySay('info'), () => locate(user)],
    ['Tell', maySay('tell'), () => show({ kind: 'tell', user, mud })],
    ['Mute', maySay('moderate'), () => show({ kind: 'ban', mute: true, user, mud })],
    ['Ban', maySay('moderate'), () => show({ kind: 'ban', user, mud })],
  ];
  return html`<p class="buttons">${all.filter(([name, is]) => is && name !== without).map(([name, , go]) =>
    html`<button type="button" onClick=${go}>${name}</button>`)}</p>`;
};

const PersonDialog = ({ user, mud, name, line }) => html`<${Dialog} title=${html`<${T} text=${`${user}@${mud}`} />`} onClose=${hide}>
  <p>Shown as <${Rich} text=${name} />.</p>
  ${line ? html`<blockquote><${Rich} text=${said(line)} /></blockquote>` : null}
  <${PersonButtons} user=${user} mud=${mud} />
</${Dialog}>`;

class TellDialog extends Component {
  constructor(props) {
    super(props);
    this.state = { text: '' };
  }

  async go(event) {
    event.preventDefault();
    const { user, mud } = this.props;
    if (!await tell({ from: state.asUser, user, mud, text: this.state.text })) return;
    notice(`Sent to ${user}@${mud}.`);
    hide();
  }

  render({ user, mud }, { text }) {
    return html`<${Dialog} title=${html`Tell <${T} text=${`${user}@${mud}`} />`} onClose=${hide}>
      <form onSubmit=${(event) => this.go(event)}>
        <${TextBox} label="As user" value=${state.asUser} placeholder="Someone" onInput=${(value) => { state.asUser = value; changed(); }} />
        <${TextBox} label="Message" value=${text} onInput=${(value) => this.setState({ text: value })} required />
        <p class="buttons"><button type="submit" class="main">Send</button></p>
      </form>
    </${Dialog}>`;
  }
}

/** The dialog that is open, if one is. */
export function OpenDialog({ dialog }) {
  if (!dialog) return null;
  const key = `${dialog.kind} ${dialog.user} ${dialog.mud} ${dialog.method} ${JSON.stringify(dialog.params ?? null)}`;
  const { kind } = dialog;
  if (kind === 'person') return html`<${PersonDialog} key=${key} ...${dialog} />`;
  if (kind === 'ban') return html`<${BanDialog} key=${key} user=${dialog.user} mud=${dialog.mud} kind=${dialog.mute ? 'channel-*' : ''} />`;
  if (kind === 'tell') return html`<${TellDialog} key=${key} user=${dialog.user} mud=${dialog.mud} />`;
  if (kind === 'asked') return html`<${Asked} key=${key} ...${dialog} />`;
  return html`<${Dialog} key=${key} title=${dialog.title} onClose=${hide}>${dialog.body()}</${Dialog}>`;
}
