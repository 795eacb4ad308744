//! What `i3-load` measures: daemons under load, each figure beside a bare program that does the same work on the same
//! sockets in the same run.
//!
//! - [`target`]: what is measured: a daemon, or a bare program in its place, with its router and its clients.
//! - [`bare`]: the bare programs.
//! - [`poll`]: readiness of many sockets in one thread.
//! - [`text`]: the numbered lines that are sent, and how they are found again.
//! - [`hearers`]: the clients that hear lines, and check that each arrives, in order and once.
//! - [`fanout`]: the scenario of a router's flood to many clients.
//!
//! All traffic is on 127.0.0.1, and every load ends by itself.

pub mod bare;
pub mod fanout;
pub mod hearers;
pub mod poll;
pub mod target;
pub mod text;
