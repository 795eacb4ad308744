//! The request rates of keys. Each key has one budget for all its requests, and one for each method with a limit of its
//! own. All sessions of a key share them, so that more connections do not allow more requests.

use crate::bucket::Bucket;
use crate::machine::ConnId;
use crate::settings::RateLimits;
use crate::time::Instant;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::time::Duration;

/// The least time between two warnings to one holder.
pub const WARN_AGAIN_AFTER: Duration = Duration::from_secs(60);

/// The holder of a budget.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Holder {
    /// A key, by its digest.
    Key([u8; 32]),
    /// A session, where no key is needed.
    Session(ConnId),
}

impl Holder {
    /// Returns a short text that tells keys apart, for the store. It reveals nothing of the key.
    pub(crate) fn tag(&self) -> String {
        match self {
            Holder::Key(known) => {
                Sha256::digest(known)[..8].iter().map(|byte| format!("{byte:02x}")).collect()
            }
            Holder::Session(_) => "open".to_owned(),
        }
    }
}

/// The refusal of a request that came too early.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooOften {
    /// Milliseconds until a request is accepted again.
    pub retry_after_ms: u64,
    /// The limit that was reached, in requests a minute.
    pub per_minute: u32,
    /// The holder has not been warned for a while, so an event must report it.
    pub is_news: bool,
}

#[derive(Debug)]
struct Rate {
    per_minute: u32,
    all: Bucket,
    by_method: BTreeMap<&'static str, Bucket>,
    warned: Option<Instant>,
}

/// The budgets of all holders that have sent a request.
#[derive(Debug, Default)]
pub struct Rates(BTreeMap<Holder, Rate>);

impl Rates {
    /// Checks whether a request for this method may come now. `per_minute` is the holder's own rate, if it has one.
    pub fn admit(
        &mut self,
        holder: Holder,
        limits: &RateLimits,
        per_minute: Option<u32>,
        method: &'static str,
        now: Instant,
    ) -> Result<(), TooOften> {
        let rate = self.0.entry(holder).or_insert_with(|| {
            let per_minute = per_minute.unwrap_or(limits.per_minute);
            let all = Bucket::new(per_minute, limits.burst, now);
            Rate { per_minute, all, by_method: BTreeMap::new(), warned: None }
        });
        let own = limits.by_method.get(method).copied();
        let taken = match own {
            None => rate.all.take(now).map_err(|wait| (wait, rate.per_minute)),
            Some(own) => {
                let bucket = rate.by_method.entry(method).or_insert_with(|| Bucket::new(own, own, now));
                // Either both budgets are charged or neither: a refused request costs nothing.
                let both = bucket.check(now).map_err(|wait| (wait, own));
                let both = both.and_then(|()| rate.all.take(now).map_err(|wait| (wait, rate.per_minute)));
                both.and_then(|()| bucket.take(now).map_err(|wait| (wait, own)))
            }
        };
        taken.map_err(|(retry_after_ms, per_minute)| {
            let is_news = rate.warned.is_none_or(|at| now.since(at) >= WARN_AGAIN_AFTER);
            if is_news {
                rate.warned = Some(now);
            }
            TooOften { retry_after_ms, per_minute, is_news }
        })
    }

    /// Forgets the budget of a session without a key that has ended.
    pub fn forget(&mut self, conn: ConnId) {
        self.0.remove(&Holder::Session(conn));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn holders_and_methods_have_their_own_budgets_and_a_refusal_costs_nothing() {
        let limits = RateLimits {
            per_minute: 60,
            burst: 4,
            by_method: [("tell".to_owned(), 2)].into_iter().collect(),
        };
        let mut rates = Rates::default();
        let now = Instant::ORIGIN;
        let mut ask =
            |holder, method, now| rates.admit(Holder::Key([holder; 32]), &limits, None, method, now);
        assert_eq!([ask(0, "tell", now), ask(0, "tell", now)], [Ok(()); 2]);
        let refused =
            |retry_after_ms, per_minute, is_news| Err(TooOften { retry_after_ms, per_minute, is_news });
        assert_eq!(ask(0, "tell", now), refused(30_000, 2, true));
        assert_eq!([ask(0, "ping", now), ask(0, "ping", now)], [Ok(()); 2]);
        assert_eq!(ask(0, "ping", now), refused(1000, 60, false));
        assert_eq!(ask(1, "ping", now), Ok(()));
        let later = now + Duration::from_secs(60);
        assert_eq!(ask(0, "tell", later), Ok(()));
    }
}
