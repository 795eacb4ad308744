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

fn main() {
    println!("| packet | half, ms | whole, ms | ratio |");
    println!("|---|---|---|---|");
    let mut bench = Bench::new(CLIENTS);
    let patterns = (0..999).map(|n| format!("*a*a*a*{n}@*a*b"));
    for pattern in patterns {
        bench.ask(&format!(
            "{{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ban_add\",\"params\":{{\"pattern\":\"{pattern}\"}}}}\n"
        ));
    }
    let long = "a".repeat(BYTES / 2);
    let banned = |bytes: usize| {
        framed(
            format!(r#"({{"tell",5,"{0}","{0}","Bench Mud","ann","Bob","hi",}})"#, &long[..bytes / 2])
                .as_bytes(),
        )
    };
    show("tell, 1,000 bans, long names", &mut bench, &banned(BYTES / 2 - 100), &banned(BYTES - 200));
    let short = framed(br#"({"tell",5,"Sage of the Hills","somebody","Bench Mud","ann","Bob","hi",})"#);
    show("tell, 1,000 bans", &mut bench, &short, &short);
    for kind in KINDS {
        let mut bench = Bench::new(CLIENTS);
        bench.packet(&framed(br#"({"chanlist-reply",5,"*bench",0,"Bench Mud",0,7,(["x":({"M",0,}),]),})"#));
        if kind.0 == "chanlist, others" {
            held(&mut bench, &packet(&KINDS[0], BYTES));
        }
        if kind.0 == "mudlist, down" {
            held(&mut bench, &packet(&KINDS[2], BYTES));
        }
        show(kind.0, &mut bench, &packet(kind, BYTES / 2), &packet(kind, BYTES));
    }
}

fn show(name: &str, bench: &mut Bench, half: &[u8], whole: &[u8]) {
    let millis = |time: Duration| time.as_secs_f64() * 1000.0;
    let times = [half, whole].map(|frame| millis(held(bench, frame)));
    println!("| {name} | {:.2} | {:.2} | {:.1} |", times[0], times[1], times[1] / times[0]);
}
