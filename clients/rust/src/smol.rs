//! The driver for programs on smol, or on any executor: the program spawns [`Driver::run`], and uses [`Client`] and
//! [`Happenings`] from its tasks.

use crate::{Action, CallId, Error, Event, Happening, Machine, Options, Request};
use async_channel::{Receiver, Sender, bounded};
use futures_lite::future::or;
use futures_lite::io::{AsyncReadExt, AsyncWriteExt};
use serde_json::Value;
use smol::Timer;
use smol::net::TcpStream;
use std::collections::HashMap;
use std::time::{Duration, Instant};

/// Bytes that one read takes.
const READ_BYTES: usize = 16 * 1024;
/// How long a write may take.
const WRITE_TIMEOUT: Duration = Duration::from_secs(10);
/// Requests of the program that wait for the driver, in number.
const COMMANDS_MAX: usize = 64;

type Outcome = Result<Value, Error>;

enum Command {
    Call { method: String, params: Value, timeout: Duration, answer: Sender<Outcome> },
    Join(String),
    Leave(String),
    Presence(Option<Value>),
    Acknowledge(u64),
    Next(Sender<Happening>),
    Stop,
}

/// What the driver was woken by.
enum Woken {
    Bytes(Vec<u8>),
    Lost(String),
    Command(Command),
    /// All handles are gone.
    Dropped,
    Due,
}

/// The requests to a gateway. It can be cloned.
#[derive(Clone, Debug)]
pub struct Client {
    commands: Sender<Command>,
    timeout: Duration,
}

/// What happens, in order.
#[derive(Debug)]
pub struct Happenings {
    commands: Sender<Command>,
}

/// What carries the client. Without it nothing moves.
#[derive(Debug)]
pub struct Driver {
    machine: Machine,
    commands: Receiver<Command>,
    socket: Option<TcpStream>,
    answers: HashMap<CallId, Sender<Outcome>>,
    /// The program waits for what happens next.
    waiting: Option<Sender<Happening>>,
    timeout: Duration,
}

/// Makes a client. Spawn [`Driver::run`] to begin.
pub fn client(options: Options) -> Result<(Client, Happenings, Driver), Error> {
    let timeout = options.timeout;
    let (sender, commands) = bounded(COMMANDS_MAX);
    let machine = Machine::new(options, Instant::now())?;
    let driver = Driver { machine, commands, socket: None, answers: HashMap::new(), waiting: None, timeout };
    Ok((Client { commands: sender.clone(), timeout }, Happenings { commands: sender }, driver))
}

impl Client {
    /// Calls a method.
    pub async fn call<R: Request>(&self, request: &R) -> Result<R::Answer, Error> {
        let params = serde_json::to_value(request).map_err(|error| Error::Usage(error.to_string()))?;
        let answer = self.call_raw(R::METHOD, params, self.timeout).await?;
        serde_json::from_value(answer).map_err(|error| Error::Unexpected(error.to_string()))
    }

    /// Calls a method by its name. The answer may take so long.
    pub async fn call_raw(&self, method: &str, params: Value, timeout: Duration) -> Outcome {
        let (answer, outcome) = bounded(1);
        let command = Command::Call { method: method.to_owned(), params, timeout, answer };
        self.send(command).await?;
        outcome.recv().await.unwrap_or(Err(Error::Stopped))
    }

    /// Joins a channel, now and after each connection.
    pub async fn join(&self, channel: &str) -> Result<(), Error> {
        self.send(Command::Join(channel.to_owned())).await
    }

    /// Leaves a channel.
    pub async fn leave(&self, channel: &str) -> Result<(), Error> {
        self.send(Command::Leave(channel.to_owned())).await
    }

    /// Publishes the users of the game, as [`Machine::set_presence`] does.
    pub async fn set_presence(&self, users: Option<Value>) -> Result<(), Error> {
        self.send(Command::Presence(users)).await
    }

    /// Acknowledges an event and all before it.
    pub async fn acknowledge(&self, event_id: u64) -> Result<(), Error> {
        self.send(Command::Acknowledge(event_id)).await
    }

    /// Ends the client.
    pub async fn stop(&self) {
        let _ = self.send(Command::Stop).await;
    }

    async fn send(&self, command: Command) -> Result<(), Error> {
        self.commands.send(command).await.map_err(|_| Error::Stopped)
    }
}

impl Happenings {
    /// Waits for what happens next. `None`: the client has ended.
    pub async fn next(&mut self) -> Option<Happening> {
        let (sender, receiver) = bounded(1);
        self.commands.send(Command::Next(sender)).await.ok()?;
        receiver.recv().await.ok()
    }

    /// Waits for the next event. Losses of the connection are passed over; an error means that the client has ended.
    pub async fn next_event(&mut self) -> Result<Event, Error> {
        loop {
            match self.next().await {
                Some(Happening::Event(event)) => return Ok(event),
                Some(Happening::Disconnected { error, retry_in: None }) => return Err(error),
                Some(_) => {}
                None => return Err(Error::Stopped),
            }
        }
    }
}

impl Driver {
    /// Carries the client until it ends.
    pub async fn run(mut self) {
        loop {
            self.hand_out();
            match self.machine.poll(Instant::now()) {
                Action::Connect { host, port } => self.connect(&host, port).await,
                Action::Write(bytes) => self.write(&bytes).await,
                Action::Close => self.socket = None,
                Action::Wait { until, read } => {
                    let woken = self.wait(until, read).await;
                    let now = Instant::now();
                    match woken {
                        Woken::Bytes(bytes) => self.machine.received(&bytes, now),
                        Woken::Lost(reason) => self.machine.lost(&reason, now),
                        Woken::Command(command) => self.carry_out(command, now),
                        Woken::Dropped => self.machine.stop(now),
                        Woken::Due => {}
                    }
                }
                Action::End => return self.end().await,
            }
        }
    }

    /// Gives the program what it waits for.
    fn hand_out(&mut self) {
        while let Some((call, outcome)) = self.machine.next_answer() {
            if let Some(answer) = self.answers.remove(&call) {
                let _ = answer.try_send(outcome);
            }
        }
        // The program may have stopped to wait for it.
        if let Some(waiting) = self.waiting.take().filter(|waiting| !waiting.is_closed()) {
            match self.machine.next_happening(Instant::now()) {
                Some(happening) => drop(waiting.try_send(happening)),
                None => self.waiting = Some(waiting),
            }
        }
    }

    /// The client has ended: the program takes what is left.
    async fn end(mut self) {
        self.hand_out();
        loop {
            let Ok(command) = self.commands.recv().await else { return };
            match command {
                Command::Next(sender) => match self.machine.next_happening(Instant::now()) {
                    Some(happening) => drop(sender.try_send(happening)),
                    None => return,
                },
                Command::Call { answer, .. } => drop(answer.try_send(Err(Error::Stopped))),
                _ => {}
            }
        }
    }

    fn carry_out(&mut self, command: Command, now: Instant) {
        match command {
            Command::Call { method, params, timeout, answer } => {
                match self.machine.call(&method, params, timeout, now) {
                    Ok(call) => drop(self.answers.insert(call, answer)),
                    Err(error) => drop(answer.try_send(Err(error))),
                }
            }
            Command::Join(channel) => drop(self.machine.join(&channel, now)),
            Command::Leave(channel) => drop(self.machine.leave(&channel, now)),
            Command::Presence(users) => self.machine.set_presence(users, now),
            Command::Acknowledge(id) => self.machine.acknowledge(id, now),
            Command::Next(sender) => self.waiting = Some(sender),
            Command::Stop => self.machine.stop(now),
        }
    }

    async fn connect(&mut self, host: &str, port: u16) {
        let opening = async { TcpStream::connect((host, port)).await.map_err(|error| error.to_string()) };
        let late = async {
            Timer::after(self.timeout).await;
            Err("it took too long".to_owned())
        };
        match or(opening, late).await {
            Ok(socket) if is_itself(&socket) => {
                self.machine.lost("nothing listens at this port", Instant::now());
            }
            Ok(socket) => {
                let _ = socket.set_nodelay(true);
                self.socket = Some(socket);
                self.machine.connected(Instant::now());
            }
            Err(reason) => self.machine.lost(&reason, Instant::now()),
        }
    }

    async fn write(&mut self, bytes: &[u8]) {
        let Some(socket) = &mut self.socket else { return };
        let writing = async { socket.write_all(bytes).await.map_err(|error| error.to_string()) };
        let late = async {
            Timer::after(WRITE_TIMEOUT).await;
            Err("the gateway takes nothing".to_owned())
        };
        if let Err(reason) = or(writing, late).await {
            self.machine.lost(&reason, Instant::now());
        }
    }

    async fn wait(&mut self, until: Option<Instant>, read: bool) -> Woken {
        let socket = self.socket.as_mut().filter(|_| read);
        let reading = async {
            let Some(socket) = socket else { return std::future::pending().await };
            let mut bytes = vec![0; READ_BYTES];
            match socket.read(&mut bytes).await {
                Ok(0) => Woken::Lost("closed by the gateway".to_owned()),
                Ok(count) => {
                    bytes.truncate(count);
                    Woken::Bytes(bytes)
                }
                Err(error) => Woken::Lost(error.to_string()),
            }
        };
        let command = async { self.commands.recv().await.map_or(Woken::Dropped, Woken::Command) };
        let due = async {
            match until {
                Some(until) => drop(Timer::at(until).await),
                None => std::future::pending().await,
            }
            Woken::Due
        };
        or(command, or(reading, due)).await
    }
}

/// Whether a connection to a free port of this host has found itself.
fn is_itself(socket: &TcpStream) -> bool {
    socket.peer_addr().is_ok_and(|peer| socket.local_addr().is_ok_and(|local| local == peer))
}
