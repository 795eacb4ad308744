//! What a gateway takes when it is logged in and nobody is there.

use super::bare::Role;
use super::growth::at_rest;
use super::options::Plan;
use super::report::Row;
use super::target::Target;
use crate::daemon::Outcome;

/// The figures' names.
pub const MEMORY: &str = "RSS, kB";

/// Measures all programs and a bare one.
pub fn measure(plan: &Plan) -> Outcome<Vec<Row>> {
    let mut rows = Vec::new();
    for program in plan.programs.iter().map(Some).chain([None]) {
        let target = match program {
            Some(program) => Target::daemon(program, None, |_| {})?,
            None => Target::bare(Role::Relay, b"#00000000#\n", None, None)?,
        };
        let (idle, memory) = at_rest(&target)?;
        let private = target.status("RssAnon:")? as f64;
        let threads = target.status("Threads:")? as f64;
        rows.push(Row {
            scenario: "idle",
            program: target.name.clone(),
            kind: target.kind(),
            load: Vec::new(),
            values: vec![
                (MEMORY, memory),
                ("of it private, kB", private),
                ("threads", threads),
                ("idle: CPU us a second", idle),
            ],
        });
    }
    Ok(rows)
}
