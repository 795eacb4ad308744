//! Both daemons as their users run them: real processes, real sockets, on loopback. Every case is a function of which
//! daemon it is for, and is run for each. What needs no socket is tested in virtual time, in the other files here.

#![cfg(unix)]

#[path = "../../../daemon/tests/shared/process.rs"]
mod process;

/// Makes a test of each case for each daemon.
macro_rules! for_both {
    ($($case:ident),* $(,)?) => {
        mod smol {
            $(#[test] fn $case() { super::$case(crate::programs::Daemon::Smol); })*
        }
        mod threads {
            $(#[test] fn $case() { super::$case(crate::programs::Daemon::Threads); })*
        }
    };
}

mod access;
mod api;
mod bouncer;
mod client;
mod commands;
mod differential;
mod doctor;
mod gateway;
mod history;
mod hostile;
mod kills;
mod link;
mod logging;
mod lost;
mod operator;
mod output;
mod pages;
mod password;
mod programs;
mod reload;
mod retire;
mod router;
mod rust_client;
mod signals;
mod small_host;
mod start;
mod state;
mod story;
mod talk;
mod terminal;
mod tls;
