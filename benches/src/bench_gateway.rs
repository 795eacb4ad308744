//! A gateway without sockets, logged in at a router that exists only as bytes, with clients on JSON lines.

use crate::data::{channel_message, framed};
use bytes::Bytes;
use i3_core::Gateway;
use i3_core::machine::{ConnId, Input, Listener, Machine, Output, SaveTicket, Saved, settle};
use i3_core::time::{Instant, Now, UnixTime};
use std::net::SocketAddr;
use std::time::Duration;

const MUD: &str = "Bench Mud";
const ROUTER: &str = "*bench";
const CHANNEL: &str = "imud_gossip";

/// A tell to a mud on the network, as a client writes it.
pub const TELL: &str = concat!(
    r#"{"jsonrpc":"2.0","id":7,"method":"tell","params":{"target_mud":"Dead Souls Dev","target_user":"cratylus","#,
    r#""message":"Did you see what the router did last night? It sent the list twice.","from_user":"joe"}}"#,
    "\n"
);

/// A running gateway and what the benchmarks feed it.
pub struct Bench {
    gateway: Gateway,
    now: Now,
    router: Option<ConnId>,
    clients: Vec<ConnId>,
    channel_frame: Vec<u8>,
    pieces: Vec<Bytes>,
    /// Bytes that the gateway has written since they were last taken.
    pub written: Vec<u8>,
    written_bytes: u64,
    /// The store answers no save.
    pub store_hangs: bool,
}

impl Bench {
    /// A gateway with `clients` line clients that hear one channel.
    pub fn new(clients: usize) -> Bench {
        let mut settings = i3_tests::scenario::settings(MUD, &[ROUTER.to_owned()]);
        settings.api.keys = None;
        settings.api.connections_max = clients + 10;
        // Pacing is about the router's patience, not about speed.
        settings.link.packets_per_second = None;
        let now = Now { mono: Instant::from_micros(1), unix: UnixTime::from_micros(1_795_400_000_000_000) };
        let gateway = Gateway::new(settings, &Saved::default(), 1, now)
            .unwrap_or_else(|error| unreachable!("fixed settings: {error}"));
        let mut bench = Bench {
            gateway,
            now,
            router: None,
            clients: Vec::new(),
            channel_frame: framed(&channel_message()),
            pieces: Vec::new(),
            written: Vec::new(),
            written_bytes: 0,
            store_hangs: false,
        };
        bench.log_in();
        for _ in 0..clients {
            bench.add_client();
        }
        bench.written.clear();
        bench
    }

    fn log_in(&mut self) {
        self.settle();
        let router = self.router();
        self.gateway.handle(self.now, Input::Dialed { conn: router });
        self.settle();
        for text in [
            format!(
                r#"({{"startup-reply",5,"{ROUTER}",0,"{MUD}",0,({{({{"{ROUTER}","127.0.0.1 4000",}}),}}),1,}})"#
            ),
            format!(
                r#"({{"mudlist",5,"{ROUTER}",0,"{MUD}",0,1,(["Dead Souls Dev":({{-1,"127.0.0.1",1,2,3,"l","b","d","t","o","e",(["tell":1,"channel":1,]),0,}}),]),}})"#
            ),
            format!(
                r#"({{"chanlist-reply",5,"{ROUTER}",0,"{MUD}",0,1,(["{CHANNEL}":({{"Dead Souls Dev",0,}}),]),}})"#
            ),
        ] {
            self.gateway.handle(self.now, Input::Received { conn: router, bytes: &framed(text.as_bytes()) });
            self.settle();
        }
        assert!(self.gateway.is_ready(), "the login went through");
    }

    fn add_client(&mut self) {
        let peer = SocketAddr::from(([127, 0, 0, 1], 50_000));
        let conn = self
            .gateway
            .accept(self.now, Listener::Lines, peer)
            .unwrap_or_else(|refused| unreachable!("there is room: {refused:?}"));
        self.clients.push(conn);
        let hello = format!(
            "{}\n{}\n",
            r#"{"jsonrpc":"2.0","id":1,"method":"authenticate","params":{"api_key":"any"}}"#,
            format_args!(
                r#"{{"jsonrpc":"2.0","id":2,"method":"channel_join","params":{{"channel":"{CHANNEL}"}}}}"#
            ),
        );
        self.gateway.handle(self.now, Input::Received { conn, bytes: hello.as_bytes() });
        self.settle();
    }

    fn router(&self) -> ConnId {
        self.router.unwrap_or_else(|| unreachable!("a gateway dials at once"))
    }

    /// One channel line arrives; the events for all clients are queued, but not taken.
    pub fn channel_message(&mut self) {
        let conn = self.router();
        self.gateway.handle(self.now, Input::Received { conn, bytes: &self.channel_frame });
    }

    /// A packet of the router arrives, and what follows is queued, but not taken.
    pub fn packet(&mut self, frame: &[u8]) {
        let conn = self.router();
        self.gateway.handle(self.now, Input::Received { conn, bytes: frame });
    }

    /// Lets time pass.
    pub fn wait(&mut self, time: Duration) {
        self.now.mono = self.now.mono + time;
    }

    /// The first client asks for something.
    pub fn ask(&mut self, line: &str) {
        let conn = self.clients[0];
        self.gateway.handle(self.now, Input::Received { conn, bytes: line.as_bytes() });
        self.drain();
    }

    /// One `tell` request arrives from the first client; its frame and its answer are queued, but not taken.
    pub fn tell(&mut self) {
        let conn = self.clients[0];
        self.gateway.handle(self.now, Input::Received { conn, bytes: TELL.as_bytes() });
    }

    /// Takes what is queued, as a driver does between inputs. Gives the number of bytes.
    pub fn drain(&mut self) -> u64 {
        let before = self.written_bytes;
        self.settle();
        self.written.clear();
        self.now.mono = self.now.mono + Duration::from_micros(10);
        self.written_bytes - before
    }

    fn settle(&mut self) {
        let (mut dialed, mut saves): (Option<ConnId>, Vec<SaveTicket>) = (None, Vec::new());
        let now = self.now;
        let (pieces, written, total) = (&mut self.pieces, &mut self.written, &mut self.written_bytes);
        settle(&mut self.gateway, now, |gateway, output| match output {
            Output::Dial { conn, .. } => dialed = Some(conn),
            Output::Write { conn } => {
                *total += gateway.take_bytes(conn, usize::MAX, pieces) as u64;
                for piece in pieces.drain(..) {
                    // Enough to look at, and never a heap that slows the measurement.
                    if written.len() < 65_536 {
                        written.extend_from_slice(&piece);
                    }
                }
                gateway.handle(now, Input::Flushed { conn });
            }
            Output::Save { ticket, .. } => saves.push(ticket),
            Output::Close { .. }
            | Output::Read { .. }
            | Output::Notice(_)
            | Output::LogLevel(_)
            | Output::Stopped => {}
            Output::Beat { .. } | Output::Query { .. } => unreachable!("one host, and a history in memory"),
        });
        self.router = dialed.or(self.router);
        if self.store_hangs {
            return;
        }
        for ticket in &saves {
            self.gateway.handle(now, Input::Saved { ticket: *ticket, outcome: Ok(()) });
        }
        if !saves.is_empty() {
            self.settle();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_benchmarks_measure_what_they_say() {
        let mut bench = Bench::new(3);
        bench.channel_message();
        bench.settle();
        let text = String::from_utf8(std::mem::take(&mut bench.written)).unwrap();
        assert_eq!(text.lines().count(), 3, "{text}");
        assert!(
            text.lines().all(|line| line.contains("channel_message") && line.contains("mudlist")),
            "{text}"
        );
        bench.tell();
        bench.settle();
        let text = String::from_utf8_lossy(&bench.written).into_owned();
        assert!(text.contains(r#"({"tell",5,"Bench Mud","joe","Dead Souls Dev","cratylus""#), "{text}");
        assert!(text.contains(r#""id":7"#) && !text.contains("error"), "{text}");
    }
}
