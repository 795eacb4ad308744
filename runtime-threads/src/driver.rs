//! Drives one machine: connections, bytes and time in, bytes, connections and timers out.
//!
//! The *core thread*, which is the one that calls [`Driver::run`], owns the machine and never waits for a socket. It
//! sleeps until the inbox has a message or a deadline comes, takes what is there, and settles the machine once. Each
//! listener has a thread that accepts, and each connection one that reads. The core thread writes by itself what a
//! socket takes at once; for the rest the connection has a second thread until it is written. An attempt to connect
//! has a thread too.
//!
//! Where a listener speaks TLS, a connection has a thread for its handshake first, since that wants a deeper stack; the
//! one that reads takes its place. See [`i3_driver::tls`].
//!
//! A thread that waits for a socket is woken by shutting the socket down, and says in the inbox when it ends.

use crate::accept::{Permit, Room, accept_from};
use crate::clock::Clock;
use crate::inbox::{Buffers, INBOX_MAX, Inbox, Message};
use crate::link::{Link, agree, read_from, write_to};
use crate::socket::{self, Attempt};
use crate::threads::{Job, Threads};
use bytes::Bytes;
use i3_core::machine::{Change, ConnId, Input, Listener, LostBy, Machine, Output, SaveTicket, settle};
use i3_core::notice::{Level, Notice};
use i3_core::time::{Instant, Now};
use i3_driver::address::canonical;
use i3_driver::command::COMMANDS_MAX;
pub use i3_driver::command::Command;
use i3_driver::linger::{LINGER_TIME, LINGERING_MAX};
use i3_driver::socket::{set_dialed_options, set_options};
use i3_driver::tls::Acceptor;
use i3_driver::write::{WRITE_BUDGET_BYTES, Written};
use socket2::SockRef;
use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, SendError, SyncSender, TrySendError};
use std::sync::{Arc, Weak};
use std::time::{self, Duration};

/// How many connections are accepted by default: what their threads make the process hold at most.
const CONNECTIONS_MAX: usize = 1024;
/// How many messages are taken before the machine is settled.
const TURN_MESSAGES_MAX: usize = 256;
/// How many may wait for their access to the machine; further ones wait before that.
const ACTS_MAX: usize = 16;
/// How many attempts to connect there may be at one time, given-up ones included that the resolver still keeps.
const DIALS_MAX: usize = 64;
/// At the end, how long the last threads are waited for when all sockets are shut down. Only the system's resolver
/// takes longer, and that thread is left behind.
const JOIN_TIME: Duration = Duration::from_secs(2);

/// Where to send commands.
#[derive(Clone, Debug)]
pub struct Commands {
    queue: SyncSender<Command>,
    inbox: Inbox,
}

impl Commands {
    /// Sends one; waits while too many wait. An error: the driver is gone.
    pub fn send(&self, command: Command) -> Result<(), SendError<Command>> {
        self.queue.send(command)?;
        wake(&self.inbox);
        Ok(())
    }

    /// Sends one without waiting.
    pub fn try_send(&self, command: Command) -> Result<(), TrySendError<Command>> {
        self.queue.try_send(command)?;
        wake(&self.inbox);
        Ok(())
    }
}

/// A full inbox needs no waking: the core thread looks for commands after each turn.
fn wake(inbox: &Inbox) {
    let _ = inbox.try_send(Message::Wake);
}

/// A machine with its listeners and callbacks, ready to run.
#[derive(Debug)]
pub struct Driver<M: Machine + Send> {
    core: Core<M>,
    listeners: Vec<(Listener, Option<Acceptor>, TcpListener)>,
    connections_max: usize,
    commands: SyncSender<Command>,
    acts: SyncSender<Act<M>>,
}

impl<M: Machine + Send + 'static> Driver<M> {
    /// A driver for a machine that was constructed with the time of `clock`.
    ///
    /// Until told otherwise it has no listeners, answers every save with a failure, and drops notices.
    pub fn new(machine: M, clock: Clock) -> Self {
        let (sender, inbox) = mpsc::sync_channel(INBOX_MAX);
        let (command_sender, commands) = mpsc::sync_channel(COMMANDS_MAX);
        let (act_sender, acts) = mpsc::sync_channel(ACTS_MAX);
        let unsaved = Commands { queue: command_sender.clone(), inbox: sender.clone() };
        let io = Io {
            conns: BTreeMap::new(),
            lingering: VecDeque::new(),
            pieces: Vec::new(),
            stopped: false,
            threads: Threads::new(sender.clone()),
            buffers: Arc::default(),
            inbox: sender,
            save: Box::new(move |ticket, _| {
                // When the queue is full the machine has given up on saves long ago.
                let _ = unsaved.try_send(Command::no_store(ticket));
            }),
            notice: Box::new(|_| {}),
            log_level: Box::new(|_| {}),
        };
        Driver {
            core: Core { machine, io, clock, inbox, commands, acts, told: false, seen: Vec::new() },
            listeners: Vec::new(),
            connections_max: CONNECTIONS_MAX,
            commands: command_sender,
            acts: act_sender,
        }
    }

    /// Accepts connections from `listeners` while running; with TLS, if there is an acceptor for it.
    #[must_use]
    pub fn listen(
        mut self,
        on: Listener,
        tls: Option<&Acceptor>,
        listeners: impl IntoIterator<Item = TcpListener>,
    ) -> Self {
        self.listeners.extend(listeners.into_iter().map(|listener| (on, tls.cloned(), listener)));
        self
    }

    /// How many connections may be open that were accepted, and with them their threads. At the limit accepting pauses,
    /// but a listener that waits already has room for one.
    #[must_use]
    pub fn connections_max(mut self, connections_max: usize) -> Self {
        self.connections_max = connections_max;
        self
    }

    /// Carries out saves; each is answered with [`Command::Saved`].
    ///
    /// The callback must not block (`try_send` is the way to answer from within) and must not use a [`Handle`].
    #[must_use]
    pub fn on_save(mut self, save: impl FnMut(SaveTicket, Vec<Change>) + Send + 'static) -> Self {
        self.core.io.save = Box::new(save);
        self
    }

    /// Carries notices to the operator. The callback must not block and must not use a [`Handle`].
    #[must_use]
    pub fn on_notice(mut self, notice: impl FnMut(&Notice) + Send + 'static) -> Self {
        self.core.io.notice = Box::new(notice);
        self
    }

    /// Carries out changes of the log's level. The same holds for it.
    #[must_use]
    pub fn on_log_level(mut self, log_level: impl FnMut(Level) + Send + 'static) -> Self {
        self.core.io.log_level = Box::new(log_level);
        self
    }

    /// Where to send commands, from any thread. The queue is bounded.
    pub fn commands(&self) -> Commands {
        Commands { queue: self.commands.clone(), inbox: self.core.io.inbox.clone() }
    }

    /// Access to the machine while it runs, from any other thread.
    pub fn handle(&self) -> Handle<M> {
        Handle { acts: self.acts.clone(), inbox: self.core.io.inbox.clone() }
    }

    /// Runs until the machine has stopped, its last connections are closed and all threads have ended.
    ///
    /// An error: a thread for a listener could not be started. Everything is closed then.
    pub fn run(self) -> io::Result<()> {
        let Driver { mut core, listeners, connections_max, .. } = self;
        let room = Arc::new(Room::new(connections_max));
        let mut open = Vec::with_capacity(listeners.len());
        let mut started = Ok(());
        for (on, tls, listener) in listeners {
            let listener = Arc::new(listener);
            open.push(listener.clone());
            let (room, inbox) = (room.clone(), core.io.inbox.clone());
            let body = move || accept_from(on, tls.as_ref(), &listener, &room, &inbox);
            started = started.and(core.io.threads.spawn(Job::Accept, body));
        }
        if started.is_ok() {
            core.serve();
        }
        room.close();
        for listener in open {
            // Dropping it would not wake the thread that accepts from it.
            let _ = SockRef::from(&*listener).shutdown(Shutdown::Both);
        }
        core.end();
        started
    }
}

/// Something to do to the machine.
type Act<M> = Box<dyn FnOnce(&mut M, Now) + Send>;

/// Access to the machine inside a running driver, for other threads.
pub struct Handle<M> {
    acts: SyncSender<Act<M>>,
    inbox: Inbox,
}

impl<M> std::fmt::Debug for Handle<M> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Handle").finish_non_exhaustive()
    }
}

impl<M> Clone for Handle<M> {
    fn clone(&self) -> Self {
        Handle { acts: self.acts.clone(), inbox: self.inbox.clone() }
    }
}

impl<M> Handle<M> {
    /// Does something to the machine on the core thread and waits for the result. The machine is settled soon after.
    /// `None` when the driver is gone.
    ///
    /// It waits until the driver runs; so it never returns on the core thread itself.
    pub fn with<R: Send + 'static>(&self, act: impl FnOnce(&mut M, Now) -> R + Send + 'static) -> Option<R> {
        let (sender, result) = mpsc::sync_channel(1);
        let act = move |machine: &mut M, now| {
            // The caller waits for it.
            let _ = sender.send(act(machine, now));
        };
        self.acts.send(Box::new(act)).ok()?;
        wake(&self.inbox);
        result.recv().ok()
    }
}

/// What the core thread has.
struct Core<M> {
    machine: M,
    io: Io,
    clock: Clock,
    inbox: Receiver<Message>,
    commands: Receiver<Command>,
    acts: Receiver<Act<M>>,
    /// The machine has been told something since it was settled.
    told: bool,
    /// Whose reads it was told since then, once for each. They may read on after it was settled and not before: the
    /// machine may want no more from them.
    seen: Vec<Arc<Link>>,
}

impl<M: std::fmt::Debug> std::fmt::Debug for Core<M> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Core").field("machine", &self.machine).field("io", &self.io).finish_non_exhaustive()
    }
}

/// The sockets, threads and callbacks: what outputs are carried out with.
struct Io {
    /// By the whole id, not by its index: a new connection may have the index of one that is still to be closed.
    conns: BTreeMap<ConnId, Conn>,
    /// Closed connections, and when they are dropped: the earliest is the first.
    lingering: VecDeque<(time::Instant, Weak<Link>)>,
    /// Empty between uses.
    pieces: Vec<Bytes>,
    stopped: bool,
    threads: Threads,
    buffers: Arc<Buffers>,
    inbox: Inbox,
    save: Box<dyn FnMut(SaveTicket, Vec<Change>) + Send>,
    notice: Box<dyn FnMut(&Notice) + Send>,
    log_level: Box<dyn FnMut(Level) + Send>,
}

impl std::fmt::Debug for Io {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Io")
            .field("conns", &self.conns)
            .field("threads", &self.threads)
            .field("stopped", &self.stopped)
            .finish_non_exhaustive()
    }
}

#[derive(Debug)]
enum Conn {
    Dialing {
        attempt: Arc<Attempt>,
        /// Whether to read as soon as it is open.
        reading: bool,
        /// The machine has bytes for it already.
        writing: bool,
    },
    Open {
        link: Arc<Link>,
        /// It has a writing thread.
        writing: bool,
    },
}

impl Conn {
    /// Wakes its threads, which end.
    fn end(self) {
        match self {
            Conn::Dialing { attempt, .. } => attempt.cancel(),
            Conn::Open { link, .. } => link.end(),
        }
    }
}

impl<M: Machine> Core<M> {
    /// Settles the machine each time it was told something or a deadline has come, until it has stopped.
    fn serve(&mut self) {
        loop {
            let deadline = self.settle().map(|at| self.clock.system_time_of(at));
            if self.io.stopped {
                return;
            }
            let until = earliest(deadline.flatten(), self.io.first_lingering());
            if let Some(message) = receive(&self.inbox, until) {
                self.turn(message);
            }
            self.io.end_lingering(time::Instant::now());
        }
    }

    fn settle(&mut self) -> Option<Instant> {
        let Core { machine, io, .. } = self;
        let now = self.clock.now();
        self.told = false;
        let deadline = settle(machine, now, |machine, output| io.perform(machine, now, output));
        self.seen.drain(..).for_each(|link| link.seen());
        deadline.map(|(at, _)| at)
    }

    /// Takes what waits in the queues, each up to a bound.
    fn turn(&mut self, first: Message) {
        self.take(first);
        for _ in 1..TURN_MESSAGES_MAX {
            let Ok(message) = self.inbox.try_recv() else { break };
            self.take(message);
        }
        for _ in 0..COMMANDS_MAX {
            let Ok(command) = self.commands.try_recv() else { break };
            self.tell(command.into());
        }
        for _ in 0..ACTS_MAX {
            let Ok(act) = self.acts.try_recv() else { break };
            act(&mut self.machine, self.clock.now());
        }
    }

    fn take(&mut self, message: Message) {
        match message {
            Message::Accepted { on, tls, stream, peer, permit } => {
                self.accepted(on, tls.as_ref(), stream, peer, permit);
            }
            Message::Secured { conn, plain, permit } => self.secured(conn, &plain, permit),
            Message::Received { conn, buffer } => {
                if let Some(Conn::Open { link, .. }) = self.io.conns.get(&conn) {
                    self.seen.push(link.clone());
                    self.tell(Input::Received { conn, bytes: buffer.filled() });
                }
            }
            Message::Flushed { conn } => {
                if let Some(Conn::Open { writing, .. }) = self.io.conns.get_mut(&conn) {
                    *writing = false;
                    self.tell(Input::Flushed { conn });
                }
            }
            Message::Dialed { conn, outcome } => self.dialed(conn, outcome),
            Message::Lost { conn, by } => self.lost(conn, by),
            Message::Notice(notice) => (self.io.notice)(&notice),
            Message::Ended(thread) => self.io.threads.ended(thread),
            Message::Wake => {}
        }
    }

    fn tell(&mut self, input: Input<'_>) {
        self.machine.handle(self.clock.now(), input);
        self.told = true;
    }

    fn accepted(
        &mut self,
        on: Listener,
        tls: Option<&Acceptor>,
        stream: TcpStream,
        peer: SocketAddr,
        permit: Permit,
    ) {
        let (now, peer) = (self.clock.now(), canonical(peer));
        // A machine may have something to say even about a connection that it refuses.
        self.told = true;
        let accepted = match tls {
            None => self.machine.accept(now, on, peer),
            Some(_) => self.machine.accept_secured(now, on, peer),
        };
        let Ok(conn) = accepted else { return };
        let opened = match tls {
            None => self.io.open(conn, stream, true, Some(permit)),
            Some(tls) => self.io.begin_tls(conn, stream, tls, permit),
        };
        if let Err(by) = opened {
            self.machine.handle(now, Input::Lost { conn, by });
        }
    }

    /// A handshake is done; what came with its last bytes belongs to the machine.
    fn secured(&mut self, conn: ConnId, plain: &[u8], permit: Permit) {
        let Some(Conn::Open { link, .. }) = self.io.conns.get(&conn) else { return };
        let link = link.clone();
        self.tell(Input::Secured { conn });
        if !plain.is_empty() {
            self.tell(Input::Received { conn, bytes: plain });
        }
        if let Err(by) = self.io.read_with(conn, &link, Some(permit)) {
            self.lost(conn, by);
        }
    }

    fn dialed(&mut self, conn: ConnId, outcome: Result<TcpStream, String>) {
        // One that was given up is dropped.
        let Some(&Conn::Dialing { reading, writing, .. }) = self.io.conns.get(&conn) else { return };
        let opened =
            outcome.map_err(LostBy::Error).and_then(|stream| self.io.open(conn, stream, reading, None));
        if let Err(by) = opened {
            self.io.conns.remove(&conn);
            return self.tell(Input::Lost { conn, by });
        }
        self.tell(Input::Dialed { conn });
        if writing {
            self.io.write(&mut self.machine, self.clock.now(), conn);
        }
    }

    fn lost(&mut self, conn: ConnId, by: LostBy) {
        if self.told {
            // What a client sent is answered before its end of stream is seen, even when both came at once.
            self.settle();
        }
        if self.io.is_secured(conn) {
            // TLS has something to say about it.
            self.io.close(conn);
        } else if let Some(lost) = self.io.conns.remove(&conn) {
            lost.end();
        } else {
            return;
        }
        self.tell(Input::Lost { conn, by });
    }

    /// The machine is done: what it has not closed is dropped, what lingers has its time, and all threads are joined.
    fn end(self) {
        let Core { mut io, inbox, commands, acts, .. } = self;
        // Who waits to send one, such as a store that `on_save` will wait for when it is dropped, need not wait longer.
        drop((commands, acts));
        for (_, conn) in std::mem::take(&mut io.conns) {
            conn.end();
        }
        let until = time::Instant::now() + LINGER_TIME + JOIN_TIME;
        while io.threads.len() > 0 && time::Instant::now() < until {
            match receive(&inbox, earliest(Some(until), io.first_lingering())) {
                Some(Message::Ended(thread)) => io.threads.ended(thread),
                Some(Message::Notice(notice)) => (io.notice)(&notice),
                // The rest comes too late.
                _ => {}
            }
            io.end_lingering(time::Instant::now());
        }
        if io.threads.len() > 0 {
            let notice = Notice::new(Level::Warn, "net", "some threads have not ended in time");
            (io.notice)(&notice.with("threads", io.threads.len()));
        }
    }
}

/// Waits for a message, but no longer than `until`.
fn receive(inbox: &Receiver<Message>, until: Option<time::Instant>) -> Option<Message> {
    let received = match until {
        None => inbox.recv().map_err(|_| RecvTimeoutError::Disconnected),
        Some(until) => inbox.recv_timeout(until.saturating_duration_since(time::Instant::now())),
    };
    // The core thread has a sender itself, so nothing but the time can end the waiting.
    received.ok()
}

fn earliest(one: Option<time::Instant>, other: Option<time::Instant>) -> Option<time::Instant> {
    one.into_iter().chain(other).min()
}

impl Io {
    fn perform<M: Machine>(&mut self, machine: &mut M, now: Now, output: Output) {
        match output {
            Output::Dial { conn, host, port } => self.dial(machine, now, conn, host, port),
            Output::Write { conn } => self.write(machine, now, conn),
            Output::Close { conn } => self.close(conn),
            Output::Read { conn, enabled } => self.read(conn, enabled),
            Output::Save { ticket, changes } => (self.save)(ticket, changes),
            Output::Notice(notice) => (self.notice)(&notice),
            Output::LogLevel(level) => (self.log_level)(level),
            Output::Stopped => self.stopped = true,
        }
    }

    /// Gives a connection its reading thread and its place in the table.
    fn open(
        &mut self,
        conn: ConnId,
        stream: TcpStream,
        reading: bool,
        permit: Option<Permit>,
    ) -> Result<(), LostBy> {
        // Only those that were accepted count against the limit.
        match &permit {
            Some(_) => set_options(&stream),
            None => set_dialed_options(&stream),
        }
        let link = Arc::new(Link::new(stream, None, reading));
        self.read_with(conn, &link, permit)?;
        self.conns.insert(conn, Conn::Open { link, writing: false });
        Ok(())
    }

    /// Gives it its reading thread.
    fn read_with(&mut self, conn: ConnId, link: &Arc<Link>, permit: Option<Permit>) -> Result<(), LostBy> {
        let (link, buffers, inbox) = (link.clone(), self.buffers.clone(), self.inbox.clone());
        let body = move || {
            let _permit = permit;
            read_from(&link, conn, &buffers, &inbox);
        };
        self.threads.spawn(Job::Read, body).map_err(|error| self.no_thread(&error))
    }

    fn is_secured(&self, conn: ConnId) -> bool {
        matches!(self.conns.get(&conn), Some(Conn::Open { link, .. }) if link.is_secured())
    }

    /// Gives a connection the thread of its handshake.
    fn begin_tls(
        &mut self,
        conn: ConnId,
        stream: TcpStream,
        tls: &Acceptor,
        permit: Permit,
    ) -> Result<(), LostBy> {
        set_options(&stream);
        let session = tls.begin().map_err(LostBy::Error)?;
        let link = Arc::new(Link::new(stream, Some(session), true));
        let (theirs, buffers, inbox) = (link.clone(), self.buffers.clone(), self.inbox.clone());
        let body = move || agree(&theirs, conn, permit, &buffers, &inbox);
        self.threads.spawn(Job::Handshake, body).map_err(|error| self.no_thread(&error))?;
        self.conns.insert(conn, Conn::Open { link, writing: false });
        Ok(())
    }

    /// The system has no thread for a connection: that is the end of the connection, not of the daemon.
    fn no_thread(&mut self, error: &io::Error) -> LostBy {
        (self.notice)(&Notice::new(Level::Error, "net", "cannot start a thread").with("error", error));
        LostBy::Error(format!("cannot start a thread: {error}"))
    }

    fn dial<M: Machine>(&mut self, machine: &mut M, now: Now, conn: ConnId, host: String, port: u16) {
        let started = if self.threads.dials() >= DIALS_MAX {
            Err(LostBy::Error(format!("{DIALS_MAX} attempts to connect have not ended yet")))
        } else {
            let attempt = Arc::new(Attempt::default());
            let (theirs, inbox) = (attempt.clone(), self.inbox.clone());
            let body = move || {
                let outcome = socket::connect(&host, port, &theirs);
                let _ = inbox.send(Message::Dialed { conn, outcome });
            };
            self.threads.spawn(Job::Dial, body).map(|()| attempt).map_err(|error| self.no_thread(&error))
        };
        match started {
            Ok(attempt) => {
                self.conns.insert(conn, Conn::Dialing { attempt, reading: true, writing: false });
            }
            Err(by) => machine.handle(now, Input::Lost { conn, by }),
        }
    }

    /// Writes at once what the socket takes; a thread of its own waits with the rest.
    fn write<M: Machine>(&mut self, machine: &mut M, now: Now, conn: ConnId) {
        let (link, writing) = match self.conns.get_mut(&conn) {
            Some(Conn::Open { link, writing }) => (link, writing),
            Some(Conn::Dialing { writing, .. }) => return *writing = true,
            None => return,
        };
        debug_assert!(!*writing, "a second Write before Flushed");
        machine.take_bytes(conn, WRITE_BUDGET_BYTES, &mut self.pieces);
        let written = link.seal(&mut self.pieces).and_then(|()| {
            let written = socket::write_some(&link.socket, &mut self.pieces);
            written.map_err(|error| LostBy::Error(error.to_string()))
        });
        let by = match written {
            Ok(Written::All) => return machine.handle(now, Input::Flushed { conn }),
            Ok(Written::Some) => {
                *writing = true;
                let (link, inbox) = (link.clone(), self.inbox.clone());
                let rest = std::mem::take(&mut self.pieces);
                match self.threads.spawn(Job::Write, move || write_to(&link, conn, rest, &inbox)) {
                    Ok(()) => return,
                    Err(error) => self.no_thread(&error),
                }
            }
            Err(by) => by,
        };
        self.pieces.clear();
        if let Some(lost) = self.conns.remove(&conn) {
            lost.end();
        }
        machine.handle(now, Input::Lost { conn, by });
    }

    fn read(&mut self, conn: ConnId, enabled: bool) {
        match self.conns.get_mut(&conn) {
            Some(Conn::Open { link, .. }) => link.set_reading(enabled),
            Some(Conn::Dialing { reading, .. }) => *reading = enabled,
            None => {}
        }
    }

    fn close(&mut self, conn: ConnId) {
        let link = match self.conns.remove(&conn) {
            Some(Conn::Open { link, writing }) => {
                // In the middle of something else there is no place for it.
                if !writing {
                    link.say_goodbye();
                }
                link
            }
            Some(dialing) => return dialing.end(),
            None => return,
        };
        if self.lingering.len() >= LINGERING_MAX {
            // Those that have ended before their time have left their places here.
            self.lingering.retain(|(_, link)| link.strong_count() > 0);
        }
        if self.lingering.len() < LINGERING_MAX && link.close() {
            self.lingering.push_back((time::Instant::now() + LINGER_TIME, Arc::downgrade(&link)));
        } else {
            link.end();
        }
    }

    /// When to call `end_lingering`.
    fn first_lingering(&self) -> Option<time::Instant> {
        self.lingering.front().map(|(at, _)| *at)
    }

    /// Drops those whose time is over.
    fn end_lingering(&mut self, now: time::Instant) {
        while self.lingering.front().is_some_and(|(at, _)| *at <= now) {
            if let Some(link) = self.lingering.pop_front().and_then(|(_, link)| link.upgrade()) {
                link.end();
            }
        }
    }
}
