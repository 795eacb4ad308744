//! A token bucket.

use crate::time::Instant;

/// Refills at this many tokens a minute, and holds at most `burst`.
#[derive(Debug)]
pub(crate) struct Bucket {
    per_minute: f64,
    burst: f64,
    tokens: f64,
    at: Instant,
}

impl Bucket {
    /// Creates a full bucket. A rate or a burst of 0 counts as 1, because a bucket that never has a token would be a
    /// ban.
    pub(crate) fn new(per_minute: u32, burst: u32, now: Instant) -> Self {
        let burst = f64::from(burst.max(1));
        Bucket { per_minute: f64::from(per_minute.max(1)), burst, tokens: burst, at: now }
    }

    fn refill(&mut self, now: Instant) {
        let minutes = now.since(self.at).as_secs_f64() / 60.0;
        self.tokens = (self.tokens + minutes * self.per_minute).min(self.burst);
        self.at = now;
    }

    /// Returns when a token was last requested.
    pub(crate) fn used_at(&self) -> Instant {
        self.at
    }

    /// Checks for a token. If there is none, returns for how many milliseconds to wait.
    pub(crate) fn check(&mut self, now: Instant) -> Result<(), u64> {
        self.refill(now);
        if self.tokens >= 1.0 {
            return Ok(());
        }
        let minutes = (1.0 - self.tokens) / self.per_minute;
        Err((minutes * 60_000.0).ceil() as u64)
    }

    /// Takes tokens that were spent at another node. The bucket may then lack tokens, but never more than those of a
    /// minute.
    pub(crate) fn spend(&mut self, now: Instant, tokens: u64) {
        self.refill(now);
        #[allow(clippy::cast_precision_loss, reason = "more than a minute's worth makes no difference")]
        let left = self.tokens - tokens as f64;
        self.tokens = left.max(-self.per_minute);
    }

    /// Takes a token. If there is none, returns for how many milliseconds to wait.
    pub(crate) fn take(&mut self, now: Instant) -> Result<(), u64> {
        self.check(now)?;
        self.tokens -= 1.0;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn after_the_burst_the_rate_holds_and_the_wait_is_exact() {
        let mut bucket = Bucket::new(60, 3, Instant::ORIGIN);
        for _ in 0..3 {
            assert_eq!(bucket.take(Instant::ORIGIN), Ok(()));
        }
        assert_eq!(bucket.take(Instant::ORIGIN), Err(1000));
        assert_eq!(bucket.take(Instant::from_micros(999_000)), Err(1));
        assert_eq!(bucket.take(Instant::from_micros(1_000_000)), Ok(()));
        // The bucket never holds more than the burst.
        let late = Instant::from_micros(3_600_000_000);
        assert_eq!((0..9).filter(|_| bucket.take(late).is_ok()).count(), 3);
    }

    #[test]
    fn what_was_spent_elsewhere_is_missing_here_for_a_minute_at_most() {
        let mut bucket = Bucket::new(60, 3, Instant::ORIGIN);
        bucket.spend(Instant::ORIGIN, 2);
        assert_eq!(bucket.take(Instant::ORIGIN), Ok(()));
        bucket.spend(Instant::ORIGIN, 5);
        assert_eq!(bucket.take(Instant::ORIGIN), Err(6_000));
        bucket.spend(Instant::ORIGIN, u64::MAX);
        assert_eq!(bucket.take(Instant::ORIGIN), Err(61_000));
        assert_eq!(bucket.take(Instant::from_micros(61_000_000)), Ok(()));
    }
}
