//! Ids of muds and requests.

use std::fmt;

/// A mud that the gateway speaks for, by its index in the settings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MudId(u32);

impl MudId {
    /// The first mud of the settings: the gateway's own.
    pub const OWN: MudId = MudId(0);

    /// Returns the mud at an index of the settings.
    pub(crate) fn at(place: usize) -> MudId {
        MudId(u32::try_from(place).unwrap_or(u32::MAX))
    }

    /// Returns the index in the settings.
    pub fn place(self) -> usize {
        self.0 as usize
    }

    /// Returns the ids of this many muds.
    pub(crate) fn all(count: usize) -> impl Iterator<Item = MudId> + use<> {
        (0..count).map(MudId::at)
    }
}

/// Identifies a request that a front door has passed on, for its answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ticket(pub u64);

impl fmt::Display for MudId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}
