//! What a link counts.

use crate::time::UnixTime;
use std::collections::BTreeMap;

/// Why a session, or an attempt at one, ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Cause {
    /// No connection could be made.
    NoConnection,
    /// Closed without a byte: the router takes one connection a second.
    ClosedAtOnce,
    /// The login was not answered.
    LoginUnanswered,
    /// The login was refused in words.
    LoginRefused,
    /// The router closed the connection, or it broke.
    ConnectionLost,
    /// No sign of life.
    Silence,
    /// The router's bytes could not be followed.
    BadFrame,
    /// Somebody asked for it.
    Requested,
    /// The preferred router was back.
    PreferredBack,
    /// The router pointed to another one.
    Redirected,
}

impl Cause {
    /// All of them.
    pub const ALL: [Cause; 10] = [
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
        }
    }
}

/// Since the start.
#[derive(Clone, Debug, Default)]
pub struct Counts {
    ends: BTreeMap<Cause, u64>,
    sent: BTreeMap<&'static str, u64>,
    /// When a router last sent anything.
    pub heard_at: Option<UnixTime>,
}

impl Counts {
    pub(super) fn end(&mut self, cause: Cause) {
        *self.ends.entry(cause).or_default() += 1;
    }

    pub(super) fn sent(&mut self, kind: &'static str) {
        *self.sent.entry(kind).or_default() += 1;
    }

    /// How often sessions, and attempts at one, ended for this cause.
    pub fn ended(&self, cause: Cause) -> u64 {
        self.ends.get(&cause).copied().unwrap_or(0)
    }

    /// The packets that the link itself has sent, past the queue: logins, probes, goodbyes.
    pub fn own_packets(&self) -> impl Iterator<Item = (&'static str, u64)> {
        self.sent.iter().map(|(kind, times)| (*kind, *times))
    }
}
