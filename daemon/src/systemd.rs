//! Notifications of the service manager, in the protocol of systemd. Without a service manager they have no effect.

use sd_notify::NotifyState;
use std::time::Duration;

/// The service has started, or has reloaded its settings.
pub fn ready(status: &str) {
    notify(&[NotifyState::Ready, NotifyState::Status(status)]);
}

/// The service reloads its settings. [`ready`] follows.
pub fn reloading() {
    match NotifyState::monotonic_usec_now() {
        Ok(now) => notify(&[NotifyState::Reloading, now]),
        Err(_) => notify(&[NotifyState::Reloading]),
    }
}

/// A line about the condition of the service.
pub fn status(status: &str) {
    notify(&[NotifyState::Status(status)]);
}

/// The service shuts down.
pub fn stopping() {
    notify(&[NotifyState::Stopping]);
}

/// The service is alive.
pub fn watchdog() {
    notify(&[NotifyState::Watchdog]);
}

/// The longest interval between two calls of [`watchdog`]. `None`: the service manager does not expect them.
pub fn watchdog_within() -> Option<Duration> {
    sd_notify::watchdog_enabled()
}

fn notify(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        log::debug!(target: "daemon", "systemd was not notified: {error}");
    }
}
