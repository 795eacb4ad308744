//! Functions shared by the services: names of muds and users, checks of outgoing texts, and long texts in several
//! packets.

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

/// Number of candidates that the error for an ambiguous mud name lists.
const CANDIDATES_MAX: usize = 10;

/// Number of similar names that the error for an unknown name lists.
const NEAREST_MAX: usize = 3;

/// Number of names that an unknown one is compared with. Deployed networks have some 170.
const COMPARED_MAX: usize = 2_000;

/// The work of comparing a name with one mud's, in bytes.
const LOOKUP_WORK: usize = 24;

/// The work of finding how similar two names are, in bytes.
const SIMILARITY_WORK: usize = 128;

/// Number of packets that one text may be split into.
const PARTS_MAX: usize = 10;

/// Returns the text, or an empty one.
pub(super) fn or_empty<'t>(text: Option<&'t Text<'_>>) -> &'t str {
    text.map_or("", |text| text)
}

/// Returns the exact name of the mud that a caller means. An unknown name is an error that lists the most similar ones. As
/// long as the list may be incomplete, an unknown name is returned unchanged, and the router reports a wrong one.
pub(super) fn resolve_mud(
    cx: &Cx<'_>,
    muds: &Muds,
    call: &Call,
    mud: MudId,
    name: &str,
) -> Result<String, Fault> {
    // A client that reads HTML sends names as it has received them, with HTML escapes.
    let reads_html = call.reads == TextStyle::Html;
    let name = &*if reads_html { colour::unescape_html(name) } else { Cow::Borrowed(name) };
    let known = muds[mud].lists.muds();
    if known.get(name).is_none() {
        call.worked(known.len() * LOOKUP_WORK);
    }
    match known.lookup(name) {
        Lookup::One(exact) => Ok(exact.to_owned()),
        Lookup::Nobody if is_surely_unknown(cx, muds, mud, name) => {
            call.worked(known.len().min(COMPARED_MAX) * SIMILARITY_WORK);
            let names = known.iter().map(|(known, _)| known);
            let nearest = nearest(name, names);
            let message = format!("target_mud {name:?} is not on the network{}", did_you_mean(&nearest));
            let candidates: Vec<String> = nearest.into_iter().map(str::to_owned).collect();
            Err(if candidates.is_empty() {
                Fault::params(message)
            } else {
                Fault::ambiguous(message, candidates)
            })
        }
        Lookup::Nobody => Ok(name.to_owned()),
        Lookup::Several(candidates) => {
            let named = &candidates[..candidates.len().min(CANDIDATES_MAX)];
            let message = format!("target_mud {name:?} may be any of: {}", named.join(", "));
            Err(Fault::ambiguous(message, named.iter().map(|&name| name.to_owned()).collect()))
        }
    }
}

/// Returns a user's name as the game has published it, if it has. CoffeeMud writes the names of users in capitals.
pub(super) fn spelled<'t>(cx: &Cx<'_>, muds: &'t Muds, mud: MudId, user: &'t str) -> &'t str {
    let known = muds[mud].presence.fresh(cx.now.mono, cx.settings.api.presence_ttl);
    known.and_then(|known| known.find(user)).map_or(user, |user| &user.name)
}

/// Adds `$N` in front of an emote without it. Routers would append " (from name@mud)" to it otherwise, and muds would show
/// it without a name.
pub(super) fn with_name(emote: Cow<'_, str>) -> Cow<'_, str> {
    if emote.contains("$N") { emote } else { Cow::Owned(format!("$N {emote}")) }
}

/// Whether no mud has this name: the list is complete, and the name is neither a router's nor of a mud of this gateway,
/// which its own router need not list.
fn is_surely_unknown(cx: &Cx<'_>, muds: &Muds, mud: MudId, name: &str) -> bool {
    let one = &muds[mud];
    let is_own = cx.settings.muds.iter().any(|own| own.name.eq_ignore_ascii_case(name));
    one.link.is_ready() && one.lists.are_muds_settled(cx.now.mono) && !is_own && !name.starts_with('*')
}

/// Returns the most similar names, at most [`NEAREST_MAX`] of them, the nearest first. At most a third of the letters of
/// each differ.
pub(super) fn nearest<'n>(wanted: &str, names: impl Iterator<Item = &'n str>) -> Vec<&'n str> {
    let folded = wanted.to_lowercase();
    let letters = |name: &str| name.chars().count();
    let mut found: Vec<(usize, &str)> = names
        .take(COMPARED_MAX)
        .filter(|name| letters(name).abs_diff(letters(wanted)) * 3 <= letters(name).max(letters(wanted)))
        .map(|name| (strsim::damerau_levenshtein(&folded, &name.to_lowercase()), name))
        .filter(|(distance, name)| distance * 3 <= letters(name).max(letters(wanted)))
        .collect();
    found.sort_unstable();
    found.into_iter().take(NEAREST_MAX).map(|(_, name)| name).collect()
}

/// Returns the end of a message that names similar names, if there are any.
pub(super) fn did_you_mean(nearest: &[&str]) -> String {
    match nearest {
        [] => String::new(),
        names => format!("; did you mean {}?", names.join(" or ")),
    }
}

/// Checks and converts a caller's text for the network. Colours in ANSI become the network's own colour codes.
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

/// Returns the sender of a request: the user and the name to show.
pub(super) fn sender<'a>(from_user: Name<'a>, visname: Option<Name<'a>>) -> (Cow<'a, str>, Cow<'a, str>) {
    let shown = visname.map_or_else(|| from_user.0.clone(), |visname| visname.0);
    (from_user.0, shown)
}

/// Checks whether a local user may send another message now.
fn admit_user(cx: &mut Cx<'_>, clients: &mut Clients, mud: MudId, user: &str) -> Result<(), Fault> {
    let Some(per_minute) = cx.settings.api.user_messages_per_minute else { return Ok(()) };
    clients.user_rates.admit(mud, user, per_minute, cx.now.mono).map_err(|wait_ms| {
        cx.metrics.user_messages_limited += 1;
        Fault::too_often(wait_ms, format!("{user} may send {per_minute} messages a minute"))
    })
}

/// The names of a kind of message, and how it is sent.
pub(super) struct Names {
    /// The prefix of its message ids.
    pub(super) message: &'static str,
    /// The type of its packet.
    pub(super) packet: &'static str,
    /// Whether a long text may be split over several packets.
    pub(super) may_split: bool,
    pub(super) priority: Priority,
}

/// A message of a local user on its way to the network.
pub(super) struct Outgoing<'a> {
    pub(super) mud: MudId,
    pub(super) names: Names,
    pub(super) header: Header<'a>,
    /// What the message id names beside the kind.
    pub(super) about: String,
    /// Its target mud and user, or its channel and nothing.
    pub(super) to: [String; 2],
}

impl<'a> Outgoing<'a> {
    /// Sends the packet that `body` builds from a text, if the user may send another message now. Returns the id of the
    /// message. An error packet about the message is reported with this id.
    pub(super) fn send(
        &self,
        cx: &mut Cx<'_>,
        muds: &mut Muds,
        clients: &mut Clients,
        text: &str,
        body: impl Fn(String) -> Body<'a>,
    ) -> Result<String, Fault> {
        let from_user = or_empty(self.header.from_user.as_ref());
        admit_user(cx, clients, self.mud, from_user)?;
        let message_id = muds.message_id(cx, self.names.message, &self.about);
        let origin = Origin { message_id: Some(message_id.clone()), from_user: from_user.to_owned() };
        self.send_parts(cx, muds, origin, text, body)?;
        let to = [self.to[0].as_str(), self.to[1].as_str()];
        muds[self.mud].sent.remember(cx.now.mono, self.names.packet, from_user, to, &message_id);
        Ok(message_id)
    }

    /// Sends a text in one packet. If it does not fit and the settings allow it, the text is split at word ends into
    /// several packets. Either all of them are accepted or none.
    fn send_parts(
        &self,
        cx: &mut Cx<'_>,
        muds: &mut Muds,
        origin: Origin,
        text: &str,
        body: impl Fn(String) -> Body<'a>,
    ) -> Result<(), Fault> {
        let priority = self.names.priority;
        let packet = |text: &str| Packet { header: self.header.by_ref(), body: body(text.to_owned()) };
        let most = cx.settings.link.frame_bytes_max;
        let link = &cx.settings.link;
        let may_split = self.names.may_split && cx.settings.link.split_long_texts;
        let whole = packet(text);
        let frame = may_split.then(|| muds[self.mud].frame(link, &whole));
        if frame.as_ref().is_none_or(|frame| frame.len() <= most) {
            return muds.send_framed(cx, self.mud, priority, (&whole, frame), Some(origin));
        }
        let room = most.saturating_sub(muds[self.mud].frame(link, &packet("")).len());
        let parts = cut(text, room);
        if parts.len() > PARTS_MAX || room == 0 {
            let text =
                format!("the text has {} bytes; it would take more than {PARTS_MAX} packets", text.len());
            return Err(Fault::params(text));
        }
        if muds[self.mud].pacer.len() + parts.len() > cx.settings.link.queue_packets_max {
            return Err(Fault::gateway(&reason::QUEUE_FULL, "too many packets wait for the router"));
        }
        parts
            .iter()
            .try_for_each(|part| muds.send(cx, self.mud, priority, &packet(part), Some(origin.clone())))
    }
}

/// Splits a text into parts of at most `room` bytes, with escapes counted. A part ends after the last blank that fits;
/// a longer word is split between characters.
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
        // The room is smaller than one character. The part takes it anyway; the frame limit refuses it later.
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
        // Escapes count, and characters are not split.
        assert_eq!(cut("\"\"\" ab", 6), ["\"\"\"", "ab"]);
        assert_eq!(cut("ééé", 5), ["éé", "é"]);
        assert_eq!(cut("", 5), [""; 0]);
    }

    #[test]
    fn an_emote_names_who_does_it() {
        assert_eq!(with_name("waves".into()), "$N waves");
        assert_eq!(with_name("and $N waves".into()), "and $N waves");
    }

    #[test]
    fn a_text_without_anything_to_send_is_refused() {
        assert_eq!(sendable("message", "hi").as_deref(), Ok("hi"));
        let fault = sendable("message", " \u{1b}[0m").unwrap_err();
        assert_eq!(fault.message, "message holds nothing that can be sent");
    }
}
