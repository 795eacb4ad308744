//! Channels: subscriptions, and the channel list.

use super::bouncer;
use super::call::Call;
use super::method::{Access, methods};
use super::page::{Page, looked_at};
use super::parts::Parts;
use super::text::{did_you_mean, nearest};
use crate::clients::rates::Holder;
use crate::clients::{Clients, Identified, Joined, keys};
use crate::cx::Cx;
use crate::delivery::{Delivery, To};
use crate::describe::macros::{output, params, words};
use crate::describe::values::{Filled, Name};
use crate::event::Event;
use crate::event::told::Subscriber;
use crate::fault::Fault;
use crate::fault::reason::{BACKLOG_FULL, QUEUE_FULL, ROUTER_DOWN};
use crate::i3::packet::{Body, Header, Packet};
use crate::ids::MudId;
use crate::link::pacer::Priority;
use crate::machine::ConnId;
use crate::muds::Muds;
use crate::network::NAME_BYTES_MAX;
use crate::notice::{Level, Notice};
use crate::settings::Permission;
use crate::waiting::Success;
use std::collections::BTreeSet;

/// Number of channels that one session may subscribe to.
pub const CHANNELS_PER_SESSION_MAX: usize = 500;

params! {
    /// The parameters of `channel_join`.
    pub(super) struct Join<'a> {
        /// the channel's exact name
        channel: Name<'a>,
        /// receive the channel's lines, but do not speak
        listen_only: bool = false,
    }

    /// The parameters of `channel_leave`.
    pub(super) struct Leave<'a> {
        /// the channel's exact name
        channel: Name<'a>,
    }

    /// The parameters of `channel_list`.
    pub(super) struct ListChannels<'a> {
        /// ask the router for the list again; changes arrive as events
        refresh: bool = false,
        /// which channels to list
        filter: Option<ChannelFilter<'a>>,
        /// only channels after this name: the `next` of the answer before
        after: Option<Filled<'a>>,
    }

    /// Selects channels of the list.
    pub(super) struct ChannelFilter<'a> {
        /// only channels of this type
        channel_type as "type": Option<i64>,
        /// only channels of this mud
        owner: Option<Filled<'a>>,
        /// only channels with at least this many local subscribers
        min_members: i64 = 0,
    }
}

output! {
    /// The result of `channel_join`.
    pub(super) struct JoinedChannel<'a> {
        /// always `joined`
        status: JoinedStatus,
        /// as given
        channel: Name<'a>,
        /// if the list of channels does not have it: a text that says so, with the most similar names
        warning: Option<String>,
    }

    /// The result of `channel_leave`.
    pub(super) struct LeftChannel<'a> {
        /// always `left`
        status: LeftStatus,
        /// as given
        channel: Name<'a>,
    }

    /// The result of `channel_list`.
    pub(super) struct Channels<'m> {
        /// always `success`
        status: Success,
        /// sorted by name
        channels: Vec<ChannelRow<'m>>,
        /// number of channels in this answer
        count: usize,
        /// true: the answer is full, and there are more channels
        more: Option<bool>,
        /// where the rest begins: `after` of the next request
        next: Option<&'m str>,
        /// the channels that this session subscribes to
        subscribed_channels: Vec<String>,
    }

    /// A channel of the network.
    pub(super) struct ChannelRow<'m> {
        /// its exact name
        name: &'m str,
        /// the mud that created it
        owner: &'m str,
        /// 0: open to all muds but the banned; 1: open to admitted muds only; 2: filtered
        channel_type as "type": i64,
        /// number of sessions of this gateway that subscribe to it, on all its nodes
        member_count: usize,
    }
}

words! {
    /// The only status of `channel_join`.
    pub(super) enum JoinedStatus {
        /// The session subscribes to the channel.
        Joined = "joined",
    }

    /// The only status of `channel_leave`.
    pub(super) enum LeftStatus {
        /// The session no longer subscribes to the channel.
        Left = "left",
    }
}

methods! {
    /// Subscribes this session to a channel.
    "channel_join" (Access::Permitted(Permission::Channel)) Join<'_> => [JoinedChannel] &[&QUEUE_FULL],
        |parts, call, args| {
            let mut out = Delivery { clients: parts.clients, journal: parts.journal };
            join(&mut parts.cx, parts.muds, &mut out, call, args)
        };
    /// Ends this session's subscription to a channel.
    "channel_leave" (Access::Permitted(Permission::Channel)) Leave<'_> => [LeftChannel] &[],
        |parts, call, args| {
            let mut out = Delivery { clients: parts.clients, journal: parts.journal };
            leave(&mut parts.cx, parts.muds, &mut out, call, args)
        };
    /// Lists the channels of the network.
    "channel_list" (Access::Permitted(Permission::Info)) ListChannels<'_> => [Channels] &[&ROUTER_DOWN, &QUEUE_FULL, &BACKLOG_FULL],
        |parts, call, args| list(&mut parts.cx, parts.muds, parts.clients, call, &args);
}

fn join<'a>(
    cx: &mut Cx<'_>,
    muds: &mut Muds,
    out: &mut Delivery<'_>,
    call: &Call,
    args: Join<'a>,
) -> Result<JoinedChannel<'a>, Fault> {
    let caller = call.caller()?;
    let how = if args.listen_only { Joined::ListenOnly } else { Joined::Fully };
    subscribe(cx, muds, out, (call.conn(), caller), &args.channel, how)?;
    let warning = warning_of(cx, muds, caller.mud, &args.channel);
    Ok(JoinedChannel { status: JoinedStatus::Joined, channel: args.channel, warning })
}

/// Returns what to say of a channel that the network does not have, once its list is complete. It may be created later.
pub(crate) fn warning_of(cx: &Cx<'_>, muds: &Muds, mud: MudId, channel: &str) -> Option<String> {
    let channels = muds[mud].lists.channels();
    if channels.get(channel).is_some() || !muds[mud].link.is_ready() || !channels.is_settled(cx.now.mono) {
        return None;
    }
    let nearest = nearest(channel, channels.iter().map(|(name, _)| name));
    Some(format!("the network has no channel {channel:?}{}", did_you_mean(&nearest)))
}

/// Subscribes a session to a channel. If this fails, nothing has changed.
fn subscribe(
    cx: &mut Cx<'_>,
    muds: &mut Muds,
    out: &mut Delivery<'_>,
    (conn, caller): (ConnId, &Identified),
    channel: &str,
    how: Joined,
) -> Result<(), Fault> {
    let mud = caller.mud;
    let Some(session) = out.clients.get_mut(conn) else {
        return Err(Fault::params("the session has ended"));
    };
    if session.channels.len() >= CHANNELS_PER_SESSION_MAX && !session.channels.contains_key(channel) {
        let text = format!("a session may subscribe to at most {CHANNELS_PER_SESSION_MAX} channels");
        return Err(Fault::params(text));
    }
    if session.channels.insert(channel.to_owned(), how).is_some() {
        return Ok(());
    }
    // The router is asked once for each mud, not once for each client. While the link is down, the next login does it.
    let begins = out.clients.audience.add(mud, channel, conn);
    let is_set = cx.settings.mud(mud).channels.iter().any(|set| set == channel);
    // Who asks for a channel that the router has refused before wants to know whether it still does.
    let again = muds[mud].lists.try_channel_again(channel);
    // At another node the holder of the mud listens as soon as it learns of the subscriber.
    if (begins && !is_set || again)
        && tunes(cx, muds, mud)
        && let Err(fault) = listen(cx, muds, mud, channel, true)
    {
        out.clients.audience.remove(mud, channel, conn);
        if let Some(session) = out.clients.get_mut(conn) {
            session.channels.remove(channel);
        }
        return Err(fault);
    }
    out.clients.changed(conn);
    let joined = Subscriber { channel, session_id: &caller.session_id };
    out.emit(cx, To::MudExcept(mud, &[conn]), &Event::ChannelJoined(joined));
    out.channel_joined(cx, conn, mud, channel);
    Ok(())
}

/// Whether this node listens to channels for a mud, and leaves them: it holds the mud, and the router is there.
fn tunes(cx: &Cx<'_>, muds: &Muds, mud: MudId) -> bool {
    muds[mud].link.is_ready() && cx.fx.holds(&cx.settings.mud(mud).name)
}

/// Handles a session at another node that has subscribed to a channel.
pub(super) fn joined_elsewhere(
    cx: &mut Cx<'_>,
    muds: &mut Muds,
    out: &mut Delivery<'_>,
    mud: MudId,
    joined: Subscriber<'_>,
) {
    let channel = joined.channel;
    let begins = out.clients.audience.add_elsewhere(mud, channel);
    let is_set = cx.settings.mud(mud).channels.iter().any(|set| set == channel);
    let again = muds[mud].lists.try_channel_again(channel);
    if (begins && !is_set || again) && tunes(cx, muds, mud) {
        listen_or_report(cx, muds, mud, channel, true);
    }
    out.emit(cx, To::Mud(mud), &Event::ChannelJoined(joined));
}

/// Handles a session at another node that has left a channel.
pub(super) fn left_elsewhere(
    cx: &mut Cx<'_>,
    muds: &mut Muds,
    out: &mut Delivery<'_>,
    mud: MudId,
    left: Subscriber<'_>,
) {
    if out.clients.audience.remove_elsewhere(mud, left.channel) {
        leave_for_good(cx, muds, mud, left.channel);
    }
    out.emit(cx, To::Mud(mud), &Event::ChannelLeft(left));
}

/// Subscribes a session to the channels that the settings name for it, once, when it has been identified and its role is
/// known: those of its key, or else, if it speaks for the game, those of its mud. So a game that cannot join by itself is
/// on its channels after each restart.
pub(crate) fn join_set(cx: &mut Cx<'_>, muds: &mut Muds, out: &mut Delivery<'_>, conn: ConnId) {
    let Some(session) = out.clients.get_mut(conn) else { return };
    let Some(identity) = session.identity.clone() else { return };
    if std::mem::replace(&mut session.has_set_channels, true) || !session.may(Some(Permission::Channel)) {
        return;
    }
    let key = match (identity.holder, &cx.settings.api.keys) {
        (Holder::Key(digest), Some(known)) => keys::find_digest(known, &digest),
        _ => None,
    };
    let channels = match key.and_then(|key| key.channels.as_ref()) {
        Some(channels) => channels.clone(),
        None if session.is_game() => cx.settings.mud(identity.mud).channels.clone(),
        None => Vec::new(),
    };
    for channel in channels {
        if let Err(fault) = subscribe(cx, muds, out, (conn, &identity), &channel, Joined::Fully) {
            let notice =
                Notice::new(Level::Warn, "api", "could not join a session to a channel of the settings");
            cx.notice(notice.with("channel", &channel).with("reason", fault.message));
        }
    }
}

fn leave<'a>(
    cx: &mut Cx<'_>,
    muds: &mut Muds,
    out: &mut Delivery<'_>,
    call: &Call,
    args: Leave<'a>,
) -> Result<LeftChannel<'a>, Fault> {
    leave_channel(cx, muds, out, (call.conn(), call.caller()?), &args.channel);
    Ok(LeftChannel { status: LeftStatus::Left, channel: args.channel })
}

/// Ends the subscription of a session to a channel, if it has one.
fn leave_channel(
    cx: &mut Cx<'_>,
    muds: &mut Muds,
    out: &mut Delivery<'_>,
    (conn, caller): (ConnId, &Identified),
    channel: &str,
) {
    let mud = caller.mud;
    if out.clients.get_mut(conn).and_then(|session| session.channels.remove(channel)).is_none() {
        return;
    }
    out.clients.changed(conn);
    out.channel_left(cx, conn, mud, channel);
    if out.clients.audience.remove(mud, channel, conn) {
        leave_for_good(cx, muds, mud, channel);
    }
    let left = Subscriber { channel, session_id: &caller.session_id };
    out.emit(cx, To::MudExcept(mud, &[conn]), &Event::ChannelLeft(left));
}

/// Tunes the session of a mud that speaks Intermud-3 in to a channel, or out.
pub(super) fn tuned(
    parts: &mut Parts<'_>,
    conn: ConnId,
    mud: MudId,
    channel: &str,
    on: bool,
) -> Result<(), Fault> {
    let Some(caller) = parts.clients.get(conn).and_then(|session| session.identity.clone()) else {
        return Ok(());
    };
    let mut out = Delivery { clients: parts.clients, journal: parts.journal };
    if !on {
        leave_channel(&mut parts.cx, parts.muds, &mut out, (conn, &caller), channel);
        return Ok(());
    }
    if channel.is_empty() || channel.len() > NAME_BYTES_MAX {
        return Err(Fault::params(format!("a channel's name has 1 to {NAME_BYTES_MAX} bytes")));
    }
    let had = out.clients.get(conn).is_some_and(|session| session.channels.contains_key(channel));
    // Who asks again wants to know what the router says now.
    let is_refused = parts.muds[mud].lists.refuses_channel(channel);
    if had && is_refused && parts.muds[mud].link.is_ready() {
        parts.muds[mud].lists.try_channel_again(channel);
        return listen(&mut parts.cx, parts.muds, mud, channel, true);
    }
    subscribe(&mut parts.cx, parts.muds, &mut out, (conn, &caller), channel, Joined::Fully)
}

/// Handles the end of a session that subscribed to a channel. If it was the last subscriber, the mud leaves the
/// channel: at once, or, while channel lines are kept for absent games, when no session has come back in that time.
pub(super) fn parted(
    cx: &mut Cx<'_>,
    muds: &mut Muds,
    out: &mut Delivery<'_>,
    mud: MudId,
    conn: ConnId,
    channel: &str,
) {
    let until = bouncer::stays_until(cx, muds, mud);
    if out.clients.audience.remove(mud, channel, conn) && !out.linger(cx, mud, channel, until) {
        leave_for_good(cx, muds, mud, channel);
    }
}

/// Handles the end of a session at another node that subscribed to a channel, as [`parted`] does.
pub(super) fn parted_elsewhere(
    cx: &mut Cx<'_>,
    muds: &mut Muds,
    out: &mut Delivery<'_>,
    mud: MudId,
    channel: &str,
) {
    let until = bouncer::stays_until(cx, muds, mud);
    if out.clients.audience.remove_elsewhere(mud, channel) && !out.linger(cx, mud, channel, until) {
        leave_for_good(cx, muds, mud, channel);
    }
}

/// Leaves a channel that no session subscribes to any more. One that the router has refused is not listened to.
pub(super) fn leave_for_good(cx: &mut Cx<'_>, muds: &mut Muds, mud: MudId, channel: &str) {
    if !muds[mud].lists.refuses_channel(channel)
        && tunes(cx, muds, mud)
        && !cx.settings.mud(mud).channels.iter().any(|set| set == channel)
    {
        // If the queue is full, the router goes on sending lines without a subscriber; the next login corrects that.
        let _ = listen(cx, muds, mud, channel, false);
    }
}

/// Handles that the router refuses to let this mud listen to a channel. It is not asked again before a session joins the
/// channel or the list shows it.
pub(super) fn refused(muds: &mut Muds, mud: MudId, channel: &str) {
    muds[mud].lists.refuse_channel(channel);
}

/// Ends the subscriptions of users with a session of their own who have just joined a channel that the router refuses.
/// Returns these sessions.
pub(super) fn denied(
    cx: &mut Cx<'_>,
    muds: &mut Muds,
    out: &mut Delivery<'_>,
    mud: MudId,
    channel: &str,
) -> Vec<ConnId> {
    let now = cx.now.mono;
    let has_just_joined = |conn: &ConnId| {
        let person = out.clients.get(*conn).and_then(|session| session.person.as_ref());
        person.is_some_and(|person| person.has_just_joined(channel, now))
    };
    let denied: Vec<ConnId> = out.clients.audience.of(mud, channel).filter(has_just_joined).collect();
    for conn in &denied {
        if let Some(caller) = out.clients.get(*conn).and_then(|session| session.identity.clone()) {
            leave_channel(cx, muds, out, (*conn, &caller), channel);
        }
    }
    denied
}

/// Handles a channel that is new in the list: listens to it if the router has refused it before.
pub(super) fn appeared(cx: &mut Cx<'_>, muds: &mut Muds, clients: &Clients, mud: MudId, channel: &str) {
    if !muds[mud].lists.try_channel_again(channel) {
        return;
    }
    let is_set = cx.settings.mud(mud).channels.iter().any(|set| set == channel);
    let is_heard = is_set || clients.audience.has(mud, channel) || clients.audience.lingers(mud, channel);
    if is_heard && tunes(cx, muds, mud) {
        // If the queue is full, the next login or join asks again.
        let _ = listen(cx, muds, mud, channel, true);
    }
}

/// After a login, listens again to all channels that have a subscriber or are in the settings, and that the router has not
/// refused.
pub(super) fn listen_again(cx: &mut Cx<'_>, muds: &mut Muds, clients: &Clients, mud: MudId) {
    let heard: BTreeSet<String> =
        clients.audience.channels(mud).chain(&cx.settings.mud(mud).channels).cloned().collect();
    let is_refused = |channel: &&String| muds[mud].lists.refuses_channel(channel);
    let heard: Vec<String> = heard.iter().filter(|channel| !is_refused(channel)).cloned().collect();
    for channel in heard {
        // These packets wait in the queue like all others. If the queue is full, a notice reports it, and the mud tunes
        // in when it next speaks.
        if let Err(fault) = tune(cx, muds, mud, &channel, true, Priority::Listening) {
            let notice = Notice::new(Level::Warn, "link", "could not listen to a channel");
            cx.notice(notice.with("channel", &channel).with("reason", fault.message));
        }
    }
}

/// Applies a changed list of channels from the settings. The mud listens to them whether or not a client has joined.
pub(super) fn retune(cx: &mut Cx<'_>, muds: &mut Muds, clients: &Clients, mud: MudId, before: &[String]) {
    if !tunes(cx, muds, mud) {
        return;
    }
    let now = cx.settings.mud(mud).channels.clone();
    let is_unheard =
        |channel: &&String| !clients.audience.has(mud, channel) && !clients.audience.lingers(mud, channel);
    let on: Vec<_> = now.iter().filter(|new| !before.contains(new)).filter(is_unheard).cloned().collect();
    let off: Vec<_> = before.iter().filter(|old| !now.contains(old)).filter(is_unheard).cloned().collect();
    for (channels, heard) in [(off, false), (on, true)] {
        for channel in channels {
            let was_refused = muds[mud].lists.try_channel_again(&channel);
            if was_refused && !heard {
                continue;
            }
            listen_or_report(cx, muds, mud, &channel, heard);
        }
    }
}

/// Listens to a channel, or leaves it. No client is there to be told if that fails.
fn listen_or_report(cx: &mut Cx<'_>, muds: &mut Muds, mud: MudId, channel: &str, on: bool) {
    if let Err(fault) = listen(cx, muds, mud, channel, on) {
        let notice = Notice::new(Level::Warn, "link", "could not start or stop listening to a channel");
        cx.notice(notice.with("channel", channel).with("reason", fault.message));
    }
}

fn listen(cx: &mut Cx<'_>, muds: &mut Muds, mud: MudId, channel: &str, on: bool) -> Result<(), Fault> {
    tune(cx, muds, mud, channel, on, Priority::Chatter)
}

fn tune(
    cx: &mut Cx<'_>,
    muds: &mut Muds,
    mud: MudId,
    channel: &str,
    on: bool,
    priority: Priority,
) -> Result<(), Fault> {
    let router = muds[mud].link.router().name.clone();
    let header = Header::to_mud(&cx.settings.mud(mud).name, None, &router);
    let body = Body::ChannelListen { channel: channel.into(), on: on.into() };
    muds.send(cx, mud, priority, &Packet { header, body }, None)
}

fn list<'m>(
    cx: &mut Cx<'_>,
    muds: &'m mut Muds,
    clients: &Clients,
    call: &Call,
    args: &ListChannels<'_>,
) -> Result<Channels<'m>, Fault> {
    let mud = call.caller()?.mud;
    if args.refresh {
        let router = muds[mud].link.router().name.clone();
        let header = Header::to_mud(&cx.settings.mud(mud).name, None, &router);
        muds.send(cx, mud, Priority::Query, &Packet { header, body: Body::ChanlistReq {} }, None)?;
    }
    let is_wanted = |row: &ChannelRow<'_>| {
        args.filter.as_ref().is_none_or(|filter| {
            filter.channel_type.is_none_or(|wanted| wanted == row.channel_type)
                && filter.owner.as_ref().is_none_or(|wanted| **wanted == *row.owner)
                && i64::try_from(row.member_count).unwrap_or(i64::MAX) >= filter.min_members
        })
    };
    let known = muds[mud].lists.channels().iter_after(args.after.as_deref().unwrap_or_default());
    let rows = looked_at(call, known).map(|(name, channel)| ChannelRow {
        name,
        owner: &channel.owner,
        channel_type: channel.channel_type,
        member_count: clients.audience.count(mud, name),
    });
    let Page { rows: channels, has_more } = Page::of(call, rows.filter(is_wanted));
    let next = channels.last().filter(|_| has_more).map(|last| last.name);
    let session = clients.get(call.conn());
    Ok(Channels {
        status: Success::Success,
        count: channels.len(),
        channels,
        more: next.map(|_| true),
        next,
        subscribed_channels: session.map(|one| one.channels.keys().cloned().collect()).unwrap_or_default(),
    })
}
