// Moderation: bans and mutes, with what they have stopped, and who has done what.

import { html, Polling, T, Table, TextBox, Choice, Time } from '../ui.js';
import { EXPIRIES, KINDS, Matches, ban } from '../actions.js';
import { api, attempt, may, maySay, notice } from '../store.js';

const NEW = { pattern: '', reason: '', expires: '', kind: '', channel: '', direction: 'both' };

/** What a ban stops, in words. */
function stops(row) {
  const what = row.packet_type === 'channel-*' ? 'channel lines (mute)' : row.packet_type === null ? 'everything' : row.packet_type;
  const where = row.channel === null ? '' : ` on ${row.channel}`;
  return `${what}${where}${{ in: ', coming in', out: ', going out' }[row.direction] ?? ''}`;
}

export class Moderation extends Polling {
  constructor(props) {
    super(props);
    this.state = { ...NEW, bans: null, actions: [], error: '' };
  }

  async poll() {
    try {
      this.setState({ bans: (await api.list('ban_list', 'bans')).bans, error: '' });
      if (may('admin')) this.setState({ actions: (await api.list('audit', 'actions')).actions.reverse() });
    } catch (error) {
      this.setState({ error: error.message });
    }
  }

  async add(event) {
    event.preventDefault();
    if (await ban(this.state)) this.setState(NEW);
    this.poll();
  }

  async remove(row) {
    if (await attempt('ban_remove', { ban_id: row.ban_id })) notice(`Removed the ban of ${row.pattern}.`);
    this.poll();
  }

  render(_, { bans, actions, error, pattern, reason, expires, kind, channel, direction }) {
    if (!bans) return html`<p role="status">${error || 'Loading …'}</p>`;
    const set = (name) => (value) => this.setState({ [name]: value });
    const columns = [
      ['Who', (row) => html`<${T} text=${row.pattern} />`], ['Stops', (row) => html`<${T} text=${stops(row)} />`],
      ['Why', (row) => html`<${T} text=${row.reason} />`], ['Set by', (row) => html`<${T} text=${row.by} />`],
      ['Since', (row) => html`<${Time} at=${row.created} />`],
      ['Until', (row) => (row.expires === null ? 'ever' : html`<${Time} at=${row.expires} />`)], ['Hits', (row) => row.hits],
      ['Action', (row) => html`<button type="button" onClick=${() => this.remove(row)}>Remove</button>`],
    ];
    const done = [
      ['When', (row) => html`<${Time} at=${row.timestamp} />`], ['What', (row) => row.method],
      ['With', (row) => html`<code><${T} text=${row.params} /></code>`], ['By', (row) => html`<${T} text=${row.by} />`],
    ];
    return html`${error ? html`<p class="bad" role="alert">${error}</p>` : null}
      ${maySay('moderate') ? html`<section class="card"><h2>New ban</h2><form onSubmit=${(event) => this.add(event)}>
        <div class="fields">
          <${TextBox} label="Pattern" value=${pattern} placeholder="user@mud, with * and ?" maxlength="256" onInput=${set('pattern')} required />
          <${TextBox} label="Reason" value=${reason} maxlength="500" onInput=${set('reason')} />
          <${Choice} label="Stops" value=${kind} options=${KINDS} onInput=${set('kind')} />
          <${TextBox} label="Only on channel" value=${channel} onInput=${set('channel')} />
          <${Choice} label="Direction" value=${direction} options=${[['both', 'both ways'], ['in', 'coming in'], ['out', 'going out']]} onInput=${set('direction')} />
          <${Choice} label="For" value=${expires} options=${EXPIRIES} onInput=${set('expires')} />
        </div>
        ${pattern ? html`<${Matches} pattern=${pattern} kind=${kind} channel=${channel} />` : null}
        <p class="buttons"><button type="submit" class="main">Ban</button></p>
      </form></section>` : null}
      <section class="card"><h2>Bans and mutes</h2><${Table} caption="Hits are counted since the start of the gateway" rows=${bans} rowKey=${(row) => row.ban_id} columns=${columns} empty="Nobody is banned." /></section>
      ${may('admin') ? html`<section class="card"><h2>Who did what</h2><${Table} caption="Actions of administrators since the start of the gateway, newest first" rows=${actions} rowKey=${(row) => row.number} columns=${done} empty="Nothing was done yet." /></section>` : null}`;
  }
}
