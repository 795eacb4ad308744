//! What a client hears of a gateway that shares a database with another one: a table of leases answers its beats.

use i3_core::Gateway;
use i3_core::machine::{
    Beat, Beaten, ConnId, Fence, Input, Lease, Listener, Machine, Node, Output, Saved, settle,
};
use i3_core::settings::NodeSettings;
use i3_core::time::{Instant, Now, UnixTime};
use i3_tests::scenario::{Said, settings};
use std::time::Duration;

const LEASE: Duration = Duration::from_secs(15);

/// A gateway of two, and its client.
struct Two {
    gateway: Gateway,
    now: Now,
    /// The number of the lease, and whose it is: this gateway's if it is true.
    lease: Option<(u64, bool)>,
    /// The database cannot be reached.
    is_away: bool,
    client: ConnId,
    said: Vec<Said>,
}

impl Two {
    fn new() -> Two {
        let now = Now { mono: Instant::from_micros(1), unix: UnixTime::from_micros(1_700_000_000_000_000) };
        let mut settings = settings("Alpha", &["*one".to_owned()]);
        settings.node = Some(NodeSettings {
            name: "first".to_owned(),
            boot: "first.1".to_owned(),
            lease: LEASE,
            keeps_without_database: false,
        });
        let mut gateway = Gateway::new(settings, &Saved::default(), 1, now).unwrap();
        let client = gateway.accept(now, Listener::Lines, "127.0.0.1:9".parse().unwrap()).unwrap();
        Two { gateway, now, lease: None, is_away: false, client, said: Vec::new() }
    }

    fn ask(&mut self, text: &str) {
        let bytes = format!("{text}\n");
        self.said.push(Said { client: "nodes".to_owned(), sent: true, text: text.to_owned() });
        let input = Input::Received { conn: self.client, bytes: bytes.as_bytes() };
        self.gateway.handle(self.now, input);
        self.wait();
    }

    /// Lets a second pass.
    fn wait(&mut self) {
        for _ in 0..100 {
            self.now.mono = self.now.mono + Duration::from_millis(10);
            self.now.unix = self.now.unix + Duration::from_millis(10);
            let mut inputs = Vec::new();
            let (now, client) = (self.now, self.client);
            let mut lines = Vec::new();
            settle(&mut self.gateway, now, |gateway, output| match output {
                Output::Write { conn } => {
                    let mut pieces = Vec::new();
                    gateway.take_bytes(conn, usize::MAX, &mut pieces);
                    gateway.handle(now, Input::Flushed { conn });
                    if conn == client {
                        lines.push(String::from_utf8(pieces.concat()).unwrap());
                    }
                }
                Output::Save { ticket, .. } => inputs.push(Input::Saved { ticket, outcome: Ok(()) }),
                Output::Beat { beat, ask } => {
                    self.lease = leased(self.lease, &ask);
                    if self.is_away {
                        let outcome = Err("the server is gone".to_owned());
                        inputs.push(Input::Beaten { beat, outcome });
                    } else {
                        inputs.push(Input::Beaten { beat, outcome: Ok(beaten(self.lease)) });
                        inputs.push(Input::Followed { beat });
                    }
                }
                _ => {}
            });
            let lines = lines.concat();
            self.said.extend(lines.lines().map(|text| Said {
                client: "nodes".to_owned(),
                sent: false,
                text: text.to_owned(),
            }));
            inputs.into_iter().for_each(|input| self.gateway.handle(now, input));
        }
    }
}

/// The lease after a beat of this gateway. The other one takes it when it is free.
fn leased(lease: Option<(u64, bool)>, ask: &Beat) -> Option<(u64, bool)> {
    match lease {
        None if !ask.take.is_empty() => Some((1, true)),
        Some((epoch, true)) if !ask.leave.is_empty() => Some((epoch + 1, false)),
        lease => lease,
    }
}

fn beaten(lease: Option<(u64, bool)>) -> Beaten {
    let node = |name: &str| Node { name: name.to_owned(), boot: format!("{name}.1"), is_draining: false };
    let lease = lease.map(|(epoch, is_ours)| Lease {
        fence: Fence { mud: "Alpha".to_owned(), epoch },
        boot: if is_ours { "first.1" } else { "second.1" }.to_owned(),
        left: LEASE,
    });
    Beaten { leases: lease.into_iter().collect(), nodes: vec![node("first"), node("second")] }
}

/// The gateway takes the link of its mud, and gives it to the other one. Then its database is gone.
pub(crate) fn said() -> Vec<Said> {
    let mut two = Two::new();
    two.wait();
    two.ask(r#"{"id":1,"method":"authenticate","params":["alpha-key"]}"#);
    two.ask(r#"{"jsonrpc":"2.0","id":2,"method":"status"}"#);
    two.ask(r#"{"jsonrpc":"2.0","id":3,"method":"overview"}"#);
    two.ask(r#"{"jsonrpc":"2.0","id":4,"method":"drain"}"#);
    two.ask(r#"{"jsonrpc":"2.0","id":5,"method":"reconnect"}"#);
    two.is_away = true;
    (0..10).for_each(|_| two.wait());
    two.ask(
        r#"{"jsonrpc":"2.0","id":6,"method":"tell","params":{"target_mud":"Sage","target_user":"bob","message":"hi"}}"#,
    );
    two.said
}
