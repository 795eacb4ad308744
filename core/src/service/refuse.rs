//! The service tell_refuse: a game answers a tell with an error.

use super::call::Call;
use super::method::{Access, methods};
use super::persons;
use super::text::sendable;
use crate::clients::Clients;
use crate::cx::Cx;
use crate::describe::macros::{output, params, words};
use crate::describe::values::{EventId, Short};
use crate::event::told::Told;
use crate::fault::Fault;
use crate::fault::reason::{QUEUE_FULL, ROUTER_DOWN, TOO_LATE};
use crate::i3::packet::{Body, Header, Packet};
use crate::journal::{Journal, LaneName, Record};
use crate::muds::Muds;
use crate::saved;
use crate::settings::Permission;

/// The longest text of a refusal, in bytes. Muds print it to the sender as one line.
const REFUSAL_BYTES_MAX: usize = 500;

params! {
    /// The parameters of `tell_refuse`.
    pub(super) struct Refuse<'a> {
        /// the event of the tell, the emote or the beep
        event_id: EventId,
        /// what the sender is told; without it, that the user is not online
        message: Option<Short<'a, REFUSAL_BYTES_MAX>>,
    }
}

output! {
    /// The result of `tell_refuse`.
    pub(super) struct Refused {
        /// always `refused`: the error was accepted into the queue of the router
        status: RefusedStatus,
        /// as given
        event_id: EventId,
    }
}

words! {
    /// The only status of `tell_refuse`.
    pub(super) enum RefusedStatus {
        /// The error was accepted into the queue of the router.
        Refused = "refused",
    }
}

methods! {
    /// Tells the sender of a tell, an emote or a beep that the user does not get it, because the user is absent or ignores
    /// the sender. The sender's mud receives the error `unk-user` with the text. This works for as long as the event is kept.
    "tell_refuse" (Access::Permitted(Permission::Tell)) Refuse<'_> => [Refused] &[&ROUTER_DOWN, &QUEUE_FULL, &TOO_LATE],
        |parts, call, args| refuse(&mut parts.cx, parts.muds, (parts.clients, parts.journal), call, &args);
}

fn refuse(
    cx: &mut Cx<'_>,
    muds: &mut Muds,
    (clients, journal): (&Clients, &Journal),
    call: &Call,
    args: &Refuse<'_>,
) -> Result<Refused, Fault> {
    let mud = call.user_of(cx, "tell")?.mud;
    let EventId(id) = args.event_id;
    let words = args.message.as_deref().map(|message| sendable("message", message)).transpose()?;
    let record = journal.log(mud).record(LaneName::Tells, id);
    let Some((record, told)) = record.and_then(|record| Some((record, saved::read(&record.members)?))) else {
        let text = format!("no tell, emote or beep with the event_id {id} is kept");
        return Err(Fault::gateway(&TOO_LATE, text));
    };
    let told: Told<'_> = told;
    if told.to_mud.is_empty() {
        return Err(Fault::params("this message was sent to all muds: it cannot be refused"));
    }
    if persons::find(clients, mud, &told.to_user).is_some() {
        let text = format!("{} has a session of its own and has received it", told.to_user);
        return Err(Fault::gateway(&TOO_LATE, text));
    }
    let absent = || format!("User {} is not online", told.to_user).into();
    let message = words.unwrap_or_else(absent).into_owned();
    muds.refuse_for_game(cx, mud, &packet_of(record, &told), message)?;
    Ok(Refused { status: RefusedStatus::Refused, event_id: args.event_id })
}

/// Returns the packet that an event came from, for the copy in the error.
fn packet_of<'t>(record: &Record, told: &'t Told<'_>) -> Packet<'t> {
    let from_user = Some(&*told.from_user).filter(|user| !user.is_empty());
    let header = Header::to_user(&told.from_mud, from_user, &told.to_mud, &told.to_user);
    let (visname, message) = ((&*told.visname).into(), (&*told.message).into());
    let body = match record.kind.name {
        "emoteto_received" => Body::Emoteto { visname, message },
        "beep_received" => Body::Beep { visname },
        _ => Body::Tell { visname, message },
    };
    Packet { header, body }
}
