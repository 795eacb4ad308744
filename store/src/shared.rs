//! The interface to an engine that several gateways share: each of them is a node.
//!
//! A node reads all entries once, and then follows the log of the saves of all nodes. It saves, beats and follows at the
//! same time, so each of these roles has a connection of its own.

use crate::engine::{LineReader, StoreError, Warning};
use i3_core::machine::{Beat, Beaten, Change, Clear, Fence, Node, Told};
use std::time::Duration;

/// What an engine is told of the node that opens it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeIdentity {
    /// The name in the settings.
    pub name: String,
    /// Tells this start of the node from all others.
    pub boot: String,
    /// How long a lease runs.
    pub lease: Duration,
}

/// Where a shared store is, and how to log in. `Debug` shows no secret.
#[derive(Clone, PartialEq, Eq)]
pub struct SharedPlace {
    /// The URL. It may contain a password.
    pub url: String,
    /// The password. It counts more than that of the URL.
    pub password: Option<String>,
}

impl std::fmt::Debug for SharedPlace {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SharedPlace").finish_non_exhaustive()
    }
}

/// Where a node starts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Start {
    /// The position of the last save among the entries.
    pub position: u64,
    /// The position of the save that comes next.
    pub end: u64,
    /// The position of the first save that the node is told: some time before that.
    pub told_from: u64,
    /// How long ago the last save was written, by the clock of the store.
    pub away: Duration,
}

/// One save of a node.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FencedSave {
    /// What is removed first.
    pub clear: Clear,
    /// The changes, in order.
    pub changes: Vec<Change>,
    /// The muds whose holder the node must be.
    pub fences: Vec<Fence>,
}

impl FencedSave {
    /// A save without fences.
    pub fn new(clear: Clear, changes: Vec<Change>) -> FencedSave {
        FencedSave { clear, changes, fences: Vec::new() }
    }
}

/// A store that several gateways share, opened by one node.
pub trait SharedStore: Send {
    /// Returns an address for people. It contains no password.
    fn place(&self) -> String;

    /// Returns the nodes that are there.
    fn nodes(&mut self) -> Result<Vec<Node>, StoreError>;

    /// Passes all entries to `take`, in the order of space and key, as they were at one moment. A value of more than
    /// `value_bytes_max` bytes is not read: its entry comes without a value.
    fn load(&mut self, value_bytes_max: usize, take: &mut dyn FnMut(Change)) -> Result<Start, StoreError>;

    /// Writes these entries to a store that has none, and lets positions begin above `ids_below`.
    fn fill(&mut self, entries: &[Change], ids_below: u64) -> Result<(), StoreError>;

    /// Begins to work as a node.
    fn roles(self: Box<Self>, start: &Start) -> Roles;
}

/// What [`examine_shared`](crate::examine_shared) finds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Finding {
    /// Something is as it has to be.
    Good(String),
    /// A problem that does not prevent a gateway from running.
    Doubt(Warning),
    /// A problem that does.
    Fault(Warning),
}

/// The roles of a node, each for a thread of its own.
pub struct Roles {
    /// Writes saves.
    pub saver: Box<dyn Saver>,
    /// Renews leases.
    pub beater: Box<dyn Beater>,
    /// Reads the log.
    pub follower: Box<dyn Follower>,
    /// Reads lines of the history. `None`: the engine keeps none.
    pub lines: Option<Box<dyn LineReader>>,
    /// How long a beat that gives leases back may wait for the saves before it.
    pub patience: Duration,
}

/// Why saves were not written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CommitError {
    /// The store cannot be reached, or whether the saves were written is unknown.
    Away(StoreError),
    /// The store refuses them. Each of them alone may be written.
    Refused(StoreError),
}

impl CommitError {
    /// The text for people.
    pub fn text(self) -> String {
        match self {
            CommitError::Away(error) | CommitError::Refused(error) => error.0,
        }
    }
}

/// Writes the saves of a node.
pub trait Saver: Send {
    /// Makes saves durable in one transaction, each with a position of its own. Of a save whose fences this node does not
    /// hold nothing is written: its result has the names of these muds. The error applies to all saves.
    fn commit(&mut self, saves: &[FencedSave]) -> Result<Vec<Result<(), Vec<String>>>, CommitError>;

    /// Deletes what no node needs any more. It is called now and then, and need not succeed.
    fn tidy(&mut self) -> Result<(), StoreError>;
}

/// The outcome of a beat.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BeatOutcome {
    /// The leases and nodes.
    pub beaten: Beaten,
    /// All saves that were written before it have positions below this.
    pub position: u64,
}

/// Renews, takes and gives back the leases of a node.
pub trait Beater: Send {
    /// Carries out a beat.
    fn beat(&mut self, ask: &Beat) -> Result<BeatOutcome, StoreError>;

    /// Returns leases and nodes, and changes nothing.
    fn view(&mut self) -> Result<BeatOutcome, StoreError>;
}

/// What a follower has read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct News {
    /// Saves, in order.
    pub told: Vec<Told>,
    /// All saves below this position were read.
    pub through: u64,
    /// Leases or nodes may have changed.
    pub leases_changed: bool,
}

/// Why a follower has read nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FollowError {
    /// The store cannot be reached. The next call tries again.
    Away(StoreError),
    /// What follows was deleted, or is gone with a part of the store. The node cannot continue.
    Behind(StoreError),
}

/// Reads the log of the saves of all nodes.
pub trait Follower: Send {
    /// Returns what follows, as soon as there is something, but after a second at the latest.
    fn news(&mut self) -> Result<News, FollowError>;

    /// Returns a function that ends a call of [`Follower::news`] at once, also the next one.
    fn interrupter(&self) -> Box<dyn Fn() + Send + Sync>;
}
