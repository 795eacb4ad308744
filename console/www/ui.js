// Parts that all views are made of. Every text of the network goes through `T` or `Rich`, which make text nodes in an
// isolated element: a stranger's text is never markup, and does not turn the direction of what stands beside it.

import { h, Component, Fragment } from './vendor/preact.mjs';
import htm from './vendor/htm.mjs';
import { runs, visible } from './ansi.js';

export const html = htm.bind(h);
export { Component, Fragment };

/** A text of a stranger, as it is: control characters are shown. */
export const T = ({ text, className }) => html`<bdi class=${className}>${visible(text)}</bdi>`;

/** A text of a stranger with its colours. */
export const Rich = ({ text, className = '' }) => html`<bdi class=${`rich ${className}`}>${runs(text).map((run) =>
  (run.names ? html`<span class=${run.names}>${run.text}</span>` : run.text))}</bdi>`;

let lastId = 0;

/** Returns an id for an element. */
export function newId(prefix) {
  lastId += 1;
  return `${prefix}-${lastId}`;
}

/** A field with its label. The children get its id. */
export class Field extends Component {
  constructor(props) {
    super(props);
    this.id = newId('field');
  }

  render({ label, children, className = '' }) {
    const inner = Array.isArray(children) ? children[0] : children;
    inner.props.id = this.id;
    return html`<div class=${`field ${className}`}><label for=${this.id}>${label}</label>${children}</div>`;
  }
}

/** A text box with its label. */
export const TextBox = ({ label, value, onInput, className, ...rest }) => html`<${Field} label=${label} className=${className}>
  <input type="text" autocomplete="off" spellcheck=${false} value=${value} onInput=${(event) => onInput(event.target.value)} ...${rest} />
</${Field}>`;

/** A choice with its label: `options` are pairs of value and text. */
export const Choice = ({ label, value, options, onInput, ...rest }) => html`<${Field} label=${label}>
  <select value=${value} onChange=${(event) => onInput(event.target.value)} ...${rest}>
    ${options.map(([key, text]) => html`<option value=${key} selected=${key === value}>${text}</option>`)}
  </select>
</${Field}>`;

/** The letters of a word that is not broken in a table. Longer ones are broken where there is no room. */
const WHOLE_LETTERS = 10;

/** Whether what stands in a cell is a time, or short words: a text, a number, or an element with one. */
const isShort = (content) => {
  if (content?.props?.at !== undefined) return true;
  const text = content?.props ? content.props.text ?? content.props.children : content;
  if (typeof text !== 'string' && typeof text !== 'number') return false;
  return String(text).split(' ').every((word) => word.length <= WHOLE_LETTERS);
};

/** A table that becomes a list of cards where there is no room. `columns` are pairs of a heading and a function. */
export const Table = ({ caption, columns, rows, rowKey, empty = 'Nothing to show.' }) => (rows.length === 0
  ? html`<p class="quiet">${empty}</p>`
  : html`<table role="table"><caption>${caption}</caption>
    <thead role="rowgroup"><tr role="row">${columns.map(([name]) => html`<th role="columnheader" scope="col">${name}</th>`)}</tr></thead>
    <tbody role="rowgroup">${rows.map((row) => html`<tr role="row" key=${rowKey(row)}>
      ${columns.map(([name, cell]) => html`<td role="cell" data-label=${name} class=${isShort(cell(row)) ? 'short' : ''}>${cell(row)}</td>`)}</tr>`)}</tbody>
  </table>`);

/** What had the focus before a dialog was opened. */
export const opener = { element: null };

/** A dialog over the page. The browser keeps the focus in it, and closes it with Escape. */
export class Dialog extends Component {
  componentDidMount() {
    this.element.showModal();
    (this.element.querySelector('input, select, textarea') ?? this.element.querySelector('button'))?.focus();
  }

  componentWillUnmount() {
    // Once the page behind it can have the focus again, unless another dialog has taken its place.
    setTimeout(() => {
      if (document.querySelector('dialog[open]')) return;
      if (opener.element?.isConnected) opener.element.focus();
      else document.querySelector('main h1')?.focus();
    });
  }

  render({ title, onClose, children }) {
    this.id ??= newId('dialog');
    return html`<dialog aria-labelledby=${this.id} ref=${(element) => { this.element = element ?? this.element; }}
      onClose=${onClose} onCancel=${onClose}>
      <header><h2 id=${this.id}>${title}</h2><button type="button" class="plain" onClick=${onClose}>Close</button></header>
      ${children}
    </dialog>`;
  }
}

const twoDigits = (number) => String(number).padStart(2, '0');

/** The time of day of a time in RFC 3339, with the date if it is another day. */
export function clock(time) {
  const at = new Date(time);
  if (Number.isNaN(at.getTime())) return '';
  const text = `${twoDigits(at.getHours())}:${twoDigits(at.getMinutes())}`;
  const isToday = at.toDateString() === new Date().toDateString();
  return isToday ? text : `${at.getFullYear()}-${twoDigits(at.getMonth() + 1)}-${twoDigits(at.getDate())} ${text}`;
}

export const Time = ({ at }) => html`<time datetime=${at} title=${new Date(at).toString()}>${clock(at)}</time>`;

/** A length of time in words. */
export function duration(seconds) {
  const units = [[86400, 'd'], [3600, 'h'], [60, 'min']];
  const found = units.find(([length]) => seconds >= length);
  if (!found) return `${Math.round(seconds)} s`;
  const [length, name] = found;
  const whole = Math.floor(seconds / length);
  const rest = units[units.indexOf(found) + 1];
  const more = rest ? Math.floor((seconds % length) / rest[0]) : 0;
  return `${whole} ${name}${more > 0 ? ` ${more} ${rest[1]}` : ''}`;
}

/** How long ago a time was. */
export function since(time) {
  return duration(Math.max(0, (Date.now() - new Date(time).getTime()) / 1000));
}

export function bytes(count) {
  return count < 1024 ? `${count} B` : count < 1048576 ? `${(count / 1024).toFixed(1)} KiB` : `${(count / 1048576).toFixed(1)} MiB`;
}

/** A view that asks for something again every few seconds while it is shown. */
export class Polling extends Component {
  componentDidMount() {
    this.poll();
    this.timer = setInterval(() => document.hidden || this.poll(), this.everyMs ?? 5000);
  }

  componentWillUnmount() {
    clearInterval(this.timer);
  }
}
