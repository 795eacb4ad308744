//! tell, emoteto and beep.

use super::call::Call;
use super::method::{Access, SPEAK, methods};
use super::text::{Outgoing, admit_user, or_empty, resolve_mud, sendable, sender};
use crate::clients::Clients;
use crate::cx::Cx;
use crate::delivery::{Delivery, To};
use crate::describe::macros::{output, params, words};
use crate::describe::values::{Filled, Name};
use crate::event::Event;
use crate::event::told::Told;
use crate::fault::Fault;
use crate::fault::reason::{NOT_SUPPORTED, QUEUE_FULL, ROUTER_DOWN, SERVICE_DISABLED};
use crate::i3::Value;
use crate::i3::packet::{Body, Header, Packet};
use crate::ids::MudId;
use crate::journal::Unread;
use crate::link::pacer::{Origin, Priority};
use crate::muds::Muds;
use crate::network::KnownMud;
use crate::saved;
use crate::settings::Permission;
use std::borrow::Cow;

params! {
    /// What `tell` takes.
    pub(super) struct Tell<'a> {
        /// the mud; its name may be written loosely
        target_mud: Name<'a>,
        /// the user, in any case
        target_user: Name<'a>,
        /// what to say
        message: Filled<'a>,
        /// the local user
        from_user: Name<'a> = "Someone",
        /// the name to show; `from_user` when left out
        visname: Option<Name<'a>>,
    }

    /// What `emoteto` takes.
    pub(super) struct Emoteto<'a> {
        /// the mud; its name may be written loosely
        target_mud: Name<'a>,
        /// the user, in any case
        target_user: Name<'a>,
        /// with `$N` for the name; `message` is taken for it too
        emote | "message": Filled<'a>,
        /// the local user
        from_user: Name<'a> = "Someone",
        /// the name to show; `from_user` when left out
        visname: Option<Name<'a>>,
    }

    /// What `beep` takes.
    pub(super) struct Beep<'a> {
        /// the mud; its name may be written loosely
        target_mud: Name<'a>,
        /// the user, in any case
        target_user: Name<'a>,
        /// the local user
        from_user: Name<'a> = "Someone",
        /// the name to show; `from_user` when left out
        visname: Option<Name<'a>>,
    }
}

output! {
    /// What an accepted message gets.
    pub(super) struct Sent {
        /// accepted into the queue of the router
        pub(super) status: SentStatus,
        /// names it: an `error_occurred` about it has the same
        pub(super) message_id: String,
    }
}

words! {
    /// That a message was accepted.
    pub(super) enum SentStatus {
        /// It was.
        Sent = "sent",
    }
}

impl Sent {
    pub(super) fn new(message_id: String) -> Sent {
        Sent { status: SentStatus::Sent, message_id }
    }
}

methods! {
    /// Sends a message to a user on another mud.
    "tell" (Access::Permitted(Permission::Tell)) Tell<'_> => [Sent] SPEAK,
        |parts, call, args| tell(&mut parts.cx, parts.muds, parts.clients, call, args);
    /// Sends an emote to a user on another mud.
    "emoteto" (Access::Permitted(Permission::Tell)) Emoteto<'_> => [Sent] SPEAK,
        |parts, call, args| emoteto(&mut parts.cx, parts.muds, parts.clients, call, args);
    /// Nudges a user on another mud.
    "beep" (Access::Permitted(Permission::Tell)) Beep<'_> => [Sent]
        &[&ROUTER_DOWN, &QUEUE_FULL, &SERVICE_DISABLED, &NOT_SUPPORTED],
        |parts, call, args| beep(&mut parts.cx, parts.muds, parts.clients, call, args);
}

/// The two ends of a message.
struct Ends<'a> {
    mud: MudId,
    mud_name: String,
    target_mud: String,
    target_user: String,
    from_user: Cow<'a, str>,
    visname: Cow<'a, str>,
}

impl<'a> Ends<'a> {
    fn read(cx: &Cx<'_>, muds: &Muds, call: &Call, service: &str, args: Beep<'a>) -> Result<Self, Fault> {
        let caller = call.user_of(cx, service)?;
        let (from_user, visname) = sender(args.from_user, args.visname);
        Ok(Ends {
            mud: caller.mud,
            mud_name: caller.mud_name.clone(),
            target_mud: resolve_mud(muds, call, caller.mud, &args.target_mud)?,
            target_user: args.target_user.to_lowercase(),
            from_user,
            visname,
        })
    }

    /// Whether the target is a CoffeeMud, whose reader dies of every type of packet that it does not know.
    fn is_for_coffeemud(&self, muds: &Muds) -> bool {
        muds[self.mud].lists.muds().get(&self.target_mud).is_some_and(KnownMud::is_coffeemud)
    }

    /// Sends what `body` makes of a text.
    fn send(
        &self,
        cx: &mut Cx<'_>,
        muds: &mut Muds,
        clients: &mut Clients,
        names: Names,
        text: &str,
        body: impl Fn(String) -> Body<'a>,
    ) -> Result<Sent, Fault> {
        admit_user(cx, clients, self.mud, &self.from_user)?;
        let message_id = muds.message_id(cx, names.message, &self.mud_name);
        let header = Header {
            from_mud: self.mud_name.clone().into(),
            from_user: Some(self.from_user.clone()),
            to_mud: Some(self.target_mud.clone().into()),
            to_user: Some(self.target_user.clone().into()),
            ..Header::broadcast("", None)
        };
        let origin =
            Origin { message_id: Some(message_id.clone()), from_user: self.from_user.clone().into_owned() };
        if names.may_split {
            let outgoing =
                Outgoing { mud: self.mud, priority: Priority::Prompt, header: &header, origin: &origin };
            outgoing.send(cx, muds, text, body)?;
        } else {
            let packet = Packet { header, body: body(text.to_owned()) };
            muds.send(cx, self.mud, Priority::Prompt, &packet, Some(origin))?;
        }
        let to = [self.target_mud.as_str(), self.target_user.as_str()];
        muds[self.mud].sent.remember(names.packet, &self.from_user, to, &message_id);
        Ok(Sent::new(message_id))
    }
}

/// What a message is called.
struct Names {
    /// In its message id.
    message: &'static str,
    /// On the wire.
    packet: &'static str,
    /// A long text may go in several packets.
    may_split: bool,
}

fn tell(
    cx: &mut Cx<'_>,
    muds: &mut Muds,
    clients: &mut Clients,
    call: &Call,
    args: Tell<'_>,
) -> Result<Sent, Fault> {
    let message = sendable("message", &args.message)?;
    let Tell { target_mud, target_user, from_user, visname, .. } = args;
    let ends = Ends::read(cx, muds, call, "tell", Beep { target_mud, target_user, from_user, visname })?;
    let names = Names { message: "tell", packet: "tell", may_split: true };
    let visname = ends.visname.clone();
    ends.send(cx, muds, clients, names, &message, |message| Body::Tell {
        visname: visname.clone(),
        message: message.into(),
    })
}

/// A CoffeeMud's reader dies of an emoteto, and its router passes none on: there it goes as a tell.
fn emoteto(
    cx: &mut Cx<'_>,
    muds: &mut Muds,
    clients: &mut Clients,
    call: &Call,
    args: Emoteto<'_>,
) -> Result<Sent, Fault> {
    let emote = sendable("emote", &args.emote)?;
    let Emoteto { target_mud, target_user, from_user, visname, .. } = args;
    let ends = Ends::read(cx, muds, call, "emoteto", Beep { target_mud, target_user, from_user, visname })?;
    let visname = ends.visname.clone();
    if ends.is_for_coffeemud(muds) {
        let text = emote.replace("$N", &visname);
        let names = Names { message: "emoteto", packet: "tell", may_split: true };
        return ends.send(cx, muds, clients, names, &text, |message| Body::Tell {
            visname: visname.clone(),
            message: message.into(),
        });
    }
    let names = Names { message: "emoteto", packet: "emoteto", may_split: false };
    ends.send(cx, muds, clients, names, &emote, |message| Body::Emoteto {
        visname: visname.clone(),
        message: message.into(),
    })
}

fn beep(
    cx: &mut Cx<'_>,
    muds: &mut Muds,
    clients: &mut Clients,
    call: &Call,
    args: Beep<'_>,
) -> Result<Sent, Fault> {
    let ends = Ends::read(cx, muds, call, "beep", args)?;
    // No tell means what a beep means.
    if ends.is_for_coffeemud(muds) {
        return Err(Fault::gateway(&NOT_SUPPORTED, format!("{} takes no beep", ends.target_mud)));
    }
    let names = Names { message: "beep", packet: "beep", may_split: false };
    let visname = ends.visname.clone();
    ends.send(cx, muds, clients, names, "", |_| Body::Beep { visname: visname.clone() })
}

/// A tell, an emoteto or a beep for a local user.
pub(super) fn received(
    cx: &mut Cx<'_>,
    muds: &mut Muds,
    out: &mut Delivery<'_>,
    mud: MudId,
    packet: &Packet<'_>,
) {
    let (visname, message) = match &packet.body {
        Body::Tell { visname, message } | Body::Emoteto { visname, message } => (visname, &**message),
        Body::Beep { visname } => (visname, ""),
        _ => return,
    };
    let to_user = or_empty(packet.header.to_user.as_ref());
    let known = muds[mud].presence.fresh(cx.now.mono, cx.settings.api.presence_ttl);
    if known.is_some_and(|known| known.find(to_user).is_none()) {
        return muds.refuse(cx, mud, packet, "unk-user", format!("User {to_user} is not online"));
    }
    let is_heard = out.clients.of_mud(mud).any(|(_, session)| session.may(Some(Permission::Tell)));
    // While the game is away, what can be kept is.
    if !is_heard && !cx.settings.api.events.keeps_tells() {
        let text = format!("User {to_user} cannot be reached: the game is not connected");
        return muds.refuse(cx, mud, packet, "unk-user", text);
    }
    let from_user = or_empty(packet.header.from_user.as_ref());
    let told = Told {
        from_mud: Cow::Borrowed(&packet.header.from_mud),
        from_user: Cow::Borrowed(from_user),
        to_mud: Cow::Borrowed(or_empty(packet.header.to_mud.as_ref())),
        to_user: Cow::Borrowed(to_user),
        message: Cow::Borrowed(message),
        visname: Cow::Borrowed(if visname.is_empty() { from_user } else { visname }),
    };
    let event = match &packet.body {
        Body::Tell { .. } => Event::TellReceived(told),
        Body::Emoteto { .. } => Event::EmotetoReceived(told),
        _ => Event::BeepReceived(told),
    };
    out.emit(cx, To::Mud(mud), &event);
}

/// A tell was kept, and no session came for it in time: its sender gets an error packet.
pub(super) fn not_reached(cx: &mut Cx<'_>, muds: &mut Muds, unread: &Unread) {
    let Some(told) = saved::read::<Told<'_>>(&unread.members) else { return };
    let text = format!("User {} was not reached: the game has not been connected", told.to_user);
    let to_user = Some(told.from_user).filter(|user| !user.is_empty());
    let name = &cx.settings.mud(unread.mud).name;
    let header = Header { to_user, ..Header::to_mud(name, None, &told.from_mud) };
    // The packet itself is not kept, and an error may go without its copy.
    let body = Body::Error { code: "unk-user".into(), message: text.into(), packet: Value::Int(0) };
    muds.answer(cx, unread.mud, &Packet { header, body });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::service::parts::testing::Stage;

    #[test]
    fn a_tell_reaches_the_sessions_of_its_mud_alone() {
        let mut stage = Stage::default();
        let (own, other) = (stage.join(MudId::OWN), stage.join(MudId::at(1)));
        let header = Header::to_user("Sage", Some("bob"), "Alpha", "ann");
        let packet = Packet { header, body: Body::Tell { visname: "".into(), message: "hi".into() } };
        let mut parts = stage.parts();
        let mut out = Delivery { clients: parts.clients, journal: parts.journal };
        received(&mut parts.cx, parts.muds, &mut out, MudId::OWN, &packet);
        assert_eq!(
            stage.taken(own),
            "tell_received {\"from_mud\":\"Sage\",\"from_user\":\"bob\",\"to_mud\":\"Alpha\",\"to_user\":\"ann\",\
             \"message\":\"hi\",\"visname\":\"bob\"}\n"
        );
        assert_eq!(stage.taken(other), "");
    }
}
