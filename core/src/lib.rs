//! The protocol core of an Intermud-3 gateway, without any I/O.
//!
//! [`Gateway`] is a state machine ([`machine::Machine`]): a driver tells it what happened and when, and carries out what
//! it answers. It opens no socket, reads no clock, draws no randomness of its own, touches no file and logs nowhere.
//!
//! | to change | go to |
//! |---|---|
//! | how bytes on the network are read and written | [`i3`] |
//! | when a router is dialed, given up, or sent to | [`link`] |
//! | what is known of muds, channels and local users | [`network`] |
//! | what a tell, a channel line or a who means | `service` |
//! | methods, transports, HTTP | [`api`] |
//! | who may call, and how often | [`session`] |
//! | what is kept of events, and for whom | `events` |
//! | who is banned or floods | [`moderation`] |
//! | what the services share | `hub` |

pub mod api;
pub mod colour;
pub mod effects;
mod events;
mod gateway;
pub mod health;
mod hub;
pub mod i3;
pub mod link;
pub mod machine;
pub mod metrics;
pub mod moderation;
mod mud;
pub mod network;
pub mod notice;
mod pending;
mod reload;
pub mod saves;
mod service;
pub mod session;
pub mod settings;
pub mod time;
pub mod timers;

pub use gateway::Gateway;
pub use hub::Wake;
