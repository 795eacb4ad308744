//! Users of a mud that is logged in here whom the mud itself does not know: those with a session of their own, and those that a
//! client of the API has published.

use crate::clients::Clients;
use crate::cx::Cx;
use crate::i3::Value;
use crate::i3::packet::{Body, Packet};
use crate::i3::text;
use crate::ids::MudId;
use crate::muds::Muds;
use crate::service::parts::Parts;
use crate::service::persons;
use std::borrow::Cow;

/// Where the type and the target user are in a packet.
const KIND: usize = 0;
const TO_USER: usize = 5;

/// Whether a user is online beside the mud.
pub(super) fn is_online(cx: &Cx<'_>, muds: &Muds, clients: &Clients, mud: MudId, user: &str) -> bool {
    let published = muds[mud].presence.fresh(cx.now.mono, cx.settings.api.presence_ttl);
    persons::find(clients, mud, user).is_some() || published.is_some_and(|known| known.find(user).is_some())
}

/// Whether a mud says of a user beside it that he is not online. He has received what it refuses.
pub(super) fn is_mistaken(parts: &Parts<'_>, mud: MudId, body: &Body<'_>) -> bool {
    let Body::Error { code, packet: Value::Array(copy), .. } = body else { return false };
    let field = |at: usize| match copy.get(at) {
        Some(Value::Str(bytes)) => text::decode(Cow::Borrowed(bytes)).0,
        _ => Cow::Borrowed(""),
    };
    code == "unk-user"
        && matches!(&*field(KIND), "tell" | "emoteto" | "beep")
        && is_online(&parts.cx, parts.muds, parts.clients, mud, &field(TO_USER))
}

/// Returns the answer of a mud with the users beside it. `None`: it has them all, or names no users.
pub(super) fn completed<'p>(parts: &Parts<'_>, mud: MudId, packet: &Packet<'p>) -> Option<Packet<'p>> {
    let body = match &packet.body {
        Body::WhoReply { users } => {
            let known = parts.muds[mud].presence.fresh(parts.cx.now.mono, parts.cx.settings.api.presence_ttl);
            let online = persons::online(parts.clients, mud, known, parts.cx.now.mono);
            let rows = persons::with_rows(users.clone(), &online);
            (rows.len() > users.len()).then_some(Body::WhoReply { users: rows })
        }
        Body::ChanWhoReply { channel, users } => {
            let is_new = |name: &String| !users.iter().any(|known| known.eq_ignore_ascii_case(name));
            let here = persons::on_channel(parts.clients, mud, channel);
            let beside: Vec<_> = here.into_iter().filter(is_new).map(Into::into).collect();
            let is_complete = beside.is_empty();
            let users = users.iter().cloned().chain(beside).collect();
            (!is_complete).then(|| Body::ChanWhoReply { channel: channel.clone(), users })
        }
        _ => None,
    };
    body.map(|body| Packet { header: packet.header.clone(), body })
}
