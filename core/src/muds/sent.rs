//! Accepted messages that are remembered, so that an error can be traced to the message that caused it.

use crate::i3::{Value, text};
use std::borrow::Cow;
use std::collections::VecDeque;

/// Number of messages that are remembered for one mud.
const SENT_MAX: usize = 256;

/// What an error's copy of a packet shows of it: type, sender, target mud and user, or channel.
type Key = [String; 4];

/// The last messages, oldest first.
#[derive(Debug, Default)]
pub(crate) struct Sent(VecDeque<(Key, String)>);

impl Sent {
    /// Remembers an accepted message. `to` is its target mud and user, or its channel and an empty text.
    pub(crate) fn remember(&mut self, kind: &str, from_user: &str, to: [&str; 2], message_id: &str) {
        if self.0.len() >= SENT_MAX {
            self.0.pop_front();
        }
        self.0.push_back(([kind, from_user, to[0], to[1]].map(str::to_owned), message_id.to_owned()));
    }

    /// Returns the id of the message that the packet in an error is a copy of.
    pub(crate) fn message_of(&self, packet: &Value<'_>) -> Option<&str> {
        let Value::Array(fields) = packet else { return None };
        let field = |at: usize| match fields.get(at) {
            Some(Value::Str(bytes)) => text::decode(Cow::Borrowed(bytes)).0.into_owned(),
            _ => String::new(),
        };
        let kind = field(0);
        let [to_mud, to_user] =
            if kind.starts_with("channel-") { [field(6), String::new()] } else { [field(4), field(5)] };
        let key = [kind, field(3), to_mud, to_user];
        self.0.iter().rev().find(|(known, _)| *known == key).map(|(_, message_id)| message_id.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::i3::packet::{Body, Header, Packet};

    #[test]
    fn the_copy_in_an_error_leads_to_the_message() {
        let mut sent = Sent::default();
        sent.remember("tell", "ann", ["Sage", "bob"], "first");
        sent.remember("tell", "ann", ["Sage", "bob"], "second");
        sent.remember("channel-m", "ann", ["chat", ""], "line");
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
            sent.remember("tell", "x", ["y", "z"], &number.to_string());
        }
        assert_eq!((sent.message_of(&line.to_value()), sent.0.len()), (None, SENT_MAX));
    }
}
