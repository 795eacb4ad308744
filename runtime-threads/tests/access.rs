//! Who may connect, against a real process and real sockets.

#![cfg(unix)]

#[path = "../../host/tests/shared/access.rs"]
mod access;
#[path = "../../host/tests/shared/process.rs"]
mod process;

#[test]
fn the_daemon_is_guarded() {
    access::is_guarded(env!("CARGO_BIN_EXE_i3-gateway-threads"));
}
