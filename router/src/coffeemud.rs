//! The bytes and packets of a CoffeeMud router. `router/coffeemud.rs` has its connections and rules.
//!
//! Everything here was seen on the wire of CoffeeMud 5.11.0.4 with a JVM whose character set is UTF-8.

pub(crate) mod heap;
pub(crate) mod login;
pub(crate) mod packets;
pub(crate) mod text;
