//! Small names for things that the gateway holds many of.

use std::fmt;

/// One of the muds that the gateway speaks for: its place in the settings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MudId(u32);

impl MudId {
    /// The first mud of the settings: the gateway's own.
    pub const OWN: MudId = MudId(0);

    /// The mud at that place of the settings.
    pub(crate) fn at(place: usize) -> MudId {
        MudId(u32::try_from(place).unwrap_or(u32::MAX))
    }

    /// Its place in the settings.
    pub fn place(self) -> usize {
        self.0 as usize
    }

    /// All of so many muds.
    pub(crate) fn all(count: usize) -> impl Iterator<Item = MudId> + use<> {
        (0..count).map(MudId::at)
    }
}

/// One request that a front door has passed on. The answer names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ticket(pub u64);

impl fmt::Display for MudId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}
