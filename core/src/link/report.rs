//! What the node that runs a link reports of it, for the others: they show it in place of their own links, which rest.

use super::liveness::Liveness;
use super::state::StateName;
use crate::i3::Charset;
use crate::saved;
use crate::settings::RouterSettings;
use crate::time::{Instant, Now, UnixTime};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// A link as others see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// The name of the node that runs it. Empty: none does.
    pub node: String,
    /// The number of its lease.
    pub epoch: u64,
    /// The state.
    pub state: StateName,
    /// The router in use, or tried last.
    pub router: RouterSettings,
    /// When the state was entered.
    pub since: UnixTime,
    /// Why the link was last lost or refused.
    pub last_error: Option<String>,
    /// When the next attempt is due.
    pub next_attempt: Option<Instant>,
    /// How the link knows that its session lives.
    pub liveness: Liveness,
    /// The router is a CoffeeMud's.
    pub behind_coffeemud: bool,
}

/// The saved form.
#[derive(Serialize, Deserialize)]
struct Saved {
    node: String,
    epoch: u64,
    state: String,
    router: SavedRouter,
    since: u64,
    last_error: Option<String>,
    next_attempt: Option<u64>,
    liveness: String,
    behind_coffeemud: bool,
}

#[derive(Serialize, Deserialize)]
struct SavedRouter {
    name: String,
    host: String,
    port: u16,
    is_latin1: bool,
}

impl Report {
    /// Returns the saved form.
    pub fn to_saved(&self, now: Now) -> Option<Arc<[u8]>> {
        saved::write(&Saved {
            node: self.node.clone(),
            epoch: self.epoch,
            state: self.state.as_str().to_owned(),
            router: SavedRouter {
                name: self.router.name.clone(),
                host: self.router.host.clone(),
                port: self.router.port,
                is_latin1: self.router.charset == Charset::Latin1,
            },
            since: self.since.micros(),
            last_error: self.last_error.clone(),
            next_attempt: self.next_attempt.map(|at| now.unix_at(at).micros()),
            liveness: self.liveness.as_str().to_owned(),
            behind_coffeemud: self.behind_coffeemud,
        })
    }

    /// Reads the saved form. An attempt that is due by another node's clock is due at that time by this one's.
    pub fn from_saved(value: &[u8], now: Now) -> Option<Report> {
        let saved: Saved = saved::read(value)?;
        let SavedRouter { name, host, port, is_latin1 } = saved.router;
        let charset = if is_latin1 { Charset::Latin1 } else { Charset::Utf8 };
        Some(Report {
            node: saved.node,
            epoch: saved.epoch,
            state: StateName::ALL.into_iter().find(|state| state.as_str() == saved.state)?,
            router: RouterSettings { name, host, port, charset },
            since: UnixTime::from_micros(saved.since),
            last_error: saved.last_error,
            next_attempt: saved.next_attempt.map(|at| now.mono + UnixTime::from_micros(at).since(now.unix)),
            liveness: Liveness::ALL.into_iter().find(|one| one.as_str() == saved.liveness)?,
            behind_coffeemud: saved.behind_coffeemud,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn a_report_is_read_as_it_was_written_with_the_reader_s_own_clock() {
        let second = Duration::from_secs(1);
        let writer =
            Now { mono: Instant::from_micros(5), unix: UnixTime::from_micros(1_700_000_000_000_000) };
        let reader = Now { mono: Instant::from_micros(900), unix: writer.unix + second };
        let report = Report {
            node: "one".to_owned(),
            epoch: 7,
            state: StateName::Waiting,
            router: RouterSettings {
                name: "*net".to_owned(),
                host: "10.0.0.1".to_owned(),
                port: 8080,
                charset: Charset::Latin1,
            },
            since: writer.unix,
            last_error: Some("closed by the router".to_owned()),
            next_attempt: Some(writer.mono + second * 3),
            liveness: Liveness::NotConnected,
            behind_coffeemud: true,
        };
        let read = Report::from_saved(&report.to_saved(writer).unwrap(), reader);
        assert_eq!(read, Some(Report { next_attempt: Some(reader.mono + second * 2), ..report.clone() }));
        // An attempt that should have begun is due now.
        let late = Now { unix: writer.unix + second * 60, ..reader };
        let read = Report::from_saved(&report.to_saved(writer).unwrap(), late).unwrap();
        assert_eq!(read.next_attempt, Some(late.mono));
        assert_eq!(Report::from_saved(b"{}", reader), None);
    }
}
