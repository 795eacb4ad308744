//! The routers: the real one as a process, and one that the test plays frame by frame.

use crate::client::read;
use crate::gateway::Address;
use crate::process::{PATIENCE, Process, free_listener, free_port, wait_for};
use crate::programs;
use i3_tests::wire;
use serde_json::Value as Json;
use std::collections::VecDeque;
use std::io::{ErrorKind, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::process::{Command, Stdio};
use tempfile::TempDir;

/// `i3-router`, with the channel `chat`.
pub(crate) struct Router {
    pub(crate) name: &'static str,
    pub(crate) port: u16,
    state: TempDir,
    muds_per_address: usize,
    process: Option<Process>,
}

impl Router {
    pub(crate) fn start(name: &'static str) -> Router {
        Router::start_for(name, 32)
    }

    /// A router that takes this number of muds from one address.
    pub(crate) fn start_for(name: &'static str, muds_per_address: usize) -> Router {
        let state = tempfile::tempdir().unwrap();
        let mut router = Router { name, port: free_port(), state, muds_per_address, process: None };
        router.restart();
        router
    }

    pub(crate) fn restart(&mut self) {
        let mut command = Command::new(programs::router());
        command.args(["--name", self.name, "--channel", "chat", "--port", &self.port.to_string()]);
        command.args(["--muds-per-address", &self.muds_per_address.to_string()]);
        command.arg("--state").arg(self.state.path()).stdin(Stdio::null()).stderr(Stdio::null());
        self.process = Some(Process(command.spawn().unwrap()));
        wait_for("the router to listen", || TcpStream::connect(("127.0.0.1", self.port)).ok());
    }

    pub(crate) fn address(&self) -> Address<'static> {
        (self.name, self.port)
    }

    pub(crate) fn signal(&self, name: &str) {
        self.process.as_ref().unwrap().signal(name);
    }

    pub(crate) fn kill(&mut self) {
        self.signal("KILL");
        self.process.as_mut().unwrap().end();
    }
}

/// A router that does what the test says.
pub(crate) struct Played {
    pub(crate) listener: TcpListener,
    pub(crate) port: u16,
}

impl Played {
    /// It is called `*net`.
    pub(crate) fn listen() -> Played {
        let listener = free_listener();
        listener.set_nonblocking(true).unwrap();
        let port = listener.local_addr().unwrap().port();
        Played { listener, port }
    }

    pub(crate) fn address(&self) -> Address<'static> {
        ("*net", self.port)
    }

    /// Somebody who has connected already, if there is one.
    pub(crate) fn try_accept(&self) -> Option<Session> {
        match self.listener.accept() {
            Ok((stream, _)) => {
                stream.set_nonblocking(false).unwrap();
                stream.set_read_timeout(Some(PATIENCE)).unwrap();
                stream.set_write_timeout(Some(PATIENCE)).unwrap();
                Some(Session { stream, bytes: Vec::new(), frames: VecDeque::new() })
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => None,
            Err(error) => panic!("{error}"),
        }
    }

    pub(crate) fn accept(&self) -> Session {
        wait_for("a mud to connect", || self.try_accept())
    }

    /// A mud that logs in, with the password that it sent, and is given another.
    pub(crate) fn log_in(&self, password: i64) -> (Session, i64) {
        let mut session = self.accept();
        let sent = session.login();
        session.welcome(password);
        (session, sent)
    }
}

/// The router's end of a connection.
pub(crate) struct Session {
    pub(crate) stream: TcpStream,
    bytes: Vec<u8>,
    frames: VecDeque<String>,
}

impl Session {
    /// The end of a mud that has connected to this port.
    pub(crate) fn to(port: u16) -> Session {
        let stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        Session { stream, bytes: Vec::new(), frames: VecDeque::new() }
    }

    /// Sends bytes as they are.
    pub(crate) fn send_bytes(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).unwrap();
    }

    /// Accepts the login, unless the mud has given up already.
    pub(crate) fn logged_in(mut self) -> Option<Session> {
        let login = self.next()?;
        assert!(login.starts_with("({\"startup-req-3\""), "{login}");
        self.stream.write_all(&wire::mudmode_frame(welcome(7).as_bytes())).ok()?;
        Some(self)
    }

    /// Waits for the login, and returns its password.
    pub(crate) fn login(&mut self) -> i64 {
        let login = self.expect("startup-req-3");
        login[6].as_i64().unwrap_or_else(|| panic!("{login}"))
    }

    /// Accepts the login.
    pub(crate) fn welcome(&mut self, password: i64) {
        self.send(&welcome(password));
    }

    /// The mud Sage is on the network, and so is the channel `chat`.
    pub(crate) fn lists(&mut self) {
        self.send(
            r#"({"mudlist",5,"*net",0,"Alpha",0,1,(["Sage":({-1,"127.0.0.1",4000,0,0,"l","b","d","t","o","e",(["tell":1,]),0,}),]),})"#,
        );
        self.send(r#"({"chanlist-reply",5,"*net",0,"Alpha",0,1,(["chat":({"*net",0,}),]),})"#);
    }

    pub(crate) fn send(&mut self, text: &str) {
        self.stream.write_all(&wire::mudmode_frame(text.as_bytes())).unwrap();
    }

    /// The next frame as text; `None` at the end of the stream.
    pub(crate) fn next(&mut self) -> Option<String> {
        loop {
            if let Some(frame) = self.frames.pop_front() {
                return Some(frame);
            }
            let mut buffer = [0; 16_384];
            match read(&mut self.stream, &mut buffer) {
                Ok(0) => return None,
                Ok(count) => self.bytes.extend_from_slice(&buffer[..count]),
                Err(error) if error.kind() == ErrorKind::ConnectionReset => return None,
                Err(error) => panic!("nothing came from the gateway: {error}"),
            }
            self.frames.extend(wire::mudmode_frames(&mut self.bytes));
        }
    }

    /// Passes over frames until one of that kind, as a driver reads it.
    pub(crate) fn expect(&mut self, kind: &str) -> Json {
        loop {
            let frame = self.next().unwrap_or_else(|| panic!("the gateway closed before {kind}"));
            let frame = wire::strict_lpc(&frame).unwrap_or_else(|fault| panic!("{fault}"));
            if frame[0] == kind {
                return frame;
            }
        }
    }

    /// Closes without a byte.
    pub(crate) fn end(mut self) {
        // What was received is read first: a close over unread bytes would be a reset.
        let _ = self.login();
        self.stream.shutdown(Shutdown::Both).unwrap();
    }
}

/// The answer to a login of the mud Alpha.
fn welcome(password: i64) -> String {
    format!(r#"({{"startup-reply",5,"*net",0,"Alpha",0,({{({{"*net","127.0.0.1 4000",}}),}}),{password},}})"#)
}
