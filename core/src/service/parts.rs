//! The parts of the gateway's state, borrowed for the handling of one input.

use super::held::Filters;
use super::past::Past;
use super::searches::Searches;
use crate::clients::Clients;
use crate::cx::Cx;
use crate::delivery::Delivery;
use crate::journal::Journal;
use crate::muds::Muds;
use crate::nodes::Nodes;
use crate::run::Run;
use crate::waiting::Waiting;

/// All parts, for the code that decides which service is responsible. A service borrows only those that it needs.
#[derive(Debug)]
pub(crate) struct Parts<'a> {
    pub(crate) cx: Cx<'a>,
    pub(crate) muds: &'a mut Muds,
    pub(crate) clients: &'a mut Clients,
    pub(crate) journal: &'a mut Journal,
    pub(crate) waiting: &'a mut Waiting,
    pub(crate) filters: &'a mut Filters,
    pub(crate) searches: &'a mut Searches,
    pub(crate) past: &'a mut Past,
    pub(crate) nodes: &'a mut Nodes,
    pub(crate) run: &'a mut Run,
}

impl<'a> Parts<'a> {
    /// Returns the context and the delivery of events.
    pub(crate) fn delivery(&mut self) -> (&mut Cx<'a>, Delivery<'_>) {
        (&mut self.cx, Delivery { clients: self.clients, journal: self.journal })
    }

    /// Returns the context, the muds, and the delivery of events.
    pub(crate) fn delivery_and_muds(&mut self) -> (&mut Cx<'a>, &mut Muds, Delivery<'_>) {
        (&mut self.cx, self.muds, Delivery { clients: self.clients, journal: self.journal })
    }
}

/// The parts, for unit tests.
#[cfg(test)]
pub(crate) mod testing {
    use super::*;
    use crate::clients::{Encode, Framed, Identified, Posted, Role, Session, Views, Way, rates::Holder};
    use crate::colour::TextStyle;
    use crate::cx::testing::{Bench, node};
    use crate::describe::datum::Datum;
    use crate::fault::Fault;
    use crate::ids::MudId;
    use crate::machine::{Change, ConnId, Output, Saved};
    use crate::notice::Level;
    use crate::service::{Call, consequences, nodes};
    use crate::settings::Permissions;
    use crate::spaces::Space;
    use crate::time::{Instant, Now, UnixTime};
    use crate::waiting::Asker;
    use std::cell::Cell;
    use std::time::Duration;

    /// When the nodes of the tests begin.
    const NODES_BEGIN: UnixTime = UnixTime::from_micros(1_800_000_000_000_000);

    /// A front door that writes an event as its name and its members.
    #[derive(Debug)]
    struct Plain;

    impl Encode for Plain {
        fn event(&self, posted: &Posted<'_>, _: TextStyle, into: &mut Vec<u8>) -> Views {
            let late = if posted.is_replay { " (late)" } else { "" };
            let members = String::from_utf8_lossy(posted.members);
            into.extend(format!("{}{late} {members}\n", posted.kind.name).into_bytes());
            [0..into.len(), 0..into.len()]
        }

        fn fault(&self, fault: &Fault, _: TextStyle) -> Framed {
            let text = format!("fault {}\n", fault.message).into_bytes();
            let whole = 0..text.len();
            Framed::new(text, [whole.clone(), whole])
        }
    }

    static PLAIN: Way = Way { name: "plain", label: "plain", encoder: &Plain, door: 0, view: 0 };

    /// A gateway without front doors.
    #[derive(Debug)]
    pub(crate) struct Stage {
        pub(crate) bench: Bench,
        pub(crate) muds: Muds,
        pub(crate) clients: Clients,
        pub(crate) journal: Journal,
        pub(crate) waiting: Waiting,
        pub(crate) filters: Filters,
        pub(crate) searches: Searches,
        pub(crate) past: Past,
        pub(crate) nodes: Nodes,
        pub(crate) run: Run,
    }

    impl Default for Stage {
        fn default() -> Self {
            Stage::with(Bench::default(), &Saved::default())
        }
    }

    impl Stage {
        fn with(mut bench: Bench, saved: &Saved) -> Self {
            let (muds, _) = Muds::new(&bench.settings, saved, &mut bench.rng, bench.now);
            let journal = Journal::restore(&mut bench.cx(), saved);
            let (clients, run) = (Clients::new(muds.len()), Run::new(bench.now.mono, Level::Info));
            let (waiting, filters, searches) = (Waiting::default(), Filters::default(), Searches::default());
            let (past, nodes) = (Past::default(), Nodes::default());
            Stage { bench, muds, clients, journal, waiting, filters, searches, past, nodes, run }
        }

        /// Creates one of several nodes that share a store, from what is in it.
        pub(crate) fn at_node(name: &str, saved: &Saved) -> Stage {
            let mut bench =
                Bench { now: Now { mono: Instant::ORIGIN, unix: NODES_BEGIN }, ..Bench::default() };
            bench.settings.node = Some(node(name));
            bench.settings.api.events.keep_tells = Duration::from_secs(300);
            bench.fx.share();
            let mut stage = Stage::with(bench, saved);
            nodes::restore(&mut stage.parts(), saved);
            stage
        }

        /// Ends the turn. Returns what is saved in it.
        pub(crate) fn turn_ends(&mut self) -> Vec<Change> {
            nodes::turn_ends(&mut self.parts());
            let outputs = std::iter::from_fn(|| self.bench.fx.poll());
            let saves = outputs.filter_map(|output| match output {
                Output::Save { changes, .. } => Some(changes),
                _ => None,
            });
            saves.flatten().collect()
        }

        /// Applies what another node has saved.
        pub(crate) fn told(&mut self, by: &str, changes: &[Change]) {
            for Change { space, key, value } in changes {
                let Some((family, rest)) = Space::parse(space) else { continue };
                let named = |mud: &MudId| self.bench.settings.mud(*mud).name == rest;
                let mud = self.muds.ids().find(named);
                nodes::shared::applied(&mut self.parts(), mud, family, rest, key, value.as_deref(), by);
            }
        }

        /// Handles the packets of games among what a node, perhaps this one, has saved.
        pub(crate) fn handed_over(&mut self, changes: &[Change]) {
            for Change { space, key, value } in changes {
                let Some((Space::Out, name)) = Space::parse(space) else { continue };
                let mud = self.muds.named(name).unwrap();
                match value {
                    Some(value) => self.muds.handed_over(&mut self.bench.cx(), mud, key, value),
                    None => self.muds[mud].handed.ended(key),
                }
                consequences::follow(&mut self.parts());
            }
        }

        /// Lets time pass.
        pub(crate) fn wait(&mut self, time: Duration) {
            self.bench.now = Now { mono: self.bench.now.mono + time, unix: self.bench.now.unix + time };
        }

        /// Calls a method for a client.
        pub(crate) fn ask(&mut self, conn: ConnId, method: &str, params: &str) -> Result<String, Fault> {
            let all = crate::service::table::methods();
            let method = all.into_iter().find(|known| known.name == method).unwrap();
            let mut parts = self.parts();
            let call = Call {
                asker: Asker { conn, ticket: parts.waiting.next_ticket(), method: method.name },
                identity: parts.clients.get(conn).and_then(|session| session.identity.clone()),
                reads: TextStyle::Raw,
                wants_answer: false,
                work: Cell::default(),
            };
            let Some(Datum::Object(mut params)) = crate::saved::read(params.as_bytes()) else {
                panic!("{params} is no object");
            };
            let mut result = String::new();
            (method.run)(&mut parts, &call, &mut params, &mut |value| {
                result = serde_json::to_string(&value).unwrap();
            })?;
            Ok(result)
        }

        /// Lets a mud log in to its router. Returns the connection, to which nothing is queued.
        pub(crate) fn log_in(&mut self, mud: MudId) -> ConnId {
            self.muds.link_due(&mut self.bench.cx(), mud);
            let outputs = std::iter::from_fn(|| self.bench.fx.poll());
            let dialed = outputs.filter_map(|output| match output {
                Output::Dial { conn, .. } => Some(conn),
                _ => None,
            });
            let conn = dialed.last().unwrap();
            self.muds.link_dialed(&mut self.bench.cx(), mud, conn);
            self.muds.startup_reply(&mut self.bench.cx(), mud, 1, &[]);
            while let Some(output) = self.bench.fx.poll() {
                if let Output::Save { ticket, .. } = output {
                    self.muds.link_saved(&mut self.bench.cx(), ticket, &Ok(()));
                }
            }
            consequences::follow(&mut self.parts());
            self.taken(conn);
            assert!(self.muds[mud].link.is_ready());
            conn
        }

        pub(crate) fn parts(&mut self) -> Parts<'_> {
            Parts {
                cx: self.bench.cx(),
                muds: &mut self.muds,
                clients: &mut self.clients,
                journal: &mut self.journal,
                waiting: &mut self.waiting,
                filters: &mut self.filters,
                searches: &mut self.searches,
                past: &mut self.past,
                nodes: &mut self.nodes,
                run: &mut self.run,
            }
        }

        /// Adds a session with all permissions that speaks for a mud.
        pub(crate) fn join(&mut self, mud: MudId) -> ConnId {
            let conn = self.bench.fx.open();
            let mut session = Session::new(&PLAIN, self.bench.now);
            let node = self.bench.settings.node.as_ref().map_or("session", |node| &node.name);
            session.identity = Some(Identified {
                key_name: None,
                session_id: format!("{node} {}", conn.index()).into(),
                mud_name: self.bench.settings.mud(mud).name.as_str().into(),
                mud,
                may_speak: true,
                permissions: Permissions::ALL,
                holder: Holder::Session(conn),
                requests_per_minute: None,
            });
            session.role = Role::Game;
            self.clients.insert(conn, session);
            self.clients.changed(conn);
            conn
        }

        /// Takes the bytes that are queued for a client.
        pub(crate) fn taken(&mut self, conn: ConnId) -> String {
            let mut pieces = Vec::new();
            self.bench.fx.take_bytes(conn, usize::MAX, &mut pieces);
            self.bench.fx.flushed(conn);
            String::from_utf8_lossy(&pieces.concat()).into_owned()
        }
    }
}
