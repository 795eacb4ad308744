//! Accepting connections, as long as there is room for them.

use crate::inbox::{Inbox, Message};
use crate::room::Room;
use i3_core::machine::Listener;
use i3_core::notice::Level;
use i3_driver::accept::{ACCEPT_PAUSE, Complaint};
use i3_driver::tls::Acceptor;
use std::io;
use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

/// Accepts until the room is closed and the listener shut down: a failure ends neither the listener nor the daemon.
pub(crate) fn accept_from(
    on: Listener,
    tls: Option<&Acceptor>,
    listener: &TcpListener,
    room: &Arc<Room>,
    inbox: &Inbox,
) {
    let mut full = Complaint::new(on, Level::Warn, "too many connections: no more are accepted for now");
    let mut failed = Complaint::cannot_accept(on);
    loop {
        // Before accepting, not after: who does not fit waits in the kernel's queue and costs nothing here.
        if room.is_full() {
            tell(&mut full, None, inbox);
        }
        if !room.wait() {
            return;
        }
        match listener.accept() {
            Ok((stream, peer)) => {
                let permit = room.enter();
                let tls = tls.cloned();
                if inbox.send(Message::Accepted { on, tls, stream, peer, permit }).is_err() {
                    return;
                }
            }
            Err(error) => {
                if room.closes_within(Duration::ZERO) {
                    return;
                }
                tell(&mut failed, Some(&error), inbox);
                if room.closes_within(ACCEPT_PAUSE) {
                    return;
                }
            }
        }
    }
}

fn tell(complaint: &mut Complaint, error: Option<&io::Error>, inbox: &Inbox) {
    if let Some(notice) = complaint.again(error) {
        let _ = inbox.send(Message::Notice(Box::new(notice)));
    }
}
