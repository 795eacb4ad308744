//! The start of a router, and what it reports about itself.

use super::coffeemud::IDS_SPACE;
use super::state::{FORGETFUL_FOR, Router, RouterMetrics, RouterWake, SWEEP_EVERY, Stage};
use crate::channels::{self, Channels};
use crate::flood::FloodControl;
use crate::lists::ListId;
use crate::registry::{self, Registry, Suspects};
use crate::rules::Rules;
use crate::settings::{Faults, RouterSettings};
use i3_core::effects::{ConnMap, Effects};
use i3_core::machine::{Change, Saved};
use i3_core::notice::{Level, Notice};
use i3_core::time::Now;
use i3_core::timers::Timers;
use std::collections::BTreeMap;

impl Router {
    /// Makes a router with the saved state of an earlier one. All random numbers follow from `seed`. A driver takes it from
    /// the operating system, because passwords are made with it.
    pub fn new(settings: RouterSettings, saved: Saved, seed: u64, now: Now) -> Router {
        let mut router = Router {
            settings,
            rng: fastrand::Rng::with_seed(seed),
            effects: Effects::default(),
            timers: Timers::default(),
            conns: ConnMap::default(),
            muds: Registry::default(),
            suspects: Suspects::default(),
            channels: Channels::default(),
            flood: FloodControl::default(),
            mudlist: ListId::default(),
            chanlist: ListId::default(),
            unnoticed: BTreeMap::new(),
            fallen: Vec::new(),
            accepted_in: 0,
            stage: Stage::Running,
            started: now.mono,
            now: now.mono,
            saves_pending: 0,
            laggards: Vec::new(),
            metrics: RouterMetrics::default(),
        };
        if router.rules().deltas {
            // The current time is later than any id of an earlier run.
            let second = i64::try_from(now.unix.seconds()).unwrap_or(0);
            (router.mudlist, router.chanlist) = (ListId::new(second), ListId::new(second));
        }
        router.load(saved, now);
        if router.settings.faults.forgets_first_logins {
            router.timers.set(RouterWake::ForgetFirst, now.mono + FORGETFUL_FOR);
        }
        router.channels.set_stock(&router.settings.name, &router.settings.channels);
        router.save_channels();
        if router.rules().forgets_muds {
            router.timers.set(RouterWake::Sweep, now.mono + SWEEP_EVERY);
        }
        router
    }

    pub(super) fn rules(&self) -> &'static Rules {
        self.settings.dialect.rules()
    }

    /// Sets the faults that the router imitates from now on.
    pub fn set_faults(&mut self, faults: Faults) {
        self.settings.faults = faults;
    }

    /// Returns the faults that the router imitates.
    pub fn faults(&self) -> &Faults {
        &self.settings.faults
    }

    /// Forgets the session of a mud that is online: it is shown as down, its connection stays open, and its packets are
    /// dropped. Returns whether there was such a mud.
    pub fn forget(&mut self, now: Now, name: &str) -> bool {
        let now = self.clamp(now);
        let found = self.muds.iter().find(|(_, mud)| mud.name == name).map(|(id, mud)| (id, mud.conn()));
        let Some((id, Some(conn))) = found else { return false };
        self.forget_online(now, id, conn);
        self.report_fallen(now);
        true
    }

    /// Returns the counters.
    pub fn metrics(&self) -> &RouterMetrics {
        &self.metrics
    }

    /// Returns the names of the muds that are online, in the order in which they became known.
    pub fn online(&self) -> impl Iterator<Item = &str> {
        self.muds.online().map(|(mud, _)| mud.name.as_str())
    }

    /// Returns the number of open connections, logged in or not.
    pub fn connections(&self) -> usize {
        self.conns.len()
    }

    /// Returns the number of remembered muds, online or not.
    pub fn muds_known(&self) -> usize {
        self.muds.len()
    }

    fn load(&mut self, saved: Saved, now: Now) {
        for Change { space, key, value } in saved.entries {
            let Some(value) = value else { continue };
            let loaded = match &*space {
                registry::SPACE => self.muds.load(&key, &value, now.unix.seconds()),
                channels::SPACE => self.channels.load(&key, &value),
                IDS_SPACE => self.load_list_id(&key, &value),
                // The store may contain facts of other machines.
                _ => true,
            };
            if !loaded {
                self.notice(Level::Error, "saved entry cannot be read", |n| {
                    n.with("space", &space).with("key", &key)
                });
            }
        }
    }

    pub(super) fn notice(&mut self, level: Level, what: &'static str, fields: impl FnOnce(Notice) -> Notice) {
        self.effects.notice(fields(Notice::new(level, "router", what)));
    }

    pub(super) fn save(&mut self, changes: Vec<Change>) {
        if !changes.is_empty() {
            self.saves_pending += 1;
            self.effects.save(self.now, changes);
        }
    }

    pub(super) fn save_channels(&mut self) {
        self.timers.clear(RouterWake::Save);
        let changes = self.channels.take_changes();
        self.save(changes);
    }

    /// Replaces a time that is earlier than the latest one, because machine time never goes back.
    pub(super) fn clamp(&mut self, now: Now) -> Now {
        self.now = self.now.max(now.mono);
        Now { mono: self.now, ..now }
    }
}
