//! A link against a scripted driver, in virtual time.

use super::*;
use crate::i3::Charset;
use crate::machine::Output;
use std::collections::BTreeMap;

const SECOND: Duration = Duration::from_secs(1);

struct Rig {
    link: RouterLink,
    fx: Effects,
    now: Now,
    /// The router does not read.
    stuck: bool,
    /// Dials that were not answered yet: connection and host, the oldest first.
    dials: Vec<(ConnId, String)>,
    closed: Vec<ConnId>,
    saves: Vec<SaveTicket>,
    events: Vec<LinkEvent>,
    /// What went to routers, without the frames' lengths.
    sent: Vec<String>,
    notices: Vec<String>,
}

impl Rig {
    fn new(routers: &[&str], change: impl FnOnce(&mut LinkSettings)) -> Rig {
        let router = |name: &&str| RouterSettings {
            name: format!("*{name}"),
            host: (*name).to_owned(),
            port: 4000,
            charset: Charset::Utf8,
        };
        let mud = MudSettings {
            name: "Alpha".to_owned(),
            player_port: 4000,
            admin_email: String::new(),
            mudlib: String::new(),
            base_mudlib: String::new(),
            driver: String::new(),
            mud_type: String::new(),
            open_status: String::new(),
            services: BTreeMap::new(),
            routers: routers.iter().map(router).collect(),
            router_password: 0,
            channels: Vec::new(),
        };
        let mut settings = LinkSettings::default();
        change(&mut settings);
        let now = Now::default();
        let mut rig = Rig {
            link: RouterLink::new(settings, mud, 7, now),
            fx: Effects::default(),
            now,
            stuck: false,
            dials: Vec::new(),
            closed: Vec::new(),
            saves: Vec::new(),
            events: Vec::new(),
            sent: Vec::new(),
            notices: Vec::new(),
        };
        rig.step(RouterLink::handle_timeout);
        rig
    }

    fn step(&mut self, step: impl FnOnce(&mut RouterLink, Now, &mut Effects) -> Option<LinkEvent>) {
        let event = step(&mut self.link, self.now, &mut self.fx);
        self.events.extend(event);
        let mut flushed = false;
        while let Some(output) = self.fx.poll() {
            match output {
                Output::Dial { conn, host, .. } => self.dials.push((conn, host)),
                Output::Write { .. } if self.stuck => {}
                Output::Write { conn } => {
                    let mut bytes = Vec::new();
                    self.fx.take_bytes(conn, usize::MAX, &mut bytes);
                    let frame = bytes.concat();
                    let text = frame.get(4..frame.len() - 1).unwrap_or_default();
                    self.sent.push(String::from_utf8_lossy(text).into_owned());
                    self.fx.flushed(conn);
                    flushed = true;
                }
                Output::Close { conn } => {
                    self.dials.retain(|(dialed, _)| *dialed != conn);
                    self.closed.push(conn);
                }
                Output::Save { ticket, .. } => self.saves.push(ticket),
                Output::Notice(notice) if notice.level < Level::Debug => {
                    self.notices.push(notice.to_string());
                }
                _ => {}
            }
        }
        if flushed {
            self.step(RouterLink::flushed);
        }
    }

    /// Lets time pass, and fires the deadlines that fall into it.
    fn wait(&mut self, time: Duration) {
        let end = self.now.mono + time;
        while let Some((at, _)) = self.link.deadline().filter(|(at, _)| *at <= end) {
            self.now.mono = self.now.mono.max(at);
            self.step(RouterLink::handle_timeout);
            let again = self.link.deadline();
            assert!(again.is_none_or(|(next, _)| next > self.now.mono), "no progress at {at:?}: {again:?}");
        }
        self.now.mono = end;
    }

    /// Waits for the next attempt, and says how long that took and for which host it is.
    fn next_dial(&mut self) -> (Duration, String) {
        let from = self.now.mono;
        for step in 0.. {
            if !self.dials.is_empty() {
                break;
            }
            assert!(step < 100, "no attempt comes");
            let (at, _) = self.link.deadline().expect("the link goes on");
            self.now.mono = at;
            self.step(RouterLink::handle_timeout);
        }
        (self.now.mono.since(from), self.dials[0].1.clone())
    }

    fn opened(&mut self) -> ConnId {
        let (conn, _) = self.dials.remove(0);
        self.step(|link, now, fx| link.dialed(now, conn, fx));
        conn
    }

    fn lost(&mut self, conn: ConnId) {
        self.dials.retain(|(dialed, _)| *dialed != conn);
        self.fx.release(conn);
        self.step(|link, now, fx| link.lost(now, conn, fx, "gone".to_owned()));
    }

    fn heard(&mut self) {
        let conn = self.link.conn().unwrap();
        let deframer = self.link.take_deframer(self.now, conn).unwrap();
        self.link.put_deframer(conn, deframer);
    }

    fn reply(&mut self, password: bool, routers: &[(&str, &str)]) {
        self.heard();
        let change = password.then(|| Change { space: String::new(), key: String::new(), value: None });
        let routers: Vec<RouterEntry<'_>> = routers
            .iter()
            .map(|(name, address)| RouterEntry { name: (*name).into(), address: (*address).into() })
            .collect();
        self.step(|link, now, fx| link.startup_reply(now, fx, change, &routers));
    }

    /// Dials when it is time, and logs in.
    fn log_in(&mut self) -> ConnId {
        self.next_dial();
        let conn = self.opened();
        self.reply(false, &[]);
        assert!(self.link.is_ready());
        conn
    }

    /// Waits while the router answers probes, and something else comes from it besides, as often as `every` says.
    fn live(&mut self, time: Duration, every: Duration) {
        let end = self.now.mono + time;
        while self.now.mono < end && self.link.is_ready() {
            let sent = self.sent.len();
            self.wait(every.min(end.since(self.now.mono)));
            let probed = self.sent[sent..].iter().any(|text| text.contains("-req"));
            if self.link.is_ready() {
                self.heard();
                if probed {
                    self.link.probe_answered();
                }
            }
        }
    }

    fn state(&self) -> &'static str {
        self.link.state_name()
    }

    /// The types of the packets since the last time.
    fn kinds(&mut self) -> Vec<String> {
        let kind = |text: String| text.split('"').nth(1).unwrap_or_default().to_owned();
        std::mem::take(&mut self.sent).into_iter().map(kind).collect()
    }
}

#[test]
fn a_router_that_is_away_is_tried_for_ever_and_less_and_less_often() {
    let mut rig = Rig::new(&["a"], |_| {});
    let mut waits = Vec::new();
    for _ in 0..200 {
        let (wait, _) = rig.next_dial();
        waits.push(wait);
        let conn = rig.dials[0].0;
        rig.lost(conn);
    }
    assert_eq!(waits[0], Duration::ZERO);
    for (n, wait) in waits[1..].iter().enumerate() {
        let full = (2.0 * 2f64.powi(n.min(20) as i32)).min(300.0);
        let wait = wait.as_secs_f64();
        assert!(wait >= 1.0 && (full * 0.75..=full * 1.25).contains(&wait), "wait {n}: {wait}");
    }
    let last: Vec<_> = waits[100..].iter().map(Duration::as_micros).collect();
    assert!(last.windows(2).any(|pair| pair[0] != pair[1]), "the waits are spread out");
    assert_eq!(rig.link.last_error(), Some("gone"));
}

#[test]
fn two_attempts_never_fall_into_one_second() {
    let mut rig = Rig::new(&["a"], |settings| settings.reconnect_delay = Duration::from_millis(1));
    for n in 0..20 {
        let (wait, _) = rig.next_dial();
        assert!(n == 0 || wait >= SECOND, "{wait:?}");
        let conn = rig.dials[0].0;
        rig.lost(conn);
    }
}

#[test]
fn a_session_that_held_makes_the_next_wait_short_again() {
    let mut rig = Rig::new(&["a"], |_| {});
    for _ in 0..8 {
        rig.next_dial();
        let conn = rig.dials[0].0;
        rig.lost(conn);
    }
    let conn = rig.log_in();
    rig.live(Duration::from_secs(59), SECOND);
    rig.lost(conn);
    assert!(rig.next_dial().0 > Duration::from_secs(200), "it did not hold");
    let conn = rig.opened();
    rig.reply(false, &[]);
    rig.live(Duration::from_secs(60), SECOND);
    rig.lost(conn);
    assert!(rig.next_dial().0 < Duration::from_secs(3), "it held");
}

#[test]
fn connecting_and_the_answer_to_the_login_have_their_deadlines() {
    let mut rig = Rig::new(&["a", "b"], |settings| {
        settings.connect_timeout = 7 * SECOND;
        settings.startup_timeout = 11 * SECOND;
    });
    assert_eq!(rig.state(), "connecting");
    let black_hole = rig.dials[0].0;
    rig.wait(Duration::from_millis(6999));
    assert_eq!(rig.state(), "connecting");
    rig.wait(Duration::from_millis(1));
    assert_eq!((rig.state(), rig.link.last_error()), ("waiting", Some("no connection in time")));
    assert_eq!(rig.closed, [black_hole]);
    assert_eq!(rig.next_dial().1, "b", "the next of the list");
    rig.opened();
    assert_eq!((rig.state(), rig.kinds()), ("logging in", vec!["startup-req-3".to_owned()]));
    rig.wait(Duration::from_millis(10_999));
    assert_eq!(rig.state(), "logging in");
    rig.wait(Duration::from_millis(1));
    assert_eq!(rig.state(), "waiting");
    assert!(rig.link.last_error().unwrap().starts_with("refused in silence: "));
    assert_eq!(rig.next_dial().1, "a", "round again");
    assert_eq!(rig.events, []);
}

#[test]
fn a_connection_closed_at_once_is_tried_again_soon_and_counts_as_a_failure_only_when_that_goes_on() {
    let mut rig = Rig::new(&["a", "b"], |_| {});
    for n in 0..3 {
        let (wait, host) = rig.next_dial();
        assert_eq!(host, "a");
        assert!(n == 0 || (2 * SECOND..=5 * SECOND).contains(&wait), "{wait:?}");
        let conn = rig.opened();
        rig.wait(Duration::from_millis(999));
        rig.lost(conn);
        assert!(rig.link.last_error().unwrap().starts_with("closed at once"), "{n}");
    }
    assert_eq!(rig.notices, Vec::<String>::new());
    // Neither the fourth, nor what is closed later or after some bytes, is the rule of one connection a second.
    rig.next_dial();
    let conn = rig.opened();
    rig.lost(conn);
    assert_eq!((rig.notices.len(), rig.next_dial().1.as_str()), (1, "b"));
    let conn = rig.opened();
    rig.wait(SECOND);
    rig.lost(conn);
    assert_eq!((rig.notices.len(), rig.next_dial().1.as_str()), (2, "a"));
    let conn = rig.opened();
    rig.heard();
    rig.lost(conn);
    assert_eq!((rig.notices.len(), rig.next_dial().1.as_str()), (3, "b"));
}

#[test]
fn a_login_makes_up_for_connections_that_were_closed_at_once() {
    let mut rig = Rig::new(&["a"], |_| {});
    for _ in 0..3 {
        for _ in 0..3 {
            rig.next_dial();
            let conn = rig.opened();
            rig.lost(conn);
        }
        let conn = rig.log_in();
        rig.live(Duration::from_secs(61), SECOND);
        rig.lost(conn);
    }
    assert_eq!(
        rig.notices.iter().filter(|notice| notice.contains("failed")).count(),
        3,
        "one for each session"
    );
}

#[test]
fn the_link_is_ready_once_the_password_is_durable_or_cannot_be() {
    for outcome in [Some(Ok(())), Some(Err("disk full".to_owned())), None] {
        let mut rig = Rig::new(&["a"], |_| {});
        rig.opened();
        rig.reply(true, &[]);
        assert_eq!((rig.state(), rig.link.is_ready(), rig.saves.len()), ("saving password", false, 1));
        let ticket = rig.saves[0];
        let other = SaveTicket(ticket.0 + 1);
        rig.step(|link, now, fx| link.saved(now, fx, other, &Ok(())));
        rig.wait(Duration::from_millis(9_999));
        assert!(!rig.link.is_ready());
        match &outcome {
            Some(outcome) => rig.step(|link, now, fx| link.saved(now, fx, ticket, outcome)),
            None => rig.wait(Duration::from_millis(1)),
        }
        assert_eq!((rig.link.is_ready(), &rig.events[..]), (true, &[LinkEvent::Ready][..]));
        let warned = rig.notices.iter().any(|notice| notice.contains("not saved"));
        assert_eq!(warned, outcome != Some(Ok(())), "{outcome:?}");
        // Said again, with or without a new password: nothing but a save.
        rig.reply(true, &[]);
        rig.reply(false, &[]);
        assert_eq!((rig.saves.len(), rig.events.len(), rig.link.is_ready()), (2, 1, true));
        rig.step(|link, now, fx| link.saved(now, fx, ticket, &Ok(())));
        assert_eq!(rig.events.len(), 1);
    }
}

#[test]
fn silence_is_asked_about_twice_and_then_ends_the_session() {
    let mut rig = Rig::new(&["a"], |_| {});
    let conn = rig.log_in();
    rig.live(Duration::from_secs(30), SECOND);
    assert_eq!(rig.link.liveness(), "answers probes");
    rig.kinds();
    for (wait, kinds) in [
        (Duration::from_millis(59_999), vec![]),
        (Duration::from_millis(1), vec!["auth-mud-req"]),
        (Duration::from_millis(9_999), vec![]),
        (Duration::from_millis(1), vec!["ping-req"]),
        (Duration::from_millis(19_999), vec![]),
    ] {
        rig.wait(wait);
        assert_eq!(
            (rig.kinds(), rig.link.is_ready()),
            (kinds.into_iter().map(str::to_owned).collect(), true)
        );
    }
    // Anything is a sign of life.
    rig.heard();
    rig.wait(Duration::from_secs(89));
    assert_eq!((rig.kinds().len(), rig.link.is_ready()), (2, true));
    rig.events.clear();
    rig.wait(SECOND);
    assert_eq!((rig.events.as_slice(), rig.closed.as_slice()), (&[LinkEvent::Down][..], &[conn][..]));
    assert_eq!(rig.link.last_error(), Some("no sign of life"));
}

#[test]
fn probes_go_to_ourselves_and_are_counted() {
    let mut rig = Rig::new(&["a"], |_| {});
    rig.log_in();
    rig.sent.clear();
    rig.wait(Duration::from_secs(39));
    assert_eq!(
        rig.sent,
        [r#"({"auth-mud-req",5,"Alpha",0,"Alpha",0,})"#, r#"({"ping-req",5,"Alpha",0,"Alpha",0,})"#]
    );
    assert_eq!(rig.events, [LinkEvent::Ready, LinkEvent::Probed, LinkEvent::Probed]);
}

#[test]
fn no_second_holds_two_probes() {
    let mut rig = Rig::new(&["a"], |settings| settings.keepalive_interval = Duration::from_millis(9_900));
    rig.log_in();
    rig.kinds();
    rig.wait(Duration::from_millis(9_900));
    assert_eq!(rig.kinds(), ["auth-mud-req"]);
    // What was wanted for silence is now wanted for the registration.
    rig.heard();
    rig.wait(Duration::from_millis(1_009));
    assert_eq!(rig.kinds().len(), 0);
    rig.wait(Duration::from_millis(1));
    assert_eq!(rig.kinds(), ["auth-mud-req"]);
}

#[test]
fn ten_seconds_after_a_login_the_registration_is_checked() {
    let mut rig = Rig::new(&["a"], |_| {});
    rig.log_in();
    rig.kinds();
    rig.wait(Duration::from_millis(9_999));
    assert_eq!(rig.kinds().len(), 0);
    rig.wait(Duration::from_millis(1));
    assert_eq!(rig.kinds(), ["auth-mud-req"]);
    assert_eq!(rig.link.liveness(), "not yet probed");
    // It has forgotten us: nothing comes. It is soon given up, and the same router tried again.
    rig.wait(Duration::from_secs(10));
    assert_eq!(rig.kinds(), ["ping-req"]);
    rig.wait(Duration::from_millis(19_999));
    assert!(rig.link.is_ready());
    rig.wait(Duration::from_millis(1));
    assert!(rig.link.last_error().unwrap().starts_with("nothing that we sent to ourselves came back"));
    assert_eq!((rig.state(), rig.link.liveness()), ("waiting", "not connected"));
    // This time it knows us; it is checked once.
    rig.log_in();
    rig.kinds();
    rig.live(Duration::from_secs(50), SECOND);
    assert_eq!((rig.kinds(), rig.link.liveness()), (vec!["auth-mud-req".to_owned()], "answers probes"));
}

#[test]
fn a_router_that_eats_every_probe_is_judged_by_its_socket_alone() {
    let mut rig = Rig::new(&["a"], |_| {});
    for _ in 0..2 {
        rig.log_in();
        rig.wait(Duration::from_secs(40));
        assert_eq!(rig.state(), "waiting");
    }
    rig.log_in();
    assert_eq!(rig.link.liveness(), "answers no probe; judged by the socket alone");
    rig.kinds();
    rig.wait(Duration::from_secs(3500));
    assert!(rig.link.is_ready());
    let probes = rig.kinds().len();
    assert!((60..=90).contains(&probes), "it is still asked: {probes} times");
    // An hour without one packet, and it may have forgotten us.
    rig.heard();
    rig.wait(Duration::from_secs(3599));
    assert!(rig.link.is_ready());
    rig.wait(Duration::from_secs(100));
    assert!(!rig.link.is_ready());
    rig.log_in();
    // The socket is believed.
    let conn = rig.link.conn().unwrap();
    rig.lost(conn);
    assert_eq!(rig.state(), "waiting");
    // One answer, and it is judged as any other.
    rig.log_in();
    rig.wait(Duration::from_secs(10));
    rig.link.probe_answered();
    assert_eq!(rig.link.liveness(), "answers probes");
    rig.wait(Duration::from_secs(30));
    assert_eq!((rig.state(), rig.link.last_error()), ("waiting", Some("no sign of life")));
}

#[test]
fn a_session_that_was_proven_does_not_count_against_its_router() {
    let mut rig = Rig::new(&["a"], |_| {});
    for proven in [false, true, false, true, false, true] {
        rig.log_in();
        if proven {
            rig.link.probe_answered();
        }
        assert_eq!(rig.link.liveness(), if proven { "answers probes" } else { "not yet probed" });
        rig.wait(Duration::from_secs(40));
        assert_eq!(rig.state(), "waiting");
    }
}

/// Down from the first of two routers, and up at the second.
fn at_the_second(return_after: Option<Duration>) -> Rig {
    let mut rig = Rig::new(&["a", "b"], |settings| settings.return_after = return_after);
    let conn = rig.dials[0].0;
    rig.lost(conn);
    rig.log_in();
    assert_eq!(rig.link.router().name, "*b");
    rig
}

/// Lets the preferred router be tried once. Says after how long.
fn scouted(rig: &mut Rig, reached: bool) -> Duration {
    let from = rig.now.mono;
    while rig.dials.is_empty() {
        rig.live(SECOND, SECOND);
        assert!(rig.link.is_ready() && rig.now.mono.since(from) < Duration::from_secs(86_400));
    }
    let (conn, host) = rig.dials[0].clone();
    assert_eq!(host, "a");
    let time = rig.now.mono.since(from);
    if reached {
        rig.opened();
        assert!(rig.closed.contains(&conn), "it was only to see whether somebody is there");
    } else {
        rig.lost(conn);
    }
    time
}

#[test]
fn the_link_returns_to_the_preferred_router_when_that_has_been_there_for_a_while() {
    let mut rig = at_the_second(Some(600 * SECOND));
    rig.kinds();
    // Twice there, once not: from the start.
    for (reached, seconds) in [(true, 200), (true, 200), (false, 200), (true, 200), (true, 200)] {
        assert_eq!(scouted(&mut rig, reached), seconds * SECOND);
        assert_eq!(rig.state(), "ready");
    }
    assert_eq!(rig.kinds(), ["auth-mud-req"], "nothing was sent to the preferred router");
    scouted(&mut rig, true);
    assert_eq!(rig.kinds(), ["shutdown"]);
    assert_eq!(rig.events.last(), Some(&LinkEvent::Down));
    assert_eq!(rig.next_dial(), (2 * SECOND, "a".to_owned()));
    rig.opened();
    rig.reply(false, &[]);
    assert_eq!(rig.link.router().name, "*a");
    // There is nothing better to look for.
    rig.live(Duration::from_secs(7200), 10 * SECOND);
    assert!(rig.dials.is_empty() && rig.link.is_ready());
}

#[test]
fn an_attempt_to_reach_the_preferred_router_has_an_end() {
    let mut rig = at_the_second(Some(600 * SECOND));
    for _ in 0..2 {
        rig.live(Duration::from_secs(200), SECOND);
        let (conn, _) = rig.dials[0].clone();
        rig.live(Duration::from_secs(29), SECOND);
        assert!(!rig.closed.contains(&conn));
        rig.live(SECOND, SECOND);
        assert!(rig.closed.contains(&conn) && rig.link.is_ready());
    }
    // What was late does not count: three more are needed.
    for ready in [true, true, false] {
        scouted(&mut rig, true);
        assert_eq!(rig.link.is_ready(), ready);
    }
}

#[test]
fn a_session_that_ends_takes_its_attempt_along() {
    let mut rig = at_the_second(Some(600 * SECOND));
    rig.live(Duration::from_secs(200), SECOND);
    let (scout, _) = rig.dials[0].clone();
    assert_eq!(rig.link.conns().count(), 2);
    let conn = rig.link.conn().unwrap();
    rig.lost(conn);
    assert!(rig.closed.contains(&scout));
    assert_eq!(rig.link.conns().count(), 0);
    assert_eq!(rig.next_dial().1, "a", "after a session that was ready, the preferred one first");
}

#[test]
fn a_preferred_router_that_does_not_last_is_returned_to_less_and_less_eagerly() {
    let mut rig = at_the_second(Some(600 * SECOND));
    let mut intervals = Vec::new();
    for _ in 0..7 {
        for _ in 0..3 {
            intervals.push(scouted(&mut rig, true).as_secs());
        }
        rig.next_dial();
        rig.opened();
        // It lets us in, and goes.
        rig.reply(false, &[]);
        let conn = rig.link.conn().unwrap();
        rig.live(Duration::from_secs(59), SECOND);
        rig.lost(conn);
        assert_eq!(rig.next_dial().1, "a");
        let conn = rig.dials[0].0;
        rig.lost(conn);
        rig.log_in();
        assert_eq!(rig.link.router().name, "*b");
    }
    intervals.dedup();
    assert_eq!(intervals, [200, 400, 800, 1600, 3200]);
    // It lasts: all is forgotten.
    for _ in 0..3 {
        scouted(&mut rig, true);
    }
    let conn = rig.log_in();
    rig.live(Duration::from_secs(61), SECOND);
    rig.lost(conn);
    rig.next_dial();
    let conn = rig.dials[0].0;
    rig.lost(conn);
    rig.log_in();
    assert_eq!(scouted(&mut rig, true), 200 * SECOND);
}

#[test]
fn who_does_not_want_to_return_stays() {
    let mut rig = at_the_second(None);
    rig.live(Duration::from_secs(86_400), 30 * SECOND);
    assert!(rig.dials.is_empty() && rig.link.is_ready());
}

#[test]
fn a_redirect_is_followed_when_that_is_allowed() {
    for allowed in [false, true] {
        for late in [false, true] {
            let mut rig = Rig::new(&["a", "b"], |settings| settings.follow_redirects = allowed);
            rig.opened();
            if late {
                rig.reply(false, &[("*a", "10.0.0.1 4000")]);
                assert!(rig.link.is_ready(), "its own name is no redirect");
            }
            rig.reply(true, &[("*c", "10.0.0.3 8787"), ("*a", "10.0.0.1 4000")]);
            assert_eq!(rig.saves.len(), 1, "the password is kept in any case");
            if !allowed {
                assert_eq!(rig.state(), if late { "ready" } else { "saving password" });
                continue;
            }
            assert_eq!(rig.kinds(), ["startup-req-3", "shutdown"]);
            assert_eq!(rig.next_dial(), (2 * SECOND, "10.0.0.3".to_owned()));
            rig.opened();
            assert!(rig.sent[0].contains(r#","Alpha",0,"*c",0,"#), "{:?}", rig.sent);
            let conn = rig.link.conn().unwrap();
            rig.wait(2 * SECOND);
            rig.lost(conn);
            assert_eq!(rig.next_dial().1, "a", "the settings' list still holds");
            // Not again within the hour.
            rig.opened();
            rig.reply(false, &[("*c", "10.0.0.3 8787")]);
            assert!(rig.link.is_ready());
            rig.live(Duration::from_secs(3600), 30 * SECOND);
            rig.reply(false, &[("*c", "10.0.0.3 8787")]);
            assert_eq!(rig.next_dial().1, "10.0.0.3");
        }
    }
}

#[test]
fn a_refusal_in_words_is_shown_and_waited_out_longer() {
    let mut rig = Rig::new(&["a"], |_| {});
    rig.opened();
    rig.heard();
    rig.step(|link, now, fx| link.refused(now, fx, "refused: wrong password".to_owned()));
    assert_eq!((rig.state(), rig.link.last_error()), ("waiting", Some("refused: wrong password")));
    assert_eq!(rig.closed.len(), 1);
    assert!((12 * SECOND..=20 * SECOND).contains(&rig.next_dial().0));
    // Later it means something else.
    rig.opened();
    rig.reply(false, &[]);
    rig.step(|link, now, fx| link.refused(now, fx, "refused".to_owned()));
    assert!(rig.link.is_ready());
}

#[test]
fn leaving_says_goodbye_and_comes_back_or_not() {
    for stop in [false, true] {
        let mut rig = Rig::new(&["a"], |_| {});
        rig.log_in();
        rig.sent.clear();
        rig.step(if stop { RouterLink::stop } else { RouterLink::reconnect });
        let delay = if stop { 0 } else { 1 };
        assert_eq!(rig.sent, [format!(r#"({{"shutdown",5,"Alpha",0,"*a",0,{delay},}})"#)]);
        assert_eq!(rig.events, [LinkEvent::Ready, LinkEvent::Down]);
        assert_eq!(rig.link.is_stopped(), stop);
        if stop {
            assert_eq!(rig.link.deadline(), None);
        } else {
            assert_eq!(rig.next_dial(), (2 * SECOND, "a".to_owned()));
        }
    }
}

#[test]
fn leaving_a_router_that_does_not_read_has_an_end() {
    let mut rig = Rig::new(&["a"], |_| {});
    let conn = rig.log_in();
    rig.stuck = true;
    rig.step(RouterLink::stop);
    // Something was flushed, but not all.
    rig.step(RouterLink::flushed);
    assert_eq!(rig.state(), "leaving");
    rig.wait(Duration::from_millis(1_999));
    assert_eq!((rig.state(), rig.closed.len()), ("leaving", 0));
    rig.wait(Duration::from_millis(1));
    assert_eq!((rig.state(), rig.closed.as_slice()), ("stopped", &[conn][..]));
}

#[test]
fn what_comes_while_leaving_is_read_and_a_password_kept() {
    let mut rig = Rig::new(&["a"], |_| {});
    rig.next_dial();
    let conn = rig.opened();
    // Half a frame has come when it leaves.
    let mut deframer = rig.link.take_deframer(rig.now, conn).unwrap();
    let mut first: &[u8] = b"\0\0\0\x05({";
    assert!(deframer.next(&mut first).unwrap().is_none());
    rig.link.put_deframer(conn, deframer);
    rig.stuck = true;
    rig.step(RouterLink::reconnect);
    assert_eq!(rig.state(), "leaving");
    let mut deframer = rig.link.take_deframer(rig.now, conn).unwrap();
    let mut rest: &[u8] = b"})\0";
    assert_eq!(deframer.next(&mut rest).unwrap(), Some(&b"({})"[..]));
    rig.link.put_deframer(conn, deframer);
    // The password of the next login is saved, and the link leaves all the same.
    let saves = rig.saves.len();
    rig.reply(true, &[]);
    assert_eq!((rig.saves.len(), rig.state()), (saves + 1, "leaving"));
    // What cannot be read ends it like anything else.
    rig.step(|link, now, fx| link.broken(now, fx, "rubbish".to_owned()));
    assert_eq!((rig.state(), rig.link.last_error()), ("waiting", None));
}

#[test]
fn a_router_that_hangs_up_on_the_goodbye_has_not_failed() {
    for stop in [false, true] {
        let mut rig = Rig::new(&["a"], |_| {});
        let conn = rig.log_in();
        rig.stuck = true;
        rig.notices.clear();
        rig.step(if stop { RouterLink::stop } else { RouterLink::reconnect });
        rig.lost(conn);
        assert_eq!((rig.link.is_stopped(), rig.link.last_error()), (stop, None));
        assert_eq!(rig.notices, Vec::<String>::new());
    }
}

#[test]
fn leaving_before_the_login_or_twice_is_quick() {
    let mut rig = Rig::new(&["a"], |_| {});
    let conn = rig.dials[0].0;
    rig.step(RouterLink::stop);
    assert_eq!((rig.state(), rig.closed.as_slice()), ("stopped", &[conn][..]));
    let mut rig = Rig::new(&["a"], |_| {});
    let conn = rig.dials[0].0;
    rig.lost(conn);
    rig.step(RouterLink::stop);
    assert!(rig.link.is_stopped());
    let mut rig = Rig::new(&["a"], |_| {});
    let conn = rig.log_in();
    rig.stuck = true;
    rig.step(RouterLink::reconnect);
    assert_eq!(rig.state(), "leaving");
    rig.step(RouterLink::stop);
    assert_eq!((rig.state(), rig.closed.as_slice()), ("stopped", &[conn][..]));
}

#[test]
fn what_comes_for_another_connection_changes_nothing() {
    let mut rig = Rig::new(&["a"], |_| {});
    let conn = rig.log_in();
    rig.lost(conn);
    let next = {
        rig.next_dial();
        rig.opened()
    };
    assert!(rig.link.take_deframer(rig.now, conn).is_none());
    rig.link.put_deframer(conn, Deframer::default());
    rig.kinds();
    rig.step(|link, now, fx| link.dialed(now, next, fx));
    assert_eq!(rig.kinds().len(), 0, "one login for each connection");
}

impl Rig {
    /// Takes other settings over.
    fn reload(&mut self, change: impl FnOnce(&mut LinkSettings, &mut MudSettings)) -> Applied {
        let (mut settings, mut mud) = (self.link.settings.clone(), self.link.mud.clone());
        change(&mut settings, &mut mud);
        let mut applied = None;
        self.step(|link, now, fx| {
            applied = Some(link.reload(now, fx, settings, mud));
            None
        });
        applied.unwrap()
    }
}

#[test]
fn new_settings_hold_at_once_where_the_router_need_not_know_them() {
    let mut rig = Rig::new(&["a"], |_| {});
    rig.log_in();
    rig.live(Duration::from_secs(15), SECOND);
    rig.kinds();
    let applied = rig.reload(|settings, _| settings.keepalive_interval = 20 * SECOND);
    assert_eq!(applied, Applied::Now);
    rig.wait(20 * SECOND);
    assert_eq!(rig.kinds(), ["auth-mud-req"]);
    rig.heard();
    assert_eq!(rig.reload(|_, mud| mud.open_status = "closed".to_owned()), Applied::AtTheNextLogin);
    assert_eq!(rig.reload(|_, mud| mud.routers.push(mud.routers[0].clone())), Applied::Now);
    assert!(rig.link.is_ready());
    let conn = rig.link.conn().unwrap();
    rig.lost(conn);
    assert_eq!(rig.reload(|_, mud| mud.open_status = "open".to_owned()), Applied::Now, "nobody was told yet");
}

#[test]
fn a_shorter_longest_wait_holds_for_the_wait_that_has_begun() {
    let mut rig = Rig::new(&["a"], |_| {});
    for _ in 0..9 {
        rig.next_dial();
        let (conn, _) = rig.dials[0];
        rig.lost(conn);
    }
    let waits = |rig: &Rig| rig.link.deadline().unwrap().0.since(rig.now.mono);
    assert!(waits(&rig) > 100 * SECOND);
    rig.reload(|settings, _| settings.reconnect_delay_max = 20 * SECOND);
    assert_eq!(waits(&rig), 20 * SECOND);
    rig.reload(|settings, _| settings.reconnect_delay_max = 300 * SECOND);
    assert_eq!(waits(&rig), 20 * SECOND);
}

#[test]
fn another_list_leaves_the_session_where_it_is() {
    let mut rig = Rig::new(&["a", "b"], |_| {});
    rig.log_in();
    let applied = rig.reload(|_, mud| {
        mud.routers.reverse();
    });
    assert_eq!((applied, rig.link.router().name.as_str()), (Applied::Now, "*a"));
    // It is the second now, so the first is looked after.
    assert_eq!(scouted_host(&mut rig), "b");
    let applied = rig.reload(|_, mud| drop(mud.routers.pop()));
    assert_eq!((applied, rig.link.router().name.as_str()), (Applied::AtTheNextLogin, "*a"));
    assert_eq!(rig.link.conns().count(), 1, "nobody is looked after from a router that is not in the list");
    let conn = rig.link.conn().unwrap();
    rig.lost(conn);
    assert_eq!(rig.next_dial().1, "b");
}

fn scouted_host(rig: &mut Rig) -> String {
    while rig.dials.is_empty() {
        rig.live(SECOND, SECOND);
    }
    rig.dials.remove(0).1
}

#[test]
fn returning_can_be_switched_off_and_on() {
    let mut rig = at_the_second(Some(600 * SECOND));
    rig.live(Duration::from_secs(200), SECOND);
    let (scout, _) = rig.dials[0].clone();
    rig.reload(|settings, _| settings.return_after = None);
    assert!(rig.closed.contains(&scout));
    rig.live(Duration::from_secs(3600), SECOND);
    assert!(rig.dials.is_empty());
    rig.reload(|settings, _| settings.return_after = Some(30 * SECOND));
    rig.reload(|settings, _| settings.return_after = Some(30 * SECOND));
    rig.live(9 * SECOND, SECOND);
    rig.reload(|settings, _| settings.connect_timeout = 3 * SECOND);
    rig.live(SECOND, SECOND);
    assert_eq!(rig.dials.len(), 1, "what did not change goes on");
}

#[test]
fn what_is_shown_of_a_link_follows_it() {
    let mut rig = Rig::new(&["a"], |_| {});
    rig.now.unix = UnixTime::from_micros(5);
    assert_eq!((rig.link.next_attempt(), rig.link.liveness()), (None, "not connected"));
    let conn = rig.dials[0].0;
    rig.lost(conn);
    assert_eq!(rig.link.since(), UnixTime::from_micros(5));
    assert_eq!(rig.link.next_attempt(), rig.link.deadline().map(|(at, _)| at));
    assert!(rig.link.next_attempt().is_some_and(|at| at > rig.now.mono));
    rig.link.set_password(4711);
    rig.next_dial();
    assert!(rig.link.is_greeting() != rig.link.is_ready() || rig.state() == "connecting");
    rig.opened();
    assert!(rig.link.is_greeting() && rig.sent[0].contains(r#""*a",0,4711,0,0,4000,"#), "{:?}", rig.sent);
}

/// Half a frame, and the other half with the next bytes.
fn whole_frame(rig: &mut Rig) -> bool {
    let conn = rig.link.conn().unwrap();
    let mut whole = Vec::new();
    for mut half in [&b"\0\0\0\x06({"[..], &b"1,})"[..]] {
        let Some(mut deframer) = rig.link.take_deframer(rig.now, conn) else { return false };
        while let Ok(Some(text)) = deframer.next(&mut half) {
            whole.push(text.to_vec());
        }
        rig.link.put_deframer(conn, deframer);
    }
    whole == [b"({1,})".to_vec()]
}

#[test]
fn frames_come_in_pieces_in_every_state_of_a_session() {
    let mut rig = Rig::new(&["a"], |_| {});
    rig.opened();
    assert!(whole_frame(&mut rig), "greeting");
    rig.reply(true, &[]);
    assert!(whole_frame(&mut rig), "saving password");
    let ticket = rig.saves[0];
    rig.step(|link, now, fx| link.saved(now, fx, ticket, &Ok(())));
    assert!(whole_frame(&mut rig), "ready");
    // A deframer of another connection is not mixed in.
    let conn = rig.link.conn().unwrap();
    let mut deframer = rig.link.take_deframer(rig.now, conn).unwrap();
    assert_eq!(deframer.next(&mut &b"\0\0"[..]).unwrap(), None);
    rig.lost(conn);
    rig.next_dial();
    rig.opened();
    rig.link.put_deframer(conn, deframer);
    assert!(whole_frame(&mut rig));
}

#[test]
fn a_login_advertises_what_is_switched_on() {
    let mut rig = Rig::new(&["a"], |_| {});
    let services = [("tell", 1), ("who", 0), ("smtp", 25)];
    rig.reload(|_, mud| {
        mud.services = services.iter().map(|(name, value)| ((*name).to_owned(), *value)).collect();
    });
    rig.opened();
    assert!(rig.sent[0].contains(r#"(["smtp":25,"tell":1,])"#), "{:?}", rig.sent);
}

#[test]
fn a_wake_up_that_comes_late_leaves_the_router_its_time_to_answer() {
    // The host sleeps for longer than a silence is borne.
    let mut rig = Rig::new(&["a"], |_| {});
    rig.log_in();
    rig.live(20 * SECOND, SECOND);
    rig.sent.clear();
    rig.now.mono = rig.now.mono + Duration::from_secs(500);
    rig.step(RouterLink::handle_timeout);
    assert_eq!((rig.sent.len(), rig.state()), (1, "ready"), "{:?}", rig.sent);
    rig.wait(29 * SECOND);
    assert_eq!((rig.sent.len(), rig.state()), (2, "ready"), "{:?}", rig.sent);
    rig.wait(2 * SECOND);
    assert_eq!(rig.state(), "waiting");
}

#[test]
fn new_settings_do_not_end_a_session_whose_registration_is_being_checked() {
    let mut rig = Rig::new(&["a"], |_| {});
    rig.log_in();
    rig.wait(11 * SECOND);
    assert_eq!((rig.sent.len(), rig.state()), (2, "ready"), "the check was sent: {:?}", rig.sent);
    rig.reload(|settings, _| {
        settings.keepalive_interval = 5 * SECOND;
        settings.dead_after = 8 * SECOND;
    });
    rig.wait(SECOND);
    assert_eq!(rig.state(), "ready", "{:?}", rig.notices);
    rig.wait(3 * SECOND);
    assert_eq!(rig.state(), "waiting", "it is given up in its time");
}

#[test]
fn each_end_is_counted_under_its_cause() {
    let counted = |rig: &Rig| -> Vec<(&'static str, u64)> {
        let all = Cause::ALL.map(|cause| (cause.name(), rig.link.counts().ended(cause)));
        all.into_iter().filter(|(_, times)| *times > 0).collect()
    };
    let mut rig = Rig::new(&["a"], |_| {});
    let conn = rig.dials[0].0;
    rig.lost(conn);
    assert_eq!(counted(&rig), [("no_connection", 1)]);
    rig.next_dial();
    rig.opened();
    rig.step(|link, now, fx| link.refused(now, fx, "no".to_owned()));
    rig.next_dial();
    rig.opened();
    let conn = rig.link.conn().unwrap();
    rig.lost(conn);
    rig.next_dial();
    rig.log_in();
    rig.step(|link, now, fx| link.broken(now, fx, "bad".to_owned()));
    rig.next_dial();
    rig.log_in();
    rig.step(RouterLink::reconnect);
    let expected = ["closed_at_once", "login_refused", "bad_frame", "requested"].map(|name| (name, 1));
    let mut found = counted(&rig);
    found.retain(|(name, _)| *name != "no_connection");
    assert_eq!(found.len(), expected.len(), "{found:?}");
    assert!(expected.iter().all(|one| found.contains(one)), "{found:?}");
    let own: Vec<_> = rig.link.counts().own_packets().collect();
    assert!(
        own.contains(&("shutdown", 1))
            && own.iter().any(|(kind, times)| *kind == "startup-req-3" && *times >= 4),
        "{own:?}"
    );
}
