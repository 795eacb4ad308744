//! The lists that a router sends, and the method that returns the mudlist.

use super::call::Call;
use super::method::{Access, methods};
use super::page::{Page, looked_at};
use crate::cx::Cx;
use crate::delivery::{Delivery, To};
use crate::describe::macros::{output, params};
use crate::describe::values::{Filled, OrNull};
use crate::event::Event;
use crate::event::told::{ChannelChanged, MudChanged, MudRow};
use crate::fault::Fault;
use crate::fault::reason::BACKLOG_FULL;
use crate::i3::packet::{ChannelEntry, Mapping, MudEntry};
use crate::ids::MudId;
use crate::muds::Muds;
use crate::network::KnownMud;
use crate::network::mudlist::{MudChange, ServiceValue, Status};
use crate::settings::Permission;
use crate::waiting::{Hosted, HostedStatus, Question, Reply, Success, Waiting};

params! {
    /// The parameters of `mudlist`.
    pub(super) struct ListMuds<'a> {
        /// accepted for old clients, without effect; routers send every change unasked
        refresh: bool = false,
        /// which muds to list
        filter: Option<MudFilter<'a>>,
        /// only muds after this name: the `next` of the answer before
        after: Option<Filled<'a>>,
    }

    /// Selects muds of the list.
    pub(super) struct MudFilter<'a> {
        /// `up` or `down`
        status: Option<Filled<'a>>,
        /// a part of the driver's name, in any case
        driver: Option<Filled<'a>>,
        /// a service that the mud offers
        has_service: Option<Filled<'a>>,
        /// a part of the mud's name, in any case
        name: Option<Filled<'a>>,
    }
}

output! {
    /// The result of `mudlist`.
    pub(super) struct ListedMuds<'m> {
        /// always `success`
        status: Success,
        /// sorted by name
        muds: Vec<MudRow<'m>>,
        /// number of muds in this answer
        count: usize,
        /// true: the answer is full, and there are more muds
        more: Option<bool>,
        /// where the rest begins: `after` of the next request
        next: Option<&'m str>,
    }
}

methods! {
    /// Lists the muds of the network.
    "mudlist" (Access::Permitted(Permission::Info)) ListMuds<'_> => [ListedMuds] &[&BACKLOG_FULL],
        |parts, call, args| mudlist(parts.muds, call, args);
}

impl MudFilter<'_> {
    fn takes(&self, name: &str, mud: &KnownMud) -> bool {
        let holds = |text: &str, wanted: &str| text.to_lowercase().contains(&wanted.to_lowercase());
        let has_status = match self.status.as_deref() {
            None => true,
            Some("up" | "online") => mud.status == Status::Up,
            Some("down" | "offline") => mud.status == Status::Down,
            Some(_) => false,
        };
        let offers = |wanted: &str| mud.services.get(wanted).is_some_and(ServiceValue::is_on);
        has_status
            && self.driver.as_deref().is_none_or(|wanted| holds(&mud.driver, wanted))
            && self.has_service.as_deref().is_none_or(offers)
            && self.name.as_deref().is_none_or(|wanted| holds(name, wanted))
    }
}

/// Routers have no request for the list and send every change unasked, so `refresh` has no effect.
fn mudlist<'m>(muds: &'m Muds, call: &Call, args: ListMuds<'_>) -> Result<ListedMuds<'m>, Fault> {
    let mud = call.caller()?.mud;
    let (_, filter) = (args.refresh, args.filter);
    let known = muds[mud].lists.muds().iter_after(args.after.as_deref().unwrap_or_default());
    let wanted = looked_at(call, known)
        .filter(|(name, mud)| filter.as_ref().is_none_or(|filter| filter.takes(name, mud)));
    let Page { rows, has_more } = Page::of(call, wanted.map(|(name, mud)| MudRow::new(name, mud)));
    let next = rows.last().filter(|_| has_more).map(|last| last.name);
    Ok(ListedMuds { status: Success::Success, count: rows.len(), muds: rows, more: next.map(|_| true), next })
}

/// Handles a mudlist packet: merges and saves it, and announces muds that went up or down.
pub(super) fn mudlist_received(
    cx: &mut Cx<'_>,
    muds: &mut Muds,
    out: &mut Delivery<'_>,
    mud: MudId,
    (id, entries): (i64, &Mapping<'_, Option<MudEntry<'_>>>),
) {
    let (changed, saves) = muds[mud].lists.apply_muds(&cx.settings.mud(mud).name, id, entries);
    cx.save(saves);
    for change in changed {
        announce(cx, muds, out, mud, &change);
    }
}

fn announce(cx: &mut Cx<'_>, muds: &Muds, out: &mut Delivery<'_>, mud: MudId, change: &MudChange) {
    let lists = &muds[mud].lists;
    let is_quiet = change.before.is_none() && !lists.is_news(cx.now.mono);
    if change.name == cx.settings.mud(mud).name || is_quiet {
        return;
    }
    // A mud that was unknown before and is down has not gone down now.
    let (before, after) = (change.before.unwrap_or(Status::Down), change.after.unwrap_or(Status::Down));
    if before == after {
        return;
    }
    let info = lists.muds().get(&change.name).map(|info| MudRow::new(&change.name, info));
    let changed = MudChanged { mud_name: &change.name, status: after, info: OrNull(info) };
    let event = if after == Status::Up { Event::MudOnline(changed) } else { Event::MudOffline(changed) };
    out.emit(cx, To::Readers(mud), &event);
}

/// Handles a chanlist-reply: merges and saves it. Channels that come or go after the login are announced.
pub(super) fn chanlist_received(
    cx: &mut Cx<'_>,
    muds: &mut Muds,
    waiting: &mut Waiting,
    out: &mut Delivery<'_>,
    mud: MudId,
    (id, entries): (i64, &Mapping<'_, Option<ChannelEntry<'_>>>),
) {
    let name = &cx.settings.mud(mud).name;
    let (changed, saves) = muds[mud].lists.apply_channels(cx.now.mono, name, id, entries);
    cx.save(saves);
    for (channel, entry) in changed {
        waiting.answer(cx, |question| agreed(question, mud, &channel, entry.is_some()));
        if entry.is_some() && !muds[mud].lists.is_channel_news(cx.now.mono) {
            continue;
        }
        let changed = ChannelChanged {
            channel: &channel,
            owner: entry.as_ref().map_or("", |entry| &entry.owner),
            channel_type: entry.as_ref().map_or(0, |entry| entry.channel_type),
        };
        let event =
            if entry.is_some() { Event::ChannelAdded(changed) } else { Event::ChannelRemoved(changed) };
        out.emit(cx, To::Readers(mud), &event);
    }
}

/// Returns the result for a request about a channel, if the list now shows what the request wanted.
fn agreed(question: &Question, mud: MudId, name: &str, is_there: bool) -> Option<Result<Reply, Fault>> {
    let Question::Verdict { mud: at, message_id, channel, there } = question else { return None };
    let is_so = *at == mud && channel == name && *there == Some(is_there);
    is_so.then(|| {
        Ok(Reply::Hosted(Hosted {
            status: HostedStatus::Success,
            channel: channel.clone(),
            message_id: message_id.clone(),
        }))
    })
}
