// A log of lines. It is drawn in chunks: only a chunk that has changed is drawn again. In a long log the browser lays out
// only those in view (`content-visibility`), so ten thousand lines stay smooth.

import { html, Component, Rich, T, Time } from './ui.js';
import { said } from './store.js';
import { showPerson } from './actions.js';

/** How near to an end the log counts as being there, in pixels. */
const NEAR = 40;

/** Chunks above which a log is long. */
const LONG = 10;

const Line = ({ line, isLast }) => {
  const verb = line.failed ? html`<strong class="bad"> Not delivered: <${T} text=${line.failed} /></strong>` : null;
  const channel = line.showChannel ? html`<span class="quiet">[<${T} text=${line.channel} />] </span>` : null;
  return html`<div class=${`line${line.own ? ' own' : ''}${line.emote ? ' emote' : ''}`}>
    <${Time} at=${line.at} /> ${channel}<button type="button" class="name" tabindex=${isLast ? 0 : -1}
      title=${`${line.user}@${line.mud}`} onClick=${() => showPerson(line)}><${Rich} text=${line.name} /><span
      class="at">@<${T} text=${line.mud} /></span></button>${line.emote || line.beep ? ' ' : ': '}<${Rich} className="text" text=${said(line)} />${verb}
  </div>`;
};

class Chunk extends Component {
  shouldComponentUpdate(next) {
    return next.chunk !== this.props.chunk || next.isLast !== this.props.isLast;
  }

  render({ chunk, isLast }) {
    return html`<div class="chunk">${chunk.lines.map((line, at) =>
      html`<${Line} key=${line.id} line=${line} isLast=${isLast && at === chunk.lines.length - 1} />`)}</div>`;
  }
}

/** A log of `chunks`. It stays at its end as long as the user has not scrolled up. */
export class Log extends Component {
  constructor(props) {
    super(props);
    this.isAtEnd = true;
    this.state = { unseen: false };
  }

  shouldComponentUpdate(next, state) {
    return next.version !== this.props.version || next.of !== this.props.of || next.label !== this.props.label
      || next.hasEarlier !== this.props.hasEarlier || state !== this.state;
  }

  getSnapshotBeforeUpdate(before) {
    if (before.of !== this.props.of) {
      this.isAtEnd = true;
      return null;
    }
    const { scrollHeight, scrollTop } = this.element;
    const isPrepended = before.chunks[0]?.key !== this.props.chunks[0]?.key && before.chunks.length > 0;
    return isPrepended ? { scrollHeight, scrollTop } : null;
  }

  componentDidMount() {
    this.toEnd();
  }

  componentDidUpdate(before, _, snapshot) {
    if (this.isAtEnd) this.toEnd();
    else if (snapshot) {
      if (snapshot.scrollTop < NEAR) {
        this.element.scrollTop = snapshot.scrollTop + this.element.scrollHeight - snapshot.scrollHeight;
      }
    } else if (before.version !== this.props.version && !this.state.unseen) this.setState({ unseen: true });
  }

  toEnd() {
    this.element.scrollTop = this.element.scrollHeight;
    // The heights of chunks that were not in view are known only now.
    requestAnimationFrame(() => {
      if (this.isAtEnd && this.element) this.element.scrollTop = this.element.scrollHeight;
    });
  }

  scrolled() {
    const { scrollTop, scrollHeight, clientHeight } = this.element;
    this.isAtEnd = scrollHeight - scrollTop - clientHeight < NEAR;
    if (this.isAtEnd && this.state.unseen) this.setState({ unseen: false });
    if (scrollTop < NEAR && !this.isAtEnd && this.props.hasEarlier) this.props.onEarlier();
  }

  /** The arrows move from name to name: so the log is one stop of the Tab key, however long it is. */
  key(event) {
    const step = { ArrowUp: -1, ArrowDown: 1, Home: -Infinity, End: Infinity }[event.key];
    if (!step || !event.target.classList.contains('name')) return;
    const names = [...this.element.querySelectorAll('button.name')];
    const at = Math.min(Math.max(names.indexOf(event.target) + step, 0), names.length - 1);
    event.preventDefault();
    names[at].focus();
  }

  render({ chunks, label, hasEarlier, onEarlier, empty }, { unseen }) {
    return html`<div class="logbox">
      <div class=${chunks.length > LONG ? 'log long' : 'log'} role="log" aria-label=${label} tabindex="0" ref=${(element) => { this.element = element ?? this.element; }}
        onScroll=${() => this.scrolled()} onKeyDown=${(event) => this.key(event)}>
        ${hasEarlier ? html`<button type="button" class="plain earlier" onClick=${onEarlier}>Earlier lines</button>` : null}
        ${chunks.length === 0 ? html`<p class="quiet">${empty}</p>` : null}
        ${chunks.map((chunk, at) => html`<${Chunk} key=${chunk.key} chunk=${chunk} isLast=${at === chunks.length - 1} />`)}
      </div>
      ${unseen ? html`<button type="button" class="newer" onClick=${() => { this.isAtEnd = true; this.toEnd(); this.setState({ unseen: false }); }}>New lines below</button>` : null}
    </div>`;
  }
}
