//! What comes from a router: which service a packet is for, and what follows from a link's state.

use super::{channel, host, lists, moderation, or_empty, query, refuse, tell, trace};
use crate::api::event;
use crate::api::json::Object;
use crate::api::rpc::Fault;
use crate::hub::{Hub, To};
use crate::i3::packet::{Body, Packet, PacketError, RouterEntry};
use crate::i3::{FrameError, Value, text};
use crate::link::LinkEvent;
use crate::machine::ConnId;
use crate::metrics::kind_label;
use crate::notice::{Level, Notice};
use crate::pending::Question;
use std::borrow::Cow;

/// Bytes of an unreadable frame that an operator is shown.
const SHOWN_BYTES_MAX: usize = 200;

/// Bytes from a router: frames, packets, services.
pub(crate) fn bytes(hub: &mut Hub, mud: usize, conn: ConnId, bytes: &[u8]) {
    hub.metrics.router_bytes_received += bytes.len() as u64;
    let mut deframer = None;
    let event = hub.with_link(mud, |link, now, _| {
        deframer = link.take_deframer(now, conn);
        None
    });
    debug_assert!(event.is_none());
    let Some(mut deframer) = deframer else { return };
    let mut input = bytes;
    loop {
        match deframer.next(&mut input) {
            Ok(Some([])) => {}
            Ok(Some(text)) => frame(hub, mud, text),
            Ok(None) => break,
            Err(error @ FrameError::TooLong { .. }) => {
                let event = hub.with_link(mud, |link, now, fx| link.broken(now, fx, error.to_string()));
                return link_event(hub, mud, event);
            }
        }
        // A packet may have ended the session that the rest of the bytes belongs to.
        if !hub.fx.is_open(conn) {
            return;
        }
    }
    hub.muds[mud].link.put_deframer(conn, deframer);
}

fn frame(hub: &mut Hub, mud: usize, text: &[u8]) {
    match Packet::decode(text) {
        Ok((packet, repairs)) => {
            hub.metrics.packets_received += 1;
            *hub.metrics.received_by_kind.entry(kind_label(packet.body.kind())).or_default() += 1;
            hub.metrics.bare_quotes_repaired += u64::from(repairs.bare_quotes);
            hub.metrics.latin1_strings += u64::from(repairs.latin1_strings);
            trace::received(hub, mud, &packet);
            if !moderation::keeps_out(hub, mud, &packet) {
                route(hub, mud, &packet);
            }
        }
        Err(error) => unreadable(hub, mud, text, error),
    }
}

/// The frame is lost, the link lives. CoffeeMud's router sends texts without their escapes, so on its network this is
/// normal life: told with a count, and each of them only to who looks for faults.
fn unreadable(hub: &mut Hub, mud: usize, text: &[u8], error: PacketError) {
    hub.metrics.frames_unreadable += 1;
    let one = &mut hub.muds[mud];
    let notice = |level| {
        Notice::new(level, "link", "unreadable frame dropped")
            .with("mud", &one.settings.name)
            .with("router", &one.link.router().name)
    };
    if let Some(times) = one.unreadable.again(hub.now.mono) {
        hub.fx.notice(notice(Level::Info).with("times", times));
    }
    let shown = String::from_utf8_lossy(&text[..text.len().min(SHOWN_BYTES_MAX)]).into_owned();
    hub.fx.notice(notice(Level::Debug).with("error", error).with("frame", shown));
}

fn route(hub: &mut Hub, mud: usize, packet: &Packet<'_>) {
    let header = &packet.header;
    let one = &hub.muds[mud];
    let from_router = header.from_mud.eq_ignore_ascii_case(&one.link.router().name);
    let from_self = header.from_mud == one.settings.name;
    let for_us = header.to_mud.as_ref().is_none_or(|to| *to == one.settings.name);
    match &packet.body {
        Body::StartupReply { routers, password } if from_router => {
            startup_reply(hub, mud, *password, routers);
        }
        Body::Mudlist { id, muds } if from_router => lists::mudlist_received(hub, mud, *id, muds),
        Body::ChanlistReply { id, channels } if from_router => {
            lists::chanlist_received(hub, mud, *id, channels);
        }
        Body::ChannelMessage { .. } | Body::ChannelEmote { .. } | Body::ChannelTargetedEmote { .. } => {
            channel::received(hub, mud, packet);
        }
        _ if !for_us => hub.metrics.packets_ignored += 1,
        Body::Tell { .. } | Body::Emoteto { .. } => tell::received(hub, mud, packet),
        Body::Beep { .. } if one.offers("beep") => tell::received(hub, mud, packet),
        // Our own question, come back: routers send broadcasts to everybody, and probes go to ourselves.
        Body::LocateReq { .. } if from_self => {}
        Body::AuthMudReq {} | Body::PingReq {} if from_self => hub.muds[mud].link.probe_answered(),
        Body::WhoReq {}
        | Body::FingerReq { .. }
        | Body::LocateReq { .. }
        | Body::ChanWhoReq { .. }
        | Body::ChanUserReq { .. }
        | Body::AuthMudReq {} => query::asked(hub, mud, packet),
        Body::ChanWhoReply { .. } => query::channel_members(hub, mud, packet),
        Body::ChanUserReply { .. } => query::user_shown(hub, mud, packet),
        Body::UcacheUpdate { .. } if !from_self => query::user_shown(hub, mud, packet),
        // A CoffeeMud router pings in its own name, where no answer can go.
        Body::PingReq {} if !from_router => query::asked(hub, mud, packet),
        Body::WhoReply { .. } | Body::FingerReply { .. } | Body::LocateReply { .. } => {
            query::answered(hub, mud, packet);
        }
        Body::Error { .. } => error(hub, mud, packet),
        Body::ChanFilterReq { channel, packet } if from_router => {
            host::filter_asked(hub, mud, channel, packet);
        }
        // Known or not, it is not served here. An error packet or a reply is never answered.
        Body::Unknown { .. } | Body::OobReq {} | Body::Beep { .. }
            if header.to_mud.is_some() && !from_router && !from_self =>
        {
            let text = format!("the packet type {} is not served here", packet.body.kind());
            refuse(hub, mud, packet, "unk-type", text);
        }
        _ => hub.metrics.packets_ignored += 1,
    }
}

fn startup_reply(hub: &mut Hub, mud: usize, password: i64, routers: &[RouterEntry<'_>]) {
    let router = hub.muds[mud].link.router().name.clone();
    let change = hub.muds[mud].keep_password(&router, password);
    let event = hub.with_link(mud, |link, now, fx| link.startup_reply(now, fx, change, routers));
    // Lists follow the startup-reply at once, whether or not the password is durable yet.
    let changes = hub.muds[mud].lists_of(hub.now.mono, &router);
    hub.save(changes);
    link_event(hub, mud, event);
}

/// What follows when a link becomes ready, or is no longer.
pub(crate) fn link_event(hub: &mut Hub, mud: usize, event: Option<LinkEvent>) {
    let router = hub.muds[mud].link.router().name.clone();
    match event {
        None => {}
        Some(LinkEvent::Probed) => hub.muds[mud].pacer.count(hub.now.mono, 1),
        Some(LinkEvent::Ready) => {
            hub.metrics.router_logins += 1;
            channel::listen_again(hub, mud);
            hub.pump(mud);
            let params = Object::default()
                .with("message", "Gateway reconnected to I3 router")
                .with("status", "connected")
                .with("router", &router)
                .with("reason", "logged in");
            hub.emit(To::Readers(mud), &event::GATEWAY_RECONNECTED, params);
        }
        Some(LinkEvent::Down) => {
            hub.metrics.router_failures += 1;
            let for_router = hub.muds[mud].pacer.take_for_router();
            hub.give_up(mud, for_router, "the router that it was for was lost");
            hub.pump(mud);
            let reason = hub.muds[mud].link.last_error().unwrap_or("on request").to_owned();
            let params = Object::default()
                .with("message", "Gateway disconnected from I3 router")
                .with("status", "disconnected")
                .with("router", &router)
                .with("reason", &reason);
            hub.emit(To::Readers(mud), &event::GATEWAY_DISCONNECTED, params);
        }
    }
}

/// What an error's copy of a packet tells of it.
struct Original {
    kind: String,
    from_user: String,
    to_mud: String,
    /// The first field after the header.
    about: String,
}

impl Original {
    fn read(packet: &Value<'_>) -> Self {
        let field = |at: usize| match packet {
            Value::Array(fields) => match fields.get(at) {
                Some(Value::Str(bytes)) => text::decode(Cow::Borrowed(bytes)).0.into_owned(),
                _ => String::new(),
            },
            _ => String::new(),
        };
        Original { kind: field(0), from_user: field(3), to_mud: field(4), about: field(6) }
    }

    /// Whether it is what a waiting request has sent.
    fn answers(&self, mud: usize, message_id: Option<&str>, question: &Question) -> bool {
        let by = |asker: &str| asker.eq_ignore_ascii_case(&self.from_user);
        match question {
            Question::Who { mud: at, of, asker, .. } => {
                *at == mud && self.kind == "who-req" && *of == self.to_mud && by(asker)
            }
            Question::Finger { mud: at, of, asker } => {
                *at == mud && self.kind == "finger-req" && *of == self.to_mud && by(asker)
            }
            Question::ChanUser { mud: at, of, user } => {
                *at == mud && self.kind == "chan-user-req" && *of == self.to_mud && *user == self.about
            }
            Question::Verdict { mud: at, message_id: sent, .. } => {
                *at == mud && Some(sent.as_str()) == message_id
            }
            // Of many muds asked, some refuse.
            Question::Locate { .. } | Question::ChanWho { .. } | Question::Saved { .. } => false,
        }
    }
}

/// What to do about another mud under our name.
const IN_USE_ELSEWHERE: &str = "somebody else tries to log in under this mud's name: look whether a second gateway or game \
    of yours uses it; if not, tell the router's administrator";

/// What to do about a login that is refused.
const LOGIN_REFUSED: &str = "the router refuses the login: compare mud.name and the router's name with what the router \
    knows; if the name is yours and the password was lost, ask the router's administrator to release it";

/// The mud's name is in danger, or not ours.
fn identity_warning(hub: &mut Hub, mud: usize, code: &str, message: &str, advice: &'static str) {
    hub.metrics.identity_warnings += 1;
    let notice = Notice::new(Level::Warn, "link", advice).with("mud", &hub.muds[mud].settings.name);
    hub.fx.notice(notice.with("code", code).with("text", message));
    let params =
        Object::default().with("error_code", &code).with("message", &message).with("advice", &advice);
    hub.emit(To::Mud(mud), &event::IDENTITY_WARNING, params);
}

/// Somebody could not do what we asked. Never answered.
fn error(hub: &mut Hub, mud: usize, packet: &Packet<'_>) {
    let Body::Error { code, message, packet: original } = &packet.body else { return };
    let about = Original::read(original);
    // Half the network does not answer a locate, and CoffeeMud's router takes no ucache-update: that is no news for
    // anybody. A Dead Souls router giggles at every answer to a chan-filter-req, and does what it says.
    let is_usual = matches!(&*about.kind, "locate-req" | "ucache-update")
        || (about.kind == "chan-filter-reply" && &**message == "*giggles*");
    if is_usual {
        hub.metrics.packets_ignored += 1;
        return;
    }
    if &**code == "bad-mojo" {
        return identity_warning(hub, mud, code, message, IN_USE_ELSEWHERE);
    }
    // A warning comes beside a startup-reply: the login goes on, under a new password.
    if hub.muds[mud].link.is_greeting() && about.kind.starts_with("startup-req") && &**code != "warning" {
        identity_warning(hub, mud, code, message, LOGIN_REFUSED);
        let reason = format!("refused: {message}");
        let event = hub.with_link(mud, |link, now, fx| link.refused(now, fx, reason));
        return link_event(hub, mud, event);
    }
    // The answer to our own probe: the connection lives and the registration does not.
    let from_router = packet.header.from_mud.eq_ignore_ascii_case(&hub.muds[mud].link.router().name);
    if from_router
        && &**code == "unk-src"
        && matches!(about.kind.as_str(), "auth-mud-req" | "ping-req")
        && about.to_mud == hub.muds[mud].settings.name
    {
        let reason = format!("the router does not know this mud any more: {message}");
        let event = hub.with_link(mud, |link, now, fx| link.broken(now, fx, reason));
        return link_event(hub, mud, event);
    }
    let message_id = hub.muds[mud].message_of(original).map(str::to_owned);
    let waiters = hub.answer_waiters(|question| {
        let refused = about.answers(mud, message_id.as_deref(), question);
        refused.then(|| Err(Fault::refused(code, format!("{}: {message}", packet.header.from_mud))))
    });
    let mut params = Object::default()
        .with("error_code", code)
        .with("error_message", message)
        .with("from_mud", &packet.header.from_mud)
        .with("to_mud", or_empty(packet.header.to_mud.as_ref()))
        .with("to_user", or_empty(packet.header.to_user.as_ref()))
        .with("context", "i3_packet_error");
    if let Some(message_id) = message_id {
        params.add("message_id", &message_id);
    }
    hub.emit(To::MudExcept(mud, &waiters), &event::ERROR_OCCURRED, params);
}
