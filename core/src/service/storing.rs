//! What waits for the store is saved again. If the store has lost something, it is written anew from memory.

use super::parts::Parts;
use crate::cx::Cx;
use crate::delivery::{Delivery, To};
use crate::event::Event;
use crate::event::told::StorageChanged;
use crate::journal::Journal;
use crate::machine::{Change, Clear};
use crate::muds::Muds;
use crate::notice::{Level, Notice};
use crate::saves::{Saves, Turn};
use crate::settings::Settings;
use crate::spaces::Space;
use crate::steady;
use crate::time::{Steady, UnixTime};
use crate::wake::Wake;
use std::time::Duration;

/// Saves what waits for the store, if no other save is in flight.
pub(crate) fn save_again(cx: &mut Cx<'_>, muds: &Muds, journal: &mut Journal) {
    journal.save_due_marks(cx);
    let Cx { fx, settings, now, steady, .. } = cx;
    fx.save_again(now.mono, |clear| contents(settings, (now.unix, *steady), muds, journal, clear));
}

/// Saves what waits for the store before the gateway ends.
pub(crate) fn save_last(cx: &mut Cx<'_>, muds: &Muds, journal: &mut Journal) {
    journal.save_due_marks(cx);
    let Cx { fx, settings, now, steady, .. } = cx;
    fx.save_last(now.mono, |clear| contents(settings, (now.unix, *steady), muds, journal, clear));
}

/// Returns all entries that the store must have in the spaces that `clear` covers.
fn contents(
    settings: &Settings,
    now: (UnixTime, Steady),
    muds: &Muds,
    journal: &Journal,
    clear: &Clear,
) -> Vec<Change> {
    let of_muds = muds.iter().flat_map(|(mud, one)| one.entries(&settings.mud(mud).name, clear));
    let mut entries: Vec<Change> = of_muds.chain(journal.entries(settings, clear)).collect();
    if clear.covers(&Space::Clock.whole()) {
        entries.push(steady::change(now.1, now.0));
    }
    entries
}

/// Saves what waits for the store, now or when its time comes.
pub(crate) fn plan_save(cx: &mut Cx<'_>, muds: &Muds, journal: &mut Journal) {
    let after = cx.fx.saves().and_then(Saves::retry_after);
    match after {
        Some(Duration::ZERO) => save_again(cx, muds, journal),
        Some(after) => cx.timers.set(Wake::Save, cx.now.mono + after),
        None => cx.timers.clear(Wake::Save),
    }
}

/// Handles that the store has lost what was saved. All of it is saved again.
pub(crate) fn store_lost(parts: &mut Parts<'_>, reason: &str) {
    let Parts { cx, muds, clients, journal, .. } = parts;
    let was_known = cx.fx.saves().is_some_and(Saves::is_lost);
    let turn = cx.fx.store_lost();
    if !was_known {
        let text = "the saved state is gone; the gateway writes all of it anew";
        cx.notice(Notice::new(Level::Error, "store", text).with("error", reason));
    }
    plan_save(cx, muds, journal);
    if turn == Turn::Failed {
        let waiting = cx.fx.saves().map_or(0, Saves::waiting);
        let event = Event::StorageFailed(StorageChanged { reason, waiting });
        Delivery { clients, journal }.emit(cx, To::All, &event);
    }
}
