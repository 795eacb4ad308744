//! What the gateway did in each minute of the last hour, for the charts of those who look after it.
//!
//! No timer is needed: the first input of a minute closes the minutes before it. While no input comes, nothing is counted.

use crate::metrics::Metrics;
use crate::time::{Now, UnixTime};
use std::collections::VecDeque;
use std::time::Duration;

/// Number of minutes that are kept.
pub(crate) const MINUTES_MAX: usize = 60;

const MINUTE_MICROS: u64 = 60_000_000;

/// The counters that the minutes are made of, since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Totals {
    received: u64,
    sent: u64,
    requests: u64,
    events: u64,
    /// Requests that waited for an answer of the network or of the store.
    waited: u64,
    wait: Duration,
}

impl Totals {
    fn of(metrics: &Metrics) -> Totals {
        let times = metrics.calls.values().map(|calls| &calls.time);
        let (waited, wait) = times.fold((0, Duration::ZERO), |(count, sum), time| {
            // What was answered at once is in the first bucket.
            (count + time.count() - time.counts[0], sum + time.sum)
        });
        Totals {
            received: metrics.packets_received,
            sent: metrics.packets_sent,
            requests: metrics.requests,
            events: metrics.events_delivered,
            waited,
            wait,
        }
    }
}

/// What happened in one minute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Minute {
    /// When it began.
    pub(crate) at: UnixTime,
    pub(crate) received: u64,
    pub(crate) sent: u64,
    pub(crate) requests: u64,
    pub(crate) events: u64,
    /// The mean time of those requests that waited. `None`: there were none.
    pub(crate) wait: Option<Duration>,
    /// The greatest delay of the driver's loop.
    pub(crate) lag: Duration,
}

/// The last hour.
#[derive(Debug, Default)]
pub(crate) struct Hour {
    /// The number of the current minute on the monotonic clock, and when it began.
    minute: u64,
    began: Option<UnixTime>,
    before: Totals,
    lag: Duration,
    past: VecDeque<Minute>,
}

impl Hour {
    /// Closes the current minute if another one has begun.
    pub(crate) fn tick(&mut self, now: Now, metrics: &Metrics) {
        let minute = now.mono.micros() / MINUTE_MICROS;
        let into = Duration::from_micros(now.mono.micros() % MINUTE_MICROS);
        let began = UnixTime::from_micros(now.unix.micros().saturating_sub(into.as_micros() as u64));
        if self.began.is_none() {
            (self.minute, self.began, self.before) = (minute, Some(began), Totals::of(metrics));
        }
        if minute <= self.minute {
            return;
        }
        self.past.extend(self.current(metrics));
        // A minute without inputs has none to close it, and nothing to show: the time of the next one shows that.
        let oldest = began.micros().saturating_sub(MINUTES_MAX as u64 * MINUTE_MICROS);
        while self.past.len() > MINUTES_MAX || self.past.front().is_some_and(|one| one.at.micros() < oldest) {
            self.past.pop_front();
        }
        (self.minute, self.began, self.before) = (minute, Some(began), Totals::of(metrics));
        self.lag = Duration::ZERO;
    }

    /// Notes a delay of the driver's loop.
    pub(crate) fn lagged(&mut self, lag: Duration) {
        self.lag = self.lag.max(lag);
    }

    /// Returns the current minute so far.
    fn current(&self, metrics: &Metrics) -> Option<Minute> {
        let (now, before) = (Totals::of(metrics), self.before);
        let waited = u32::try_from(now.waited - before.waited).unwrap_or(u32::MAX);
        Some(Minute {
            at: self.began?,
            received: now.received - before.received,
            sent: now.sent - before.sent,
            requests: now.requests - before.requests,
            events: now.events - before.events,
            wait: (waited > 0).then(|| now.wait.saturating_sub(before.wait) / waited),
            lag: self.lag,
        })
    }

    /// Returns the minutes in which something came in, oldest first. The last one is not over yet.
    pub(crate) fn minutes(&self, metrics: &Metrics) -> Vec<Minute> {
        self.past.iter().copied().chain(self.current(metrics)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::Instant;

    fn at(seconds: u64) -> Now {
        let unix = UnixTime::from_micros(1_800_000_000_000_000 + seconds * 1_000_000);
        Now { mono: Instant::from_micros(seconds * 1_000_000), unix }
    }

    #[test]
    fn each_minute_has_what_was_counted_in_it() {
        let (mut hour, mut metrics) = (Hour::default(), Metrics::default());
        hour.tick(at(30), &metrics);
        metrics.packets_received = 5;
        metrics.count_call("who", "ok", Duration::from_millis(300));
        metrics.count_call("who", "ok", Duration::from_millis(100));
        metrics.count_call("ping", "ok", Duration::ZERO);
        hour.lagged(Duration::from_millis(7));
        hour.tick(at(61), &metrics);
        metrics.packets_received = 6;
        hour.tick(at(310), &metrics);
        let minutes = hour.minutes(&metrics);
        let seconds = |minute: &Minute| minute.at.micros() / 1_000_000 - 1_800_000_000;
        assert_eq!(minutes.iter().map(seconds).collect::<Vec<_>>(), [0, 60, 300]);
        assert_eq!(minutes.iter().map(|minute| minute.received).collect::<Vec<_>>(), [5, 1, 0]);
        assert_eq!((minutes[0].wait, minutes[0].lag.as_millis()), (Some(Duration::from_millis(200)), 7));
        assert_eq!((minutes[1].wait, minutes[1].lag), (None, Duration::ZERO));
    }

    #[test]
    fn an_hour_is_kept() {
        let (mut hour, metrics) = (Hour::default(), Metrics::default());
        for minute in 0..200 {
            hour.tick(at(minute * 60), &metrics);
        }
        assert_eq!(hour.minutes(&metrics).len(), MINUTES_MAX + 1);
        hour.tick(at(100_000), &metrics);
        assert_eq!(hour.minutes(&metrics).len(), 1);
    }
}
