//! Waits for sockets, with a thread for each event.

use crate::at_once::{AT_ONCE_MAX, AtOnce};
use crate::connection::{Connection, Reader, agree, write_to};
use crate::inbox::{Buffers, Inbox, Message, ThreadKey};
use crate::room::Permit;
use crate::socket::{self, Attempt};
use crate::threads::{Job, Threads};
use bytes::Bytes;
use i3_core::machine::{ConnId, LostBy};
use i3_core::notice::{Level, Notice};
use i3_driver::linger::{LINGER_TIME, LINGERING_MAX};
use i3_driver::runtime::{CannotWait, Runtime};
use i3_driver::tls::TlsSession;
use i3_driver::write::Written;
use std::collections::VecDeque;
use std::io;
use std::net::{IpAddr, TcpStream};
use std::sync::{Arc, Weak};
use std::time;

/// How many attempts to connect there may be at a time. Cancelled attempts count until the resolver returns. Further ones
/// wait: the machine has at most one for each mud.
const DIALS_MAX: usize = 64;

/// Waits for the sockets of a driver. Only the thread that has the machine uses it.
pub(crate) struct PerConnection {
    /// The lingering connections and the end of their time, the earliest first.
    lingering: VecDeque<(time::Instant, Weak<Connection>)>,
    /// The attempts to connect that have no thread yet, in order.
    waiting_dials: VecDeque<Dial>,
    threads: Threads,
    buffers: Arc<Buffers>,
    inbox: Inbox,
    /// Its strong references are those of the driver and of each reader that uses it.
    at_once: Option<Weak<dyn AtOnce>>,
}

impl std::fmt::Debug for PerConnection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PerConnection").field("threads", &self.threads).finish_non_exhaustive()
    }
}

/// An attempt to connect that waits for a thread.
#[derive(Debug)]
struct Dial {
    conn: ConnId,
    host: String,
    port: u16,
    attempt: Arc<Attempt>,
}

/// How many connections linger at one time. Each has a thread, and takes the room of one that could be accepted. So the
/// oldest is given up for the next one: who does not hang up must keep nobody out.
pub(crate) const LINGERING_HERE_MAX: usize = 32;

/// A socket that has just been connected.
#[derive(Debug)]
pub(crate) struct Arrived {
    pub(crate) stream: TcpStream,
    /// The place of an accepted connection. Dialed ones do not count against the limit.
    pub(crate) permit: Option<Permit>,
}

impl PerConnection {
    pub(crate) fn new(inbox: Inbox) -> Self {
        PerConnection {
            lingering: VecDeque::new(),
            waiting_dials: VecDeque::new(),
            threads: Threads::new(inbox.clone()),
            buffers: Arc::default(),
            inbox,
            at_once: None,
        }
    }

    /// From now on the first readers process what they have read, if they can.
    pub(crate) fn process_at_once(&mut self, at_once: Weak<dyn AtOnce>) {
        self.at_once = Some(at_once);
    }

    /// Starts a thread that accepts connections.
    pub(crate) fn accept_with(&mut self, body: impl FnOnce() + Send + 'static) -> io::Result<()> {
        self.threads.spawn(Job::Accept, body)
    }

    /// Starts the reading thread of a connection.
    pub(crate) fn read_with(
        &mut self,
        conn: ConnId,
        connection: &Arc<Connection>,
        permit: Option<Permit>,
    ) -> Result<(), CannotWait> {
        let at_once = self.at_once.as_ref().filter(|at_once| at_once.strong_count() <= AT_ONCE_MAX);
        let at_once = at_once.and_then(Weak::upgrade);
        let job = if at_once.is_some() { Job::ReadAtOnce } else { Job::Read };
        let reader = self.reader(conn, connection, at_once);
        let body = move || {
            let _permit = permit;
            reader.run();
        };
        self.threads.spawn(job, body).map_err(|error| no_thread(&error))
    }

    /// Starts the handshake thread of a connection.
    fn agree_with(
        &mut self,
        conn: ConnId,
        connection: &Arc<Connection>,
        permit: Permit,
    ) -> Result<(), CannotWait> {
        let reader = self.reader(conn, connection, None);
        let body = move || agree(&reader, permit);
        self.threads.spawn(Job::Handshake, body).map_err(|error| no_thread(&error))
    }

    fn reader(&self, conn: ConnId, connection: &Arc<Connection>, at_once: Option<Arc<dyn AtOnce>>) -> Reader {
        let (buffers, inbox) = (self.buffers.clone(), self.inbox.clone());
        Reader { connection: connection.clone(), conn, buffers, inbox, at_once }
    }

    /// A thread has reported its end.
    pub(crate) fn ended(&mut self, thread: ThreadKey) {
        self.threads.ended(thread);
        while self.threads.dials() < DIALS_MAX
            && let Some(dial) = self.waiting_dials.pop_front()
        {
            let conn = dial.conn;
            // A cancelled attempt is no longer waited for.
            if !dial.attempt.is_cancelled()
                && let Err(error) = self.start(dial)
            {
                let outcome = Err(format!("cannot start a thread: {error}"));
                let _ = self.inbox.send(Message::Dialed { conn, outcome });
            }
        }
    }

    /// Starts the thread of an attempt to connect.
    fn start(&mut self, dial: Dial) -> io::Result<()> {
        let Dial { conn, host, port, attempt } = dial;
        let job = if host.parse::<IpAddr>().is_ok() { Job::Dial } else { Job::DialName };
        let inbox = self.inbox.clone();
        let body = move || {
            let outcome = socket::connect(&host, port, &attempt);
            let _ = inbox.send(Message::Dialed { conn, outcome });
        };
        self.threads.spawn(job, body)
    }

    /// Returns the number of threads.
    pub(crate) fn threads(&self) -> usize {
        self.threads.len()
    }

    /// Returns when to call [`PerConnection::end_lingering`].
    pub(crate) fn first_lingering(&self) -> Option<time::Instant> {
        self.lingering.front().map(|(at, _)| *at)
    }

    /// Closes the lingering connections whose time has ended.
    pub(crate) fn end_lingering(&mut self, now: time::Instant) {
        while self.lingering.front().is_some_and(|(at, _)| *at <= now) {
            if let Some(connection) =
                self.lingering.pop_front().and_then(|(_, connection)| connection.upgrade())
            {
                connection.end();
            }
        }
    }
}

/// The error of a connection for which the system has no thread.
fn no_thread(error: &io::Error) -> CannotWait {
    let notice = Notice::new(Level::Error, "net", "cannot start a thread").with("error", error);
    CannotWait { by: LostBy::Error(format!("cannot start a thread: {error}")), notice: Some(notice) }
}

impl Runtime for PerConnection {
    type Stream = Arrived;
    type Dial = Arc<Attempt>;
    type Connection = Arc<Connection>;

    fn stream_socket(arrived: &Arrived) -> &TcpStream {
        &arrived.stream
    }

    fn socket(connection: &Arc<Connection>) -> &TcpStream {
        &connection.socket
    }

    fn with_tls<R>(connection: &mut Arc<Connection>, act: impl FnOnce(&mut TlsSession) -> R) -> Option<R> {
        connection.with_tls(act)
    }

    fn dial(&mut self, conn: ConnId, host: String, port: u16) -> Result<Arc<Attempt>, CannotWait> {
        let attempt = Arc::new(Attempt::default());
        let dial = Dial { conn, host, port, attempt: attempt.clone() };
        if self.threads.dials() < DIALS_MAX {
            self.start(dial).map_err(|error| no_thread(&error))?;
        } else {
            self.waiting_dials.push_back(dial);
        }
        Ok(attempt)
    }

    fn cancel(&mut self, attempt: Arc<Attempt>) {
        attempt.cancel();
    }

    fn open(
        &mut self,
        conn: ConnId,
        arrived: Arrived,
        tls: Option<TlsSession>,
        reading: bool,
    ) -> Result<Arc<Connection>, CannotWait> {
        let Arrived { stream, permit } = arrived;
        let connection = Arc::new(Connection::new(stream, tls, reading));
        match permit {
            Some(permit) if connection.with_tls(|_| ()).is_some() => {
                self.agree_with(conn, &connection, permit)?;
            }
            permit => self.read_with(conn, &connection, permit)?,
        }
        Ok(connection)
    }

    fn read(&mut self, _: ConnId, connection: &mut Arc<Connection>, enabled: bool) {
        connection.set_reading(enabled);
    }

    fn write_some(connection: &Arc<Connection>, pieces: &mut Vec<Bytes>) -> io::Result<Written> {
        socket::write_some(&connection.socket, pieces)
    }

    fn write_rest(
        &mut self,
        conn: ConnId,
        connection: &mut Arc<Connection>,
        rest: Vec<Bytes>,
    ) -> Result<(), CannotWait> {
        let (connection, inbox) = (connection.clone(), self.inbox.clone());
        let body = move || write_to(&connection, conn, rest, &inbox);
        self.threads.spawn(Job::Write, body).map_err(|error| no_thread(&error))
    }

    fn lingering(&mut self) -> usize {
        if self.lingering.len() >= LINGERING_MAX {
            // Removes connections that have ended before their time.
            self.lingering.retain(|(_, connection)| connection.strong_count() > 0);
        }
        self.lingering.len()
    }

    fn linger(&mut self, connection: Arc<Connection>) {
        if self.lingering.len() >= LINGERING_HERE_MAX {
            self.lingering.retain(|(_, connection)| connection.strong_count() > 0);
        }
        if self.lingering.len() >= LINGERING_HERE_MAX
            && let Some(oldest) = self.lingering.pop_front().and_then(|(_, connection)| connection.upgrade())
        {
            oldest.end();
        }
        connection.linger();
        self.lingering.push_back((time::Instant::now() + LINGER_TIME, Arc::downgrade(&connection)));
    }

    fn cut(&mut self, connection: Arc<Connection>) {
        connection.end();
    }
}
