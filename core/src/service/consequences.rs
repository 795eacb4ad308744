//! What follows from a change of a link, of the store, or of time.

use super::nodes::{database, followed};
use super::parts::Parts;
use super::{ask, channel, durable, errors, lists, past, readiness, storing, tell, trace};
use crate::cx::Cx;
use crate::delivery::{Delivery, To};
use crate::event::Event;
use crate::event::told::{Shutdown, StorageChanged};
use crate::fault::{Fault, reason};
use crate::ids::{MudId, Ticket};
use crate::link::LinkEvent;
use crate::machine::SaveTicket;
use crate::muds::News;
use crate::notice::{Level, Notice};
use crate::saves::Turn;
use crate::waiting::{ChannelWhoStatus, Hosted, HostedStatus, Question, Reply};
use crate::wake::Wake;
use std::time::Duration;

/// How long after a start, or after new settings, the store is told which lines of the history it keeps.
const KEEP_LINES_AFTER: Duration = Duration::from_secs(60);

/// How often the store is told which lines of the history it keeps. They grow old although no new ones come.
const KEEP_LINES_INTERVAL: Duration = Duration::from_secs(3600);

/// Handles all that has happened to the muds, and the tells that no session has collected in time, until nothing is
/// left. Returns whether there was anything to do.
pub(crate) fn follow(parts: &mut Parts<'_>) -> bool {
    let mut any = false;
    past::pump(&mut parts.cx, parts.past);
    loop {
        if let Some(news) = parts.muds.poll_news() {
            news_of_muds(parts, news);
        } else if let Some(unread) = parts.journal.poll_unread() {
            tell::not_reached(&mut parts.cx, parts.muds, &unread);
        } else {
            return any;
        }
        any = true;
    }
}

fn news_of_muds(parts: &mut Parts<'_>, news: News) {
    let Parts { cx, muds, clients, journal, waiting, .. } = parts;
    let mut out = Delivery { clients, journal };
    match news {
        News::Link(mud, event) => link_changed(parts, mud, event),
        News::Sent(mud, frame) => trace::sent(cx, muds, &mut out, mud, &frame),
        News::GivenUp { mud, origin, why } => errors::not_sent(cx, waiting, &mut out, mud, &origin, &why),
    }
}

/// Handles a link that has become ready, or is no longer ready.
fn link_changed(parts: &mut Parts<'_>, mud: MudId, event: LinkEvent) {
    let Parts { cx, muds, clients, .. } = parts;
    match event {
        LinkEvent::Probed => muds[mud].pacer.count(cx.now.mono, 1),
        LinkEvent::Ready => {
            cx.metrics.router_logins += 1;
            channel::listen_again(cx, muds, clients, mud);
            muds.pump(cx, mud);
            muds.send_handed(cx, mud);
        }
        LinkEvent::Down => {
            cx.metrics.router_failures += 1;
            muds.give_up_for_router(cx, mud);
        }
    }
    readiness::tell(parts, mud);
}

/// Handles the store's answer to a save.
pub(crate) fn save_answered(parts: &mut Parts<'_>, ticket: SaveTicket, outcome: &Result<(), String>) {
    let now = parts.cx.now.mono;
    let Some(saves) = parts.cx.fx.saves_mut() else { return };
    if let Some(since) = saves.since(ticket) {
        parts.cx.metrics.save_time.observe(now.since(since));
    }
    let turn = saves.answered(ticket, outcome.is_ok());
    let (waiting, lines_lost) = (saves.waiting(), saves.lines_lost());
    if let Some(lines) = parts.run.lines_lost.times_are(now, lines_lost) {
        let text = "lines of the history left memory before they could be saved";
        parts.cx.notice(Notice::new(Level::Warn, "store", text).with("lines", lines));
    }
    if let Err(error) = outcome {
        parts.cx.metrics.saves_failed += 1;
        let notice = Notice::new(Level::Error, "store", "save failed; the gateway tries again");
        parts.cx.notice(notice.with("error", error).with("changes", waiting));
    }
    storage_changed(parts, turn, outcome, waiting);
    storing::plan_save(parts);
    answer_saved(parts);
    parts.muds.link_saved(&mut parts.cx, ticket, outcome);
}

/// Answers the requests whose saves are durable.
fn answer_saved(parts: &mut Parts<'_>) {
    let durable = parts.cx.fx.durable_before();
    durable::saved(&mut parts.cx, parts.waiting, |ticket| ticket < durable);
}

/// Handles that changes whose saves have failed are in the store all the same.
pub(super) fn saves_settled(parts: &mut Parts<'_>) {
    database::tell(parts, "");
    answer_saved(parts);
}

/// Reports that the store fails, or that it works again.
fn storage_changed(parts: &mut Parts<'_>, turn: Turn, outcome: &Result<(), String>, waiting: usize) {
    if parts.nodes.leases.is_some() {
        return database::tell(parts, outcome.as_ref().err().map_or("", String::as_str));
    }
    let Parts { cx, clients, journal, .. } = parts;
    let event = match (turn, outcome) {
        (Turn::Failed, Err(reason)) => Event::StorageFailed(StorageChanged { reason, waiting }),
        (Turn::Recovered, _) => {
            cx.notice(Notice::new(Level::Warn, "store", "saving works again"));
            Event::StorageRecovered(StorageChanged { reason: "everything is saved", waiting })
        }
        _ => return,
    };
    Delivery { clients, journal }.emit(cx, To::All, &event);
}

/// Handles a request whose time to wait is over.
pub(crate) fn wait_is_over(parts: &mut Parts<'_>, ticket: Ticket) {
    let Parts { cx, muds, clients, journal, waiting, searches, past, .. } = parts;
    if let Some(outcome) = past.is_late(ticket) {
        return waiting.finish(cx, ticket, outcome);
    }
    let Some(question) = waiting.question(ticket) else { return };
    searches.remove(ticket);
    let outcome = match question {
        Question::Drained => {
            Err(Fault::gateway(&reason::NO_ANSWER, "other nodes have not taken all links in time"))
        }
        Question::Followed { .. } => Err(followed::away()),
        Question::Search | Question::Store => {
            Err(Fault::gateway(&reason::NO_ANSWER, "the search took too long"))
        }
        Question::Who { .. }
        | Question::Finger { .. }
        | Question::Locate { .. }
        | Question::ChanUser { .. } => {
            Err(Fault::gateway(&reason::NO_ANSWER, "no answer in time: try again, or with a longer timeout"))
        }
        Question::Saved { .. } => {
            Err(Fault::gateway(&reason::NOT_SAVED, "not saved in time: it may be forgotten at a restart"))
        }
        Question::HandedOver { .. } => Err(Fault::gateway(
            &reason::NOT_SAVED,
            "the database has not confirmed it in time: it is sent when the database is back, unless this node ends before",
        )),
        // The subscribers that have been reported by now are the result.
        Question::ChanWho { mud, channel, .. } => {
            let known = ask::subscribers(cx, muds, clients, *mud, channel, ChannelWhoStatus::Success);
            Ok(Reply::ChannelWho(known))
        }
        Question::Verdict { mud, message_id, channel, becomes } => {
            let mut out = Delivery { clients, journal };
            let is_so =
                becomes.is_some_and(|becomes| lists::consented(cx, muds, &mut out, *mud, channel, becomes));
            Ok(Reply::Hosted(Hosted {
                status: if is_so { HostedStatus::Success } else { HostedStatus::Sent },
                channel: channel.clone(),
                message_id: message_id.clone(),
            }))
        }
    };
    waiting.finish(cx, ticket, outcome);
}

/// Removes what has become too old.
pub(crate) fn sweep(parts: &mut Parts<'_>) {
    let Parts { cx, muds, clients, journal, .. } = parts;
    journal.sweep(cx);
    for mud in muds.ids() {
        for channel in clients.audience.expire(mud, cx.now.mono) {
            channel::leave_for_good(cx, muds, mud, &channel);
        }
    }
    Delivery { clients, journal }.set_sweep(cx);
}

/// Lets the store be told soon which lines of the history it keeps.
pub(crate) fn keep_lines_soon(cx: &mut Cx<'_>) {
    cx.timers.set(Wake::Lines, cx.now.mono + KEEP_LINES_AFTER);
}

/// Tells the store which lines of the history it keeps. While there are none, it is told once.
pub(crate) fn keep_lines(parts: &mut Parts<'_>) {
    parts.journal.keep_lines(&mut parts.cx);
    if parts.cx.settings.keeps_lines() {
        parts.cx.timers.set(Wake::Lines, parts.cx.now.mono + KEEP_LINES_INTERVAL);
    }
}

/// Reports the shutdown to every session, and logs off from the routers.
pub(crate) fn shut_down(cx: &mut Cx<'_>, muds: &mut crate::muds::Muds, out: &mut Delivery<'_>) {
    let shutdown = Shutdown { message: "The gateway shuts down" };
    out.emit(cx, To::All, &Event::ShutdownWarning(shutdown));
    for mud in muds.ids() {
        // Where nodes share a store, packets of games stay in it for the next holder.
        if cx.settings.node.is_none() {
            muds.expire(cx, mud, Duration::ZERO, "the gateway shuts down");
        }
        muds.stop(cx, mud);
    }
}
