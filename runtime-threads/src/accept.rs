//! Accepts connections while there is room for them.

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

/// Accepts connections until the room is closed and the listener is shut down. A failure ends neither the listener nor the
/// daemon.
pub(crate) fn accept_from(
    on: Listener,
    tls: Option<&Acceptor>,
    listener: &TcpListener,
    room: &Arc<Room>,
    inbox: &Inbox,
) {
    let mut full =
        Complaint::new(on, Level::Warn, "too many connections: further ones wait until others end");
    let mut failed = Complaint::cannot_accept(on);
    loop {
        // Before accepting: a client for which there is no room waits in the kernel's queue and needs no thread.
        if room.is_full() {
            report(&mut full, None, inbox);
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
                report(&mut failed, Some(&error), inbox);
                if room.closes_within(ACCEPT_PAUSE) {
                    return;
                }
            }
        }
    }
}

fn report(complaint: &mut Complaint, error: Option<&io::Error>, inbox: &Inbox) {
    if let Some(notice) = complaint.again(error) {
        let _ = inbox.send(Message::Notice(Box::new(notice)));
    }
}
