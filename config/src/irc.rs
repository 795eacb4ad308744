//! The settings of the listener for clients of IRC.

use crate::config::ListenAt;
use crate::listeners::{DEFAULT_HOST, Rules, collide, is_loopback, tls};
use crate::path::Path;
use crate::read::SettingsReader;
use i3_core::machine::Listener;

/// Adds the listener for clients of IRC, if there is one.
pub(crate) fn add(reader: &mut SettingsReader<'_>, listeners: &mut Vec<ListenAt>, rules: Rules) {
    let Some(at) = listener(reader, rules) else { return };
    if listeners.iter().any(|other| collide(other, &at)) {
        let message = format!("{}:{} is already the address of another listener", at.host, at.port);
        reader.error(&Path::of("irc.port"), message, "give each listener its own port");
    }
    listeners.push(at);
}

/// Reads that listener. At an address that other hosts reach, it speaks TLS: a client sends
/// its key when it connects.
fn listener(reader: &mut SettingsReader<'_>, rules: Rules) -> Option<ListenAt> {
    let (host_at, port_at) = (Path::of("irc.host"), Path::of("irc.port"));
    let mut host = reader.host(&host_at).unwrap_or_else(|| DEFAULT_HOST.to_owned());
    let port = reader.port(&port_at);
    if port.is_some() && !rules.may_be_remote && !is_loopback(&host) {
        let message =
            format!("without authentication the gateway listens at {DEFAULT_HOST} only, and not at {host}");
        let fix = "switch api.auth.enabled on, or set api.auth.allow_remote_without_auth: true";
        reader.warn(&host_at, message, fix);
        DEFAULT_HOST.clone_into(&mut host);
    }
    let switch = Path::of("irc.tls.enabled");
    let own = reader.boolean(&switch);
    // What holds for games holds here too where other hosts connect. On this host plain text is usual.
    let is_used = port.is_some() && (own.is_some() || !is_loopback(&host));
    let files = tls(reader, "irc.tls", is_used);
    let port = port?;
    if files.is_none() && !is_loopback(&host) {
        let message =
            format!("other hosts could connect to {host}:{port} in plain text, and send their keys in it");
        let fix = "set irc.tls with enabled: true, cert_file and key_file, or listen at 127.0.0.1";
        if own == Some(false) && !rules.tls_required {
            reader.warn(&switch, message, fix);
        } else {
            reader.error(&host_at, message, fix);
        }
    }
    Some(ListenAt { listener: Listener::Irc, host, port, tls: files, is_spare: false })
}
