//! Other muds and a router that send much.

use super::{Attack, ask, next};
use i3_benches::daemon::{Daemon, Outcome};
use i3_tests::wire;
use std::io::{BufRead, Write};
use std::net::TcpStream;

pub(super) const ATTACKS: &[Attack] = &[
    Attack { name: "1,300 questions of a mud", run: |daemon, link| send(daemon, link, 1_300, question) },
    Attack { name: "1,300 tells to nobody", run: |daemon, link| send(daemon, link, 1_300, tell_to_nobody) },
    Attack { name: "40 unasked lists of 1.8 MB", run: |daemon, link| send(daemon, link, 40, unasked_list) },
    Attack { name: "10,000 ucache-updates", run: |daemon, link| send(daemon, link, 10_000, ucache_update) },
    Attack {
        name: "20 times the channels of a list of 20,000",
        run: |daemon, link| send(daemon, link, 20, channel_list),
    },
    Attack { name: "200 names of 100 kB and 1,000 bans", run: long_names },
];

fn question(_: usize) -> String {
    r#"({"auth-mud-req",5,"Mud 00001",0,"Alpha",0,})"#.to_owned()
}

fn tell_to_nobody(n: usize) -> String {
    format!(r#"({{"tell",5,"Mud 00001","bob","Alpha","nobody{n}","Bob","hello",}})"#)
}

fn unasked_list(n: usize) -> String {
    let users: String = (0..100_000).map(|at| format!("\"user{at:010}\",")).collect();
    format!(r#"({{"chan-who-reply",5,"Mud {n:05}",0,"Alpha","ann","chat",({{{users}}}),}})"#)
}

fn ucache_update(n: usize) -> String {
    let long = "x".repeat(10_000);
    format!(r#"({{"ucache-update",5,"Mud {:05}",0,0,0,"user{n}","{long}",0,}})"#, n % 1_000)
}

/// Other channels each time.
fn channel_list(n: usize) -> String {
    let channels: String =
        (0..20_000).map(|at| format!(r#""channel {n} {at}":({{"Mud 00001",0,}}),"#)).collect();
    format!(r#"({{"chanlist-reply",5,"*net",0,"Alpha",0,{n},([{channels}]),}})"#)
}

fn long_names(daemon: &Daemon, link: &mut TcpStream) -> Outcome<()> {
    let mut admin = daemon.line_client()?;
    for n in 0..1_000 {
        ask(&mut admin, n, "ban_add", &format!(r#"{{"pattern":"*a*b*c*{n}*@*x*y*"}}"#))?;
        next(&mut admin)?;
    }
    let name = "abcxy".repeat(20_000);
    send(daemon, link, 200, |n| {
        format!(r#"({{"tell",5,"Mud 00001","{name}{n}","Alpha","ann","Bob","hello",}})"#)
    })
}

/// Sends packets, and waits until a game is told what comes after them.
fn send(
    daemon: &Daemon,
    link: &mut TcpStream,
    count: usize,
    packet: impl Fn(usize) -> String,
) -> Outcome<()> {
    let mut game = daemon.line_client()?;
    for n in 0..count {
        link.write_all(&wire::mudmode_frame(packet(n).as_bytes()))?;
    }
    let end = r#"({"tell",5,"Mud 00002","bob","Alpha","ann","Bob","this is the end",})"#;
    link.write_all(&wire::mudmode_frame(end.as_bytes()))?;
    let mut line = String::new();
    while !line.contains("this is the end") {
        line.clear();
        if game.stream.read_line(&mut line)? == 0 {
            return Err("a game that reads was closed".into());
        }
    }
    Ok(())
}
