//! What `i3-load` measures: daemons under load, each figure beside a bare program that does the same work on as many
//! sockets in the same run.
//!
//! - [`scenarios`]: the scenarios by their names. [`fanout`], [`outbound`], [`latency`], [`storm`], [`never_readers`],
//!   [`idle`], [`growth`] and [`identities`] measure them.
//! - [`target`]: what is measured: a daemon, or a bare program in its place, with its router.
//! - [`stage`]: a target with its clients, and the lines that are sent to them. [`keepalive`]: what its router says meanwhile.
//! - [`hearers`]: the clients, which check that each line arrives, in order and once. [`poll`]: many sockets in one
//!   thread. [`text`]: numbered lines.
//! - [`bare`]: the bare programs.
//! - [`report`], [`plots`], [`budgets`]: the figures as tables and JSON, as plots, and against their budgets.
//! - [`options`]: the command line.
//!
//! All traffic is on 127.0.0.1, and every load ends by itself. Linux only: times and memory are read from `/proc`.

pub mod bare;
pub mod budgets;
pub mod fanout;
pub mod growth;
pub mod hearers;
pub mod identities;
pub mod idle;
pub mod keepalive;
pub mod latency;
pub mod never_readers;
pub mod options;
pub mod outbound;
pub mod plots;
pub mod poll;
pub mod report;
pub mod scenarios;
pub mod stage;
pub mod storm;
pub mod target;
pub mod text;
