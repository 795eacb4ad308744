//! What each service of Intermud-3 means, in both directions: requests of local programs in, packets out; packets in,
//! events out. A service takes typed requests and gives typed results and events; it knows no front door.
//!
//! | service | requests of local programs | packets of the network |
//! |---|---|---|
//! | [`tell`] | tell, emoteto, beep | the same |
//! | [`channel`], [`speech`] | joining, leaving, speaking, lists of channels | lines and emotes |
//! | [`host`], [`filter`] | channels of our own | verdicts of the router, filter requests |
//! | [`ask`], [`answers`] | who, finger, locate, channel_user, channel_who | the replies |
//! | [`asked`], [`presence`] | who is on | questions of other muds |
//! | [`lists`] | mudlist | the router's lists |
//! | [`errors`] | | error packets |
//! | [`moderation`] | bans | |
//! | [`history`] | what was said; acknowledgements | |
//! | [`access`], [`admin`], [`trace`] | who calls; sessions, log, state | |
//!
//! Each file that serves requests has a table of its methods: name, permission, parameters, result, and the parts that
//! the method is lent. [`inbound`] says which service a packet is for, [`consequences`] what follows from a change of a
//! link or of the store, [`sessions`] what follows from the end of a session.

pub(crate) mod access;
mod admin;
mod answers;
mod ask;
mod asked;
mod call;
mod channel;
pub(crate) mod consequences;
mod errors;
mod filter;
pub(crate) mod held;
mod history;
mod host;
pub(crate) mod inbound;
pub mod limits;
mod lists;
mod method;
mod moderation;
mod parts;
mod presence;
pub(crate) mod reload;
pub(crate) mod sessions;
mod speech;
pub mod table;
mod tell;
mod text;
mod trace;

pub(crate) use call::Call;
pub(crate) use method::Progress;
pub use method::{Access, Method};
pub(crate) use parts::Parts;
