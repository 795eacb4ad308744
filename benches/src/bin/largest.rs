//! Prints how long the largest packets of a router hold the gateway, and packets of half that size. The work must grow with the
//! bytes, and no packet may hold the loop for more than 20 ms.

#![allow(clippy::print_stdout)] // printing is what it is for

use i3_benches::bench_gateway::Bench;
use i3_benches::data::framed;
use std::time::{Duration, Instant};

/// The bytes of the largest packets: near the largest frame that is read.
const BYTES: usize = 2_000_000;

/// Sessions of the gateway, each of which receives what is announced.
const CLIENTS: usize = 20;

/// How often each packet is handled.
const ROUNDS: usize = 7;

/// A kind of packet: its name, its text around the rows, and its rows.
type Kind = (&'static str, &'static str, &'static str, fn(usize) -> String);

const KINDS: &[Kind] = &[
    ("chanlist, new", r#"({"chanlist-reply",5,"*bench",0,"Bench Mud",0,7,(["#, "]),})", |n| {
        format!(r#""c{n}":({{"M",0,}}),"#)
    }),
    ("chanlist, others", r#"({"chanlist-reply",5,"*bench",0,"Bench Mud",0,7,(["#, "]),})", |n| {
        format!(r#""d{n}":({{"M",0,}}),"#)
    }),
    ("mudlist, up", r#"({"mudlist",5,"*bench",0,"Bench Mud",0,7,(["#, "]),})", |n| {
        format!(r#""m{n}":({{-1,"1.2.3.4",4000,0,0,"l","b","d","t","o","e",(["tell":1,]),0,}}),"#)
    }),
    ("mudlist, down", r#"({"mudlist",5,"*bench",0,"Bench Mud",0,7,(["#, "]),})", |n| {
        format!(r#""m{n}":({{0,"1.2.3.4",4000,0,0,"l","b","d","t","o","e",(["tell":1,]),0,}}),"#)
    }),
    ("who-reply", r#"({"who-reply",5,"Sage",0,"Bench Mud","ann",({"#, "}),})", |n| {
        format!(r#"({{"user {n}",1,"x",}}),"#)
    }),
    ("who-reply, odd rows", r#"({"who-reply",5,"Sage",0,"Bench Mud","ann",({"#, "}),})", |_| {
        "({({}),}),".to_owned()
    }),
    ("chan-who-reply", r#"({"chan-who-reply",5,"Sage",0,"Bench Mud","ann","chat",({"#, "}),})", |n| {
        format!(r#""user {n}","#)
    }),
    ("tell", r#"({"tell",5,"Sage","bob","Bench Mud","ann","Bob",""#, r#"",})"#, |_| "%^RED%^x".to_owned()),
    ("unknown type", r#"({"frobnicate",5,"Sage","bob","Bench Mud","ann","#, "})", |_| "0,".to_owned()),
    ("error", r#"({"error",5,"Sage",0,"Bench Mud","ann","unk-user","no",({"#, "}),})", |_| "0,".to_owned()),
    ("unreadable", r#"({"tell",5,"Sage","bob","Bench Mud","ann","#, "", |_| "({".to_owned()),
];

fn packet((_, head, tail, row): &Kind, bytes: usize) -> Vec<u8> {
    let mut text = (*head).to_owned();
    for n in 0.. {
        if text.len() + tail.len() + 100 > bytes {
            break;
        }
        text += &row(n);
    }
    framed([&text, *tail].concat().as_bytes())
}

fn held(bench: &mut Bench, frame: &[u8]) -> Duration {
    bench.wait(Duration::from_secs(60));
    let from = Instant::now();
    bench.packet(frame);
    let time = from.elapsed();
    bench.drain();
    time
}

/// A gateway that has seen a list of channels, and what a kind of packet presupposes.
fn bench(name: &str) -> Bench {
    let mut bench = Bench::new(CLIENTS);
    bench.packet(&framed(br#"({"chanlist-reply",5,"*bench",0,"Bench Mud",0,7,(["x":({"M",0,}),]),})"#));
    match name {
        "chanlist, others" => drop(held(&mut bench, &packet(&KINDS[0], BYTES))),
        "mudlist, down" => drop(held(&mut bench, &packet(&KINDS[2], BYTES))),
        _ => {}
    }
    bench
}

/// A gateway with a thousand bans.
fn with_bans() -> Bench {
    let mut bench = bench("");
    for n in 0..1_000 {
        let params = format!("{{\"pattern\":\"*a*a*a*{n}@*a*b\"}}");
        bench.ask(&format!("{{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ban_add\",\"params\":{params}}}\n"));
    }
    bench
}

fn main() {
    println!("| packet | half, ms | whole, ms | ratio |");
    println!("|---|---|---|---|");
    let named = |bytes: usize| {
        let name = "a".repeat(bytes / 2);
        framed(format!(r#"({{"tell",5,"{name}","{name}","Bench Mud","ann","Bob","hi",}})"#).as_bytes())
    };
    show("tell, 1,000 bans, long names", with_bans, &named(BYTES / 2), &named(BYTES - 200));
    show("tell, 1,000 bans", with_bans, &named(20), &named(40));
    for kind in KINDS {
        show(kind.0, || bench(kind.0), &packet(kind, BYTES / 2), &packet(kind, BYTES));
    }
}

/// Shows the shortest of some times, because other programs run too.
fn show(name: &str, bench: impl Fn() -> Bench, half: &[u8], whole: &[u8]) {
    let millis = |time: Duration| time.as_secs_f64() * 1000.0;
    let shortest = |frame: &[u8]| {
        let times = (0..ROUNDS).map(|_| held(&mut bench(), frame));
        times.min().map_or(0.0, millis)
    };
    let times = [half, whole].map(shortest);
    println!("| {name} | {:.2} | {:.2} | {:.1} |", times[0], times[1], times[1] / times[0]);
}
