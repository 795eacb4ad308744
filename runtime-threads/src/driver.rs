//! Drives one machine with threads.
//!
//! What is done for each connection, and in which order, is the business of the [`Pump`]; how this runtime waits for sockets
//! is in `runtime.rs`.
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

use crate::accept::accept_from;
use crate::clock::Clock;
use crate::inbox::{INBOX_MAX, Inbox, Message};
use crate::link::Link;
use crate::room::{Permit, Room};
use crate::runtime::{Arrived, PerConnection};
use i3_core::machine::{Change, ConnId, Input, Listener, Machine, SaveTicket};
use i3_core::notice::{Level, Notice};
use i3_core::time::Now;
use i3_driver::command::COMMANDS_MAX;
pub use i3_driver::command::Command;
use i3_driver::hooks::Hooks;
use i3_driver::linger::LINGER_TIME;
use i3_driver::pump::Pump;
use i3_driver::runtime::CannotWait;
use i3_driver::tls::Acceptor;
use socket2::SockRef;
use std::io;
use std::net::{Shutdown, TcpListener};
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, SendError, SyncSender, TrySendError};
use std::time::{self, Duration};

/// How many connections are accepted by default: what their threads make the process hold at most.
const CONNECTIONS_MAX: usize = 1024;
/// How many messages are taken before the machine is settled.
const TURN_MESSAGES_MAX: usize = 256;
/// How many may wait for their access to the machine; further ones wait before that.
const ACTS_MAX: usize = 16;
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
    inbox: Inbox,
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
        // When the queue is full the machine has given up on saves long ago.
        let hooks = Hooks::new(move |ticket| drop(unsaved.try_send(Command::no_store(ticket))));
        let pump = Pump::new(machine, clock, PerConnection::new(sender.clone()), hooks);
        Driver {
            core: Core { pump, clock, inbox, commands, acts, seen: Vec::new() },
            inbox: sender,
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
        self.core.pump.hooks().save = Box::new(save);
        self
    }

    /// Carries notices to the operator. The callback must not block and must not use a [`Handle`].
    #[must_use]
    pub fn on_notice(mut self, notice: impl FnMut(&Notice) + Send + 'static) -> Self {
        self.core.pump.hooks().notice = Box::new(notice);
        self
    }

    /// Carries out changes of the log's level. The same holds for it.
    #[must_use]
    pub fn on_log_level(mut self, log_level: impl FnMut(Level) + Send + 'static) -> Self {
        self.core.pump.hooks().log_level = Box::new(log_level);
        self
    }

    /// Where to send commands, from any thread. The queue is bounded.
    pub fn commands(&self) -> Commands {
        Commands { queue: self.commands.clone(), inbox: self.inbox.clone() }
    }

    /// Access to the machine while it runs, from any other thread.
    pub fn handle(&self) -> Handle<M> {
        Handle { acts: self.acts.clone(), inbox: self.inbox.clone() }
    }

    /// Runs until the machine has stopped, its last connections are closed and all threads have ended.
    ///
    /// An error: a thread for a listener could not be started. Everything is closed then.
    pub fn run(self) -> io::Result<()> {
        let Driver { mut core, listeners, connections_max, inbox, .. } = self;
        let room = Arc::new(Room::new(connections_max));
        let mut open = Vec::with_capacity(listeners.len());
        let mut started = Ok(());
        for (on, tls, listener) in listeners {
            let listener = Arc::new(listener);
            open.push(listener.clone());
            let (room, inbox) = (room.clone(), inbox.clone());
            let body = move || accept_from(on, tls.as_ref(), &listener, &room, &inbox);
            started = started.and(core.pump.runtime().accept_with(body));
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
struct Core<M: Machine> {
    pump: Pump<M, PerConnection>,
    clock: Clock,
    inbox: Receiver<Message>,
    commands: Receiver<Command>,
    acts: Receiver<Act<M>>,
    /// Whose reads the machine was told since it was settled, once for each. They may read on after that and not before:
    /// the machine may want no more from them.
    seen: Vec<Arc<Link>>,
}

impl<M: Machine + std::fmt::Debug> std::fmt::Debug for Core<M> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Core").field("pump", &self.pump).finish_non_exhaustive()
    }
}

impl<M: Machine> Core<M> {
    /// Settles the machine each time it was told something or a deadline has come, until it has stopped.
    fn serve(&mut self) {
        loop {
            let deadline = self.pump.settle().map(|at| self.clock.system_time_of(at));
            self.seen.drain(..).for_each(|link| link.seen());
            if self.pump.is_stopped() {
                return;
            }
            let until = earliest(deadline.flatten(), self.pump.runtime().first_lingering());
            if let Some(message) = receive(&self.inbox, until) {
                self.turn(message);
            }
            self.pump.runtime().end_lingering(time::Instant::now());
        }
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
            self.pump.tell(command.into());
        }
        for _ in 0..ACTS_MAX {
            let Ok(act) = self.acts.try_recv() else { break };
            self.pump.with(act);
        }
    }

    fn take(&mut self, message: Message) {
        match message {
            Message::Accepted { on, tls, stream, peer, permit } => {
                self.pump.accepted(on, tls.as_ref(), Arrived { stream, permit: Some(permit) }, peer);
            }
            Message::Secured { conn, heard, plain, permit } => {
                self.pump.heard(conn, heard, &plain);
                self.read_on(conn, permit);
            }
            Message::Received { conn, buffer } => {
                if let Some(link) = self.pump.link(conn) {
                    self.seen.push(link.clone());
                    self.pump.tell(Input::Received { conn, bytes: buffer.filled() });
                }
            }
            Message::Flushed { conn } => self.pump.flushed(conn),
            Message::Dialed { conn, outcome } => {
                self.pump.dialed(conn, outcome.map(|stream| Arrived { stream, permit: None }));
            }
            Message::Lost { conn, by } => self.pump.lost(conn, by),
            Message::Notice(notice) => (self.pump.hooks().notice)(&notice),
            Message::Ended(thread) => self.pump.runtime().ended(thread),
            Message::Wake => {}
        }
    }

    /// After its handshake a connection that is still open gets its reading thread.
    fn read_on(&mut self, conn: ConnId, permit: Permit) {
        let Some(link) = self.pump.link(conn).cloned() else { return };
        if let Err(CannotWait { by, notice }) = self.pump.runtime().read_with(conn, &link, Some(permit)) {
            notice.iter().for_each(|notice| (self.pump.hooks().notice)(notice));
            self.pump.lost(conn, by);
        }
    }

    /// The machine is done: what it has not closed is dropped, what lingers has its time, and all threads are joined.
    fn end(self) {
        let Core { mut pump, inbox, commands, acts, .. } = self;
        // Who waits to send one, such as a store that `on_save` will wait for when it is dropped, need not wait longer.
        drop((commands, acts));
        pump.end();
        let until = time::Instant::now() + LINGER_TIME + JOIN_TIME;
        while pump.runtime().threads() > 0 && time::Instant::now() < until {
            match receive(&inbox, earliest(Some(until), pump.runtime().first_lingering())) {
                Some(Message::Ended(thread)) => pump.runtime().ended(thread),
                Some(Message::Notice(notice)) => (pump.hooks().notice)(&notice),
                // The rest comes too late.
                _ => {}
            }
            pump.runtime().end_lingering(time::Instant::now());
        }
        let left = pump.runtime().threads();
        if left > 0 {
            let notice = Notice::new(Level::Warn, "net", "some threads have not ended in time");
            (pump.hooks().notice)(&notice.with("threads", left));
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
