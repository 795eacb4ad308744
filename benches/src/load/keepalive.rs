//! Signs of life of the router while nothing is measured.
//!
//! Ten seconds after its login a gateway sends packets to itself. It ends a link on which nothing comes for half a minute then, and
//! the router that is played here does not return them. Other programs have their turns meanwhile, or clients connect.

use super::target::{Target, channel_line};
use crate::daemon::Outcome;
use std::io::Write;
use std::net::TcpStream;
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

/// How often a router says something.
const EVERY: Duration = Duration::from_secs(10);

/// A thread that says something on links, except while it is paused.
#[derive(Clone, Debug)]
pub struct Keepalive {
    says: Arc<Mutex<()>>,
    /// The thread ends with the last of them.
    _until_dropped: Sender<()>,
}

/// As long as it exists nothing is said.
pub type Pause<'a> = MutexGuard<'a, ()>;

impl Keepalive {
    /// Begins with the link of a gateway. A bare program does not mind silence.
    pub fn of(target: &Target) -> Outcome<Keepalive> {
        Keepalive::new(if target.role.is_none() { vec![target.link.try_clone()?] } else { Vec::new() })
    }

    /// Begins with these links.
    pub fn new(mut links: Vec<TcpStream>) -> Outcome<Keepalive> {
        let says = Arc::new(Mutex::new(()));
        let (until_dropped, dropped) = mpsc::channel();
        let thread_says = says.clone();
        thread::Builder::new().name("keepalive".into()).spawn(move || {
            while dropped.recv_timeout(EVERY) == Err(RecvTimeoutError::Timeout) {
                if let Ok(_says) = thread_says.try_lock() {
                    // A link that has ended is reported by whoever measures.
                    links.retain_mut(|link| link.write_all(&channel_line("unheard", "still here")).is_ok());
                }
            }
        })?;
        Ok(Keepalive { says, _until_dropped: until_dropped })
    }

    /// Waits until nothing is being said, and pauses it.
    pub fn pause(&self) -> Pause<'_> {
        self.says.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
