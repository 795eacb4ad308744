//! What somebody who looks after the gateway wants to see first, and how a text looks to those who read it.

use super::admin::{RouterStatus, holder};
use super::call::Call;
use super::method::{Access, NoParams, methods};
use super::parts::Parts;
use crate::colour::{TextStyle, render, to_pinkfish};
use crate::describe::datum::Datum;
use crate::describe::macros::{output, params, words};
use crate::describe::shape::{Described, Shape};
use crate::describe::values::{Filled, OrNull, Parameter, Wrong};
use crate::fault::Fault;
use crate::fault::reason::BACKLOG_FULL;
use crate::hour::Minute;
use crate::ids::MudId;
use crate::muds::Mud;
use crate::saves::Saves;
use crate::settings::Permission;
use crate::time::UnixTime;
use crate::waiting::Success;
use std::time::Duration;

/// The longest text of `text_preview`, in bytes.
const PREVIEW_BYTES_MAX: usize = 16_384;

/// The work of converting one byte of a text, in all forms.
const PREVIEW_WORK: usize = 8;

params! {
    /// The parameters of `text_preview`.
    pub(super) struct Preview<'a> {
        /// the text, with colours in pinkfish (`%^RED%^`), in ANSI, or in the codes of mIRC
        text: Sample<'a>,
    }
}

/// A text that may hold any characters: escape sequences are what somebody wants to see.
#[derive(Clone, Debug)]
pub(super) struct Sample<'a>(Filled<'a>);

impl Described for Sample<'_> {
    const SHAPE: Shape = Shape::Short(PREVIEW_BYTES_MAX);
}

impl<'a> Parameter<'a> for Sample<'a> {
    fn read(value: Datum<'a>) -> Result<Self, Wrong> {
        let text = Filled::read(value)?;
        if text.len() > PREVIEW_BYTES_MAX {
            return Err(Wrong::must(format!("may have at most {PREVIEW_BYTES_MAX} bytes")));
        }
        Ok(Sample(text))
    }
}

output! {
    /// The result of `overview`.
    pub(super) struct Overview<'m> {
        /// always `success`
        status: Success,
        /// the version of the gateway
        version: &'static str,
        /// where several nodes share the muds: the name of this node
        node: Option<&'m str>,
        /// seconds since the gateway was started
        uptime: f64,
        /// what the caller's key may do; `*` means all
        permissions: Vec<&'static str>,
        /// whether the caller's mud has a router link here, without which a session may not speak
        may_speak: bool,
        /// the muds that this gateway speaks for, as far as the caller may see them
        identities: Vec<Identity<'m>>,
        /// the minutes of the last hour in which something came in, oldest first; the last one is not over yet
        minutes: Vec<MinuteRow>,
        /// what waits
        queues: Queues,
        /// what is doubtful about the settings; empty without the permission `admin` for the gateway's own mud
        warnings: Vec<&'m str>,
    }

    /// A mud that the gateway speaks for.
    pub(super) struct Identity<'m> {
        /// the mud
        mud_name: &'m str,
        /// whether the router link is ready
        connected: bool,
        /// the router link
        router: RouterStatus<'m>,
        /// where several nodes share the muds: the name of the node that holds the router link; null: none does
        holder: Option<OrNull<&'m str>>,
        /// the routers in the order in which they are tried
        routers: Vec<RouterPlace<'m>>,
        /// packets that wait for the router
        waiting_packets: usize,
        /// bytes of these packets
        waiting_bytes: usize,
        /// known muds that are up
        online_muds: usize,
        /// known channels
        channel_count: usize,
        /// bans
        ban_count: usize,
        /// local users who are online, as the game has published them
        local_users: usize,
    }

    /// A router of a mud.
    pub(super) struct RouterPlace<'m> {
        /// its name
        name: &'m str,
        /// its address
        host: &'m str,
        /// its port
        port: u32,
        /// whether the link uses it, or is trying it
        in_use: bool,
    }

    /// One minute.
    pub(super) struct MinuteRow {
        /// when it began
        timestamp: UnixTime,
        /// packets from routers
        packets_received: u64,
        /// packets to routers
        packets_sent: u64,
        /// requests of clients
        requests: u64,
        /// events for clients, counted for each recipient
        events: u64,
        /// the mean time, in milliseconds, of requests that waited for the network or the store; null: none did
        answer_ms: OrNull<f64>,
        /// the greatest delay of the gateway's loop, in milliseconds
        lag_ms: f64,
    }

    /// What waits in the gateway.
    pub(super) struct Queues {
        /// requests that wait for an answer from the network or the store
        waiting_requests: usize,
        /// bytes queued or in transit for all connections
        pending_bytes: usize,
        /// changes that are not saved yet
        unsaved_changes: usize,
        /// events that are kept for the history and for games that are away
        kept_events: usize,
        /// bytes of these events
        kept_bytes: usize,
        /// whether the store accepts changes
        storage: Storage,
        /// identified sessions
        session_count: usize,
    }

    /// The result of `text_preview`.
    pub(super) struct Previewed {
        /// always `success`
        status: Success,
        /// as a client reads it that asks for `raw`
        raw: String,
        /// without colours
        plain: String,
        /// with colours for a terminal
        ansi: String,
        /// as HTML
        html: String,
        /// as it goes to the network if a client sends it
        sent: String,
    }
}

words! {
    /// Whether the store accepts changes.
    pub(super) enum Storage {
        /// It does.
        Good = "good",
        /// It does not.
        Failing = "failing",
    }
}

methods! {
    /// Reports the router links, the last hour, and what waits. A key of the gateway's own mud sees the links of all muds.
    "overview" (Access::Identified) NoParams => [Overview] &[&BACKLOG_FULL],
        |parts, call, _args| overview(parts, call);
    /// Returns a text in each of the forms in which clients read texts.
    "text_preview" (Access::Identified) Preview<'_> => [Previewed] &[&BACKLOG_FULL],
        |_parts, call, args| preview(call, &args);
}

fn overview<'m>(parts: &'m Parts<'_>, call: &Call) -> Result<Overview<'m>, Fault> {
    let (caller, cx) = (call.caller()?, &parts.cx);
    let sees_all = caller.is_of_own_mud();
    let muds = parts.muds.iter().filter(|(mud, _)| sees_all || *mud == caller.mud);
    let identities: Vec<Identity<'m>> = muds.map(|(mud, one)| identity(parts, mud, one)).collect();
    call.worked(identities.len() * 512);
    let warnings = match sees_all && caller.permissions.has(Permission::Admin) {
        true => cx.settings.api.warnings.iter().map(String::as_str).collect(),
        false => Vec::new(),
    };
    Ok(Overview {
        status: Success::Success,
        version: env!("CARGO_PKG_VERSION"),
        node: cx.settings.node.as_ref().map(|node| &*node.name),
        uptime: cx.now.mono.since(parts.run.started).as_secs_f64(),
        permissions: caller.permissions.names(),
        may_speak: caller.may_speak,
        identities,
        minutes: parts.run.hour.minutes(cx.metrics).into_iter().map(minute).collect(),
        queues: queues(parts),
        warnings,
    })
}

fn identity<'m>(parts: &'m Parts<'_>, mud: MudId, one: &'m Mud) -> Identity<'m> {
    let cx = &parts.cx;
    let settings = cx.settings.mud(mud);
    let current = one.link.router();
    let (packets, bytes) =
        one.pacer.depths().fold((0, 0), |sum, (_, packets, bytes)| (sum.0 + packets, sum.1 + bytes));
    let place = |router: &'m crate::settings::RouterSettings| RouterPlace {
        name: &router.name,
        host: &router.host,
        port: u32::from(router.port),
        in_use: router == current,
    };
    let mut routers: Vec<RouterPlace<'m>> = settings.routers.iter().map(place).collect();
    // A router may have sent the link to another one.
    if !routers.iter().any(|router| router.in_use) {
        routers.push(place(current));
    }
    Identity {
        mud_name: &settings.name,
        connected: one.link.is_ready(),
        router: RouterStatus::of(cx, &one.link),
        holder: holder(cx, parts.nodes, mud).map(OrNull),
        routers,
        waiting_packets: packets,
        waiting_bytes: bytes,
        online_muds: one.lists.muds().online(),
        channel_count: one.lists.channels().len(),
        ban_count: one.bans.len(),
        local_users: one.presence.len(),
    }
}

fn queues(parts: &Parts<'_>) -> Queues {
    let saves = parts.cx.fx.saves();
    let (kept_events, kept_bytes) = parts.journal.size();
    Queues {
        waiting_requests: parts.waiting.len(),
        pending_bytes: parts.cx.fx.total_pending_bytes(),
        unsaved_changes: saves.map_or(0, Saves::waiting),
        kept_events,
        kept_bytes,
        storage: if saves.is_some_and(Saves::is_failing) { Storage::Failing } else { Storage::Good },
        session_count: parts.clients.active(),
    }
}

fn millis(time: Duration) -> f64 {
    // Microseconds are exact enough, and short as text.
    time.as_micros() as f64 / 1e3
}

fn minute(one: Minute) -> MinuteRow {
    MinuteRow {
        timestamp: one.at,
        packets_received: one.received,
        packets_sent: one.sent,
        requests: one.requests,
        events: one.events,
        answer_ms: OrNull(one.wait.map(millis)),
        lag_ms: millis(one.lag),
    }
}

fn preview(call: &Call, args: &Preview<'_>) -> Result<Previewed, Fault> {
    call.caller()?;
    let text: &str = &args.text.0;
    call.worked(text.len() * PREVIEW_WORK);
    let read = |style| render(text, style).into_owned();
    Ok(Previewed {
        status: Success::Success,
        raw: read(TextStyle::Raw),
        plain: read(TextStyle::Plain),
        ansi: read(TextStyle::Ansi),
        html: read(TextStyle::Html),
        sent: to_pinkfish(text).into_owned(),
    })
}
