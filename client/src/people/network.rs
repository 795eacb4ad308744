//! The network: the link, muds, channels and users of other muds.

use super::shown::{Outcome, Problem, Shown, duration, list, member, text_of, time, user_at_mud};
use crate::look::Look;
use crate::page::{ANSWER_TIMEOUT, whole};
use crate::style::Style;
use crate::table::{Column, Table, pairs};
use i3_client::Happening;
use i3_client::blocking::Client;
use i3_config::people::{Finger, Locate, Muds, Who};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

/// How long other muds have for their answer, in seconds.
const WAIT: f64 = 10.0;
/// The longest wait that the gateway takes, in seconds.
const WAIT_MAX: f64 = 60.0;
/// After an answer to `locate`, so long others are waited for.
const FURTHER: Duration = Duration::from_secs(2);

pub(super) fn status(client: &mut Client, look: Look) -> Outcome {
    let mut status = client.call_raw("status", Value::Null, ANSWER_TIMEOUT)?;
    let stats = client.call_raw("stats", Value::Null, ANSWER_TIMEOUT)?;
    let router = &status["router"];
    let is_up = status["connected"] == true;
    let numbers = |name: &str| member(&stats, name);
    let lines = pairs(
        &[
            ("Mud", Style::Plain, member(&status, "mud_name")),
            ("Link", if is_up { Style::Good } else { Style::Bad }, member(router, "state")),
            ("Router", Style::Plain, member(router, "name")),
            ("Since", Style::Plain, utc(&member(router, "since"))),
            ("Last error", if is_up { Style::Plain } else { Style::Bad }, member(router, "last_error")),
            ("Next attempt", Style::Plain, utc(&member(router, "next_attempt"))),
            ("Node", Style::Plain, member(&status, "node")),
            ("Holder", Style::Plain, member(&status, "holder")),
            ("Muds", Style::Plain, format!("{} up, {} known", numbers("online_muds"), numbers("mud_count"))),
            ("Channels", Style::Plain, numbers("channel_count")),
            ("Sessions", Style::Plain, numbers("session_count")),
            (
                "Packets",
                Style::Plain,
                format!("{} sent, {} received", numbers("packets_sent"), numbers("packets_received")),
            ),
        ],
        look,
    );
    status["stats"] = stats;
    Ok(Shown::new(status, lines))
}

fn utc(timestamp: &str) -> String {
    if timestamp.is_empty() { String::new() } else { format!("{} UTC", time(timestamp)) }
}

pub(super) fn muds(client: &mut Client, args: &Muds, look: Look) -> Outcome {
    let mut filter = json!({});
    if args.up {
        filter["status"] = json!("up");
    }
    let answer = whole(client, "mudlist", json!({ "filter": filter }), "muds")?;
    let name = args.name.join(" ").to_lowercase();
    let matches = |mud: &&Value| mud["name"].as_str().unwrap_or_default().to_lowercase().contains(&name);
    let found: Vec<Value> = list(&answer, "muds").iter().filter(matches).cloned().collect();
    let mut table = Table::new(&[
        Column::text("NAME", 0),
        Column::whole("STATUS", 0),
        Column::text("TYPE", 4),
        Column::text("DRIVER", 3),
        Column::text("MUDLIB", 5),
        Column::whole("ADDRESS", 2),
    ]);
    for mud in &found {
        let is_up = mud["status"] == "up";
        let (host, port) = (member(mud, "host"), member(mud, "port"));
        let address = if host.is_empty() { String::new() } else { format!("{host} {port}") };
        table.row(vec![
            (Style::Plain, member(mud, "name")),
            (if is_up { Style::Good } else { Style::Dim }, member(mud, "status")),
            (Style::Plain, member(mud, "mud_type")),
            (Style::Plain, member(mud, "driver")),
            (Style::Plain, member(mud, "mudlib")),
            (Style::Plain, address),
        ]);
    }
    let json = json!({"status": "success", "muds": found, "count": found.len()});
    if found.is_empty() {
        let text = match name.is_empty() {
            true => "No muds are known: `i3-gateway status` shows whether the link is up.".to_owned(),
            false => format!("No mud has {:?} in its name.", args.name.join(" ")),
        };
        return Ok(Shown::line(json, text));
    }
    Ok(Shown::new(json, table.lines(look)))
}

/// How a channel decides who may use it, by its number on the network.
fn kind(of: &Value) -> String {
    match of["type"].as_i64() {
        Some(0) => "open".to_owned(),
        Some(1) => "selective".to_owned(),
        Some(2) => "filtered".to_owned(),
        _ => member(of, "type"),
    }
}

pub(super) fn channels(client: &mut Client, look: Look) -> Outcome {
    let answer = whole(client, "channel_list", json!({}), "channels")?;
    let mut table = Table::new(&[
        Column::whole("NAME", 0),
        Column::text("OWNER", 1),
        Column::whole("TYPE", 2),
        Column::number("MEMBERS", 3),
    ]);
    let channels = list(&answer, "channels");
    for channel in channels {
        table.row(vec![
            (Style::Channel, member(channel, "name")),
            (Style::Plain, member(channel, "owner")),
            (Style::Plain, kind(channel)),
            (Style::Plain, member(channel, "member_count")),
        ]);
    }
    let lines = match channels {
        [] => vec!["No channels are known: `i3-gateway status` shows whether the link is up.".to_owned()],
        _ => table.lines(look),
    };
    Ok(Shown::new(answer, lines))
}

/// Asks another mud, and waits for its answer.
fn ask(client: &mut Client, method: &str, mut params: Value, timeout: Option<f64>) -> Result<Value, Problem> {
    let wait = seconds(timeout)?;
    params["wait"] = json!(true);
    params["timeout"] = json!(wait);
    Ok(client.call_raw(method, params, ANSWER_TIMEOUT + Duration::from_secs_f64(wait))?)
}

fn seconds(timeout: Option<f64>) -> Result<f64, Problem> {
    let wait = timeout.unwrap_or(WAIT);
    if wait > 0.0 && wait <= WAIT_MAX {
        Ok(wait)
    } else {
        Err(Problem::Usage(format!("--timeout is a number of seconds above 0, at most {WAIT_MAX}")))
    }
}

pub(super) fn who(client: &mut Client, args: &Who, look: Look) -> Outcome {
    let mud = text_of(&args.mud, "the mud")?;
    let answer = ask(client, "who", json!({ "target_mud": mud }), args.timeout)?;
    let users = list(&answer, "users");
    let mut table = Table::new(&[
        Column::text("NAME", 0),
        Column::number("LEVEL", 2),
        Column::number("IDLE", 1),
        Column::text("EXTRA", 3),
    ]);
    for user in users {
        let name = member(user, "name");
        table.row(vec![
            (Style::name(&name), name),
            (Style::Plain, member(user, "level")),
            (Style::Plain, user["idle"].as_u64().map(duration).unwrap_or_default()),
            (Style::Plain, member(user, "extra")),
        ]);
    }
    let from = member(&answer, "from_mud");
    let mut lines = match users {
        [] => vec![format!("Nobody is on {from}.")],
        _ => table.lines(look),
    };
    if answer["more"] == true {
        lines.push(format!("({from} has more users than these {})", users.len()));
    }
    Ok(Shown::new(answer, lines))
}

pub(super) fn finger(client: &mut Client, args: &Finger, look: Look) -> Outcome {
    let text = text_of(&args.user, "USER@MUD")?;
    let (user, mud) = user_at_mud(&text)?;
    let answer = ask(client, "finger", json!({"target_mud": mud, "target_user": user}), args.timeout)?;
    let info = &answer["user_info"];
    let shown = [
        ("Name", "name"),
        ("Title", "title"),
        ("Real name", "real_name"),
        ("E-mail", "email"),
        ("Level", "level"),
        ("Rank", "level_name"),
        ("Login", "login_time"),
        ("Address", "ip_address"),
        ("Extra", "extra"),
    ];
    let mut all: Vec<(&str, Style, String)> =
        shown.iter().map(|(label, name)| (*label, Style::Plain, member(info, name))).collect();
    all.insert(1, ("Mud", Style::Plain, member(&answer, "from_mud")));
    if let Some(idle) = info["idle_time"].as_u64() {
        all.push(("Idle", Style::Plain, duration(idle)));
    }
    Ok(Shown::new(answer, pairs(&all, look)))
}

/// Any number of muds answer. The first answer is waited for as long as it takes, others a little longer.
pub(super) fn locate(client: &mut Client, args: &Locate, look: Look) -> Outcome {
    let wait = Duration::from_secs_f64(seconds(args.timeout)?);
    client.call_raw("locate", json!({"target_user": args.user}), ANSWER_TIMEOUT)?;
    let mut until = Instant::now() + wait;
    let latest = until;
    let mut replies: Vec<Value> = Vec::new();
    while let Some(left) = until.checked_duration_since(Instant::now()).filter(|left| !left.is_zero()) {
        match client.next_happening(Some(left))? {
            Some(Happening::Event(event))
                if event.name == "locate_reply" && is_of(&event.params, &args.user) =>
            {
                let mud = &event.params["located_mud"];
                if replies.iter().all(|reply| reply["located_mud"] != *mud) {
                    replies.push(event.params);
                }
                until = latest.min(Instant::now() + FURTHER);
            }
            Some(Happening::Disconnected { error, .. }) => return Err(error.into()),
            _ => {}
        }
    }
    if replies.is_empty() {
        let user = crate::text::plain(&args.user);
        return Err(Problem::Nothing(format!(
            "no mud has answered within {} s that {user} is there; --timeout waits longer",
            wait.as_secs_f64()
        )));
    }
    let mut table = Table::new(&[
        Column::text("USER", 0),
        Column::text("MUD", 0),
        Column::number("IDLE", 1),
        Column::text("STATUS", 2),
    ]);
    for reply in &replies {
        let name = member(reply, "located_user");
        table.row(vec![
            (Style::name(&name), name),
            (Style::Plain, member(reply, "located_mud")),
            (Style::Plain, reply["idle"].as_u64().map(duration).unwrap_or_default()),
            (Style::Plain, member(reply, "status")),
        ]);
    }
    let json = json!({"user_name": args.user, "replies": replies, "count": replies.len()});
    Ok(Shown::new(json, table.lines(look)))
}

/// Whether an answer is about this user. Another session may look for another one.
fn is_of(reply: &Value, user: &str) -> bool {
    reply["located_user"].as_str().is_some_and(|located| located.eq_ignore_ascii_case(user.trim()))
}
