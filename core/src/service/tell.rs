//! The services tell, emoteto and beep.

use super::call::Call;
use super::method::{Access, SPEAK, methods};
use super::persons;
use super::text::{Names, Outgoing, or_empty, resolve_mud, sendable, sender, spelled, with_name};
use crate::clients::{Clients, SavedPerson, Session};
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
use crate::link::pacer::Priority;
use crate::muds::Muds;
use crate::network::KnownMud;
use crate::network::mudlist::ServiceValue;
use crate::saved;
use crate::settings::Permission;
use std::borrow::Cow;

params! {
    /// The parameters of `tell`.
    pub(super) struct Tell<'a> {
        /// the mud; its name in any case, or shortened
        target_mud: Name<'a>,
        /// the user, in any case
        target_user: Name<'a>,
        /// the text
        message: Filled<'a>,
        /// the local user
        from_user: Name<'a> = "Someone",
        /// the name to show; without it, `from_user`
        visname: Option<Name<'a>>,
    }

    /// The parameters of `emoteto`.
    pub(super) struct Emoteto<'a> {
        /// the mud; its name in any case, or shortened
        target_mud: Name<'a>,
        /// the user, in any case
        target_user: Name<'a>,
        /// the text, with `$N` for the name; may also be called `message`
        emote | "message": Filled<'a>,
        /// the local user
        from_user: Name<'a> = "Someone",
        /// the name to show; without it, `from_user`
        visname: Option<Name<'a>>,
    }

    /// The parameters of `beep`.
    pub(super) struct Beep<'a> {
        /// the mud; its name in any case, or shortened
        target_mud: Name<'a>,
        /// the user, in any case
        target_user: Name<'a>,
        /// the local user
        from_user: Name<'a> = "Someone",
        /// the name to show; without it, `from_user`
        visname: Option<Name<'a>>,
    }
}

output! {
    /// The result of every method that sends a message.
    pub(super) struct Sent {
        /// always `sent`: accepted into the queue of the router
        pub(super) status: SentStatus,
        /// identifies the message; an `error_occurred` about it has this id too
        pub(super) message_id: String,
    }
}

words! {
    /// The only status of a message.
    pub(super) enum SentStatus {
        /// The message was accepted into the queue of the router.
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
    /// Gets the attention of a user on another mud.
    "beep" (Access::Permitted(Permission::Tell)) Beep<'_> => [Sent]
        &[&ROUTER_DOWN, &QUEUE_FULL, &SERVICE_DISABLED, &NOT_SUPPORTED],
        |parts, call, args| beep(&mut parts.cx, parts.muds, parts.clients, call, args);
}

/// The sender and the target of a message.
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
            mud_name: caller.mud_name.to_string(),
            target_mud: resolve_mud(cx, muds, call, caller.mud, &args.target_mud)?,
            target_user: args.target_user.to_lowercase(),
            from_user,
            visname,
        })
    }

    /// Whether the target is a CoffeeMud, whose reader stops working at any packet type that it has not implemented.
    fn is_for_coffeemud(&self, muds: &Muds) -> bool {
        muds[self.mud].lists.muds().get(&self.target_mud).is_some_and(KnownMud::is_coffeemud)
    }

    /// Whether the target is a mud that takes beeps, as its services say.
    fn is_for_beeps(&self, muds: &Muds) -> bool {
        let target = muds[self.mud].lists.muds().get(&self.target_mud);
        target.and_then(|target| target.services.get("beep")).is_some_and(ServiceValue::is_on)
            && !self.is_for_coffeemud(muds)
    }

    /// Returns the message, ready to be sent.
    fn outgoing(self, names: Names) -> Outgoing<'a> {
        let header = Header {
            from_mud: self.mud_name.clone().into(),
            from_user: Some(self.from_user),
            to_mud: Some(self.target_mud.clone().into()),
            to_user: Some(self.target_user.clone().into()),
            ..Header::broadcast("", None)
        };
        let to = [self.target_mud, self.target_user];
        Outgoing { mud: self.mud, names, header, about: self.mud_name, to }
    }
}

/// A message for a user.
const fn named(message: &'static str, packet: &'static str, may_split: bool) -> Names {
    Names { message, packet, may_split, priority: Priority::Prompt }
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
    let visname = ends.visname.clone();
    let body = |message: String| Body::Tell { visname: visname.clone(), message: message.into() };
    ends.outgoing(named("tell", "tell", true)).send(cx, muds, clients, &message, body).map(Sent::new)
}

/// A CoffeeMud's reader stops working at an emoteto, and its router passes none on to anybody. The gateway sends a tell
/// instead.
fn emoteto(
    cx: &mut Cx<'_>,
    muds: &mut Muds,
    clients: &mut Clients,
    call: &Call,
    args: Emoteto<'_>,
) -> Result<Sent, Fault> {
    let emote = with_name(sendable("emote", &args.emote)?);
    let Emoteto { target_mud, target_user, from_user, visname, .. } = args;
    let ends = Ends::read(cx, muds, call, "emoteto", Beep { target_mud, target_user, from_user, visname })?;
    let visname = ends.visname.clone();
    if ends.is_for_coffeemud(muds) || muds[ends.mud].behind_coffeemud {
        let text = emote.replace("$N", &visname);
        let body = |message: String| Body::Tell { visname: visname.clone(), message: message.into() };
        return ends
            .outgoing(named("emoteto", "tell", true))
            .send(cx, muds, clients, &text, body)
            .map(Sent::new);
    }
    let body = |message: String| Body::Emoteto { visname: visname.clone(), message: message.into() };
    ends.outgoing(named("emoteto", "emoteto", false)).send(cx, muds, clients, &emote, body).map(Sent::new)
}

fn beep(
    cx: &mut Cx<'_>,
    muds: &mut Muds,
    clients: &mut Clients,
    call: &Call,
    args: Beep<'_>,
) -> Result<Sent, Fault> {
    let ends = Ends::read(cx, muds, call, "beep", args)?;
    // A tell cannot replace a beep, and most muds drop a beep without a word.
    if muds[ends.mud].behind_coffeemud {
        return Err(Fault::gateway(&NOT_SUPPORTED, "this router, a CoffeeMud's, passes no beep on"));
    }
    if !ends.is_for_beeps(muds) {
        let text = format!("{} does not name beep among its services", ends.target_mud);
        return Err(Fault::gateway(&NOT_SUPPORTED, text));
    }
    let visname = ends.visname.clone();
    let body = |_| Body::Beep { visname: visname.clone() };
    ends.outgoing(named("beep", "beep", false)).send(cx, muds, clients, "", body).map(Sent::new)
}

/// Handles a tell, an emoteto or a beep for a local user.
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
    let person = persons::find(out.clients, mud, to_user);
    // A mud that is logged in here knows its users itself.
    let is_here = muds[mud].home.conn().is_some() || out.clients.elsewhere.has_mud(mud);
    if !is_here && person.is_none() && known.is_some_and(|known| known.find(to_user).is_none()) {
        return muds.refuse(cx, mud, packet, "unk-user", format!("User {to_user} is not online"));
    }
    let is_for = |session: &Session| session.person.as_ref().is_none_or(|person| person.is(to_user));
    let hears = |(_, session): (_, &Session)| session.may(Some(Permission::Tell)) && is_for(session);
    let is_heard = out.clients.of_mud(mud).any(hears) || is_heard_elsewhere(out.clients, mud, to_user);
    // While the game is away, the message is kept if the settings allow it.
    let is_kept_for = cx.settings.mud(mud).i3.as_ref().is_none_or(|set| set.late_tells);
    let is_kept = cx.settings.api.events.keeps_tells() && is_kept_for;
    if !is_heard && !is_kept {
        let text = format!("User {to_user} cannot be reached: the game is not connected");
        return muds.refuse(cx, mud, packet, "unk-user", text);
    }
    let from_user = or_empty(packet.header.from_user.as_ref());
    let spelled = match persons::find(out.clients, mud, to_user) {
        Some(person) => person.user.to_owned(),
        None => spelled(cx, muds, mud, to_user).to_owned(),
    };
    let told = Told {
        from_mud: Cow::Borrowed(&packet.header.from_mud),
        from_user: Cow::Borrowed(from_user),
        to_mud: Cow::Borrowed(or_empty(packet.header.to_mud.as_ref())),
        to_user: Cow::Owned(spelled),
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

/// Whether a session at another node receives a tell to a user.
fn is_heard_elsewhere(clients: &Clients, mud: MudId, to_user: &str) -> bool {
    clients.elsewhere.of_mud(mud).any(|remote| {
        let is_for = |(person, _): (&SavedPerson, _)| person.user.eq_ignore_ascii_case(to_user);
        remote.may(Permission::Tell) && remote.person().is_none_or(is_for)
    })
}

/// Sends an error packet to the sender of a kept tell that no session has collected in time.
pub(super) fn not_reached(cx: &mut Cx<'_>, muds: &mut Muds, unread: &Unread) {
    let Some(told) = saved::read::<Told<'_>>(&unread.members) else { return };
    // A broadcast is never answered with an error.
    if told.to_mud.is_empty() {
        return;
    }
    let text = format!("User {} was not reached: the game has not been connected", told.to_user);
    let to_user = Some(told.from_user).filter(|user| !user.is_empty());
    let name = &cx.settings.mud(unread.mud).name;
    let header = Header { to_user, ..Header::to_mud(name, None, &told.from_mud) };
    // The packet itself was not kept. An error packet may go without its copy.
    let body = Body::Error { code: "unk-user".into(), message: text.into(), packet: Value::Int(0) };
    muds.answer(cx, unread.mud, &told.from_mud, &Packet { header, body });
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
