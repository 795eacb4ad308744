//! What the service manager is told, if there is one: systemd's notification protocol. Without it nothing here does
//! anything.

use sd_notify::NotifyState;
use std::time::Duration;

/// The service works.
pub fn ready(status: &str) {
    say(&[NotifyState::Ready, NotifyState::Status(status)]);
}

/// It reads its settings again; [`ready`] comes after.
pub fn reloading() {
    match NotifyState::monotonic_usec_now() {
        Ok(now) => say(&[NotifyState::Reloading, now]),
        Err(_) => say(&[NotifyState::Reloading]),
    }
}

/// How it is.
pub fn status(status: &str) {
    say(&[NotifyState::Status(status)]);
}

/// It ends.
pub fn stopping() {
    say(&[NotifyState::Stopping]);
}

/// It lives.
pub fn watchdog() {
    say(&[NotifyState::Watchdog]);
}

/// How often it must say so; `None`: it need not.
pub fn watchdog_within() -> Option<Duration> {
    sd_notify::watchdog_enabled()
}

fn say(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        log::debug!(target: "daemon", "systemd was not told: {error}");
    }
}
