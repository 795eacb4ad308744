// Tells, by the two who talk.

import { html, Component, T, TextBox, Choice } from '../ui.js';
import { Person } from '../actions.js';
import { Log } from '../log.js';
import { changed, maySay, notice, state, tell } from '../store.js';

class Write extends Component {
  constructor(props) {
    super(props);
    const { thread } = props;
    this.state = { from: thread?.local ?? state.asUser, to: thread ? `${thread.user}@${thread.mud}` : '', text: '', how: 'tell' };
  }

  async go(event) {
    event.preventDefault();
    const { from, to, text, how } = this.state;
    const at = to.indexOf('@');
    if (at < 1 || at === to.length - 1) {
      notice('Write whom it is for as user@mud, such as bob@Sage.', 'error');
      return;
    }
    const sent = await tell({ from: from.trim(), user: to.slice(0, at).trim(), mud: to.slice(at + 1).trim(), text, emote: how === 'emote' });
    if (sent) this.setState({ text: '' });
  }

  render({ thread }, { from, to, text, how }) {
    const set = (name) => (value) => this.setState({ [name]: value });
    return html`<form class="speak" onSubmit=${(event) => this.go(event)}>
      <${TextBox} label="As user" value=${from} placeholder="Someone" maxlength="128" onInput=${set('from')} />
      ${thread ? null : html`<${TextBox} label="To" value=${to} placeholder="user@mud" onInput=${set('to')} required />`}
      <${Choice} label="How" value=${how} options=${[['tell', 'tell'], ['emote', 'emote']]} onInput=${set('how')} />
      <${TextBox} label="Message" className="wide" value=${text} onInput=${set('text')} required />
      <button type="submit" class="main">Send</button>
    </form>`;
  }
}

function choose(key) {
  state.thread = key;
  const thread = state.threads.get(key);
  if (thread) thread.unread = 0;
  changed();
}

export function Tells() {
  const thread = state.threads.get(state.thread) ?? null;
  if (thread) thread.unread = 0;
  const all = [...state.threads.values()].reverse();
  return html`<div class="split"><div class="side">
      ${maySay('tell') ? html`<p class="buttons"><button type="button" onClick=${() => choose(null)}>New tell</button></p>` : null}
      <ul class="picks" aria-label="Threads">${all.map((one) => html`<li key=${one.key}>
        <button type="button" aria-current=${one === thread ? 'true' : undefined} onClick=${() => choose(one.key)}><${T} text=${`${one.user}@${one.mud}`} /> with <${T} text=${one.local} /></button>
        ${one.unread > 0 ? html`<span class="count" title="unread tells">${one.unread}</span>` : null}</li>`)}</ul>
      ${all.length === 0 ? html`<p class="quiet">No tells yet. Those that came in while this page was closed are shown as long as the gateway keeps them.</p>` : null}
    </div>
    <section class="talk" aria-label="Thread">
      ${thread ? html`<div class="bar"><h2><${Person} user=${thread.user} mud=${thread.mud} /> with <${T} text=${thread.local} /></h2></div>` : html`<p class="quiet">Choose a thread, or write to somebody new.</p>`}
      <${Log} label="Tells" of=${thread?.key ?? ''} chunks=${thread?.lines.chunks ?? []} version=${thread?.lines.version ?? 0} empty="" />
      ${maySay('tell') ? html`<${Write} key=${thread?.key ?? ''} thread=${thread} />` : null}
    </section></div>`;
}
