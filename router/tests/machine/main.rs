//! The router and the demo muds in virtual time, without a socket. Packets are written by hand, and answers compared
//! with what a Dead Souls 3.08 router was captured to send; `coffeemud`: with what CoffeeMud was; `specification`: with the
//! published text.

mod channels;
mod coffeemud;
mod demo;
mod faults;
mod limits;
mod login;
mod relay;
mod specification;
mod world;
