//! Messages on filtered channels of this gateway's muds that wait for a judgement.

use crate::cx::Cx;
use crate::i3::packet::{Body, Header, Packet};
use crate::i3::{Value, text};
use crate::ids::MudId;
use crate::machine::ConnId;
use crate::muds::Muds;
use crate::wake::Wake;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::time::Duration;

/// How long a game may take to judge a message before it passes unchanged.
pub const FILTER_WITHIN: Duration = Duration::from_secs(5);

/// Number of messages that may wait for a judgement at a time.
const FILTERS_MAX: usize = 200;

/// Bytes of the packets of these messages.
const FILTER_BYTES_MAX: usize = 1_048_576;

/// The sessions that judge, and the messages that wait for them.
#[derive(Debug, Default)]
pub(crate) struct Filters {
    last: u64,
    /// The session that judges each channel of a mud.
    judges: BTreeMap<(MudId, String), ConnId>,
    held: BTreeMap<u64, Held>,
    /// Bytes of the packets that are held.
    bytes: usize,
}

/// A message that waits for its judgement.
#[derive(Debug)]
pub(super) struct Held {
    mud: MudId,
    channel: String,
    packet: Value<'static>,
    /// The length of the packet as it came.
    bytes: usize,
}

impl Held {
    /// A message on a channel of a mud.
    pub(super) fn new(mud: MudId, channel: &str, packet: &Value<'_>, bytes: usize) -> Held {
        Held { mud, channel: channel.to_owned(), packet: packet.clone().into_owned(), bytes }
    }

    /// Replaces the text of the message: the last field of a channel-m or channel-e.
    pub(super) fn reword(&mut self, message: &str) {
        if let Value::Array(fields) = &mut self.packet
            && let [Value::Str(kind), .., text] = &mut fields[..]
            && matches!(&**kind, b"channel-m" | b"channel-e")
        {
            *text = Value::Str(Cow::Owned(message.as_bytes().to_vec()));
        }
    }

    /// Returns the mud whose message it is: the third field of its packet.
    fn speaker(&self) -> String {
        match &self.packet {
            Value::Array(fields) => match fields.get(2) {
                Some(Value::Str(name)) => text::decode(Cow::Borrowed(name)).0.into_owned(),
                _ => String::new(),
            },
            _ => String::new(),
        }
    }

    /// Passes the message on.
    pub(super) fn pass(self, cx: &mut Cx<'_>, muds: &mut Muds) {
        let router = muds[self.mud].link.router().name.clone();
        let header = Header::to_mud(&cx.settings.mud(self.mud).name, None, &router);
        let speaker = self.speaker();
        let body = Body::ChanFilterReply { channel: self.channel.into(), packet: self.packet };
        muds.answer(cx, self.mud, &speaker, &Packet { header, body });
    }
}

impl Filters {
    /// Registers a session as the judge of a channel, or removes it.
    pub(super) fn set_judge(&mut self, channel: (MudId, String), conn: ConnId, judges: bool) {
        if judges {
            self.judges.insert(channel, conn);
        } else if self.judges.get(&channel) == Some(&conn) {
            self.judges.remove(&channel);
        }
    }

    /// Whether a session judges the channel, and one more message of so many bytes may wait for it.
    pub(super) fn has_room(&self, mud: MudId, channel: &str, bytes: usize) -> bool {
        self.judges.contains_key(&(mud, channel.to_owned()))
            && self.held.len() < FILTERS_MAX
            && self.bytes + bytes <= FILTER_BYTES_MAX
    }

    /// Holds a message until it is judged. Returns its number.
    pub(super) fn hold(&mut self, cx: &mut Cx<'_>, held: Held) -> u64 {
        self.last += 1;
        self.bytes += held.bytes;
        self.held.insert(self.last, held);
        cx.timers.set(Wake::Filter(self.last), cx.now.mono + FILTER_WITHIN);
        self.last
    }

    /// Removes and returns a waiting message of a mud.
    pub(super) fn take(&mut self, cx: &mut Cx<'_>, mud: MudId, key: u64) -> Option<Held> {
        if self.held.get(&key)?.mud != mud {
            return None;
        }
        cx.timers.clear(Wake::Filter(key));
        self.remove(key)
    }

    fn remove(&mut self, key: u64) -> Option<Held> {
        let held = self.held.remove(&key)?;
        self.bytes -= held.bytes;
        Some(held)
    }

    /// Removes a client that has disconnected. Messages that wait for it pass when their time is over.
    pub(crate) fn forget(&mut self, conn: ConnId) {
        self.judges.retain(|_, judge| *judge != conn);
    }

    /// Passes a message that was not judged in time.
    pub(crate) fn is_late(&mut self, cx: &mut Cx<'_>, muds: &mut Muds, key: u64) {
        if let Some(held) = self.remove(key) {
            held.pass(cx, muds);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cx::testing::Bench;

    #[test]
    fn what_waits_for_a_judgement_is_bounded_in_number_and_bytes() {
        let (mut bench, mut filters) = (Bench::default(), Filters::default());
        let conn = bench.fx.open();
        let has_room = |filters: &Filters, bytes| filters.has_room(MudId::OWN, "chat", bytes);
        assert!(!has_room(&filters, 1), "nobody judges");
        filters.set_judge((MudId::OWN, "chat".to_owned()), conn, true);
        let held = |bytes| Held::new(MudId::OWN, "chat", &Value::Int(0), bytes);
        filters.hold(&mut bench.cx(), held(FILTER_BYTES_MAX - 100));
        assert!(has_room(&filters, 100) && !has_room(&filters, 101));
        for _ in 1..FILTERS_MAX {
            filters.hold(&mut bench.cx(), held(0));
        }
        assert!(!has_room(&filters, 0));
    }
}
