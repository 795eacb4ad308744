//! The error of a request.

use super::reason::Reason;
use crate::describe::values::Wrong;
use std::borrow::Cow;

/// What kind of error it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FaultKind {
    /// A parameter is missing or wrong.
    Params,
    /// The client has not shown a key, or a wrong one.
    NotAuthenticated,
    /// Too many requests, wrong keys or messages.
    RateLimit,
    /// The key does not allow it.
    Permission,
    /// The session has ended.
    SessionExpired,
    /// The gateway cannot do it now.
    Gateway,
}

/// What a program needs to know of an error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Data {
    /// Nothing but its kind.
    None,
    /// The names that a loose name may mean.
    Candidates(Vec<String>),
    /// When there is room again.
    RetryAfter {
        /// Milliseconds from now.
        retry_after_ms: u64,
    },
    /// What would allow it.
    Needs {
        /// In words, or the name of a permission.
        needs: String,
        /// The ban that stands in the way, if one does.
        ban_id: Option<u64>,
    },
    /// Why the gateway cannot do it.
    Reason {
        /// The name of a [`Reason`], or an error code of Intermud-3.
        reason: Cow<'static, str>,
        /// The same request may succeed later.
        retryable: bool,
    },
}

/// Why a request is not carried out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// What kind of error it is.
    pub kind: FaultKind,
    /// For people.
    pub message: String,
    /// For programs.
    pub data: Data,
}

impl Fault {
    fn plain(kind: FaultKind, message: impl Into<String>) -> Self {
        Fault { kind, message: message.into(), data: Data::None }
    }

    /// A wrong parameter.
    pub fn params(message: impl Into<String>) -> Self {
        Fault::plain(FaultKind::Params, message)
    }

    /// A name that may mean any of several.
    pub fn ambiguous(message: impl Into<String>, candidates: Vec<String>) -> Self {
        Fault { data: Data::Candidates(candidates), ..Fault::params(message) }
    }

    /// No key was shown, or a wrong one.
    pub fn not_authenticated(message: impl Into<String>) -> Self {
        Fault::plain(FaultKind::NotAuthenticated, message)
    }

    /// The session has ended.
    pub fn session_expired(message: impl Into<String>) -> Self {
        Fault::plain(FaultKind::SessionExpired, message)
    }

    /// Too early; with the milliseconds until there is room.
    pub fn too_often(retry_after_ms: u64, message: impl Into<String>) -> Self {
        Fault { data: Data::RetryAfter { retry_after_ms }, ..Fault::plain(FaultKind::RateLimit, message) }
    }

    /// The key does not allow it; `needs` says what would.
    pub fn permission(needs: impl Into<String>, message: impl Into<String>) -> Self {
        let data = Data::Needs { needs: needs.into(), ban_id: None };
        Fault { data, ..Fault::plain(FaultKind::Permission, message) }
    }

    /// A ban stands in the way.
    pub fn banned(ban_id: u64, message: impl Into<String>) -> Self {
        let data = Data::Needs { needs: format!("the end of ban {ban_id}"), ban_id: Some(ban_id) };
        Fault { data, ..Fault::plain(FaultKind::Permission, message) }
    }

    /// The gateway cannot do it now.
    pub fn gateway(reason: &'static Reason, message: impl Into<String>) -> Self {
        let data = Data::Reason { reason: Cow::Borrowed(reason.name), retryable: reason.retryable };
        Fault { data, ..Fault::plain(FaultKind::Gateway, message) }
    }

    /// Another mud or a router has refused, with an error code of Intermud-3.
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
