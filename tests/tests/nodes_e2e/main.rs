//! Several nodes of each daemon with a real PostgreSQL and the project's own router, on loopback: what happens when nodes,
//! the database or the network fail. `tests/nodes.sh` runs the long forms and measures.

#![cfg(target_os = "linux")]

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

// What is shared with other suites, each of which uses a part.
#[path = "../e2e/client.rs"]
#[allow(dead_code)]
mod client;
#[path = "../e2e/gateway.rs"]
#[allow(dead_code)]
mod gateway;
#[path = "../../../store/tests/shared/postgres.rs"]
mod postgres;
#[path = "../../../daemon/tests/shared/process.rs"]
#[allow(dead_code)]
mod process;
#[path = "../e2e/programs.rs"]
#[allow(dead_code)]
mod programs;
#[path = "../e2e/router.rs"]
#[allow(dead_code)]
mod router;

mod cases;
mod check;
mod cluster;
mod figures;
mod game;
mod network;
mod relay;
mod rounds;
mod sage;
