//! Error packets: what other muds and routers could not do. An error packet is never answered.

use super::ask::subscribers;
use super::channel;
use super::text::{or_empty, spelled};
use crate::clients::Clients;
use crate::cx::Cx;
use crate::delivery::{Delivery, To};
use crate::event::Event;
use crate::event::told::{ErrorContext, ErrorOccurred, IdentityWarning, REFUSED_JOIN};
use crate::fault::{Fault, reason};
use crate::i3::packet::{Body, Packet, without_passwords};
use crate::i3::{Value, text};
use crate::ids::MudId;
use crate::link::pacer::Origin;
use crate::machine::ConnId;
use crate::muds::{Asked, Muds};
use crate::network::mudlist::Status;
use crate::notice::{Level, Notice};
use crate::waiting::{ChannelWhoStatus, Question, Reply, Waiting};
use std::borrow::Cow;

/// What is known of the packet that an error is about.
#[derive(Default)]
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

    /// The packet of a question.
    fn of(asked: &Asked) -> Self {
        let Asked { topic, of, asker, about } = asked.clone();
        Original { kind: topic.packet().to_owned(), from_user: asker, to_mud: of, about }
    }

    /// Whether a waiting request has sent this packet.
    fn answers(&self, mud: MudId, message_id: Option<&str>, question: &Question) -> bool {
        let by = |asker: &str| asker.eq_ignore_ascii_case(&self.from_user);
        let to = |of: &str| of.eq_ignore_ascii_case(&self.to_mud);
        match question {
            Question::Who { mud: at, of, asker, .. } => {
                *at == mud && self.kind == "who-req" && to(of) && by(asker)
            }
            Question::Finger { mud: at, of, asker } => {
                *at == mud && self.kind == "finger-req" && to(of) && by(asker)
            }
            Question::ChanUser { mud: at, of, user } => {
                *at == mud && self.kind == "chan-user-req" && to(of) && *user == self.about
            }
            Question::Verdict { mud: at, message_id: sent, .. } => {
                *at == mud && Some(sent.as_str()) == message_id
            }
            // A locate asks all muds, some of which always refuse. A channel_who may ask many: see `ends_channel_who`.
            Question::Locate { .. } | Question::ChanWho { .. } => false,
            Question::Saved { .. } | Question::HandedOver { .. } => false,
            Question::Search | Question::Store | Question::Drained | Question::Followed { .. } => false,
        }
    }

    /// Whether nobody needs to see an error like this. Half the network does not answer a locate, and CoffeeMud's
    /// router does not accept a ucache-update. A Dead Souls router answers "*giggles*" to every chan-filter-reply, but
    /// acts on it.
    fn is_usual(&self, message: &str) -> bool {
        matches!(&*self.kind, "locate-req" | "ucache-update")
            || (self.kind == "chan-filter-reply" && message == "*giggles*")
    }

    /// Whether it is a login.
    fn is_login(&self) -> bool {
        self.kind.starts_with("startup-req")
    }

    /// Whether it is a probe that a mud sent to itself.
    fn is_probe_of(&self, mud_name: &str) -> bool {
        matches!(self.kind.as_str(), "auth-mud-req" | "ping-req") && self.to_mud == mud_name
    }
}

/// Returns the packet that an error is about, and the id of the message that it was, if it was one.
///
/// CoffeeMud and LIMA send errors without the packet. Such an error is about the oldest question of that user to that mud, or
/// else about the user's last message to it. A router reports muds that cannot be reached: then it is about a mud that is not
/// known to be up. Muds refuse a locate in the same way, which is no news.
fn original(cx: &Cx<'_>, muds: &Muds, mud: MudId, packet: &Packet<'_>) -> (Original, Option<String>) {
    let Body::Error { code, packet: copy, .. } = &packet.body else { return Default::default() };
    let (one, now) = (&muds[mud], cx.now.mono);
    let shown = Original::read(copy);
    let user = or_empty(packet.header.to_user.as_ref());
    if !shown.kind.is_empty() || user.is_empty() {
        return (shown, one.sent.message_of(copy).map(str::to_owned));
    }
    let from = &packet.header.from_mud;
    let from_router = from.eq_ignore_ascii_case(&one.link.router().name);
    let is_up = |of: &str| one.lists.muds().get(of).is_some_and(|known| known.status == Status::Up);
    let may_be = |of: &str| if from_router { !is_up(of) } else { of.eq_ignore_ascii_case(from) };
    if let Some(asked) = one.questions.refused_unseen(now, user, &**code == "unk-user", may_be) {
        return (Original::of(asked), None);
    }
    if let Some(message_id) = one.sent.refused_unseen(now, user, may_be) {
        return (shown, Some(message_id.to_owned()));
    }
    let kind = if one.questions.has_locate(now, user) { "locate-req" } else { "" };
    (Original { kind: kind.to_owned(), ..shown }, None)
}

/// Ends what a channel_who waits for from a mud that refuses to answer, or that cannot be reached. Returns the clients whose
/// requests are answered by that: a request that names the mud with an error, any other with what is known.
fn ends_channel_who(
    cx: &mut Cx<'_>,
    muds: &Muds,
    waiting: &mut Waiting,
    clients: &Clients,
    (mud, original): (MudId, &Original),
    fault: &Fault,
) -> Vec<ConnId> {
    if original.kind != "chan-who-req" {
        return Vec::new();
    }
    let refused = &original.to_mud;
    let known = subscribers(cx, muds, clients, mud, &original.about, ChannelWhoStatus::Success);
    waiting.answer(cx, |question| match question {
        Question::ChanWho { mud: at, channel, open, named } if *at == mud && *channel == original.about => {
            let before = open.len();
            open.retain(|mud| !mud.eq_ignore_ascii_case(refused));
            let is_over = open.is_empty() && before > 0;
            is_over.then(|| if *named { Err(fault.clone()) } else { Ok(Reply::ChannelWho(known.clone())) })
        }
        _ => None,
    })
}

/// Number of bytes of a text from the network that the log and `status` show.
const SHOWN_BYTES_MAX: usize = 1_024;

fn shown(text: &str) -> &str {
    &text[..text.floor_char_boundary(SHOWN_BYTES_MAX)]
}

/// The advice when another mud uses the name of this mud.
const IN_USE_ELSEWHERE: &str = "somebody else tries to log in under this mud's name: look whether a second gateway or game \
    of yours uses it; if not, tell the router's administrator";

/// The advice when a login is refused.
const LOGIN_REFUSED: &str = "the router refuses the login: compare mud.name and the router's name with what the router \
    knows; if the name is yours and the password was lost, ask the router's administrator to release it";

/// Warns that another mud uses this mud's name, or that the name belongs to somebody else.
fn identity_warning(
    cx: &mut Cx<'_>,
    out: &mut Delivery<'_>,
    mud: MudId,
    (code, message): (&str, &str),
    advice: &'static str,
) {
    cx.metrics.identity_warnings += 1;
    let notice = Notice::new(Level::Warn, "link", advice).with("mud", &cx.settings.mud(mud).name);
    cx.notice(notice.with("code", shown(code)).with("text", shown(message)));
    let warning = IdentityWarning { error_code: code.into(), message: message.into(), advice: advice.into() };
    out.emit(cx, To::Mud(mud), &Event::IdentityWarning(warning));
}

/// Whether a router refuses to let this mud listen to a channel. A Dead Souls router refuses everything for some seconds,
/// with the same code, when a mud sends too much.
fn refuses_listening(code: &str, message: &str, copy: &Value<'_>) -> bool {
    let Value::Array(fields) = copy else { return false };
    let is_kind = matches!(fields.first(), Some(Value::Str(kind)) if **kind == *b"channel-listen");
    let begins = matches!(fields.get(7), Some(Value::Int(on)) if *on != 0);
    is_kind
        && begins
        && !is_flood(code, message)
        && matches!(code, "unk-channel" | "not-allowed" | "bad-channel")
}

/// Whether a router says that it drops a packet because the mud sends too much: a Dead Souls router has no code for that alone.
fn is_flood(code: &str, message: &str) -> bool {
    code == "not-allowed" && message.to_ascii_lowercase().contains("flood")
}

/// Returns the copy in an error packet in which the router of a mud says that it has dropped the packet as part of a flood.
pub(super) fn dropped_as_flood<'p>(muds: &Muds, mud: MudId, packet: &'p Packet<'_>) -> Option<&'p Value<'p>> {
    let Body::Error { code, message, packet: copy } = &packet.body else { return None };
    let from_router = packet.header.from_mud.eq_ignore_ascii_case(&muds[mud].link.router().name);
    (from_router && is_flood(code, message)).then_some(copy)
}

/// Handles an error packet.
pub(super) fn received(
    cx: &mut Cx<'_>,
    muds: &mut Muds,
    waiting: &mut Waiting,
    out: &mut Delivery<'_>,
    mud: MudId,
    packet: &Packet<'_>,
) {
    let Body::Error { code, message, packet: copy } = &packet.body else { return };
    let (mut original, message_id) = original(cx, muds, mud, packet);
    if original.is_usual(message) {
        cx.metrics.packets_ignored += 1;
        return;
    }
    // A router may say which password was wrong. Sessions and the log are not told.
    let secrets = muds[mud].secrets(cx.settings.mud(mud));
    let (code, message) = (&*without_passwords(code, &secrets), &*without_passwords(message, &secrets));
    let from_router = packet.header.from_mud.eq_ignore_ascii_case(&muds[mud].link.router().name);
    // Any mud can write such an error. Only the router knows.
    if code == "bad-mojo" && from_router {
        return identity_warning(cx, out, mud, (code, message), IN_USE_ELSEWHERE);
    }
    // A warning accompanies a startup-reply: the login continues, with a new password.
    if muds[mud].link.is_logging_in() && original.is_login() && code != "warning" {
        identity_warning(cx, out, mud, (code, message), LOGIN_REFUSED);
        return muds.link_refused(cx, mud, format!("refused: {}", shown(message)));
    }
    // The answer to the gateway's own probe: the connection works, but the router has lost the registration.
    if from_router && code == "unk-src" && original.is_probe_of(&cx.settings.mud(mud).name) {
        let reason = format!("the router does not know this mud any more: {}", shown(message));
        return muds.link_broken(cx, mud, reason);
    }
    let mut denied = Vec::new();
    if from_router && refuses_listening(code, message, copy) {
        channel::refused(muds, mud, &original.about);
        denied = channel::denied(cx, muds, out, mud, &original.about);
    }
    let closed = muds[mud].questions.refused(&original.kind, &original.to_mud, &original.from_user);
    // A CoffeeMud router loses the channel of a question.
    if let Some(closed) = closed.filter(|_| original.about.is_empty()) {
        original.about = closed.about;
    }
    let fault = Fault::refused(code, format!("{}: {message}", packet.header.from_mud));
    let mut waiters = ends_channel_who(cx, muds, waiting, out.clients, (mud, &original), &fault);
    waiters.extend(waiting.answer(cx, |question| {
        original.answers(mud, message_id.as_deref(), question).then(|| Err(fault.clone()))
    }));
    let error = ErrorOccurred {
        error_code: Cow::Borrowed(code),
        error_message: Cow::Borrowed(message),
        from_mud: Cow::Borrowed(&packet.header.from_mud),
        to_mud: Cow::Borrowed(or_empty(packet.header.to_mud.as_ref())),
        to_user: Cow::Borrowed(spelled(cx, muds, mud, or_empty(packet.header.to_user.as_ref()))),
        context: ErrorContext::Packet,
        message_id: message_id.map(Cow::Owned),
    };
    for conn in &denied {
        let person = out.clients.get(*conn).and_then(|session| session.person.as_ref());
        let to_user = person.map(|person| person.user.clone()).unwrap_or_default().into();
        let message_id = Some(format!("{REFUSED_JOIN}{}", original.about).into());
        let refused = ErrorOccurred { to_user, message_id, ..error.clone() };
        out.emit(cx, To::Session(*conn), &Event::ErrorOccurred(refused));
    }
    waiters.extend(denied);
    out.emit(cx, To::MudExcept(mud, &waiters), &Event::ErrorOccurred(error));
}

/// Handles an accepted packet that could not be sent. A request that waits for a verdict on it is answered at once,
/// since silence would mean consent. All other sessions of the mud get an event.
pub(super) fn not_sent(
    cx: &mut Cx<'_>,
    waiting: &mut Waiting,
    out: &mut Delivery<'_>,
    mud: MudId,
    origin: &Origin,
    why: &str,
) {
    let waiters = waiting.answer(cx, |question| match question {
        Question::Verdict { mud: at, message_id, .. } => {
            let is_it = *at == mud && origin.message_id.as_deref() == Some(&**message_id);
            is_it.then(|| Err(Fault::gateway(&reason::NOT_SENT, why)))
        }
        _ => None,
    });
    let error = ErrorOccurred {
        error_code: Cow::Borrowed("not-sent"),
        error_message: Cow::Borrowed(why),
        from_mud: Cow::Borrowed(""),
        to_mud: Cow::Borrowed(&cx.settings.mud(mud).name),
        to_user: Cow::Borrowed(&origin.from_user),
        context: ErrorContext::Queue,
        message_id: origin.message_id.as_deref().map(Cow::Borrowed),
    };
    out.emit(cx, To::MudExcept(mud, &waiters), &Event::ErrorOccurred(error));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::service::parts::testing::Stage;

    #[test]
    fn a_packet_that_could_not_be_sent_is_reported_to_its_mud() {
        let mut stage = Stage::default();
        let conn = stage.join(MudId::OWN);
        let origin = Origin { message_id: Some("tell_1".to_owned()), from_user: "ann".to_owned() };
        let mut parts = stage.parts();
        let mut out = Delivery { clients: parts.clients, journal: parts.journal };
        not_sent(&mut parts.cx, parts.waiting, &mut out, MudId::OWN, &origin, "the router is away");
        let text = stage.taken(conn);
        assert!(text.starts_with("error_occurred ") && text.contains(r#""message_id":"tell_1""#), "{text}");
    }
}
