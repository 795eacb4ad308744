//! Accepted messages that are remembered, so that an error can be traced to the message that caused it.

use super::questions::REFUSED_WITHIN;
use crate::i3::{Value, text};
use crate::time::Instant;
use smol_str::SmolStr;
use std::borrow::Cow;
use std::collections::VecDeque;

/// Number of messages that are remembered for one mud.
const SENT_MAX: usize = 256;

/// What an error's copy of a packet shows of it: type, sender, target mud and user, or channel.
type Key = [SmolStr; 4];

/// A message.
#[derive(Debug)]
struct Message {
    at: Instant,
    key: Key,
    id: Box<str>,
}

/// The last messages, oldest first.
#[derive(Debug, Default)]
pub(crate) struct Sent(VecDeque<Message>);

impl Sent {
    /// Remembers an accepted message. `to` is its target mud and user, or its channel and an empty text.
    pub(crate) fn remember(
        &mut self,
        now: Instant,
        kind: &str,
        from_user: &str,
        to: [&str; 2],
        message_id: &str,
    ) {
        if self.0.len() >= SENT_MAX {
            self.0.pop_front();
        }
        let key = [kind, from_user, to[0], to[1]].map(SmolStr::new);
        self.0.push_back(Message { at: now, key, id: message_id.into() });
    }

    /// Returns the id of the message that the packet in an error is a copy of.
    pub(crate) fn message_of(&self, packet: &Value<'_>) -> Option<&str> {
        let Value::Array(fields) = packet else { return None };
        let field = |at: usize| match fields.get(at) {
            Some(Value::Str(bytes)) => SmolStr::new(text::decode(Cow::Borrowed(bytes)).0),
            _ => SmolStr::default(),
        };
        let kind = field(0);
        let [to_mud, to_user] =
            if kind.starts_with("channel-") { [field(6), SmolStr::default()] } else { [field(4), field(5)] };
        let key = [kind, field(3), to_mud, to_user];
        self.0.iter().rev().find(|message| message.key == key).map(|message| &*message.id)
    }

    /// Returns the id of the message that an error to a local user refers to if it does not show its packet: the last one
    /// to a user of a mud for which `may_be` is true.
    pub(crate) fn refused_unseen(
        &self,
        now: Instant,
        user: &str,
        may_be: impl Fn(&str) -> bool,
    ) -> Option<&str> {
        let fits = |[kind, from_user, to_mud, _]: &Key| {
            matches!(kind.as_str(), "tell" | "emoteto" | "beep")
                && from_user.eq_ignore_ascii_case(user)
                && may_be(to_mud)
        };
        let recent = self.0.iter().rev().take_while(|message| now < message.at + REFUSED_WITHIN);
        recent.into_iter().find(|message| fits(&message.key)).map(|message| &*message.id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::i3::packet::{Body, Header, Packet};

    #[test]
    fn the_copy_in_an_error_leads_to_the_message() {
        let (mut sent, now) = (Sent::default(), Instant::ORIGIN);
        sent.remember(now, "tell", "ann", ["Sage", "bob"], "first");
        sent.remember(now, "tell", "ann", ["Sage", "bob"], "second");
        sent.remember(now, "channel-m", "ann", ["chat", ""], "line");
        let tell = Packet {
            header: Header::to_user("Alpha", Some("ann"), "Sage", "bob"),
            body: Body::Tell { visname: "Ann".into(), message: "hi".into() },
        };
        assert_eq!(sent.message_of(&tell.to_value()), Some("second"));
        let line = Packet {
            header: Header { from_user: Some("ann".into()), ..Header::broadcast("Alpha", None) },
            body: Body::ChannelMessage {
                channel: "chat".into(),
                visname: "Ann".into(),
                message: "hi".into(),
            },
        };
        assert_eq!(sent.message_of(&line.to_value()), Some("line"));
        for number in 0..SENT_MAX {
            sent.remember(now, "tell", "x", ["y", "z"], &number.to_string());
        }
        assert_eq!((sent.message_of(&line.to_value()), sent.0.len()), (None, SENT_MAX));
    }

    #[test]
    fn an_error_without_its_packet_refers_to_the_last_message() {
        let (mut sent, now) = (Sent::default(), Instant::ORIGIN);
        sent.remember(now, "tell", "ann", ["Sage", "bob"], "first");
        sent.remember(now, "emoteto", "Ann", ["Sage", "eve"], "second");
        sent.remember(now, "channel-m", "ann", ["Sage", ""], "line");
        let of = |user, mud: &str, at| sent.refused_unseen(at, user, |of| of == mud);
        assert_eq!((of("ann", "Sage", now), of("bea", "Sage", now)), (Some("second"), None));
        assert_eq!((of("ann", "Other", now), of("ann", "Sage", now + REFUSED_WITHIN)), (None, None));
    }
}
