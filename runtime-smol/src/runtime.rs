//! Waits for sockets, with a task for each event.

use crate::clock::Clock;
use crate::socket;
use async_io::{Async, Timer};
use bytes::Bytes;
use futures_lite::future::{or, poll_fn, yield_now};
use i3_core::machine::{ConnId, LostBy, Machine};
use i3_driver::hooks::Hooks;
use i3_driver::linger::{Discard, LINGER_TIME, is_transient};
use i3_driver::pump::Pump;
use i3_driver::runtime::{CannotWait, Runtime};
use i3_driver::tls::TlsSession;
use i3_driver::write::Written;
use smol::{LocalExecutor, Task};
use std::cell::{Cell, OnceCell, RefCell};
use std::io::{self, Read};
use std::net::TcpStream;
use std::pin::Pin;
use std::rc::{Rc, Weak};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

/// A wait that is as short as it can be. Only a task that waits lets the system be asked which sockets are ready.
pub(crate) const SOON: Duration = Duration::from_micros(20);

/// How long a connection that always has more to read may keep the driver from asking for the others.
const READING_TIME_MAX: Duration = Duration::from_millis(2);

/// The size of the buffer for reading, which all connections of a driver share.
const READ_BUFFER_BYTES: usize = 64 * 1024;

/// After a read of so many bytes the next is tried without a wait. While the machine dealt with them, the peer may have sent more, and
/// the thread of `async-io`, which takes over the waiting from a busy executor, would have to wake this one.
const READ_ON_BYTES: usize = 8 * 1024;

/// The state that the tasks of a driver share.
#[derive(Debug)]
pub(crate) struct Shared<M: Machine + 'static> {
    pump: RefCell<Pump<M, Tasks<M>>>,
    scratch: RefCell<Box<[u8]>>,
    pub(crate) clock: Clock,
    pub(crate) wake: SettleSignal,
    lingering: Cell<usize>,
    executor: OnceCell<Weak<LocalExecutor<'static>>>,
}

impl<M: Machine + 'static> Shared<M> {
    pub(crate) fn new(machine: M, clock: Clock, hooks: Hooks) -> Rc<Self> {
        Rc::new_cyclic(|shared| Shared {
            pump: RefCell::new(Pump::new(machine, clock, Tasks { shared: shared.clone() }, hooks)),
            scratch: RefCell::new(vec![0; READ_BUFFER_BYTES].into_boxed_slice()),
            clock,
            wake: SettleSignal::default(),
            lingering: Cell::new(0),
            executor: OnceCell::new(),
        })
    }

    /// Tasks own the shared state, which refers to the executor only weakly. So there is no reference cycle.
    pub(crate) fn run_on(&self, executor: &Rc<LocalExecutor<'static>>) {
        let _ = self.executor.set(Rc::downgrade(executor));
    }

    /// Calls the pump, and wakes the task that settles the machine.
    pub(crate) fn settle_after<R>(&self, act: impl FnOnce(&mut Pump<M, Tasks<M>>) -> R) -> R {
        let result = act(&mut self.pump.borrow_mut());
        self.wake.up();
        result
    }

    /// Calls the pump without an input for the machine, so nothing is settled.
    pub(crate) fn with_pump<R>(&self, act: impl FnOnce(&mut Pump<M, Tasks<M>>) -> R) -> R {
        act(&mut self.pump.borrow_mut())
    }

    /// Waits until no connection lingers.
    pub(crate) async fn lingered(&self) {
        while self.lingering.get() > 0 {
            self.wake.wait(&mut Timer::never()).await;
        }
    }

    /// Reads once, without waiting, and passes the bytes to the machine.
    fn receive(&self, conn: ConnId, mut socket: &TcpStream) -> ReadEnd {
        let mut scratch = self.scratch.borrow_mut();
        let by = match socket.read(&mut scratch) {
            Ok(0) => LostBy::EndOfStream,
            Ok(count) => {
                return match self.settle_after(|pump| pump.received(conn, &scratch[..count])) {
                    false => ReadEnd::Lost,
                    true if count >= READ_ON_BYTES => ReadEnd::Much,
                    true => ReadEnd::Drained,
                };
            }
            Err(error) if is_transient(&error) => return ReadEnd::Drained,
            Err(error) => LostBy::Error(error.to_string()),
        };
        self.settle_after(|pump| pump.lost(conn, by));
        ReadEnd::Lost
    }
}

/// The result of an attempt to read.
enum ReadEnd {
    /// There may be more bytes.
    Much,
    /// All available bytes were read.
    Drained,
    /// The connection is gone.
    Lost,
}

/// Waits for the sockets of one driver.
#[derive(Debug)]
pub(crate) struct Tasks<M: Machine + 'static> {
    shared: Weak<Shared<M>>,
}

/// An open connection. Dropping it ends its tasks.
#[derive(Debug)]
pub(crate) struct Connection {
    socket: Rc<Async<TcpStream>>,
    tls: Option<TlsSession>,
    /// The reading task. `None` while reading is paused.
    reader: Option<Task<()>>,
    /// The writing task, while there are bytes for which the socket had no room.
    writer: Option<Task<()>>,
}

impl<M: Machine + 'static> Tasks<M> {
    /// Starts a task with the shared state. `None`: the driver is being dropped with all its tasks.
    fn spawn<F: Future<Output = ()> + 'static>(
        &self,
        task: impl FnOnce(Rc<Shared<M>>) -> F,
    ) -> Option<Task<()>> {
        let shared = self.shared.upgrade()?;
        let executor = shared.executor.get()?.upgrade()?;
        Some(executor.spawn(task(shared)))
    }

    fn spawn_reader(&self, conn: ConnId, socket: &Rc<Async<TcpStream>>) -> Option<Task<()>> {
        let socket = socket.clone();
        self.spawn(|shared| read_from(shared, conn, socket))
    }
}

impl<M: Machine + 'static> Runtime for Tasks<M> {
    type Stream = Async<TcpStream>;
    /// Dropping it cancels the attempt.
    type Dial = Option<Task<()>>;
    type Connection = Connection;

    fn stream_socket(stream: &Async<TcpStream>) -> &TcpStream {
        stream.get_ref()
    }

    fn socket(connection: &Connection) -> &TcpStream {
        (*connection.socket).get_ref()
    }

    fn with_tls<R>(connection: &mut Connection, act: impl FnOnce(&mut TlsSession) -> R) -> Option<R> {
        connection.tls.as_mut().map(act)
    }

    fn dial(&mut self, conn: ConnId, host: String, port: u16) -> Result<Self::Dial, CannotWait> {
        Ok(self.spawn(|shared| async move {
            let outcome = socket::connect(&host, port).await;
            shared.settle_after(|pump| pump.dialed(conn, outcome));
        }))
    }

    fn cancel(&mut self, dial: Self::Dial) {
        drop(dial);
    }

    fn open(
        &mut self,
        conn: ConnId,
        stream: Async<TcpStream>,
        tls: Option<TlsSession>,
        reading: bool,
    ) -> Result<Connection, CannotWait> {
        let socket = Rc::new(stream);
        let reader = if reading { self.spawn_reader(conn, &socket) } else { None };
        Ok(Connection { socket, tls, reader, writer: None })
    }

    fn read(&mut self, conn: ConnId, connection: &mut Connection, enabled: bool) {
        if !enabled {
            connection.reader = None;
        } else if connection.reader.is_none() {
            connection.reader = self.spawn_reader(conn, &connection.socket);
        }
    }

    fn write_some(connection: &Connection, pieces: &mut Vec<Bytes>) -> io::Result<Written> {
        socket::write_some(Self::socket(connection), pieces)
    }

    fn write_rest(
        &mut self,
        conn: ConnId,
        connection: &mut Connection,
        rest: Vec<Bytes>,
    ) -> Result<(), CannotWait> {
        let socket = connection.socket.clone();
        connection.writer = self.spawn(|shared| write_to(shared, conn, socket, rest));
        Ok(())
    }

    fn lingering(&mut self) -> usize {
        self.shared.upgrade().map_or(0, |shared| shared.lingering.get())
    }

    fn linger(&mut self, connection: Connection) {
        let socket = connection.socket.clone();
        if let Some(task) = self.spawn(|shared| {
            shared.lingering.set(shared.lingering.get() + 1);
            linger(shared, socket)
        }) {
            task.detach();
        }
    }

    fn cut(&mut self, connection: Connection) {
        drop(connection);
    }
}

/// Reads from one connection until it is gone.
async fn read_from<M: Machine + 'static>(shared: Rc<Shared<M>>, conn: ConnId, socket: Rc<Async<TcpStream>>) {
    loop {
        if let Err(error) = poll_fn(|cx| socket.poll_readable(cx)).await {
            return shared.settle_after(|pump| pump.lost(conn, LostBy::Error(error.to_string())));
        }
        let mut since = Instant::now();
        loop {
            match shared.receive(conn, (*socket).get_ref()) {
                ReadEnd::Much if since.elapsed() < READING_TIME_MAX => yield_now().await,
                ReadEnd::Much => {
                    after(SOON).await;
                    since = Instant::now();
                }
                ReadEnd::Drained => break,
                ReadEnd::Lost => return,
            }
        }
    }
}

/// Writes the rest of the machine's bytes when the socket has room.
async fn write_to<M: Machine + 'static>(
    shared: Rc<Shared<M>>,
    conn: ConnId,
    socket: Rc<Async<TcpStream>>,
    mut rest: Vec<Bytes>,
) {
    loop {
        let ready = poll_fn(|cx| socket.poll_writable(cx)).await;
        match ready.and_then(|()| socket::write_some((*socket).get_ref(), &mut rest)) {
            Ok(Written::All) => return shared.settle_after(|pump| pump.flushed(conn)),
            Ok(Written::Some) => {}
            Err(error) => {
                return shared.settle_after(|pump| pump.lost(conn, LostBy::Error(error.to_string())));
            }
        }
    }
}

/// Reads and discards bytes until the peer has closed the connection too, within the limits.
async fn linger<M: Machine + 'static>(shared: Rc<Shared<M>>, socket: Rc<Async<TcpStream>>) {
    let discard = async {
        let mut rest = Discard::default();
        while poll_fn(|cx| socket.poll_readable(cx)).await.is_ok() {
            if !rest.goes_on_after((*socket).get_ref(), &mut shared.scratch.borrow_mut()) {
                return;
            }
        }
    };
    or(discard, after(LINGER_TIME)).await;
    shared.lingering.set(shared.lingering.get() - 1);
    shared.wake.up();
}

pub(crate) async fn after(wait: Duration) {
    Timer::after(wait).await;
}

/// Wakes the task that settles the machine. Several calls before its next turn wake it once.
#[derive(Debug, Default)]
pub(crate) struct SettleSignal {
    up: Cell<bool>,
    waker: RefCell<Option<Waker>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Woken {
    ByCall,
    ByTimer,
}

impl SettleSignal {
    pub(crate) fn up(&self) {
        if !self.up.replace(true)
            && let Some(waker) = self.waker.take()
        {
            waker.wake();
        }
    }

    pub(crate) async fn wait(&self, timer: &mut Timer) -> Woken {
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
