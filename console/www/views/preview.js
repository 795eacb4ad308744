// Preview: how a text looks to those who read it.

import { h } from '../vendor/preact.mjs';
import { html, Component, Field, Rich, T } from '../ui.js';
import { runs } from '../ansi.js';
import { api } from '../store.js';

const AFTER_MS = 250;

const FIRST = '%^BOLD%^%^RED%^Beware%^RESET%^ of the \u001b[32mgreen\u001b[0m dragon <b>&amp; friends</b>';

const ENTITIES = { lt: '<', gt: '>', amp: '&', quot: '"', '#39': "'" };

/** The properties that the gateway's HTML sets. */
const PROPERTIES = {
  color: 'color', background: 'backgroundColor', 'font-weight': 'fontWeight', 'font-style': 'fontStyle', 'text-decoration': 'textDecoration',
};

function styleOf(text) {
  const pairs = text.split(';').map((one) => one.split(':').map((part) => part.trim()));
  return Object.fromEntries(pairs.filter(([name]) => PROPERTIES[name]).map(([name, value]) => [PROPERTIES[name], value]));
}

/** Shows the gateway's HTML, which has spans with a style, and text. Anything else in it is shown as text. */
function fromHtml(text) {
  const open = [];
  const found = [];
  for (const piece of text.match(/<span style="[^"<>]*">|<\/span>|[^<]+|</g) ?? []) {
    const span = /^<span style="(.*)">$/.exec(piece);
    if (span) open.push(styleOf(span[1]));
    else if (piece === '</span>') open.pop();
    else {
      const shown = piece.replace(/&(lt|gt|amp|quot|#39);/g, (_, name) => ENTITIES[name]);
      found.push(h('span', { style: Object.assign({}, ...open) }, shown));
    }
  }
  return found;
}

/** Shows a text as a terminal does, by its ANSI sequences alone. */
const Terminal = ({ text }) => html`<pre class="terminal" tabindex="0"><bdi>${runs(text.replaceAll('%^', '%%^^')).map((run) => html`<span class=${run.names}>${run.text}</span>`)}</bdi></pre>`;

export class Preview extends Component {
  constructor(props) {
    super(props);
    this.state = { text: FIRST, forms: null, error: '' };
  }

  componentDidMount() {
    this.ask();
  }

  componentWillUnmount() {
    clearTimeout(this.timer);
  }

  type(text) {
    this.setState({ text });
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.ask(), AFTER_MS);
  }

  async ask() {
    const { text } = this.state;
    if (text === '') {
      this.setState({ forms: null, error: '' });
      return;
    }
    try {
      const forms = await api.call('text_preview', { text });
      if (this.state.text === text) this.setState({ forms, error: '' });
    } catch (error) {
      this.setState({ error: error.message });
    }
  }

  /** Puts what cannot be typed where the cursor is. */
  put(piece) {
    const { selectionStart: from, selectionEnd: to, value } = this.box;
    this.type(value.slice(0, from) + piece + value.slice(to));
    this.box.focus();
  }

  render(_, { text, forms, error }) {
    return html`<section class="card">
        <${Field} label="Text"><textarea rows="4" spellcheck=${false} value=${text} ref=${(box) => { this.box = box ?? this.box; }} onInput=${(event) => this.type(event.target.value)}></textarea></${Field}>
        <p class="buttons"><button type="button" onClick=${() => this.put('\u001b[')}>Insert ESC [</button><button type="button" onClick=${() => this.put('%^RED%^')}>Insert %^RED%^</button><button type="button" onClick=${() => this.put('%^RESET%^')}>Insert %^RESET%^</button></p>
        <div role="alert">${error ? html`<p class="bad">${error}</p>` : null}</div>
      </section>
      ${forms ? html`<div class="cards">
        <section class="card"><h2>Here</h2><p class="quiet">as this page shows it</p><pre tabindex="0"><${Rich} text=${text} /></pre></section>
        <section class="card"><h2>Raw</h2><p class="quiet">text_format raw; controls are made visible</p><pre tabindex="0"><${T} text=${forms.raw} /></pre></section>
        <section class="card"><h2>Plain</h2><p class="quiet">text_format plain</p><pre tabindex="0"><${T} text=${forms.plain} /></pre></section>
        <section class="card"><h2>ANSI</h2><p class="quiet">text_format ansi, on a terminal and as bytes</p><${Terminal} text=${forms.ansi} /><pre tabindex="0"><${T} text=${forms.ansi} /></pre></section>
        <section class="card"><h2>HTML</h2><p class="quiet">text_format html, in a browser and as source</p><pre class="terminal" tabindex="0"><bdi>${fromHtml(forms.html)}</bdi></pre><pre tabindex="0"><${T} text=${forms.html} /></pre></section>
        <section class="card"><h2>Sent</h2><p class="quiet">what goes to the network if a client sends it</p><pre tabindex="0"><${T} text=${forms.sent} /></pre></section>
      </div>` : null}`;
  }
}
