//! Opens the listeners of the settings.

use crate::error::DaemonError;
use crate::tls::Acceptors;
use i3_config::ListenAt;
use i3_core::machine::Listener;
use i3_driver::listen::{Bound, bind};
use std::io::ErrorKind;

/// Opens these listeners. If TLS is required, a listener without TLS must be at a loopback address. A spare one whose port
/// is taken is left out, with a warning.
pub fn bind_each(
    places: &[ListenAt],
    tls: &Acceptors,
    tls_required: bool,
) -> Result<Vec<(Listener, Bound)>, DaemonError> {
    let mut all = Vec::with_capacity(places.len());
    for at in places {
        let mut bound = match bind(&at.host, at.port) {
            Ok(bound) => bound,
            Err(error) if at.is_spare && error.kind() == ErrorKind::AddrInUse => {
                log::warn!(
                    target: "net",
                    "gateway.port: not listening at {}:{}, another program uses it; the other listeners are there",
                    at.host,
                    at.port
                );
                continue;
            }
            Err(error) => return Err(DaemonError::listen(error)),
        };
        bound.tls = tls.of(at);
        if tls_required && bound.tls.is_none() && !bound.is_local().map_err(DaemonError::listen)? {
            // The settings were checked, but a host name can resolve to any address.
            let text =
                format!("api.auth.require_tls: other hosts can connect to {}, so it needs TLS", at.host);
            return Err(DaemonError::Settings(text));
        }
        let with = if bound.tls.is_some() { " over TLS" } else { "" };
        log::info!(target: "net", "listening for {}{with} at {}:{}", protocol(at.listener), at.host, bound.port);
        all.push((at.listener, bound));
    }
    Ok(all)
}

fn protocol(listener: Listener) -> &'static str {
    match listener {
        Listener::Http => "HTTP and WebSocket",
        Listener::Lines => "JSON lines",
        Listener::Mud => "muds that speak Intermud-3",
        Listener::Irc => "IRC",
    }
}
