//! Delivers events to clients: finds the sessions concerned, checks their room, keeps events for absent games, and
//! replays them. An event is encoded once for each front door and style.

mod emit;
mod replay;
mod saving;

pub(crate) use emit::{Delivery, To};
