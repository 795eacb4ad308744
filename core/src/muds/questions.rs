//! Questions of the local game that other muds may still answer. A reply that would be remembered is ignored if it answers
//! none of them: any mud can send replies, of any length and as many as it likes. An error that does not show the packet that it
//! is about is about one of them.

use crate::i3::packet::{Body, Packet};
use crate::time::Instant;
use std::collections::VecDeque;
use std::time::Duration;

/// Number of questions that are remembered. Beyond it, the oldest is forgotten.
const QUESTIONS_MAX: usize = 1_000;

/// How long a question may be answered. Muds and routers may let a packet wait for a minute each.
const ANSWERED_WITHIN: Duration = Duration::from_secs(300);

/// How long an error that does not show its packet may refer to a question or a message.
pub(super) const REFUSED_WITHIN: Duration = Duration::from_secs(60);

/// What a question is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Topic {
    Who,
    Finger,
    Locate,
    ChanUser,
    ChanWho,
}

impl Topic {
    /// Returns the type of the packet that asks.
    pub(crate) fn packet(self) -> &'static str {
        match self {
            Topic::Who => "who-req",
            Topic::Finger => "finger-req",
            Topic::Locate => "locate-req",
            Topic::ChanUser => "chan-user-req",
            Topic::ChanWho => "chan-who-req",
        }
    }

    /// Whether it is about a user, who may be unknown to the other mud.
    fn is_about_user(self) -> bool {
        matches!(self, Topic::Finger | Topic::Locate | Topic::ChanUser)
    }
}

/// A question that was sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Asked {
    pub(crate) topic: Topic,
    /// The mud that was asked; empty if all were.
    pub(crate) of: String,
    /// The local user; empty if the question names none.
    pub(crate) asker: String,
    /// The user or the channel that it is about; empty for who.
    pub(crate) about: String,
}

impl Asked {
    /// Reads a packet that asks something.
    fn read(packet: &Packet<'_>) -> Option<Asked> {
        let (topic, about) = match &packet.body {
            Body::WhoReq {} => (Topic::Who, ""),
            Body::FingerReq { user } => (Topic::Finger, &**user),
            Body::LocateReq { user } => (Topic::Locate, &**user),
            Body::ChanUserReq { user } => (Topic::ChanUser, &**user),
            Body::ChanWhoReq { channel } => (Topic::ChanWho, &**channel),
            _ => return None,
        };
        let header = &packet.header;
        let owned = |text: Option<&str>| text.unwrap_or_default().to_owned();
        let (of, asker) = (owned(header.to_mud.as_deref()), owned(header.from_user.as_deref()));
        Some(Asked { topic, of, asker, about: about.to_owned() })
    }

    /// Whether a packet is a reply to this question. A router or a mud may lose the user, and a CoffeeMud router loses
    /// the channel.
    fn is_answered_by(&self, packet: &Packet<'_>) -> bool {
        let is_from = self.of.eq_ignore_ascii_case(&packet.header.from_mud);
        let to_asker = packet.header.to_user.as_ref().is_none_or(|to| self.asker.eq_ignore_ascii_case(to));
        let is_about = |about: &str| self.about.eq_ignore_ascii_case(about);
        match (&packet.body, self.topic) {
            (Body::WhoReply { .. }, Topic::Who) | (Body::FingerReply { .. }, Topic::Finger) => {
                is_from && to_asker
            }
            (Body::LocateReply { .. }, Topic::Locate) => to_asker,
            (Body::ChanUserReply { user, .. }, Topic::ChanUser) => is_from && is_about(user),
            (Body::ChanWhoReply { channel, .. }, Topic::ChanWho) => {
                is_from && (channel.is_empty() || is_about(channel))
            }
            _ => false,
        }
    }
}

/// The questions that may still be answered, oldest first.
#[derive(Debug, Default)]
pub(crate) struct Questions(VecDeque<(Instant, Asked)>);

impl Questions {
    /// Notes that a packet was sent, if it asks something.
    pub(crate) fn sent(&mut self, now: Instant, packet: &Packet<'_>) {
        let Some(asked) = Asked::read(packet) else { return };
        self.forget(now);
        if self.0.len() >= QUESTIONS_MAX {
            self.0.pop_front();
        }
        self.0.push_back((now, asked));
    }

    fn forget(&mut self, now: Instant) {
        while self.0.front().is_some_and(|(at, _)| *at + ANSWERED_WITHIN <= now) {
            self.0.pop_front();
        }
    }

    /// Returns the question that a reply answers: the oldest that fits. It is closed, unless many muds may answer it.
    pub(crate) fn answered(&mut self, now: Instant, packet: &Packet<'_>) -> Option<Asked> {
        self.forget(now);
        let at = self.0.iter().position(|(_, asked)| asked.is_answered_by(packet))?;
        let stays_open = self.0[at].1.topic == Topic::Locate;
        let answered = if stays_open { self.0.get(at).cloned() } else { self.0.remove(at) };
        answered.map(|(_, asked)| asked)
    }

    /// Closes and returns a question that was refused.
    pub(crate) fn refused(&mut self, kind: &str, of: &str, asker: &str) -> Option<Asked> {
        let is_it = |asked: &Asked| {
            asked.topic.packet() == kind
                && asked.of.eq_ignore_ascii_case(of)
                && asked.asker.eq_ignore_ascii_case(asker)
        };
        let at = self.0.iter().position(|(_, asked)| is_it(asked))?;
        self.0.remove(at).map(|(_, asked)| asked)
    }

    /// Returns the question that an error to a local user refers to if it does not show its packet: the oldest one to a mud
    /// for which `may_be` is true. An error about a user refers only to a question about a user.
    pub(crate) fn refused_unseen(
        &self,
        now: Instant,
        user: &str,
        is_about_user: bool,
        may_be: impl Fn(&str) -> bool,
    ) -> Option<&Asked> {
        let fits = |asked: &Asked| {
            asked.topic != Topic::Locate
                && may_be(&asked.of)
                && asked.asker.eq_ignore_ascii_case(user)
                && (!is_about_user || asked.topic.is_about_user())
        };
        let recent = self.0.iter().filter(|(at, _)| now < *at + REFUSED_WITHIN);
        recent.map(|(_, asked)| asked).find(|asked| fits(asked))
    }

    /// Whether a user has asked all muds for somebody a moment ago.
    pub(crate) fn has_locate(&self, now: Instant, user: &str) -> bool {
        let recent = self.0.iter().filter(|(at, _)| now < *at + REFUSED_WITHIN);
        recent
            .map(|(_, asked)| asked)
            .any(|asked| asked.topic == Topic::Locate && asked.asker.eq_ignore_ascii_case(user))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::i3::packet::Header;

    fn packet<'a>(from: (&'a str, &'a str), to: (&'a str, &'a str), body: Body<'a>) -> Packet<'a> {
        let mut header = Header::to_user(from.0, Some(from.1).filter(|user| !user.is_empty()), to.0, to.1);
        header.to_mud = header.to_mud.filter(|mud| !mud.is_empty());
        header.to_user = header.to_user.filter(|user| !user.is_empty());
        Packet { header, body }
    }

    fn seconds(seconds: u64) -> Instant {
        Instant::from_micros(seconds * 1_000_000)
    }

    #[test]
    fn only_what_was_asked_is_answered_and_only_once() {
        let who = || Body::WhoReply { users: Vec::new() };
        let reply = |from: &'static str, user: &'static str| packet((from, ""), ("Alpha", user), who());
        let mut questions = Questions::default();
        assert_eq!(questions.answered(seconds(0), &reply("Sage", "ann")), None);
        for asker in ["Ann", "Bea"] {
            questions.sent(seconds(1), &packet(("Alpha", asker), ("Sage", ""), Body::WhoReq {}));
        }
        assert_eq!(questions.answered(seconds(2), &reply("Spam", "ann")), None);
        assert_eq!(questions.answered(seconds(2), &reply("Sage", "cid")), None);
        assert!(
            questions.answered(seconds(2), &reply("Sage", "bea")).is_some_and(|asked| asked.asker == "Bea")
        );
        assert_eq!(questions.answered(seconds(2), &reply("Sage", "bea")), None);
        // A mud that loses the user.
        assert!(questions.answered(seconds(2), &reply("SAGE", "")).is_some_and(|asked| asked.asker == "Ann"));
        questions.sent(seconds(3), &packet(("Alpha", "Ann"), ("Sage", ""), Body::WhoReq {}));
        assert_eq!(questions.answered(seconds(303), &reply("Sage", "ann")), None, "too late");
    }

    #[test]
    fn a_locate_has_many_answers_and_a_channel_may_be_lost() {
        let mut questions = Questions::default();
        let locate = Body::LocateReq { user: "fred".into() };
        questions.sent(seconds(0), &packet(("Alpha", "Ann"), ("", ""), locate));
        let found = Body::LocateReply {
            located_mud: "Sage".into(),
            located_user: "Fred".into(),
            idle: 0,
            status: None,
        };
        for from in ["Sage", "Other"] {
            let reply = packet((from, ""), ("Alpha", "ann"), found.clone());
            assert!(questions.answered(seconds(1), &reply).is_some());
        }
        assert!(questions.has_locate(seconds(59), "ANN") && !questions.has_locate(seconds(60), "ann"));
        let ask = Body::ChanWhoReq { channel: "chat".into() };
        questions.sent(seconds(1), &packet(("Alpha", "Ann"), ("Sage", ""), ask));
        let users = |channel: &'static str| Body::ChanWhoReply { channel: channel.into(), users: Vec::new() };
        let reply = |channel| packet(("Sage", ""), ("Alpha", "x"), users(channel));
        assert_eq!(questions.answered(seconds(2), &reply("code")), None);
        assert!(questions.answered(seconds(2), &reply("")).is_some_and(|asked| asked.about == "chat"));
    }

    #[test]
    fn an_error_without_its_packet_refers_to_the_oldest_question() {
        let mut questions = Questions::default();
        let finger = || Body::FingerReq { user: "zed".into() };
        questions.sent(seconds(0), &packet(("Alpha", "Ann"), ("Sage", ""), Body::WhoReq {}));
        questions.sent(seconds(1), &packet(("Alpha", "Ann"), ("Sage", ""), finger()));
        let topic = |questions: &Questions, at, user, about_user| {
            let asked = questions.refused_unseen(seconds(at), user, about_user, |of| of == "Sage");
            asked.map(|asked| asked.topic)
        };
        assert_eq!(topic(&questions, 2, "ann", false), Some(Topic::Who));
        assert_eq!(topic(&questions, 2, "ann", true), Some(Topic::Finger));
        assert_eq!((topic(&questions, 2, "bea", false), topic(&questions, 61, "ann", false)), (None, None));
        assert!(questions.refused("who-req", "sage", "ann").is_some());
        assert_eq!(topic(&questions, 2, "ann", false), Some(Topic::Finger));
    }

    #[test]
    fn the_number_of_questions_is_limited() {
        let mut questions = Questions::default();
        for _ in 0..2 * QUESTIONS_MAX {
            questions.sent(seconds(0), &packet(("Alpha", "Ann"), ("Sage", ""), Body::WhoReq {}));
        }
        assert_eq!(questions.0.len(), QUESTIONS_MAX);
    }
}
