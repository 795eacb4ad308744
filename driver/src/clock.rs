//! The process's clocks as the machines' time values.

use i3_core::time::{Instant, Now, UnixTime};
use std::time::{self, Duration, SystemTime};

/// Monotonic time since the start, and wall-clock time beside it. A machine is constructed and driven with one and the
/// same clock.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    origin: time::Instant,
}

impl Clock {
    /// A clock whose origin is now.
    pub fn start() -> Self {
        Clock { origin: time::Instant::now() }
    }

    /// What time it is.
    pub fn now(&self) -> Now {
        // A wall clock before 1970 reads as 1970.
        let unix = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        Now {
            mono: Instant::ORIGIN + self.origin.elapsed(),
            unix: UnixTime::from_micros(u64::try_from(unix.as_micros()).unwrap_or(u64::MAX)),
        }
    }

    /// When the process's own clock will show `at`. `None` when that is too far away to be said.
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
        // The machines' time has microseconds, the system's has more.
        assert!(back + Duration::from_micros(1) >= before && back <= after);
        assert!(now.unix.seconds() > 1_600_000_000);
    }
}
