//! A driver to test. Each runtime has a `Running` of its own, in `tests/common/`, and takes this file in beside it:
//!
//! ```text
//! Running::start_with(setup)      a driver that runs, with the three listeners of `Echo`
//! running.with(act)               does something to the machine; None once the driver is gone
//! running.stop()                  stops it in order
//! ```

use super::{Echo, PATIENCE, Running};
use i3_core::machine::{Change, Listener};
use i3_core::notice::Notice;
use i3_driver::tls::Acceptor;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::mpsc;

/// Takes notices.
pub(crate) type OnNotice = Box<dyn FnMut(&Notice) + Send>;

/// How a driver is to run.
#[derive(Default)]
pub(crate) struct Setup {
    /// What the notices go to.
    pub(crate) notice: Option<OnNotice>,
    /// Where saves go, each of which succeeds. `None`: the driver's own answer.
    pub(crate) saves: Option<mpsc::Sender<Vec<Change>>>,
    /// For the listener that echoes.
    pub(crate) tls: Option<Acceptor>,
}

/// The listeners of a running driver.
#[derive(Clone, Copy)]
pub(crate) struct Ports {
    pub(crate) echo: u16,
    pub(crate) flood: u16,
    pub(crate) closing: u16,
}

/// What `Echo` does on each.
pub(crate) const LISTENERS: [Listener; 3] = [Listener::Lines, Listener::Http, Listener::Mud];

impl Running {
    pub(crate) fn start() -> Running {
        Running::start_with(Setup::default())
    }

    /// A client whose waits end.
    pub(crate) fn connect(port: u16) -> TcpStream {
        let client = TcpStream::connect_timeout(&SocketAddr::from(([127, 0, 0, 1], port)), PATIENCE).unwrap();
        client.set_read_timeout(Some(PATIENCE)).unwrap();
        client.set_write_timeout(Some(PATIENCE)).unwrap();
        client
    }

    pub(crate) fn look<R: Send + 'static>(&self, look: impl FnOnce(&mut Echo) -> R + Send + 'static) -> R {
        self.with(|machine, _| look(machine)).expect("the driver is running")
    }
}

pub(crate) fn round_trip(client: &mut TcpStream, message: &[u8]) {
    client.write_all(message).unwrap();
    let mut answer = vec![0; message.len()];
    client.read_exact(&mut answer).expect("the echo");
    assert!(answer == message);
}
