//! Messages and emotes on channels, in both directions.

use super::call::Call;
use super::method::{Access, SPEAK, methods};
use super::tell::Sent;
use super::text::{Names, Outgoing, or_empty, resolve_mud, sendable, sender, spelled, with_name};
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
use crate::link::pacer::Priority;
use crate::muds::Muds;
use crate::settings::Permission;
use std::borrow::Cow;

params! {
    /// The parameters of `channel_send`.
    pub(super) struct Say<'a> {
        /// the channel's exact name
        channel: Name<'a>,
        /// the text
        message: Filled<'a>,
        /// the local user
        from_user: Name<'a> = "Someone",
        /// the name to show; without it, `from_user`
        visname: Option<Name<'a>>,
    }

    /// The parameters of `channel_emote`.
    pub(super) struct Emote<'a> {
        /// the channel's exact name
        channel: Name<'a>,
        /// the text, with `$N` for the name; a missing `$N` is put in front; may also be called `message`
        emote | "message": Filled<'a>,
        /// the local user
        from_user: Name<'a> = "Someone",
        /// the name to show; without it, `from_user`
        visname: Option<Name<'a>>,
    }

    /// The parameters of `channel_targeted_emote`.
    pub(super) struct TargetedEmote<'a> {
        /// the channel's exact name
        channel: Name<'a>,
        /// the mud; its name in any case, or shortened
        target_mud: Name<'a>,
        /// the user, in any case
        target_user: Name<'a>,
        /// the text for others, with `$N` and `$O` for the names; may also be called `emote`
        message | "emote": Filled<'a>,
        /// the text for the target; without it, `message`
        message_target: Option<Filled<'a>>,
        /// the local user
        from_user: Name<'a> = "Someone",
        /// the name to show; without it, `from_user`
        visname: Option<Name<'a>>,
        /// the visible name of the target; without it, `target_user`
        target_visname: Option<Name<'a>>,
    }
}

methods! {
    /// Sends a message to a channel.
    "channel_send" (Access::Permitted(Permission::Channel)) Say<'_> => [Sent] SPEAK,
        |parts, call, args| send(&mut parts.cx, parts.muds, parts.clients, call, args);
    /// Sends an emote to a channel.
    "channel_emote" (Access::Permitted(Permission::Channel)) Emote<'_> => [Sent] SPEAK,
        |parts, call, args| emote(&mut parts.cx, parts.muds, parts.clients, call, args);
    /// Sends an emote that is aimed at a user to a channel.
    "channel_targeted_emote" (Access::Permitted(Permission::Channel)) TargetedEmote<'_> => [Sent] SPEAK,
        |parts, call, args| targeted_emote(&mut parts.cx, parts.muds, parts.clients, call, args);
}

/// The speaker and the channel.
struct Speaking<'a> {
    mud: MudId,
    mud_name: String,
    channel: Name<'a>,
    from_user: Cow<'a, str>,
    visname: Cow<'a, str>,
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
            let text = format!(
                "this session only listens to {}: join it again without listen_only to speak",
                &*channel
            );
            return Err(Fault::permission(needs, text));
        }
        let (from_user, visname) = sender(from_user, visname);
        Ok(Speaking { mud: caller.mud, mud_name: caller.mud_name.to_string(), channel, from_user, visname })
    }

    /// Returns the message, ready to be sent.
    fn outgoing(self, names: Names) -> Outgoing<'a> {
        let header = Header {
            from_mud: self.mud_name.into(),
            from_user: Some(self.from_user),
            ..Header::broadcast("", None)
        };
        let (about, to) = (self.channel.to_string(), [self.channel.to_string(), String::new()]);
        Outgoing { mud: self.mud, names, header, about, to }
    }
}

/// A message on a channel.
const fn named(message: &'static str, packet: &'static str, may_split: bool) -> Names {
    Names { message, packet, may_split, priority: Priority::Chatter }
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
    let (channel, visname) = (speaking.channel.0.clone(), speaking.visname.clone());
    let body = |message: String| Body::ChannelMessage {
        channel: channel.clone(),
        visname: visname.clone(),
        message: message.into(),
    };
    speaking
        .outgoing(named("channel", "channel-m", true))
        .send(cx, muds, clients, &message, body)
        .map(Sent::new)
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
    let (channel, visname) = (speaking.channel.0.clone(), speaking.visname.clone());
    let body = |message: String| Body::ChannelEmote {
        channel: channel.clone(),
        visname: visname.clone(),
        message: message.into(),
    };
    speaking
        .outgoing(named("channel_emote", "channel-e", false))
        .send(cx, muds, clients, &emote, body)
        .map(Sent::new)
}

fn targeted_emote(
    cx: &mut Cx<'_>,
    muds: &mut Muds,
    clients: &mut Clients,
    call: &Call,
    args: TargetedEmote<'_>,
) -> Result<Sent, Fault> {
    let speaking = Speaking::new(cx, clients, call, args.channel, args.from_user, args.visname)?;
    let target_mud = resolve_mud(cx, muds, call, speaking.mud, &args.target_mud)?;
    let target_visname = args.target_visname.unwrap_or_else(|| args.target_user.clone()).0;
    let target_user = args.target_user.to_lowercase();
    let message = with_name(sendable("message", &args.message)?);
    let message_target = match &args.message_target {
        Some(text) => with_name(sendable("message_target", text)?),
        None => message.clone(),
    };
    let (channel, visname) = (speaking.channel.0.clone(), speaking.visname.clone());
    let body = |message: String| Body::ChannelTargetedEmote {
        channel: channel.clone(),
        target_mud: target_mud.clone().into(),
        target_user: target_user.clone().into(),
        message_others: message.into(),
        message_target: message_target.clone(),
        visname: visname.clone(),
        target_visname: target_visname.clone(),
    };
    let names = named("channel_targeted_emote", "channel-t", false);
    speaking.outgoing(names).send(cx, muds, clients, &message, body).map(Sent::new)
}

/// Handles a message or an emote on a channel.
pub(super) fn received(
    cx: &mut Cx<'_>,
    muds: &mut Muds,
    out: &mut Delivery<'_>,
    mud: MudId,
    packet: &Packet<'_>,
) {
    let from_mud = &packet.header.from_mud;
    let is_own = *from_mud == cx.settings.mud(mud).name;
    let Some((channel, mut event)) = event_of(packet, is_own.then_some(true)) else { return };
    if let Event::ChannelTargetedEmote(targeted) = &mut event
        && targeted.target_mud == cx.settings.mud(mud).name
    {
        let target_user = spelled(cx, muds, mud, &targeted.target_user).to_owned();
        targeted.target_user = Cow::Owned(target_user);
    }
    let to = if is_own {
        To::Echo(mud, channel)
    } else {
        muds[mud].elsewhere.spoke(channel, from_mud);
        To::Channel(mud, channel)
    };
    out.emit(cx, to, &event);
}

/// Returns the channel and the event of a channel packet.
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
}
