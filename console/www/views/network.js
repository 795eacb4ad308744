// The network: the muds and the channels, and questions to them.

import { html, Component, Rich, T, Table, TextBox, Choice } from '../ui.js';
import { Facts, finger, listeners, locate, show, who } from '../actions.js';
import { api, choose, maySay, state } from '../store.js';

/** Rows that are shown at once. */
const ROWS = 100;

const TYPES = ['open to all', 'open to admitted muds', 'filtered by its owner'];

class FingerForm extends Component {
  constructor(props) {
    super(props);
    this.state = { user: '' };
  }

  go(event) {
    event.preventDefault();
    finger(this.state.user.trim(), this.props.mud);
  }

  render(_, { user }) {
    return html`<form class="inline" onSubmit=${(event) => this.go(event)}><${TextBox} label="User" value=${user} onInput=${(value) => this.setState({ user: value })} required /><button type="submit">Finger</button></form>`;
  }
}

const MudBody = ({ mud }) => html`<${Facts} rows=${[
  ['Status', mud.status], ['Open', html`<${Rich} text=${mud.open_status} />`], ['Address', html`<${T} text=${`${mud.host} ${mud.port}`} />`],
  ['Type', html`<${T} text=${mud.mud_type} />`], ['Mudlib', html`<${T} text=${mud.mudlib} />`], ['Driver', html`<${T} text=${mud.driver} />`],
  ['Administrator', html`<${T} text=${mud.admin_email} />`],
  ['Services', html`<${T} text=${Object.entries(mud.services).map(([name, value]) => (value === 1 ? name : `${name} (${value})`)).join(', ')} />`],
  ['Out of band', `tcp ${mud.tcp_port}, udp ${mud.udp_port}`],
]} />
  ${maySay('info') && mud.status === 'up' ? html`<p class="buttons"><button type="button" onClick=${() => who(mud.name)}>Who</button></p><${FingerForm} mud=${mud.name} />` : null}`;

const showMud = (mud) => show({ kind: 'body', mud: mud.name, title: html`<${T} text=${mud.name} />`, body: () => html`<${MudBody} mud=${mud} />` });

const showChannel = (channel) => show({ kind: 'body', user: channel.name, title: html`<${T} text=${channel.name} />`, body: () => html`<${Facts} rows=${[
  ['Owner', html`<${T} text=${channel.owner} />`], ['Type', TYPES[channel.type] ?? channel.type], ['Local listeners', channel.member_count],
]} /><p class="buttons">${maySay('info') ? html`<button type="button" onClick=${() => listeners(channel.name)}>Who listens</button>` : null}
  <button type="button" onClick=${() => { show(null); choose(channel.name); location.hash = '#/channels'; }}>Open</button></p>` });

function muds(all, { text, status }) {
  const wanted = text.toLowerCase();
  const holds = (mud) => [mud.name, mud.host, mud.driver, mud.mudlib, mud.mud_type, mud.open_status, ...Object.keys(mud.services)].some((one) => String(one).toLowerCase().includes(wanted));
  return all.filter((mud) => (status === '' || mud.status === status) && holds(mud));
}

export class Network extends Component {
  constructor(props) {
    super(props);
    this.state = { muds: null, channels: null, text: '', status: 'up', channelText: '', user: '', mudRows: ROWS, channelRows: ROWS, error: '' };
  }

  async componentDidMount() {
    try {
      this.setState({ muds: (await api.list('mudlist', 'muds')).muds });
      this.setState({ channels: (await api.list('channel_list', 'channels')).channels });
    } catch (error) {
      this.setState({ error: error.message });
    }
  }

  render(_, { muds: all, channels, text, status, channelText, user, mudRows, channelRows, error }) {
    if (error) return html`<p class="bad" role="alert">${error}</p>`;
    if (!all || !channels) return html`<p role="status">Loading …</p>`;
    const set = (name) => (value) => this.setState({ [name]: value });
    const found = muds(all, { text, status });
    const foundChannels = channels.filter((one) => `${one.name} ${one.owner}`.toLowerCase().includes(channelText.toLowerCase()));
    const canAsk = maySay('info');
    const mudColumns = [
      ['Mud', (mud) => html`<button type="button" class="plain" onClick=${() => showMud(mud)}><${T} text=${mud.name} /></button>`],
      ['Status', (mud) => html`<span class=${mud.status === 'up' ? 'good' : 'quiet'}>${mud.status}</span>`],
      ['Open', (mud) => html`<${Rich} text=${mud.open_status} />`], ['Address', (mud) => html`<${T} text=${`${mud.host} ${mud.port}`} />`],
      ['Driver', (mud) => html`<${T} text=${mud.driver} />`], ['Mudlib', (mud) => html`<${T} text=${mud.mudlib} />`],
      ...(canAsk ? [['Ask', (mud) => (mud.status === 'up' ? html`<button type="button" onClick=${() => who(mud.name)}>Who</button>` : null)]] : []),
    ];
    const channelColumns = [
      ['Channel', (one) => html`<button type="button" class="plain" onClick=${() => showChannel(one)}><${T} text=${one.name} /></button>`],
      ['Owner', (one) => html`<${T} text=${one.owner} />`], ['Type', (one) => TYPES[one.type] ?? one.type], ['Local listeners', (one) => one.member_count],
      ...(canAsk ? [['Ask', (one) => html`<button type="button" onClick=${() => listeners(one.name)}>Who listens</button>`]] : []),
    ];
    return html`
      ${canAsk ? html`<section class="card"><h2>Find a user</h2><form class="inline" onSubmit=${(event) => { event.preventDefault(); locate(user.trim()); }}>
        <${TextBox} label="User name" value=${user} onInput=${set('user')} required /><button type="submit">Locate</button></form></section>` : null}
      <section class="card"><h2>Muds</h2>
        <div class="inline"><${TextBox} label="Filter muds" value=${text} onInput=${set('text')} /><${Choice} label="Status" value=${status} options=${[['up', 'up'], ['down', 'down'], ['', 'all']]} onInput=${set('status')} /></div>
        <p role="status" class="quiet">${found.length} of ${all.length} muds</p>
        <${Table} caption="Muds" rows=${found.slice(0, mudRows)} rowKey=${(mud) => mud.name} columns=${mudColumns} />
        ${found.length > mudRows ? html`<button type="button" onClick=${() => this.setState({ mudRows: mudRows + ROWS })}>More muds</button>` : null}
      </section>
      <section class="card"><h2>Channel list</h2>
        <div class="inline"><${TextBox} label="Filter channels" value=${channelText} onInput=${set('channelText')} /></div>
        <p role="status" class="quiet">${foundChannels.length} of ${channels.length} channels</p>
        <${Table} caption="Channels of the network" rows=${foundChannels.slice(0, channelRows)} rowKey=${(one) => one.name} columns=${channelColumns} />
        ${foundChannels.length > channelRows ? html`<button type="button" onClick=${() => this.setState({ channelRows: channelRows + ROWS })}>More channels</button>` : null}
      </section>`;
  }
}
