//! What people with clients of IRC are told.

use super::{Fact, KEPT_FOR, Oracle, Verdict, View};
use crate::sim::tap::{Frame, Tag};
use crate::wire;
use i3_core::time::Instant;
use std::collections::{BTreeMap, BTreeSet};

/// The channel that they are on.
const CHANNEL: &str = "chat";

/// What has come for a nick, and no connection of it was told.
struct Owed {
    link: u64,
    came: Instant,
    is_line: bool,
    /// A connection has been there ever since. If not, the gateway may have refused it, unless it is on disk.
    is_live: bool,
}

/// A nick of a mud, over all its connections.
#[derive(Default)]
struct Nick {
    name: String,
    gateway: usize,
    /// The gateway knows it: what comes while it is away is kept for it.
    is_known: bool,
    /// Its cursors are on disk.
    is_saved: bool,
    /// A save has failed since its gateway was started.
    is_unsaved: bool,
    owed: BTreeMap<Tag, Owed>,
    /// What it was told.
    told: BTreeSet<Tag>,
    /// Tells for it that are on disk.
    saved: BTreeSet<Tag>,
    /// What a connection has taken, which may not be told to a later one.
    taken: BTreeMap<Tag, u64>,
}

/// A connection.
struct Conn {
    mud: String,
    since: Option<Instant>,
    has_joined: bool,
    leaves: bool,
    over: bool,
    /// What it was told and has not taken yet.
    pending: Vec<Tag>,
    /// Those that were over before it began.
    before: BTreeSet<u64>,
    /// The last of each sender, in tells and on the channel.
    last: BTreeMap<(u64, bool), u64>,
}

/// Each tell for a nick and each line of a channel that it is on is told to it, in the order of the sender, and once over all
/// its connections, however often it quits, is gone and comes back. What was still being written when it ended may
/// be told again.
#[derive(Default)]
pub(super) struct People {
    /// By mud: each has one.
    nicks: BTreeMap<String, Nick>,
    conns: BTreeMap<u64, Conn>,
}

/// Whether a frame is a line of the channel.
fn is_on_channel(frame: &Frame) -> bool {
    wire::strict_lpc(&frame.text).is_ok_and(|packet| packet[6] == CHANNEL)
}

impl Conn {
    /// Whether it is there for tells, or for lines of the channel.
    fn hears(&self, mud: &str, is_line: bool) -> bool {
        let is_there = self.since.is_some() && !self.leaves && !self.over;
        self.mud == mud && is_there && (self.has_joined || !is_line)
    }
}

impl People {
    fn came(&mut self, now: Instant, view: &View, link: u64, frame: &Frame) {
        let (Some(tag), Some(from)) = (frame.tag, view.links.get(&link)) else { return };
        let Some(nick) = self.nicks.get_mut(&from.mud) else { return };
        if from.left || nick.gateway != from.gateway || nick.told.contains(&tag) {
            return;
        }
        let is_line = frame.kind.starts_with("channel-");
        let is_live = self.conns.values().any(|conn| conn.hears(&from.mud, is_line));
        let is_for_it = if is_line {
            // A client is not told what its own user says.
            let is_own = self.conns.get(&tag.session).is_some_and(|conn| conn.mud == from.mud);
            is_live && is_on_channel(frame) && !is_own
        } else {
            nick.is_known && frame.to_mud == from.mud && frame.to_user == nick.name
        };
        if is_for_it {
            nick.owed.insert(tag, Owed { link, came: now, is_line, is_live });
        }
    }

    fn said(&mut self, now: Instant, view: &View, session: u64, line: &str) -> Verdict {
        let Some(conn) = self.conns.get_mut(&session) else { return Ok(()) };
        let Some(nick) = self.nicks.get_mut(&conn.mud) else { return Ok(()) };
        let mut words = line.split(' ').skip(1);
        match words.next() {
            Some("001") => {
                conn.since = Some(now);
                nick.is_known = true;
            }
            Some("366") => conn.has_joined = true,
            // It is told that some are lost.
            Some("NOTICE") if line.contains("is lost") || line.contains("were dropped") => nick.owed.clear(),
            Some("PRIVMSG") => {
                let Some(tag) = Tag::find(line) else { return Ok(()) };
                let target = words.next().unwrap_or_default();
                let is_line = target.starts_with('#');
                // What another connection of the nick tells somebody.
                if target.contains('@') {
                    return Ok(());
                }
                if let Some(last) = conn.last.insert((tag.session, is_line), tag.seq)
                    && last >= tag.seq
                    && !view.is_flooded
                {
                    return Err(format!("connection {session} is told after number {last}: {line}"));
                }
                nick.owed.remove(&tag);
                conn.pending.push(tag);
                nick.told.insert(tag);
                if let Some(first) = nick.taken.get(&tag).filter(|first| conn.before.contains(first))
                    && !view.is_flooded
                {
                    return Err(format!("connection {first} was told before connection {session}: {line}"));
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// A connection leaves or is over.
    fn ends(&mut self, session: u64, how: impl Fn(&mut Conn)) {
        let Some(conn) = self.conns.get_mut(&session) else { return };
        how(conn);
        let mud = conn.mud.clone();
        let [hears_tells, hears_lines] =
            [false, true].map(|is_line| self.conns.values().any(|conn| conn.hears(&mud, is_line)));
        let Some(nick) = self.nicks.get_mut(&mud) else { return };
        // A line that nobody is there for is kept only if the mud stays on the channel.
        nick.owed.retain(|_, owed| hears_lines || !owed.is_line);
        nick.owed.values_mut().for_each(|owed| owed.is_live &= hears_tells);
    }

    /// The system has taken all that was written to a connection.
    fn took(&mut self, session: u64) {
        let Some(conn) = self.conns.get_mut(&session).filter(|conn| !conn.over) else { return };
        let Some(nick) = self.nicks.get_mut(&conn.mud) else { return };
        nick.taken.extend(conn.pending.drain(..).map(|tag| (tag, session)));
    }

    fn open(&mut self, session: u64, gateway: usize, mud: &str, name: &str) {
        let nick = self.nicks.entry(mud.to_owned()).or_default();
        (nick.gateway, nick.name) = (gateway, name.to_owned());
        let before = self.conns.iter().filter(|(_, conn)| conn.over && conn.mud == mud);
        let before = before.map(|(session, _)| *session).collect();
        let conn = Conn {
            mud: mud.to_owned(),
            since: None,
            has_joined: false,
            leaves: false,
            over: false,
            pending: Vec::new(),
            before,
            last: BTreeMap::new(),
        };
        self.conns.insert(session, conn);
    }

    fn retain(&mut self, keeps: impl Fn(&Nick, &Tag, &Owed) -> bool) {
        for nick in self.nicks.values_mut() {
            let mut owed = std::mem::take(&mut nick.owed);
            owed.retain(|tag, owed| keeps(nick, tag, owed));
            nick.owed = owed;
        }
    }

    /// A gateway is gone: what it kept in memory alone is gone with it.
    fn forgets(&mut self, gateway: usize) {
        for nick in self.nicks.values_mut().filter(|nick| nick.gateway == gateway) {
            // A save that has failed may have been that of its cursors.
            let is_saved = nick.is_saved && !nick.is_unsaved;
            let saved = &nick.saved;
            nick.owed.retain(|tag, _| is_saved && saved.contains(tag));
            nick.taken.clear();
            nick.is_known &= is_saved;
            nick.is_unsaved = false;
        }
    }

    /// At the end: what those who are there were not told.
    fn left(&self) -> Verdict {
        for (session, conn) in self.conns.iter().filter(|(_, conn)| !conn.over && !conn.leaves) {
            let (Some(nick), Some(since)) = (self.nicks.get(&conn.mud), conn.since) else { continue };
            let missed = nick.owed.iter().find(|(tag, owed)| {
                (owed.is_live || nick.saved.contains(tag))
                    && since.since(owed.came) < KEPT_FOR
                    && (conn.has_joined || !owed.is_line)
            });
            if let Some((tag, owed)) = missed {
                let what = if owed.is_line { "line" } else { "tell" };
                return Err(format!("connection {session} was not told the {what} {tag:?}, which came"));
            }
        }
        Ok(())
    }
}

impl Oracle for People {
    fn see(&mut self, now: Instant, view: &View, fact: &Fact) -> Verdict {
        match fact {
            Fact::PersonOpen { session, gateway, mud, nick } => self.open(*session, *gateway, mud, nick),
            Fact::PersonSaid { session, line } => return self.said(now, view, *session, line),
            Fact::PersonLeaves { session } => self.ends(*session, |conn| conn.leaves = true),
            Fact::PersonTook { session } => self.took(*session),
            Fact::PersonOver { session } => self.ends(*session, |conn| conn.over = true),
            Fact::PersonSaved { gateway, nick } => {
                let nicks =
                    self.nicks.values_mut().filter(|one| one.gateway == *gateway && one.name == *nick);
                nicks.for_each(|one| one.is_saved = true);
            }
            Fact::FrameCame { link, frame } if frame.tag.is_some() => self.came(now, view, *link, frame),
            Fact::TellSaved { tag } => {
                for nick in self.nicks.values_mut() {
                    nick.saved.insert(*tag);
                }
            }
            // What was kept in memory alone is gone with it, and so may be what it knew of who was told what.
            Fact::GatewayCrashed { gateway } => self.forgets(*gateway),
            Fact::SaveFailed { gateway } => {
                let nicks = self.nicks.values_mut().filter(|nick| nick.gateway == *gateway);
                nicks.for_each(|nick| nick.is_unsaved = true);
            }
            Fact::GatewayStarted { gateway, .. } => {
                let concerned = |nick: &Nick| nick.gateway == *gateway && nick.is_unsaved;
                if self.nicks.values().any(concerned) {
                    self.forgets(*gateway);
                }
            }
            // A link that the gateway has given up, or is leaving, is not read any more.
            Fact::LinkOver { link, unflushed } => {
                self.retain(|_, _, owed| owed.link != *link || !(*unflushed || owed.came == now));
            }
            Fact::FrameSent { link, frame } if frame.kind == "shutdown" => {
                self.retain(|nick, tag, owed| owed.link != *link || nick.saved.contains(tag));
            }
            // The sender is told that nobody was.
            Fact::FrameSent { frame, .. } if frame.kind == "error" && frame.text.contains("unk-user") => {
                let Some(nick) = self.nicks.get_mut(&frame.from_mud) else { return Ok(()) };
                let tells = nick.owed.iter().filter(|(_, owed)| !owed.is_line);
                let tag =
                    Tag::find(&frame.text).or(tells.min_by_key(|(_, owed)| owed.came).map(|(tag, _)| *tag));
                tag.map(|tag| nick.owed.remove(&tag));
            }
            Fact::Quiet => return self.left(),
            _ => {}
        }
        Ok(())
    }
}
