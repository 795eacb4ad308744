//! What a step of a link is given, and what it returns.

use crate::effects::Effects;
use crate::settings::{LinkSettings, MudSettings};
use crate::time::Now;

/// What every step of a link may use. The settings are borrowed, so that there is one copy of them.
#[derive(Debug)]
pub struct LinkCx<'a> {
    /// The time of the input that causes the step.
    pub now: Now,
    /// Where the step puts bytes, connections, saves and notices.
    pub fx: &'a mut Effects,
    /// How links behave.
    pub settings: &'a LinkSettings,
    /// The mud of this link, with its routers.
    pub mud: &'a MudSettings,
}

/// What a step of a link means for the rest of the gateway.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkEvent {
    /// The link has become ready: packets may go.
    Ready,
    /// The link was ready and is no longer.
    Down,
    /// The link has sent a probe. It bypasses the queue and counts for the pacing.
    Probed,
}

/// When new settings of a link take effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Applied {
    /// All of them at once.
    Now,
    /// Some at the next login: the session goes on at its router, which knows the mud as the last login described it.
    AtTheNextLogin,
}

/// What the deadline of a link is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Wait {
    /// The next attempt is due.
    Retry,
    /// The connection must be open.
    Connect,
    /// The login must be answered.
    Startup,
    /// The store must have saved the password.
    Secure,
    /// The router must have given a sign of life.
    Silence,
    /// The registration is to be checked.
    Check,
    /// The preferred router is to be tried, or must have answered.
    Preferred,
    /// The last bytes must have left.
    Leave,
}
