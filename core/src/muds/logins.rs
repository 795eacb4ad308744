//! When one mud last logged in at each router.
//!
//! A Dead Souls router counts a login as six packets, and mutes a mud above ten in a second. Within a process the pacer
//! knows that. After a restart the store does.

use crate::machine::Change;
use crate::spaces::Space;
use crate::time::UnixTime;
use std::collections::BTreeMap;
use std::time::Duration;

/// The least time between the last login of an earlier process and the first one of this process. A second of the router's
/// clock, and how much longer one of them may be on its way than the other.
pub(crate) const LOGINS_APART: Duration = Duration::from_millis(1_500);

/// The least time between the last packet of one node and the login of another one under the same name, for the same reason.
pub(crate) const PACKETS_APART: Duration = Duration::from_millis(1_050);

/// The last login at each router, by its name, as restored from the store.
#[derive(Debug, Default)]
pub(crate) struct Logins(BTreeMap<String, UnixTime>);

impl Logins {
    /// Returns the change that saves a login.
    pub(crate) fn change(mud_name: &str, router: &str, now: UnixTime) -> Change {
        let value = Some(now.micros().to_string().into_bytes().into());
        Change { space: Space::Logins.of(mud_name), key: router.into(), value }
    }

    /// Restores a saved login. Returns whether it can be read.
    pub(crate) fn restore(&mut self, router: &str, value: &[u8]) -> bool {
        let micros = std::str::from_utf8(value).ok().and_then(|text| text.parse().ok());
        micros.is_some_and(|micros| {
            self.0.insert(router.to_owned(), UnixTime::from_micros(micros));
            true
        })
    }

    /// Returns how long the first login at a router must wait. A time that lies ahead is that of a clock that was set; it
    /// says nothing.
    pub(crate) fn wait(&self, router: &str, now: UnixTime) -> Duration {
        let Some(last) = self.0.get(router).filter(|last| **last <= now) else { return Duration::ZERO };
        LOGINS_APART.saturating_sub(now.since(*last))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_of_the_last_login_is_waited_out() {
        let mut logins = Logins::default();
        let at = |millis: u64| UnixTime::from_micros(1_700_000_000_000_000 + millis * 1000);
        let change = Logins::change("Alpha", "*net", at(0));
        assert_eq!((change.space.as_str(), change.key.as_str()), ("login/Alpha", "*net"));
        assert!(logins.restore("*net", &change.value.unwrap()) && !logins.restore("*bad", b"x"));
        let waits = [0, 400, 1_499, 1_500, 90_000].map(|millis| logins.wait("*net", at(millis)).as_millis());
        assert_eq!(waits, [1_500, 1_100, 1, 0, 0]);
        assert_eq!(logins.wait("*other", at(0)), Duration::ZERO);
        assert_eq!(logins.wait("*net", UnixTime::from_micros(5)), Duration::ZERO, "the clock was set back");
    }
}
