//! A TCP relay between two programs, which a test can cut or stall. It may record the frames that pass.

use crate::process::free_port;
use i3_tests::wire;
use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// What a relay does with connections and bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Mode {
    Passing = 0,
    /// No byte moves in either direction, as if the network had lost all packets. Connections stay open.
    Stalled = 1,
    /// All connections are ended, and new ones too.
    Cut = 2,
}

const LOOPBACK: Ipv4Addr = Ipv4Addr::LOCALHOST;

/// How often a relay looks at its mode while nothing comes.
const LOOK: Duration = Duration::from_millis(10);

/// The same, of a relay with hundreds of connections.
const SELDOM: Duration = Duration::from_secs(1);

/// The stack of a relay's thread: hundreds of connections may be open.
const STACK_BYTES: usize = 128 * 1024;

/// A frame that has passed, or the end of a connection.
#[derive(Clone, Debug)]
pub(crate) struct Frame {
    pub(crate) at: Instant,
    /// Which relay it has passed.
    pub(crate) relay: usize,
    /// Which of all connections of a tap.
    pub(crate) conn: u64,
    /// Whether it goes to the server.
    pub(crate) up: bool,
    /// Empty at the end of a connection.
    pub(crate) text: String,
}

impl Frame {
    /// The type of the packet. Empty at the end of a connection.
    pub(crate) fn kind(&self) -> &str {
        self.text.split('"').nth(1).unwrap_or_default()
    }
}

/// Records the frames of Intermud-3 that pass through some relays, in one order.
#[derive(Clone, Default)]
pub(crate) struct Tap {
    frames: Arc<Mutex<Vec<Frame>>>,
    conns: Arc<AtomicU64>,
}

impl Tap {
    /// All frames since the start.
    pub(crate) fn frames(&self) -> Vec<Frame> {
        self.frames.lock().unwrap().clone()
    }

    /// What has come from the nodes since then, and the errors of the router, each in a line with the time of the wall clock.
    pub(crate) fn since(&self, since: Instant) -> Vec<String> {
        let frames = self.frames.lock().unwrap();
        let shown = frames[frames.partition_point(|frame| frame.at < since)..].iter();
        let shown = shown.filter(|frame| frame.up || frame.text.is_empty() || frame.kind() == "error");
        let line = |Frame { at, relay, conn, text, .. }: &Frame| {
            let unix = (SystemTime::now() - at.elapsed()).duration_since(UNIX_EPOCH).unwrap();
            let text: String = text.chars().take(160).collect();
            format!("{:.3} node {relay}, connection {conn}: {text}", unix.as_secs_f64())
        };
        shown.map(line).collect()
    }

    /// How many there are of which this is so.
    pub(crate) fn count(&self, is_so: impl Fn(&Frame) -> bool) -> usize {
        self.frames.lock().unwrap().iter().filter(|frame| is_so(frame)).count()
    }

    /// The first frame at or after that time of which this is so.
    pub(crate) fn first_since(&self, since: Instant, is_so: impl Fn(&Frame) -> bool) -> Option<Frame> {
        let frames = self.frames.lock().unwrap();
        let start = frames.partition_point(|frame| frame.at < since);
        frames[start..].iter().find(|frame| is_so(frame)).cloned()
    }

    /// The last frame of which this is so.
    pub(crate) fn last(&self, is_so: impl Fn(&Frame) -> bool) -> Option<Frame> {
        self.frames.lock().unwrap().iter().rev().find(|frame| is_so(frame)).cloned()
    }
}

struct Shared {
    mode: AtomicU8,
    is_over: AtomicBool,
    to: SocketAddr,
    look: Duration,
    tap: Option<(Tap, usize)>,
}

impl Shared {
    fn mode(&self) -> Mode {
        match self.mode.load(Ordering::SeqCst) {
            0 => Mode::Passing,
            1 => Mode::Stalled,
            _ => Mode::Cut,
        }
    }

    fn record(&self, conn: u64, up: bool, texts: impl IntoIterator<Item = String>) {
        let Some((tap, relay)) = &self.tap else { return };
        let mut record = tap.frames.lock().unwrap();
        let at = Instant::now();
        record.extend(texts.into_iter().map(|text| Frame { at, relay: *relay, conn, up, text }));
    }

    fn ends(&self) -> bool {
        self.is_over.load(Ordering::SeqCst) || self.mode() == Mode::Cut
    }
}

/// A relay to one port.
pub(crate) struct Relay {
    /// The ports where it listens.
    pub(crate) ports: Vec<u16>,
    shared: Arc<Shared>,
}

impl Relay {
    /// One that listens at an address, at so many ports.
    pub(crate) fn between(at: Ipv4Addr, ports: usize, to: SocketAddr) -> Relay {
        Relay::start(at, (0..ports).map(|_| free_port()).collect(), to, None)
    }

    /// One that listens at a given port of this host.
    pub(crate) fn at(port: u16, to: SocketAddr) -> Relay {
        Relay::start(LOOPBACK, vec![port], to, None)
    }

    /// One whose frames are recorded, under this number.
    pub(crate) fn tapped(at: Ipv4Addr, port: u16, tap: &Tap, number: usize) -> Relay {
        Relay::start(at, vec![free_port()], (LOOPBACK, port).into(), Some((tap.clone(), number)))
    }

    fn start(at: Ipv4Addr, ports: Vec<u16>, to: SocketAddr, tap: Option<(Tap, usize)>) -> Relay {
        let listeners: Vec<TcpListener> =
            ports.iter().map(|port| TcpListener::bind((at, *port)).unwrap()).collect();
        listeners.iter().for_each(|listener| listener.set_nonblocking(true).unwrap());
        let (mode, is_over) = (AtomicU8::new(Mode::Passing as u8), AtomicBool::new(false));
        // So many connections cannot look often.
        let look = if ports.len() > 1 { SELDOM } else { LOOK };
        let shared = Arc::new(Shared { mode, is_over, to, look, tap });
        let accepting = Arc::clone(&shared);
        spawn(move || accept(&listeners, &accepting));
        Relay { ports, shared }
    }

    /// The first of its ports.
    pub(crate) fn port(&self) -> u16 {
        self.ports[0]
    }

    pub(crate) fn set(&self, mode: Mode) {
        self.shared.mode.store(mode as u8, Ordering::SeqCst);
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.shared.is_over.store(true, Ordering::SeqCst);
    }
}

fn spawn(run: impl FnOnce() + Send + 'static) {
    thread::Builder::new().stack_size(STACK_BYTES).spawn(run).unwrap();
}

fn accept(listeners: &[TcpListener], shared: &Arc<Shared>) {
    while !shared.is_over.load(Ordering::SeqCst) {
        for listener in listeners {
            match listener.accept() {
                Ok((stream, _)) => connect(stream, shared),
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Err(error) => panic!("{error}"),
            }
        }
        thread::sleep(LOOK);
    }
}

fn connect(client: TcpStream, shared: &Arc<Shared>) {
    client.set_nonblocking(false).unwrap();
    if shared.mode() == Mode::Cut {
        return;
    }
    let shared = Arc::clone(shared);
    spawn(move || {
        while shared.mode() == Mode::Stalled && !shared.ends() {
            thread::sleep(LOOK);
        }
        // The server may be down: then the client is closed.
        let Ok(server) = TcpStream::connect(shared.to) else { return };
        let conn = shared.tap.as_ref().map_or(0, |(tap, _)| tap.conns.fetch_add(1, Ordering::SeqCst));
        let down = [&server, &client].map(|stream| stream.try_clone().unwrap());
        let other = Arc::clone(&shared);
        spawn(move || pump(&down[0], &down[1], &other, conn, false));
        pump(&client, &server, &shared, conn, true);
    });
}

/// Moves bytes in one direction until that ends.
fn pump(from: &TcpStream, to: &TcpStream, shared: &Shared, conn: u64, up: bool) {
    move_bytes(from, to, shared, conn, up);
    shared.record(conn, up, [String::new()]);
}

fn move_bytes(mut from: &TcpStream, mut to: &TcpStream, shared: &Shared, conn: u64, up: bool) {
    from.set_read_timeout(Some(shared.look)).unwrap();
    to.set_nodelay(true).unwrap();
    let (mut buffer, mut frames) = ([0; 16_384], Vec::new());
    loop {
        if shared.ends() {
            // Either half may have ended already.
            let _ = (from.shutdown(Shutdown::Both), to.shutdown(Shutdown::Both));
            return;
        }
        if shared.mode() == Mode::Stalled {
            thread::sleep(LOOK);
            continue;
        }
        let count = match from.read(&mut buffer) {
            Ok(0) => break,
            Ok(count) => count,
            Err(error) if is_a_pause(error.kind()) => continue,
            Err(_) => {
                // What a reset peer has sent is lost, and the other end sees a reset or an end.
                let _ = to.shutdown(Shutdown::Both);
                return;
            }
        };
        while shared.mode() == Mode::Stalled && !shared.ends() {
            thread::sleep(LOOK);
        }
        if shared.ends() {
            continue;
        }
        if shared.tap.is_some() {
            frames.extend_from_slice(&buffer[..count]);
            shared.record(conn, up, wire::mudmode_frames(&mut frames));
        }
        if to.write_all(&buffer[..count]).is_err() {
            let _ = from.shutdown(Shutdown::Both);
            return;
        }
    }
    let _ = to.shutdown(Shutdown::Write);
}

fn is_a_pause(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted)
}
