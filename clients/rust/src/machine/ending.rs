//! What ends a connection, and what follows.

use super::{Happening, Machine, Pending, Purpose, State};
use crate::error::bounded;
use crate::options::Retry;
use crate::queue::PAUSE_MAX;
use crate::{Error, Refusal};
use std::time::{Duration, Instant};

impl Machine {
    /// Gives up a connection that is silent.
    pub(super) fn break_off(&mut self, now: Instant, what: &str) {
        self.fail(now, Error::Timeout(what.to_owned()));
        self.say_nothing_more();
    }

    /// The connection takes no goodbye.
    pub(super) fn say_nothing_more(&mut self) {
        if let State::Closing { bytes, .. } = &mut self.state {
            bytes.clear();
        }
    }

    pub(super) fn fail(&mut self, now: Instant, error: Error) {
        let retry_in = self.retry_in(&error);
        // What has been sent may have been carried out. What has not waits for the next connection.
        let sent: Vec<u64> =
            self.pending.iter().filter(|(_, one)| one.unsent.is_none()).map(|(id, _)| *id).collect();
        for id in sent {
            if let Some(Pending { purpose: Purpose::Program(call), .. }) = self.pending.remove(&id) {
                let outcome = Err(match &error {
                    Error::Timeout(what) => Error::Lost(format!("{what} took too long")),
                    error => error.clone(),
                });
                self.answers.insert(call, outcome);
            }
        }
        self.joins.clear();
        self.join_at = None;
        if retry_in.is_none() {
            self.give_up_calls(&error);
        }
        self.happenings.push_back(Happening::Disconnected { error, retry_in });
        self.attempts = self.attempts.saturating_add(1);
        self.close(retry_in.map_or(State::Ended, |pause| State::Waiting(now + pause)));
    }

    /// Closes the connection, if there is one, and goes on with that state.
    pub(super) fn close(&mut self, then: State) {
        let before = std::mem::replace(&mut self.state, State::Ended);
        self.state = match before {
            State::Entering { mut wire, .. } | State::Open { mut wire } => {
                wire.say_goodbye();
                State::Closing { bytes: wire.output(), then: Box::new(then) }
            }
            State::Dialing(_) => State::Closing { bytes: Vec::new(), then: Box::new(then) },
            State::Closing { bytes, .. } => State::Closing { bytes, then: Box::new(then) },
            State::Waiting(_) | State::Ended => then,
        };
    }

    /// The pause before the next attempt. `None`: another attempt is of no use.
    pub(super) fn retry_in(&mut self, error: &Error) -> Option<Duration> {
        let is_final = match error {
            Error::Key(_) | Error::Usage(_) | Error::Http { status: 403, .. } => true,
            Error::Refused(refusal) => !self.is_open() && refusal.code == Refusal::NOT_ALLOWED,
            _ => false,
        };
        let may_retry = match self.options.retry {
            Retry::Always => true,
            Retry::OnceConnected => self.was_open,
            Retry::Never => false,
        };
        if is_final || !may_retry {
            return None;
        }
        let doubled = self.options.retry_first.saturating_mul(1 << self.attempts.min(16));
        let pause = doubled.min(self.options.retry_max);
        let asked = match error {
            Error::Refused(refusal) => refusal.retry_after().map(|pause| pause.min(PAUSE_MAX)),
            Error::Http { status: 429, .. } => Some(self.options.retry_first.max(Duration::from_secs(5))),
            _ => None,
        };
        // Up to a quarter more, so that many clients do not come back at the same moment.
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        let jitter = pause.mul_f64((self.random >> 11) as f64 / (1u64 << 53) as f64 / 4.0);
        self.pause = (pause + jitter).max(asked.unwrap_or_default());
        Some(self.pause)
    }

    pub(super) fn give_up_calls(&mut self, error: &Error) {
        for pending in std::mem::take(&mut self.pending).into_values() {
            if let Purpose::Program(call) = pending.purpose {
                self.answers.insert(call, Err(error.clone()));
            }
        }
    }

    pub(super) fn expire_calls(&mut self, now: Instant) {
        let late: Vec<u64> =
            self.pending.iter().filter(|(_, one)| one.until <= now).map(|(id, _)| *id).collect();
        for id in late {
            let Some(pending) = self.pending.remove(&id) else { continue };
            match pending.purpose {
                Purpose::Program(call) => {
                    let what = format!("waiting for the answer to {}", bounded(&pending.method));
                    self.answers.insert(call, Err(Error::Timeout(what)));
                }
                // The state has the same deadline.
                Purpose::Authenticate | Purpose::Join(_) | Purpose::Housekeeping => {}
            }
        }
    }
}
