//! A mud that speaks Intermud-3 itself and logs in at the gateway: what is remembered of it.

use crate::i3::packet::WhoRow;
use crate::i3::serving::MudInfo;
use crate::machine::{Change, ConnId};
use crate::saved;
use crate::spaces::Space;
use crate::time::Instant;
use serde::{Deserialize, Serialize};

/// The key of the only entry in its space.
const KEY: &str = "mud";

/// The password that Dead Souls sends before it was given one. It is the same on all of them.
const DEAD_SOULS_FIRST: i64 = 1_234_567_890;

/// The password that a mud was given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Learned {
    password: i64,
    /// The mud has sent a negative number at its first login, as a CoffeeMud does that has lost its password.
    had_none: bool,
}

/// The saved form of a login.
#[derive(Serialize, Deserialize)]
struct SavedHome {
    info: String,
    password: Option<i64>,
    had_none: bool,
    first: i64,
    is_off: bool,
}

/// What is remembered of a mud that logs in at the gateway.
#[derive(Debug, Default)]
pub(crate) struct Home {
    /// Its connection, while it is here.
    conn: Option<ConnId>,
    /// Since when it is away. `None`: it is here, or was never here.
    pub(crate) away_since: Option<Instant>,
    /// What it has announced at its last login.
    info: Option<MudInfo>,
    learned: Option<Learned>,
    /// The password that it has sent at its first login: that of the router it came from.
    first: i64,
    /// The gateway has logged it off, because it was away for too long.
    is_off: bool,
    /// The rows of its last who-reply.
    pub(crate) last_who: Vec<WhoRow<'static>>,
}

impl Home {
    /// Returns its connection, while it is here.
    pub(crate) fn conn(&self) -> Option<ConnId> {
        self.conn
    }

    /// Whether it has ever logged in.
    pub(crate) fn is_known(&self) -> bool {
        self.info.is_some()
    }

    /// Whether the gateway has logged it off.
    pub(crate) fn is_off(&self) -> bool {
        self.is_off
    }

    /// Returns what it has announced.
    pub(crate) fn info(&self) -> Option<&MudInfo> {
        self.info.as_ref()
    }

    /// Returns the password with which it may be known at its router: the one that it has sent at its first login, unless
    /// that means nothing.
    pub(crate) fn first_password(&self) -> Option<i64> {
        Some(self.first).filter(|first| is_own(*first))
    }

    /// Returns the passwords that nobody is shown.
    pub(crate) fn secrets(&self) -> impl Iterator<Item = i64> {
        self.learned.into_iter().map(|learned| learned.password).chain([self.first])
    }

    /// Returns the password that its startup-reply carries if it sends this one, or `None` if that is wrong. `fixed` is the
    /// password of the settings. A mud that has none yet keeps a number of its own, or gets `new`.
    pub(crate) fn password_for(&self, fixed: Option<i64>, sent: i64, new: i64) -> Option<i64> {
        if let Some(fixed) = fixed {
            return (sent == fixed).then_some(fixed);
        }
        match self.learned {
            None => Some(if is_own(sent) { sent } else { new }),
            Some(Learned { password, had_none }) => {
                (sent == password || had_none && sent < 0).then_some(password)
            }
        }
    }

    /// Notes a login. Returns the change to save.
    pub(crate) fn logged_in(
        &mut self,
        mud_name: &str,
        conn: ConnId,
        info: MudInfo,
        (sent, given): (i64, i64),
    ) -> Change {
        if self.info.is_none() {
            self.first = sent;
        }
        self.learned.get_or_insert(Learned { password: given, had_none: sent < 0 });
        (self.conn, self.away_since, self.info, self.is_off) = (Some(conn), None, Some(info), false);
        self.change(mud_name)
    }

    /// Notes that a connection has ended. Returns whether it was the mud's.
    pub(crate) fn left(&mut self, conn: ConnId, now: Instant) -> bool {
        let is_it = self.conn == Some(conn);
        if is_it {
            (self.conn, self.away_since) = (None, Some(now));
        }
        is_it
    }

    /// Notes that the gateway has logged it off. Returns the change to save.
    pub(crate) fn logged_off(&mut self, mud_name: &str) -> Change {
        self.is_off = true;
        self.change(mud_name)
    }

    /// Restores a saved login. Returns whether it can be read.
    pub(crate) fn restore(&mut self, value: &[u8]) -> bool {
        let Some(saved) = saved::read::<SavedHome>(value) else { return false };
        let Some(info) = MudInfo::from_lpc(&saved.info) else { return false };
        let SavedHome { password, had_none, first, is_off, .. } = saved;
        self.info = Some(info);
        self.learned = password.map(|password| Learned { password, had_none });
        (self.first, self.is_off) = (first, is_off);
        true
    }

    /// Returns the entry that the store must have, if there is one.
    pub(crate) fn entry(&self, mud_name: &str) -> Option<Change> {
        self.is_known().then(|| self.change(mud_name))
    }

    fn change(&self, mud_name: &str) -> Change {
        let value = self.info.as_ref().and_then(|info| {
            saved::write(&SavedHome {
                info: info.to_lpc(),
                password: self.learned.map(|learned| learned.password),
                had_none: self.learned.is_some_and(|learned| learned.had_none),
                first: self.first,
                is_off: self.is_off,
            })
        });
        Change { space: Space::Home.of(mud_name), key: KEY.into(), value }
    }
}

/// Whether a mud can have been given this number by a router.
fn is_own(password: i64) -> bool {
    (1..=i64::from(i32::MAX)).contains(&password) && password != DEAD_SOULS_FIRST
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::effects::Effects;
    use crate::i3::serving::Incoming;

    const STARTUP: &str = r#"({"startup-req-3",5,"A",0,"*r",0,0,-1,-1,4000,0,0,"L","B","D","T","open","e@x",(["tell":1,]),0,})"#;

    fn info() -> MudInfo {
        MudInfo::from_startup(&Incoming::read(STARTUP.as_bytes()).unwrap(), 3).unwrap()
    }

    fn home_after(sent: i64) -> (Home, i64) {
        let (mut home, conn) = (Home::default(), Effects::default().open());
        let given = home.password_for(None, sent, 777).unwrap();
        let change = home.logged_in("A", conn, info(), (sent, given));
        let mut restored = Home::default();
        assert!(restored.restore(&change.value.unwrap()) && restored.info() == home.info());
        (restored, given)
    }

    #[test]
    fn a_password_is_learned_once_and_asked_for_from_then_on() {
        for (sent, given) in [(0, 777), (-1, 777), (DEAD_SOULS_FIRST, 777), (4711, 4711)] {
            let (home, reply) = home_after(sent);
            assert_eq!(reply, given, "{sent}");
            assert_eq!(home.password_for(None, given, 1), Some(given));
            assert_eq!(home.password_for(None, 12, 1), None);
            // Only a CoffeeMud that had none may lose it.
            assert_eq!(home.password_for(None, -1, 1), (sent < 0).then_some(given), "{sent}");
        }
        assert_eq!(home_after(4711).0.first_password(), Some(4711));
        assert_eq!(home_after(DEAD_SOULS_FIRST).0.first_password(), None);
    }

    #[test]
    fn a_fixed_password_is_the_only_one() {
        let home = home_after(0).0;
        assert_eq!(
            [5, 0, -1, 777].map(|sent| home.password_for(Some(5), sent, 1)),
            [Some(5), None, None, None]
        );
    }

    #[test]
    fn a_mud_is_away_when_its_own_connection_has_ended() {
        let mut effects = Effects::default();
        let [one, two] = [effects.open(), effects.open()];
        let mut home = Home::default();
        home.logged_in("A", one, info(), (0, 7));
        home.logged_in("A", two, info(), (7, 7));
        assert!(!home.left(one, Instant::ORIGIN) && home.away_since.is_none());
        assert!(home.left(two, Instant::ORIGIN) && home.conn().is_none());
        assert!(home.away_since.is_some() && !home.is_off());
        home.logged_off("A");
        assert!(home.is_off() && home.entry("A").is_some());
    }
}
