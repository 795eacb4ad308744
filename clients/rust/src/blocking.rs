//! The driver for programs with blocking sockets: no thread, no executor. The client works while the program waits for an
//! event or an answer, so a program that does other things calls [`Client::next_happening`] often.

use crate::{Action, CallId, Error, Event, Happening, Machine, Options, Request, Session};
use serde_json::Value;
use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream, ToSocketAddrs};
use std::time::{Duration, Instant};

/// Bytes that one read takes.
const READ_BYTES: usize = 16 * 1024;
/// How long a write may take.
const WRITE_TIMEOUT: Duration = Duration::from_secs(10);
/// The shortest wait of a socket.
const WAIT_MIN: Duration = Duration::from_millis(1);

/// A client of the gateway.
#[derive(Debug)]
pub struct Client {
    machine: Machine,
    socket: Option<TcpStream>,
    timeout: Duration,
    session: Option<Session>,
}

impl Client {
    /// Makes a client. It connects when the program first waits for something.
    pub fn new(options: Options) -> Result<Client, Error> {
        let timeout = options.timeout;
        Ok(Client { machine: Machine::new(options, Instant::now())?, socket: None, timeout, session: None })
    }

    /// Makes a client, and waits until it is connected and identified, or has given up.
    pub fn connect(options: Options) -> Result<Client, Error> {
        let mut client = Client::new(options)?;
        loop {
            match client.next_happening(None)? {
                Some(Happening::Connected(_)) => return Ok(client),
                Some(Happening::Disconnected { error, retry_in: None }) => return Err(error),
                _ => {}
            }
        }
    }

    /// The session of the last connection.
    pub fn session(&self) -> Option<&Session> {
        self.session.as_ref()
    }

    /// Waits for the next event. `None`: the time is over. Without a timeout it waits as long as it takes. Losses of the
    /// connection are passed over; an error means that the client has ended.
    pub fn next(&mut self, timeout: Option<Duration>) -> Result<Option<Event>, Error> {
        let until = timeout.map(|timeout| Instant::now() + timeout);
        loop {
            let left = until.map(|until| until.saturating_duration_since(Instant::now()));
            match self.next_happening(left)? {
                Some(Happening::Event(event)) => return Ok(Some(event)),
                Some(Happening::Disconnected { error, retry_in: None }) => return Err(error),
                Some(_) => {}
                None => return Ok(None),
            }
        }
    }

    /// Waits for what happens next. `None`: the time is over.
    pub fn next_happening(&mut self, timeout: Option<Duration>) -> Result<Option<Happening>, Error> {
        let until = timeout.map(|timeout| Instant::now() + timeout);
        loop {
            if let Some(happening) = self.machine.next_happening(Instant::now()) {
                if let Happening::Connected(session) = &happening {
                    self.session = Some(session.clone());
                }
                return Ok(Some(happening));
            }
            let had_time = until.is_none_or(|until| Instant::now() < until);
            if !self.turn(until)? && !had_time {
                return Ok(None);
            }
        }
    }

    /// Calls a method, and waits for its answer.
    pub fn call<R: Request>(&mut self, request: &R) -> Result<R::Answer, Error> {
        let params = serde_json::to_value(request).map_err(|error| Error::Usage(error.to_string()))?;
        let answer = self.call_raw(R::METHOD, params, self.timeout)?;
        serde_json::from_value(answer).map_err(|error| Error::Unexpected(error.to_string()))
    }

    /// Calls a method by its name. The answer may take so long. Events that come meanwhile wait for [`Client::next`].
    pub fn call_raw(&mut self, method: &str, params: Value, timeout: Duration) -> Result<Value, Error> {
        let call = self.begin(method, params, timeout)?;
        loop {
            if let Some(outcome) = self.machine.answer_to(call) {
                return outcome;
            }
            self.turn(None)?;
        }
    }

    /// Calls a method without waiting. [`Client::answer_to`] gives the answer.
    pub fn begin(&mut self, method: &str, params: Value, timeout: Duration) -> Result<CallId, Error> {
        self.machine.call(method, params, timeout, Instant::now())
    }

    /// Takes the answer to a request, if it has come.
    pub fn answer_to(&mut self, call: CallId) -> Option<Result<Value, Error>> {
        self.machine.answer_to(call)
    }

    /// Joins a channel, now and after each connection.
    pub fn join(&mut self, channel: &str) -> Result<(), Error> {
        self.machine.join(channel, Instant::now())
    }

    /// The machine, for what has no method here: channels, users, acknowledgements.
    pub fn machine(&mut self) -> &mut Machine {
        &mut self.machine
    }

    /// Acknowledges what was taken, and says goodbye.
    pub fn close(mut self) {
        self.machine.stop(Instant::now());
        while self.turn(Some(Instant::now())).is_ok() && !self.machine.has_ended() {}
    }

    /// Does one thing that the machine asks for. Returns whether it did anything but wait. An error: the client has ended.
    fn turn(&mut self, until: Option<Instant>) -> Result<bool, Error> {
        match self.machine.poll(Instant::now()) {
            Action::Connect { host, port } => match open(&host, port, self.timeout) {
                Ok(socket) => {
                    self.socket = Some(socket);
                    self.machine.connected(Instant::now());
                }
                Err(reason) => self.machine.lost(&reason, Instant::now()),
            },
            Action::Write(bytes) => {
                if let Some(socket) = &mut self.socket
                    && let Err(error) = socket.write_all(&bytes)
                {
                    self.machine.lost(&error.to_string(), Instant::now());
                }
            }
            Action::Close => self.socket = None,
            Action::Wait { until: due, read } => {
                let until = [due, until].into_iter().flatten().min();
                self.wait(until, read);
                return Ok(false);
            }
            Action::End => return Err(Error::Stopped),
        }
        Ok(true)
    }

    fn wait(&mut self, until: Option<Instant>, read: bool) {
        let left = until.map(|until| until.saturating_duration_since(Instant::now()));
        let Some(socket) = self.socket.as_mut().filter(|_| read) else {
            return std::thread::sleep(left.unwrap_or(WAIT_MIN));
        };
        // A timeout of zero would wait without an end.
        let timed = socket.set_read_timeout(left.map(|left| left.max(WAIT_MIN)));
        let mut bytes = [0; READ_BYTES];
        let outcome = timed.and_then(|()| socket.read(&mut bytes));
        let now = Instant::now();
        match outcome {
            Ok(0) => self.machine.lost("closed by the gateway", now),
            Ok(count) => self.machine.received(&bytes[..count], now),
            Err(error)
                if matches!(
                    error.kind(),
                    ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted
                ) => {}
            Err(error) => self.machine.lost(&error.to_string(), now),
        }
    }
}

/// Opens a connection to the first address of the host that answers.
fn open(host: &str, port: u16, timeout: Duration) -> Result<TcpStream, String> {
    let addresses: Vec<SocketAddr> =
        (host, port).to_socket_addrs().map_err(|error| error.to_string())?.collect();
    let mut reason = "the host has no address".to_owned();
    for address in addresses {
        match TcpStream::connect_timeout(&address, timeout) {
            Ok(socket) if is_itself(&socket) => reason = "nothing listens at this port".to_owned(),
            Ok(socket) => {
                let _ = socket.set_nodelay(true);
                let _ = socket.set_write_timeout(Some(WRITE_TIMEOUT));
                return Ok(socket);
            }
            Err(error) => reason = error.to_string(),
        }
    }
    Err(reason)
}

/// Whether a connection to a free port of this host has found itself.
fn is_itself(socket: &TcpStream) -> bool {
    socket.peer_addr().is_ok_and(|peer| socket.local_addr().is_ok_and(|local| local == peer))
}
