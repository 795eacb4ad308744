//! The clients that hear lines. Each line is looked at: its number must be the next one.

use super::poll::Poll;
use super::text::Finder;
use crate::daemon::{Client, Duplex, Outcome};
use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

/// What is read at a time.
const READ_BYTES: usize = 64 * 1024;

/// How messages are told apart on a connection.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Framing {
    /// A line feed ends each.
    Lines,
    /// Frames of a WebSocket server.
    WebSocket,
}

struct Hearer {
    stream: Box<dyn Duplex>,
    /// The beginning of a message whose end has not come.
    rest: Vec<u8>,
    received: u64,
}

/// Clients that hear the same lines.
pub struct Hearers {
    all: Vec<Hearer>,
    framing: Framing,
    poll: Poll,
    ready: Vec<usize>,
    buffer: Vec<u8>,
    finder: Finder,
    is_tls: bool,
}

impl std::fmt::Debug for Hearers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Hearers").field("clients", &self.all.len()).finish_non_exhaustive()
    }
}

impl Hearers {
    /// No clients yet.
    pub fn new(framing: Framing, is_tls: bool) -> Outcome<Hearers> {
        let (ready, buffer) = (Vec::new(), vec![0; READ_BYTES]);
        Ok(Hearers {
            all: Vec::new(),
            framing,
            poll: Poll::new()?,
            ready,
            buffer,
            finder: Finder::default(),
            is_tls,
        })
    }

    /// Adds a client that has no line unread.
    pub fn add(&mut self, client: Client) -> Outcome<()> {
        client.socket().set_nonblocking(true)?;
        self.poll.add(client.socket(), self.all.len())?;
        let rest = client.stream.buffer().to_vec();
        self.all.push(Hearer { stream: client.stream.into_inner(), rest, received: 0 });
        Ok(())
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.all.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// How many lines each of them has heard at least.
    pub fn least(&self) -> u64 {
        self.all.iter().map(|hearer| hearer.received).min().unwrap_or(0)
    }

    /// Counts from 0 again.
    pub fn restart(&mut self) {
        for hearer in &mut self.all {
            hearer.received = 0;
        }
    }

    /// How many lines all of them have heard.
    pub fn all_received(&self) -> u64 {
        self.all.iter().map(|hearer| hearer.received).sum()
    }

    /// Writes to one of them; all of it fits into the socket.
    pub fn say(&mut self, at: usize, bytes: &[u8]) -> Outcome<()> {
        Ok(self.all[at].stream.write_all(bytes)?)
    }

    /// Also ends the wait for lines when this socket can be read. What it has is not read here.
    pub fn watch(&self, socket: &TcpStream, number: usize) -> Outcome<()> {
        Ok(self.poll.add(socket, number)?)
    }

    /// Forgets that socket.
    pub fn unwatch(&self, socket: &TcpStream) -> Outcome<()> {
        Ok(self.poll.remove(socket)?)
    }

    /// How many lines one of them has heard.
    pub fn received(&self, at: usize) -> u64 {
        self.all[at].received
    }

    /// Reads all that has come, and passes nothing on.
    pub fn drain(&mut self) -> Outcome<()> {
        while self.hear(Duration::ZERO, |_, _, _| {})? {}
        Ok(())
    }

    /// Reads what has come, or waits for it for so long. Each line is passed on with the client's place and the
    /// line's number. Says whether something had come.
    /// It is a fault if a number is not the one after the number before.
    pub fn hear(&mut self, time: Duration, mut heard: impl FnMut(usize, u64, &[u8])) -> Outcome<bool> {
        self.ready.clear();
        self.ready.extend(self.poll.wait(time)?);
        for place in 0..self.ready.len() {
            let at = self.ready[place];
            if at >= self.all.len() {
                continue;
            }
            loop {
                match self.all[at].stream.read(&mut self.buffer) {
                    Ok(0) => return Err(format!("client {at} was disconnected").into()),
                    Ok(count) => {
                        self.take(at, count, &mut heard)?;
                        // Whatever TLS has decrypted must be read; the kernel says again that there is more.
                        if !self.is_tls && count < READ_BYTES {
                            break;
                        }
                    }
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                    Err(error) => return Err(format!("client {at}: {error}").into()),
                }
            }
        }
        Ok(!self.ready.is_empty())
    }

    fn take(&mut self, at: usize, count: usize, heard: &mut impl FnMut(usize, u64, &[u8])) -> Outcome<()> {
        let (hearer, fresh) = (&mut self.all[at], &self.buffer[..count]);
        let mut next = hearer.received;
        let finder = &mut self.finder;
        let mut check = |message: &[u8]| {
            // Other events may come between.
            if let Some(number) = finder.number(message) {
                if number != next {
                    return Err(format!("client {at}: line {number} in place of {next}"));
                }
                heard(at, number, message);
                next += 1;
            }
            Ok(())
        };
        let split = |bytes: &[u8], check: &mut dyn FnMut(&[u8]) -> Result<(), String>| match self.framing {
            Framing::Lines => lines(bytes, check),
            Framing::WebSocket => frames(bytes, check),
        };
        if hearer.rest.is_empty() {
            let used = split(fresh, &mut check)?;
            hearer.rest.extend_from_slice(&fresh[used..]);
        } else {
            hearer.rest.extend_from_slice(fresh);
            let used = split(&hearer.rest, &mut check)?;
            hearer.rest.drain(..used);
        }
        hearer.received = next;
        Ok(())
    }
}

/// Passes on each whole line, and gives the bytes of all of them.
fn lines(bytes: &[u8], check: &mut dyn FnMut(&[u8]) -> Result<(), String>) -> Result<usize, String> {
    let mut used = 0;
    for end in memchr::memchr_iter(b'\n', bytes) {
        check(&bytes[used..end])?;
        used = end + 1;
    }
    Ok(used)
}

/// The same for frames of a WebSocket server, which are not masked.
fn frames(bytes: &[u8], check: &mut dyn FnMut(&[u8]) -> Result<(), String>) -> Result<usize, String> {
    let mut used = 0;
    loop {
        let rest = &bytes[used..];
        let (head, length) = match rest {
            [_, 127, a, b, c, d, e, f, g, h, ..] => {
                (10, u64::from_be_bytes([*a, *b, *c, *d, *e, *f, *g, *h]) as usize)
            }
            [_, 126, a, b, ..] => (4, usize::from(u16::from_be_bytes([*a, *b]))),
            [_, 126 | 127, ..] | [_] | [] => return Ok(used),
            [_, length, ..] => (2, usize::from(*length)),
        };
        let Some(payload) = rest.get(head..head + length) else { return Ok(used) };
        check(payload)?;
        used += head + length;
    }
}
