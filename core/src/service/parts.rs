//! The parts of the gateway's state, borrowed for the handling of one input.

use super::held::Filters;
use super::searches::Searches;
use crate::clients::Clients;
use crate::cx::Cx;
use crate::delivery::Delivery;
use crate::journal::Journal;
use crate::muds::Muds;
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
    use crate::cx::testing::Bench;
    use crate::fault::Fault;
    use crate::ids::MudId;
    use crate::machine::{ConnId, Saved};
    use crate::notice::Level;
    use crate::settings::Permissions;

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
        pub(crate) run: Run,
    }

    impl Default for Stage {
        fn default() -> Self {
            let mut bench = Bench::default();
            let saved = Saved::default();
            let (muds, _) = Muds::new(&bench.settings, &saved, &mut bench.rng, bench.now);
            let journal = Journal::restore(&mut bench.cx(), &saved);
            let (clients, run) = (Clients::new(muds.len()), Run::new(bench.now.mono, Level::Info));
            let (waiting, filters, searches) = (Waiting::default(), Filters::default(), Searches::default());
            Stage { bench, muds, clients, journal, waiting, filters, searches, run }
        }
    }

    impl Stage {
        pub(crate) fn parts(&mut self) -> Parts<'_> {
            Parts {
                cx: self.bench.cx(),
                muds: &mut self.muds,
                clients: &mut self.clients,
                journal: &mut self.journal,
                waiting: &mut self.waiting,
                filters: &mut self.filters,
                searches: &mut self.searches,
                run: &mut self.run,
            }
        }

        /// Adds a session with all permissions that speaks for a mud.
        pub(crate) fn join(&mut self, mud: MudId) -> ConnId {
            let conn = self.bench.fx.open();
            let mut session = Session::new(&PLAIN, self.bench.now);
            session.identity = Some(Identified {
                key_name: None,
                session_id: format!("session {}", conn.index()).into(),
                mud_name: self.bench.settings.mud(mud).name.as_str().into(),
                mud,
                may_speak: true,
                permissions: Permissions::ALL,
                holder: Holder::Session(conn),
                requests_per_minute: None,
            });
            session.role = Role::Game;
            self.clients.insert(conn, session);
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
