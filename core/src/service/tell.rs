//! tell and emoteto.

use super::moderation::admit_user;
use super::{or_empty, refuse, resolve_mud, send_text, sendable, sender, user_of};
use crate::api::json::Object;
use crate::api::methods::Call;
use crate::api::rpc::Fault;
use crate::api::{event, reason};
use crate::hub::{Hub, To};
use crate::i3::Value;
use crate::i3::packet::{Body, Header, Packet};
use crate::link::pacer::{Class, Origin};
use crate::settings::Permission;
use serde::Deserialize;
use std::borrow::Cow;

/// The method `tell`.
pub(crate) fn tell(hub: &mut Hub, call: &Call<'_>) -> Result<Vec<u8>, Fault> {
    let message = call.params.text("message")?;
    let message = sendable("message", &message)?;
    send(hub, call, "tell", &message)
}

/// The method `emoteto`.
pub(crate) fn emoteto(hub: &mut Hub, call: &Call<'_>) -> Result<Vec<u8>, Fault> {
    let emote = call.params.text_or("emote", "message")?;
    let emote = sendable("emote", &emote)?;
    send(hub, call, "emoteto", &emote)
}

fn send(hub: &mut Hub, call: &Call<'_>, kind: &'static str, text: &str) -> Result<Vec<u8>, Fault> {
    let caller = user_of(hub, call, kind)?;
    let target_mud = resolve_mud(hub, call, caller.mud, &call.params.name("target_mud")?)?;
    let target_user = call.params.name("target_user")?.to_lowercase();
    let (from_user, visname) = sender(call)?;
    admit_user(hub, caller.mud, &from_user)?;
    let message_id = hub.message_id(kind, &caller.mud_name);
    // A CoffeeMud's reader dies of an emoteto, and its router passes none on.
    let as_tell = kind == "emoteto"
        && hub.muds[caller.mud].mudlist.get(&target_mud).is_some_and(crate::network::Mud::is_coffeemud);
    let wire_kind = if as_tell { "tell" } else { kind };
    let text = if as_tell { Cow::Owned(text.replace("$N", &visname)) } else { Cow::Borrowed(text) };
    let header = Header::to_user(&caller.mud_name, Some(&from_user), &target_mud, &target_user);
    let origin = Origin { message_id: Some(message_id.clone()), from_user: from_user.to_string() };
    if wire_kind == "tell" {
        let body = |message: String| Body::Tell { visname: visname.clone(), message: message.into() };
        send_text(hub, caller.mud, Class::Prompt, &header, &text, &origin, body)?;
    } else {
        let body = Body::Emoteto { visname, message: text };
        hub.send_packet(caller.mud, Class::Prompt, &Packet { header, body }, Some(origin))?;
    }
    hub.muds[caller.mud].remember_sent(wire_kind, &from_user, [&target_mud, &target_user], &message_id);
    Ok(Object::default().with("status", "sent").with("message_id", &message_id).finish())
}

/// The method `beep`.
pub(crate) fn beep(hub: &mut Hub, call: &Call<'_>) -> Result<Vec<u8>, Fault> {
    let caller = user_of(hub, call, "beep")?;
    let target_mud = resolve_mud(hub, call, caller.mud, &call.params.name("target_mud")?)?;
    let target_user = call.params.name("target_user")?.to_lowercase();
    let (from_user, visname) = sender(call)?;
    // Its reader dies of any type that it does not know, and no tell says the same.
    if hub.muds[caller.mud].mudlist.get(&target_mud).is_some_and(crate::network::Mud::is_coffeemud) {
        return Err(Fault::gateway(&reason::NOT_SUPPORTED, format!("{target_mud} takes no beep")));
    }
    admit_user(hub, caller.mud, &from_user)?;
    let message_id = hub.message_id("beep", &caller.mud_name);
    let header = Header::to_user(&caller.mud_name, Some(&from_user), &target_mud, &target_user);
    let origin = Origin { message_id: Some(message_id.clone()), from_user: from_user.to_string() };
    let packet = Packet { header, body: Body::Beep { visname: visname.clone() } };
    hub.send_packet(caller.mud, Class::Prompt, &packet, Some(origin))?;
    hub.muds[caller.mud].remember_sent("beep", &from_user, [&target_mud, &target_user], &message_id);
    Ok(Object::default().with("status", "sent").with("message_id", &message_id).finish())
}

/// A tell, an emoteto or a beep for one of ours.
pub(crate) fn received(hub: &mut Hub, mud: usize, packet: &Packet<'_>) {
    let (event, visname, message) = match &packet.body {
        Body::Tell { visname, message } => (&event::TELL_RECEIVED, visname, message),
        Body::Emoteto { visname, message } => (&event::EMOTETO_RECEIVED, visname, message),
        Body::Beep { visname } => (&event::BEEP_RECEIVED, visname, &Cow::Borrowed("")),
        _ => return,
    };
    let to_user = or_empty(packet.header.to_user.as_ref());
    let (now, home) = (hub.now.mono, &hub.muds[mud]);
    if home.presence.is_fresh(now) && home.presence.find(now, to_user).is_none() {
        return refuse(hub, mud, packet, "unk-user", format!("User {to_user} is not online"));
    }
    let heard =
        hub.sessions.iter().any(|(_, session)| session.is_of(mud) && session.may(Some(Permission::Tell)));
    // While the game is away, what can be kept is.
    if !heard && !hub.keeps_tells() {
        let text = format!("User {to_user} cannot be reached: the game is not connected");
        return refuse(hub, mud, packet, "unk-user", text);
    }
    let from_user = or_empty(packet.header.from_user.as_ref());
    let params = Object::default()
        .with("from_mud", &packet.header.from_mud)
        .with("from_user", from_user)
        .with("to_mud", or_empty(packet.header.to_mud.as_ref()))
        .with("to_user", to_user)
        .with("message", message)
        .with("visname", if visname.is_empty() { from_user } else { visname });
    hub.emit(To::Mud(mud), event, params);
}

/// A tell as its event holds it.
#[derive(Deserialize)]
struct Unread<'a> {
    #[serde(borrow)]
    from_mud: Cow<'a, str>,
    #[serde(borrow)]
    from_user: Cow<'a, str>,
    #[serde(borrow)]
    to_user: Cow<'a, str>,
}

/// A tell was kept, and no session came for it in time: its sender is told so.
pub(crate) fn not_reached(hub: &mut Hub, mud: usize, params: &[u8]) {
    let Ok(unread) = serde_json::from_slice::<Unread<'_>>(params) else { return };
    let name = hub.muds[mud].settings.name.clone();
    let text = format!("User {} was not reached: the game has not been connected", unread.to_user);
    let to_user = Some(unread.from_user.clone()).filter(|user| !user.is_empty());
    let header = Header { to_user, ..Header::to_mud(&name, None, &unread.from_mud) };
    // The packet itself is not kept, and an error may go without its copy.
    let body = Body::Error { code: "unk-user".into(), message: text.into(), packet: Value::Int(0) };
    hub.answer(mud, &Packet { header, body });
}
