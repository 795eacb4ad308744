//! Error packets: what other muds and routers could not do. An error packet is never answered.

use super::text::or_empty;
use crate::cx::Cx;
use crate::delivery::{Delivery, To};
use crate::event::Event;
use crate::event::told::{ErrorContext, ErrorOccurred, IdentityWarning};
use crate::fault::{Fault, reason};
use crate::i3::packet::{Body, Packet};
use crate::i3::{Value, text};
use crate::ids::MudId;
use crate::link::pacer::Origin;
use crate::muds::Muds;
use crate::notice::{Level, Notice};
use crate::waiting::{Question, Waiting};
use std::borrow::Cow;

/// What is read from the copy of a packet in an error.
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

    /// Whether a waiting request has sent this packet.
    fn answers(&self, mud: MudId, message_id: Option<&str>, question: &Question) -> bool {
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
            // These ask many muds, some of which always refuse.
            Question::Locate { .. } | Question::ChanWho { .. } => false,
            Question::Saved { .. } | Question::Search => false,
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
    cx.notice(notice.with("code", code).with("text", message));
    let warning = IdentityWarning { error_code: code.into(), message: message.into(), advice: advice.into() };
    out.emit(cx, To::Mud(mud), &Event::IdentityWarning(warning));
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
    let original = Original::read(copy);
    if original.is_usual(message) {
        cx.metrics.packets_ignored += 1;
        return;
    }
    if &**code == "bad-mojo" {
        return identity_warning(cx, out, mud, (code, message), IN_USE_ELSEWHERE);
    }
    // A warning accompanies a startup-reply: the login continues, with a new password.
    if muds[mud].link.is_logging_in() && original.is_login() && &**code != "warning" {
        identity_warning(cx, out, mud, (code, message), LOGIN_REFUSED);
        return muds.link_refused(cx, mud, format!("refused: {message}"));
    }
    // The answer to the gateway's own probe: the connection works, but the router has lost the registration.
    let from_router = packet.header.from_mud.eq_ignore_ascii_case(&muds[mud].link.router().name);
    if from_router && &**code == "unk-src" && original.is_probe_of(&cx.settings.mud(mud).name) {
        let reason = format!("the router does not know this mud any more: {message}");
        return muds.link_broken(cx, mud, reason);
    }
    let message_id = muds[mud].sent.message_of(copy).map(str::to_owned);
    let waiters = waiting.answer(cx, |question| {
        let is_refused = original.answers(mud, message_id.as_deref(), question);
        is_refused.then(|| Err(Fault::refused(code, format!("{}: {message}", packet.header.from_mud))))
    });
    let error = ErrorOccurred {
        error_code: Cow::Borrowed(code),
        error_message: Cow::Borrowed(message),
        from_mud: Cow::Borrowed(&packet.header.from_mud),
        to_mud: Cow::Borrowed(or_empty(packet.header.to_mud.as_ref())),
        to_user: Cow::Borrowed(or_empty(packet.header.to_user.as_ref())),
        context: ErrorContext::Packet,
        message_id: message_id.map(Cow::Owned),
    };
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
