//! The router and the demo muds in virtual time, without a socket. Packets are written by hand, and answers compared
//! with what a Dead Souls 3.08 router was captured to send.

mod channels;
mod demo;
mod limits;
mod login;
mod relay;
mod world;
