//! What is said on channels, in both directions.

use super::call::Call;
use super::method::{Access, SPEAK, methods};
use super::tell::Sent;
use super::text::{Outgoing, admit_user, or_empty, resolve_mud, sendable, sender};
use crate::clients::{Clients, Joined};
use crate::cx::Cx;
use crate::delivery::{Delivery, To};
use crate::describe::macros::params;
use crate::describe::values::{Filled, Name};
use crate::event::Event;
use crate::event::told::{Said, Targeted};
use crate::fault::Fault;
use crate::i3::packet::{Body, Header, Packet};
use crate::ids::MudId;
use crate::link::pacer::{Origin, Priority};
use crate::muds::Muds;
use crate::settings::Permission;
use std::borrow::Cow;

params! {
    /// What `channel_send` takes.
    pub(super) struct Say<'a> {
        /// the channel's exact name
        channel: Name<'a>,
        /// what to say
        message: Filled<'a>,
        /// the local user
        from_user: Name<'a> = "Someone",
        /// the name to show; `from_user` when left out
        visname: Option<Name<'a>>,
    }

    /// What `channel_emote` takes.
    pub(super) struct Emote<'a> {
        /// the channel's exact name
        channel: Name<'a>,
        /// with `$N` for the name; put in front when missing; `message` is taken for it too
        emote | "message": Filled<'a>,
        /// the local user
        from_user: Name<'a> = "Someone",
        /// the name to show; `from_user` when left out
        visname: Option<Name<'a>>,
    }

    /// What `channel_targeted_emote` takes.
    pub(super) struct TargetedEmote<'a> {
        /// the channel's exact name
        channel: Name<'a>,
        /// the mud; its name may be written loosely
        target_mud: Name<'a>,
        /// the user, in any case
        target_user: Name<'a>,
        /// what others read, with `$N` and `$O`; `emote` is taken for it too
        message | "emote": Filled<'a>,
        /// what the target reads; `message` when left out
        message_target: Option<Filled<'a>>,
        /// the local user
        from_user: Name<'a> = "Someone",
        /// the name to show; `from_user` when left out
        visname: Option<Name<'a>>,
        /// the name to show of the target; `target_user` when left out
        target_visname: Option<Name<'a>>,
    }
}

methods! {
    /// Says something on a channel.
    "channel_send" (Access::Permitted(Permission::Channel)) Say<'_> => [Sent] SPEAK,
        |parts, call, args| send(&mut parts.cx, parts.muds, parts.clients, call, args);
    /// Sends an emote to a channel.
    "channel_emote" (Access::Permitted(Permission::Channel)) Emote<'_> => [Sent] SPEAK,
        |parts, call, args| emote(&mut parts.cx, parts.muds, parts.clients, call, args);
    /// Sends an emote to a channel, aimed at a user.
    "channel_targeted_emote" (Access::Permitted(Permission::Channel)) TargetedEmote<'_> => [Sent] SPEAK,
        |parts, call, args| targeted_emote(&mut parts.cx, parts.muds, parts.clients, call, args);
}

/// Who is about to speak where.
struct Speaking<'a> {
    mud: MudId,
    mud_name: String,
    channel: Name<'a>,
    from_user: Cow<'a, str>,
    visname: Cow<'a, str>,
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

impl<'a> Speaking<'a> {
    fn new(
        cx: &Cx<'_>,
        clients: &Clients,
        call: &Call,
        channel: Name<'a>,
        from_user: Name<'a>,
        visname: Option<Name<'a>>,
    ) -> Result<Self, Fault> {
        let caller = call.user_of(cx, "channel")?;
        let joined = clients.get(call.conn()).and_then(|session| session.channels.get(&*channel));
        if joined == Some(&Joined::ListenOnly) {
            let needs = "channel_join without listen_only";
            return Err(Fault::permission(needs, format!("this session only listens to {}", &*channel)));
        }
        let (from_user, visname) = sender(from_user, visname);
        Ok(Speaking { mud: caller.mud, mud_name: caller.mud_name.clone(), channel, from_user, visname })
    }

    /// Sends what `body` makes of the text.
    fn say(
        &self,
        cx: &mut Cx<'_>,
        muds: &mut Muds,
        clients: &mut Clients,
        names: Names,
        text: &str,
        body: impl Fn(String) -> Body<'a>,
    ) -> Result<Sent, Fault> {
        admit_user(cx, clients, self.mud, &self.from_user)?;
        let message_id = muds.message_id(cx, names.message, &self.channel);
        let origin =
            Origin { message_id: Some(message_id.clone()), from_user: self.from_user.clone().into_owned() };
        let header = Header {
            from_mud: self.mud_name.clone().into(),
            from_user: Some(self.from_user.clone()),
            ..Header::broadcast("", None)
        };
        if names.may_split {
            let outgoing =
                Outgoing { mud: self.mud, priority: Priority::Chatter, header: &header, origin: &origin };
            outgoing.send(cx, muds, text, body)?;
        } else {
            let packet = Packet { header, body: body(text.to_owned()) };
            muds.send(cx, self.mud, Priority::Chatter, &packet, Some(origin))?;
        }
        muds[self.mud].sent.remember(names.packet, &self.from_user, [&self.channel, ""], &message_id);
        Ok(Sent::new(message_id))
    }
}

fn send(
    cx: &mut Cx<'_>,
    muds: &mut Muds,
    clients: &mut Clients,
    call: &Call,
    args: Say<'_>,
) -> Result<Sent, Fault> {
    let message = sendable("message", &args.message)?;
    let speaking = Speaking::new(cx, clients, call, args.channel, args.from_user, args.visname)?;
    let names = Names { message: "channel", packet: "channel-m", may_split: true };
    let (channel, visname) = (speaking.channel.0.clone(), speaking.visname.clone());
    speaking.say(cx, muds, clients, names, &message, |message| Body::ChannelMessage {
        channel: channel.clone(),
        visname: visname.clone(),
        message: message.into(),
    })
}

fn emote(
    cx: &mut Cx<'_>,
    muds: &mut Muds,
    clients: &mut Clients,
    call: &Call,
    args: Emote<'_>,
) -> Result<Sent, Fault> {
    let emote = with_name(sendable("emote", &args.emote)?);
    let speaking = Speaking::new(cx, clients, call, args.channel, args.from_user, args.visname)?;
    let names = Names { message: "channel_emote", packet: "channel-e", may_split: false };
    let (channel, visname) = (speaking.channel.0.clone(), speaking.visname.clone());
    speaking.say(cx, muds, clients, names, &emote, |message| Body::ChannelEmote {
        channel: channel.clone(),
        visname: visname.clone(),
        message: message.into(),
    })
}

/// Puts `$N` in front where it is missing: routers append " (from name@mud)" to an emote without.
fn with_name(emote: Cow<'_, str>) -> String {
    if emote.contains("$N") { emote.into_owned() } else { format!("$N {emote}") }
}

fn targeted_emote(
    cx: &mut Cx<'_>,
    muds: &mut Muds,
    clients: &mut Clients,
    call: &Call,
    args: TargetedEmote<'_>,
) -> Result<Sent, Fault> {
    let speaking = Speaking::new(cx, clients, call, args.channel, args.from_user, args.visname)?;
    let target_mud = resolve_mud(muds, call, speaking.mud, &args.target_mud)?;
    let target_visname = args.target_visname.unwrap_or_else(|| args.target_user.clone()).0;
    let target_user = args.target_user.to_lowercase();
    let message = with_name(sendable("message", &args.message)?);
    let message_target = match &args.message_target {
        Some(text) => with_name(sendable("message_target", text)?),
        None => message.clone(),
    };
    let names = Names { message: "channel_targeted_emote", packet: "channel-t", may_split: false };
    let (channel, visname) = (speaking.channel.0.clone(), speaking.visname.clone());
    speaking.say(cx, muds, clients, names, &message, |message| Body::ChannelTargetedEmote {
        channel: channel.clone(),
        target_mud: target_mud.clone().into(),
        target_user: target_user.clone().into(),
        message_others: message.into(),
        message_target: message_target.clone().into(),
        visname: visname.clone(),
        target_visname: target_visname.clone(),
    })
}

/// A line or an emote on a channel.
pub(super) fn received(
    cx: &mut Cx<'_>,
    muds: &mut Muds,
    out: &mut Delivery<'_>,
    mud: MudId,
    packet: &Packet<'_>,
) {
    let from_mud = &packet.header.from_mud;
    let is_own = *from_mud == cx.settings.mud(mud).name;
    let Some((channel, event)) = event_of(packet, is_own.then_some(true)) else { return };
    let to = if is_own {
        To::Echo(mud, channel)
    } else {
        muds[mud].elsewhere.spoke(cx.now.mono, channel, from_mud);
        To::Channel(mud, channel)
    };
    out.emit(cx, to, &event);
}

/// The channel and the event of a packet that is said on a channel.
fn event_of<'p>(packet: &'p Packet<'_>, is_echo: Option<bool>) -> Option<(&'p str, Event<'p>)> {
    let from_user = or_empty(packet.header.from_user.as_ref());
    let shown = |visname: &'p str| Cow::Borrowed(if visname.is_empty() { from_user } else { visname });
    let said = |channel: &'p str, visname: &'p str, message: &'p str| Said {
        channel: Cow::Borrowed(channel),
        from_mud: Cow::Borrowed(&packet.header.from_mud),
        from_user: Cow::Borrowed(from_user),
        message: Cow::Borrowed(message),
        visname: shown(visname),
        is_echo,
    };
    Some(match &packet.body {
        Body::ChannelMessage { channel, visname, message } => {
            (channel, Event::ChannelMessage(said(channel, visname, message)))
        }
        Body::ChannelEmote { channel, visname, message } => {
            (channel, Event::ChannelEmote(said(channel, visname, message)))
        }
        Body::ChannelTargetedEmote {
            channel,
            visname,
            message_others,
            target_mud,
            target_user,
            target_visname,
            message_target,
        } => {
            let targeted = Targeted {
                channel: Cow::Borrowed(channel),
                from_mud: Cow::Borrowed(&packet.header.from_mud),
                from_user: Cow::Borrowed(from_user),
                message: Cow::Borrowed(message_others),
                visname: shown(visname),
                target_mud: Cow::Borrowed(target_mud),
                target_user: Cow::Borrowed(target_user),
                target_visname: Cow::Borrowed(target_visname),
                message_target: Cow::Borrowed(message_target),
                is_echo,
            };
            (channel, Event::ChannelTargetedEmote(targeted))
        }
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::service::parts::testing::Stage;

    #[test]
    fn a_line_goes_to_subscribers_and_an_echo_only_to_those_that_want_it() {
        let mut stage = Stage::default();
        let conns = [(); 3].map(|()| stage.join(MudId::OWN));
        for conn in &conns[..2] {
            stage.clients.audience.add(MudId::OWN, "chat", *conn);
        }
        stage.clients.get_mut(conns[1]).unwrap().hears_echo = false;
        for from_mud in ["Sage", "Alpha"] {
            let header = Header { from_user: Some("bob".into()), ..Header::broadcast(from_mud, None) };
            let body =
                Body::ChannelMessage { channel: "chat".into(), visname: "Bob".into(), message: "hi".into() };
            let mut parts = stage.parts();
            let mut out = Delivery { clients: parts.clients, journal: parts.journal };
            received(&mut parts.cx, parts.muds, &mut out, MudId::OWN, &Packet { header, body });
        }
        let taken = conns.map(|conn| stage.taken(conn));
        assert_eq!(taken.clone().map(|text| text.lines().count()), [2, 1, 0]);
        assert!(taken[0].ends_with("\"visname\":\"Bob\",\"self\":true}\n"), "{}", taken[0]);
    }

    #[test]
    fn an_emote_names_who_does_it() {
        assert_eq!(with_name("waves".into()), "$N waves");
        assert_eq!(with_name("and $N waves".into()), "and $N waves");
    }
}
