//! What a link counts: the ends of sessions by their cause, and the packets that it sends for itself.

use crate::time::UnixTime;
use std::collections::BTreeMap;

/// Why a session, or the attempt at one, has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Cause {
    /// No connection could be opened.
    NoConnection,
    /// The connection was closed without a byte: the router accepts one connection a second.
    ClosedAtOnce,
    /// The login was not answered.
    LoginUnanswered,
    /// The login was refused in words.
    LoginRefused,
    /// The router closed the connection, or it broke.
    ConnectionLost,
    /// The router gave no sign of life.
    Silence,
    /// The router sent what is no frame, or did not know the mud any more.
    BadFrame,
    /// A client asked for a new session.
    Requested,
    /// The preferred router could be reached again.
    PreferredBack,
    /// The router pointed to another one.
    Redirected,
    /// Another node holds the mud, or may hold it.
    LeaseLost,
}

impl Cause {
    /// All causes.
    pub const ALL: [Cause; 11] = [
        Cause::NoConnection,
        Cause::ClosedAtOnce,
        Cause::LoginUnanswered,
        Cause::LoginRefused,
        Cause::ConnectionLost,
        Cause::Silence,
        Cause::BadFrame,
        Cause::Requested,
        Cause::PreferredBack,
        Cause::Redirected,
        Cause::LeaseLost,
    ];

    /// As a metric's label.
    pub fn name(self) -> &'static str {
        match self {
            Cause::NoConnection => "no_connection",
            Cause::ClosedAtOnce => "closed_at_once",
            Cause::LoginUnanswered => "login_unanswered",
            Cause::LoginRefused => "login_refused",
            Cause::ConnectionLost => "connection_lost",
            Cause::Silence => "silence",
            Cause::BadFrame => "bad_frame",
            Cause::Requested => "requested",
            Cause::PreferredBack => "preferred_back",
            Cause::Redirected => "redirected",
            Cause::LeaseLost => "lease_lost",
        }
    }
}

/// The counts of a link since the start.
#[derive(Clone, Debug, Default)]
pub struct Counts {
    ends: BTreeMap<Cause, u64>,
    /// In the order of the types, of which a link sends few.
    sent: Vec<(&'static str, u64)>,
    /// When a router last sent anything.
    pub heard_at: Option<UnixTime>,
}

impl Counts {
    pub(super) fn end(&mut self, cause: Cause) {
        *self.ends.entry(cause).or_default() += 1;
    }

    pub(super) fn sent(&mut self, kind: &'static str) {
        match self.sent.binary_search_by_key(&kind, |(kind, _)| kind) {
            Ok(place) => self.sent[place].1 += 1,
            Err(place) => {
                self.sent.reserve_exact(1);
                self.sent.insert(place, (kind, 1));
            }
        }
    }

    /// How often sessions, and attempts at one, ended for this cause.
    pub fn ended(&self, cause: Cause) -> u64 {
        self.ends.get(&cause).copied().unwrap_or(0)
    }

    /// The packets that the link has sent for itself, by type: logins, probes, goodbyes.
    pub fn own_packets(&self) -> impl Iterator<Item = (&'static str, u64)> {
        self.sent.iter().copied()
    }
}
