//! A session that is logged in: when it is asked for a sign of life, and when the preferred router is tried beside it.

use super::{Wait, Wire};
use crate::machine::ConnId;
use crate::settings::LinkSettings;
use crate::time::Instant;
use std::time::Duration;

/// When the registration is checked after a login: a Dead Souls router forgets those of its first two seconds, and sends
/// the whole mudlist again at ten muds a second.
const CHECK_AFTER: Duration = Duration::from_secs(10);

/// After a probe that was not answered, a second one of another kind is sent at this part of the time that is left:
/// CoffeeMud's router eats an auth-mud-req to oneself, but relays a ping-req.
const SECOND_PROBE_PART: u32 = 3;

/// A router that is taken for one that eats probes may as well have forgotten us each time. So after a silence that long,
/// in which not one packet came, we log in again.
const MUTE_SILENCE: Duration = Duration::from_secs(3600);

/// How often in a row the preferred router must have been reached before the link goes back to it.
const SCOUTS_NEEDED: u32 = 3;

/// How long a session must have held for the link to count as steady.
const STEADY_AFTER: Duration = Duration::from_secs(60);

/// Between two probes. They go past the pacing, so no second may hold two of them.
const PROBES_APART: Duration = Duration::from_millis(1_010);

/// What is sent to ourselves through the router.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Probe {
    AuthMud,
    Ping,
}

impl Probe {
    /// The type of its packet.
    pub(super) fn kind(self) -> &'static str {
        match self {
            Probe::AuthMud => "auth-mud-req",
            Probe::Ping => "ping-req",
        }
    }
}

/// What a session does when its deadline has passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Due {
    Nothing,
    Probe(Probe),
    /// No sign of life, nor of the registration.
    Dead,
    /// See whether the preferred router can be reached.
    Scout,
    /// It could not, in time: this connection is given up.
    ScoutLate(ConnId),
}

/// Looks after the preferred router while another one is in use.
#[derive(Debug)]
struct Scout {
    /// Between two attempts.
    interval: Duration,
    /// Of the next attempt, or of the one under way.
    at: Instant,
    /// The attempt under way.
    conn: Option<ConnId>,
    /// How many in a row succeeded.
    reached: u32,
}

/// See the module.
#[derive(Debug)]
pub(super) struct Online {
    pub(super) wire: Wire,
    since: Instant,
    /// The last sign of life.
    silent_since: Instant,
    /// The same, or when one was asked for.
    quiet_since: Instant,
    /// How much of the patience with silence is not granted: where a sign of life is wanted sooner.
    impatience: Duration,
    /// Probes since then.
    probes: u32,
    probed_at: Option<Instant>,
    /// Whether a probe has ever come back in this session.
    answered: bool,
    /// Whether the registration has been checked.
    checked: bool,
    scout: Option<Scout>,
}

impl Online {
    pub(super) fn new(wire: Wire, now: Instant) -> Self {
        Online {
            wire,
            since: now,
            silent_since: now,
            quiet_since: now,
            impatience: Duration::ZERO,
            probes: 0,
            probed_at: None,
            answered: false,
            checked: false,
            scout: None,
        }
    }

    /// Goes back to the preferred router once that has been reachable for `after`; never for `None`. Gives the attempt that
    /// was under way with another time, to be closed.
    pub(super) fn set_return_after(&mut self, now: Instant, after: Option<Duration>) -> Option<ConnId> {
        let interval = after.map(|after| after / SCOUTS_NEEDED);
        if self.scout.as_ref().map(|scout| scout.interval) == interval {
            return None;
        }
        let new = interval.map(|interval| Scout { interval, at: now + interval, conn: None, reached: 0 });
        std::mem::replace(&mut self.scout, new).and_then(|scout| scout.conn)
    }

    /// Whether it has held for a while.
    pub(super) fn is_steady(&self, now: Instant) -> bool {
        now.since(self.since) >= STEADY_AFTER
    }

    /// Anything came in.
    pub(super) fn heard(&mut self, now: Instant) {
        self.silent_since = now;
        self.begin_anew(now);
    }

    /// Judges the silence from here on.
    fn begin_anew(&mut self, now: Instant) {
        self.quiet_since = now;
        self.impatience = Duration::ZERO;
        self.probes = 0;
    }

    /// A probe came back.
    pub(super) fn probe_answered(&mut self) {
        self.answered = true;
    }

    /// Whether a probe has come back.
    pub(super) fn is_proven(&self) -> bool {
        self.answered
    }

    /// How much silence is borne after so many probes.
    fn patience(&self, settings: &LinkSettings) -> Duration {
        let spare = settings.dead_after.saturating_sub(settings.keepalive_interval);
        let patience = match self.probes {
            0 => settings.keepalive_interval,
            1 => settings.keepalive_interval + spare / SECOND_PROBE_PART,
            _ => settings.dead_after,
        };
        // New settings may have made the interval shorter than it was when the sign of life was wanted.
        patience - self.impatience.min(settings.keepalive_interval)
    }

    /// When it must be woken, and why.
    pub(super) fn deadline(&self, settings: &LinkSettings) -> (Instant, Wait) {
        let silence = (self.quiet_since + self.patience(settings), Wait::Silence);
        let check = (!self.checked).then(|| (self.since + CHECK_AFTER, Wait::Check));
        let (at, wait) = check.map_or(silence, |check| check.min(silence));
        let probe = (self.probed_at.map_or(at, |last| at.max(last + PROBES_APART)), wait);
        let scout = self.scout.as_ref().map(|scout| (scout.at, Wait::Preferred));
        scout.map_or(probe, |scout| scout.min(probe))
    }

    /// The deadline has passed. `mute` is a router that is known to eat every probe: it is not given up for its silence.
    pub(super) fn handle_timeout(&mut self, now: Instant, settings: &LinkSettings, mute: bool) -> Due {
        let (at, wait) = self.deadline(settings);
        if now < at {
            return Due::Nothing;
        }
        match wait {
            Wait::Preferred => return self.scout_due(now, settings),
            // As if all had been quiet for so long that it is time to ask.
            Wait::Check => {
                self.checked = true;
                self.begin_anew(now);
                self.impatience = settings.keepalive_interval;
            }
            // Late, because the host slept or new settings want an answer sooner: that is no silence of the router's.
            _ => self.quiet_since = self.quiet_since + now.since(at),
        }
        self.probes += 1;
        self.probed_at = Some(now);
        match self.probes {
            1 => Due::Probe(Probe::AuthMud),
            2 => Due::Probe(Probe::Ping),
            _ if mute && now.since(self.silent_since) < MUTE_SILENCE => {
                // Asked again and again: one answer, and it is judged like any other.
                self.begin_anew(now);
                Due::Nothing
            }
            _ => Due::Dead,
        }
    }

    fn scout_due(&mut self, now: Instant, settings: &LinkSettings) -> Due {
        let Some(scout) = &mut self.scout else { return Due::Nothing };
        match scout.conn.take() {
            Some(late) => {
                scout.reached = 0;
                scout.at = now + scout.interval;
                Due::ScoutLate(late)
            }
            None => {
                scout.at = now + settings.connect_timeout;
                Due::Scout
            }
        }
    }

    /// The attempt to reach the preferred router that is under way.
    pub(super) fn scout(&self) -> Option<ConnId> {
        self.scout.as_ref().and_then(|scout| scout.conn)
    }

    /// The attempt has begun.
    pub(super) fn scout_sent(&mut self, conn: ConnId) {
        if let Some(scout) = &mut self.scout {
            scout.conn = Some(conn);
        }
    }

    /// The attempt has succeeded or failed. Says whether the router has now been reachable for long enough.
    pub(super) fn scout_back(&mut self, now: Instant, reached: bool) -> bool {
        let Some(scout) = &mut self.scout else { return false };
        scout.conn = None;
        scout.at = now + scout.interval;
        scout.reached = if reached { scout.reached + 1 } else { 0 };
        scout.reached >= SCOUTS_NEEDED
    }
}
