//! How this runtime waits for sockets: a thread for each thing that is waited for.

use crate::inbox::{Buffers, Inbox, Message, ThreadKey};
use crate::link::{Link, agree, read_from, write_to};
use crate::room::Permit;
use crate::socket::{self, Attempt};
use crate::threads::{Job, Threads};
use bytes::Bytes;
use i3_core::machine::{ConnId, LostBy};
use i3_core::notice::{Level, Notice};
use i3_driver::linger::{LINGER_TIME, LINGERING_MAX};
use i3_driver::runtime::{CannotWait, Runtime};
use i3_driver::tls::Session;
use i3_driver::write::Written;
use std::collections::VecDeque;
use std::io;
use std::net::TcpStream;
use std::sync::{Arc, Weak};
use std::time;

/// How many attempts to connect there may be at one time, given-up ones included that the resolver still keeps.
const DIALS_MAX: usize = 64;

/// Waits for the sockets of one driver. Only the core thread has this.
#[derive(Debug)]
pub(crate) struct PerConnection {
    /// Closed connections, and when they are dropped: the earliest is the first.
    lingering: VecDeque<(time::Instant, Weak<Link>)>,
    threads: Threads,
    buffers: Arc<Buffers>,
    inbox: Inbox,
}

/// How many connections linger at one time. Each has a thread, and takes the room of one that could be accepted. So the
/// oldest is given up for the next one: who does not hang up must keep nobody out.
pub(crate) const LINGERING_HERE_MAX: usize = 32;

/// A socket that has just been connected.
#[derive(Debug)]
pub(crate) struct Arrived {
    pub(crate) stream: TcpStream,
    /// Of one that was accepted: only those count against the limit.
    pub(crate) permit: Option<Permit>,
}

impl PerConnection {
    pub(crate) fn new(inbox: Inbox) -> Self {
        PerConnection {
            lingering: VecDeque::new(),
            threads: Threads::new(inbox.clone()),
            buffers: Arc::default(),
            inbox,
        }
    }

    /// Starts a thread that accepts.
    pub(crate) fn accept_with(&mut self, body: impl FnOnce() + Send + 'static) -> io::Result<()> {
        self.threads.spawn(Job::Accept, body)
    }

    /// Gives a connection its reading thread.
    pub(crate) fn read_with(
        &mut self,
        conn: ConnId,
        link: &Arc<Link>,
        permit: Option<Permit>,
    ) -> Result<(), CannotWait> {
        let (link, buffers, inbox) = (link.clone(), self.buffers.clone(), self.inbox.clone());
        let body = move || {
            let _permit = permit;
            read_from(&link, conn, &buffers, &inbox);
        };
        self.threads.spawn(Job::Read, body).map_err(|error| no_thread(&error))
    }

    /// Gives a connection the thread of its handshake.
    fn agree_with(&mut self, conn: ConnId, link: &Arc<Link>, permit: Permit) -> Result<(), CannotWait> {
        let (link, buffers, inbox) = (link.clone(), self.buffers.clone(), self.inbox.clone());
        let body = move || agree(&link, conn, permit, &buffers, &inbox);
        self.threads.spawn(Job::Handshake, body).map_err(|error| no_thread(&error))
    }

    /// A thread has said that it ends.
    pub(crate) fn ended(&mut self, thread: ThreadKey) {
        self.threads.ended(thread);
    }

    /// How many threads there are.
    pub(crate) fn threads(&self) -> usize {
        self.threads.len()
    }

    /// When to call [`PerConnection::end_lingering`].
    pub(crate) fn first_lingering(&self) -> Option<time::Instant> {
        self.lingering.front().map(|(at, _)| *at)
    }

    /// Drops those whose time is over.
    pub(crate) fn end_lingering(&mut self, now: time::Instant) {
        while self.lingering.front().is_some_and(|(at, _)| *at <= now) {
            if let Some(link) = self.lingering.pop_front().and_then(|(_, link)| link.upgrade()) {
                link.end();
            }
        }
    }
}

/// The system has no thread for a connection.
fn no_thread(error: &io::Error) -> CannotWait {
    let notice = Notice::new(Level::Error, "net", "cannot start a thread").with("error", error);
    CannotWait { by: LostBy::Error(format!("cannot start a thread: {error}")), notice: Some(notice) }
}

impl Runtime for PerConnection {
    type Stream = Arrived;
    type Dial = Arc<Attempt>;
    type Link = Arc<Link>;

    fn stream_socket(arrived: &Arrived) -> &TcpStream {
        &arrived.stream
    }

    fn socket(link: &Arc<Link>) -> &TcpStream {
        &link.socket
    }

    fn with_tls<R>(link: &mut Arc<Link>, act: impl FnOnce(&mut Session) -> R) -> Option<R> {
        link.with_tls(act)
    }

    fn dial(&mut self, conn: ConnId, host: String, port: u16) -> Result<Arc<Attempt>, CannotWait> {
        if self.threads.dials() >= DIALS_MAX {
            let by = LostBy::Error(format!("{DIALS_MAX} attempts to connect have not ended yet"));
            return Err(CannotWait { by, notice: None });
        }
        let attempt = Arc::new(Attempt::default());
        let (theirs, inbox) = (attempt.clone(), self.inbox.clone());
        let body = move || {
            let outcome = socket::connect(&host, port, &theirs);
            let _ = inbox.send(Message::Dialed { conn, outcome });
        };
        self.threads.spawn(Job::Dial, body).map_err(|error| no_thread(&error))?;
        Ok(attempt)
    }

    fn cancel(&mut self, attempt: Arc<Attempt>) {
        attempt.cancel();
    }

    fn open(
        &mut self,
        conn: ConnId,
        arrived: Arrived,
        tls: Option<Session>,
        reading: bool,
    ) -> Result<Arc<Link>, CannotWait> {
        let Arrived { stream, permit } = arrived;
        let link = Arc::new(Link::new(stream, tls, reading));
        match permit {
            Some(permit) if link.with_tls(|_| ()).is_some() => self.agree_with(conn, &link, permit)?,
            permit => self.read_with(conn, &link, permit)?,
        }
        Ok(link)
    }

    fn read(&mut self, _: ConnId, link: &mut Arc<Link>, enabled: bool) {
        link.set_reading(enabled);
    }

    fn write_some(link: &Arc<Link>, pieces: &mut Vec<Bytes>) -> io::Result<Written> {
        socket::write_some(&link.socket, pieces)
    }

    fn write_rest(&mut self, conn: ConnId, link: &mut Arc<Link>, rest: Vec<Bytes>) -> Result<(), CannotWait> {
        let (link, inbox) = (link.clone(), self.inbox.clone());
        let body = move || write_to(&link, conn, rest, &inbox);
        self.threads.spawn(Job::Write, body).map_err(|error| no_thread(&error))
    }

    fn lingering(&mut self) -> usize {
        if self.lingering.len() >= LINGERING_MAX {
            // Those that have ended before their time have left their places here.
            self.lingering.retain(|(_, link)| link.strong_count() > 0);
        }
        self.lingering.len()
    }

    fn linger(&mut self, link: Arc<Link>) {
        if self.lingering.len() >= LINGERING_HERE_MAX {
            self.lingering.retain(|(_, link)| link.strong_count() > 0);
        }
        if self.lingering.len() >= LINGERING_HERE_MAX
            && let Some(oldest) = self.lingering.pop_front().and_then(|(_, link)| link.upgrade())
        {
            oldest.end();
        }
        link.linger();
        self.lingering.push_back((time::Instant::now() + LINGER_TIME, Arc::downgrade(&link)));
    }

    fn cut(&mut self, link: Arc<Link>) {
        link.end();
    }
}
