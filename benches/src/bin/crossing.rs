//! Prints what it costs that bytes cross to the core thread of `i3-gateway-threads` in an inbox, against the same machine
//! under a lock that every connection's thread takes, all from this one run.
//!
//! The machine echoes 100 bytes over loopback, so nearly all that is measured is the way there and back. The lock is the
//! barest one: no limit, no pause, no timer, and what is written is written while it is held.

#![allow(clippy::print_stdout)] // printing is what it is for

use bytes::Bytes;
use i3_benches::measure::median;
use i3_core::effects::Effects;
use i3_core::machine::{ConnId, Input, Listener, LostBy, Machine, Output, Refused, settle};
use i3_core::time::{Instant, Now};
use i3_gateway_threads::clock::Clock;
use i3_gateway_threads::driver::Driver;
use std::collections::HashMap;
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{self, Duration};

const MESSAGE_BYTES: usize = 100;
/// What is read at a time.
const READ_BUFFER_BYTES: usize = 16 * 1024;
/// Two ends each, for both candidates at once: below the usual limit of 1,024 descriptors.
const CLIENTS: [usize; 3] = [1, 32, 200];
/// Threads that play the clients.
const PLAYERS: usize = 2;
/// Turns that each candidate gets.
const ROUNDS: usize = 31;
/// How long a turn takes.
const TURN: Duration = Duration::from_millis(100);

fn main() -> io::Result<()> {
    let ports = [in_an_inbox()?, under_a_lock()?];
    println!("| clients | inbox, us | lock, us | inbox, echoes/s | lock, echoes/s | inbox / lock |");
    println!("|---|---|---|---|---|---|");
    for clients in CLIENTS {
        let mut games = Vec::new();
        for port in ports {
            games.push(Clients::connect(port, clients)?);
        }
        let (mut latencies, mut rates) = ([vec![], vec![]], [vec![], vec![]]);
        for _ in 0..ROUNDS {
            for (at, game) in games.iter_mut().enumerate() {
                let (latency, rate) = game.play()?;
                latencies[at].push(latency);
                rates[at].push(rate);
            }
        }
        let ratios = rates[0].iter().zip(&rates[1]).map(|(inbox, lock)| inbox / lock).collect();
        let [inbox_us, lock_us] = latencies.map(median);
        let [inbox, lock] = rates.map(median);
        let ratio = median(ratios);
        println!("| {clients} | {inbox_us:.1} | {lock_us:.1} | {inbox:.0} | {lock:.0} | **{ratio:.2}** |");
    }
    Ok(())
}

/// Sends back what it gets.
#[derive(Debug, Default)]
struct Echo {
    effects: Effects,
}

impl Machine for Echo {
    type Wake = ();

    fn accept(&mut self, _: Now, _: Listener, _: SocketAddr) -> Result<ConnId, Refused> {
        Ok(self.effects.open())
    }

    fn handle(&mut self, _: Now, input: Input<'_>) {
        match input {
            Input::Received { conn, bytes } => self.effects.send(conn, bytes),
            Input::Flushed { conn } => self.effects.flushed(conn),
            Input::Lost { conn, .. } => drop(self.effects.release(conn)),
            Input::Dialed { .. }
            | Input::Secured { .. }
            | Input::Saved { .. }
            | Input::Found { .. }
            | Input::StoreLost { .. }
            | Input::Told(_)
            | Input::Beaten { .. }
            | Input::Followed { .. }
            | Input::Shutdown => {}
        }
    }

    fn handle_timeout(&mut self, _: Now) {}

    fn poll_timeout(&self) -> Option<(Instant, ())> {
        None
    }

    fn poll_output(&mut self) -> Option<Output> {
        self.effects.poll()
    }

    fn take_bytes(&mut self, conn: ConnId, budget: usize, into: &mut Vec<Bytes>) -> usize {
        self.effects.take_bytes(conn, budget, into)
    }
}

/// The daemon's own driver. It runs until the process ends.
fn in_an_inbox() -> io::Result<u16> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let port = listener.local_addr()?.port();
    let driver = Driver::new(Echo::default(), Clock::start()).listen(Listener::Lines, None, [listener]);
    thread::spawn(|| driver.run());
    Ok(port)
}

#[derive(Default)]
struct Locked {
    machine: Echo,
    sockets: HashMap<ConnId, Arc<TcpStream>>,
    pieces: Vec<Bytes>,
}

impl Locked {
    fn settle(&mut self, now: Now) {
        let Locked { machine, sockets, pieces } = self;
        settle(machine, now, |machine, output| {
            let Output::Write { conn } = output else { return };
            machine.take_bytes(conn, usize::MAX, pieces);
            if let Some(mut socket) = sockets.get(&conn).map(|socket| &**socket) {
                // Who is gone is noticed by the reading.
                let _ = pieces.iter().try_for_each(|piece| socket.write_all(piece));
            }
            pieces.clear();
            machine.handle(now, Input::Flushed { conn });
        });
    }
}

/// A thread a connection, and each calls the machine itself.
fn under_a_lock() -> io::Result<u16> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let port = listener.local_addr()?.port();
    let (shared, clock) = (Arc::new(Mutex::new(Locked::default())), Clock::start());
    thread::spawn(move || {
        for socket in listener.incoming().map_while(Result::ok) {
            let _ = socket.set_nodelay(true);
            let (shared, socket) = (shared.clone(), Arc::new(socket));
            thread::spawn(move || read_from(&shared, clock, &socket));
        }
    });
    Ok(port)
}

fn read_from(shared: &Mutex<Locked>, clock: Clock, socket: &Arc<TcpStream>) {
    let lock = || shared.lock().unwrap_or_else(PoisonError::into_inner);
    let conn = {
        let mut locked = lock();
        let from = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let Ok(conn) = locked.machine.accept(clock.now(), Listener::Lines, from) else { return };
        locked.sockets.insert(conn, socket.clone());
        conn
    };
    let mut buffer = vec![0; READ_BUFFER_BYTES];
    let mut socket = &**socket;
    while let Ok(count @ 1..) = socket.read(&mut buffer) {
        let mut locked = lock();
        let now = clock.now();
        locked.machine.handle(now, Input::Received { conn, bytes: &buffer[..count] });
        locked.settle(now);
    }
    let mut locked = lock();
    locked.sockets.remove(&conn);
    locked.machine.handle(clock.now(), Input::Lost { conn, by: LostBy::EndOfStream });
}

struct Clients {
    streams: Vec<TcpStream>,
}

impl Clients {
    fn connect(port: u16, clients: usize) -> io::Result<Clients> {
        let connect = |_| {
            let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
            stream.set_nodelay(true)?;
            Ok(stream)
        };
        Ok(Clients { streams: (0..clients).map(connect).collect::<io::Result<_>>()? })
    }

    /// For the time of a turn, each player sends a message on all of its connections and then waits for all of the
    /// echoes. The median time of that, in microseconds, and all echoes a second.
    fn play(&mut self) -> io::Result<(f64, f64)> {
        let each = self.streams.len().div_ceil(PLAYERS);
        let start = time::Instant::now();
        let (mut times, mut echoes) = (Vec::new(), 0);
        thread::scope(|scope| {
            let players = self.streams.chunks_mut(each).map(|streams| {
                let clients = streams.len();
                (clients, scope.spawn(|| play(streams)))
            });
            // All of them are started before the first is waited for.
            for (clients, player) in players.collect::<Vec<_>>() {
                let taken = player.join().map_err(|_| io::Error::other("a player has panicked"))??;
                echoes += clients * taken.len();
                times.extend(taken);
            }
            io::Result::Ok(())
        })?;
        let seconds = start.elapsed().as_secs_f64();
        Ok((median(times), echoes as f64 / seconds))
    }
}

/// The microseconds that each exchange took.
fn play(streams: &mut [TcpStream]) -> io::Result<Vec<f64>> {
    let start = time::Instant::now();
    let mut times = Vec::new();
    let mut answer = [0; MESSAGE_BYTES];
    while start.elapsed() < TURN {
        let began = time::Instant::now();
        for stream in &mut *streams {
            stream.write_all(&[7; MESSAGE_BYTES])?;
        }
        for stream in &mut *streams {
            stream.read_exact(&mut answer)?;
        }
        times.push(began.elapsed().as_secs_f64() * 1e6);
    }
    Ok(times)
}
