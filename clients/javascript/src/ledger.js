// Which events were received and handled: nothing is handed out twice, nothing is acknowledged too early.
//
// An acknowledgement covers all events up to its id. Replayed events have lower ids than live ones that came before them, so
// the id that may be acknowledged is the one before the lowest event that is not handled yet.

import { KEPT } from "./api.js";

/** How many ids are remembered to recognise a repeated event. The gateway keeps at most 1,000 of each channel by default. */
export const SEEN_IDS_MAX = 20_000;

/** The record of one client, over all of its connections. */
export class Ledger {
  #seen = new Set(); // in the order of arrival
  #open = new Set();
  #highestHandled = 0;
  #acked = 0;
  #holds = 0;
  highestReceived = 0;

  /** Notes an event that has come in. False: it was here before, and is not to be handed out again. */
  received(event) {
    const id = event.params.event_id;
    if (!KEPT.has(event.method) || !id) return true;
    if (this.#seen.has(id)) return false;
    this.#seen.add(id);
    if (this.#seen.size > SEEN_IDS_MAX) this.#seen.delete(this.#seen.values().next().value);
    this.#open.add(id);
    this.highestReceived = Math.max(this.highestReceived, id);
    return true;
  }

  /** Notes that the program has done with an event. Twice is once. */
  handled(event) {
    const id = event.params.event_id;
    if (this.#open.delete(id)) this.#highestHandled = Math.max(this.#highestHandled, id);
  }

  /** No acknowledgement until `release`: a replay may be on its way with events of lower ids. */
  hold() {
    this.#holds += 1;
  }

  release() {
    this.#holds = Math.max(0, this.#holds - 1);
  }

  /** The connection has ended, and with it whatever was on its way. */
  releaseAll() {
    this.#holds = 0;
  }

  /** The id to acknowledge now; undefined if there is no news to tell. */
  toAcknowledge() {
    let id = this.#highestHandled;
    for (const open of this.#open) id = Math.min(id, open - 1);
    return id > this.#acked && this.#holds === 0 ? id : undefined;
  }

  /** The gateway has saved it. */
  acknowledged(id) {
    this.#acked = Math.max(this.#acked, id);
  }
}
