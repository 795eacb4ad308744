//! What is measured: a daemon or a bare program, with the connection to its router, which the measurement plays.

use super::bare::Role;
use super::report::Kind;
use crate::daemon::{Client, Daemon, KEY, Outcome, PATIENCE, Tls, processor_time, status};
use i3_tests::wire;
use serde_json::{Value as Json, json};
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// The channel that clients hear.
pub const CHANNEL: &str = "chat";

/// The mud that speaks.
pub const SPEAKER: &str = "Mud 00001";

/// By which of a gateway's front doors clients come.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Door {
    /// JSON lines over TCP.
    Lines,
    /// A WebSocket.
    WebSocket,
    /// JSON lines over TLS.
    Tls,
}

impl Door {
    /// All of them, by their names.
    pub const ALL: [(&str, Door); 3] =
        [("lines", Door::Lines), ("websocket", Door::WebSocket), ("tls", Door::Tls)];

    /// Its name.
    pub fn name(self) -> &'static str {
        Door::ALL.iter().find(|(_, door)| *door == self).map_or("", |(name, _)| name)
    }
}

/// A bare program that runs.
#[derive(Debug)]
pub struct Bare {
    process: Child,
    port: u16,
    tls: Option<Tls>,
}

impl Drop for Bare {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// What runs.
#[derive(Debug)]
enum Program {
    Daemon(Daemon),
    Bare(Bare),
}

/// Lines at the end of a daemon's log that a failure shows.
const LOG_LINES_SHOWN: usize = 10;

/// A daemon or a bare program, and the router's end of its connection.
#[derive(Debug)]
pub struct Target {
    /// What tables call it.
    pub name: String,
    /// What it does if it is a bare program.
    pub role: Option<Role>,
    program: Program,
    /// The router's end of the link.
    pub link: TcpStream,
    folder: TempDir,
}

/// What a client says first, and what is in the answer when it is served.
#[derive(Debug)]
pub struct Greeting {
    /// Where it connects.
    pub port: u16,
    /// What it says.
    pub says: Vec<u8>,
    /// What it waits for.
    pub hears: &'static [u8],
}

/// The bytes of a packet of the router.
pub fn packet(text: &str) -> Vec<u8> {
    wire::mudmode_frame(text.as_bytes())
}

/// A line on a channel.
pub fn channel_line(channel: &str, text: &str) -> Vec<u8> {
    line_from(SPEAKER, channel, text)
}

/// A line of any mud.
pub fn line_from(mud: &str, channel: &str, text: &str) -> Vec<u8> {
    packet(&format!(r#"({{"channel-m",5,"{mud}","bob",0,0,"{channel}","Bob","{text}",}})"#))
}

impl Target {
    /// Starts a daemon, which logs in. Pacing is off, and settings can be changed further.
    pub fn daemon(program: &Path, tls: Option<&Tls>, change: impl FnOnce(&mut Json)) -> Outcome<Target> {
        let folder = tempfile::tempdir()?;
        let daemon = Daemon::start_with(program, folder.path(), tls, |settings| {
            settings["router"]["pacing"] = json!({"enabled": false});
            settings["performance"] = json!({"max_connections": 20_000});
            // The router that is played here does not return the probes that a link sends to its own mud.
            settings["router"]["connection"] = json!({"keepalive_interval": 3600, "timeout": 3700});
            // Clients that wait for their turn do not answer pings.
            settings["api"]["websocket"]["ping_interval"] = json!(3600);
            change(settings);
        })
        .map_err(|error| format!("{}: {error}", program.display()))?;
        let link = daemon.log_in()?;
        Target::running_daemon(program, daemon, link, folder)
    }

    /// A daemon that runs in a folder and has logged in.
    pub fn running_daemon(
        program: &Path,
        daemon: Daemon,
        link: TcpStream,
        folder: TempDir,
    ) -> Outcome<Target> {
        link.set_nodelay(true)?;
        let name = program.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let mut target = Target { name, role: None, program: Program::Daemon(daemon), link, folder };
        target.list_of_muds(1)?;
        Ok(target)
    }

    /// Starts a bare program. A line, and a frame to the router, are what it writes.
    pub fn bare(role: Role, line: &[u8], frame: Option<&[u8]>, tls: Option<&Tls>) -> Outcome<Target> {
        let folder = tempfile::tempdir()?;
        fs::write(folder.path().join("line"), line)?;
        if let Some(frame) = frame {
            fs::write(folder.path().join("frame"), frame)?;
        }
        if let Some(tls) = tls {
            tls.write_to(folder.path())?;
        }
        let router = TcpListener::bind("127.0.0.1:0")?;
        let process = Command::new(own_program()?)
            .arg("bare")
            .arg(role.name())
            .arg(router.local_addr()?.port().to_string())
            .arg(folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()?;
        let mut bare = Bare { process, port: 0, tls: tls.cloned() };
        let (link, _) = accept(&router, &mut bare.process)?;
        link.set_nodelay(true)?;
        link.set_read_timeout(Some(PATIENCE))?;
        let mut port = String::new();
        BufReader::with_capacity(16, link.try_clone()?).read_line(&mut port)?;
        bare.port = port.trim().parse()?;
        let name = format!("bare {}", role.name());
        Ok(Target { name, role: Some(role), program: Program::Bare(bare), link, folder })
    }

    /// Which budgets are about it.
    pub fn kind(&self) -> Kind {
        match self.role {
            Some(_) => Kind::Bare,
            None if self.name.contains("threads") => Kind::Threads,
            None => Kind::Smol,
        }
    }

    /// The number of its process.
    pub fn pid(&self) -> u32 {
        match &self.program {
            Program::Daemon(daemon) => daemon.pid(),
            Program::Bare(bare) => bare.process.id(),
        }
    }

    /// The processor time that it has used.
    pub fn processor_time(&self) -> Outcome<Duration> {
        processor_time(self.pid())
    }

    /// What is wrong, with the name of the program, and the end of its log if it has one.
    pub fn fault(&self, fault: &dyn std::fmt::Display) -> String {
        let log = fs::read_to_string(self.folder.path().join("log")).unwrap_or_default();
        let lines: Vec<&str> = log.lines().collect();
        let mut text = format!("{}: {fault}", self.name);
        if !lines.is_empty() {
            text += "\nthe end of its log:";
        }
        for line in &lines[lines.len().saturating_sub(LOG_LINES_SHOWN)..] {
            text += &format!("\n  {line}");
        }
        text
    }

    /// The daemon.
    pub fn running(&self) -> Outcome<&Daemon> {
        match &self.program {
            Program::Daemon(daemon) => Ok(daemon),
            Program::Bare(_) => Err("a bare program is no daemon".into()),
        }
    }

    /// The router says which muds there are; the first is the one that speaks.
    pub fn list_of_muds(&mut self, count: usize) -> Outcome<()> {
        list_of_muds(&mut self.link, "Alpha", count)
    }

    /// A client that is ready to hear lines on a channel. To a bare program it has said its line.
    pub fn client(&self, door: Door) -> Outcome<Client> {
        self.client_on(door, &[CHANNEL])
    }

    /// Several of them, which connect at once.
    pub fn clients(&self, door: Door, count: usize) -> Outcome<Vec<Client>> {
        let daemon = match &self.program {
            Program::Daemon(daemon) if door != Door::WebSocket => daemon,
            _ => return (0..count).map(|_| self.client(door)).collect(),
        };
        let mut all = Vec::with_capacity(count);
        for _ in 0..count {
            let mut client = daemon.stranger_client()?;
            client.request("authenticate", &json!({"api_key": KEY}))?;
            all.push(client);
        }
        for client in &mut all {
            client.answer()?;
        }
        // Each join is told to all sessions of the mud. Those that come together are told in one write.
        for client in &mut all {
            client.request("channel_join", &json!({"channel": CHANNEL}))?;
        }
        for client in &mut all {
            client.answer()?;
        }
        Ok(all)
    }

    /// A client of a daemon's line port whose kernel takes only so many bytes for it.
    pub fn slow_client(&self, receive_buffer_bytes: usize) -> Outcome<Client> {
        let mut client = self.running()?.line_client_with(receive_buffer_bytes)?;
        client.ask("channel_join", &json!({"channel": CHANNEL}))?;
        Ok(client)
    }

    /// A client that is ready to hear lines on these channels.
    pub fn client_on(&self, door: Door, channels: &[&str]) -> Outcome<Client> {
        match &self.program {
            Program::Bare(bare) => {
                let mut client = Client::connect(bare.port, bare.tls.as_ref())?;
                client.stream.get_mut().write_all(b"hello\n")?;
                let mut line = String::new();
                client.stream.read_line(&mut line)?;
                if line == "ready\n" { Ok(client) } else { Err("the bare program ended".into()) }
            }
            Program::Daemon(daemon) => {
                let mut client = match door {
                    Door::Lines | Door::Tls => daemon.line_client()?,
                    Door::WebSocket => daemon.websocket_client()?,
                };
                for channel in channels {
                    let params = json!({"channel": channel});
                    match door {
                        Door::Lines | Door::Tls => drop(client.ask("channel_join", &params)?),
                        Door::WebSocket => client.ask_over_websocket("channel_join", &params)?,
                    }
                }
                Ok(client)
            }
        }
    }

    /// A line of the process's status, in its unit.
    pub fn status(&self, name: &str) -> Outcome<u64> {
        status(self.pid(), name)
    }

    /// What a client says and hears when it connects.
    pub fn greeting(&self, door: Door) -> Outcome<Greeting> {
        let login = json!({"jsonrpc": "2.0", "id": 1, "method": "authenticate", "params": {"api_key": KEY}});
        Ok(match &self.program {
            Program::Bare(bare) => Greeting { port: bare.port, says: b"hello\n".to_vec(), hears: b"ready\n" },
            Program::Daemon(daemon) if door == Door::WebSocket => Greeting {
                port: daemon.http_port(),
                says: wire::websocket_request("/ws", Some(KEY)).into_bytes(),
                hears: b"HTTP/1.1 101 ",
            },
            Program::Daemon(daemon) => Greeting {
                port: daemon.lines_port(),
                says: format!("{login}\n").into_bytes(),
                hears: br#""status":"authenticated""#,
            },
        })
    }

    /// The bytes of one line as a client of a daemon gets it.
    pub fn sample(&mut self, door: Door, text: &str) -> Outcome<Vec<u8>> {
        let mut client = self.client(door)?;
        self.link.write_all(&channel_line(CHANNEL, text))?;
        let mut line = Vec::new();
        let began = Instant::now();
        while !line.windows(text.len()).any(|window| window == text.as_bytes()) {
            if began.elapsed() > PATIENCE {
                return Err("no line came".into());
            }
            line.clear();
            match door {
                Door::Lines | Door::Tls => {
                    client.stream.read_until(b'\n', &mut line)?;
                }
                Door::WebSocket => line = client.next_frame()?,
            }
        }
        Ok(line)
    }
}

/// This program, which is the bare programs too.
fn own_program() -> Outcome<PathBuf> {
    Ok(std::env::current_exe()?)
}

/// The first connection, unless the program ends before.
fn accept(listener: &TcpListener, process: &mut Child) -> Outcome<(TcpStream, std::net::SocketAddr)> {
    listener.set_nonblocking(true)?;
    let began = Instant::now();
    loop {
        match listener.accept() {
            Ok((socket, address)) => {
                socket.set_nonblocking(false)?;
                return Ok((socket, address));
            }
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(error.into()),
        }
        if let Some(status) = process.try_wait()? {
            return Err(format!("the bare program ended: {status}").into());
        }
        if began.elapsed() > PATIENCE {
            return Err("the bare program did not connect".into());
        }
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// A router says to one mud which muds there are; the first is the one that speaks.
pub(super) fn list_of_muds(link: &mut TcpStream, mud: &str, count: usize) -> Outcome<()> {
    for first in (1..=count).step_by(1000) {
        let entries: String = (first..=count.min(first + 999))
            .map(|n| {
                format!(
                    r#""Mud {n:05}":({{-1,"127.0.0.1",4000,0,0,"lib","base","driver","LPMud","open","a@b.c",(["tell":1,"channel":1,"who":1,"finger":1,]),0,}}),"#
                )
            })
            .collect();
        let list = format!(r#"({{"mudlist",5,"*net",0,"{mud}",0,{first},([{entries}]),}})"#);
        link.write_all(&packet(&list))?;
    }
    Ok(())
}
