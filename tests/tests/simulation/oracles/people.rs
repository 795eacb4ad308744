//! What people with clients of IRC are told, rightly and wrongly.

use super::{History, came, crash, started};
use i3_tests::sim::oracle::Fact;
use i3_tests::sim::tap::Tag;

/// The connections of the nick, one after the other.
const FIRST: u64 = 20;
const SECOND: u64 = 21;

/// The nick connects, and joins the channel or not.
fn connects(history: History, session: u64, joins: bool) -> History {
    let (mud, nick) = ("Alpha".to_owned(), "p_alpha".to_owned());
    let here = history
        .then(Fact::PersonOpen { session, gateway: 0, mud, nick })
        .then(said(session, ":i3-gateway 001 p_alpha :Welcome"));
    if joins { here.then(said(session, ":i3-gateway 366 p_alpha #chat :End of /NAMES list")) } else { here }
}

fn here() -> History {
    connects(History::begun(), FIRST, true)
}

fn said(session: u64, line: &str) -> Fact {
    Fact::PersonSaid { session, line: line.into() }
}

fn tell(seq: u64) -> Fact {
    came(&format!(r#"({{"tell",5,"Beta","u0_beta","Alpha","p_alpha","U","~9.{seq}~",}})"#))
}

fn line(seq: u64) -> Fact {
    came(&format!(r#"({{"channel-m",5,"Beta","u0_beta",0,0,"chat","U","~9.{seq}~",}})"#))
}

fn told(session: u64, seq: u64) -> Fact {
    said(session, &format!(":u0_beta!u0_beta@Beta PRIVMSG p_alpha :~9.{seq}~"))
}

fn heard(session: u64, seq: u64) -> Fact {
    said(session, &format!(":u0_beta!u0_beta@Beta PRIVMSG #chat :~9.{seq}~"))
}

/// The nick is away when a tell comes, something happens, and it is back.
fn missed(then: impl FnOnce(History) -> History) -> History {
    let away = here()
        .then(Fact::PersonSaved { gateway: 0, nick: "p_alpha".to_owned() })
        .then(Fact::PersonOver { session: FIRST })
        .then(tell(1))
        .then(Fact::TellSaved { tag: Tag { session: 9, seq: 1 } });
    connects(then(away), SECOND, true)
}

/// It is told a tell, takes it or not, is gone and back, and is told it again.
fn twice(then: impl FnOnce(History) -> History) -> History {
    let gone = then(here().then(tell(1)).then(told(FIRST, 1))).then(Fact::PersonOver { session: FIRST });
    connects(gone, SECOND, false).then(told(SECOND, 1)).then(Fact::Quiet)
}

/// Histories that break the rule, each with a like one that does not.
pub(super) fn rows() -> Vec<(&'static str, History, History)> {
    let took = |history: History| history.then(Fact::PersonTook { session: FIRST });
    let rows = vec![
        (here().then(tell(1)).then(Fact::Quiet), here().then(tell(1)).then(told(FIRST, 1)).then(Fact::Quiet)),
        (
            here().then(line(1)).then(Fact::Quiet),
            connects(History::begun(), FIRST, false).then(line(1)).then(Fact::Quiet),
        ),
        (
            here().then(line(1)).then(line(2)).then(heard(FIRST, 2)).then(heard(FIRST, 1)),
            here().then(line(1)).then(line(2)).then(heard(FIRST, 1)).then(heard(FIRST, 2)).then(Fact::Quiet),
        ),
        (
            here().then(line(1)).then(heard(FIRST, 1)).then(heard(FIRST, 1)),
            here().then(line(1)).then(heard(FIRST, 1)).then(tell(1)).then(told(FIRST, 1)),
        ),
        // Kept, and told to who comes back, or not.
        (missed(|away| away).then(Fact::Quiet), missed(|away| away).then(told(SECOND, 1)).then(Fact::Quiet)),
        (
            missed(|away| away.then(crash()).then(started(&[("*net", 77)]))).then(Fact::Quiet),
            missed(|away| {
                let away = away.then(Fact::SaveFailed { gateway: 0 });
                away.then(crash()).then(started(&[("*net", 77)]))
            })
            .then(Fact::Quiet),
        ),
        // Told again, although the connection before had taken it.
        (twice(took), twice(|history| history)),
    ];
    rows.into_iter().map(|(bad, good)| ("people", bad, good)).collect()
}
