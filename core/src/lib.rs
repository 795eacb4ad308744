//! The protocol core of an Intermud-3 gateway, without any I/O.

pub mod effects;
pub mod i3;
pub mod machine;
pub mod notice;
pub mod settings;
pub mod time;
pub mod timers;
