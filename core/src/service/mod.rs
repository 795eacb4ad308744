//! What the services of Intermud-3 mean, in both directions: [`tell`], [`channel`], [`host`] (channels of our own),
//! [`query`] (who, finger, locate and the small questions), [`lists`]; [`moderation`] (who is kept out);
//! [`gateway`] is about the gateway itself.
//! [`inbound`] says which of them a packet is for.

pub(crate) mod channel;
pub(crate) mod gateway;
pub(crate) mod history;
pub(crate) mod host;
pub(crate) mod inbound;
pub(crate) mod lists;
pub(crate) mod moderation;
pub(crate) mod query;
pub(crate) mod tell;
pub(crate) mod trace;

use crate::api::methods::Call;
use crate::api::reason;
use crate::api::rpc::{Fault, code};
use crate::colour::{self, TextStyle};
use crate::hub::Hub;
use crate::i3::packet::{Body, Header, Packet, Text};
use crate::i3::text;
use crate::link::pacer::{Class, Origin};
use crate::network::Lookup;
use crate::pending::Question;
use crate::session::Identified;
use std::borrow::Cow;

/// The user that a request comes from when it names none.
const NOBODY: &str = "Someone";

/// Candidates named for an ambiguous mud name.
const CANDIDATES_MAX: usize = 10;

/// The caller, who must be identified.
fn caller(hub: &Hub, call: &Call<'_>) -> Result<Identified, Fault> {
    let session = hub.sessions.get(call.conn);
    let identity = session.and_then(|session| session.identity.clone());
    identity
        .ok_or_else(|| Fault::new(code::NOT_AUTHENTICATED, "Not authenticated. Please authenticate first."))
}

/// The caller, whose mud must be one of the gateway's: nobody else can speak on the network.
fn speaker(hub: &Hub, call: &Call<'_>) -> Result<Identified, Fault> {
    let caller = caller(hub, call)?;
    if caller.may_speak {
        return Ok(caller);
    }
    let message =
        format!("this gateway has no router link for {}: it may read but not speak", caller.mud_name);
    let data = serde_json::json!({"needs": "a router link for the key's mud"});
    Err(Fault { data: Some(data), ..Fault::new(code::PERMISSION, message) })
}

/// A speaker that uses a service, which must be switched on.
fn user_of(hub: &Hub, call: &Call<'_>, service: &str) -> Result<Identified, Fault> {
    let speaker = speaker(hub, call)?;
    if hub.muds[speaker.mud].offers(service) {
        return Ok(speaker);
    }
    Err(Fault::gateway(&reason::SERVICE_DISABLED, format!("the service {service} is switched off here")))
}

/// The exact name of the mud that a caller means. A name that nobody is known by is passed on as it is: the list may
/// not be complete, and the router says so if it is wrong.
fn resolve_mud(hub: &Hub, call: &Call<'_>, mud: usize, name: &str) -> Result<String, Fault> {
    // A client that reads HTML gives names back as it read them.
    let reads_html = hub.sessions.get(call.conn).is_some_and(|session| session.reads == TextStyle::Html);
    let name = &*if reads_html { colour::unescape_html(name) } else { Cow::Borrowed(name) };
    match hub.muds[mud].mudlist.lookup(name) {
        Lookup::One(exact) => Ok(exact.to_owned()),
        Lookup::Nobody => Ok(name.to_owned()),
        Lookup::Several(candidates) => {
            let named = &candidates[..candidates.len().min(CANDIDATES_MAX)];
            let message = format!("target_mud {name:?} may be any of: {}", named.join(", "));
            let data = serde_json::json!({"candidates": named});
            Err(Fault { data: Some(data), ..Fault::params(message) })
        }
    }
}

/// What of a caller's text may leave: colours in ANSI go out in the network's own writing.
fn sendable<'a>(name: &str, text: &'a str) -> Result<Cow<'a, str>, Fault> {
    let clean = match colour::to_pinkfish(text) {
        Cow::Borrowed(text) => text::outgoing(text),
        Cow::Owned(text) => Cow::Owned(text::outgoing(&text).into_owned()),
    };
    if clean.trim().is_empty() {
        return Err(Fault::params(format!("{name} holds nothing that can be sent")));
    }
    Ok(clean)
}

/// Packets that one text may be cut into.
const PARTS_MAX: usize = 10;

/// Sends a text in one packet, or, where the settings say so and it does not fit, in several, cut at word ends. All of
/// them are accepted or none.
fn send_text<'a>(
    hub: &mut Hub,
    mud: usize,
    class: Class,
    header: &Header<'a>,
    text: &str,
    origin: &Origin,
    body: impl Fn(String) -> Body<'a>,
) -> Result<(), Fault> {
    let packet = |text: String| Packet { header: header.clone(), body: body(text) };
    let packet_bytes = |hub: &Hub, packet: &Packet<'_>| hub.muds[mud].link.frame(packet).len();
    let most = hub.settings.link.frame_bytes_max;
    if !hub.settings.link.split_long_texts || packet_bytes(hub, &packet(text.to_owned())) <= most {
        return hub.send_packet(mud, class, &packet(text.to_owned()), Some(origin.clone()));
    }
    let room = most.saturating_sub(packet_bytes(hub, &packet(String::new())));
    let parts = cut(text, room);
    if parts.len() > PARTS_MAX || room == 0 {
        return Err(Fault::params(format!(
            "the text has {} bytes; it would take more than {PARTS_MAX} packets",
            text.len()
        )));
    }
    if hub.muds[mud].pacer.len() + parts.len() > hub.settings.link.queue_packets_max {
        return Err(Fault::gateway(&reason::QUEUE_FULL, "too many packets wait for the router"));
    }
    for part in parts {
        hub.send_packet(mud, class, &packet(part.to_owned()), Some(origin.clone()))?;
    }
    Ok(())
}

/// Cuts a text into parts of at most `room` bytes as they are written, escapes counted: after the last blank that fits,
/// or, in a longer word, anywhere between characters.
fn cut(text: &str, room: usize) -> Vec<&str> {
    let mut parts = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let (mut used, mut end, mut word_end) = (0, rest.len(), None);
        for (at, c) in rest.char_indices() {
            used += if matches!(c, '"' | '\\') { 2 } else { c.len_utf8() };
            if used > room {
                end = if c == ' ' { at } else { word_end.unwrap_or(at) };
                break;
            }
            if c == ' ' {
                word_end = Some(at);
            }
        }
        // A room smaller than one character: take it all the same, the frame limit refuses it.
        let first = rest.chars().next().map_or(0, char::len_utf8);
        let (part, later) = rest.split_at(end.max(first));
        parts.push(part);
        rest = later.trim_start_matches(' ');
    }
    parts
}

/// The sender of a request: the user and the name to show.
fn sender<'a>(call: &Call<'a>) -> Result<(Cow<'a, str>, Cow<'a, str>), Fault> {
    let from_user = call.params.optional_name("from_user")?.unwrap_or(Cow::Borrowed(NOBODY));
    let visname = call.params.optional_name("visname")?.unwrap_or_else(|| from_user.clone());
    Ok((from_user, visname))
}

/// What a request gets whose question nobody has answered in time.
pub(crate) fn unanswered(hub: &mut Hub, question: &Question) -> Result<Vec<u8>, Fault> {
    match question {
        Question::Who { .. }
        | Question::Finger { .. }
        | Question::Locate { .. }
        | Question::ChanUser { .. } => Err(Fault::gateway(&reason::NO_ANSWER, "no answer in time")),
        Question::Saved { .. } => {
            Err(Fault::gateway(&reason::NOT_SAVED, "not saved in time: it may be forgotten at a restart"))
        }
        // Who has answered by now is what there is to tell.
        Question::ChanWho { mud, channel, .. } => Ok(query::members(hub, *mud, channel, "success")),
        Question::Verdict { message_id, channel, .. } => Ok(host::verdict(channel, message_id, true)),
    }
}

/// An error packet in answer to `packet`, if it says who sends it.
fn refuse(hub: &mut Hub, mud: usize, packet: &Packet<'_>, code: &'static str, message: String) {
    if packet.header.from_mud.is_empty() {
        hub.metrics.packets_ignored += 1;
        return;
    }
    let name = hub.muds[mud].settings.name.clone();
    let header = Header {
        to_user: packet.header.from_user.clone(),
        ..Header::to_mud(&name, None, &packet.header.from_mud)
    };
    let body = Body::Error { code: code.into(), message: message.into(), packet: packet.to_value() };
    hub.answer(mud, &Packet { header, body });
}

/// The text, or nothing.
fn or_empty<'t>(text: Option<&'t Text<'_>>) -> &'t str {
    text.map_or("", |text| text)
}

#[cfg(test)]
mod tests {
    use super::cut;

    #[test]
    fn long_texts_are_cut_at_word_ends() {
        assert_eq!(cut("one two three", 100), ["one two three"]);
        assert_eq!(cut("one two three", 7), ["one two", "three"]);
        assert_eq!(cut("one two three", 8), ["one two", "three"]);
        assert_eq!(cut("incomprehensible", 6), ["incomp", "rehens", "ible"]);
        // Escapes count, characters stay whole.
        assert_eq!(cut("\"\"\" ab", 6), ["\"\"\"", "ab"]);
        assert_eq!(cut("ééé", 5), ["éé", "é"]);
        assert_eq!(cut("", 5), [""; 0]);
    }
}
