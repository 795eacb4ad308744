// Home: the links to the routers, the last hour, what waits, and what is doubtful.

import { html, Polling, T, Table, Time, bytes, duration, since } from '../ui.js';
import { attempt, maySay, notice, refresh, state } from '../store.js';

/** What an error of the system means, for those who do not know its words. */
const PLAIN = [
  [/refused/i, 'The host answers, but nothing listens at that port: the router is down, or its address is wrong.'],
  [/timed? ?out|silence|no answer|unanswered/i, 'Nothing came back in time: the router or the network between is down, or a firewall drops the connection.'],
  [/lookup|resolve|name or service|no such host/i, 'The name of the router’s host is not known to the DNS.'],
  [/unreachable|no route/i, 'This host has no way to the router: look at its network.'],
  [/reset|broken pipe|closed by the router|end of stream/i, 'The router has closed the connection.'],
  [/password|mojo|already|not-allowed|another mud/i, 'The router does not let this name in: somebody else uses it, or the password it knows is another one.'],
];

const STATES = {
  ready: 'logged in', waiting: 'waiting for the next attempt', connecting: 'connecting', 'logging in': 'logging in',
  'saving password': 'saving the router’s password', leaving: 'logging off', stopped: 'logged off',
};

/** A chart of the last hour: a bar for each minute. */
function Bars({ title, unit, minutes, value }) {
  const now = Date.now();
  const slots = Array(60).fill(null);
  for (const minute of minutes) {
    const ago = Math.floor((now - new Date(minute.timestamp).getTime()) / 60000);
    const found = value(minute);
    if (ago >= 0 && ago < 60 && found !== null) slots[59 - ago] = (slots[59 - ago] ?? 0) + found;
  }
  const known = slots.filter((one) => one !== null);
  const most = Math.max(1, ...known);
  const show = (number) => (Number.isInteger(number) ? number : number.toFixed(1));
  const last = known.length > 0 ? show(known.at(-1)) : 'none';
  const text = `${title}: at most ${known.length > 0 ? show(Math.max(...known)) : 0} ${unit} in a minute of the last hour, last ${last}`;
  return html`<figure><figcaption>${title} <span class="quiet">at most ${known.length > 0 ? show(Math.max(...known)) : 0} ${unit}, last ${last}</span></figcaption>
    <svg class="chart" role="img" aria-label=${text} viewBox="0 0 240 48" preserveAspectRatio="none">
      ${slots.map((one, at) => html`<rect x=${at * 4} y=${one ? 46 - (44 * one) / most : 46} width="3" height=${one ? 1 + (44 * one) / most : 1} />`)}
    </svg></figure>`;
}

function Identity({ one }) {
  const { router } = one;
  const why = router.last_error && PLAIN.find(([pattern]) => pattern.test(router.last_error));
  return html`<section class="card">
    <h2><${T} text=${one.mud_name} /></h2>
    <dl>
      <dt>Link</dt><dd><strong class=${one.connected ? 'good' : 'bad'}>${STATES[router.state] ?? router.state}</strong> since <${Time} at=${router.since} /> (${since(router.since)})</dd>
      <dt>Router</dt><dd><${T} text=${router.name} /></dd>
      ${router.last_error ? html`<dt>Last error</dt><dd><${T} text=${router.last_error} />${why ? html`<br /><span class="quiet">${why[1]}</span>` : null}</dd>` : null}
      ${router.next_attempt ? html`<dt>Next try</dt><dd><${Time} at=${router.next_attempt} />, in ${duration(Math.max(0, (new Date(router.next_attempt) - Date.now()) / 1000))}</dd>` : null}
      <dt>Routers in order</dt><dd><ol class="routers">${one.routers.map((place) => html`<li aria-current=${place.in_use ? 'true' : undefined}><${T} text=${`${place.name} ${place.host}:${place.port}`} />${place.in_use ? ' – in use' : ''}</li>`)}</ol></dd>
      <dt>Network</dt><dd>${one.online_muds} muds up, ${one.channel_count} channels</dd>
      <dt>Waits for the router</dt><dd>${one.waiting_packets} packets, ${bytes(one.waiting_bytes)}</dd>
      <dt>At home</dt><dd>${one.local_users} users on, ${one.ban_count} bans</dd>
    </dl>
    ${one.mud_name === state.session.mud_name && maySay('admin') ? html`<p class="buttons"><button type="button" onClick=${async () => {
      if (await attempt('reconnect')) notice('The link is closed and logs in again.');
      refresh();
    }}>Reconnect</button></p>` : null}
  </section>`;
}

export class Home extends Polling {
  poll() {
    refresh();
  }

  render() {
    const all = state.overview;
    if (!all) return html`<p role="status">${state.overviewError || 'Loading …'}</p>`;
    const { queues, minutes, warnings } = all;
    const rows = [
      ['Requests that wait for the network or the store', queues.waiting_requests],
      ['Bytes for clients and routers on their way', bytes(queues.pending_bytes)],
      ['Changes that are not saved yet', queues.unsaved_changes],
      ['Kept events', `${queues.kept_events}, ${bytes(queues.kept_bytes)}`],
      ['Store', queues.storage === 'good' ? 'saves' : html`<strong class="bad">does not save</strong>`],
      ['Sessions', queues.session_count],
    ];
    return html`
      ${state.overviewError ? html`<p class="bad" role="alert">${state.overviewError}</p>` : null}
      ${warnings.length > 0 ? html`<section class="card warn"><h2>Warnings</h2><ul>${warnings.map((one) => html`<li><${T} text=${one} /></li>`)}</ul>
        <p class="quiet"><code>i3-gateway doctor</code> checks the rest: files, ports, the clock, the routers.</p></section>` : null}
      <div class="cards">${all.identities.map((one) => html`<${Identity} key=${one.mud_name} one=${one} />`)}</div>
      <section class="card"><h2>The last hour</h2><div class="charts">
        <${Bars} title="Packets in" unit="packets" minutes=${minutes} value=${(one) => one.packets_received} />
        <${Bars} title="Packets out" unit="packets" minutes=${minutes} value=${(one) => one.packets_sent} />
        <${Bars} title="Events to clients" unit="events" minutes=${minutes} value=${(one) => one.events} />
        <${Bars} title="Requests" unit="requests" minutes=${minutes} value=${(one) => one.requests} />
        <${Bars} title="Wait for an answer" unit="ms" minutes=${minutes} value=${(one) => one.answer_ms} />
        <${Bars} title="Delay of the loop" unit="ms" minutes=${minutes} value=${(one) => one.lag_ms} />
      </div></section>
      <section class="card"><h2>What waits</h2><${Table} caption="Queues" rows=${rows} rowKey=${(row) => row[0]} columns=${[['What', (row) => row[0]], ['How much', (row) => row[1]]]} /></section>
      <p class="quiet">i3-gateway ${all.version}, running for ${duration(all.uptime)}. This key may: ${all.permissions.includes('*') ? 'everything' : all.permissions.join(', ') || 'nothing beyond this page'}.${all.may_speak ? '' : ' Its mud has no link here, so it may read but not speak.'}</p>`;
  }
}
