//! From an event to the clients that get it: who is concerned, who has room, what is kept for whom, and what is given
//! again. An event is written once for each front door and way of reading.

mod emit;
mod replay;
mod saving;

pub(crate) use emit::{Delivery, To};
