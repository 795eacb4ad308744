//! Clients with a key that ask for much.

use super::{Attack, next, request};
use i3_benches::daemon::{Client, Daemon, Outcome};
use i3_tests::wire;
use std::io::{BufRead, Write};
use std::net::TcpStream;
use std::time::Duration;

pub(super) const ATTACKS: &[Attack] = &[
    Attack { name: "20 mudlist at once, read slowly", run: slow_reader },
    Attack {
        name: "10 times 100 mudlist in a batch",
        run: |daemon, _| batches(daemon, 10, &[("mudlist", "{}")], 100),
    },
    Attack {
        name: "4 times 100 history_search in a batch",
        run: |daemon, _| batches(daemon, 4, &[("history_search", r#"{"query":"not there"}"#)], 100),
    },
    Attack {
        name: "10 times 100 tells to unknown muds",
        run: |daemon, _| {
            let tell = r#"{"target_mud":"unknown","target_user":"x","message":"hi"}"#;
            batches(daemon, 10, &[("tell", tell)], 100)
        },
    },
    Attack { name: "30 times [20 channel_history, who wait]", run: waiting_batches },
    Attack { name: "50 tells of 1 MB", run: long_tells },
];

/// Reads answers a little at a time, and checks that they come in order.
fn slow_reader(daemon: &Daemon, _: &mut TcpStream) -> Outcome<()> {
    let mut client = daemon.line_client()?;
    let requests: Vec<String> = (0..20).map(|id| request(id, "mudlist", "{}")).collect();
    client.stream.get_mut().write_all((requests.join("\n") + "\n").as_bytes())?;
    for id in 0..20 {
        std::thread::sleep(Duration::from_millis(50));
        let answer = next(&mut client)?;
        if !answer.starts_with(&format!(r#"{{"jsonrpc":"2.0","id":{id},"result""#)) {
            return Err(answer[..100.min(answer.len())].into());
        }
    }
    Ok(())
}

/// As many clients send a batch each, and read its answer.
fn batches(daemon: &Daemon, clients: usize, requests: &[(&str, &str)], times: usize) -> Outcome<()> {
    let all: Vec<String> = (0..times)
        .map(|id| {
            let (method, params) = requests[id % requests.len()];
            request(id, method, params)
        })
        .collect();
    let batch = format!("[{}]\n", all.join(","));
    let mut clients: Vec<Client> = (0..clients).map(|_| daemon.line_client()).collect::<Outcome<_>>()?;
    for client in &mut clients {
        client.stream.get_mut().write_all(batch.as_bytes())?;
    }
    for client in &mut clients {
        next(client)?;
    }
    Ok(())
}

/// Batches that wait for another mud, which never answers.
fn waiting_batches(daemon: &Daemon, _: &mut TcpStream) -> Outcome<()> {
    let mut all: Vec<String> = (0..20).map(|id| request(id, "channel_history", r#"["chat"]"#)).collect();
    all.push(request(20, "who", r#"{"target_mud":"Mud 00001","wait":true,"timeout":3}"#));
    let batch = format!("[{}]\n", all.join(","));
    let mut client = daemon.line_client()?;
    for _ in 0..30 {
        client.stream.get_mut().write_all(batch.as_bytes())?;
    }
    for _ in 0..30 {
        next(&mut client)?;
    }
    Ok(())
}

/// Another mud sends long tells, and the games read them.
fn long_tells(daemon: &Daemon, link: &mut TcpStream) -> Outcome<()> {
    let mut games: Vec<Client> = (0..5).map(|_| daemon.line_client()).collect::<Outcome<_>>()?;
    let text = "\u{1b}".repeat(1_050_000);
    for at in 0..50 {
        for text in [text.as_str(), &format!("small {at}")] {
            let packet = format!(r#"({{"tell",5,"Mud 00001","bob","Alpha","ann","Bob","{text}",}})"#);
            link.write_all(&wire::mudmode_frame(packet.as_bytes()))?;
        }
        for game in &mut games {
            let mut line = String::new();
            while !line.contains(&format!("small {at}\"")) {
                line.clear();
                if game.stream.read_line(&mut line)? == 0 {
                    return Err("a game that reads was closed".into());
                }
            }
        }
    }
    Ok(())
}
