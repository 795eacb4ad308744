//! The differences of the dialects that a flag or a number can express. Functions that read [`Rules`], and
//! [`crate::coffeemud`], contain the others.

use crate::settings::Dialect;
use std::time::Duration;

/// The format of frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// The format of LPC drivers, with escapes and a NUL at the end.
    Driver,
    /// The format of CoffeeMud, which [`crate::coffeemud::text`] describes.
    CoffeeMud,
}

/// How the other muds learn that a mud has come or gone.
#[derive(Debug)]
pub(crate) struct News {
    /// The delay of the mudlist packet after an arrival.
    pub(crate) joined_after: Duration,
    /// The delay of the mudlist packet after a loss. If the mud is back by then, the packet shows it as up.
    pub(crate) left_after: Duration,
    /// Whether the mudlist shows a mud as down at once after its loss, or only after that delay.
    pub(crate) down_at_once: bool,
}

/// The rules of a dialect.
#[derive(Debug)]
pub(crate) struct Rules {
    pub(crate) form: Form,
    /// How long a connection may stay without a login. `None`: the settings decide.
    pub(crate) startup_timeout: Option<Duration>,
    /// Whether a refused login, or a packet without a login, is answered with an error.
    pub(crate) answers_strangers: bool,
    /// The most muds in a packet of the first mudlist.
    pub(crate) mudlist_muds_max: usize,
    /// Whether the whole mudlist is sent a second time, with one mud in each packet.
    pub(crate) mudlist_again: bool,
    /// Whether a list contains only the changes since the id that a mud sends. Ids are then seconds of the wall clock, or
    /// one more than the last id.
    pub(crate) deltas: bool,
    pub(crate) news: News,
    /// Whether there is flood control, if the settings switch it on.
    pub(crate) flood_control: bool,
    /// Whether muds that stay offline are forgotten.
    pub(crate) forgets_muds: bool,
    /// Whether the router reduces the number of remaining hops of a packet.
    pub(crate) counts_hops: bool,
    /// Whether a mud may speak only on subscribed channels (and is then subscribed), and whether the router appends the
    /// speaker to an emote without `$N`.
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
    // Its errors are addressed to a mud without a connection, so they are never sent.
    answers_strangers: false,
    mudlist_muds_max: 10,
    mudlist_again: true,
    deltas: false,
    // An arrival: a second after the second mudlist has begun. A loss: ten seconds in which the mud may come back, and one
    // more.
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
