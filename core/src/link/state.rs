//! The states of a link, in protocol order. A connection, a deadline and the bytes of an unfinished frame exist only
//! in the states that need them.

use super::step::Wait;
use super::watch::Watch;
use crate::i3::Deframer;
use crate::machine::{ConnId, SaveTicket};
use crate::settings::LinkSettings;
use crate::time::Instant;
use std::time::Duration;

/// How long after a login without an answer the link says that it is waiting for one.
pub(super) const LATE_AFTER: Duration = Duration::from_secs(4);

/// An open connection to a router.
#[derive(Debug)]
pub(super) struct Wire {
    pub(super) conn: ConnId,
    /// Finds the frames in what comes in. It holds the part of a frame that has arrived.
    pub(super) deframer: Deframer,
}

/// Why a link rests.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Rests {
    /// The mud has been away for too long.
    pub(super) is_away: bool,
    /// This node does not hold the mud.
    pub(super) is_elsewhere: bool,
}

/// What follows once the link has left its router.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Then {
    /// The link waits and dials again.
    Reconnect,
    Stop,
    /// The link stops, and the router forgets the mud.
    Retire,
    /// The link waits until it is woken.
    Rest,
    /// The link waits until it is woken, and another node logs in.
    HandOver,
}

impl Then {
    /// Why the link leaves its router, for the log.
    pub(super) fn reason(self) -> &'static str {
        match self {
            Then::Reconnect => "to log in again",
            Then::Stop => "the gateway stops",
            Then::Retire => "the mud leaves the network for good",
            Then::Rest => "the mud has been away for too long",
            Then::HandOver => "another node takes over",
        }
    }
}

#[derive(Debug)]
pub(super) enum State {
    Waiting {
        until: Instant,
    },
    Connecting {
        conn: ConnId,
        deadline: Instant,
    },
    LoggingIn {
        wire: Wire,
        since: Instant,
        deadline: Instant,
        /// Whether any byte has come in.
        heard: bool,
        /// Whether it was reported that the answer is late.
        late: bool,
    },
    SavingPassword {
        wire: Wire,
        ticket: SaveTicket,
        deadline: Instant,
    },
    Ready {
        wire: Wire,
        watch: Watch,
    },
    /// What still comes in is read: a startup-reply among it has the password of the next login.
    Leaving {
        wire: Wire,
        deadline: Instant,
        then: Then,
    },
    Stopped,
}

impl State {
    pub(super) fn name(&self) -> StateName {
        match self {
            State::Waiting { .. } => StateName::Waiting,
            State::Connecting { .. } => StateName::Connecting,
            State::LoggingIn { .. } => StateName::LoggingIn,
            State::SavingPassword { .. } => StateName::SavingPassword,
            State::Ready { .. } => StateName::Ready,
            State::Leaving { .. } => StateName::Leaving,
            State::Stopped => StateName::Stopped,
        }
    }

    /// The connection to the router in use.
    pub(super) fn conn(&self) -> Option<ConnId> {
        match self {
            State::Connecting { conn, .. } => Some(*conn),
            State::LoggingIn { wire, .. }
            | State::SavingPassword { wire, .. }
            | State::Ready { wire, .. }
            | State::Leaving { wire, .. } => Some(wire.conn),
            State::Waiting { .. } | State::Stopped => None,
        }
    }

    /// The connection that only tests whether the preferred router can be reached.
    pub(super) fn trial(&self) -> Option<ConnId> {
        match self {
            State::Ready { watch, .. } => watch.trial(),
            _ => None,
        }
    }

    /// The connection that bytes come in on.
    pub(super) fn wire(&mut self) -> Option<&mut Wire> {
        match self {
            State::LoggingIn { wire, .. }
            | State::SavingPassword { wire, .. }
            | State::Ready { wire, .. }
            | State::Leaving { wire, .. } => Some(wire),
            State::Waiting { .. } | State::Connecting { .. } | State::Stopped => None,
        }
    }

    /// Takes the connection out, for the state that comes next.
    pub(super) fn take_wire(&mut self) -> Option<Wire> {
        let wire = self.wire()?;
        Some(Wire { conn: wire.conn, deframer: std::mem::take(&mut wire.deframer) })
    }

    /// When the link must be woken, and for what.
    pub(super) fn deadline(&self, settings: &LinkSettings) -> Option<(Instant, Wait)> {
        Some(match self {
            State::Waiting { until } => (*until, Wait::Retry),
            State::Connecting { deadline, .. } => (*deadline, Wait::Connect),
            State::LoggingIn { since, deadline, late: false, .. } => {
                ((*since + LATE_AFTER).min(*deadline), Wait::Startup)
            }
            State::LoggingIn { deadline, .. } => (*deadline, Wait::Startup),
            State::SavingPassword { deadline, .. } => (*deadline, Wait::Secure),
            State::Ready { watch, .. } => watch.deadline(settings),
            State::Leaving { deadline, .. } => (*deadline, Wait::Leave),
            State::Stopped => return None,
        })
    }
}

/// The name of a state of a link, as clients and metrics show it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum StateName {
    /// Before the next attempt.
    Waiting,
    /// The connection is being opened.
    Connecting,
    /// The login is sent and not yet answered.
    LoggingIn,
    /// The router has given a new password, which the store saves.
    SavingPassword,
    /// Packets may go.
    Ready,
    /// The goodbye is on its way.
    Leaving,
    /// The link has ended for good.
    Stopped,
}

impl StateName {
    /// All states, in protocol order.
    pub const ALL: [StateName; 7] = [
        StateName::Waiting,
        StateName::Connecting,
        StateName::LoggingIn,
        StateName::SavingPassword,
        StateName::Ready,
        StateName::Leaving,
        StateName::Stopped,
    ];

    /// The texts of all states, in protocol order.
    pub const TEXTS: [&str; 7] = {
        let mut texts = [""; 7];
        let mut at = 0;
        while at < texts.len() {
            texts[at] = StateName::ALL[at].as_str();
            at += 1;
        }
        texts
    };

    /// As clients and metrics show it.
    pub const fn as_str(self) -> &'static str {
        match self {
            StateName::Waiting => "waiting",
            StateName::Connecting => "connecting",
            StateName::LoggingIn => "logging in",
            StateName::SavingPassword => "saving password",
            StateName::Ready => "ready",
            StateName::Leaving => "leaving",
            StateName::Stopped => "stopped",
        }
    }

    /// The states that may follow. This is the table of the documentation of [`crate::link`].
    pub(super) fn next(self) -> &'static [StateName] {
        use StateName::{Connecting, Leaving, LoggingIn, Ready, SavingPassword, Stopped, Waiting};
        match self {
            // From waiting to waiting when somebody asks for a new session: only the wait is another one. Leaving is
            // passed over where there is nothing to say goodbye to.
            Waiting => &[Waiting, Connecting, Stopped],
            Connecting => &[Waiting, LoggingIn, Stopped],
            LoggingIn => &[Waiting, SavingPassword, Ready, Leaving, Stopped],
            SavingPassword => &[Waiting, Ready, Leaving, Stopped],
            Ready => &[Waiting, Leaving, Stopped],
            Leaving => &[Waiting, Stopped],
            Stopped => &[],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_state_but_the_last_can_be_left_and_reached() {
        for (at, state) in StateName::ALL.into_iter().enumerate() {
            assert_eq!(state as usize, at, "ALL is in protocol order");
            assert_eq!(state.next().is_empty(), state == StateName::Stopped, "{state:?}");
            assert!(StateName::ALL.iter().any(|from| from.next().contains(&state)), "{state:?}");
        }
    }
}
