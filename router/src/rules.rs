//! What differs from dialect to dialect, as far as it is a matter of more or less: the rest is in the functions that ask
//! for a [`Rules`], and in [`crate::coffeemud`].

use crate::settings::Dialect;
use std::time::Duration;

/// How frames are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// As drivers do it: escapes, and a NUL at the end.
    Driver,
    /// See [`crate::coffeemud::text`].
    CoffeeMud,
}

/// What a mud that comes or goes means to the others.
#[derive(Debug)]
pub(crate) struct News {
    /// When an arrival is told.
    pub(crate) joined_after: Duration,
    /// When a loss is told. A mud that is back by then is told to be up.
    pub(crate) left_after: Duration,
    /// Whether the list says that a mud is down from its loss on, or only once that has been told.
    pub(crate) down_at_once: bool,
}

/// A dialect's rules.
#[derive(Debug)]
pub(crate) struct Rules {
    pub(crate) form: Form,
    /// How long a connection may stay without a login, where the router and not its operator decides.
    pub(crate) startup_timeout: Option<Duration>,
    /// Whether a refused login, and a packet of a stranger, is answered with an error.
    pub(crate) answers_strangers: bool,
    /// Muds in one packet of the first mudlist.
    pub(crate) mudlist_muds_max: usize,
    /// Whether the whole mudlist comes again, one mud a packet.
    pub(crate) mudlist_again: bool,
    /// Whether a list carries only what has changed since the id that a mud names. The ids are then seconds of
    /// wall-clock time, or one more than the last.
    pub(crate) deltas: bool,
    pub(crate) news: News,
    /// Whether muds that send too much are ignored for a while, if the operator wants it.
    pub(crate) flood_control: bool,
    /// Whether muds that stay away are forgotten.
    pub(crate) forgets_muds: bool,
    /// Whether a packet has one hop less to go when it leaves.
    pub(crate) counts_hops: bool,
    /// Whether a mud may speak only where it listens (and is made to listen), and whether an emote without `$N` is
    /// signed.
    pub(crate) edits_speech: bool,
}

impl Dialect {
    pub(crate) fn rules(self) -> &'static Rules {
        match self {
            Dialect::DeadSouls => &DEAD_SOULS,
            Dialect::CoffeeMud => &COFFEEMUD,
            Dialect::Specification => &SPECIFICATION,
        }
    }
}

const DEAD_SOULS: Rules = Rules {
    form: Form::Driver,
    startup_timeout: None,
    // Its errors are addressed to a mud that the connection is not yet, and never leave.
    answers_strangers: false,
    mudlist_muds_max: 10,
    mudlist_again: true,
    deltas: false,
    // A second after the second mudlist starts; after a loss ten seconds in which it may come back, and one more.
    news: News {
        joined_after: Duration::from_secs(2),
        left_after: Duration::from_secs(11),
        down_at_once: true,
    },
    flood_control: true,
    forgets_muds: true,
    counts_hops: false,
    edits_speech: true,
};

const COFFEEMUD: Rules = Rules {
    form: Form::CoffeeMud,
    startup_timeout: Some(Duration::from_secs(10)),
    answers_strangers: false,
    mudlist_muds_max: 5,
    mudlist_again: false,
    deltas: false,
    news: News { joined_after: Duration::ZERO, left_after: Duration::ZERO, down_at_once: true },
    flood_control: false,
    forgets_muds: false,
    counts_hops: false,
    edits_speech: false,
};

const SPECIFICATION: Rules = Rules {
    form: Form::Driver,
    startup_timeout: None,
    answers_strangers: true,
    mudlist_muds_max: usize::MAX,
    mudlist_again: false,
    deltas: true,
    // "A dropped connection will wait 5 minutes".
    news: News { joined_after: Duration::ZERO, left_after: Duration::from_secs(300), down_at_once: false },
    flood_control: false,
    forgets_muds: true,
    counts_hops: true,
    edits_speech: false,
};
