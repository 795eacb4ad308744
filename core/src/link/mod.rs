//! The link of one mud to its network: the session with a router ([`RouterLink`]), and the queue of packets before it
//! ([`pacer`]).
//!
//! # The life of a session
//!
//! A link dials a router, logs in, and stays until the session ends; then it waits and dials again, for ever. The
//! states in protocol order, with what ends each of them:
//!
//! | state | ends when | next state |
//! |---|---|---|
//! | waiting | the wait is over | connecting |
//! | connecting | the connection is open: the login is sent | logging in |
//! | | there is no connection within `connect_timeout` | waiting |
//! | logging in | the router answers with a new password | saving password |
//! | | the router answers without one | ready |
//! | | the router refuses, or does not answer within `startup_timeout` | waiting |
//! | saving password | the store has the password, has failed, or has not answered in time | ready |
//! | ready | the router gives no sign of life for too long | waiting |
//! | leaving | the last bytes have left, or have not within the time for that | waiting, stopped |
//! | stopped | never | |
//!
//! Three kinds of events may come in every state with a connection. A lost connection and bytes that are no frames lead
//! to waiting. A request to reconnect, a redirect and the return to the preferred router lead to leaving and then to
//! waiting. A request to stop leads to leaving and then to stopped. `StateName::next` (state.rs) is this table in code,
//! and a debug build checks every change of state against it.
//!
//! The password must be durable before the link is ready. Without it the mud could not log in again under its name
//! once its address has changed.
//!
//! # Deadlines
//!
//! Each state has at most one deadline, [`RouterLink::deadline`]. It follows from the state and the settings: after
//! any step the caller asks for it again and sets its timer. There is nothing else to keep in line.
//!
//! # Waiting after a failure
//!
//! The first wait is `reconnect_delay`. It doubles with each failure in a row up to `reconnect_delay_max`, and each
//! wait is varied by up to a quarter so that many muds do not return at the same moment. A session that was ready for
//! a minute ends the row. A connection that is closed at once, without a byte, is tried again after a few seconds and
//! is no failure until it has happened several times in a row: a Dead Souls router accepts one connection a second and
//! closes the others. See `backoff.rs`.
//!
//! Several links of a process may have the same router. When one of them reaches it again, the others try it within a few
//! seconds, whatever they wait for. See `outage.rs`.
//!
//! # Which router
//!
//! The settings list the routers in the order of preference. An attempt that fails goes on to the next of the list,
//! and from the last to the first. A session that was ready and is lost starts over at the first. While another router
//! than the first is in use, the first is tried beside it; once it has been reachable for `return_after`, the link
//! returns to it. A router may name another one in its startup-reply; where `follow_redirects` allows it, the link
//! goes there, to each at most once an hour. See `route.rs`.
//!
//! # Probes
//!
//! An open socket proves little: some routers forget a mud and keep its connection. So after a silence of
//! `keepalive_interval` the link sends itself a request through the router. It is dead when nothing has come in within
//! `dead_after`. Some routers drop every such request; one that has answered none in two sessions is judged by its
//! socket alone. See `watch.rs`.
//!
//! # New settings
//!
//! The link keeps no copy of the settings: every step borrows them ([`LinkCx`]). [`RouterLink::reload`] does what the
//! change requires of a link that runs. A session goes on at its router, which knows the mud as the last login
//! described it.

pub mod answers;
mod backoff;
pub mod counts;
mod liveness;
mod outage;
mod own_packets;
pub mod pacer;
mod queued;
mod recent;
mod report;
mod reporting;
mod rest;
mod route;
mod router_link;
mod state;
mod step;
#[cfg(test)]
mod tests;
mod unanswered;
mod watch;

pub use liveness::Liveness;
pub use report::Report;
pub use router_link::RouterLink;
pub use state::StateName;
pub use step::{Applied, LinkCx, LinkEvent, Wait};
