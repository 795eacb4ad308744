//! Gateways that share a database, which is a model of the table of leases and a store that saves all at once.

mod lease;
mod node;
mod pair;
