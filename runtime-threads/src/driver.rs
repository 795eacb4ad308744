//! Drives one machine with threads.
//!
//! The [`Pump`] decides what is done for each connection, and in which order. `runtime.rs` waits for sockets.
//!
//! The *core thread*, which calls [`Driver::run`], never waits for a socket. It sleeps until a message arrives in the inbox
//! or a deadline passes, processes the messages, and settles the machine once. Each listener has a thread that accepts, and
//! each connection one that reads. The thread that settles the machine itself writes as much as a socket accepts at once.
//! For the rest the connection has a second thread until everything is written. An attempt to connect has a thread too.
//!
//! The machine is behind a lock. The first threads that read take it and process what they have read themselves
//! (`at_once.rs`), which saves waking the core thread. As soon as the core thread waits for the lock, reads go through the
//! inbox: so no reader can keep the machine to itself. The other threads always use the inbox: many of their reads are
//! settled at once, in the order in which they came.
//!
//! If a listener has TLS ([`i3_driver::tls`]), a connection first has a thread for its handshake, which needs a larger
//! stack. The reading thread then replaces it.
//!
//! A thread that waits for a socket is woken by a shutdown of the socket. Each thread reports its end to the inbox.

use crate::accept::accept_from;
use crate::at_once::AtOnce;
use crate::clock::Clock;
use crate::connection::Connection;
use crate::inbox::{Buffer, INBOX_MAX, Inbox, Message};
use crate::lock::lock;
use crate::room::{Permit, Room};
use crate::runtime::{Arrived, PerConnection};
use i3_core::machine::{Beat, ConnId, Input, Listener, Machine};
use i3_core::notice::{Level, Notice};
use i3_core::query::Query;
use i3_core::time::{Instant, Now};
use i3_driver::command::COMMANDS_MAX;
pub use i3_driver::command::Command;
use i3_driver::hooks::{Hooks, Save};
use i3_driver::linger::LINGER_TIME;
use i3_driver::pump::Pump;
use i3_driver::runtime::CannotWait;
use i3_driver::tls::Acceptor;
use socket2::SockRef;
use std::io;
use std::net::{Shutdown, TcpListener};
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, SendError, SyncSender, TrySendError};
use std::sync::{Arc, Mutex, Weak};
use std::time::{self, Duration};

/// How many connections are accepted by default. This limits the memory of their threads.
const CONNECTIONS_MAX: usize = 1024;
/// How many messages are processed before the machine is settled.
const TURN_MESSAGES_MAX: usize = 256;
/// How many calls may wait in the queue for access to the machine. Further callers wait for room in the queue.
const ACTS_MAX: usize = 16;
/// How long the driver waits for its last threads after all sockets are shut down. Only the system's resolver takes longer,
/// and its thread is abandoned.
const JOIN_TIME: Duration = Duration::from_secs(2);

/// A sender of commands.
#[derive(Clone, Debug)]
pub struct Commands {
    queue: SyncSender<Command>,
    inbox: Inbox,
}

impl Commands {
    /// Sends a command, and waits for room in the queue. The error: the driver is gone.
    pub fn send(&self, command: Command) -> Result<(), SendError<Command>> {
        self.queue.send(command)?;
        wake(&self.inbox);
        Ok(())
    }

    /// Sends a command without waiting.
    pub fn try_send(&self, command: Command) -> Result<(), TrySendError<Command>> {
        self.queue.try_send(command)?;
        wake(&self.inbox);
        Ok(())
    }
}

/// Wakes the core thread. A full inbox needs no message, because the core thread checks for commands after each turn.
fn wake(inbox: &Inbox) {
    let _ = inbox.try_send(Message::Wake);
}

/// A driver with its machine, listeners and callbacks.
#[derive(Debug)]
pub struct Driver<M: Machine + Send> {
    core: Core<M>,
    queues: Queues<M>,
    listeners: Vec<(Listener, Option<Acceptor>, TcpListener)>,
    connections_max: usize,
    commands: SyncSender<Command>,
    acts: SyncSender<Act<M>>,
    inbox: Inbox,
}

impl<M: Machine + Send + 'static> Driver<M> {
    /// Makes a driver for a machine that was constructed with the time of `clock`.
    ///
    /// By default it has no listeners, answers every save with a failure, and drops notices.
    pub fn new(machine: M, clock: Clock) -> Self {
        let (sender, inbox) = mpsc::sync_channel(INBOX_MAX);
        let (command_sender, commands) = mpsc::sync_channel(COMMANDS_MAX);
        let (act_sender, acts) = mpsc::sync_channel(ACTS_MAX);
        let unsaved = Commands { queue: command_sender.clone(), inbox: sender.clone() };
        // If the queue is full, the machine has stopped waiting for answers long ago.
        let hooks = Hooks::new(move |answer| drop(unsaved.try_send(answer)));
        let pump = Pump::new(machine, clock, PerConnection::new(sender.clone()), hooks);
        Driver {
            core: Core { pump, clock, seen: Vec::new(), due: Due::default(), wakes_at: Due::default() },
            queues: Queues { inbox, commands, acts },
            inbox: sender,
            listeners: Vec::new(),
            connections_max: CONNECTIONS_MAX,
            commands: command_sender,
            acts: act_sender,
        }
    }

    /// Accepts connections from `listeners` while running. With an acceptor, they have TLS.
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

    /// Sets how many accepted connections may be open, each with its threads. At the limit the listeners pause, but one that
    /// is already waiting may accept one more.
    #[must_use]
    pub fn connections_max(mut self, connections_max: usize) -> Self {
        self.connections_max = connections_max;
        self
    }

    /// Sets the callback that carries out a save. Each save is answered with [`Command::Saved`].
    ///
    /// The callback must not block, so it answers with `try_send`. It must not use a [`Handle`].
    #[must_use]
    pub fn on_save(mut self, save: impl FnMut(Save) + Send + 'static) -> Self {
        self.core.pump.hooks().save = Box::new(save);
        self
    }

    /// Sets the callback that asks the store. Each question is answered with [`Command::Found`].
    ///
    /// The callback must not block and must not use a [`Handle`].
    #[must_use]
    pub fn on_query(mut self, query: impl FnMut(u64, Query) + Send + 'static) -> Self {
        self.core.pump.hooks().query = Box::new(query);
        self
    }

    /// Sets the callback that carries out beats. It must not block and must not use a [`Handle`].
    #[must_use]
    pub fn on_beat(mut self, beat: impl FnMut(u64, Beat) + Send + 'static) -> Self {
        self.core.pump.hooks().beat = Box::new(beat);
        self
    }

    /// Sets the callback that writes notices to the log. It must not block and must not use a [`Handle`].
    #[must_use]
    pub fn on_notice(mut self, notice: impl FnMut(&Notice) + Send + 'static) -> Self {
        self.core.pump.hooks().notice = Box::new(notice);
        self
    }

    /// Sets the callback that changes the log's level. It must not block and must not use a [`Handle`].
    #[must_use]
    pub fn on_log_level(mut self, log_level: impl FnMut(Level) + Send + 'static) -> Self {
        self.core.pump.hooks().log_level = Box::new(log_level);
        self
    }

    /// Returns a sender of commands for any thread. The queue is bounded.
    pub fn commands(&self) -> Commands {
        Commands { queue: self.commands.clone(), inbox: self.inbox.clone() }
    }

    /// Returns access to the machine while it runs, for any other thread.
    pub fn handle(&self) -> Handle<M> {
        Handle { acts: self.acts.clone(), inbox: self.inbox.clone() }
    }

    /// Runs until the machine has stopped, its last connections are closed and all threads have ended.
    ///
    /// The error: the thread of a listener could not be started, or a thread has panicked while it used the machine.
    /// Everything is closed then.
    pub fn run(self) -> io::Result<()> {
        let Driver { mut core, queues, listeners, connections_max, inbox, .. } = self;
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
        let shared = Arc::new_cyclic(|shared: &Weak<Shared<M>>| {
            core.pump.runtime().process_at_once(shared.clone());
            Shared { core: Mutex::new(Some(core)), core_thread: AtomicU8::new(WAITS), inbox }
        });
        let served = started.and_then(|()| shared.serve(&queues));
        room.close();
        for listener in open {
            // Dropping the listener would not wake the thread that waits for it.
            let _ = SockRef::from(&*listener).shutdown(Shutdown::Both);
        }
        shared.end(queues);
        served
    }
}

/// A function to call with the machine.
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
    /// Calls a function with the machine on the core thread, and waits for the result. The machine is settled soon after.
    /// `None`: the driver is gone.
    ///
    /// This waits until the driver runs, so it never returns if the core thread itself calls it.
    pub fn with<R: Send + 'static>(&self, act: impl FnOnce(&mut M, Now) -> R + Send + 'static) -> Option<R> {
        let (sender, result) = mpsc::sync_channel(1);
        let act = move |machine: &mut M, now| {
            // The caller waits for the result.
            let _ = sender.send(act(machine, now));
        };
        self.acts.send(Box::new(act)).ok()?;
        wake(&self.inbox);
        result.recv().ok()
    }
}

/// What only the core thread uses.
struct Queues<M> {
    inbox: Receiver<Message>,
    commands: Receiver<Command>,
    acts: Receiver<Act<M>>,
}

impl<M> std::fmt::Debug for Queues<M> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Queues").finish_non_exhaustive()
    }
}

/// What the core thread shares with the threads that process what they have read.
struct Shared<M: Machine> {
    /// `None` at the end.
    core: Mutex<Option<Core<M>>>,
    /// What the core thread does: [`SLEEPS`], [`WAITS`] or [`WORKS`]. Only changed by the core thread.
    core_thread: AtomicU8,
    inbox: Inbox,
}

/// The core thread waits for a message or a deadline.
const SLEEPS: u8 = 0;
/// The core thread waits for the machine.
const WAITS: u8 = 1;
/// The core thread has the machine.
const WORKS: u8 = 2;

/// The machine, and what carries out its outputs.
struct Core<M: Machine> {
    pump: Pump<M, PerConnection>,
    clock: Clock,
    /// The connections of the reads that the machine got since it was settled, once for each read. They may read again
    /// after the settling, because the machine may then have stopped reading from them.
    seen: Vec<Arc<Connection>>,
    /// When the machine must be settled if nothing happens.
    due: Due,
    /// When the core thread wakes if nothing happens. A deadline that moves to a later time leaves it as it is: to wake early
    /// takes less time than to wake the thread for each read.
    wakes_at: Due,
}

/// The deadlines of a core, each by its own clock. A time of the machine that is converted twice differs by some nanoseconds, so
/// deadlines are compared before they are converted.
#[derive(Clone, Copy, Debug, Default)]
struct Due {
    machine: Option<Instant>,
    lingering: Option<time::Instant>,
}

impl Due {
    /// Whether one of them is before that of `other`.
    fn is_before(&self, other: &Due) -> bool {
        is_before(self.machine, other.machine) || is_before(self.lingering, other.lingering)
    }

    fn first(&self, clock: &Clock) -> Option<time::Instant> {
        earliest(self.machine.and_then(|at| clock.system_time_of(at)), self.lingering)
    }
}

fn is_before<T: Ord>(one: Option<T>, other: Option<T>) -> bool {
    one.is_some_and(|one| other.is_none_or(|other| one < other))
}

impl<M: Machine + std::fmt::Debug> std::fmt::Debug for Core<M> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Core").field("pump", &self.pump).finish_non_exhaustive()
    }
}

impl<M: Machine + Send> Shared<M> {
    /// The work of the core thread: settles the machine after each input and at each deadline, until it has stopped.
    fn serve(&self, queues: &Queues<M>) -> io::Result<()> {
        let mut message = None;
        loop {
            let until = {
                let panicked = || io::Error::other("a thread has panicked while it used the machine");
                let mut core = self.core.lock().map_err(|_| panicked())?;
                self.core_thread.store(WORKS, Ordering::Relaxed);
                let core = core.as_mut().ok_or_else(panicked)?;
                core.turn(message, queues);
                core.settle();
                if core.pump.is_stopped() {
                    return Ok(());
                }
                self.core_thread.store(SLEEPS, Ordering::Relaxed);
                core.wakes_at = core.due;
                core.due.first(&core.clock)
            };
            message = receive(&queues.inbox, until);
            self.core_thread.store(WAITS, Ordering::Relaxed);
        }
    }

    /// The machine has stopped. Closes its remaining connections, waits for those that linger, and joins all threads.
    fn end(&self, queues: Queues<M>) {
        let Queues { inbox, commands, acts } = queues;
        let Some(Core { mut pump, .. }) = lock(&self.core).take() else { return };
        // Releases senders that wait for room. The store's thread may be one, and dropping `on_save` waits for it.
        drop((commands, acts));
        pump.end();
        let until = time::Instant::now() + LINGER_TIME + JOIN_TIME;
        while pump.runtime().threads() > 0 && time::Instant::now() < until {
            match receive(&inbox, earliest(Some(until), pump.runtime().first_lingering())) {
                Some(Message::Ended(thread)) => pump.runtime().ended(thread),
                Some(Message::Notice(notice)) => (pump.hooks().notice)(&notice),
                // Other messages arrive too late.
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

impl<M: Machine + Send> AtOnce for Shared<M> {
    fn received(&self, conn: ConnId, buffer: Buffer) -> Result<(), Buffer> {
        let core = match self.core_thread.load(Ordering::Relaxed) {
            // What waits in the inbox comes first.
            WAITS => return Err(buffer),
            // Another reader has the lock, if it is taken. Many such readers are settled at once by the core thread.
            SLEEPS => self.core.try_lock().ok(),
            // Soon the core thread sleeps again. To wait here takes less time than to hand it the read.
            _ => self.core.lock().ok(),
        };
        let Some(mut core) = core else { return Err(buffer) };
        let Some(core) = core.as_mut().filter(|core| !core.pump.is_stopped()) else { return Err(buffer) };
        core.received(conn, &buffer);
        // Others can read into it while this thread writes.
        drop(buffer);
        core.settle();
        if core.due.is_before(&core.wakes_at) || core.pump.is_stopped() {
            core.wakes_at = core.due;
            wake(&self.inbox);
        }
        Ok(())
    }
}

impl<M: Machine> Core<M> {
    /// Processes the queues, each up to a limit.
    fn turn(&mut self, first: Option<Message>, queues: &Queues<M>) {
        let Some(first) = first else { return };
        self.take(first);
        for _ in 1..TURN_MESSAGES_MAX {
            let Ok(message) = queues.inbox.try_recv() else { break };
            self.take(message);
        }
        for _ in 0..COMMANDS_MAX {
            let Ok(command) = queues.commands.try_recv() else { break };
            self.pump.input(command.into());
        }
        for _ in 0..ACTS_MAX {
            let Ok(act) = queues.acts.try_recv() else { break };
            self.pump.with(act);
        }
    }

    /// Carries out the machine's outputs, and finds out when this must be done next.
    fn settle(&mut self) {
        self.pump.runtime().end_lingering(time::Instant::now());
        let machine = self.pump.settle();
        self.seen.drain(..).for_each(|connection| connection.seen());
        self.due = Due { machine, lingering: self.pump.runtime().first_lingering() };
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
            Message::Received { conn, buffer } => self.received(conn, &buffer),
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

    fn received(&mut self, conn: ConnId, buffer: &Buffer) {
        if let Some(connection) = self.pump.connection(conn) {
            self.seen.push(connection.clone());
            self.pump.input(Input::Received { conn, bytes: buffer.filled() });
        }
    }

    /// Starts the reading thread of a connection that is still open after its handshake.
    fn read_on(&mut self, conn: ConnId, permit: Permit) {
        let Some(connection) = self.pump.connection(conn).cloned() else { return };
        if let Err(CannotWait { by, notice }) = self.pump.runtime().read_with(conn, &connection, Some(permit))
        {
            notice.iter().for_each(|notice| (self.pump.hooks().notice)(notice));
            self.pump.lost(conn, by);
        }
    }
}

/// Waits for a message, until `until` at the latest.
fn receive(inbox: &Receiver<Message>, until: Option<time::Instant>) -> Option<Message> {
    let received = match until {
        None => inbox.recv().map_err(|_| RecvTimeoutError::Disconnected),
        Some(until) => inbox.recv_timeout(until.saturating_duration_since(time::Instant::now())),
    };
    // The core thread owns a sender itself, so the channel never closes.
    received.ok()
}

fn earliest(one: Option<time::Instant>, other: Option<time::Instant>) -> Option<time::Instant> {
    one.into_iter().chain(other).min()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inbox::Buffers;
    use bytes::Bytes;
    use i3_core::effects::Effects;
    use i3_core::machine::{Output, Refused};
    use std::net::SocketAddr;
    use std::sync::Barrier;
    use std::thread;

    /// A machine that only has a deadline.
    struct OneDeadline(Arc<Mutex<Option<Instant>>>);

    impl Machine for OneDeadline {
        type Wake = ();

        fn accept(&mut self, _: Now, _: Listener, _: SocketAddr) -> Result<ConnId, Refused> {
            Err(Refused::TooMany)
        }

        fn handle(&mut self, _: Now, _: Input<'_>) {}

        fn handle_timeout(&mut self, _: Now) {}

        fn poll_timeout(&self) -> Option<(Instant, ())> {
            lock(&self.0).map(|at| (at, ()))
        }

        fn poll_output(&mut self) -> Option<Output> {
            None
        }

        fn take_bytes(&mut self, _: ConnId, _: usize, _: &mut Vec<Bytes>) -> usize {
            0
        }
    }

    /// What a reading thread has, without the core thread.
    struct Reader {
        shared: Arc<Shared<OneDeadline>>,
        queues: Queues<OneDeadline>,
        deadline: Arc<Mutex<Option<Instant>>>,
        buffers: Arc<Buffers>,
        conn: ConnId,
    }

    impl Reader {
        fn new(core_thread: u8) -> Self {
            let deadline = Arc::default();
            let driver = Driver::new(OneDeadline(Arc::clone(&deadline)), Clock::start());
            let Driver { core, queues, inbox, .. } = driver;
            let core_thread = AtomicU8::new(core_thread);
            let shared = Arc::new(Shared { core: Mutex::new(Some(core)), core_thread, inbox });
            Reader { shared, queues, deadline, buffers: Arc::default(), conn: Effects::default().open() }
        }

        /// Reads something. Returns whether the reading thread has processed it.
        fn reads(&self) -> bool {
            self.shared.received(self.conn, self.buffers.take()).is_ok()
        }

        /// Reads something after which the machine has this deadline. Returns whether that wakes the core thread.
        fn wakes_for(&self, hours: Option<u64>) -> bool {
            *lock(&self.deadline) = hours.map(|hours| Instant::from_micros(hours * 3_600_000_000));
            assert!(self.reads());
            let woken = matches!(self.queues.inbox.try_recv(), Ok(Message::Wake));
            assert!(self.queues.inbox.try_recv().is_err(), "once at most");
            woken
        }
    }

    #[test]
    fn a_reader_wakes_the_core_thread_only_for_a_deadline_before_the_one_that_it_sleeps_until() {
        let reader = Reader::new(SLEEPS);
        let deadlines = [None, Some(5), Some(5), Some(7), None, Some(6), Some(4), Some(5), Some(3)];
        let woken = deadlines.map(|hours| reader.wakes_for(hours));
        assert_eq!(woken, [false, true, false, false, false, false, true, false, true]);
    }

    #[test]
    fn a_reader_waits_for_the_core_thread_that_works_and_for_nobody_else() {
        // Of what waits in the inbox the core thread is about to process the first.
        assert!(!Reader::new(WAITS).reads());
        let reader = Reader::new(SLEEPS);
        let other = lock(&reader.shared.core);
        assert!(!reader.reads(), "another reader has the machine");
        drop(other);
        assert!(reader.reads());
        let reader = Reader::new(WORKS);
        let core = lock(&reader.shared.core);
        let begun = Barrier::new(2);
        thread::scope(|scope| {
            let reading = scope.spawn(|| {
                begun.wait();
                reader.shared.received(reader.conn, reader.buffers.take()).is_ok()
            });
            begun.wait();
            // A reader that does not wait soon ends.
            for _ in 0..1_000 {
                thread::yield_now();
            }
            assert!(!reading.is_finished());
            drop(core);
            assert!(reading.join().unwrap());
        });
    }
}
