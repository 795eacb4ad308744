// Preview: how a text looks to those who read it.

import { html, Component, Field, Rich, T } from '../ui.js';
import { nearest, runs } from '../ansi.js';
import { api } from '../store.js';

const AFTER_MS = 250;

const FIRST = '%^BOLD%^%^RED%^Beware%^RESET%^ of the \u001b[32mgreen\u001b[0m dragon <b>&amp; friends</b>';

const ENTITIES = { lt: '<', gt: '>', amp: '&', quot: '"', '#39': "'" };

function colour(text) {
  const digits = text.slice(1);
  const pairs = digits.length === 3 ? [...digits].map((one) => one + one) : digits.match(/../g) ?? [];
  return nearest(pairs.map((pair) => parseInt(pair, 16)));
}

/** The names of classes for a style of the gateway's HTML. The page's own colours can be read on any ground of it. */
function namesOf(style) {
  const pairs = Object.fromEntries(style.split(';').map((one) => one.split(':').map((part) => part.trim())));
  const names = [];
  if (pairs.background) names.push(`g${colour(pairs.background)}`);
  else if (pairs.color) names.push(`f${colour(pairs.color)}`);
  if (pairs['font-weight'] === 'bold') names.push('bold');
  if (pairs['font-style'] === 'italic') names.push('italic');
  if (pairs['text-decoration']?.includes('underline')) names.push('under');
  if (pairs['text-decoration']?.includes('line-through')) names.push('strike');
  return names.join(' ');
}

/** Shows the gateway's HTML, which has spans with a style, and text. Anything else in it is shown as text. */
function fromHtml(text) {
  const open = [];
  const found = [];
  for (const piece of text.match(/<span style="[^"<>]*">|<\/span>|[^<]+|</g) ?? []) {
    const span = /^<span style="(.*)">$/.exec(piece);
    if (span) open.push(namesOf(span[1]));
    else if (piece === '</span>') open.pop();
    else {
      const shown = piece.replace(/&(lt|gt|amp|quot|#39);/g, (_, name) => ENTITIES[name]);
      found.push(html`<span class=${open.join(' ')}>${shown}</span>`);
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
