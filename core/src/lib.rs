//! The protocol core of an Intermud-3 gateway, without any I/O.
//!
//! [`Gateway`] is a state machine ([`machine::Machine`]): a driver passes it inputs with their times, and carries out its
//! outputs. The core opens no socket, reads no clock, creates no randomness of its own, and accesses no file and no log.
//!
//! The layers follow, the lowest first. A file uses only layers above its own in this table (ARCHITECTURE.md, "Layers"):
//!
//! | to change | go to |
//! |---|---|
//! | how bytes on the network are read and written | [`i3`], [`colour`] |
//! | the interface between a driver and a machine | [`machine`], [`effects`], [`saves`], `spaces` |
//! | the settings | [`settings`] |
//! | how parameters, results and events are described | [`describe`], [`fault`], [`event`] |
//! | the lists of muds and channels, and the local users | [`network`] |
//! | when a router is dialed, given up, or sent to | [`link`] |
//! | bans and message rates | [`moderation`] |
//! | the muds of the gateway, and what waits for their routers | `muds` |
//! | which events are kept, and for whom | `journal` |
//! | sessions, their addresses, and their request rates | [`clients`] |
//! | who receives an event | `delivery` |
//! | requests that are answered later | [`waiting`] |
//! | methods, and the meaning of a tell, a channel message or a who | [`service`] |
//! | the protocols for local clients: JSON-RPC, HTTP, WebSocket, IRC | [`door`] |
//! | which part handles an input | `gateway` |

mod audit;
mod bucket;
pub mod clients;
pub mod colour;
mod contents;
mod cx;
mod delivery;
pub mod describe;
pub mod door;
pub mod effects;
pub mod event;
pub mod fault;
mod gateway;
pub mod health;
mod hour;
pub mod i3;
mod ids;
mod journal;
pub mod line;
pub mod link;
pub mod machine;
pub mod metrics;
pub mod moderation;
mod muds;
pub mod network;
mod nodes;
pub mod notice;
mod outbox;
pub mod query;
mod run;
mod runs;
mod saved;
pub mod saves;
pub mod service;
pub mod settings;
mod spaces;
mod steady;
pub mod time;
pub mod timers;
pub mod waiting;
mod wake;

pub use gateway::Gateway;
pub use ids::{MudId, Ticket};
pub use journal::Selection;
pub use wake::Wake;
