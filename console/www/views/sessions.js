// Sessions: all clients of every door.

import { html, Polling, T, Table, Time, bytes, duration } from '../ui.js';
import { api, attempt, notice, state } from '../store.js';

const keyName = (row) => row.key_name ?? row.key ?? null;

export class Sessions extends Polling {
  async poll() {
    try {
      this.setState({ rows: (await api.list('sessions', 'sessions')).sessions, error: '' });
    } catch (error) {
      this.setState({ error: error.message });
    }
  }

  async kick(row) {
    if (await attempt('kick', { session_id: row.session_id })) notice(`Kicked the session of ${row.mud_name} from ${row.address}.`);
    this.poll();
  }

  render(_, { rows, error }) {
    if (!rows) return html`<p role="status">${error || 'Loading …'}</p>`;
    const own = state.session.session_id;
    const hasKeys = rows.some((row) => keyName(row) !== null);
    const hasNodes = rows.some((row) => row.node !== undefined);
    const columns = [
      ['Mud', (row) => (row.mud_name === null ? html`<span class="quiet">not signed in</span>` : html`<${T} text=${row.mud_name} />`)],
      ...(hasKeys ? [['Key', (row) => html`<${T} text=${keyName(row) ?? ''} />`]] : []),
      ['Client', (row) => (row.client ? html`<${T} text=${row.client} />` : row.session_id === own ? 'this page' : html`<span class="quiet">no name</span>`)],
      ['Role', (row) => row.role ?? ''], ['Door', (row) => row.transport], ...(hasNodes ? [['Node', (row) => html`<${T} text=${row.node ?? ''} />`]] : []),
      ['Address', (row) => html`<${T} text=${row.address} />`],
      ['Since', (row) => html`<${Time} at=${row.since} />`], ['Idle', (row) => (row.idle_seconds === undefined ? '' : duration(row.idle_seconds))],
      ['Queued', (row) => (row.queued_bytes === undefined ? '' : bytes(row.queued_bytes))], ['Channels', (row) => row.channels],
      ['May', (row) => (row.permissions.includes('*') ? 'everything' : row.permissions.join(', '))],
      ['Action', (row) => html`<button type="button" disabled=${row.session_id === null} onClick=${() => this.kick(row)}>Kick</button>`],
    ];
    return html`${error ? html`<p class="bad" role="alert">${error}</p>` : null}
      <section class="card"><${Table} caption="Clients that are connected now" rows=${rows} rowKey=${(row) => row.session_id ?? `${row.address} ${row.since}`} columns=${columns} />
      <p class="quiet">A client whose key is valid may connect again after a kick. To keep it out, change its key in the settings, or set security.ip_blacklist.</p></section>`;
  }
}
