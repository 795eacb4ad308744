//! The one user for whom a session speaks. A game speaks for all users of its mud; a client of IRC speaks for its nick.
//!
//! Such a session receives, of all that is for a user of the mud, only what is for its own. It can receive its own lines
//! back once they have come from the network, and errors about a message with the target of that message.

use super::way::{Personal, Posted};
use crate::time::Instant;
use serde::Deserialize;
use std::borrow::Cow;
use std::collections::VecDeque;
use std::time::Duration;

/// Number of own lines on channels that may be on their way to the router and back.
const UNECHOED_MAX: usize = 200;

/// How long an own line may take to the router and back.
pub const ECHO_WITHIN: Duration = Duration::from_secs(10);

/// How long the answer of the router to a join may take.
const JOIN_ANSWERED_WITHIN: Duration = Duration::from_secs(30);

/// Number of joins that may wait for such an answer. Of more, the oldest are forgotten.
const JOINED_MAX: usize = 500;

/// How long other nodes need not be told that a user goes on speaking.
const HEARD_OF_AFTER: Duration = Duration::from_secs(60);

/// Number of sent messages whose targets are remembered, for errors about them.
const SENT_MAX: usize = 100;

/// Number of users of other muds that are remembered by their names alone.
const MET_MAX: usize = 500;

/// From whom and for whom an event is, read from its members.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Addressed<'a> {
    #[serde(borrow)]
    pub(crate) channel: Option<Cow<'a, str>>,
    #[serde(borrow)]
    pub(crate) from_mud: Option<Cow<'a, str>>,
    #[serde(borrow)]
    pub(crate) from_user: Option<Cow<'a, str>>,
    #[serde(borrow)]
    pub(crate) to_user: Option<Cow<'a, str>>,
    #[serde(borrow)]
    pub(crate) message_id: Option<Cow<'a, str>>,
    #[serde(rename = "self", default)]
    pub(crate) is_echo: bool,
}

impl<'a> Addressed<'a> {
    /// Reads the members of an event.
    pub(crate) fn of(posted: &Posted<'a>) -> Addressed<'a> {
        crate::saved::read(posted.members).unwrap_or_default()
    }
}

/// An own line on a channel that has not come back.
#[derive(Debug)]
struct Unechoed {
    channel: String,
    label: Option<String>,
    is_notice: bool,
    at: Instant,
}

/// How a person sees an event.
#[derive(Debug)]
pub(crate) enum Sees {
    /// Not at all.
    Nothing,
    /// Like everybody else.
    Shared,
    /// In a form of its own.
    Alone(Alone),
}

/// What an event holds for one person only.
#[derive(Debug, Default)]
pub(crate) struct Alone {
    label: Option<String>,
    about: Option<String>,
    is_notice: bool,
    with_mud: bool,
}

impl Alone {
    /// Returns it in the form that an encoder takes.
    pub(crate) fn personal(&self) -> Personal<'_> {
        let (label, about) = (self.label.as_deref(), self.about.as_deref());
        Personal { label, about, is_notice: self.is_notice, with_mud: self.with_mud }
    }
}

/// The user for whom a session speaks.
#[derive(Debug)]
pub(crate) struct Person {
    /// The name, in the spelling that the client has chosen.
    pub(crate) user: String,
    /// It receives its own lines too.
    pub(crate) wants_echo: bool,
    /// It asks for the history of channels itself, so none is replayed to it.
    pub(crate) fetches_history: bool,
    /// Why the user is away.
    pub(crate) away: Option<String>,
    /// When the user last said something.
    pub(crate) spoke: Instant,
    /// When other nodes were last told of that.
    heard_of: Instant,
    unechoed: VecDeque<Unechoed>,
    sent: VecDeque<(String, String)>,
    met: VecDeque<(String, String)>,
    joined: VecDeque<(String, Instant)>,
}

impl Person {
    /// Creates the person of a new session.
    pub(crate) fn new(user: &str, now: Instant) -> Person {
        Person {
            user: user.to_owned(),
            wants_echo: false,
            fetches_history: false,
            away: None,
            spoke: now,
            heard_of: now,
            unechoed: VecDeque::new(),
            sent: VecDeque::new(),
            met: VecDeque::new(),
            joined: VecDeque::new(),
        }
    }

    /// Whether this is the person's name, in any case.
    pub(crate) fn is(&self, user: &str) -> bool {
        self.user.eq_ignore_ascii_case(user)
    }

    /// Notes that the user has said something. Returns whether other nodes have not been told of that for a while.
    pub(crate) fn is_heard_of_again(&mut self, now: Instant) -> bool {
        self.spoke = now;
        let is_due = now.since(self.heard_of) >= HEARD_OF_AFTER;
        if is_due {
            self.heard_of = now;
        }
        is_due
    }

    /// Whether an event concerns the person: it is for this user, or for no user in particular.
    pub(crate) fn is_concerned(&self, addressed: &Addressed<'_>) -> bool {
        addressed.to_user.as_deref().is_none_or(|user| user.is_empty() || self.is(user))
    }

    /// Notes an own line on a channel. It is expected back from the network.
    pub(crate) fn said(&mut self, channel: &str, label: Option<&str>, is_notice: bool, now: Instant) {
        self.spoke = now;
        let (channel, label) = (channel.to_owned(), label.map(str::to_owned));
        let line = Unechoed { channel, label, is_notice, at: now };
        self.unechoed.push_back(line);
        if self.unechoed.len() > UNECHOED_MAX {
            self.unechoed.pop_front();
        }
    }

    /// Returns when the oldest line with a label that has not come back counts as lost.
    pub(crate) fn echo_due(&self) -> Option<Instant> {
        self.unechoed.iter().find(|line| line.label.is_some()).map(|line| line.at + ECHO_WITHIN)
    }

    /// Forgets the lines that have not come back in time. Returns their labels.
    pub(crate) fn forget_unechoed(&mut self, now: Instant) -> Vec<String> {
        let mut labels = Vec::new();
        while self.unechoed.front().is_some_and(|line| line.at + ECHO_WITHIN <= now) {
            labels.extend(self.unechoed.pop_front().and_then(|line| line.label));
        }
        labels
    }

    /// Notes a message that was sent, and the target as the client wrote it.
    pub(crate) fn sent(&mut self, message_id: &str, target: &str) {
        self.sent.push_back((message_id.to_owned(), target.to_owned()));
        if self.sent.len() > SENT_MAX {
            self.sent.pop_front();
        }
    }

    /// Notes that a channel was joined. The router may still refuse it.
    pub(crate) fn joins(&mut self, channel: &str, now: Instant) {
        self.joined.retain(|(_, at)| *at + JOIN_ANSWERED_WITHIN > now);
        self.joined.push_back((channel.to_owned(), now));
        if self.joined.len() > JOINED_MAX {
            self.joined.pop_front();
        }
    }

    /// Whether a channel was joined so recently that an error of the router about it is the answer to that.
    pub(crate) fn has_just_joined(&self, channel: &str, now: Instant) -> bool {
        self.joined.iter().any(|(joined, at)| joined == channel && *at + JOIN_ANSWERED_WITHIN > now)
    }

    /// Notes where a user is, so that the name alone is enough for an answer.
    pub(crate) fn meets(&mut self, user: &str, mud: &str) {
        if self.mud_of(user).is_none() {
            self.met.push_back((user.to_ascii_lowercase(), mud.to_owned()));
        }
        if self.met.len() > MET_MAX {
            self.met.pop_front();
        }
    }

    /// Returns the mud of a user whose name alone was shown.
    pub(crate) fn mud_of(&self, user: &str) -> Option<&str> {
        let found = self.met.iter().find(|(known, _)| known.eq_ignore_ascii_case(user));
        found.map(|(_, mud)| mud.as_str())
    }

    /// Decides how the person sees an event that concerns it.
    pub(crate) fn sees(&mut self, posted: &Posted<'_>, addressed: &Addressed<'_>, now: Instant) -> Sees {
        let from_user = addressed.from_user.as_deref().unwrap_or_default();
        let from_mud = addressed.from_mud.as_deref().unwrap_or_default();
        if let Some(channel) = addressed.channel.as_deref()
            && addressed.is_echo
            && self.is(from_user)
            && let Some(Unechoed { label, is_notice, .. }) = self.came_back(channel, now)
        {
            let alone = Alone { label, is_notice, ..Alone::default() };
            return if self.wants_echo { Sees::Alone(alone) } else { Sees::Nothing };
        }
        if let Some(message_id) = addressed.message_id.as_deref()
            && let Some((_, target)) = self.sent.iter().find(|(sent, _)| sent == message_id)
        {
            return Sees::Alone(Alone { about: Some(target.clone()), ..Alone::default() });
        }
        if posted.kind.kept == Some(crate::event::Class::Tells) && !from_user.is_empty() {
            self.meets(from_user, from_mud);
            if self.mud_of(from_user).is_some_and(|mud| mud != from_mud) {
                return Sees::Alone(Alone { with_mud: true, ..Alone::default() });
            }
        }
        Sees::Shared
    }

    /// Returns the own line that has come back. Returns `None` if another session of the user has said it.
    fn came_back(&mut self, channel: &str, now: Instant) -> Option<Unechoed> {
        self.unechoed.retain(|line| line.label.is_some() || line.at + ECHO_WITHIN * 6 > now);
        let at = self.unechoed.iter().position(|line| line.channel == channel)?;
        self.unechoed.remove(at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event;
    use crate::time::UnixTime;

    const NOW: Instant = Instant::ORIGIN;

    fn sees(person: &mut Person, kind: &str, members: &str) -> String {
        let (kind, at) = (event::find(kind).unwrap(), UnixTime::from_micros(0));
        let personal = Personal::default();
        let posted =
            Posted { kind, members: members.as_bytes(), id: 1, at, stamp: None, is_replay: false, personal };
        let addressed = Addressed::of(&posted);
        if !person.is_concerned(&addressed) {
            return "not concerned".to_owned();
        }
        match person.sees(&posted, &addressed, NOW) {
            Sees::Nothing => "nothing".to_owned(),
            Sees::Shared => "shared".to_owned(),
            Sees::Alone(alone) => format!("{:?}", alone.personal()),
        }
    }

    #[test]
    fn only_what_is_for_the_user_concerns_it() {
        let mut ann = Person::new("Ann", NOW);
        let tell = |to: &str| format!(r#"{{"from_mud":"Sage","from_user":"bob","to_user":"{to}"}}"#);
        assert_eq!(sees(&mut ann, "tell_received", &tell("ann")), "shared");
        assert_eq!(sees(&mut ann, "tell_received", &tell("cid")), "not concerned");
        assert_eq!(sees(&mut ann, "error_occurred", r#"{"to_user":""}"#), "shared");
        assert_eq!(ann.mud_of("BOB"), Some("Sage"));
        // The name alone is the first one's.
        let other = r#"{"from_mud":"Other","from_user":"Bob","to_user":"ann"}"#;
        assert!(sees(&mut ann, "tell_received", other).contains("with_mud: true"));
    }

    #[test]
    fn an_own_line_comes_back_once_and_the_next_is_another_sessions() {
        let mut ann = Person::new("ann", NOW);
        let line = r#"{"channel":"chat","from_mud":"Alpha","from_user":"ann","self":true}"#;
        ann.said("chat", None, false, NOW);
        assert_eq!(sees(&mut ann, "channel_message", line), "nothing");
        assert_eq!(sees(&mut ann, "channel_message", line), "shared");
        ann.wants_echo = true;
        ann.said("chat", Some("x"), true, NOW);
        assert!(ann.echo_due().is_some());
        let seen = sees(&mut ann, "channel_message", line);
        assert!(seen.contains(r#"label: Some("x")"#) && seen.contains("is_notice: true"), "{seen}");
        ann.said("chat", Some("y"), false, NOW);
        assert!(ann.forget_unechoed(NOW).is_empty());
        assert_eq!(ann.forget_unechoed(NOW + ECHO_WITHIN), ["y"]);
        assert_eq!(sees(&mut ann, "channel_message", line), "shared");
    }

    #[test]
    fn an_error_names_the_target_of_the_message() {
        let mut ann = Person::new("ann", NOW);
        ann.sent("tell_1", "bob@Sage");
        let error = |id: &str| format!(r#"{{"to_user":"ann","message_id":"{id}"}}"#);
        assert!(sees(&mut ann, "error_occurred", &error("tell_1")).contains(r#"about: Some("bob@Sage")"#));
        assert_eq!(sees(&mut ann, "error_occurred", &error("tell_2")), "shared");
    }
}
