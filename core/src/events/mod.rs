//! Events that are not lost: what is kept of them, for whom, and when it is given again.
//!
//! What is meant for a mud (tells, answers, lines of the channels it hears) goes into its log with the event's id, and
//! from there to the store. A session that comes gets of it, marked `replay`:
//!
//! - without a word: what no session of its mud has had yet;
//! - with `last_event_id`: all after that event, whoever has had it;
//! - with a `client` name: all after the cursor of that name. A client that acknowledges (`ack`) moves its cursor by
//!   that alone; that of one that never did follows what was written to its connection.
//!
//! Lines of a channel come when the session joins it: until then it does not hear the channel. The channels of a named
//! client are remembered, so a channel that is new to it begins with what nobody has had.
//!
//! "Has had" means written to a connection: what a connection still held when it broke counts as not delivered, as long
//! as no other session of the mud has had it. Which events were delivered is saved a second later; a crash in between
//! gives them again, and never loses them.

pub(crate) mod clients;
pub(crate) mod ids;
pub(crate) mod kept;
pub(crate) mod reader;

use crate::api::event::{self, Class, Event};
use crate::api::json::Object;
use crate::hub::{Hub, To, Wake};
use crate::machine::{Change, ConnId, SaveTicket, Saved};
use crate::notice::{Level, Notice};
use crate::saves::Turn;
use crate::settings::{EventSettings, Permission};
use crate::time::{Instant, UnixTime};
use clients::Clients;
use kept::{LaneName, Log, Mark, Record};
use std::collections::BTreeMap;
use std::time::Duration;

/// How long what was delivered may stay unsaved.
const MARK_DELAY: Duration = Duration::from_secs(1);

/// How often the logs are swept at most. A tell that nobody came for is refused that much later.
const SWEEP_PAUSE: Duration = Duration::from_secs(5);

/// The space of the store that holds how far events were delivered, by mud.
const MARKS: &str = "delivered";

impl EventSettings {
    /// How long events of a class are kept for who comes back.
    pub(crate) fn keep(&self, class: Class) -> Duration {
        match class {
            Class::Tells => self.keep_tells,
            Class::Channels => self.keep_channels,
            Class::Answers => self.keep_answers,
        }
    }

    /// Whether anything of a class is kept at all.
    fn keeps(&self, class: Class) -> bool {
        let replays = self.kept_max > 0 && self.keep(class) > Duration::ZERO;
        let history = self.history_max > 0 && self.history_age > Duration::ZERO;
        replays
            || match class {
                Class::Channels => history,
                Class::Tells => history && self.history_holds_tells,
                Class::Answers => false,
            }
    }
}

/// What is kept for one mud.
#[derive(Debug)]
struct OfMud {
    log: Log,
    clients: Clients,
    /// What was delivered has changed since it was saved.
    unsaved: bool,
    /// Channels that the mud goes on hearing although no session does, and until when.
    lingering: BTreeMap<String, Instant>,
}

/// What is kept for all muds of the gateway, in their order.
#[derive(Debug)]
pub(crate) struct Events {
    muds: Vec<OfMud>,
    last_restored: u64,
    pub(crate) unreadable: usize,
}

impl Events {
    /// Takes over what the store held.
    pub(crate) fn restore<'a>(muds: impl Iterator<Item = &'a str>, saved: &Saved) -> Events {
        let mut events = Events { muds: Vec::new(), last_restored: 0, unreadable: 0 };
        for name in muds {
            let one = OfMud {
                log: Log::new(name),
                clients: Clients::new(name),
                unsaved: false,
                lingering: BTreeMap::new(),
            };
            events.muds.push(one);
            let at = events.muds.len() - 1;
            events.restore_mud(at, name, saved);
        }
        events
    }

    fn restore_mud(&mut self, at: usize, name: &str, saved: &Saved) {
        let one = &mut self.muds[at];
        let found = |space: &str, key: &str| {
            let mut entries = saved.entries.iter();
            entries.find(|entry| entry.space == space && entry.key == key)?.value.as_deref()
        };
        let mark = found(MARKS, name).map(serde_json::from_slice::<Mark>);
        self.unreadable += usize::from(matches!(mark, Some(Err(_))));
        let mark = mark.and_then(Result::ok).unwrap_or_default();
        for Change { space, key, value } in &saved.entries {
            let Some(value) = value else { continue };
            if space == one.log.space() {
                match one.log.restore(key, value, &mark) {
                    Some(id) => self.last_restored = self.last_restored.max(id),
                    None => self.unreadable += 1,
                }
            } else if space == one.clients.space() {
                self.unreadable += usize::from(!one.clients.restore(key, value));
            }
        }
        one.log.restore_lost(&mark);
    }

    /// The last id that the store knows of.
    pub(crate) fn last_restored(&self) -> u64 {
        self.last_restored
    }

    /// The log of a mud.
    pub(crate) fn log(&self, mud: usize) -> &Log {
        &self.muds[mud].log
    }

    /// Records of all muds, and their bytes.
    pub(crate) fn size(&self) -> (usize, usize) {
        self.muds.iter().map(|one| one.log.size()).fold((0, 0), |sum, size| (sum.0 + size.0, sum.1 + size.1))
    }

    /// Whether the mud goes on hearing a channel that no session hears.
    pub(crate) fn lingers(&self, mud: usize, channel: &str) -> bool {
        self.muds[mud].lingering.contains_key(channel)
    }

    /// The channels that the mud goes on hearing.
    pub(crate) fn lingering(&self, mud: usize) -> impl Iterator<Item = &String> {
        self.muds[mud].lingering.keys()
    }

    /// A session hears the channel, or it was left for good. Says whether the mud still heard it.
    pub(crate) fn end_lingering(&mut self, mud: usize, channel: &str) -> bool {
        self.muds[mud].lingering.remove(channel).is_some()
    }
}

/// An event that is about to be given to sessions, and kept.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Keeping<'a> {
    pub(crate) mud: usize,
    pub(crate) lane: LaneName<'a>,
    event: &'static Event,
    is_echo: bool,
}

impl Hub {
    /// Whether, and where, an event is kept.
    pub(crate) fn keeping<'a>(&self, to: To<'a>, event: &'static Event) -> Option<Keeping<'a>> {
        let class = event.kept?;
        let (mud, lane) = match (to, class) {
            (To::Channel(mud, channel) | To::Echo(mud, channel), Class::Channels) => {
                (mud, LaneName::Channel(channel))
            }
            (To::Mud(mud) | To::MudExcept(mud, _), Class::Tells) => (mud, LaneName::Tells),
            (To::Mud(mud) | To::MudExcept(mud, _), Class::Answers) => (mud, LaneName::Answers),
            _ => return None,
        };
        // A router may send what was not asked for: nobody waits for that.
        let is_heard = match lane {
            LaneName::Channel(channel) => self.hears(mud, channel),
            _ => true,
        };
        let keeps = is_heard && self.settings.api.events.keeps(class);
        keeps.then_some(Keeping { mud, lane, event, is_echo: matches!(to, To::Echo(..)) })
    }

    fn hears(&self, mud: usize, channel: &str) -> bool {
        let one = &self.muds[mud];
        one.listeners.contains_key(channel)
            || one.settings.channels.iter().any(|set| set == channel)
            || self.events.lingers(mud, channel)
    }

    /// Whether tells are kept for a game that is away.
    pub(crate) fn keeps_tells(&self) -> bool {
        let settings = &self.settings.api.events;
        settings.kept_max > 0 && settings.keep_tells > Duration::ZERO
    }

    /// Puts an event into its log.
    pub(crate) fn keep(&mut self, keeping: Keeping<'_>, id: u64, params: Vec<u8>, delivered: bool) {
        let Keeping { mud, lane, event, is_echo } = keeping;
        let record = Record { id, at: self.now.unix, event, params: params.into(), is_echo, delivered };
        let removed = self.events.muds[mud].log.push(lane, record, &self.settings.api.events);
        self.removed(mud, removed);
        self.marks_changed(mud);
        self.set_sweep();
    }

    fn removed(&mut self, mud: usize, removed: kept::Removed) {
        self.metrics.events_expired += removed.unread;
        self.save(removed.changes);
        for params in removed.unread_tells {
            crate::service::tell::not_reached(self, mud, &params);
        }
    }

    /// The time has come to look through the logs.
    pub(crate) fn sweep(&mut self) {
        for mud in 0..self.events.muds.len() {
            let log = &mut self.events.muds[mud].log;
            let removed = log.sweep(&self.settings.api.events, self.now.unix);
            if removed.unread > 0 {
                self.marks_changed(mud);
            }
            self.removed(mud, removed);
            let now = self.now.mono;
            let lingering = &mut self.events.muds[mud].lingering;
            let over: Vec<String> =
                lingering.extract_if(.., |_, until| *until <= now).map(|one| one.0).collect();
            for channel in over {
                crate::service::channel::leave_for_good(self, mud, &channel);
            }
        }
        self.set_sweep();
    }

    /// Sets the timer for the next look, if there is anything to look at.
    pub(crate) fn set_sweep(&mut self) {
        let (now, settings) = (self.now, &self.settings.api.events);
        let after =
            |at: UnixTime| now.mono + Duration::from_micros(at.micros().saturating_sub(now.unix.micros()));
        let due = self.events.muds.iter().flat_map(|one| {
            let lingering = one.lingering.values().copied();
            lingering.chain(one.log.next_sweep(settings).map(|at| after(at).max(now.mono + SWEEP_PAUSE)))
        });
        match due.min() {
            Some(at) => self.timers.set(Wake::Sweep, at),
            None => self.timers.clear(Wake::Sweep),
        }
    }

    /// A session that heard a channel is gone without leaving it: the mud goes on hearing it for as long as lines are
    /// kept. Says whether it does.
    pub(crate) fn linger(&mut self, mud: usize, channel: &str) -> bool {
        let keep = self.settings.api.events.keep_channels;
        let lingers = keep > Duration::ZERO && self.settings.api.events.kept_max > 0 && !self.stopping;
        if lingers {
            self.events.muds[mud].lingering.insert(channel.to_owned(), self.now.mono + keep);
            self.set_sweep();
        }
        lingers
    }

    /// A client has dealt with all events up to one.
    pub(crate) fn acknowledge(&mut self, conn: ConnId, mud: usize, through: u64) -> Vec<Change> {
        let client = self.sessions.get(conn).and_then(|session| session.reader.client());
        let one = &mut self.events.muds[mud];
        let change = match client {
            Some(client) => one.clients.acknowledged(client, through),
            None => {
                one.log.delivered_through(through);
                // What lies behind it is saved in its own time.
                let mark = one.log.mark(through);
                let key = self.muds[mud].settings.name.clone();
                Some(Change { space: MARKS.to_owned(), key, value: serde_json::to_vec(&mark).ok() })
            }
        };
        self.marks_changed(mud);
        change.into_iter().collect()
    }

    /// The store has answered a save.
    pub(crate) fn save_answered(&mut self, ticket: SaveTicket, outcome: &Result<(), String>) {
        let Some(saves) = self.fx.saves_mut() else { return };
        let turn = saves.answered(ticket, outcome.is_ok());
        let (retry_after, waiting) = (saves.retry_after(), saves.waiting());
        if let Err(error) = outcome {
            self.metrics.saves_failed += 1;
            let notice = Notice::new(Level::Error, "store", "save failed; it is tried again");
            self.fx.notice(notice.with("error", error).with("changes", waiting));
        }
        let told = match (turn, outcome) {
            (Turn::Failed, Err(error)) => Some((&event::STORAGE_FAILED, error.as_str())),
            (Turn::Recovered, _) => {
                self.fx.notice(Notice::new(Level::Warn, "store", "saving works again"));
                Some((&event::STORAGE_RECOVERED, "everything is saved"))
            }
            _ => None,
        };
        if let Some((event, reason)) = told {
            let params = Object::default().with("reason", reason).with("waiting", &waiting);
            self.emit(To::All, event, params);
        }
        match retry_after {
            Some(Duration::ZERO) => self.fx.save_again(),
            Some(after) => self.timers.set(Wake::Save, self.now.mono + after),
            None => self.timers.clear(Wake::Save),
        }
        let Some(saves) = self.fx.saves() else { return };
        let durable = saves.durable_before();
        crate::service::history::saved(self, |ticket| ticket < durable);
    }

    /// What was delivered of a mud's events has changed.
    pub(crate) fn marks_changed(&mut self, mud: usize) {
        self.events.muds[mud].unsaved = true;
        if self.timers.get(Wake::Marks).is_none() {
            self.timers.set(Wake::Marks, self.now.mono + MARK_DELAY);
        }
    }

    /// Saves what was delivered, to whom.
    pub(crate) fn save_marks(&mut self) {
        let mut changes = Vec::new();
        let last = self.event_ids.last();
        for mud in 0..self.events.muds.len() {
            if !std::mem::take(&mut self.events.muds[mud].unsaved) {
                continue;
            }
            let readers = || self.sessions.iter().filter(|(_, session)| session.is_of(mud));
            let through =
                readers().map(|(_, session)| session.reader.written_through(last)).min().unwrap_or(last);
            let mut cursors = BTreeMap::new();
            for (_, session) in readers() {
                if let Some(client) = session.reader.client() {
                    let through = session.reader.read_through(last);
                    let least = cursors.entry(client.to_owned()).or_insert(through);
                    *least = through.min(*least);
                }
            }
            let one = &mut self.events.muds[mud];
            // What is written to a socket but not read is the client's to acknowledge.
            let value = serde_json::to_vec(&one.log.mark(through)).ok();
            let key = self.muds[mud].settings.name.clone();
            changes.push(Change { space: MARKS.to_owned(), key, value });
            for (client, through) in cursors {
                changes.extend(one.clients.written(&client, through, self.now.unix));
            }
        }
        self.save(changes);
    }

    /// Says how many saved entries could not be read.
    pub(crate) fn tell_unreadable_events(&mut self) {
        if self.events.unreadable > 0 {
            let text = "saved events that cannot be read were left out";
            let notice = Notice::new(Level::Warn, "store", text).with("entries", self.events.unreadable);
            self.fx.notice(notice);
        }
    }

    /// A session ends: what its connection has not taken was not delivered, unless somebody else had it.
    pub(crate) fn reader_gone(&mut self, conn: ConnId, session: &crate::session::Session) {
        let Some(identity) = session.identity.as_ref().filter(|identity| identity.may_speak) else { return };
        let mud = identity.mud;
        if let Some(client) = session.reader.client() {
            let change = self.events.muds[mud].clients.seen(client, self.now.unix);
            self.save(change.into_iter().collect());
        }
        let Some(from) = session.reader.unwritten_from() else { return };
        let others = |permission: Permission| {
            let mut others = self.sessions.iter().filter(|(other, _)| *other != conn);
            others.any(|(_, other)| other.is_of(mud) && other.may(Some(permission)))
        };
        let mut lanes = Vec::new();
        if !others(Permission::Tell) {
            lanes.push(LaneName::Tells);
        }
        if !others(Permission::Info) {
            lanes.push(LaneName::Answers);
        }
        let listeners = &self.muds[mud].listeners;
        for channel in session.channels.keys() {
            if listeners.get(channel).is_none_or(|all| all.iter().all(|one| *one == conn)) {
                lanes.push(LaneName::Channel(channel));
            }
        }
        for lane in lanes {
            self.events.muds[mud].log.undelivered_from(lane, from);
        }
        self.marks_changed(mud);
    }
}
