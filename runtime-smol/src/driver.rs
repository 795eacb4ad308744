//! Drives one machine: connections, bytes and time in, bytes, connections and timers out.
//!
//! Everything of one driver happens on one thread, in tasks of the driver's own executor, so state is shared without
//! locks. A task that has told the machine something wakes the *pump*, and the pump settles the machine once for all
//! that was told since its last turn. Each connection has one reading task, which owns no buffer; it has a writing task
//! only while its socket is full. So an idle connection costs a few hundred bytes.
//!
//! Where a listener speaks TLS, a [`Session`] stands between the socket and the machine: see [`i3_host::tls`].

use crate::clock::Clock;
use crate::socket;
use async_channel::{Receiver, Sender};
use async_io::{Async, Timer};
use bytes::Bytes;
use futures_lite::future::{or, poll_fn, yield_now};
use i3_core::machine::{Change, ConnId, Input, Listener, LostBy, Machine, Output, SaveTicket, settle};
use i3_core::notice::{Level, Notice};
use i3_core::time::{Instant, Now};
use i3_host::accept::{ACCEPT_PAUSE, Complaint};
use i3_host::address::canonical;
use i3_host::command::COMMANDS_MAX;
pub use i3_host::command::Command;
use i3_host::linger::{LINGER_BYTES_MAX, LINGER_TIME, LINGERING_MAX};
use i3_host::socket::{set_dialed_options, set_options};
use i3_host::tls::{Acceptor, Heard, Session};
use i3_host::write::{WRITE_BUDGET_BYTES, Written};
use smol::{LocalExecutor, Task};
use std::cell::{Cell, OnceCell, RefCell};
use std::collections::HashMap;
use std::io::{self, ErrorKind, Read};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::pin::Pin;
use std::rc::{Rc, Weak};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

/// The one buffer into which all connections of a driver are read.
const READ_BUFFER_BYTES: usize = 64 * 1024;
/// A machine with its listeners and callbacks, ready to run.
#[derive(Debug)]
pub struct Driver<M: Machine> {
    shared: Rc<Shared<M>>,
    listeners: Vec<(Listener, Option<Acceptor>, Async<TcpListener>)>,
    commands: (Sender<Command>, Receiver<Command>),
}

impl<M: Machine + 'static> Driver<M> {
    /// A driver for a machine that was constructed with the time of `clock`.
    ///
    /// Until told otherwise it has no listeners, answers every save with a failure, and drops notices.
    pub fn new(machine: M, clock: Clock) -> Self {
        let commands = async_channel::bounded(COMMANDS_MAX);
        let unsaved = commands.0.clone();
        let io = Io {
            conns: HashMap::new(),
            pieces: Vec::new(),
            stopped: false,
            save: Box::new(move |ticket, _| {
                // When the queue is full the machine has given up on saves long ago.
                let _ = unsaved.try_send(Command::no_store(ticket));
            }),
            notice: Box::new(|_| {}),
            log_level: Box::new(|_| {}),
        };
        let shared = Shared {
            core: RefCell::new(Core { machine, io }),
            scratch: RefCell::new(vec![0; READ_BUFFER_BYTES].into_boxed_slice()),
            plain: RefCell::default(),
            clock,
            wake: Wake::default(),
            lingering: Cell::new(0),
            executor: OnceCell::new(),
        };
        Driver { shared: Rc::new(shared), listeners: Vec::new(), commands }
    }

    /// Accepts connections from `listeners` while running; with TLS, if there is an acceptor for it.
    #[must_use]
    pub fn listen(
        mut self,
        on: Listener,
        tls: Option<&Acceptor>,
        listeners: impl IntoIterator<Item = Async<TcpListener>>,
    ) -> Self {
        self.listeners.extend(listeners.into_iter().map(|listener| (on, tls.cloned(), listener)));
        self
    }

    /// Carries out saves; each is answered with [`Command::Saved`].
    ///
    /// The callback must not block (`try_send` is the way to answer from within) and must not use a [`Handle`].
    #[must_use]
    pub fn on_save(self, save: impl FnMut(SaveTicket, Vec<Change>) + 'static) -> Self {
        self.shared.core.borrow_mut().io.save = Box::new(save);
        self
    }

    /// Carries notices to the operator. The callback must not block and must not use a [`Handle`].
    #[must_use]
    pub fn on_notice(self, notice: impl FnMut(&Notice) + 'static) -> Self {
        self.shared.core.borrow_mut().io.notice = Box::new(notice);
        self
    }

    /// Carries out changes of the log's level. The same holds for it.
    #[must_use]
    pub fn on_log_level(self, log_level: impl FnMut(Level) + 'static) -> Self {
        self.shared.core.borrow_mut().io.log_level = Box::new(log_level);
        self
    }

    /// Where to send commands, from any thread. The queue is bounded.
    pub fn commands(&self) -> Sender<Command> {
        self.commands.0.clone()
    }

    /// Access to the machine for this thread, before and while it runs.
    pub fn handle(&self) -> Handle<M> {
        Handle { shared: Rc::downgrade(&self.shared) }
    }

    /// Runs until the machine has stopped and its last connections are closed. Dropping the future closes everything.
    pub async fn run(self) {
        let Driver { shared, listeners, commands: (_, commands) } = self;
        // Tasks hold the shared state, and the shared state names the executor only weakly: no cycle.
        let executor = Rc::new(LocalExecutor::new());
        let _ = shared.executor.set(Rc::downgrade(&executor));
        let mut services = vec![executor.spawn(obey(shared.clone(), commands))];
        for (on, tls, listener) in listeners {
            services.push(executor.spawn(accept_from(shared.clone(), on, tls, listener)));
        }
        // The pump is a task like the others and so has its turn after those that woke it: what a client sent is
        // answered before its end of stream is seen, even when both came at once.
        let pump = executor.spawn(pump(shared.clone()));
        executor
            .run(async {
                pump.await;
                drop(services);
                shared.end_connections();
                or(shared.lingered(), after(LINGER_TIME)).await;
            })
            .await;
    }
}

/// Access to the machine inside a driver, for the driver's own thread. It does not keep the machine alive.
#[derive(Debug)]
pub struct Handle<M: Machine> {
    shared: Weak<Shared<M>>,
}

impl<M: Machine> Clone for Handle<M> {
    fn clone(&self) -> Self {
        Handle { shared: self.shared.clone() }
    }
}

impl<M: Machine> Handle<M> {
    /// Does something to the machine, which is settled afterwards. `None` when the driver is gone.
    ///
    /// Panics when called from within a callback of the same driver.
    pub fn with<R>(&self, act: impl FnOnce(&mut M, Now) -> R) -> Option<R> {
        let shared = self.shared.upgrade()?;
        let result = act(&mut shared.core.borrow_mut().machine, shared.clock.now());
        shared.wake.up();
        Some(result)
    }
}

/// What the tasks of one driver share.
#[derive(Debug)]
struct Shared<M> {
    core: RefCell<Core<M>>,
    scratch: RefCell<Box<[u8]>>,
    /// What came over TLS. Empty between uses.
    plain: RefCell<Vec<u8>>,
    clock: Clock,
    wake: Wake,
    lingering: Cell<usize>,
    executor: OnceCell<Weak<LocalExecutor<'static>>>,
}

#[derive(Debug)]
struct Core<M> {
    machine: M,
    io: Io,
}

/// The sockets and callbacks: what outputs are carried out with.
struct Io {
    /// By the whole id, not by its index: a new connection may have the index of one that is still to be closed.
    conns: HashMap<ConnId, Conn>,
    /// Empty between uses.
    pieces: Vec<Bytes>,
    stopped: bool,
    save: Box<dyn FnMut(SaveTicket, Vec<Change>)>,
    notice: Box<dyn FnMut(&Notice)>,
    log_level: Box<dyn FnMut(Level)>,
}

impl std::fmt::Debug for Io {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Io")
            .field("conns", &self.conns)
            .field("stopped", &self.stopped)
            .finish_non_exhaustive()
    }
}

/// A connection. Dropping it ends its tasks.
#[derive(Debug)]
enum Conn {
    Dialing {
        _dialer: Option<Task<()>>,
        /// Whether to read as soon as it is open.
        reading: bool,
        /// The machine has bytes for it already.
        writing: bool,
    },
    Open {
        socket: Rc<Async<TcpStream>>,
        tls: Option<Session>,
        /// None while reading is paused.
        reader: Option<Task<()>>,
        /// Only while there are bytes that the socket would not take.
        writer: Option<Task<()>>,
    },
}

/// What became of an attempt to read.
enum ReadEnd {
    /// The buffer was filled: there may be more.
    Full,
    /// There is no more for now.
    Drained,
    /// The connection is gone.
    Lost,
}

impl<M: Machine + 'static> Shared<M> {
    fn spawn(&self, task: impl Future<Output = ()> + 'static) -> Option<Task<()>> {
        // There is no executor only when the driver is being dropped, with all its tasks.
        self.executor.get()?.upgrade().map(|executor| executor.spawn(task))
    }

    fn spawn_reader(self: &Rc<Self>, conn: ConnId, socket: &Rc<Async<TcpStream>>) -> Option<Task<()>> {
        self.spawn(read_from(self.clone(), conn, socket.clone()))
    }

    /// Tells the machine something; the pump will settle it.
    fn tell(&self, input: Input<'_>) {
        self.core.borrow_mut().machine.handle(self.clock.now(), input);
        self.wake.up();
    }

    fn notice(&self, notice: &Notice) {
        (self.core.borrow_mut().io.notice)(notice);
    }

    fn accepted(
        self: &Rc<Self>,
        on: Listener,
        tls: Option<&Acceptor>,
        stream: Async<TcpStream>,
        peer: SocketAddr,
    ) {
        let mut core = self.core.borrow_mut();
        let Core { machine, io } = &mut *core;
        let (now, peer) = (self.clock.now(), canonical(peer));
        // A machine may have something to say even about a connection that it refuses.
        self.wake.up();
        let accepted = match tls {
            None => machine.accept(now, on, peer),
            Some(_) => machine.accept_secured(now, on, peer),
        };
        let Ok(conn) = accepted else { return };
        let tls = match tls.map(Acceptor::begin).transpose() {
            Ok(tls) => tls,
            Err(text) => return machine.handle(now, Input::Lost { conn, by: LostBy::Error(text) }),
        };
        set_options(stream.get_ref());
        let socket = Rc::new(stream);
        let reader = self.spawn_reader(conn, &socket);
        io.conns.insert(conn, Conn::Open { socket, tls, reader, writer: None });
    }

    fn dialed(self: &Rc<Self>, conn: ConnId, outcome: Result<Async<TcpStream>, String>) {
        let mut core = self.core.borrow_mut();
        let Core { machine, io } = &mut *core;
        let now = self.clock.now();
        let Some(Conn::Dialing { reading, writing, .. }) = io.conns.remove(&conn) else { return };
        self.wake.up();
        let stream = match outcome {
            Ok(stream) => stream,
            Err(text) => return machine.handle(now, Input::Lost { conn, by: LostBy::Error(text) }),
        };
        set_dialed_options(stream.get_ref());
        let socket = Rc::new(stream);
        let reader = if reading { self.spawn_reader(conn, &socket) } else { None };
        io.conns.insert(conn, Conn::Open { socket, tls: None, reader, writer: None });
        machine.handle(now, Input::Dialed { conn });
        if writing {
            self.write(machine, io, now, conn);
        }
    }

    /// Reads once, without waiting, and gives the machine what came.
    fn receive(self: &Rc<Self>, conn: ConnId, mut socket: &TcpStream) -> ReadEnd {
        let mut scratch = self.scratch.borrow_mut();
        match socket.read(&mut scratch) {
            Ok(0) => self.lost(conn, LostBy::EndOfStream),
            Ok(count) => {
                if !self.heard(conn, &scratch[..count]) {
                    return ReadEnd::Lost;
                }
                if count == scratch.len() { ReadEnd::Full } else { ReadEnd::Drained }
            }
            Err(error) if is_transient(&error) => ReadEnd::Drained,
            Err(error) => self.lost(conn, LostBy::Error(error.to_string())),
        }
    }

    /// Gives the machine what a socket gave, out of its TLS if it has that. Says whether the connection is still there.
    fn heard(self: &Rc<Self>, conn: ConnId, bytes: &[u8]) -> bool {
        let mut core = self.core.borrow_mut();
        let Core { machine, io } = &mut *core;
        let now = self.clock.now();
        self.wake.up();
        let Some(Conn::Open { socket, tls: Some(tls), writer, .. }) = io.conns.get_mut(&conn) else {
            machine.handle(now, Input::Received { conn, bytes });
            return true;
        };
        let mut plain = self.plain.borrow_mut();
        let Heard { secured, end } = tls.receive(bytes, &mut plain);
        let mut end = end;
        // While something else is being written, this goes with what comes after it.
        if end.is_none() && writer.is_none() && !say(socket.get_ref(), tls.take_outgoing()) {
            end = Some(LostBy::Error("the socket takes no handshake".to_owned()));
        }
        if secured {
            machine.handle(now, Input::Secured { conn });
        }
        if !plain.is_empty() {
            machine.handle(now, Input::Received { conn, bytes: &plain });
            plain.clear();
        }
        let Some(by) = end else { return true };
        // What is in its plain text is answered before its end is seen.
        self.settle_with(machine, io);
        if io.conns.contains_key(&conn) {
            self.close(io, conn);
            machine.handle(now, Input::Lost { conn, by });
        }
        false
    }

    fn lost(&self, conn: ConnId, by: LostBy) -> ReadEnd {
        if self.core.borrow_mut().io.conns.remove(&conn).is_some() {
            self.tell(Input::Lost { conn, by });
        }
        ReadEnd::Lost
    }

    fn flushed(&self, conn: ConnId) {
        if let Some(Conn::Open { writer, .. }) = self.core.borrow_mut().io.conns.get_mut(&conn) {
            *writer = None;
        }
        self.tell(Input::Flushed { conn });
    }

    /// Carries out everything the machine wants done, and says when it wants to be woken.
    fn settle(self: &Rc<Self>) -> Option<Instant> {
        let mut core = self.core.borrow_mut();
        let Core { machine, io } = &mut *core;
        self.settle_with(machine, io)
    }

    fn settle_with(self: &Rc<Self>, machine: &mut M, io: &mut Io) -> Option<Instant> {
        let now = self.clock.now();
        settle(machine, now, |machine, output| self.perform(machine, io, now, output)).map(|(at, _)| at)
    }

    fn perform(self: &Rc<Self>, machine: &mut M, io: &mut Io, now: Now, output: Output) {
        match output {
            Output::Dial { conn, host, port } => self.dial(io, conn, host, port),
            Output::Write { conn } => self.write(machine, io, now, conn),
            Output::Close { conn } => self.close(io, conn),
            Output::Read { conn, enabled } => self.read(io, conn, enabled),
            Output::Save { ticket, changes } => (io.save)(ticket, changes),
            Output::Notice(notice) => (io.notice)(&notice),
            Output::LogLevel(level) => (io.log_level)(level),
            Output::Stopped => io.stopped = true,
        }
    }

    fn dial(self: &Rc<Self>, io: &mut Io, conn: ConnId, host: String, port: u16) {
        let shared = self.clone();
        let dialer = self.spawn(async move {
            let outcome = socket::connect(&host, port).await;
            shared.dialed(conn, outcome);
        });
        io.conns.insert(conn, Conn::Dialing { _dialer: dialer, reading: true, writing: false });
    }

    /// Writes at once what the socket takes; a task of its own waits with the rest.
    fn write(self: &Rc<Self>, machine: &mut M, io: &mut Io, now: Now, conn: ConnId) {
        let Io { conns, pieces, .. } = io;
        let (socket, tls, writer) = match conns.get_mut(&conn) {
            Some(Conn::Open { socket, tls, writer, .. }) => (socket, tls, writer),
            Some(Conn::Dialing { writing, .. }) => return *writing = true,
            None => return,
        };
        debug_assert!(writer.is_none(), "a second Write before Flushed");
        machine.take_bytes(conn, WRITE_BUDGET_BYTES, pieces);
        let sealed = tls.as_mut().map_or(Ok(()), |tls| tls.seal(pieces));
        let written = sealed.and_then(|()| {
            let written = socket::write_some(socket.get_ref(), pieces);
            written.map_err(|error| LostBy::Error(error.to_string()))
        });
        match written {
            Ok(Written::All) => machine.handle(now, Input::Flushed { conn }),
            Ok(Written::Some) => {
                let rest = std::mem::take(pieces);
                *writer = self.spawn(write_to(self.clone(), conn, socket.clone(), rest));
            }
            Err(by) => {
                pieces.clear();
                conns.remove(&conn);
                machine.handle(now, Input::Lost { conn, by });
            }
        }
    }

    fn read(self: &Rc<Self>, io: &mut Io, conn: ConnId, enabled: bool) {
        match io.conns.get_mut(&conn) {
            Some(Conn::Open { reader, .. }) if !enabled => *reader = None,
            Some(Conn::Open { socket, reader, .. }) if reader.is_none() => {
                *reader = self.spawn_reader(conn, socket);
            }
            Some(Conn::Dialing { reading, .. }) => *reading = enabled,
            _ => {}
        }
    }

    fn close(self: &Rc<Self>, io: &mut Io, conn: ConnId) {
        // Dropping a dialing one cancels the attempt.
        let Some(Conn::Open { socket, mut tls, writer, .. }) = io.conns.remove(&conn) else { return };
        // In the middle of something else there is no place for it.
        if let Some(tls) = tls.as_mut().filter(|_| writer.is_none()) {
            say(socket.get_ref(), tls.close());
        }
        if socket.get_ref().shutdown(Shutdown::Write).is_err() || self.lingering.get() >= LINGERING_MAX {
            return;
        }
        if let Some(task) = self.spawn(linger(self.clone(), socket)) {
            self.lingering.set(self.lingering.get() + 1);
            task.detach();
        }
    }

    /// The machine is done: what it has not closed is dropped.
    fn end_connections(&self) {
        self.core.borrow_mut().io.conns.clear();
    }

    /// Waits until no connection lingers.
    async fn lingered(&self) {
        while self.lingering.get() > 0 {
            self.wake.wait(&mut Timer::never()).await;
        }
    }
}

/// Settles the machine each time it was told something or a deadline has come, until it has stopped.
async fn pump<M: Machine + 'static>(shared: Rc<Shared<M>>) {
    let mut timer = Timer::never();
    let mut armed = None;
    loop {
        let deadline = shared.settle();
        if shared.core.borrow().io.stopped {
            return;
        }
        if deadline.is_some_and(|at| at <= shared.clock.now().mono) {
            // More timers were due than one turn fires: the others have their turn first.
            yield_now().await;
            continue;
        }
        // A deadline that moves away leaves the timer alone: waking early costs less than arming anew for each message.
        if let Some(at) = deadline.filter(|at| armed.is_none_or(|armed| *at < armed)) {
            armed = Some(at);
            timer = shared.clock.system_time_of(at).map_or_else(Timer::never, Timer::at);
        }
        if shared.wake.wait(&mut timer).await == Woken::ByTimer {
            armed = None;
            timer = Timer::never();
        }
    }
}

/// Passes commands on.
async fn obey<M: Machine + 'static>(shared: Rc<Shared<M>>, commands: Receiver<Command>) {
    while let Ok(command) = commands.recv().await {
        shared.tell(command.into());
    }
}

/// Accepts for ever: a failure ends neither the listener nor the daemon.
async fn accept_from<M: Machine + 'static>(
    shared: Rc<Shared<M>>,
    on: Listener,
    tls: Option<Acceptor>,
    listener: Async<TcpListener>,
) {
    let mut failed = Complaint::cannot_accept(on);
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => {
                shared.accepted(on, tls.as_ref(), stream, peer);
                yield_now().await;
            }
            Err(error) => {
                if let Some(notice) = failed.again(Some(&error)) {
                    shared.notice(&notice);
                }
                after(ACCEPT_PAUSE).await;
            }
        }
    }
}

/// Reads from one connection until it is gone.
async fn read_from<M: Machine + 'static>(shared: Rc<Shared<M>>, conn: ConnId, socket: Rc<Async<TcpStream>>) {
    loop {
        if let Err(error) = poll_fn(|cx| socket.poll_readable(cx)).await {
            shared.lost(conn, LostBy::Error(error.to_string()));
            return;
        }
        loop {
            match shared.receive(conn, socket.get_ref()) {
                ReadEnd::Full => yield_now().await,
                ReadEnd::Drained => break,
                ReadEnd::Lost => return,
            }
        }
    }
}

/// Writes the rest of what was taken from the machine, as the socket has room.
async fn write_to<M: Machine + 'static>(
    shared: Rc<Shared<M>>,
    conn: ConnId,
    socket: Rc<Async<TcpStream>>,
    mut rest: Vec<Bytes>,
) {
    loop {
        let ready = poll_fn(|cx| socket.poll_writable(cx)).await;
        match ready.and_then(|()| socket::write_some(socket.get_ref(), &mut rest)) {
            Ok(Written::All) => return shared.flushed(conn),
            Ok(Written::Some) => {}
            Err(error) => {
                shared.lost(conn, LostBy::Error(error.to_string()));
                return;
            }
        }
    }
}

/// Discards what still comes until the peer has closed too, within the bounds.
async fn linger<M: Machine + 'static>(shared: Rc<Shared<M>>, socket: Rc<Async<TcpStream>>) {
    let discard = async {
        let mut left = LINGER_BYTES_MAX;
        while left > 0 && poll_fn(|cx| socket.poll_readable(cx)).await.is_ok() {
            let mut scratch = shared.scratch.borrow_mut();
            let room = left.min(scratch.len());
            match socket.get_ref().read(&mut scratch[..room]) {
                Ok(0) => return,
                Ok(count) => left -= count,
                Err(error) if is_transient(&error) => {}
                Err(_) => return,
            }
        }
    };
    or(discard, after(LINGER_TIME)).await;
    shared.lingering.set(shared.lingering.get() - 1);
    shared.wake.up();
}

/// Writes what a TLS session has to say by itself, which is little. Says whether the socket took it.
fn say(socket: &TcpStream, bytes: Option<Bytes>) -> bool {
    let mut pieces: Vec<Bytes> = bytes.into_iter().collect();
    matches!(socket::write_some(socket, &mut pieces), Ok(Written::All))
}

fn is_transient(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted)
}

async fn after(wait: Duration) {
    Timer::after(wait).await;
}

/// Wakes the pump. Any number of calls before its turn wake it once.
#[derive(Debug, Default)]
struct Wake {
    up: Cell<bool>,
    waker: RefCell<Option<Waker>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Woken {
    ByCall,
    ByTimer,
}

impl Wake {
    fn up(&self) {
        if !self.up.replace(true)
            && let Some(waker) = self.waker.take()
        {
            waker.wake();
        }
    }

    async fn wait(&self, timer: &mut Timer) -> Woken {
        poll_fn(|cx: &mut Context<'_>| {
            if self.up.replace(false) {
                return Poll::Ready(Woken::ByCall);
            }
            *self.waker.borrow_mut() = Some(cx.waker().clone());
            Pin::new(&mut *timer).poll(cx).map(|_| Woken::ByTimer)
        })
        .await
    }
}
