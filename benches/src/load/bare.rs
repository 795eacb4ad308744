//! The bare programs that daemons are compared with. Each does only what cannot be left out: it reads and writes the same
//! bytes on as many sockets, in one thread, and knows nothing of what they mean.
//!
//! A bare program connects to a port of this host, as a daemon does to its router, and writes there at which port it
//! listens for clients. A client says one line, and is answered with `ready`.

use super::poll::Poll;
use super::text::{Finder, Numbered};
use crate::daemon::{Duplex, Outcome};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use socket2::SockRef;
use std::fs;
use std::io::{ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// What is written to a socket at a time.
pub const PIECE_BYTES: usize = 16 * 1024;

/// What is read at a time.
const READ_BYTES: usize = 64 * 1024;

/// Connections that may wait to be accepted.
const BACKLOG: i32 = 4096;

/// What it ends after if nothing comes. Whoever started it ends it, unless that program was ended by force. A bare program waits
/// while others are measured.
const SILENCE: Duration = Duration::from_secs(3600);

/// What a bare program does.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Role {
    /// Told a number of lines, writes them to all clients, in pieces of 16 KiB.
    Loop,
    /// Writes a line to all clients for each frame of the router; what is read at once is written at once.
    Relay,
    /// Writes a frame to the router and an answer to the client for each line of a client.
    Requests,
}

impl Role {
    /// All of them, by their names.
    pub const ALL: [(&str, Role); 3] =
        [("loop", Role::Loop), ("relay", Role::Relay), ("requests", Role::Requests)];

    /// Its name.
    pub fn name(self) -> &'static str {
        Role::ALL.iter().find(|(_, role)| *role == self).map_or("", |(name, _)| name)
    }

    /// The role of that name.
    pub fn from_name(name: &str) -> Option<Role> {
        Role::ALL.iter().find(|(known, _)| *known == name).map(|(_, role)| *role)
    }
}

struct Program {
    role: Role,
    /// What clients get: a line for all, or the answer to a request.
    line: Numbered,
    /// What the router gets for a request.
    frame: Option<Numbered>,
    tls: Option<Arc<ServerConfig>>,
    poll: Poll,
    router: TcpStream,
    listener: TcpListener,
    clients: Vec<Peer>,
    buffer: Vec<u8>,
    from_router: Vec<u8>,
    finder: Finder,
}

struct Peer {
    stream: Box<dyn Duplex>,
    is_greeted: bool,
    rest: Vec<u8>,
}

/// The numbers of sockets in the poll; clients follow.
const ROUTER: usize = 0;
const LISTENER: usize = 1;
const CLIENTS: usize = 2;

/// Runs one until whoever plays its router is gone. The folder has `line`, and may have `frame`, `cert.pem` and `key.pem`.
pub fn run(role: Role, router_port: u16, folder: &Path) -> Outcome<()> {
    let mut router = TcpStream::connect(("127.0.0.1", router_port))?;
    router.set_nodelay(true)?;
    let listener = TcpListener::bind("127.0.0.1:0")?;
    // Storms come all at once.
    SockRef::from(&listener).listen(BACKLOG)?;
    writeln!(router, "{}", listener.local_addr()?.port())?;
    let frame = folder.join("frame");
    let poll = Poll::new()?;
    poll.add(&router, ROUTER)?;
    poll.add(&listener, LISTENER)?;
    let mut program = Program {
        role,
        line: Numbered::new(fs::read(folder.join("line"))?)?,
        frame: if frame.exists() { Some(Numbered::new(fs::read(frame)?)?) } else { None },
        tls: if folder.join("cert.pem").exists() { Some(server(folder)?) } else { None },
        poll,
        router,
        listener,
        clients: Vec::new(),
        buffer: vec![0; READ_BYTES],
        from_router: Vec::new(),
        finder: Finder::default(),
    };
    while program.turn()? {}
    Ok(())
}

fn server(folder: &Path) -> Outcome<Arc<ServerConfig>> {
    let certificate = CertificateDer::from_pem_file(folder.join("cert.pem"))?;
    let key = PrivateKeyDer::from_pem_file(folder.join("key.pem"))?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)?;
    Ok(Arc::new(config))
}

impl Program {
    /// Deals with what is ready, and says whether to go on.
    fn turn(&mut self) -> Outcome<bool> {
        let ready: Vec<usize> = self.poll.wait(SILENCE)?.collect();
        if ready.is_empty() {
            return Ok(false);
        }
        for number in ready {
            match number {
                ROUTER => {
                    if !self.router_spoke()? {
                        return Ok(false);
                    }
                }
                LISTENER => self.accept()?,
                client => self.client_spoke(client - CLIENTS)?,
            }
        }
        Ok(true)
    }

    fn accept(&mut self) -> Outcome<()> {
        let (socket, _) = self.listener.accept()?;
        socket.set_nodelay(true)?;
        socket.set_nonblocking(true)?;
        self.poll.add(&socket, CLIENTS + self.clients.len())?;
        let stream: Box<dyn Duplex> = match &self.tls {
            None => Box::new(socket),
            Some(config) => Box::new(StreamOwned::new(ServerConnection::new(config.clone())?, socket)),
        };
        self.clients.push(Peer { stream, is_greeted: false, rest: Vec::new() });
        Ok(())
    }

    fn router_spoke(&mut self) -> Outcome<bool> {
        let count = self.router.read(&mut self.buffer)?;
        self.from_router.extend_from_slice(&self.buffer[..count]);
        match self.role {
            Role::Loop => {
                while let Some(end) = self.from_router.iter().position(|byte| *byte == b'\n') {
                    let lines = std::str::from_utf8(&self.from_router[..end])?.parse()?;
                    self.from_router.drain(..=end);
                    self.flood(lines)?;
                }
            }
            Role::Relay => self.relay()?,
            Role::Requests => self.from_router.clear(),
        }
        Ok(count > 0)
    }

    fn flood(&mut self, lines: u64) -> Outcome<()> {
        let mut piece = self.line.piece(PIECE_BYTES, lines.max(1));
        let mut first = 0;
        while first < lines {
            let count = piece.lines().min(lines - first);
            let bytes = piece.from(first, count);
            for client in &mut self.clients {
                client.stream.write_all(bytes)?;
            }
            first += count;
        }
        for client in &mut self.clients {
            client.stream.flush()?;
        }
        Ok(())
    }

    fn relay(&mut self) -> Outcome<()> {
        let mut lines = Vec::new();
        let mut used = 0;
        while let Some((head, rest)) = self.from_router[used..].split_first_chunk::<4>() {
            let length = u32::from_be_bytes(*head) as usize;
            let Some(text) = rest.get(..length) else { break };
            let number = self.finder.number(text).ok_or("a frame without a number")?;
            lines.extend_from_slice(self.line.with(number));
            used += 4 + length;
        }
        self.from_router.drain(..used);
        if !lines.is_empty() {
            for client in &mut self.clients {
                client.stream.write_all(&lines)?;
                client.stream.flush()?;
            }
        }
        Ok(())
    }

    fn client_spoke(&mut self, at: usize) -> Outcome<()> {
        let client = &mut self.clients[at];
        let count = match client.stream.read(&mut self.buffer) {
            // The rest of a TLS handshake comes later.
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
            Ok(0) | Err(_) => {
                self.poll.remove(client.stream.socket())?;
                return Ok(());
            }
            Ok(count) => count,
        };
        client.rest.extend_from_slice(&self.buffer[..count]);
        let (mut frames, mut answers, mut used) = (Vec::new(), Vec::new(), 0);
        for end in memchr::memchr_iter(b'\n', &client.rest) {
            let request = &client.rest[used..end];
            used = end + 1;
            if !client.is_greeted {
                client.is_greeted = true;
                // From now on nothing is lost if a write waits.
                client.stream.socket().set_nonblocking(false)?;
                answers.extend_from_slice(b"ready\n");
                continue;
            }
            let number = self.finder.number(request).ok_or("a request without a number")?;
            answers.extend_from_slice(self.line.with(number));
            if let Some(frame) = &mut self.frame {
                frames.extend_from_slice(frame.with(number));
            }
        }
        client.rest.drain(..used);
        self.router.write_all(&frames)?;
        client.stream.write_all(&answers)?;
        Ok(client.stream.flush()?)
    }
}
