//! How long a link waits before the next attempt.

use crate::settings::LinkSettings;
use std::time::Duration;

/// How many connections in a row may be closed at once, without a byte, before that counts as a failure: Dead Souls'
/// router accepts one connection a second and closes the others.
const CLOSED_AT_ONCE_MAX: u32 = 3;

/// The shortest wait after a connection that was closed at once; the longest is [`CLOSED_AT_ONCE_WAIT_MAX`].
const CLOSED_AT_ONCE_WAIT_MIN: Duration = Duration::from_secs(2);
const CLOSED_AT_ONCE_WAIT_MAX: Duration = Duration::from_secs(5);

/// A refusal in words counts as so many failures: an early second attempt changes nothing, and routers ban for it.
const REFUSAL_WEIGHT: u32 = 4;

/// The shortest wait after a failure: a router would close the second of two connections within a second at once.
const WAIT_MIN: Duration = Duration::from_secs(1);

/// The wait is doubled at most so often, so that the factor stays a number.
const DOUBLINGS_MAX: u32 = 16;

/// Counts failures in a row.
#[derive(Debug)]
pub(super) struct Backoff {
    failures: u32,
    closed_at_once: u32,
    rng: fastrand::Rng,
}

impl Backoff {
    /// Without a failure yet. `seed` decides how the waits are varied.
    pub(super) fn new(seed: u64) -> Self {
        Backoff { failures: 0, closed_at_once: 0, rng: fastrand::Rng::with_seed(seed) }
    }

    /// A connection was closed at once, without a byte. Returns the wait, or `None` when that has happened too often
    /// in a row: then it is a failure.
    pub(super) fn closed_at_once(&mut self) -> Option<Duration> {
        if self.closed_at_once >= CLOSED_AT_ONCE_MAX {
            return None;
        }
        self.closed_at_once += 1;
        let spread = (CLOSED_AT_ONCE_WAIT_MAX - CLOSED_AT_ONCE_WAIT_MIN).as_micros() as u64;
        Some(CLOSED_AT_ONCE_WAIT_MIN + Duration::from_micros(self.rng.u64(0..=spread)))
    }

    /// The router has refused the login in words. The failure itself is counted by [`Backoff::failed`].
    pub(super) fn refused(&mut self) {
        self.failures = self.failures.saturating_add(REFUSAL_WEIGHT - 1);
    }

    /// The login has been accepted.
    pub(super) fn logged_in(&mut self) {
        self.closed_at_once = 0;
    }

    /// An attempt or a session has failed. Returns the wait: the first delay, doubled for each failure after the
    /// first, up to the longest, and varied by up to a quarter so that muds do not return all at once. After a steady
    /// session the count starts over.
    pub(super) fn failed(&mut self, was_steady: bool, settings: &LinkSettings) -> Duration {
        self.closed_at_once = 0;
        self.failures = if was_steady { 1 } else { self.failures.saturating_add(1) };
        let doublings = (self.failures - 1).min(DOUBLINGS_MAX);
        let full = settings.reconnect_delay.saturating_mul(1 << doublings).min(settings.reconnect_delay_max);
        full.mul_f64(0.75 + 0.5 * self.rng.f64()).max(WAIT_MIN)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn the_wait_doubles_up_to_its_limit_and_is_varied_by_a_quarter() {
        let settings = LinkSettings::default();
        let mut backoff = Backoff::new(7);
        let waits: Vec<f64> = (0..200).map(|_| backoff.failed(false, &settings).as_secs_f64()).collect();
        for (n, wait) in waits.iter().enumerate() {
            let full = (2.0 * 2f64.powi(n.min(20) as i32)).min(300.0);
            assert!((full * 0.75..=full * 1.25).contains(wait), "wait {n}: {wait}");
        }
        assert!(waits[100..].windows(2).any(|pair| pair[0] != pair[1]), "the waits vary");
        assert!(backoff.failed(true, &settings) < 3 * SECOND, "a steady session starts the count over");
    }

    #[test]
    fn no_wait_is_shorter_than_a_second() {
        let settings = LinkSettings { reconnect_delay: Duration::from_millis(1), ..LinkSettings::default() };
        let mut backoff = Backoff::new(7);
        for _ in 0..20 {
            assert!(backoff.failed(false, &settings) >= SECOND);
        }
    }

    #[test]
    fn a_connection_closed_at_once_is_a_failure_from_the_fourth_in_a_row_on() {
        let mut backoff = Backoff::new(7);
        for reset in [true, false] {
            for _ in 0..CLOSED_AT_ONCE_MAX {
                let wait = backoff.closed_at_once().unwrap();
                assert!((2 * SECOND..=5 * SECOND).contains(&wait), "{wait:?}");
            }
            assert_eq!(backoff.closed_at_once(), None);
            if reset {
                backoff.logged_in();
            } else {
                backoff.failed(false, &LinkSettings::default());
            }
        }
        assert!(backoff.closed_at_once().is_some());
    }

    #[test]
    fn a_refusal_in_words_is_waited_out_as_long_as_four_failures() {
        let mut backoff = Backoff::new(7);
        backoff.refused();
        let wait = backoff.failed(false, &LinkSettings::default());
        assert!((12 * SECOND..=20 * SECOND).contains(&wait), "{wait:?}");
    }
}
