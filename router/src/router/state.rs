//! The state of a router, and its timers.

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

/// The interval of the checks for muds that have been offline for a week.
pub(super) const SWEEP_EVERY: Duration = Duration::from_secs(3600);
/// The delay of saving subscriptions. Several are saved together, because a mud can send many `channel-listen` packets.
pub(super) const SAVE_AFTER: Duration = Duration::from_secs(1);
/// How long after its start a Dead Souls router forgets muds that log in.
pub(super) const FORGETFUL_FOR: Duration = Duration::from_secs(2);

/// A timer of the router.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum RouterWake {
    /// A connection has not logged in.
    Login(ConnId),
    /// A connection that is being closed has not accepted its last bytes.
    Linger(ConnId),
    /// The next packet of the second copy of the mudlist.
    MudlistAgain(ConnId),
    /// The arrival of a mud has to be announced.
    Joined(KnownMudId),
    /// The loss of a mud has to be announced.
    Left(KnownMudId),
    /// No packet was exchanged with a mud for a long time.
    Idle(KnownMudId),
    /// Unread bytes have to be read, in the rhythm of CoffeeMud.
    Tick,
    /// The muds that have logged in so far have to be forgotten.
    ForgetFirst,
    /// A mud leaves the gray list.
    Release,
    /// Muds that stayed offline have to be forgotten.
    Sweep,
    /// Subscriptions have to be saved.
    Save,
    /// The time for the shutdown is over.
    Stop,
}

/// Counters for the operator.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RouterMetrics {
    /// Connections that were accepted.
    pub connections_accepted: u64,
    /// Connections that were refused.
    pub connections_refused: u64,
    /// Logins that succeeded.
    pub logins: u64,
    /// Logins that were refused.
    pub logins_refused: u64,
    /// Frames that arrived, whether or not they contained a packet.
    pub packets_in: u64,
    /// Frames that were queued for muds. A broadcast counts once for each mud.
    pub packets_out: u64,
    /// Bytes that arrived.
    pub bytes_in: u64,
    /// Bytes of the frames that were queued.
    pub bytes_out: u64,
    /// Errors that were sent.
    pub errors_out: u64,
    /// Packets that were dropped, by reason.
    pub dropped: BTreeMap<&'static str, u64>,
    /// How often a mud was put on the gray list.
    pub floods: u64,
    /// Muds that were disconnected because they read too slowly.
    pub cut_off: u64,
    /// Saves that failed.
    pub saves_failed: u64,
    /// Inputs for connections that had ended already.
    pub late_inputs: u64,
}

impl RouterMetrics {
    pub(super) fn drop_packet(&mut self, reason: &'static str) {
        *self.dropped.entry(reason).or_default() += 1;
    }
}

/// The state of a connection.
#[derive(Debug)]
pub(super) enum ConnState {
    /// No mud has logged in. So many logins were refused.
    New { refusals: u32 },
    /// A mud has logged in. The second copy of the mudlist still has to contain the muds in `again`.
    Mud { mud: KnownMudId, again: VecDeque<KnownMudId> },
    /// The connection stays open, and its packets are ignored.
    Deaf,
    /// The connection is being closed, and its packets are ignored.
    Closing,
}

/// The received bytes of a connection.
#[derive(Debug)]
pub(super) enum Intake {
    /// Frames are read as bytes arrive.
    Frames(Deframer),
    /// Bytes wait for the next tick of CoffeeMud.
    Heap(Heap),
}

#[derive(Debug)]
pub(super) struct Conn {
    pub(super) ip: IpAddr,
    pub(super) intake: Intake,
    pub(super) state: ConnState,
}

/// The progress of the shutdown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    Running,
    Stopping,
    Stopped,
}

/// An Intermud-3 router.
///
/// It follows the rules of one [`crate::Dialect`]. It reacts to invalid input as that router does. Often it sends no
/// answer; then the reason goes to the operator as a notice, or is counted in [`RouterMetrics::dropped`].
///
/// - Dead Souls: saved passwords; a mudlist with ten muds in each packet and random ids, and then a second copy with one
///   mud in each packet; the whole channel list after each change; flood control; errors, except to connections without a
///   login. [`Faults`](crate::Faults) has its faults.
/// - CoffeeMud: no passwords; four packets a second; no channel lines back to their sender; Latin-1 without escapes and
///   without NUL; unknown, invalid and too long packets are dropped without an answer; the end of a connection is noticed
///   at the next write to it.
/// - The specification: an error for each failure, also without a login; lists with the changes only; ids that are times;
///   a limit of hops.
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
    /// Ended connections of muds that count as online until the next write to them (CoffeeMud).
    pub(super) unnoticed: BTreeMap<ConnId, KnownMudId>,
    /// Muds whose end was noticed by a write. It is announced after the current input.
    pub(super) fallen: Vec<KnownMudId>,
    /// The second of the wall clock in which the last connection was accepted.
    pub(super) accepted_in: u64,
    pub(super) stage: Stage,
    pub(super) started: Instant,
    /// The latest time of an input.
    pub(super) now: Instant,
    pub(super) saves_pending: u64,
    /// Connections whose outbox exceeds its limit. They are closed after the current input.
    pub(super) laggards: Vec<ConnId>,
    pub(super) metrics: RouterMetrics,
}
