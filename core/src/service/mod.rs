//! The services of Intermud-3, in both directions: requests of local clients become packets, and packets from the network
//! become events. A service takes typed requests and returns typed results and events. It does not depend on any front
//! door.
//!
//! | service | requests of local clients | packets from the network |
//! |---|---|---|
//! | `tell` | tell, emoteto, beep | tell, emoteto, beep |
//! | `channel`, `speech` | joining, leaving, speaking, the channel list | messages and emotes |
//! | `host`, `filter` | channels that this mud hosts | the router's verdicts, filter requests |
//! | `ask`, `answers` | who, finger, locate, channel_user, channel_who | the replies |
//! | `asked`, `presence` | publishing who is online | questions of other muds |
//! | `lists` | mudlist | the router's lists |
//! | `errors` | | error packets |
//! | `moderation` | bans | |
//! | `history`, `search`, `searches`, `past`, `lines` | the history, replay, acknowledgements | |
//! | `persons` | users who have a session of their own | |
//! | `bouncer` | muds that speak Intermud-3 and log in here | packets for them |
//! | `access`, `admission` | authentication, rates and permissions | |
//! | `nodes` | several gateways with one database: what they tell each other | |
//! | `admin`, `audit`, `overview`, `trace` | sessions, log, state; who did what; packet traces | |
//!
//! Each file that serves requests has a table of its methods: name, permission, parameters, result, and the parts of the
//! state that the method borrows. `inbound` passes each packet to its service. `consequences` handles what follows
//! from a change of a link or of the store, `storing` writes anew what the store has lost, and `sessions` what follows from
//! the end of a session. `page` bounds lists.

pub(crate) mod access;
mod admin;
pub(crate) mod admission;
mod answers;
mod ask;
mod asked;
pub(crate) mod audit;
pub(crate) mod bouncer;
mod call;
pub(crate) mod channel;
pub(crate) mod consequences;
pub(crate) mod durable;
mod errors;
mod filter;
pub(crate) mod held;
mod history;
mod host;
pub(crate) mod inbound;
pub mod limits;
mod lines;
mod lists;
mod method;
mod moderation;
pub(crate) mod nodes;
mod overview;
mod page;
mod parts;
pub(crate) mod past;
pub(crate) mod persons;
mod presence;
mod readiness;
mod refuse;
pub(crate) mod reload;
pub(crate) mod search;
pub(crate) mod searches;
pub(crate) mod sessions;
mod speech;
pub(crate) mod storing;
pub mod table;
mod tell;
mod text;
mod trace;

pub(crate) use call::Call;
pub(crate) use method::Progress;
pub use method::{Access, Method};
pub(crate) use parts::Parts;
#[cfg(test)]
pub(crate) use parts::testing;
