//! The protocol core of an Intermud-3 gateway, without any I/O.
//!
//! [`Gateway`] is a state machine ([`machine::Machine`]): a driver tells it what happened and when, and carries out what
//! it answers. It opens no socket, reads no clock, draws no randomness of its own, touches no file and logs nowhere.
//!
//! From the bottom up; a file uses only what stands above it here (ARCHITECTURE.md, "Layers"):
//!
//! | to change | go to |
//! |---|---|
//! | how bytes on the network are read and written | [`i3`], [`colour`] |
//! | what a driver and a machine say to each other | [`machine`], [`effects`], [`saves`], `spaces` |
//! | the settings | [`settings`] |
//! | how parameters, results and events are described | [`describe`], [`fault`], [`event`] |
//! | what is known of muds, channels and local users | [`network`] |
//! | when a router is dialed, given up, or sent to | [`link`] |
//! | who is banned or floods | [`moderation`] |
//! | the muds of the gateway, and what waits for their routers | `muds` |
//! | what is kept of events, and for whom | `journal` |
//! | who is connected, from where, and how often they may call | [`clients`] |
//! | who gets an event | `delivery` |
//! | requests that are answered later | [`waiting`] |
//! | what a tell, a channel line or a who means; methods | [`service`] |
//! | how local programs speak: JSON-RPC, HTTP, WebSocket | [`door`] |
//! | which part an input is for | `gateway` |

mod bucket;
pub mod clients;
pub mod colour;
mod cx;
mod delivery;
pub mod describe;
pub mod door;
pub mod effects;
pub mod event;
pub mod fault;
mod gateway;
pub mod health;
pub mod i3;
mod ids;
mod journal;
pub mod link;
pub mod machine;
pub mod metrics;
pub mod moderation;
mod muds;
pub mod network;
pub mod notice;
mod run;
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
pub use wake::Wake;
