//! What the services have in common: names of muds and users, texts that may leave, and long texts in several packets.

use super::call::Call;
use crate::clients::Clients;
use crate::colour::{self, TextStyle};
use crate::cx::Cx;
use crate::describe::values::Name;
use crate::fault::{Fault, reason};
use crate::i3::packet::{Body, Header, Packet, Text};
use crate::i3::text;
use crate::ids::MudId;
use crate::link::pacer::{Origin, Priority};
use crate::muds::Muds;
use crate::network::Lookup;
use std::borrow::Cow;

/// Candidates named for an ambiguous mud name.
const CANDIDATES_MAX: usize = 10;

/// Packets that one text may be cut into.
const PARTS_MAX: usize = 10;

/// The text, or nothing.
pub(super) fn or_empty<'t>(text: Option<&'t Text<'_>>) -> &'t str {
    text.map_or("", |text| text)
}

/// The exact name of the mud that a caller means. A name that no mud is known by is passed on as it is: the list may not be
/// complete, and the router reports it if it is wrong.
pub(super) fn resolve_mud(muds: &Muds, call: &Call, mud: MudId, name: &str) -> Result<String, Fault> {
    // A client that reads HTML gives names back as it read them.
    let reads_html = call.reads == TextStyle::Html;
    let name = &*if reads_html { colour::unescape_html(name) } else { Cow::Borrowed(name) };
    match muds[mud].lists.muds().lookup(name) {
        Lookup::One(exact) => Ok(exact.to_owned()),
        Lookup::Nobody => Ok(name.to_owned()),
        Lookup::Several(candidates) => {
            let named = &candidates[..candidates.len().min(CANDIDATES_MAX)];
            let message = format!("target_mud {name:?} may be any of: {}", named.join(", "));
            Err(Fault::ambiguous(message, named.iter().map(|&name| name.to_owned()).collect()))
        }
    }
}

/// What of a caller's text may leave: colours in ANSI go out in the network's own writing.
pub(super) fn sendable<'a>(name: &str, text: &'a str) -> Result<Cow<'a, str>, Fault> {
    let clean = match colour::to_pinkfish(text) {
        Cow::Borrowed(text) => text::outgoing(text),
        Cow::Owned(text) => Cow::Owned(text::outgoing(&text).into_owned()),
    };
    if clean.trim().is_empty() {
        return Err(Fault::params(format!("{name} holds nothing that can be sent")));
    }
    Ok(clean)
}

/// The sender of a request: the user and the name to show.
pub(super) fn sender<'a>(from_user: Name<'a>, visname: Option<Name<'a>>) -> (Cow<'a, str>, Cow<'a, str>) {
    let shown = visname.map_or_else(|| from_user.0.clone(), |visname| visname.0);
    (from_user.0, shown)
}

/// Whether a local user may send another message now.
pub(super) fn admit_user(
    cx: &mut Cx<'_>,
    clients: &mut Clients,
    mud: MudId,
    user: &str,
) -> Result<(), Fault> {
    let Some(per_minute) = cx.settings.api.user_messages_per_minute else { return Ok(()) };
    clients.user_rates.admit(mud, user, per_minute, cx.now.mono).map_err(|wait_ms| {
        cx.metrics.user_messages_limited += 1;
        Fault::too_often(wait_ms, format!("{user} may send {per_minute} messages a minute"))
    })
}

/// A text on its way to the network.
pub(super) struct Outgoing<'p, 'a> {
    pub(super) mud: MudId,
    pub(super) priority: Priority,
    pub(super) header: &'p Header<'a>,
    pub(super) origin: &'p Origin,
}

impl<'a> Outgoing<'_, 'a> {
    /// Sends a text in one packet, or, where the settings say so and it does not fit, in several, cut at word ends. All of
    /// them are accepted or none.
    pub(super) fn send(
        &self,
        cx: &mut Cx<'_>,
        muds: &mut Muds,
        text: &str,
        body: impl Fn(String) -> Body<'a>,
    ) -> Result<(), Fault> {
        let packet = |text: &str| Packet { header: self.header.clone(), body: body(text.to_owned()) };
        let origin = || Some(self.origin.clone());
        let most = cx.settings.link.frame_bytes_max;
        let bytes = |muds: &Muds, packet: &Packet<'_>| muds[self.mud].link.frame(packet).len();
        if !cx.settings.link.split_long_texts || bytes(muds, &packet(text)) <= most {
            return muds.send(cx, self.mud, self.priority, &packet(text), origin());
        }
        let room = most.saturating_sub(bytes(muds, &packet("")));
        let parts = cut(text, room);
        if parts.len() > PARTS_MAX || room == 0 {
            let text =
                format!("the text has {} bytes; it would take more than {PARTS_MAX} packets", text.len());
            return Err(Fault::params(text));
        }
        if muds[self.mud].pacer.len() + parts.len() > cx.settings.link.queue_packets_max {
            return Err(Fault::gateway(&reason::QUEUE_FULL, "too many packets wait for the router"));
        }
        parts.iter().try_for_each(|part| muds.send(cx, self.mud, self.priority, &packet(part), origin()))
    }
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

#[cfg(test)]
mod tests {
    use super::*;

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

    #[test]
    fn a_text_without_anything_to_send_is_refused() {
        assert_eq!(sendable("message", "hi").as_deref(), Ok("hi"));
        let fault = sendable("message", " \u{1b}[0m").unwrap_err();
        assert_eq!(fault.message, "message holds nothing that can be sent");
    }
}
