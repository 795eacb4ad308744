//! Nodes that beat against a model of the table of leases, in virtual time.

mod alone;
pub(crate) mod rig;
mod several;
