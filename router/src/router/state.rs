//! What a router keeps, and why it wants to be woken.

use crate::channels::Channels;
use crate::coffeemud::heap::Heap;
use crate::flood::FloodControl;
use crate::lists::ListId;
use crate::registry::{KnownMudId, Registry, Suspects};
use crate::settings::RouterSettings;
use i3_core::effects::{ConnMap, Effects};
use i3_core::i3::Deframer;
use i3_core::machine::ConnId;
use i3_core::time::Instant;
use i3_core::timers::Timers;
use std::collections::{BTreeMap, VecDeque};
use std::net::IpAddr;
use std::time::Duration;

/// How often muds that have been away for a week are looked for.
pub(super) const SWEEP_EVERY: Duration = Duration::from_secs(3600);
/// Subscriptions are saved together, this long after the first: `channel-listen` costs a mud nothing, a save does.
pub(super) const SAVE_AFTER: Duration = Duration::from_secs(1);
/// For how long after its start a Dead Souls router forgets who logs in.
pub(super) const FORGETFUL_FOR: Duration = Duration::from_secs(2);

/// Why the router wants to be woken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum RouterWake {
    /// A connection has not logged in.
    Login(ConnId),
    /// A connection that is being closed has not read what it is owed.
    Linger(ConnId),
    /// The next packet of the second copy of the mudlist.
    MudlistAgain(ConnId),
    /// A mud's arrival is to be told.
    Joined(KnownMudId),
    /// A mud's loss is to be told.
    Left(KnownMudId),
    /// Nothing was said to or by a mud for long.
    Idle(KnownMudId),
    /// Connections are to be looked at.
    Tick,
    /// The muds that logged in so far are to be forgotten.
    ForgetFirst,
    /// A flooding mud may be heard again.
    Release,
    /// Muds that stayed away are to be forgotten.
    Sweep,
    /// Subscriptions are to be saved.
    Save,
    /// The end may wait no longer.
    Stop,
}

/// What happened so far, for an operator.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RouterMetrics {
    /// Connections that were taken.
    pub connections_accepted: u64,
    /// Connections that were not.
    pub connections_refused: u64,
    /// Logins that succeeded.
    pub logins: u64,
    /// Logins that were answered with silence.
    pub logins_refused: u64,
    /// Frames that arrived, packets or not.
    pub packets_in: u64,
    /// Frames that were queued for muds: a broadcast counts once for each.
    pub packets_out: u64,
    /// Bytes that arrived.
    pub bytes_in: u64,
    /// Bytes of those frames.
    pub bytes_out: u64,
    /// Errors that were sent.
    pub errors_out: u64,
    /// Packets that went nowhere, by the reason.
    pub dropped: BTreeMap<&'static str, u64>,
    /// Times a mud was put on the gray list.
    pub floods: u64,
    /// Muds that were cut off because they do not read.
    pub cut_off: u64,
    /// Saves that failed.
    pub saves_failed: u64,
    /// Reports about connections that were already gone.
    pub late_inputs: u64,
}

impl RouterMetrics {
    pub(super) fn drop_packet(&mut self, reason: &'static str) {
        *self.dropped.entry(reason).or_default() += 1;
    }
}

/// What a connection is doing.
#[derive(Debug)]
pub(super) enum ConnState {
    /// It has not logged in; so many logins were refused.
    New { refusals: u32 },
    /// It is a mud, to which this is still to be said again.
    Mud { mud: KnownMudId, again: VecDeque<KnownMudId> },
    /// It stays open, and nothing it says counts.
    Deaf,
    /// It is being closed: nothing it says counts.
    Closing,
}

/// Where its bytes go.
#[derive(Debug)]
pub(super) enum Intake {
    /// They are read as they come.
    Frames(Deframer),
    /// They wait to be looked at.
    Heap(Heap),
}

#[derive(Debug)]
pub(super) struct Conn {
    pub(super) ip: IpAddr,
    pub(super) intake: Intake,
    pub(super) state: ConnState,
}

/// How far the router is with its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    Running,
    Stopping,
    Stopped,
}

/// An Intermud-3 router.
///
/// It follows the rules of one [`crate::Dialect`]. What a peer does wrong is answered as that router answers it, which is
/// often silence; the reason then goes to the operator as a notice, or is counted in [`RouterMetrics::dropped`].
///
/// - Dead Souls: passwords that are kept; the mudlist in tens under random ids and then again one by one; the whole
///   channel list after each change; flood control; errors, but none to a stranger. What it does wrong, [`Faults`](crate::Faults) has.
/// - CoffeeMud: no password; four packets a second; a mud's own channel lines are not sent back; no escapes, Latin-1, no
///   NUL; what it does not know, cannot read or finds too long is dropped without a word; what is gone is noticed when
///   something is written to it.
/// - The specification: an error for everything that fails, strangers too; lists with only what has changed; ids that
///   are times; hops that are counted.
#[derive(Debug)]
pub struct Router {
    pub(super) settings: RouterSettings,
    pub(super) rng: fastrand::Rng,
    pub(super) effects: Effects,
    pub(super) timers: Timers<RouterWake>,
    pub(super) conns: ConnMap<Conn>,
    pub(super) muds: Registry,
    pub(super) suspects: Suspects,
    pub(super) channels: Channels,
    pub(super) flood: FloodControl,
    pub(super) mudlist: ListId,
    pub(super) chanlist: ListId,
    /// Connections that have ended, of muds that count as online until something is written to them (CoffeeMud).
    pub(super) unnoticed: BTreeMap<ConnId, KnownMudId>,
    /// Muds whose end was noticed by writing, to be told when the current input is done.
    pub(super) fallen: Vec<KnownMudId>,
    /// The second of wall-clock time in which the last connection was taken.
    pub(super) accepted_in: u64,
    pub(super) stage: Stage,
    pub(super) started: Instant,
    /// The latest time that was said.
    pub(super) now: Instant,
    pub(super) saves_pending: u64,
    /// Muds whose outbox is over its limit, to be cut off when the current input is done.
    pub(super) laggards: Vec<ConnId>,
    pub(super) metrics: RouterMetrics,
}
