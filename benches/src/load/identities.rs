//! How the cost of a line, and of a login, grows with the identities of one gateway.

use super::fanout::lines_to;
use super::growth::{Rows, at_rest, cost};
use super::keepalive::Keepalive;
use super::options::Plan;
use super::report::Row;
use super::stage::{Flood, Stage};
use super::target::{CHANNEL, Door, Target, channel_line, list_of_muds};
use super::text::{Numbered, spoken};
use crate::daemon::{Daemon, Outcome, PATIENCE, next_link};
use i3_tests::wire;
use serde_json::json;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

/// Numbers of identities.
const IDENTITIES: [usize; 4] = [1, 10, 100, 500];

/// Muds in the list of a large public router. Each identity is told of all of them.
const LISTED: usize = 170;

/// Clients of the first identity that hear the lines.
const HEARERS: usize = 10;

/// The figures' names.
pub const MEMORY: &str = "RSS after the logins, kB";
/// The same, when each has a list of muds.
const MEMORY_WITH_LISTS: &str = "RSS with lists of 170 muds, kB";
/// The time from the start until all are logged in.
pub const LOGGED_IN: &str = "all logged in after, ms";

/// Measures all programs, with the usual pacing.
pub fn measure(plan: &Plan) -> Outcome<Vec<Row>> {
    let mut all = Vec::new();
    for program in &plan.programs {
        let mut rows = Rows::new("growth-identities", "identities");
        for count in IDENTITIES {
            one(plan, program, count, &mut rows)
                .map_err(|error| format!("{}, {count} identities: {error}", program.display()))?;
        }
        all.extend(rows.finish());
    }
    Ok(all)
}

fn one(plan: &Plan, program: &Path, count: usize, rows: &mut Rows) -> Outcome<()> {
    let folder = tempfile::tempdir()?;
    // A gateway dials one address of a router once a second. With an address for each, no login waits for another.
    let routers: Vec<TcpListener> =
        (1..count).map(|_| TcpListener::bind("127.0.0.1:0")).collect::<Result<_, _>>()?;
    let mut muds = Vec::new();
    for (at, router) in routers.iter().enumerate() {
        let primary = json!({"name": "*net", "host": "127.0.0.1", "port": router.local_addr()?.port()});
        muds.push(json!({"name": identity(at), "port": 4001 + at, "router": {"primary": primary}}));
    }
    let daemon = Daemon::start_with(program, folder.path(), None, |settings| settings["muds"] = json!(muds))?;
    let link = log_in(daemon.next_link()?)?;
    let mut links = Vec::new();
    for router in &routers {
        links.push(log_in(next_link(router)?)?);
    }
    let ready = format!("i3_router_links_ready {count}.0\n");
    while !daemon.page("/metrics")?.contains(&ready) {
        if daemon.started.elapsed() > PATIENCE {
            return Err("not all are ready".into());
        }
        thread::sleep(Duration::from_millis(50));
    }
    let logged_in = daemon.started.elapsed();
    let used = crate::daemon::processor_time(daemon.pid())?;
    let mut target = Target::running_daemon(program, daemon, link, folder)?;
    let (_, memory) = at_rest(&target)?;
    target.list_of_muds(LISTED)?;
    for (at, link) in links.iter_mut().enumerate() {
        list_of_muds(link, &identity(at), LISTED)?;
    }
    let (_, memory_with_lists) = at_rest(&target)?;
    let text = spoken(plan.text_bytes);
    let line_bytes = target.sample(Door::Lines, &text)?.len();
    let mut stage = Stage::new(target, Door::Lines, HEARERS)?;
    links.push(stage.target.link.try_clone()?);
    stage.keepalive = Keepalive::new(links)?;
    let flood = Flood { lines: lines_to(HEARERS, plan.lines) / 4, one_of: 1, line_bytes };
    let mut packets = Numbered::new(channel_line(CHANNEL, &text))?.piece(16 * 1024, flood.lines);
    let cost = cost(plan, &mut stage, flood, &mut packets)?;
    let more = vec![
        (LOGGED_IN, logged_in.as_secs_f64() * 1000.0),
        ("CPU us an identity until then", used.as_micros() as f64 / count as f64),
        (MEMORY, memory),
        (MEMORY_WITH_LISTS, memory_with_lists),
    ];
    rows.push(&stage.target, count, &cost, more);
    Ok(())
}

/// The name of an identity beside the first.
fn identity(at: usize) -> String {
    format!("Identity {:03}", at + 1)
}

/// Plays the router's part of a login.
fn log_in(mut link: TcpStream) -> Outcome<TcpStream> {
    let (mut received, mut buffer) = (Vec::new(), [0; 4096]);
    let began = Instant::now();
    let hello = loop {
        if let Some(hello) = wire::mudmode_frames(&mut received).pop() {
            break hello;
        }
        match link.read(&mut buffer)? {
            0 => return Err("a link was closed".into()),
            count => received.extend_from_slice(&buffer[..count]),
        }
        if began.elapsed() > PATIENCE {
            return Err("no login came".into());
        }
    };
    let name = hello.split('"').nth(3).ok_or("a login without a name")?.to_owned();
    let reply =
        format!(r#"({{"startup-reply",5,"*net",0,"{name}",0,({{({{"*net","127.0.0.1 4000",}}),}}),77,}})"#);
    link.write_all(&wire::mudmode_frame(reply.as_bytes()))?;
    Ok(link)
}
