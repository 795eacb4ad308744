//! A node of the tests: it opens a database, saves, beats, and is told.

use crate::postgres::Postgres;
use i3_core::machine::{Beat, Beaten, Change, Clear, Fence, Told};
use i3_store::{
    CommitError, FencedSave, FollowError, NodeIdentity, Roles, SharedPlace, SharedStore, Start, StoreError,
    open_shared,
};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

/// The lease of the tests. All time limits follow from it, so it is long enough for a busy machine.
pub(crate) const LEASE: Duration = Duration::from_secs(20);

/// How long anything may take.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// An empty database of its own. `None`: PostgreSQL is not installed.
pub(crate) fn database() -> Option<(Arc<Postgres>, String, SharedPlace)> {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let postgres = Postgres::shared()?;
    let name = format!("gateway_{}", NUMBER.fetch_add(1, Ordering::Relaxed));
    let url = postgres.database(&name);
    Some((postgres, name, SharedPlace { url, password: None }))
}

pub(crate) fn identity(name: &str) -> NodeIdentity {
    NodeIdentity { name: name.to_owned(), boot: format!("boot of {name}"), lease: LEASE }
}

pub(crate) fn open(place: &SharedPlace, name: &str) -> Box<dyn SharedStore> {
    open_with(place, name, LEASE)
}

fn open_with(place: &SharedPlace, name: &str, lease: Duration) -> Box<dyn SharedStore> {
    open_shared(place, NodeIdentity { lease, ..identity(name) }).unwrap().store
}

/// Everything in a store.
pub(crate) fn entries(place: &SharedPlace) -> Vec<Change> {
    let mut entries = Vec::new();
    open(place, "reader").load(usize::MAX, &mut |entry| entries.push(entry)).unwrap();
    entries
}

pub(crate) fn change(space: &str, key: &str, value: impl AsRef<[u8]>) -> Change {
    Change { space: space.into(), key: key.into(), value: Some(value.as_ref().into()) }
}

pub(crate) fn fence(mud: &str, epoch: u64) -> Fence {
    Fence { mud: mud.to_owned(), epoch }
}

pub(crate) fn save(changes: &[Change], fences: &[Fence]) -> FencedSave {
    FencedSave { clear: Clear::Nothing, changes: changes.to_vec(), fences: fences.to_vec() }
}

pub(crate) struct Node {
    pub(crate) roles: Roles,
    pub(crate) start: Start,
    pub(crate) loaded: Vec<Change>,
}

impl Node {
    pub(crate) fn start(place: &SharedPlace, name: &str) -> Node {
        Node::start_with(place, name, LEASE)
    }

    /// Starts a node whose leases have another length.
    pub(crate) fn start_with(place: &SharedPlace, name: &str, lease: Duration) -> Node {
        let mut store = open_with(place, name, lease);
        let mut loaded = Vec::new();
        let start = store.load(usize::MAX, &mut |entry| loaded.push(entry)).unwrap();
        Node { roles: store.roles(&start), start, loaded }
    }

    pub(crate) fn beat(&mut self, ask: &Beat) -> Beaten {
        self.roles.beater.beat(ask).unwrap().beaten
    }

    /// Takes muds, and returns those that the node now holds.
    pub(crate) fn take(&mut self, muds: &[&str]) -> Beaten {
        self.beat(&Beat { take: muds.iter().map(|mud| (*mud).to_owned()).collect(), ..Beat::default() })
    }

    pub(crate) fn commit(
        &mut self,
        saves: &[FencedSave],
    ) -> Result<Vec<Result<(), Vec<String>>>, CommitError> {
        self.roles.saver.commit(saves)
    }

    /// Writes one save, which is not stale.
    pub(crate) fn save(&mut self, changes: &[Change]) {
        assert_eq!(self.commit(&[save(changes, &[])]), Ok(vec![Ok(())]));
    }

    /// Reads the log until there are so many saves.
    pub(crate) fn told(&mut self, count: usize) -> Vec<Told> {
        let mut told = Vec::new();
        let started = Instant::now();
        while told.len() < count {
            assert!(started.elapsed() < PATIENCE, "{} of {count} saves were told", told.len());
            match self.roles.follower.news() {
                Ok(news) => told.extend(news.told),
                Err(FollowError::Away(StoreError(why))) => assert!(!why.contains("tests' own"), "{why}"),
                Err(error) => panic!("{error:?}"),
            }
        }
        assert_eq!(told.len(), count);
        told
    }
}

/// The holders of muds, as `mud=boot#epoch`.
pub(crate) fn holders(beaten: &Beaten) -> Vec<String> {
    let shown = |lease: &i3_core::machine::Lease| {
        format!("{}={}#{}", lease.fence.mud, lease.boot.trim_start_matches("boot of "), lease.fence.epoch)
    };
    beaten.leases.iter().map(shown).collect()
}
