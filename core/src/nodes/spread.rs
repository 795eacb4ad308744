//! How muds are spread evenly over nodes: which of them a node takes, and which it gives to others.
//!
//! Each node decides alone, from the same table of leases. A node takes what is free up to its share, at once. What is still
//! free after a pause was meant for nodes that do not take it. A node gives a mud away only if that makes the numbers more
//! even, so the moves have an end.

use crate::ids::MudId;
use crate::settings::Settings;
use crate::time::Instant;
use std::collections::BTreeMap;
use std::time::Duration;

/// How long a mud may be free before the nodes that have none count as unable to take any, so that the others share it. After
/// twice this time a node takes all that is free, and what it has given back itself.
const FREE_PAUSE: Duration = Duration::from_secs(1);

/// The least time between two muds of one router that go to the same node: a node makes one connection a second to a router.
const GIVEN_APART: Duration = Duration::from_millis(1_100);

/// Number of muds that a node gives away within [`GIVEN_APART`], unless it ends.
const GIVEN_MAX: usize = 20;

/// Whether a node must give up its muds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pressure {
    /// It gives what is above its share.
    Balance,
    /// It gives all, as fast as others can log in.
    All,
    /// It gives all at once.
    AllAtOnce,
}

/// A mud that nobody has a lease on.
#[derive(Clone, Copy, Debug)]
pub(super) struct Free {
    pub(super) mud: MudId,
    pub(super) since: Instant,
    /// When this node has given it back, if no other node has taken it since.
    pub(super) given_at: Option<Instant>,
}

impl Free {
    /// When it is clear that a node with room for it has not taken it.
    fn left_over_at(self) -> Instant {
        self.since.max(self.given_at.unwrap_or(self.since)) + FREE_PAUSE
    }
}

/// The muds of the settings, as they are spread over the nodes that take muds.
#[derive(Clone, Debug, Default)]
pub(super) struct Share {
    /// The place of this node. `None`: it is not in the list.
    pub(super) me: Option<usize>,
    /// Number of muds of each node, in the order of their names.
    pub(super) counts: Vec<usize>,
    /// The muds of this node that it may give away, and whether another node may want them.
    pub(super) runs: Vec<(MudId, bool)>,
    pub(super) free: Vec<Free>,
    /// Number of muds that this node is giving away.
    pub(super) in_transit: usize,
    /// Whether this node takes muds.
    pub(super) takes: bool,
    /// Whether this node can give muds: the database answers.
    pub(super) gives: bool,
    /// The database is back, and the holders before the outage have not all prolonged their leases yet.
    pub(super) settles: bool,
    /// When the first lease of another node ends, unless it is prolonged.
    pub(super) next_end: Option<Instant>,
}

impl Share {
    /// Returns the number of muds that a node has at most, if they are spread evenly.
    fn most(&self, muds: usize) -> usize {
        muds.div_ceil(self.counts.len().max(1))
    }

    /// Whether a mud has been free for so long that those who should have taken it cannot.
    pub(super) fn is_left_over(&self, now: Instant) -> bool {
        self.free.iter().any(|free| free.left_over_at() <= now)
    }
}

/// What a node does now, and when it must look again.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Plan {
    pub(super) muds: Vec<MudId>,
    pub(super) next: Option<Instant>,
}

/// Decides what a node takes and gives.
#[derive(Debug)]
pub(super) struct Spread {
    /// For each mud a number that stands for its first router.
    routers: Vec<usize>,
    /// What was given within the last [`GIVEN_APART`]: when, and the router.
    gave: Vec<(Instant, usize)>,
}

impl Spread {
    pub(super) fn new(settings: &Settings) -> Self {
        let mut known: BTreeMap<(&str, u16), usize> = BTreeMap::new();
        let mut routers = Vec::with_capacity(settings.muds.len());
        for (at, mud) in settings.muds.iter().enumerate() {
            let number =
                mud.routers.first().map(|first| *known.entry((&first.host, first.port)).or_insert(at));
            routers.push(number.unwrap_or(at));
        }
        Spread { routers, gave: Vec::new() }
    }

    /// Returns the muds that this node takes.
    pub(super) fn take(&self, share: &Share, now: Instant) -> Plan {
        let Some(me) = share.me.filter(|_| share.takes) else { return Plan::default() };
        let muds = self.routers.len();
        let most = share.most(muds);
        let mut plan = Plan { muds: Vec::new(), next: share.next_end };
        // Nodes that start at the same time do not want the same muds.
        let (before, from) = share.free.iter().partition::<Vec<&Free>, _>(|one| one.mud.place() < me * most);
        for one in from.into_iter().chain(before) {
            let has = share.counts[me] + plan.muds.len();
            let at_last = one.left_over_at() + FREE_PAUSE;
            if at_last <= now || (has < most && one.given_at.is_none()) {
                plan.muds.push(one.mud);
            } else {
                let next = [one.left_over_at(), at_last].into_iter().find(|at| *at > now);
                plan.next = plan.next.into_iter().chain(next).min();
            }
        }
        plan
    }

    /// Returns the muds that this node gives away.
    pub(super) fn give(&self, share: &Share, pressure: Pressure, now: Instant) -> Plan {
        let mut plan = Plan::default();
        let others = share.counts.len().saturating_sub(1);
        let Some(me) = share.me.filter(|_| share.gives && others > 0) else { return plan };
        // Nobody takes what was given last.
        if pressure == Pressure::All && share.is_left_over(now) {
            return plan;
        }
        let (mut number, only_wanted) = match pressure {
            Pressure::Balance if share.settles => return plan,
            Pressure::Balance => (self.too_many(share, me), true),
            Pressure::All | Pressure::AllAtOnce => (share.runs.len(), false),
        };
        let mut lately: Vec<(Instant, usize)> =
            self.gave.iter().copied().filter(|(at, _)| *at + GIVEN_APART > now).collect();
        for (mud, is_wanted) in share.runs.iter().rev() {
            if number == 0 {
                break;
            }
            if only_wanted && !is_wanted {
                continue;
            }
            let router = self.routers[mud.place()];
            let of_router = lately.iter().filter(|(_, other)| *other == router).count();
            if pressure != Pressure::AllAtOnce && (of_router >= others || lately.len() >= GIVEN_MAX) {
                let next = lately.iter().map(|(at, _)| *at + GIVEN_APART).min();
                plan.next = plan.next.into_iter().chain(next).min();
                continue;
            }
            lately.push((now, router));
            plan.muds.push(*mud);
            number -= 1;
        }
        plan
    }

    /// Returns how many muds this node has that others should have.
    fn too_many(&self, share: &Share, me: usize) -> usize {
        let (mine, most) = (share.counts[me], share.most(self.routers.len()));
        let on_the_way = share.in_transit + share.free.len();
        if mine > most {
            let room: usize = share.counts.iter().map(|count| most.saturating_sub(*count)).sum();
            return (mine - most).min(room.saturating_sub(on_the_way));
        }
        let greatest = share.counts.iter().max().copied().unwrap_or(0);
        let least = share.counts.iter().min().copied().unwrap_or(0);
        let is_first = share.counts.iter().position(|count| *count == greatest) == Some(me);
        usize::from(is_first && greatest - least >= 2 && on_the_way == 0)
    }

    /// Notes what was given away.
    pub(super) fn gave(&mut self, muds: &[MudId], now: Instant) {
        self.gave.retain(|(at, _)| *at + GIVEN_APART > now);
        self.gave.extend(muds.iter().map(|mud| (now, self.routers[mud.place()])));
    }
}
