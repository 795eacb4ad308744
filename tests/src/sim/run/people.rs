//! People with clients of IRC: they register, join, speak, tell, flood, quit, crash, and come back under their nicks.

use super::{Item, Sim, Step};
use crate::sim::oracle::Fact;
use crate::sim::plan::{PersonPlan, Plan};
use crate::sim::tap::{Speech, Tag, Tap};
use fastrand::Rng;
use i3_core::machine::Listener;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::time::Duration;

/// How long a person waits between two looks at the own connection once nothing fails any more.
const LOOKS_EVERY: Duration = Duration::from_secs(5);

/// The most that is said in one flood.
const FLOOD_LINES_MAX: usize = 60;

/// A person.
struct Person {
    plan: PersonPlan,
    script: Option<usize>,
    session: u64,
    is_registered: bool,
    has_joined: bool,
    /// Messages on this connection.
    seq: u64,
}

/// All of a run. They have a random stream of their own.
pub(super) struct People {
    rng: Rng,
    all: Vec<Person>,
    /// Whose each connection is.
    sessions: BTreeMap<u64, usize>,
    /// Connections that may not have taken all that was written to them.
    written: BTreeSet<u64>,
    /// Messages that have arrived at them.
    pub(super) told: usize,
}

impl People {
    pub(super) fn new(plan: &Plan) -> People {
        let person = |plan: &PersonPlan| Person {
            plan: plan.clone(),
            script: None,
            session: 0,
            is_registered: false,
            has_joined: false,
            seq: 0,
        };
        let rng = Rng::with_seed(plan.seed ^ 0x1c1c);
        People {
            rng,
            all: plan.people.iter().map(person).collect(),
            sessions: BTreeMap::new(),
            written: BTreeSet::new(),
            told: 0,
        }
    }
}

impl Sim {
    pub(super) fn people_begin(&mut self) {
        for at in 0..self.people.all.len() {
            let wait = Duration::from_millis(self.people.rng.u64(0..3_000));
            self.after(wait, Item::Person(at));
        }
    }

    /// A person does something, and will again.
    pub(super) fn person_acts(&mut self, at: usize) -> Step {
        let mean = if self.healed { LOOKS_EVERY } else { self.plan.act_every };
        let wait = mean.mul_f64(2.0 * self.people.rng.f64()) + Duration::from_millis(20);
        self.after(wait, Item::Person(at));
        let person = &self.people.all[at];
        if person.script.is_none() {
            return self.person_connects(at);
        }
        if !person.is_registered {
            return Ok(());
        }
        if !person.has_joined {
            self.person_writes(at, "JOIN #chat");
        }
        if self.healed {
            return Ok(());
        }
        match self.people.rng.u8(0..100) {
            0..45 => self.person_speaks(at),
            45..90 => self.person_is_told(at),
            90..92 => {
                for _ in 0..self.people.rng.usize(10..FLOOD_LINES_MAX) {
                    self.person_speaks(at)?;
                }
                Ok(())
            }
            92..96 => self.person_leaves(at, true),
            96..99 => self.person_leaves(at, false),
            _ => self.person_vanishes(at),
        }
    }

    fn person_connects(&mut self, at: usize) -> Step {
        let name = self.gateway_name(self.people.all[at].plan.gateway);
        if !self.world.is_awake(&name) {
            return Ok(());
        }
        // The record of a new connection says nothing of who it is: its script is known before.
        self.people.all[at].script = Some(self.world.scripts());
        let script = self.world.connect(&name, Listener::Irc);
        self.people.all[at].script = script;
        self.digest()?;
        if script.is_some_and(|script| self.world.is_open(script)) {
            let PersonPlan { mud, nick, .. } = self.people.all[at].plan.clone();
            let key = mud.to_lowercase();
            self.person_writes(at, &format!("PASS {key}-key\r\nNICK {nick}\r\nUSER {nick} 0 * :{nick}"));
        }
        Ok(())
    }

    fn person_writes(&mut self, at: usize, text: &str) {
        if let Some(script) = self.people.all[at].script {
            self.world.write(script, format!("{text}\r\n").as_bytes());
        }
    }

    /// Says a line on the channel, or tells another person.
    fn person_speaks(&mut self, at: usize) -> Step {
        let to = match self.people.rng.usize(0..self.people.all.len() + 1) {
            to if to < self.people.all.len() && to != at => {
                let PersonPlan { mud, nick, .. } = &self.people.all[to].plan;
                format!("{nick}@{mud}")
            }
            _ => "#chat".to_owned(),
        };
        let person = &mut self.people.all[at];
        person.seq += 1;
        let (session, tag) = (person.session, Tag { session: person.session, seq: person.seq });
        self.see(&Fact::PersonSpeaks { session, tag })?;
        self.person_writes(at, &format!("PRIVMSG {to} :{} hello", tag.text()));
        Ok(())
    }

    /// A game tells the person something.
    fn person_is_told(&mut self, at: usize) -> Step {
        let ready: Vec<usize> =
            (0..self.clients.len()).filter(|client| self.clients[*client].ready).collect();
        if ready.is_empty() {
            return Ok(());
        }
        let client = ready[self.people.rng.usize(..ready.len())];
        let PersonPlan { mud, nick, .. } = self.people.all[at].plan.clone();
        let (request, _) = self.clients[client].tell_to(&mut self.people.rng, &mud, &nick);
        self.todo.push((client, request));
        Ok(())
    }

    fn person_leaves(&mut self, at: usize, says_so: bool) -> Step {
        let Some(script) = self.people.all[at].script else { return Ok(()) };
        self.see(&Fact::PersonLeaves { session: self.people.all[at].session })?;
        if says_so {
            self.people.all[at].is_registered = false;
            self.person_writes(at, "QUIT :bye");
        } else {
            self.world.close(script);
        }
        Ok(())
    }

    /// The client is gone without a word: its gateway learns of it later, perhaps after the person is back.
    fn person_vanishes(&mut self, at: usize) -> Step {
        let Some((tcp, _)) = self.people.all[at].script.and_then(|script| self.world.conn_of(script)) else {
            return Ok(());
        };
        self.see(&Fact::PersonLeaves { session: tcp })?;
        let time = Duration::from_millis(self.people.rng.u64(1_000..60_000));
        self.world.cut(tcp, time);
        let person = &mut self.people.all[at];
        (person.script, person.is_registered, person.has_joined) = (None, false, false);
        Ok(())
    }

    pub(super) fn person_open(&mut self, tcp: u64, script: usize) -> Step {
        let Some(at) = self.people.all.iter().position(|person| person.script == Some(script)) else {
            return Ok(());
        };
        let person = &mut self.people.all[at];
        (person.session, person.is_registered, person.has_joined, person.seq) = (tcp, false, false, 0);
        let PersonPlan { gateway, mud, nick } = person.plan.clone();
        self.people.sessions.insert(tcp, at);
        self.taps.insert((tcp, 1), Tap::new(Speech::Irc));
        // What is said there is speech of that mud; events go there in another form.
        let (is_game, is_named) = (false, false);
        self.see(&Fact::SessionOpen { session: tcp, gateway, mud: mud.clone(), is_game, is_named })?;
        self.see(&Fact::PersonOpen { session: tcp, gateway, mud, nick })
    }

    pub(super) fn person_over(&mut self, tcp: u64, side: usize) -> Step {
        let Some(at) = self.people.sessions.get(&tcp).copied() else { return Ok(()) };
        if side == 1 {
            self.people.written.remove(&tcp);
            self.see(&Fact::PersonOver { session: tcp })?;
            return self.see(&Fact::SessionOver { session: tcp });
        }
        let person = &mut self.people.all[at];
        if person.session == tcp {
            (person.script, person.is_registered, person.has_joined) = (None, false, false);
        }
        Ok(())
    }

    /// A line has arrived at the client.
    pub(super) fn person_reads(&mut self, tcp: u64, line: &str) {
        let Some(at) = self.people.sessions.get(&tcp).copied() else { return };
        if line.contains(" PRIVMSG ") && Tag::find(line).is_some() {
            self.people.told += 1;
        }
        let person = &mut self.people.all[at];
        if person.session != tcp || person.script.is_none() {
            return;
        }
        if let Some(script) = person.script {
            self.world.received(script).clear();
        }
        match line.split(' ').nth(1) {
            Some("001") => person.is_registered = true,
            Some("366") => person.has_joined = true,
            _ => {}
        }
        if let Some(token) = line.strip_prefix("PING ").or_else(|| Some(line.split_once(" PING ")?.1)) {
            let pong = format!("PONG {token}");
            self.person_writes(at, &pong);
        }
    }

    /// Those who have been written to are looked at until the system has taken all of it.
    pub(super) fn people_take(&mut self) -> Step {
        for session in std::mem::take(&mut self.people.written) {
            if self.world.has_flushed(session, 1) {
                self.see(&Fact::PersonTook { session })?;
            } else {
                self.people.written.insert(session);
            }
        }
        Ok(())
    }

    pub(super) fn person_was_told(&mut self, session: u64, line: Rc<str>) -> Step {
        self.people.written.insert(session);
        self.see(&Fact::PersonSaid { session, line })
    }

    /// Whose cursors a saved change holds.
    pub(super) fn people_saved(&mut self, gateway: usize, key: &str, value: &[u8]) -> Step {
        let value = String::from_utf8_lossy(value);
        for at in 0..self.people.all.len() {
            let name = format!("irc:{}", self.people.all[at].plan.nick);
            if key.contains(&name) || value.contains(&name) {
                let nick = self.people.all[at].plan.nick.clone();
                self.see(&Fact::PersonSaved { gateway, nick })?;
            }
        }
        Ok(())
    }
}
