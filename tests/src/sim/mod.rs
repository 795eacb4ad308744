//! The simulator.
pub mod actors;
pub mod oracle;
pub mod plan;
pub mod run;
pub mod tap;
