//! What waits for the store is saved again. If the store has lost something, it is written anew from memory.

use super::held::Filters;
use super::nodes::sessions;
use super::parts::Parts;
use crate::clients::Clients;
use crate::cx::Cx;
use crate::delivery::{Delivery, To};
use crate::effects::Effects;
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
use crate::time::{Now, Steady};
use crate::wake::Wake;
use std::time::Duration;

/// The parts whose state is saved.
struct Kept<'p> {
    settings: &'p Settings,
    now: (Now, Steady),
    muds: &'p Muds,
    clients: &'p Clients,
    filters: &'p Filters,
    journal: &'p Journal,
}

impl Kept<'_> {
    /// Returns all entries that the store must have in the spaces that `clear` covers.
    fn entries(&self, clear: &Clear) -> Vec<Change> {
        let Kept { settings, now: (now, steady), muds, clients, filters, journal } = self;
        let of_muds = muds.iter().flat_map(|(mud, one)| one.entries(&settings.mud(mud).name, clear));
        let mut entries: Vec<Change> = of_muds.chain(journal.entries(settings, clear)).collect();
        if clear.covers(&Space::Clock.whole()) {
            entries.push(steady::change(*steady, now.unix));
        }
        if settings.node.as_ref().is_some_and(|node| clear.covers(&Space::Sessions.of(&node.boot))) {
            entries.extend(sessions::entries(settings, *now, clients, filters));
        }
        entries
    }
}

/// Returns the effects, and the parts whose state is saved.
fn split<'p>(parts: &'p mut Parts<'_>) -> (&'p mut Effects, Kept<'p>) {
    parts.journal.save_due_marks(&mut parts.cx);
    let Parts { cx, muds, clients, journal, filters, .. } = parts;
    let Cx { fx, settings, now, steady, .. } = cx;
    (fx, Kept { settings, now: (*now, *steady), muds, clients, filters, journal })
}

/// Saves what waits for the store, if no other save is in flight.
pub(crate) fn save_again(parts: &mut Parts<'_>) {
    let (fx, kept) = split(parts);
    fx.save_again(kept.now.0.mono, |clear| kept.entries(clear));
}

/// Saves what waits for the store before the gateway ends.
pub(crate) fn save_last(parts: &mut Parts<'_>) {
    let (fx, kept) = split(parts);
    fx.save_last(kept.now.0.mono, |clear| kept.entries(clear));
}

/// Saves what waits for the store, now or when its time comes.
pub(crate) fn plan_save(parts: &mut Parts<'_>) {
    let after = parts.cx.fx.saves().and_then(Saves::retry_after);
    match after {
        Some(Duration::ZERO) => save_again(parts),
        Some(after) => parts.cx.timers.set(Wake::Save, parts.cx.now.mono + after),
        None => parts.cx.timers.clear(Wake::Save),
    }
}

/// Saves at the end of a turn what is written anew although no save of it has failed: no answer of the store follows by itself.
pub(crate) fn save_anew(parts: &mut Parts<'_>) {
    let is_due = parts.cx.fx.saves().is_some_and(|saves| saves.retry_after().is_some());
    if is_due && parts.cx.timers.get(Wake::Save).is_none() {
        save_again(parts);
    }
}

/// Handles that the store has lost what was saved. All of it is saved again.
pub(crate) fn store_lost(parts: &mut Parts<'_>, reason: &str) {
    let cx = &mut parts.cx;
    let was_known = cx.fx.saves().is_some_and(Saves::is_lost);
    let turn = cx.fx.store_lost();
    if !was_known {
        let text = "the saved state is gone; the gateway writes all of it anew";
        cx.notice(Notice::new(Level::Error, "store", text).with("error", reason));
    }
    plan_save(parts);
    let Parts { cx, clients, journal, .. } = parts;
    if turn == Turn::Failed {
        let waiting = cx.fx.saves().map_or(0, Saves::waiting);
        let event = Event::StorageFailed(StorageChanged { reason, waiting });
        Delivery { clients, journal }.emit(cx, To::All, &event);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::told::Said;
    use crate::ids::MudId;
    use crate::line;
    use crate::machine::{Output, SaveTicket};
    use crate::service::consequences::save_answered;
    use crate::service::parts::testing::Stage;
    use std::collections::{BTreeSet, VecDeque};

    const FLOOD_LINES: usize = 6_000;

    fn line_comes(stage: &mut Stage) {
        let [from_mud, from_user, visname] = ["Sage", "bob", "Bob"].map(Into::into);
        let (channel, message) = ("chat".into(), "x".repeat(1_000).into());
        let said = Said { channel, from_mud, from_user, message, visname, is_echo: None };
        let (cx, mut out) =
            (&mut stage.bench.cx(), Delivery { clients: &mut stage.clients, journal: &mut stage.journal });
        out.emit(cx, To::Channel(MudId::OWN, "chat"), &Event::ChannelMessage(said));
    }

    #[test]
    fn lines_that_leave_memory_before_they_are_saved_are_counted_and_reported() {
        let mut stage = Stage::default();
        stage.bench.settings.api.events.history_in_store = true;
        stage.bench.fx.retry_saves();
        let hour = Duration::from_secs(3600);
        let keep_until = Some(stage.bench.now.mono + hour);
        let (cx, mut out) =
            (&mut stage.bench.cx(), Delivery { clients: &mut stage.clients, journal: &mut stage.journal });
        assert!(out.linger(cx, MudId::OWN, "chat", keep_until));
        let (mut on_the_way, mut saved, mut notices) = (VecDeque::new(), BTreeSet::new(), Vec::new());
        for came in 0.. {
            if came < FLOOD_LINES {
                line_comes(&mut stage);
            }
            for output in std::iter::from_fn(|| stage.bench.fx.poll()) {
                match output {
                    Output::Save { ticket, changes, .. } => on_the_way.push_back((ticket, changes)),
                    Output::Notice(notice) => notices.push(notice.to_string()),
                    _ => {}
                }
            }
            // The store begins when most lines have come.
            if came < FLOOD_LINES - 100 {
                continue;
            }
            let Some((ticket, changes)) = on_the_way.pop_front() else {
                stage.wait(hour);
                plan_save(&mut stage.parts());
                if stage.bench.fx.saves().unwrap().retry_after().is_none()
                    && stage.bench.fx.durable_before() == SaveTicket(u64::MAX)
                {
                    break;
                }
                save_again(&mut stage.parts());
                continue;
            };
            let lines = changes.into_iter().filter(|change| line::is_of_lines(&change.space));
            saved.extend(lines.filter_map(|change| line::id_of(&change.key)));
            save_answered(&mut stage.parts(), ticket, &Ok(()));
        }
        let lost = stage.bench.fx.saves().unwrap().lines_lost();
        assert_eq!(saved.len() as u64 + lost, FLOOD_LINES as u64);
        assert!(lost > 1_000);
        let reported = format!("lines of the history left memory before they could be saved lines={lost}");
        assert_eq!(notices, [reported]);
    }
}
