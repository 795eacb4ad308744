//! The core's own time values. The core never reads a clock: the driver passes the time with every call.

use std::fmt;
use std::time::Duration;

/// A point in monotonic time: microseconds since an origin that the driver chooses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Instant(u64);

impl Instant {
    /// The driver's origin.
    pub const ORIGIN: Instant = Instant(0);

    /// Returns the instant this many microseconds after the origin.
    pub const fn from_micros(micros: u64) -> Self {
        Instant(micros)
    }

    /// Returns the microseconds since the origin.
    pub const fn micros(self) -> u64 {
        self.0
    }

    /// Returns the time from `earlier` to `self`; zero when `earlier` is later.
    pub const fn since(self, earlier: Instant) -> Duration {
        Duration::from_micros(self.0.saturating_sub(earlier.0))
    }
}

impl std::ops::Add<Duration> for Instant {
    type Output = Instant;

    fn add(self, wait: Duration) -> Instant {
        let micros = u64::try_from(wait.as_micros()).unwrap_or(u64::MAX);
        Instant(self.0.saturating_add(micros))
    }
}

/// Time that only passes, also over restarts: for the age of what is kept. Its microseconds mean nothing by themselves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Steady(u64);

impl Steady {
    /// The time with this number.
    pub const fn from_micros(micros: u64) -> Self {
        Steady(micros)
    }

    /// Its number.
    pub const fn micros(self) -> u64 {
        self.0
    }

    /// The time from `earlier` to `self`; zero when `earlier` is later.
    pub const fn since(self, earlier: Steady) -> Duration {
        Duration::from_micros(self.0.saturating_sub(earlier.0))
    }

    /// The time that long before.
    #[must_use]
    pub fn before(self, age: Duration) -> Steady {
        Steady(self.0.saturating_sub(u64::try_from(age.as_micros()).unwrap_or(u64::MAX)))
    }
}

impl std::ops::Add<Duration> for Steady {
    type Output = Steady;

    fn add(self, wait: Duration) -> Steady {
        Steady(self.0.saturating_add(u64::try_from(wait.as_micros()).unwrap_or(u64::MAX)))
    }
}

/// Wall-clock time: microseconds since 1970-01-01T00:00:00Z.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UnixTime(u64);

impl UnixTime {
    /// Returns the wall-clock time this many microseconds after the epoch.
    pub const fn from_micros(micros: u64) -> Self {
        UnixTime(micros)
    }

    /// Parses a time in RFC 3339. Returns `None` for any other text, and for a time before the epoch.
    pub fn parse(text: &str) -> Option<Self> {
        let format = &time::format_description::well_known::Rfc3339;
        let time = time::OffsetDateTime::parse(text, format).ok()?;
        u64::try_from(time.unix_timestamp_nanos() / 1000).ok().map(UnixTime)
    }

    /// Returns the microseconds since the epoch.
    pub const fn micros(self) -> u64 {
        self.0
    }

    /// Returns the time from `earlier` to `self`; zero if `earlier` is later.
    pub const fn since(self, earlier: UnixTime) -> Duration {
        Duration::from_micros(self.0.saturating_sub(earlier.0))
    }

    /// Returns the time of the day in UTC, as `02:36`.
    pub fn hours_and_minutes(self) -> String {
        let minutes = self.seconds() / 60;
        format!("{:02}:{:02}", minutes / 60 % 24, minutes % 60)
    }

    /// Appends the time as it is shown, without memory of its own: each line of a channel has one.
    pub(crate) fn append_to(self, text: &mut Vec<u8>) {
        let start = text.len();
        let format = &time::format_description::well_known::Rfc3339;
        let written = self.date().and_then(|date| date.format_into(text, format).ok());
        if written.is_none() {
            text.truncate(start);
            text.extend_from_slice(LAST_SHOWN.as_bytes());
        }
    }

    fn date(self) -> Option<time::OffsetDateTime> {
        time::OffsetDateTime::from_unix_timestamp_nanos(i128::from(self.0) * 1000).ok()
    }

    /// Returns the whole seconds since the epoch.
    pub const fn seconds(self) -> u64 {
        self.0 / 1_000_000
    }
}

impl std::ops::Add<Duration> for UnixTime {
    type Output = UnixTime;

    fn add(self, time: Duration) -> UnixTime {
        UnixTime(self.0.saturating_add(u64::try_from(time.as_micros()).unwrap_or(u64::MAX)))
    }
}

/// Stands for times after the year 9999, which cannot be formatted.
const LAST_SHOWN: &str = "9999-12-31T23:59:59Z";

/// Writes RFC 3339 in UTC, with microseconds if there are any.
impl fmt::Display for UnixTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = Vec::with_capacity(LAST_SHOWN.len() + 7);
        self.append_to(&mut text);
        f.write_str(std::str::from_utf8(&text).unwrap_or(LAST_SHOWN))
    }
}

/// The current time, which the driver passes with every call.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Now {
    /// Monotonic time, for deadlines. It never goes back; a machine clamps it if it does.
    pub mono: Instant,
    /// Wall-clock time, for timestamps. It may jump.
    pub unix: UnixTime,
}

impl Now {
    /// Returns the wall-clock time of a monotonic time that is still to come, if the clock is not set until then.
    pub fn unix_at(self, at: Instant) -> UnixTime {
        let wait = u64::try_from(at.since(self.mono).as_micros()).unwrap_or(u64::MAX);
        UnixTime::from_micros(self.unix.micros().saturating_add(wait))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unix_time_prints_as_rfc_3339() {
        assert_eq!(UnixTime::from_micros(1_795_401_856_190_959).to_string(), "2026-11-23T02:44:16.190959Z");
        assert_eq!(UnixTime::from_micros(0).to_string(), "1970-01-01T00:00:00Z");
        assert_eq!(UnixTime::from_micros(1_795_401_856_190_959).hours_and_minutes(), "02:44");
        let time = UnixTime::parse("2026-11-23T04:44:16.190959+02:00");
        assert_eq!(time, Some(UnixTime::from_micros(1_795_401_856_190_959)));
        for bad in ["", "x", "2026-11-23", "1969-12-31T23:59:59Z"] {
            assert_eq!(UnixTime::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn instants_saturate() {
        let late = Instant::from_micros(u64::MAX);
        assert_eq!(late + Duration::from_secs(1), late);
        assert_eq!(Instant::ORIGIN.since(late), Duration::ZERO);
    }
}
