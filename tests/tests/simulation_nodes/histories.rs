//! Each rule for nodes can fail: histories that break exactly one, and beside each a like one that does not.

use i3_core::machine::{Beat, Beaten, Change, Clear, Fence, Lease, Told};
use i3_core::time::Instant;
use i3_tests::sim::oracle::{Asked, Fact, Oracles};
use i3_tests::sim::tap::{Frame, Tag};
use serde_json::{Value as Json, json};
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::time::Duration;

/// A fact that no rule minds: time passes.
const NOTHING: Fact = Fact::RouterOver { link: u64::MAX };

/// The links of the two nodes, and the games of Alpha at each.
const LINKS: [u64; 2] = [1, 2];
const GAMES: [u64; 2] = [3, 4];

/// A history, a millisecond from fact to fact unless it says otherwise.
#[derive(Clone, Default)]
struct History {
    facts: Vec<(u64, Fact)>,
    end: u64,
}

impl History {
    /// Two nodes, a game on the channel chat at each. The first node has Alpha and is logged in.
    fn begun() -> History {
        let mut history = History { facts: Vec::new(), end: 1 };
        for gateway in 0..2 {
            history = history
                .then(Fact::GatewayStarted {
                    gateway,
                    muds: vec!["Alpha".to_owned()],
                    passwords: BTreeMap::new(),
                })
                .then(Fact::NodeStarted { gateway, boot: boot(gateway), position: 0 })
                .game(gateway);
        }
        history.takes(0, 1).logs_in(0)
    }

    fn game(self, gateway: usize) -> History {
        let session = GAMES[gateway];
        let open =
            Fact::SessionOpen { session, gateway, mud: "Alpha".to_owned(), is_game: true, is_named: false };
        self.then(open)
            .asks(gateway, 1, Asked::Key)
            .says(gateway, json!({"id": 1, "result": {"session_id": "x", "mud_name": "Alpha"}}))
            .asks(gateway, 2, Asked::Join("chat".to_owned()))
            .says(gateway, json!({"id": 2, "result": {}}))
    }

    /// All games go, a tell comes, and another game comes.
    fn away_and_back(self) -> History {
        let gone = self.then(Fact::SessionOver { session: GAMES[0] });
        let gone = gone.then(Fact::SessionOver { session: GAMES[1] });
        let session = NEXT_GAME;
        let identified = json!({"id": 1, "result": {"session_id": "x", "mud_name": "Alpha"}});
        gone.packet("1/1")
            .then(Fact::SessionOpen {
                session,
                gateway: 1,
                mud: "Alpha".to_owned(),
                is_game: true,
                is_named: false,
            })
            .then(Fact::Asked { session, id: "1".to_owned(), what: Asked::Key })
            .then(Fact::Said { session, message: Rc::new(identified) })
    }

    fn then(self, fact: Fact) -> History {
        self.after(1, fact)
    }

    fn after(mut self, millis: u64, fact: Fact) -> History {
        self.facts.push((millis, fact));
        self
    }

    fn asks(self, gateway: usize, id: u64, what: Asked) -> History {
        self.then(Fact::Asked { session: GAMES[gateway], id: id.to_string(), what })
    }

    fn says(self, gateway: usize, message: Json) -> History {
        self.then(Fact::Said { session: GAMES[gateway], message: Rc::new(message) })
    }

    /// The engine says that a node has Alpha.
    fn takes(self, gateway: usize, epoch: u64) -> History {
        let lease = Lease {
            fence: Fence { mud: "Alpha".to_owned(), epoch },
            boot: boot(gateway),
            left: Duration::from_secs(15),
        };
        self.beaten(gateway, vec![lease])
    }

    fn beaten(self, gateway: usize, leases: Vec<Lease>) -> History {
        let take = leases.iter().map(|lease| lease.fence.mud.clone()).collect();
        let ask = Rc::new(Beat { take, ..Beat::default() });
        let beaten = Rc::new(Beaten { leases, nodes: Vec::new() });
        self.then(Fact::Beaten { gateway, boot: boot(gateway), ask, beaten })
    }

    fn logs_in(self, gateway: usize) -> History {
        let login = r#"({"startup-req-3",5,"Alpha",0,"*net",0,0,0,0,})"#;
        self.then(Fact::LinkOpen { link: LINKS[gateway], gateway, router: "*net".to_owned() })
            .then(Fact::FrameSent { link: LINKS[gateway], frame: frame(login) })
    }

    fn link_over(self, gateway: usize) -> History {
        self.then(Fact::LinkOver { link: LINKS[gateway], unflushed: false })
    }

    fn sends(self, gateway: usize, seq: u64) -> History {
        self.then(Fact::FrameSent { link: LINKS[gateway], frame: frame(&tell_out(seq)) })
    }

    /// The engine writes a save with one change.
    fn writes(mut self, gateway: usize, space: &str, key: &str, value: &str, epoch: Option<u64>) -> History {
        let (position, boot) = (self.end, boot(gateway));
        self.end += 5_000;
        let changes =
            vec![Change { space: space.into(), key: key.into(), value: Some(value.as_bytes().into()) }];
        let told = Told { position, end: self.end, boot, clear: Clear::Nothing, changes };
        let fence = epoch.map(|epoch| Fence { mud: "Alpha".to_owned(), epoch });
        self.then(Fact::Committed { fences: Rc::new(fence.into_iter().collect()), told: Rc::new(told) })
    }

    /// A tell comes, and is written under a key.
    fn packet(self, key: &str) -> History {
        self.then(Fact::FrameCame { link: LINKS[0], frame: frame(TELL_IN) }).writes(
            0,
            ">packet/Alpha",
            key,
            TELL_IN,
            Some(1),
        )
    }

    fn row_told(self, gateway: usize, position: u64) -> History {
        self.then(Fact::RowTold { gateway, position })
    }

    fn hears(self, gateway: usize, id: u64) -> History {
        self.says(gateway, told(id))
    }

    /// A game asks for a tell, and its packet is written or not.
    fn speaks(self, gateway: usize, seq: u64) -> History {
        self.asks(gateway, seq + 10, Asked::Speech(tag(gateway, seq)))
    }

    fn handed(self, gateway: usize, seq: u64) -> History {
        let key = format!("{}/{seq}", boot(gateway));
        self.writes(gateway, "out/Alpha", &key, &tell_out(seq), None)
    }

    fn accepted(self, gateway: usize, seq: u64) -> History {
        let result = json!({"message_id": format!("tell_Alpha_{seq}")});
        self.says(gateway, json!({"id": seq + 10, "result": result}))
    }

    fn spoken() -> History {
        History::begun().speaks(0, 1).handed(0, 1).accepted(0, 1)
    }

    fn trouble(self, gateway: usize) -> History {
        self.then(Fact::SaveFailed { gateway })
    }

    fn quiet(self) -> History {
        self.then(Fact::Quiet)
    }

    /// Which rule it breaks, if any.
    fn breaks(&self) -> Option<(&'static str, String)> {
        let mut oracles = Oracles::of_nodes(Duration::ZERO);
        let mut now = 0;
        for (millis, fact) in &self.facts {
            now += millis;
            if let Err(violation) = oracles.see(Instant::from_micros(now * 1000), fact) {
                return Some((violation.oracle, violation.why));
            }
        }
        None
    }
}

const TELL_IN: &str = r#"({"tell",5,"Beta","u0_beta","Alpha","u0_alpha","U","~9.1~",})"#;

/// The game that comes back.
const NEXT_GAME: u64 = 5;

/// What a game hears of the tell.
fn told(id: u64) -> Json {
    let params = json!({"to_mud": "Alpha", "to_user": "u0_alpha", "message": "~9.1~", "event_id": id});
    json!({"method": "tell_received", "params": params})
}

fn boot(gateway: usize) -> String {
    format!("node-{gateway}")
}

fn frame(text: &str) -> Rc<Frame> {
    Rc::new(Frame::read(text.as_bytes()))
}

fn tag(gateway: usize, seq: u64) -> Tag {
    Tag { session: GAMES[gateway], seq }
}

fn tell_out(seq: u64) -> String {
    format!(r#"({{"tell",5,"Alpha","u0_alpha","Beta","u0_beta","U","{}",}})"#, tag(0, seq).text())
}

fn gone(history: History) -> History {
    history.writes(0, ">gone/Alpha", "node-0/1", "{}", Some(1))
}

fn given_up() -> Json {
    let params = json!({"context": "gateway_queue", "message_id": "tell_Alpha_1"});
    json!({"method": "error_occurred", "params": params})
}

/// The rule, a history that breaks it, and one that does not.
fn table() -> Vec<(&'static str, History, History)> {
    let begun = History::begun;
    let spoken = History::spoken;
    // The position of the first save.
    let first = 1;
    vec![
        // A lease that another has; a packet without a lease; two connections; a drained node.
        ("holders", begun().takes(1, 2), begun().link_over(0).beaten(0, vec![]).takes(1, 2)),
        ("holders", spoken().after(20_000, NOTHING).sends(0, 1), spoken().sends(0, 1)),
        (
            "holders",
            begun().beaten(0, vec![]).takes(1, 2).logs_in(1),
            begun().link_over(0).beaten(0, vec![]).takes(1, 2).after(2_000, NOTHING).logs_in(1),
        ),
        (
            "holders",
            begun().logs_in(1),
            begun()
                .then(Fact::Asleep { gateway: 0, until: Instant::from_micros(60_000_000) })
                .after(20_000, NOTHING)
                .takes(1, 2)
                .logs_in(1),
        ),
        (
            "holders",
            begun().asks(0, 5, Asked::Drain).says(0, json!({"id": 5, "result": {"status": "drained"}})),
            begun()
                .link_over(0)
                .beaten(0, vec![])
                .asks(0, 5, Asked::Drain)
                .says(0, json!({"id": 5, "result": {"status": "drained"}})),
        ),
        (
            "holders",
            begun()
                .link_over(0)
                .beaten(0, vec![])
                .asks(0, 5, Asked::Drain)
                .says(0, json!({"id": 5, "result": {"status": "drained"}}))
                .takes(0, 2),
            begun().takes(0, 1),
        ),
        // Another's lease, an earlier lease, a save that is passed over.
        (
            "log",
            begun().writes(1, "link/Alpha", "state", "{}", Some(1)),
            begun().writes(0, "link/Alpha", "state", "{}", Some(1)),
        ),
        (
            "log",
            begun()
                .link_over(0)
                .beaten(0, vec![])
                .takes(1, 2)
                .writes(1, "link/Alpha", "state", "{}", Some(2))
                .writes(0, "link/Alpha", "state", "{}", Some(1)),
            begun()
                .link_over(0)
                .beaten(0, vec![])
                .takes(1, 2)
                .writes(0, "link/Alpha", "state", "{}", Some(1))
                .writes(1, "link/Alpha", "state", "{}", Some(2)),
        ),
        (
            "log",
            begun()
                .writes(0, "ban/Alpha", "1", "x", None)
                .writes(0, "ban/Alpha", "2", "x", None)
                .writes(0, "ban/Alpha", "3", "x", None)
                .row_told(1, 1)
                .row_told(1, 10_001),
            begun()
                .writes(0, "ban/Alpha", "1", "x", None)
                .writes(0, "ban/Alpha", "2", "x", None)
                .row_told(1, 1)
                .row_told(1, 5_001),
        ),
        // Answered and not saved; sent before it is saved; lost; given up and nobody told; refused and sent.
        ("handed over", begun().speaks(0, 1).accepted(0, 1), spoken().sends(0, 1).quiet()),
        ("handed over", begun().speaks(0, 1).sends(0, 1), begun().speaks(0, 1).handed(0, 1).sends(0, 1)),
        ("handed over", spoken().quiet(), gone(spoken()).says(0, given_up()).quiet()),
        (
            "handed over",
            gone(spoken()).quiet(),
            gone(spoken()).then(Fact::SessionOver { session: 3 }).quiet(),
        ),
        (
            "handed over",
            begun()
                .speaks(0, 1)
                .handed(0, 1)
                .says(0, json!({"id": 11, "error": {"code": -32004}}))
                .sends(0, 1),
            begun().speaks(0, 1).handed(0, 1).says(0, json!({"id": 11, "error": {"code": -32004}})).quiet(),
        ),
        // Sent twice: by one node; by two, of which the first was in trouble or not.
        ("handed over", spoken().sends(0, 1).trouble(0).sends(0, 1), spoken().sends(0, 1).trouble(0).quiet()),
        (
            "handed over",
            spoken()
                .sends(0, 1)
                .link_over(0)
                .beaten(0, vec![])
                .takes(1, 2)
                .after(2_000, NOTHING)
                .logs_in(1)
                .sends(1, 1),
            spoken()
                .sends(0, 1)
                .trouble(0)
                .link_over(0)
                .beaten(0, vec![])
                .takes(1, 2)
                .after(2_000, NOTHING)
                .logs_in(1)
                .sends(1, 1),
        ),
        (
            "handed over",
            spoken().speaks(0, 2).handed(0, 2).accepted(0, 2).sends(0, 2).sends(0, 1),
            spoken().speaks(0, 2).handed(0, 2).accepted(0, 2).sends(0, 1).sends(0, 2).quiet(),
        ),
        // One of two games is not told, or told twice; the packet came twice.
        (
            "heard",
            begun().packet("1/1").row_told(0, first).row_told(1, first).hears(0, 5).quiet(),
            begun().packet("1/1").row_told(0, first).row_told(1, first).hears(0, 5).hears(1, 5).quiet(),
        ),
        (
            "heard",
            begun().packet("1/1").packet("1/1").row_told(0, first).hears(0, 5).hears(0, 6_000),
            begun().packet("1/1").packet("2/1").row_told(0, first).hears(0, 5).hears(0, 6_000),
        ),
        // Ids outside of the save, and one for two messages.
        (
            "ids",
            begun().packet("1/1").row_told(0, first).hears(0, 6_000),
            begun().packet("1/1").row_told(0, first).hears(0, 4_999),
        ),
        (
            "frames kept",
            begun().then(Fact::FrameCame { link: 1, frame: frame(TELL_IN) }).quiet(),
            begun().then(Fact::FrameCame { link: 1, frame: frame(TELL_IN) }).trouble(0).quiet(),
        ),
        (
            "frames kept",
            begun()
                .then(Fact::FrameCame { link: 1, frame: frame(TELL_IN) })
                .after(1_500, Fact::GatewayCrashed { gateway: 0 }),
            begun()
                .then(Fact::FrameCame { link: 1, frame: frame(TELL_IN) })
                .after(900, Fact::GatewayCrashed { gateway: 0 })
                .quiet(),
        ),
        // It is in the log, no game was there, and the next one is not told.
        (
            "backlog",
            begun().away_and_back().quiet(),
            begun()
                .away_and_back()
                .then(Fact::Said { session: NEXT_GAME, message: Rc::new(told(5)) })
                .quiet(),
        ),
    ]
}

#[test]
fn each_rule_for_nodes_can_fail_and_passes_what_is_right() {
    assert_eq!(History::begun().quiet().breaks(), None);
    let mut broken = BTreeSet::new();
    for (at, (rule, bad, good)) in table().into_iter().enumerate() {
        assert_eq!(bad.breaks().map(|(rule, _)| rule), Some(rule), "row {at} is wrong: {:?}", bad.breaks());
        assert_eq!(good.breaks(), None, "row {at} is right");
        broken.insert(rule);
    }
    for rule in ["holders", "log", "handed over", "heard", "ids", "frames kept", "backlog"] {
        assert!(broken.contains(rule), "{rule} has a row");
    }
}
