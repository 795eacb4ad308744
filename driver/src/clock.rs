//! Converts the clocks of the process to the time values of machines.

use i3_core::time::{Instant, Now, UnixTime};
use std::time::{self, Duration, SystemTime};

/// The monotonic time since the start, and the wall-clock time. A machine is constructed and driven with one clock.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    origin: time::Instant,
}

impl Clock {
    /// Makes a clock whose origin is now.
    pub fn start() -> Self {
        Clock { origin: time::Instant::now() }
    }

    /// Returns the current time.
    pub fn now(&self) -> Now {
        // A wall clock that shows a time before 1970 counts as 1970.
        let unix = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        Now {
            mono: Instant::ORIGIN + self.origin.elapsed(),
            unix: UnixTime::from_micros(u64::try_from(unix.as_micros()).unwrap_or(u64::MAX)),
        }
    }

    /// Converts a time of machines to one of the process. `None`: it is too far in the future.
    pub fn system_time_of(&self, at: Instant) -> Option<time::Instant> {
        self.origin.checked_add(Duration::from_micros(at.micros()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ways_name_the_same_moment() {
        let clock = Clock::start();
        let before = time::Instant::now();
        let now = clock.now();
        let after = time::Instant::now();
        let back = clock.system_time_of(now.mono).unwrap();
        // The time of machines is in microseconds, and that of the system is finer.
        assert!(back + Duration::from_micros(1) >= before && back <= after);
        assert!(now.unix.seconds() > 1_600_000_000);
    }
}
