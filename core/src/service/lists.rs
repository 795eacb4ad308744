//! The lists that a router sends, and the method that returns the mudlist.

use super::bouncer;
use super::call::Call;
use super::channel;
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
use crate::muds::{Lists, Muds};
use crate::network::KnownMud;
use crate::network::chanlist::Channel;
use crate::network::mudlist::{MudChange, ServiceValue, Status};
use crate::settings::Permission;
use crate::waiting::{Becomes, Hosted, HostedStatus, Question, Reply, Success, Waiting};
use std::collections::BTreeMap;

/// Number of events about one list. Each goes to every session, and a client that is behind gets fewer.
const ANNOUNCED_MAX: usize = 256;

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
    muds_of_packet: (i64, &Mapping<'_, Option<MudEntry<'_>>>),
) {
    let (changed, saves) = muds.apply_mudlist(mud, &cx.settings.mud(mud).name, muds_of_packet);
    cx.save(saves);
    bouncer::muds_changed(cx, muds, out.clients, mud, &changed);
    let (lists, own) = (&muds[mud].lists, &cx.settings.mud(mud).name);
    let tells_additions = lists.is_news(cx.now.mono);
    let others = changed.iter().filter(|change| change.name != *own);
    let news = others.filter(|change| change.before.is_some() || tells_additions);
    announce(cx, out, mud, news.filter_map(|change| news_of_mud(lists, change)));
}

/// Returns the event about a mud that went up or down.
fn news_of_mud<'m>(lists: &'m Lists, change: &'m MudChange) -> Option<Event<'m>> {
    // A mud that was unknown before and is down has not gone down now.
    let (before, after) = (change.before.unwrap_or(Status::Down), change.after.unwrap_or(Status::Down));
    if before == after {
        return None;
    }
    let info = lists.muds().get(&change.name).map(|info| MudRow::new(&change.name, info));
    let changed = MudChanged { mud_name: &change.name, status: after, info: OrNull(info) };
    Some(if after == Status::Up { Event::MudOnline(changed) } else { Event::MudOffline(changed) })
}

/// Reports the changes of one list. What exceeds the limit is counted as dropped, and the sessions are told how much they have missed.
fn announce<'e>(
    cx: &mut Cx<'_>,
    out: &mut Delivery<'_>,
    mud: MudId,
    mut news: impl Iterator<Item = Event<'e>>,
) {
    for event in news.by_ref().take(ANNOUNCED_MAX) {
        out.emit(cx, To::Readers(mud), &event);
    }
    if let Some(event) = news.next() {
        out.omit(cx, mud, event.kind(), 1 + news.count());
    }
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
    let there: BTreeMap<&str, bool> =
        changed.iter().map(|(channel, entry)| (channel.as_str(), entry.is_some())).collect();
    waiting.answer(cx, |question| agreed(question, mud, &there));
    for (channel, _) in changed.iter().filter(|(_, entry)| entry.is_some()) {
        channel::appeared(cx, muds, out.clients, mud, channel);
    }
    bouncer::channels_changed(cx, muds, out.clients, mud, &changed);
    let tells_additions = muds[mud].lists.is_channel_news(cx.now.mono);
    let news = changed.iter().filter(|(_, entry)| entry.is_none() || tells_additions);
    announce(cx, out, mud, news.map(|(channel, entry)| channel_changed(channel, entry.as_ref())));
}

/// Returns the event about a channel that was added, or removed if there is no entry.
fn channel_changed<'a>(channel: &'a str, entry: Option<&'a Channel>) -> Event<'a> {
    let changed = ChannelChanged {
        channel,
        owner: entry.map_or("", |entry| &entry.owner),
        channel_type: entry.map_or(0, |entry| entry.channel_type),
    };
    if entry.is_some() { Event::ChannelAdded(changed) } else { Event::ChannelRemoved(changed) }
}

/// Handles a request about a channel of this mud that the router has not refused. A CoffeeMud router answers in no other
/// way than by silence, and sends no list: so the gateway changes its own. Returns whether it did.
pub(super) fn consented(
    cx: &mut Cx<'_>,
    muds: &mut Muds,
    out: &mut Delivery<'_>,
    mud: MudId,
    channel: &str,
    becomes: Becomes,
) -> bool {
    if !muds[mud].behind_coffeemud || !muds[mud].link.is_ready() {
        return false;
    }
    let mud_name = &cx.settings.mud(mud).name;
    let entry = match becomes {
        Becomes::Listed(channel_type) => Some(Channel { owner: mud_name.clone(), channel_type, added: true }),
        Becomes::Unlisted => None,
    };
    if let Some(change) = muds[mud].lists.note_channel(mud_name, channel, entry.clone()) {
        cx.save([change]);
        out.emit(cx, To::Readers(mud), &channel_changed(channel, entry.as_ref()));
    }
    true
}

/// Returns the result for a request about a channel, if a change of the list is what the request wanted.
fn agreed(question: &Question, mud: MudId, changed: &BTreeMap<&str, bool>) -> Option<Result<Reply, Fault>> {
    let Question::Verdict { mud: at, message_id, channel, becomes: Some(becomes) } = question else {
        return None;
    };
    let is_there = changed.get(channel.as_str()).copied();
    let is_so = *at == mud && is_there == Some(matches!(becomes, Becomes::Listed(_)));
    is_so.then(|| {
        Ok(Reply::Hosted(Hosted {
            status: HostedStatus::Success,
            channel: channel.clone(),
            message_id: message_id.clone(),
        }))
    })
}
