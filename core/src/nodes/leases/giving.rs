//! How a node gives muds up: when their leases end, when others shall have them, and when it ends itself.

use super::{Drain, Lapsed, Leases, Phase, Step};
use crate::ids::MudId;
use crate::machine::SaveTicket;
use crate::nodes::spread::Pressure;
use crate::time::Instant;

impl Leases {
    /// Returns when the first lease ends for this node.
    pub(crate) fn end_at(&self) -> Option<Instant> {
        let held = self.muds.iter().filter_map(|tenure| tenure.held);
        held.map(|held| held.until).min().filter(|_| !self.keeps)
    }

    /// Lets go of the muds whose leases have ended for this node.
    pub(crate) fn ended(&mut self, now: Instant) -> Vec<Step> {
        if self.end_at().is_none_or(|at| at > now) {
            return Vec::new();
        }
        let is_over = |mud: &MudId| self.muds[mud.place()].held.is_some_and(|held| held.until <= now);
        let over: Vec<MudId> = self.ids().filter(is_over).collect();
        for mud in &over {
            let tenure = &mut self.muds[mud.place()];
            tenure.lapsed = tenure.held.map(|held| Lapsed { epoch: held.epoch, at: now });
            self.let_go(*mud, now);
        }
        over.into_iter().map(Step::Lapsed).collect()
    }

    /// Handles that the database has refused a save, because this node no longer has these leases. Returns the muds that it
    /// lets go of. A node that keeps its links asks first whether another node has them.
    pub(crate) fn refused(&mut self, muds: &[String], now: Instant) -> Vec<Step> {
        self.is_urgent = true;
        let is_meant = |mud: &MudId| {
            let tenure = &self.muds[mud.place()];
            (tenure.held.is_some() || tenure.lapsed.is_some()) && muds.contains(&tenure.name)
        };
        let meant: Vec<MudId> = self.ids().filter(is_meant).collect();
        if self.keeps {
            return Vec::new();
        }
        for mud in &meant {
            self.muds[mud.place()].lapsed = None;
            self.let_go(*mud, now);
        }
        meant.into_iter().map(|mud| Step::Lost(mud, "another node may hold it")).collect()
    }

    /// Returns the muds that this node gives to others now. Their links say goodbye.
    pub(crate) fn give(&mut self, now: Instant) -> Vec<MudId> {
        let given = self.spread.give(&self.share(now), self.pressure(), now).muds;
        self.spread.gave(&given, now);
        for mud in &given {
            if let Some(held) = &mut self.muds[mud.place()].held {
                held.phase = Phase::Leaves;
            }
        }
        given
    }

    pub(super) fn pressure(&self) -> Pressure {
        match self.drain {
            None => Pressure::Balance,
            Some(Drain::Asked(_)) => Pressure::All,
            Some(Drain::Ending) => Pressure::AllAtOnce,
        }
    }

    /// Returns the muds whose links say goodbye.
    pub(crate) fn leaving(&self) -> Vec<MudId> {
        self.in_phase(|phase| phase == Phase::Leaves)
    }

    /// Notes that a link has said goodbye. The lease is given back when everything up to `ticket` is durable.
    pub(crate) fn left(&mut self, mud: MudId, ticket: SaveTicket) {
        if let Some(held) = &mut self.muds[mud.place()].held {
            held.phase = Phase::Left(ticket);
        }
    }

    /// Gives back the leases of muds that were left, if what was to be saved for them is durable: all saves before the ticket
    /// `durable_before` are. Returns these muds.
    pub(crate) fn give_back(&mut self, durable_before: SaveTicket) -> Vec<MudId> {
        let is_done = |phase| matches!(phase, Phase::Left(ticket) if ticket < durable_before);
        let done = self.in_phase(is_done);
        for mud in &done {
            if let Some(held) = &mut self.muds[mud.place()].held {
                held.phase = Phase::Given;
            }
        }
        done
    }

    /// Whether a link that says goodbye has ended, or what was to be saved for a mud that was left is durable.
    pub(crate) fn has_progress(
        &self,
        has_ended: impl Fn(MudId) -> bool,
        durable_before: impl Fn() -> SaveTicket,
    ) -> bool {
        // It runs after each input, so what takes long is asked once.
        let mut first_left = None;
        self.ids().any(|mud| match self.muds[mud.place()].held.map(|held| held.phase) {
            Some(Phase::Leaves) => has_ended(mud),
            Some(Phase::Left(ticket)) => {
                first_left = Some(first_left.map_or(ticket, |first: SaveTicket| first.min(ticket)));
                false
            }
            _ => false,
        }) || first_left.is_some_and(|ticket| ticket < durable_before())
    }

    fn in_phase(&self, is_it: impl Fn(Phase) -> bool) -> Vec<MudId> {
        let is_in = |mud: &MudId| self.muds[mud.place()].held.is_some_and(|held| is_it(held.phase));
        self.ids().filter(is_in).collect()
    }

    /// From now on this node takes no muds, and gives up those that it has.
    pub(crate) fn drain(&mut self) {
        if self.drain.is_none() {
            self.drain = Some(Drain::Asked(self.held()));
            self.is_urgent = true;
        }
    }

    /// This node ends: it gives up all muds at once.
    pub(crate) fn end(&mut self) {
        (self.drain, self.is_urgent) = (Some(Drain::Ending), true);
    }
}
