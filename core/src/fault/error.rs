//! Errors of requests.

use super::reason::Reason;
use crate::describe::values::Wrong;
use crate::time::UnixTime;
use std::borrow::Cow;

/// The kind of an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FaultKind {
    /// A parameter is missing or wrong.
    Params,
    /// The client has sent no key, or a wrong one.
    NotAuthenticated,
    /// Too many requests, wrong keys or messages.
    RateLimit,
    /// The key lacks a permission.
    Permission,
    /// The session has ended.
    SessionExpired,
    /// The gateway cannot do it now.
    Gateway,
}

/// The particulars of an error, for programs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Data {
    /// None but the kind.
    None,
    /// The mud names that an ambiguous name may mean.
    Candidates(Vec<String>),
    /// The time after which a retry may succeed.
    RetryAfter {
        /// Milliseconds to wait.
        retry_after_ms: u64,
    },
    /// What the client lacks.
    Needs {
        /// A description, or the name of a permission.
        needs: String,
        /// The ban that stops the packet, if there is one.
        ban_id: Option<u64>,
    },
    /// Why the gateway cannot do it now.
    Reason {
        /// The name of a [`Reason`], or an error code of Intermud-3.
        reason: Cow<'static, str>,
        /// Whether a retry of the request may succeed.
        retryable: bool,
    },
    /// The link to the router is down.
    Away {
        /// When the gateway tries to connect again. `None`: it is trying now.
        next_attempt: Option<UnixTime>,
        /// Why the link is down, in the words of the system or of the router.
        error: String,
    },
}

/// The error of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The kind.
    pub kind: FaultKind,
    /// The text for people.
    pub message: String,
    /// The particulars, for programs.
    pub data: Data,
}

impl Fault {
    fn plain(kind: FaultKind, message: impl Into<String>) -> Self {
        Fault { kind, message: message.into(), data: Data::None }
    }

    /// An error about a parameter.
    pub fn params(message: impl Into<String>) -> Self {
        Fault::plain(FaultKind::Params, message)
    }

    /// An error about an ambiguous name.
    pub fn ambiguous(message: impl Into<String>, candidates: Vec<String>) -> Self {
        Fault { data: Data::Candidates(candidates), ..Fault::params(message) }
    }

    /// An error about a missing or wrong key.
    pub fn not_authenticated(message: impl Into<String>) -> Self {
        Fault::plain(FaultKind::NotAuthenticated, message)
    }

    /// An error about a session that has ended.
    pub fn session_expired(message: impl Into<String>) -> Self {
        Fault::plain(FaultKind::SessionExpired, message)
    }

    /// An error about a request that came too early, with the milliseconds to wait.
    pub fn too_often(retry_after_ms: u64, message: impl Into<String>) -> Self {
        Fault { data: Data::RetryAfter { retry_after_ms }, ..Fault::plain(FaultKind::RateLimit, message) }
    }

    /// An error about a missing permission; `needs` is what the client lacks.
    pub fn permission(needs: impl Into<String>, message: impl Into<String>) -> Self {
        let data = Data::Needs { needs: needs.into(), ban_id: None };
        Fault { data, ..Fault::plain(FaultKind::Permission, message) }
    }

    /// An error about a banned packet.
    pub fn banned(ban_id: u64, message: impl Into<String>) -> Self {
        let data = Data::Needs { needs: format!("the end of ban {ban_id}"), ban_id: Some(ban_id) };
        Fault { data, ..Fault::plain(FaultKind::Permission, message) }
    }

    /// An error about something that the gateway cannot do now.
    pub fn gateway(reason: &'static Reason, message: impl Into<String>) -> Self {
        let data = Data::Reason { reason: Cow::Borrowed(reason.name), retryable: reason.retryable };
        Fault { data, ..Fault::plain(FaultKind::Gateway, message) }
    }

    /// An error about a link that is down. The message is for players: it says when the gateway tries again, in UTC.
    pub fn away(next_attempt: Option<UnixTime>, error: impl Into<String>) -> Self {
        let message = match next_attempt {
            Some(at) => format!("Intermud-3 is away; next try at {}", at.hours_and_minutes()),
            None => "Intermud-3 is away; trying to connect now".to_owned(),
        };
        let data = Data::Away { next_attempt, error: error.into() };
        Fault { data, ..Fault::plain(FaultKind::Gateway, message) }
    }

    /// An error from another mud or a router, with an error code of Intermud-3.
    pub fn refused(error_code: &str, message: impl Into<String>) -> Self {
        let data = Data::Reason { reason: Cow::Owned(error_code.to_owned()), retryable: false };
        Fault { data, ..Fault::plain(FaultKind::Gateway, message) }
    }
}

impl From<Wrong> for Fault {
    fn from(wrong: Wrong) -> Self {
        Fault::params(wrong.to_string())
    }
}
