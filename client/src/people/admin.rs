//! Sessions and bans.

use super::shown::{Outcome, Problem, Shown, counted, duration, list, member, time};
use crate::look::Look;
use crate::page::{ANSWER_TIMEOUT, whole};
use crate::style::Style;
use crate::table::{Column, Table};
use crate::text::plain;
use i3_client::blocking::Client;
use i3_client::{Error, Refusal};
use i3_config::people::{Ban, Kick, Unban};
use serde_json::{Value, json};
use std::time::Duration;

/// The length of a whole session id, in characters.
const SESSION_CHARS: usize = 36;
/// How much of it is shown where there is little room.
const SESSION_CHARS_SHOWN: usize = 8;
/// A terminal of so many columns has room for whole session ids.
const WIDE_COLUMNS: usize = 160;
/// How long giving all links away may take: somewhat longer than the gateway lets it.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(910);

pub(super) fn sessions(client: &mut Client, look: Look) -> Outcome {
    let answer = whole(client, "sessions", json!({}), "sessions")?;
    let is_narrow = look.columns.is_some_and(|columns| columns < WIDE_COLUMNS);
    let mut columns = vec![
        Column::whole("SESSION", 0),
        Column::text("KEY", 0),
        Column::text("CLIENT", 1),
        Column::text("MUD", 4),
        Column::whole("ROLE", 5),
        Column::whole("DOOR", 3),
        Column::whole("ADDRESS", 2),
        Column::whole("SINCE", 6),
        Column::number("IDLE", 7),
        Column::number("QUEUED", 8),
    ];
    // Where several gateways share a database.
    let has_nodes = list(&answer, "sessions").iter().any(|session| session["node"].is_string());
    if has_nodes {
        columns.push(Column::text("NODE", 2));
    }
    let mut table = Table::new(&columns);
    for session in list(&answer, "sessions") {
        let id = member(session, "session_id");
        let id = if is_narrow { id.chars().take(SESSION_CHARS_SHOWN).collect() } else { id };
        let queued = session["queued_bytes"].as_u64().filter(|bytes| *bytes > 0);
        let mut row = vec![
            (Style::Bold, if id.is_empty() { "-".to_owned() } else { id }),
            (Style::Plain, dash(member(session, "key_name"))),
            (Style::Plain, member(session, "client")),
            (Style::Plain, member(session, "mud_name")),
            (Style::Plain, member(session, "role")),
            (Style::Plain, member(session, "transport")),
            (Style::Plain, member(session, "address")),
            (Style::Plain, time(&member(session, "since"))),
            (Style::Plain, session["idle_seconds"].as_u64().map(duration).unwrap_or_default()),
            (Style::Bad, queued.map(|bytes| format!("{bytes} B")).unwrap_or_default()),
        ];
        if has_nodes {
            row.push((Style::Plain, member(session, "node")));
        }
        table.row(row);
    }
    let lines = table.lines(look);
    Ok(Shown::new(answer, lines))
}

fn dash(text: String) -> String {
    if text.is_empty() { "-".to_owned() } else { text }
}

/// Ends a session. The beginning of its id is enough, or the name of its client.
pub(super) fn kick(client: &mut Client, args: &Kick) -> Outcome {
    let given = args.session.trim();
    let id = if given.len() == SESSION_CHARS { given.to_owned() } else { found(client, given)? };
    let answer = match client.call_raw("kick", json!({"session_id": id}), ANSWER_TIMEOUT) {
        Err(Error::Refused(refusal)) if refusal.code == -32602 => return Err(no_session(given)),
        outcome => outcome?,
    };
    Ok(Shown::line(answer, format!("The session {} was ended.", plain(&id))))
}

fn no_session(given: &str) -> Problem {
    Problem::Nothing(format!("there is no session {:?}; `i3-gateway sessions` lists them", plain(given)))
}

fn found(client: &mut Client, given: &str) -> Result<String, Problem> {
    let answer = whole(client, "sessions", json!({}), "sessions")?;
    let own = client.session().map(|session| session.session_id.clone()).unwrap_or_default();
    let all = list(&answer, "sessions").iter().filter(|one| one["session_id"] != own.as_str());
    let is_meant = |one: &&Value| {
        let starts = one["session_id"].as_str().is_some_and(|id| id.starts_with(given));
        let has = |name: &str| one[name].as_str().is_some_and(|text| text == given);
        one["session_id"].is_string() && (starts || has("client") || has("key_name"))
    };
    let matching: Vec<&str> = all
        .filter(is_meant)
        .filter_map(|one| one["session_id"].as_str())
        .filter(|_| !given.is_empty())
        .collect();
    match matching[..] {
        [] => Err(no_session(given)),
        [one] => Ok(one.to_owned()),
        _ => Err(Problem::Nothing(format!(
            "{} match {:?}; give more of the session's id",
            counted(matching.len(), "session"),
            plain(given)
        ))),
    }
}

/// Gives the links to other gateways. Returns when they have them.
pub(super) fn drain(client: &mut Client) -> Outcome {
    let answer = client.call_raw("drain", json!({}), DRAIN_TIMEOUT)?;
    let muds = answer["muds"].as_u64().unwrap_or(0);
    let line = match usize::try_from(muds) {
        Ok(0) => "Drained: it had no router link.".to_owned(),
        Ok(muds) => format!("Drained: the other gateways have its {}.", counted(muds, "router link")),
        Err(_) => "Drained.".to_owned(),
    };
    Ok(Shown::line(answer, line))
}

/// Reads a duration such as `30m`, `12h` or `1d`, in seconds.
fn seconds(text: &str) -> Result<u64, Problem> {
    let wrong = || {
        Problem::Usage(format!("--for is a number and a unit, such as 30m, 12h, 1d or 2w, and not {text:?}"))
    };
    let text_of_unit = text.trim().trim_start_matches(|c: char| c.is_ascii_digit());
    let number = &text.trim()[..text.trim().len() - text_of_unit.len()];
    let unit = match text_of_unit.trim().to_ascii_lowercase().as_str() {
        "s" | "sec" | "second" | "seconds" => 1,
        "m" | "min" | "minute" | "minutes" => 60,
        "h" | "hour" | "hours" => 3600,
        "d" | "day" | "days" => 86_400,
        "w" | "week" | "weeks" => 604_800,
        _ => return Err(wrong()),
    };
    let number: u64 = number.parse().map_err(|_| wrong())?;
    number.checked_mul(unit).filter(|seconds| *seconds > 0).ok_or_else(wrong)
}

pub(super) fn ban(client: &mut Client, args: &Ban) -> Outcome {
    let mut params = json!({"pattern": args.pattern});
    let lasting = args.lasting.as_deref().map(seconds).transpose()?;
    if let Some(lasting) = lasting {
        params["expires_in"] = json!(lasting);
    }
    if let Some(reason) = args.reason.as_deref().filter(|reason| !reason.trim().is_empty()) {
        params["reason"] = json!(reason);
    }
    let answer = client.call_raw("ban_add", params, ANSWER_TIMEOUT)?;
    let id = member(&answer, "ban_id");
    let lasting = lasting.map_or("for ever".to_owned(), |seconds| format!("for {}", duration(seconds)));
    let pattern = plain(&args.pattern);
    Ok(Shown::line(answer, format!("Banned {pattern} {lasting}. `i3-gateway unban {id}` removes the ban.")))
}

pub(super) fn unban(client: &mut Client, args: &Unban) -> Outcome {
    let answer = match client.call_raw("ban_remove", json!({"ban_id": args.id}), ANSWER_TIMEOUT) {
        Err(Error::Refused(Refusal { code: -32602, .. })) => {
            let text = format!("there is no ban {}; `i3-gateway bans` lists them", args.id);
            return Err(Problem::Nothing(text));
        }
        outcome => outcome?,
    };
    Ok(Shown::line(answer, format!("Ban {} was removed.", args.id)))
}

pub(super) fn bans(client: &mut Client, look: Look) -> Outcome {
    let answer = whole(client, "ban_list", json!({}), "bans")?;
    let mut table = Table::new(&[
        Column::number("ID", 0),
        Column::text("PATTERN", 0),
        Column::text("CHANNEL", 4),
        Column::text("PACKETS", 5),
        Column::whole("DIRECTION", 6),
        Column::whole("UNTIL", 2),
        Column::number("HITS", 1),
        Column::text("REASON", 3),
    ]);
    let bans = list(&answer, "bans");
    for ban in bans {
        let until = member(ban, "expires");
        table.row(vec![
            (Style::Bold, member(ban, "ban_id")),
            (Style::Plain, member(ban, "pattern")),
            (Style::Plain, member(ban, "channel")),
            (Style::Plain, member(ban, "packet_type")),
            (Style::Plain, member(ban, "direction")),
            (Style::Plain, if until.is_empty() { "for ever".to_owned() } else { time(&until) }),
            (Style::Plain, member(ban, "hits")),
            (Style::Plain, member(ban, "reason")),
        ]);
    }
    let lines = match bans {
        [] => vec!["Nobody is banned.".to_owned()],
        _ => table.lines(look),
    };
    Ok(Shown::new(answer, lines))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_a_unit() {
        for (text, expected) in [
            ("1d", 86_400),
            ("30m", 1_800),
            ("12 h", 43_200),
            ("2W", 1_209_600),
            ("90s", 90),
            ("1 day", 86_400),
        ] {
            assert_eq!(seconds(text).unwrap(), expected, "{text}");
        }
        for wrong in ["", "d", "1", "0d", "-1d", "1.5h", "1y", "99999999999999999999d", "soon"] {
            assert!(matches!(seconds(wrong), Err(Problem::Usage(_))), "{wrong}");
        }
    }
}
