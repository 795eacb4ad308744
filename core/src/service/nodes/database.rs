//! Whether the database answers, which all nodes share.

use crate::delivery::{Delivery, To};
use crate::event::Event;
use crate::event::told::StorageChanged;
use crate::nodes::{Database, Nodes};
use crate::notice::{Level, Notice};
use crate::saves::Saves;
use crate::service::parts::Parts;

/// Whether this node serves: it has started, and the database answers and saves. `None` on one host.
pub(crate) fn serves(nodes: &Nodes) -> Option<bool> {
    nodes.leases.as_ref().map(|leases| leases.database() == Database::Answers && !nodes.is_told_failing)
}

/// Whether the database is known to be away.
pub(crate) fn is_away(nodes: &Nodes) -> bool {
    nodes.leases.as_ref().is_some_and(|leases| leases.database() == Database::Away)
}

/// Reports once that the database is away, or that it is back. `why` is for people.
pub(crate) fn tell(parts: &mut Parts<'_>, why: &str) {
    let Parts { cx, muds, clients, journal, nodes, .. } = parts;
    let is_away = is_away(nodes);
    cx.fx.set_store_away(is_away);
    if std::mem::replace(&mut nodes.is_told_away, is_away) != is_away {
        cx.notice(match is_away {
            true => Notice::new(Level::Error, "store", "the database is away").with("error", why),
            false => Notice::new(Level::Warn, "store", "the database is back"),
        });
    }
    // A failed save and a failed beat are one event.
    let saves = cx.fx.saves();
    let is_failing = is_away || saves.is_some_and(Saves::is_failing);
    let waiting = saves.map_or(0, Saves::waiting);
    if std::mem::replace(&mut nodes.is_told_failing, is_failing) == is_failing {
        return;
    }
    if is_failing {
        muds.hold_back(cx);
    } else {
        for mud in muds.ids() {
            muds.send_handed(cx, mud);
        }
    }
    let event = match is_failing {
        true => Event::StorageFailed(StorageChanged { reason: why, waiting }),
        false => Event::StorageRecovered(StorageChanged { reason: "everything is saved", waiting }),
    };
    Delivery { clients, journal }.emit(cx, To::All, &event);
}
