//! Messages on filtered channels of this gateway's muds that wait for a judgement.

use crate::cx::Cx;
use crate::i3::packet::{Body, Header, Packet};
use crate::i3::{Value, text};
use crate::ids::MudId;
use crate::machine::ConnId;
use crate::muds::Muds;
use crate::time::UnixTime;
use crate::wake::Wake;
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
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
    /// The session here that judges each channel of a mud.
    judges: BTreeMap<(MudId, String), Judge>,
    /// The sessions at other nodes that judge. Of several the last one counts.
    elsewhere: BTreeMap<(MudId, String), BTreeSet<(u64, String)>>,
    held: BTreeMap<u64, Held>,
    /// Bytes of the packets that are held.
    bytes: usize,
}

/// A session that judges a channel.
#[derive(Debug)]
struct Judge {
    conn: ConnId,
    /// When it began: microseconds since 1970. At other nodes none that began earlier judges.
    since: u64,
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

    /// Passes a message on that nobody judges. Where several nodes got it, the holder of the mud does.
    pub(super) fn pass_unjudged(self, cx: &mut Cx<'_>, muds: &mut Muds) {
        if cx.fx.holds(&cx.settings.mud(self.mud).name) {
            self.pass(cx, muds);
        }
    }

    /// Passes the message on. Only the node of its judge does this, whether or not that holds the mud.
    pub(super) fn pass(self, cx: &mut Cx<'_>, muds: &mut Muds) {
        let router = muds[self.mud].link.router().name.clone();
        let header = Header::to_mud(&cx.settings.mud(self.mud).name, None, &router);
        let speaker = self.speaker();
        let body = Body::ChanFilterReply { channel: self.channel.into(), packet: self.packet };
        muds.answer_of_game(cx, self.mud, &speaker, &Packet { header, body });
    }
}

impl Filters {
    /// Registers a session as the judge of a channel, or removes it.
    pub(super) fn set_judge(&mut self, channel: (MudId, String), conn: ConnId, judges: bool, now: UnixTime) {
        if judges {
            // The clocks of nodes differ. Who comes later must judge.
            let since = now.micros().max(self.last_elsewhere(&channel) + 1);
            self.judges.insert(channel, Judge { conn, since });
        } else if self.judges.get(&channel).is_some_and(|judge| judge.conn == conn) {
            self.judges.remove(&channel);
        }
    }

    /// Returns the channels that a session judges, each with the time at which it began.
    pub(super) fn judged_by(&self, conn: ConnId) -> BTreeMap<String, u64> {
        let own = self.judges.iter().filter(|(_, judge)| judge.conn == conn);
        own.map(|((_, channel), judge)| (channel.clone(), judge.since)).collect()
    }

    /// Notes that the session `id` at another node judges a channel. Returns the session here that no longer does.
    pub(super) fn judged_elsewhere(
        &mut self,
        channel: (MudId, String),
        since: u64,
        id: &str,
    ) -> Option<ConnId> {
        let is_over = self.judges.get(&channel).is_some_and(|judge| judge.since < since);
        let replaced = if is_over { self.judges.remove(&channel) } else { None };
        self.elsewhere.entry(channel).or_default().insert((since, id.to_owned()));
        replaced.map(|judge| judge.conn)
    }

    /// Notes that the session `id` at another node no longer judges a channel.
    pub(super) fn not_judged_elsewhere(&mut self, channel: &(MudId, String), since: u64, id: &str) {
        if let Some(judges) = self.elsewhere.get_mut(channel) {
            judges.remove(&(since, id.to_owned()));
            if judges.is_empty() {
                self.elsewhere.remove(channel);
            }
        }
    }

    fn last_elsewhere(&self, channel: &(MudId, String)) -> u64 {
        let judges = self.elsewhere.get(channel);
        judges.and_then(BTreeSet::last).map_or(0, |(since, _)| *since)
    }

    /// Whether a session at another node judges the channel, and none here.
    pub(super) fn is_left_to_others(&self, mud: MudId, channel: &str) -> bool {
        let channel = (mud, channel.to_owned());
        let others = self.last_elsewhere(&channel);
        others > 0 && self.judges.get(&channel).is_none_or(|judge| judge.since < others)
    }

    /// Whether a session here judges the channel.
    pub(super) fn is_judged_here(&self, mud: MudId, channel: &str) -> bool {
        self.judges.contains_key(&(mud, channel.to_owned()))
    }

    /// Whether one more message of so many bytes may wait for a judgement.
    pub(super) fn has_room(&self, bytes: usize) -> bool {
        self.held.len() < FILTERS_MAX && self.bytes + bytes <= FILTER_BYTES_MAX
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
        self.judges.retain(|_, judge| judge.conn != conn);
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
        let has_room = |filters: &Filters, bytes| filters.has_room(bytes);
        assert!(!filters.is_judged_here(MudId::OWN, "chat"));
        filters.set_judge((MudId::OWN, "chat".to_owned()), conn, true, UnixTime::default());
        assert!(filters.is_judged_here(MudId::OWN, "chat"));
        let held = |bytes| Held::new(MudId::OWN, "chat", &Value::Int(0), bytes);
        filters.hold(&mut bench.cx(), held(FILTER_BYTES_MAX - 100));
        assert!(has_room(&filters, 100) && !has_room(&filters, 101));
        for _ in 1..FILTERS_MAX {
            filters.hold(&mut bench.cx(), held(0));
        }
        assert!(!has_room(&filters, 0));
    }

    #[test]
    fn of_judges_at_several_nodes_the_last_one_counts() {
        let (mut bench, mut filters) = (Bench::default(), Filters::default());
        let conn = bench.fx.open();
        let (chat, at) = ((MudId::OWN, "chat".to_owned()), UnixTime::from_micros);
        let is_left = |filters: &Filters| filters.is_left_to_others(MudId::OWN, "chat");
        assert_eq!((is_left(&filters), filters.judged_elsewhere(chat.clone(), 5, "one")), (false, None));
        assert!(is_left(&filters));
        // The clock of this node is behind.
        filters.set_judge(chat.clone(), conn, true, at(3));
        assert_eq!((is_left(&filters), filters.judged_by(conn)["chat"]), (false, 6));
        assert_eq!(filters.judged_elsewhere(chat.clone(), 4, "two"), None, "it began before");
        assert!(!is_left(&filters));
        assert_eq!(filters.judged_elsewhere(chat.clone(), 9, "two"), Some(conn));
        assert!(is_left(&filters) && !filters.is_judged_here(MudId::OWN, "chat"));
        for (since, id) in [(9, "two"), (4, "two"), (5, "one")] {
            assert!(is_left(&filters));
            filters.not_judged_elsewhere(&chat, since, id);
        }
        assert!(!is_left(&filters) && filters.elsewhere.is_empty());
    }
}
