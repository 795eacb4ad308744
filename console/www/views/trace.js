// Trace: the packets of the mud, decoded.

import { html, Component, T, TextBox, Choice, Time } from '../ui.js';
import { decode } from '../lpc.js';
import { PACKETS_MAX, changed, state, trace } from '../store.js';

/** Packets that are shown at once. */
const SHOWN_MAX = 300;

class Packet extends Component {
  shouldComponentUpdate() {
    return false;
  }

  render({ packet }) {
    const found = decode(packet.packet);
    const way = packet.direction === 'sent' ? '→ sent' : '← received';
    return html`<details class=${`packet ${packet.direction}`}>
      <summary><${Time} at=${packet.timestamp} /> ${way} <strong>${found ? html`<${T} text=${found.type} />` : 'unreadable'}</strong>
        ${found ? html` <${T} text=${found.from} /> to <${T} text=${found.to} />` : null}${packet.dropped ? html` <span class="bad">dropped: <${T} text=${packet.dropped} /></span>` : null}</summary>
      ${found ? html`<dl>${found.rows.map(([name, value]) => html`<dt>${name}</dt><dd><${T} text=${value} /></dd>`)}</dl>` : null}
      <pre tabindex="0"><${T} text=${packet.packet} /></pre>
    </details>`;
  }
}

function save(packets) {
  const text = packets.map((one) => JSON.stringify({ ...one, decoded: decode(one.packet)?.rows ?? null })).join('\n');
  const url = URL.createObjectURL(new Blob([`${text}\n`], { type: 'application/x-ndjson' }));
  const link = document.createElement('a');
  link.href = url;
  link.download = `i3-trace-${new Date().toISOString().replace(/[:.]/g, '-')}.jsonl`;
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(url), 10000);
}

export class Trace extends Component {
  constructor(props) {
    super(props);
    this.state = { text: '', direction: '' };
  }

  matching() {
    const wanted = this.state.text.toLowerCase();
    const { direction } = this.state;
    const upTo = state.trace === 'paused' ? state.packets.length - state.heldPackets : state.packets.length;
    return state.packets.slice(0, Math.max(0, upTo)).filter((one) => (!direction || one.direction === direction) && one.packet.toLowerCase().includes(wanted));
  }

  render(_, { text, direction }) {
    const found = this.matching();
    const { trace: now } = state;
    return html`<section class="card">
      <div class="inline">
        ${now === 'off' ? html`<button type="button" class="main" onClick=${() => trace('on')}>Start</button>`
          : html`<button type="button" onClick=${() => trace('off')}>Stop</button>
            <button type="button" aria-pressed=${now === 'paused'} onClick=${() => trace(now === 'paused' ? 'on' : 'paused')}>${now === 'paused' ? 'Go on' : 'Pause'}</button>`}
        <${TextBox} label="Filter" value=${text} onInput=${(value) => this.setState({ text: value })} />
        <${Choice} label="Direction" value=${direction} options=${[['', 'both'], ['received', 'received'], ['sent', 'sent']]} onInput=${(value) => this.setState({ direction: value })} />
        <button type="button" disabled=${found.length === 0} onClick=${() => save(found)}>Export</button>
        <button type="button" disabled=${state.packets.length === 0} onClick=${() => { state.packets = []; state.heldPackets = 0; changed(); }}>Clear</button>
      </div>
      <p role="status" class="quiet">${{ off: 'The trace is off.', on: 'The packets of this mud, passwords removed.', paused: `Paused: ${state.heldPackets} more came.` }[now]} ${found.length} of ${state.packets.length} packets${found.length > SHOWN_MAX ? `, the last ${SHOWN_MAX} are shown` : ''}; the last ${PACKETS_MAX} are kept.</p>
      <div class="packets">${found.slice(-SHOWN_MAX).reverse().map((one) => html`<${Packet} key=${one.number} packet=${one} />`)}</div>
    </section>`;
  }
}
