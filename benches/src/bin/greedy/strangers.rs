//! Clients without a key.

use super::{Attack, request};
use i3_benches::daemon::{Daemon, Outcome};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

/// How long an attack goes on.
const GOES_ON: Duration = Duration::from_secs(1);

/// How long a stranger waits for an answer.
const PATIENCE: Duration = Duration::from_secs(2);

pub(super) const ATTACKS: &[Attack] = &[
    Attack { name: "strangers: 99 rpc.discover a connection", run: discover },
    Attack { name: "strangers: 300 lines that do not end", run: unfinished_lines },
];

/// One connection after the other asks for the longest document as often as it may.
fn discover(daemon: &Daemon, _: &mut TcpStream) -> Outcome<()> {
    let requests: Vec<String> = (0..99).map(|id| request(id, "rpc.discover", "{}")).collect();
    let text = requests.join("\n") + "\n";
    let began = Instant::now();
    while began.elapsed() < GOES_ON {
        let mut one = daemon.stranger()?;
        one.set_read_timeout(Some(PATIENCE))?;
        // The gateway may close it at any time.
        let mut answers = Vec::new();
        let _ = one.write_all(text.as_bytes()).and_then(|()| one.shutdown(std::net::Shutdown::Write));
        let _ = one.read_to_end(&mut answers);
    }
    Ok(())
}

fn unfinished_lines(daemon: &Daemon, _: &mut TcpStream) -> Outcome<()> {
    let line = "x".repeat(65_000);
    let mut all = Vec::new();
    for _ in 0..300 {
        // There may be no place for it, and it may be closed.
        let Ok(mut one) = daemon.stranger() else { continue };
        let _ = one.write_all(line.as_bytes());
        all.push(one);
    }
    std::thread::sleep(GOES_ON);
    Ok(())
}
