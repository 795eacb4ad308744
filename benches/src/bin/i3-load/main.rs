//! The load tool. See `i3-load --help`.

#![allow(clippy::print_stdout)] // printing is what it is for

use i3_benches::daemon::Outcome;
use i3_benches::load::bare::{self, Role};
use i3_benches::load::fanout::{self, Plan};
use i3_benches::load::target::Door;
use std::path::Path;

fn main() -> Outcome<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [bare, role, port, folder] = arguments.as_slice()
        && bare == "bare"
    {
        let role = Role::from_name(role).ok_or("no such role")?;
        return bare::run(role, port.parse()?, Path::new(folder));
    }
    let mut plan = Plan {
        programs: Vec::new(),
        door: Door::Lines,
        clients: 100,
        lines: 40_000,
        text_bytes: 60,
        rounds: 5,
    };
    let mut clients = vec![1, 10, 100];
    let mut rest = arguments.iter().skip(1);
    while let Some(argument) = rest.next() {
        let mut value = || rest.next().ok_or_else(|| format!("{argument} needs a value"));
        match argument.as_str() {
            "--clients" => clients = value()?.split(',').map(str::parse).collect::<Result<_, _>>()?,
            "--lines" => plan.lines = value()?.parse()?,
            "--rounds" => plan.rounds = value()?.parse()?,
            "--text-bytes" => plan.text_bytes = value()?.parse()?,
            "--door" => {
                let name = value()?;
                let known = Door::ALL.iter().find(|(known, _)| known == name);
                plan.door = known.ok_or("doors are lines, websocket and tls")?.1;
            }
            program => plan.programs.push(program.into()),
        }
    }
    println!(
        "| clients | program | lines a second, all clients | of the bare loop | of the bare relay | processor, ns a line and client |"
    );
    println!("|---|---|---|---|---|---|");
    for clients in clients {
        let lines = (plan.lines * 100 / (clients as u64 + 20)).max(100);
        for figure in fanout::measure(&Plan { clients, lines, ..plan.clone() })? {
            println!(
                "| {clients} | {} | {:.0} | {:.3} | {:.3} | {:.0} |",
                figure.name, figure.lines_per_second, figure.of_loop, figure.of_relay, figure.processor_ns
            );
        }
    }
    Ok(())
}
