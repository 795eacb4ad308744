//! A clock for the age of what is kept. It follows monotonic time while the process runs. Over a restart it follows the
//! wall clock, unless that has obviously been set: then the time in between is not known, and does not count. The wall clocks of
//! nodes that share a store may differ, so there the clock of the store tells.

use crate::machine::{Change, Saved};
use crate::saved;
use crate::spaces::Space;
use crate::time::{Instant, Now, Steady, UnixTime};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// The longest time between two runs that is believed. A longer one is taken for a wall clock that was set.
const DOWNTIME_MAX: Duration = Duration::from_secs(7 * 86_400);

/// A wall clock that shows an earlier time than this was never set: 2024-01-01.
const PLAUSIBLE_FROM: UnixTime = UnixTime::from_micros(1_704_067_200_000_000);

/// How far the wall clock may drift from monotonic time before the new difference is saved.
const DRIFT_MAX: Duration = Duration::from_secs(2);

/// Both times at one moment, as they are saved.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Pair {
    steady: u64,
    unix: u64,
}

/// The clock.
#[derive(Debug)]
pub(crate) struct SteadyClock {
    base: Steady,
    started: Instant,
    /// The wall clock and monotonic time when the pair was last saved.
    saved: Now,
}

impl SteadyClock {
    /// Continues after an earlier run. Without one, the clock starts with the time of the wall clock, so that the times
    /// that an earlier version saved mean the same.
    pub(crate) fn restore(saved: &Saved, now: Now) -> SteadyClock {
        let space = Space::Clock.whole();
        let values = saved.entries.iter().filter(|entry| entry.space == space);
        let before: Option<Pair> =
            values.filter_map(|entry| saved::read(entry.value.as_deref()?)).next_back();
        let base = before.map_or(Steady::from_micros(now.unix.micros()), |before| {
            let passed = saved.away.map(|away| if away <= DOWNTIME_MAX { away } else { Duration::ZERO });
            let by_wall_clock = || downtime(UnixTime::from_micros(before.unix), now.unix);
            Steady::from_micros(before.steady) + passed.unwrap_or_else(by_wall_clock)
        });
        SteadyClock { base, started: now.mono, saved: now }
    }

    /// Returns the time.
    pub(crate) fn at(&self, now: Now) -> Steady {
        self.base + now.mono.since(self.started)
    }

    /// Whether the wall clock was set since the pair was last saved. The caller saves it then.
    pub(crate) fn was_set(&mut self, now: Now) -> bool {
        let expected = self.saved.unix.micros() + micros(now.mono.since(self.saved.mono));
        let is_set = expected.abs_diff(now.unix.micros()) > micros(DRIFT_MAX);
        if is_set {
            self.saved = now;
        }
        is_set
    }
}

/// Returns the change that saves the clock, to be saved with whatever gets older by it.
pub(crate) fn change(steady: Steady, unix: UnixTime) -> Change {
    let pair = Pair { steady: steady.micros(), unix: unix.micros() };
    Change { space: Space::Clock.whole(), key: "clock".into(), value: saved::write(&pair) }
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

/// Returns how long the gateway was not running, as far as the wall clock is believed.
fn downtime(before: UnixTime, now: UnixTime) -> Duration {
    let passed = Duration::from_micros(now.micros().saturating_sub(before.micros()));
    let is_believed = before >= PLAUSIBLE_FROM && passed <= DOWNTIME_MAX;
    if is_believed { passed } else { Duration::ZERO }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Seconds after 2026-01-01.
    fn at(mono: u64, unix: i64) -> Now {
        let unix = 1_767_225_600_i64.saturating_add(unix).max(0) as u64;
        Now { mono: Instant::from_micros(mono * 1_000_000), unix: UnixTime::from_micros(unix * 1_000_000) }
    }

    /// Seconds from a run's start, with its wall clock, to the start of the next run.
    fn passed(clock: &SteadyClock, first: Now, end: Now, next: Now) -> u64 {
        let saved = Saved { entries: vec![change(clock.at(end), end.unix)], ..Saved::default() };
        SteadyClock::restore(&saved, next).at(next).since(clock.at(first)).as_secs()
    }

    #[test]
    fn a_wall_clock_that_is_set_changes_no_age() {
        let first = at(100, 0);
        let mut clock = SteadyClock::restore(&Saved::default(), first);
        assert_eq!(clock.at(first).micros(), first.unix.micros());
        for unix in [10, 10 + 31_536_000, -3_600, -2_000_000_000] {
            let now = at(110, unix);
            assert_eq!(clock.at(now).since(clock.at(first)), Duration::from_secs(10));
            assert_eq!((clock.was_set(now), clock.was_set(now)), (unix != 10, false));
        }
    }

    #[test]
    fn a_node_believes_the_clock_of_the_store_and_not_its_own() {
        let first = at(100, 0);
        let clock = SteadyClock::restore(&Saved::default(), first);
        let entries = vec![change(clock.at(at(110, 10)), at(110, 10).unix)];
        for (away, expected) in [(60, 70), (8 * 86_400, 10)] {
            let saved =
                Saved { entries: entries.clone(), away: Some(Duration::from_secs(away)), ..Saved::default() };
            for unix in [70, 5 * 3_600] {
                let next = at(0, unix);
                let age = SteadyClock::restore(&saved, next).at(next).since(clock.at(first));
                assert_eq!(age.as_secs(), expected, "{away} {unix}");
            }
        }
    }

    #[test]
    fn the_time_between_two_runs_counts_unless_it_cannot_be() {
        let first = at(100, 0);
        let clock = SteadyClock::restore(&Saved::default(), first);
        let year = 31_536_000;
        for (end, next, expected) in [
            (at(110, 10), at(0, 70), 70),
            (at(110, 10), at(0, -3_600), 10),
            (at(110, 10), at(0, year), 10),
            // The process ended while the clock was a year ahead.
            (at(110, year), at(0, 70), 10),
            // The first run had a clock that was never set.
            (at(110, -1_767_225_600), at(0, 0), 10),
        ] {
            assert_eq!(passed(&clock, first, end, next), expected, "{end:?} {next:?}");
        }
    }
}
