// The page: sign-in, navigation, and the view that the address names.

import { render } from './vendor/preact.mjs';
import { html, Component, TextBox } from './ui.js';
import { OpenDialog } from './actions.js';
import { dismiss, may, onChange, signIn, signOut, start, state } from './store.js';
import { Channels } from './views/channels.js';
import { Home } from './views/home.js';
import { Moderation } from './views/moderation.js';
import { Network } from './views/network.js';
import { Preview } from './views/preview.js';
import { Sessions } from './views/sessions.js';
import { Tells } from './views/tells.js';
import { Trace } from './views/trace.js';

/** The views: address, name, component, and whether the key may see it. */
const VIEWS = [
  ['home', 'Home', Home, () => true],
  ['channels', 'Channels', Channels, () => may('channel') || may('info')],
  ['tells', 'Tells', Tells, () => may('tell')],
  ['network', 'Network', Network, () => may('info')],
  ['sessions', 'Sessions', Sessions, () => may('admin')],
  ['moderation', 'Moderation', Moderation, () => may('moderate')],
  ['trace', 'Trace', Trace, () => may('admin')],
  ['preview', 'Preview', Preview, () => true],
];

class SignIn extends Component {
  constructor(props) {
    super(props);
    this.state = { key: '', keep: false };
  }

  go(event) {
    event.preventDefault();
    const key = this.state.key.trim();
    this.setState({ key: '' });
    signIn(key, this.state.keep);
  }

  render(_, { key, keep }) {
    const isBusy = state.phase === 'connecting';
    return html`<main class="card">
      <h1>Intermud-3 gateway</h1>
      <form onSubmit=${(event) => this.go(event)}>
        <${TextBox} label="API key" className="secret" value=${key} autocapitalize="off" onInput=${(value) => this.setState({ key: value })} />
        <p><label class="check"><input type="checkbox" checked=${keep} onChange=${(event) => this.setState({ keep: event.target.checked })} /> Remember it until this tab is closed</label></p>
        <p class="buttons"><button type="submit" class="main" disabled=${isBusy}>Sign in</button></p>
        <div role="alert">${state.why ? html`<p class="bad">${state.why}</p>` : null}</div>
        ${isBusy ? html`<p role="status">Connecting …</p>` : null}
      </form>
      <p class="quiet">The page uses the gateway’s own API with this key, and shows what the key may do. The key is sent to the gateway and nowhere else.</p>
    </main>`;
  }
}

const Notices = () => html`<div class="notices" role="status" aria-live="polite">${state.notices.map(({ id, text, kind }) => html`<div key=${id} class=${`notice ${kind}`}>
  <span><bdi>${text}</bdi></span><button type="button" class="plain" onClick=${() => dismiss(id)}>Dismiss</button></div>`)}</div>`;

function Connection() {
  if (state.phase === 'away') return html`<span class="bad">Not connected: ${state.why}. Trying again …</span>`;
  const own = state.overview?.identities.find((one) => one.mud_name === state.session.mud_name);
  if (!own) return html`<span><bdi>${state.session.mud_name}</bdi></span>`;
  return html`<span><bdi>${own.mud_name}</bdi>, router <bdi>${own.router.name}</bdi>: <strong class=${own.connected ? 'good' : 'bad'}>${own.router.state}</strong></span>`;
}

class Page extends Component {
  constructor(props) {
    super(props);
    onChange(() => this.setState({ tick: (this.state.tick ?? 0) + 1 }));
    window.addEventListener('hashchange', () => {
      state.dialog = null;
      this.setState({ moved: true });
    });
  }

  componentDidUpdate() {
    if (!this.state.moved) return;
    this.setState({ moved: false });
    document.querySelector('main h1')?.focus();
    window.scrollTo(0, 0);
  }

  render() {
    if (state.phase === 'start') return html`<main class="card"><h1>Intermud-3 gateway</h1><p role="status">Loading …</p></main>`;
    if (!state.session) return html`<${SignIn} />`;
    const views = VIEWS.filter(([, , , is]) => is());
    const wanted = location.hash.replace(/^#\//, '');
    const [address, name, View] = views.find(([one]) => one === wanted) ?? views[0];
    document.title = `${name} – Intermud-3 gateway`;
    const isBehind = state.dialog !== null;
    return html`<div class="page" inert=${isBehind} aria-hidden=${isBehind ? 'true' : undefined}>
        <a class="skip" href="#main" onClick=${(event) => { event.preventDefault(); document.querySelector('main h1')?.focus(); }}>Skip to the content</a>
        <header class="top">
          <p class="status"><${Connection} /></p>
          <button type="button" class="plain" onClick=${() => signOut()}>Sign out</button>
          <nav aria-label="Views"><ul>${views.map(([one, text]) => html`<li><a href=${`#/${one}`} onClick=${() => this.setState({ moved: true })} aria-current=${one === address ? 'page' : undefined}>${text}</a></li>`)}</ul></nav>
        </header>
        <main id="main" class=${`view ${address}`}><h1 tabindex="-1">${name}</h1><${View} tick=${this.state.tick} /></main>
      </div>
      <${Notices} />
      <${OpenDialog} dialog=${state.dialog} />`;
  }
}

const root = document.getElementById('app');
root.textContent = '';
render(html`<${Page} />`, root);
start();
