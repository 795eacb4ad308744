//! The request rates of keys. Each key has one budget for all its requests, and one for each limit of methods. A key with
//! a rate of its own has only that one. All sessions of a key share its budgets, so that more connections do not allow
//! more requests.

use super::keys;
use super::used::Used;
use crate::bucket::Bucket;
use crate::ids::MudId;
use crate::machine::{ConnId, SmolStr};
use crate::settings::{KeySettings, MethodLimit, RateLimits};
use crate::time::Instant;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

/// The setting that limits all requests of a key together.
const DEFAULT_SETTING: &str = "api.rate_limits.default";

/// The setting of a key with a rate of its own.
const OVERRIDE_SETTING: &str = "rate_limit_override";

/// How many requests a key with a rate of its own may send at once, if a third of its rate is less. The Python gateway
/// reckons so.
pub const OVERRIDE_BURST_MIN: u32 = 20;

/// The least time between two warnings to one holder.
pub const WARN_AGAIN_AFTER: Duration = Duration::from_secs(60);

/// The holder of a budget.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Holder {
    /// A key, by its digest.
    Key([u8; 32]),
    /// A session, where no key is needed.
    Session(ConnId),
    /// A mud that speaks Intermud-3.
    Mud(MudId),
}

impl Holder {
    /// Returns a short text that tells keys apart, for the store. It reveals nothing of the key.
    pub(crate) fn tag(&self) -> String {
        match self {
            Holder::Key(known) => keys::tag(known),
            Holder::Session(_) => "open".to_owned(),
            Holder::Mud(_) => "mud".to_owned(),
        }
    }
}

/// The refusal of a request that came too early.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TooOften {
    /// Milliseconds until a request is accepted again.
    pub retry_after_ms: u64,
    /// The limit that was reached, in requests a minute.
    pub per_minute: u32,
    /// The setting that the limit comes from.
    pub setting: String,
    /// The holder has not been warned for a while, so an event must report it.
    pub is_news: bool,
    /// The holder has reached this limit for the first time, so the operator must learn of it.
    pub is_first: bool,
}

/// The limit that a request was above: milliseconds to wait, requests a minute, and the setting.
type Reached<'s> = (u64, u32, &'s str);

#[derive(Debug)]
struct Rate {
    per_minute: u32,
    setting: &'static str,
    all: Bucket,
    by_setting: BTreeMap<String, Bucket>,
    warned: Option<Instant>,
    /// The limits that were reached and reported to the operator.
    reported: BTreeSet<String>,
}

impl Rate {
    /// Creates full budgets. `own` is the holder's own rate, if it has one.
    fn new(limits: &RateLimits, own: Option<u32>, now: Instant) -> Rate {
        let (per_minute, burst, setting) = match own {
            Some(own) => (own, OVERRIDE_BURST_MIN.max(own / 3), OVERRIDE_SETTING),
            None => (limits.per_minute, limits.burst, DEFAULT_SETTING),
        };
        let all = Bucket::new(per_minute, burst, now);
        let (by_setting, reported) = (BTreeMap::new(), BTreeSet::new());
        Rate { per_minute, setting, all, by_setting, warned: None, reported }
    }

    /// Takes requests of this setting that another node has let through.
    fn spend(&mut self, setting: &str, limits: &RateLimits, count: u64, now: Instant) {
        if setting == self.setting {
            return self.all.spend(now, count);
        }
        let Some(limit) = limits.by_method.values().find(|limit| limit.setting == setting) else { return };
        let full = || Bucket::new(limit.per_minute, limit.per_minute, now);
        self.by_setting.entry(setting.to_owned()).or_insert_with(full).spend(now, count);
    }

    fn take_of_all(&mut self, now: Instant) -> Result<(), Reached<'static>> {
        self.all.take(now).map_err(|wait| (wait, self.per_minute, self.setting))
    }

    /// Takes a request from the budget of its method and from that of all requests. Either both are charged or neither:
    /// a refused request costs nothing.
    fn take<'s>(&mut self, limit: Option<&'s MethodLimit>, now: Instant) -> Result<(), Reached<'s>> {
        let Some(MethodLimit { per_minute, setting }) = limit else { return self.take_of_all(now) };
        if !self.by_setting.contains_key(setting) {
            self.by_setting.insert(setting.clone(), Bucket::new(*per_minute, *per_minute, now));
        }
        let reached = |wait| (wait, *per_minute, setting.as_str());
        let check = |rate: &mut Rate| rate.by_setting.get_mut(setting).map_or(Ok(()), |one| one.check(now));
        check(self).map_err(reached)?;
        self.take_of_all(now)?;
        self.by_setting.get_mut(setting).map_or(Ok(()), |one| one.take(now)).map_err(reached)
    }
}

/// The budgets of all holders that have sent a request.
#[derive(Debug, Default)]
pub struct Rates {
    budgets: BTreeMap<Holder, Rate>,
    /// What this node tells the others, and what they have told; `None` on one host.
    shared: Option<Used>,
}

impl Rates {
    /// Checks whether a request for this method may come now. `per_minute` is the holder's own rate, if it has one. It
    /// replaces all limits, those of methods too.
    pub fn admit(
        &mut self,
        holder: Holder,
        limits: &RateLimits,
        per_minute: Option<u32>,
        method: &'static str,
        now: Instant,
    ) -> Result<(), TooOften> {
        let rate = self.budgets.entry(holder).or_insert_with(|| Rate::new(limits, per_minute, now));
        let limit = limits.by_method.get(method).filter(|_| per_minute.is_none());
        let Err((retry_after_ms, per_minute, setting)) = rate.take(limit, now) else {
            if let (Some(used), Holder::Key(key)) = (&mut self.shared, holder) {
                used.count(key, (rate.setting, rate.per_minute), limit, now);
            }
            return Ok(());
        };
        let is_news = rate.warned.is_none_or(|at| now.since(at) >= WARN_AGAIN_AFTER);
        if is_news {
            rate.warned = Some(now);
        }
        let is_first = rate.reported.insert(setting.to_owned());
        Err(TooOften { retry_after_ms, per_minute, setting: setting.to_owned(), is_news, is_first })
    }

    /// Forgets the budget of a session without a key that has ended.
    pub fn forget(&mut self, conn: ConnId) {
        self.budgets.remove(&Holder::Session(conn));
    }

    /// Begins with full budgets again, because the settings have changed.
    pub(crate) fn reset(&mut self) {
        self.budgets.clear();
    }

    /// From now on other nodes are told what this one lets through.
    pub(crate) fn share(&mut self) {
        self.shared.get_or_insert_default();
    }

    /// Returns when other nodes must be told of what this one has let through.
    pub(crate) fn due(&self) -> Option<Instant> {
        self.shared.as_ref().and_then(Used::due)
    }

    /// Returns what other nodes have not been told yet, as keys and values of changes.
    pub(crate) fn take_used(&mut self) -> Vec<(SmolStr, Arc<[u8]>)> {
        self.shared.as_mut().map(Used::take).unwrap_or_default()
    }

    /// Handles what a start of another node has let through.
    pub(crate) fn used_elsewhere(
        &mut self,
        (boot, key): (&str, &str),
        value: &[u8],
        (limits, keys): (&RateLimits, &[KeySettings]),
        now: Instant,
    ) {
        let Some(used) = &mut self.shared else { return };
        let Some((tag, setting)) = key.split_once(' ') else { return };
        let Some(count) = used.told(boot, key, value) else { return };
        let Some(known) = keys.iter().find(|known| used.is_tag_of(tag, &known.digest)) else { return };
        let own = known.requests_per_minute;
        let holder = Holder::Key(known.digest);
        let rate = self.budgets.entry(holder).or_insert_with(|| Rate::new(limits, own, now));
        rate.spend(setting, limits, count, now);
    }

    /// Forgets what a start of a node has told that is gone.
    pub(crate) fn forget_node(&mut self, boot: &str) {
        if let Some(used) = &mut self.shared {
            used.forget(boot);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits() -> RateLimits {
        let tells = MethodLimit { per_minute: 2, setting: "tells".to_owned() };
        let by_method = [
            ("tell".to_owned(), tells.clone()),
            ("emoteto".to_owned(), tells),
            ("who".to_owned(), MethodLimit::of_one("who", 1)),
        ];
        RateLimits { per_minute: 60, burst: 4, by_method: by_method.into() }
    }

    fn refused(
        retry_after_ms: u64,
        per_minute: u32,
        setting: &str,
        (is_news, is_first): (bool, bool),
    ) -> Result<(), TooOften> {
        Err(TooOften { retry_after_ms, per_minute, setting: setting.to_owned(), is_news, is_first })
    }

    #[test]
    fn holders_and_methods_have_their_own_budgets_and_a_refusal_costs_nothing() {
        let limits = limits();
        let mut rates = Rates::default();
        let now = Instant::ORIGIN;
        let mut ask =
            |holder, method, now| rates.admit(Holder::Key([holder; 32]), &limits, None, method, now);
        assert_eq!([ask(0, "tell", now), ask(0, "tell", now)], [Ok(()), Ok(())]);
        assert_eq!(ask(0, "tell", now), refused(30_000, 2, "tells", (true, true)));
        assert_eq!([ask(0, "ping", now), ask(0, "ping", now)], [Ok(()), Ok(())]);
        assert_eq!(ask(0, "ping", now), refused(1000, 60, DEFAULT_SETTING, (false, true)));
        assert_eq!(ask(0, "ping", now), refused(1000, 60, DEFAULT_SETTING, (false, false)));
        assert_eq!(ask(1, "ping", now), Ok(()));
        let later = now + Duration::from_secs(60);
        assert_eq!(ask(0, "tell", later), Ok(()));
    }

    #[test]
    fn a_key_has_one_budget_on_all_nodes() {
        let (limits, digest) = (limits(), [7; 32]);
        let key = |own| {
            let mut key = KeySettings::new(digest, "Alpha", crate::settings::Permissions::ALL);
            key.requests_per_minute = own;
            [key]
        };
        let now = Instant::ORIGIN;
        for (own, method, at_once, here_first) in
            [(None, "tell", 2, 1), (None, "ping", 4, 3), (Some(30), "tell", 20, 12), (None, "who", 1, 1)]
        {
            let (mut here, mut there) = (Rates::default(), Rates::default());
            here.share();
            there.share();
            for _ in 0..here_first {
                assert_eq!(here.admit(Holder::Key(digest), &limits, own, method, now), Ok(()));
                let told = here.take_used();
                // A save may be repeated.
                for (key_of_change, value) in told.iter().chain(&told) {
                    let set = (&limits, &key(own)[..]);
                    there.used_elsewhere(("boot", key_of_change), value, set, now);
                }
            }
            let more = |rates: &mut Rates, now| {
                (0..30)
                    .filter(|_| rates.admit(Holder::Key(digest), &limits, own, method, now).is_ok())
                    .count()
            };
            assert_eq!(more(&mut there, now), at_once - here_first, "{method} {own:?}");
        }
    }

    #[test]
    fn methods_of_one_setting_are_counted_together() {
        let limits = limits();
        let mut rates = Rates::default();
        let now = Instant::ORIGIN;
        let mut ask = |method| rates.admit(Holder::Key([0; 32]), &limits, None, method, now);
        assert_eq!([ask("tell"), ask("emoteto")], [Ok(()), Ok(())]);
        assert_eq!(ask("tell"), refused(30_000, 2, "tells", (true, true)));
        assert_eq!(ask("emoteto"), refused(30_000, 2, "tells", (false, false)));
        assert_eq!(ask("who"), Ok(()));
        assert_eq!(ask("who"), refused(60_000, 1, "api.rate_limits.by_method.who", (false, true)));
    }

    #[test]
    fn a_rate_of_its_own_replaces_all_limits_and_has_a_burst_of_a_third() {
        let limits = limits();
        for (own, at_once) in [(500, 166), (200, 66), (60, 20), (5, 20)] {
            let mut rates = Rates::default();
            let mut ask =
                |method, now| rates.admit(Holder::Key([0; 32]), &limits, Some(own), method, now).is_ok();
            let passed = (0..200).filter(|_| ask("tell", Instant::ORIGIN)).count();
            assert_eq!(passed, at_once, "{own}");
            // From then on its rate holds.
            let later = Instant::ORIGIN + Duration::from_secs(12);
            assert_eq!((0..200).filter(|_| ask("who", later)).count(), own as usize / 5, "{own}");
        }
    }
}
