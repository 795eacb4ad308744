//! The watch over a session that is ready: when it is probed, when it counts as dead, and when the preferred router is
//! tried beside it.
//!
//! After a silence of `keepalive_interval` a first probe is sent, after a third of the time that is left until
//! `dead_after` a second one of another kind, and at `dead_after` the session is dead. Any byte that comes in ends the
//! silence. Ten seconds after the login all of that happens once as if `keepalive_interval` had just passed: it shows
//! whether the router knows the mud.

use super::step::Wait;
use crate::machine::ConnId;
use crate::settings::LinkSettings;
use crate::time::Instant;
use std::time::Duration;

/// When the registration is checked after a login: a Dead Souls router forgets the logins of its first two seconds, and
/// sends the whole mudlist again at ten muds a second.
const CHECK_AFTER: Duration = Duration::from_secs(10);

/// After a probe without an answer, one of another kind is sent at this part of the time that is left: CoffeeMud's
/// router drops an auth-mud-req to oneself, but relays a ping-req.
const SECOND_PROBE_PART: u32 = 3;

/// A router that drops probes may have forgotten the mud without a sign of it. So after a silence of this length, in
/// which not one packet came, the link logs in again.
const SILENCE_WITHOUT_PROBES_MAX: Duration = Duration::from_secs(3600);

/// How often in a row the preferred router must have been reached before the link returns to it.
const TRIALS_NEEDED: u32 = 3;

/// How long a session must have held for the link to count as steady.
const STEADY_AFTER: Duration = Duration::from_secs(60);

/// The least time between two probes. Probes bypass the pacing, so no second may hold two of them.
const PROBES_APART: Duration = Duration::from_millis(1_010);

/// What the mud sends to itself through the router.
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

/// What the link must do when the deadline has passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Due {
    Nothing,
    Probe(Probe),
    /// Give the session up: there was no sign of life, or none of the registration.
    Dead,
    /// Try to reach the preferred router.
    Trial,
    /// Close this connection: the preferred router could not be reached in time.
    TrialLate(ConnId),
}

/// Tries the preferred router, again and again, while another one is in use. A trial is a connection that is closed as
/// soon as it is open; nothing is sent over it.
#[derive(Debug)]
struct Trials {
    /// Between two trials.
    interval: Duration,
    /// When the next trial is due, or the deadline of the one under way.
    at: Instant,
    /// The trial under way.
    conn: Option<ConnId>,
    /// How many in a row have succeeded.
    reached: u32,
}

/// See the documentation of this file.
#[derive(Debug)]
pub(super) struct Watch {
    since: Instant,
    /// When anything last came in.
    heard: Instant,
    /// Start of the current silence: the last byte received, or the last round of probes.
    quiet_since: Instant,
    /// Shortens the wait before the next probe, where a sign of life is wanted sooner.
    impatience: Duration,
    /// Probes in the current silence.
    probes: u32,
    probed_at: Option<Instant>,
    /// Whether a probe has ever come back in this session.
    answered: bool,
    /// Whether the registration has been checked.
    checked: bool,
    trials: Option<Trials>,
}

impl Watch {
    /// Over a session that has just become ready.
    pub(super) fn new(now: Instant) -> Self {
        Watch {
            since: now,
            heard: now,
            quiet_since: now,
            impatience: Duration::ZERO,
            probes: 0,
            probed_at: None,
            answered: false,
            checked: false,
            trials: None,
        }
    }

    /// The preferred router must have been reachable for `after` before the link returns to it; with `None` it is not
    /// tried. With another time than before the trials start over. Returns the trial that was under way then: it must
    /// be closed.
    pub(super) fn set_return_after(&mut self, now: Instant, after: Option<Duration>) -> Option<ConnId> {
        let interval = after.map(|after| after / TRIALS_NEEDED);
        if self.trials.as_ref().map(|trials| trials.interval) == interval {
            return None;
        }
        let new = interval.map(|interval| Trials { interval, at: now + interval, conn: None, reached: 0 });
        std::mem::replace(&mut self.trials, new).and_then(|trials| trials.conn)
    }

    /// Whether the session has held for a while.
    pub(super) fn is_steady(&self, now: Instant) -> bool {
        now.since(self.since) >= STEADY_AFTER
    }

    /// Bytes came in.
    pub(super) fn heard(&mut self, now: Instant) {
        self.heard = now;
        self.begin_silence(now);
    }

    fn begin_silence(&mut self, now: Instant) {
        self.quiet_since = now;
        self.impatience = Duration::ZERO;
        self.probes = 0;
    }

    /// Whether nothing has come in for this long, from a router that answers probes.
    pub(super) fn is_quiet(&self, now: Instant, time: Duration) -> bool {
        self.answered && now.since(self.heard) >= time
    }

    /// The router is probed now, as if it had been silent for the whole interval.
    pub(super) fn check(&mut self, now: Instant, settings: &LinkSettings) {
        self.begin_silence(now);
        self.impatience = settings.keepalive_interval;
    }

    /// A probe came back.
    pub(super) fn probe_answered(&mut self) {
        self.answered = true;
    }

    /// Whether a probe has come back in this session.
    pub(super) fn is_proven(&self) -> bool {
        self.answered
    }

    /// How long a silence may last until the next thing is done about it: the first probe, the second one, the end.
    fn patience(&self, settings: &LinkSettings) -> Duration {
        let spare = settings.dead_after.saturating_sub(settings.keepalive_interval);
        let patience = match self.probes {
            0 => settings.keepalive_interval,
            1 => settings.keepalive_interval + spare / SECOND_PROBE_PART,
            _ => settings.dead_after,
        };
        // New settings may have made the interval shorter than it was when the impatience was set.
        patience - self.impatience.min(settings.keepalive_interval)
    }

    /// When the link must be woken, and for what.
    pub(super) fn deadline(&self, settings: &LinkSettings) -> (Instant, Wait) {
        let silence = (self.quiet_since + self.patience(settings), Wait::Silence);
        let check = (!self.checked).then(|| (self.since + CHECK_AFTER, Wait::Check));
        let (at, wait) = check.map_or(silence, |check| check.min(silence));
        let probe = (self.probed_at.map_or(at, |last| at.max(last + PROBES_APART)), wait);
        let trial = self.trials.as_ref().map(|trials| (trials.at, Wait::Preferred));
        trial.map_or(probe, |trial| trial.min(probe))
    }

    /// The deadline has passed. A router that `drops_probes` is not given up because none came back.
    pub(super) fn handle_timeout(
        &mut self,
        now: Instant,
        settings: &LinkSettings,
        drops_probes: bool,
    ) -> Due {
        let (at, wait) = self.deadline(settings);
        if now < at {
            return Due::Nothing;
        }
        match wait {
            Wait::Preferred => return self.trial_due(now, settings),
            // As if the silence had already lasted for the interval.
            Wait::Check => {
                self.checked = true;
                self.check(now, settings);
            }
            // The wake-up may come late, because the host slept or new settings made the interval shorter. The router
            // was not asked in that time, so it does not count as silence.
            _ => self.quiet_since = self.quiet_since + now.since(at),
        }
        self.probes += 1;
        self.probed_at = Some(now);
        match self.probes {
            1 => Due::Probe(Probe::AuthMud),
            2 => Due::Probe(Probe::Ping),
            _ if drops_probes && now.since(self.heard) < SILENCE_WITHOUT_PROBES_MAX => {
                // It is probed again and again: after one answer it is judged like any other router.
                self.begin_silence(now);
                Due::Nothing
            }
            _ => Due::Dead,
        }
    }

    fn trial_due(&mut self, now: Instant, settings: &LinkSettings) -> Due {
        let Some(trials) = &mut self.trials else { return Due::Nothing };
        match trials.conn.take() {
            Some(late) => {
                trials.reached = 0;
                trials.at = now + trials.interval;
                Due::TrialLate(late)
            }
            None => {
                trials.at = now + settings.connect_timeout;
                Due::Trial
            }
        }
    }

    /// The connection of the trial under way.
    pub(super) fn trial(&self) -> Option<ConnId> {
        self.trials.as_ref().and_then(|trials| trials.conn)
    }

    /// A trial has begun.
    pub(super) fn trial_begun(&mut self, conn: ConnId) {
        if let Some(trials) = &mut self.trials {
            trials.conn = Some(conn);
        }
    }

    /// The trial has succeeded or failed. Returns whether the preferred router has now been reachable for long enough.
    pub(super) fn trial_ended(&mut self, now: Instant, reached: bool) -> bool {
        let Some(trials) = &mut self.trials else { return false };
        trials.conn = None;
        trials.at = now + trials.interval;
        trials.reached = if reached { trials.reached + 1 } else { 0 };
        trials.reached >= TRIALS_NEEDED
    }
}
