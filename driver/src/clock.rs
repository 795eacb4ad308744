//! Converts the clocks of the process to the time values of machines.

use i3_core::time::{Instant, Now, UnixTime};
use std::time::{self, Duration, SystemTime};

/// The monotonic time since the start, and the wall-clock time. A machine is constructed and driven with one clock.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    origin: Elapsed,
}

/// A moment of a clock that never goes back.
///
/// On Linux the clock goes on while the host sleeps. The database lets another node take a mud when a lease has run out, and
/// its clock does not wait for a host that sleeps: such a host has to know at its first step that its lease is over. The
/// clock of [`time::Instant`] would have stood still.
#[cfg(target_os = "linux")]
#[derive(Clone, Copy, Debug)]
struct Elapsed(Duration);

#[cfg(target_os = "linux")]
impl Elapsed {
    fn now() -> Self {
        let now = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
        let seconds = u64::try_from(now.tv_sec).unwrap_or_default();
        Elapsed(Duration::new(seconds, u32::try_from(now.tv_nsec).unwrap_or_default()))
    }

    fn elapsed(self) -> Duration {
        Elapsed::now().0.saturating_sub(self.0)
    }
}

/// A moment of a clock that never goes back.
#[cfg(not(target_os = "linux"))]
#[derive(Clone, Copy, Debug)]
struct Elapsed(time::Instant);

#[cfg(not(target_os = "linux"))]
impl Elapsed {
    fn now() -> Self {
        Elapsed(time::Instant::now())
    }

    fn elapsed(self) -> Duration {
        self.0.elapsed()
    }
}

impl Clock {
    /// Makes a clock whose origin is now.
    pub fn start() -> Self {
        Clock { origin: Elapsed::now() }
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

    /// Converts a time of machines to one of the process, for a timer that is set now. `None`: it is too far in the future.
    ///
    /// Such a timer stands still while the host sleeps. So after that it fires late, by at most what was left of it.
    pub fn system_time_of(&self, at: Instant) -> Option<time::Instant> {
        let left = Duration::from_micros(at.micros()).saturating_sub(self.origin.elapsed());
        time::Instant::now().checked_add(left)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ways_name_the_same_moment() {
        let clock = Clock::start();
        let later = Duration::from_secs(5);
        let before = time::Instant::now();
        let now = clock.now();
        let due = clock.system_time_of(now.mono + later).unwrap();
        let after = time::Instant::now();
        // The time of machines is in microseconds, and that of the system is finer.
        let slack = Duration::from_micros(2);
        assert!(due + slack >= before + later && due <= after + later + slack);
        assert!(clock.system_time_of(Instant::ORIGIN).unwrap() >= before, "what is over is due now");
        assert!(now.unix.seconds() > 1_600_000_000);
    }

    #[test]
    fn the_clock_goes_on() {
        let clock = Clock::start();
        let first = clock.now().mono;
        std::thread::sleep(Duration::from_millis(20));
        let passed = clock.now().mono.since(first);
        assert!(passed >= Duration::from_millis(20) && passed < Duration::from_secs(20), "{passed:?}");
    }
}
