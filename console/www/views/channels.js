// Channels: the lines as players see them, the history above, search, and speaking.

import { html, Component, T, TextBox, Choice } from '../ui.js';
import { listeners } from '../actions.js';
import { Log } from '../log.js';
import { plain } from '../ansi.js';
import { attempt, changed, channelOf, choose, earlier, join, leave, Lines, lineOf, may, maySay, said, state } from '../store.js';

/** Channels of the list that are shown at once. The filter finds the others. */
const SHOWN_MAX = 200;

/** How long after the last letter the search begins, in milliseconds. */
const SEARCH_AFTER_MS = 300;

function listed(filter) {
  const wanted = filter.toLowerCase();
  const rank = (channel) => (channel.joined ? 0 : 1);
  return [...state.channels.values()].filter((channel) => channel.name.toLowerCase().includes(wanted))
    .sort((a, b) => rank(a) - rank(b) || (a.name.toLowerCase() < b.name.toLowerCase() ? -1 : 1));
}

class ChannelList extends Component {
  constructor(props) {
    super(props);
    this.state = { filter: '', other: '' };
  }

  open(event) {
    event.preventDefault();
    const name = this.state.other.trim();
    if (name) choose(name);
    this.setState({ other: '' });
  }

  render(_, { filter, other }) {
    const all = listed(filter);
    return html`<div class="side">
      ${state.channels.size > 12 ? html`<${TextBox} label="Find" value=${filter} onInput=${(value) => this.setState({ filter: value })} />` : null}
      <ul class="picks" aria-label="Channels">${all.slice(0, SHOWN_MAX).map((channel) => html`<li key=${channel.name}>
        <button type="button" aria-current=${state.channel === channel.name ? 'true' : undefined} onClick=${() => choose(channel.name)}><${T} text=${channel.name} /></button>
        ${channel.unread > 0 ? html`<span class="count" title="unread lines">${channel.unread}</span>` : channel.joined ? html`<span class="quiet">joined</span>` : null}</li>`)}</ul>
      ${all.length > SHOWN_MAX ? html`<p class="quiet">${all.length - SHOWN_MAX} more: use the filter.</p>` : null}
      ${all.length === 0 ? html`<p class="quiet">No channel is known yet.</p>` : null}
      <form class="inline" onSubmit=${(event) => this.open(event)}><${TextBox} label="Another one" value=${other} onInput=${(value) => this.setState({ other: value })} /><button type="submit">Open</button></form>
    </div>`;
  }
}

class Speak extends Component {
  constructor(props) {
    super(props);
    this.state = { text: '', how: 'say', isBusy: false };
  }

  async go(event) {
    event.preventDefault();
    let { text, how } = this.state;
    const me = /^\/me\s+/.exec(text);
    if (me) [text, how] = [text.slice(me[0].length), 'emote'];
    if (!text.trim() || this.state.isBusy) return;
    const params = { channel: this.props.channel.name, [how === 'emote' ? 'emote' : 'message']: text };
    if (state.asUser.trim()) params.from_user = state.asUser.trim();
    this.setState({ isBusy: true });
    const answer = await attempt(how === 'emote' ? 'channel_emote' : 'channel_send', params);
    this.setState({ isBusy: false, ...(answer ? { text: '' } : {}) });
  }

  render(_, { text, how }) {
    return html`<form class="speak" onSubmit=${(event) => this.go(event)}>
      <${TextBox} label="As user" value=${state.asUser} placeholder="Someone" maxlength="128" onInput=${(value) => { state.asUser = value; changed(); }} />
      <${Choice} label="How" value=${how} options=${[['say', 'say'], ['emote', 'emote']]} onInput=${(value) => this.setState({ how: value })} />
      <${TextBox} label="Message" className="wide" value=${text} onInput=${(value) => this.setState({ text: value })} />
      <button type="submit" class="main">Send</button>
    </form>`;
  }
}

class Channel extends Component {
  constructor(props) {
    super(props);
    this.state = { query: '', found: null, note: '' };
  }

  componentWillUnmount() {
    clearTimeout(this.timer);
  }

  type(query) {
    this.setState({ query });
    clearTimeout(this.timer);
    if (query.trim() === '') this.setState({ found: null, note: '' });
    else this.timer = setTimeout(() => this.search(), SEARCH_AFTER_MS);
  }

  /** Searches the lines of this page, and the gateway's history. */
  async search(event) {
    event?.preventDefault();
    clearTimeout(this.timer);
    const query = this.state.query.trim();
    if (query === '') return;
    const { channel } = this.props;
    const wanted = query.toLowerCase();
    const found = new Lines();
    const holds = (line) => `${plain(line.name)} ${plain(said(line))}`.toLowerCase().includes(wanted);
    found.add(channel.lines.all().filter(holds));
    let note = '';
    if (may('info')) {
      const answer = await attempt('history_search', { query, channel: channel.name });
      if (answer) {
        found.add(answer.messages.map(lineOf));
        if (answer.more) note = ' and more, older ones';
      }
    }
    if (this.state.query.trim() === query) this.setState({ found, note });
  }

  render({ channel }, { query, found, note }) {
    const lines = found ?? channel.lines;
    const hasEarlier = found === null && (channel.before !== null || channel.lines.dropped);
    return html`<section class="talk" aria-label=${channel.name}>
      <div class="bar">
        <h2><${T} text=${channel.name} /></h2>
        <form class="inline" role="search" onSubmit=${(event) => this.search(event)}><${TextBox} label="Search" value=${query} onInput=${(value) => this.type(value)} /></form>
        <span class="buttons">
          ${maySay('info') ? html`<button type="button" onClick=${() => listeners(channel.name)}>Who listens</button>` : null}
          ${may('channel') ? (channel.joined ? html`<button type="button" onClick=${() => leave(channel)}>Leave</button>`
            : html`<button type="button" class="main" onClick=${() => join(channel)}>Join</button>`) : null}
        </span>
      </div>
      <div role="status">${found ? html`<p>${found.size} ${found.size === 1 ? 'line' : 'lines'}${note} for <${T} text=${query} />. <button type="button" class="plain" onClick=${() => this.type('')}>Back to all lines</button></p>` : null}</div>
      <${Log} label="Lines" of=${found ?? channel.name} chunks=${lines.chunks} version=${lines.version} hasEarlier=${hasEarlier} onEarlier=${() => earlier(channel)}
        empty=${found ? 'No line has it.' : channel.joined ? 'Nothing was said yet.' : 'Join the channel to hear it.'} />
      ${maySay('channel') && channel.joined && !channel.listenOnly ? html`<${Speak} channel=${channel} />` : null}
    </section>`;
  }
}

export function Channels() {
  const channel = state.channel === null ? null : channelOf(state.channel);
  if (channel) channel.unread = 0;
  return html`<div class="split"><${ChannelList} />
    ${channel ? html`<${Channel} key=${channel.name} channel=${channel} />` : html`<section class="talk"><p class="quiet">Choose a channel.</p><${Log} label="Lines" of="" chunks=${[]} version=${0} empty="" /></section>`}</div>`;
}
