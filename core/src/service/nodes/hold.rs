//! Links follow leases: a node that takes a mud logs in, and one that gives a mud back, or loses it, logs off.

use super::{database, drained};
use crate::cx::Cx;
use crate::ids::MudId;
use crate::muds::{Holder, Muds};
use crate::nodes::{Database, Leases, Nodes, Step};
use crate::notice::{Level, Notice};
use crate::service::parts::Parts;
use crate::service::readiness;
use crate::spaces::Space;
use crate::wake::Wake;
use std::time::Duration;

/// The age of the events that a new holder saves again: the holder before it was told of their packets, and may have ended
/// before it saved them.
const SAVED_AGAIN_AGE: Duration = Duration::from_secs(60);

/// What a node writes anew when it has a lease again: saves with the number of the lease before were refused.
const OF_HOLDER: [Space; 8] = [
    Space::Passwords,
    Space::Logins,
    Space::ListsFrom,
    Space::Muds,
    Space::Channels,
    Space::Events,
    Space::Home,
    Space::Link,
];

/// Begins the life of a node: it holds nothing, and asks for leases. Does nothing on one host.
pub(crate) fn begin(cx: &mut Cx<'_>, muds: &mut Muds, nodes: &mut Nodes) {
    let Some(node) = &cx.settings.node else { return };
    cx.fx.share();
    nodes.leases = Some(Leases::new(cx.settings, node, cx.now.mono));
    for mud in muds.ids() {
        muds.stand_by(mud);
        muds.show(cx, mud, Holder::Unknown);
        muds.news_of_readiness(mud);
    }
    cx.timers.set(Wake::Beat, cx.now.mono);
}

/// Carries out what has come of an answer.
pub(super) fn carry_out(parts: &mut Parts<'_>, steps: Vec<Step>) {
    if steps.is_empty() {
        return;
    }
    let mut taken = Vec::new();
    for step in steps {
        let Parts { cx, muds, journal, .. } = parts;
        match step {
            Step::Taken(mud, epoch) => {
                let name = cx.settings.mud(mud).name.clone();
                cx.fx.hold_mud(&name, epoch);
                tell(cx, mud, Level::Info, "this node runs the link from now on", "");
                journal.save_latest(cx, mud, SAVED_AGAIN_AGE);
                muds.take_up(cx, mud, epoch);
                taken.push(mud);
            }
            Step::TakenAgain(mud, epoch) => {
                let name = cx.settings.mud(mud).name.clone();
                cx.fx.hold_mud(&name, epoch);
                OF_HOLDER.iter().for_each(|space| cx.fx.write_anew(&space.of(&name)));
                muds.renumber(cx, mud, epoch);
            }
            Step::Lost(mud, why) => {
                tell(cx, mud, Level::Warn, "this node no longer holds the mud", why);
                let_go(cx, mud);
                muds.cut(cx, mud, why);
            }
            Step::Lapsed(mud) => {
                let why = "the lease was not prolonged in time";
                tell(cx, mud, Level::Warn, "this node no longer holds the mud", why);
                let name = cx.settings.mud(mud).name.clone();
                cx.fx.lapse_mud(&name);
                muds.cut(cx, mud, why);
            }
            Step::Returned(mud) => tell(cx, mud, Level::Info, "this node has given the mud back", ""),
            Step::Alone => drained::failed(parts),
        }
    }
    parts.muds.choose_lists(&mut parts.cx, &taken);
}

fn tell(cx: &mut Cx<'_>, mud: MudId, level: Level, what: &'static str, why: &str) {
    let notice = Notice::new(level, "link", what).with("mud", &cx.settings.mud(mud).name);
    cx.notice(if why.is_empty() { notice } else { notice.with("reason", why) });
}

fn let_go(cx: &mut Cx<'_>, mud: MudId) {
    let name = &cx.settings.mud(mud).name;
    cx.fx.let_go_mud(name);
}

/// Does what is due, and sets the timers. It runs after everything that changes a lease, or what a lease waits for.
pub(crate) fn advance(parts: &mut Parts<'_>) {
    let Parts { cx, muds, nodes, .. } = parts;
    let now = cx.now.mono;
    let Some(leases) = &mut nodes.leases else { return };
    leases.look(now);
    for mud in leases.give(now) {
        muds.hand_over(cx, mud);
    }
    for mud in leases.leaving().into_iter().filter(|mud| muds[*mud].link.conn().is_none()) {
        leases.left(mud, cx.fx.newest_save());
    }
    let given_back = leases.give_back(cx.fx.durable_before());
    for mud in &given_back {
        let_go(cx, *mud);
        muds.release(*mud);
    }
    if !given_back.is_empty() {
        muds.choose_lists(cx, &[]);
    }
    if let Some((beat, ask)) = leases.poll_beat(now) {
        cx.fx.beat(beat, ask);
    }
    match leases.due_at(now) {
        Some(at) => cx.timers.set(Wake::Beat, at.max(now)),
        None => cx.timers.clear(Wake::Beat),
    }
    match leases.end_at() {
        Some(at) => cx.timers.set(Wake::LeaseEnd, at),
        None => cx.timers.clear(Wake::LeaseEnd),
    }
    database::tell(parts, "no answer in time");
    for mud in parts.muds.ids() {
        show(parts, mud);
    }
    drained::check(parts);
}

/// Whether a mud that is given away has got further: its link has ended, or what it waits for is durable.
pub(crate) fn has_progress(parts: &Parts<'_>) -> bool {
    let Some(leases) = parts.nodes.leases.as_ref() else { return false };
    let has_ended = |mud| parts.muds[mud].link.conn().is_none();
    leases.has_progress(has_ended, || parts.cx.fx.durable_before())
}

/// Lets go of the muds whose leases have ended, if there are any. It runs before anything else that happens at a time.
pub(crate) fn check_leases(parts: &mut Parts<'_>) -> bool {
    let now = parts.cx.now.mono;
    let Some(leases) = parts.nodes.leases.as_mut() else { return false };
    let steps = leases.ended(now);
    if steps.is_empty() {
        return false;
    }
    carry_out(parts, steps);
    advance(parts);
    true
}

/// Handles that the database has refused a save: this node does not hold these muds.
pub(crate) fn lost(parts: &mut Parts<'_>, muds: &[String]) {
    let now = parts.cx.now.mono;
    let Some(leases) = parts.nodes.leases.as_mut() else { return };
    let steps = leases.refused(muds, now);
    carry_out(parts, steps);
    advance(parts);
}

/// Handles what a node has saved of the link of a mud. `None`: the entry was removed.
pub(crate) fn view_told(parts: &mut Parts<'_>, mud: MudId, value: Option<&[u8]>) {
    let Some(value) = value else { return };
    if parts.muds.report_told(&parts.cx, mud, value) {
        show(parts, mud);
    } else {
        tell(
            &mut parts.cx,
            mud,
            Level::Warn,
            "a node reports a link in a form that this one cannot read",
            "",
        );
    }
}

/// Shows the link of a mud as its holder reports it.
fn show(parts: &mut Parts<'_>, mud: MudId) {
    let Parts { cx, muds, nodes, .. } = parts;
    let Some(leases) = &nodes.leases else { return };
    let holder = match (leases.holder(mud, cx.now.mono), leases.database()) {
        (Some((name, epoch)), _) => Holder::Node(epoch, name),
        (None, Database::Unknown) => Holder::Unknown,
        (None, Database::Away) => Holder::Nobody("the database is away"),
        (None, Database::Answers) => Holder::Nobody("no node holds the link"),
    };
    muds.show(cx, mud, holder);
    readiness::tell(parts, mud);
}
