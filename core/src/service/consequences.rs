//! What follows from a change of a link, of the store, or of time.

use super::parts::Parts;
use super::{ask, channel, durable, errors, lists, storing, tell, trace};
use crate::cx::Cx;
use crate::delivery::{Delivery, To};
use crate::event::Event;
use crate::event::told::{LinkChanged, LinkStatus, Shutdown, StorageChanged};
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

/// Handles all that has happened to the muds, and the tells that no session has collected in time, until nothing is
/// left. Returns whether there was anything to do.
pub(crate) fn follow(parts: &mut Parts<'_>) -> bool {
    let mut any = false;
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
        News::GivenUp { mud, origin, why } => errors::not_sent(cx, waiting, &mut out, mud, &origin, why),
    }
}

/// Handles a link that has become ready, or is no longer ready.
fn link_changed(parts: &mut Parts<'_>, mud: MudId, event: LinkEvent) {
    let Parts { cx, muds, clients, journal, .. } = parts;
    let router = muds[mud].link.router().name.clone();
    match event {
        LinkEvent::Probed => muds[mud].pacer.count(cx.now.mono, 1),
        LinkEvent::Ready => {
            cx.metrics.router_logins += 1;
            channel::listen_again(cx, muds, clients, mud);
            muds.pump(cx, mud);
            // What a mud has sent meanwhile waits at its front door.
            if let Some(conn) = muds[mud].home.conn() {
                cx.timers.set(Wake::Client(conn), cx.now.mono);
            }
            let changed = LinkChanged {
                message: "Gateway reconnected to I3 router",
                status: LinkStatus::Connected,
                router: &router,
                reason: "logged in",
            };
            Delivery { clients, journal }.emit(cx, To::Readers(mud), &Event::GatewayReconnected(changed));
        }
        LinkEvent::Down => {
            cx.metrics.router_failures += 1;
            muds.give_up_for_router(cx, mud);
            let reason = muds[mud].link.last_error().unwrap_or("on request").to_owned();
            let changed = LinkChanged {
                message: "Gateway disconnected from I3 router",
                status: LinkStatus::Disconnected,
                router: &router,
                reason: &reason,
            };
            Delivery { clients, journal }.emit(cx, To::Readers(mud), &Event::GatewayDisconnected(changed));
        }
    }
}

/// Handles the store's answer to a save.
pub(crate) fn save_answered(parts: &mut Parts<'_>, ticket: SaveTicket, outcome: &Result<(), String>) {
    let now = parts.cx.now.mono;
    let Some(saves) = parts.cx.fx.saves_mut() else { return };
    if let Some(since) = saves.since(ticket) {
        parts.cx.metrics.save_time.observe(now.since(since));
    }
    let turn = saves.answered(ticket, outcome.is_ok());
    let waiting = saves.waiting();
    if let Err(error) = outcome {
        parts.cx.metrics.saves_failed += 1;
        let notice = Notice::new(Level::Error, "store", "save failed; the gateway tries again");
        parts.cx.notice(notice.with("error", error).with("changes", waiting));
    }
    storage_changed(parts, turn, outcome, waiting);
    storing::plan_save(&mut parts.cx, parts.muds, parts.journal);
    let durable = parts.cx.fx.durable_before();
    durable::saved(&mut parts.cx, parts.waiting, |ticket| ticket < durable);
    parts.muds.link_saved(&mut parts.cx, ticket, outcome);
}

/// Reports that the store fails, or that it works again.
fn storage_changed(parts: &mut Parts<'_>, turn: Turn, outcome: &Result<(), String>, waiting: usize) {
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
    let Parts { cx, muds, clients, journal, waiting, searches, .. } = parts;
    let Some(question) = waiting.question(ticket) else { return };
    searches.remove(ticket);
    let outcome = match question {
        Question::Search => Err(Fault::gateway(&reason::NO_ANSWER, "the search took too long")),
        Question::Who { .. }
        | Question::Finger { .. }
        | Question::Locate { .. }
        | Question::ChanUser { .. } => {
            Err(Fault::gateway(&reason::NO_ANSWER, "no answer in time: try again, or with a longer timeout"))
        }
        Question::Saved { .. } => {
            Err(Fault::gateway(&reason::NOT_SAVED, "not saved in time: it may be forgotten at a restart"))
        }
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

/// Reports the shutdown to every session, and logs off from the routers.
pub(crate) fn shut_down(cx: &mut Cx<'_>, muds: &mut crate::muds::Muds, out: &mut Delivery<'_>) {
    let shutdown = Shutdown { message: "The gateway shuts down" };
    out.emit(cx, To::All, &Event::ShutdownWarning(shutdown));
    for mud in muds.ids() {
        muds.expire(cx, mud, Duration::ZERO, "the gateway shuts down");
        muds.stop(cx, mud);
    }
}
