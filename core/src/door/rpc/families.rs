//! The families of metrics: the one table of their names and help texts.
//!
//! Labels come from small, fixed sets, and from the names of keys and muds in the settings. No peer can choose a label.

use super::openrpc;
use super::snapshot::{LinkFigures, Snapshot};
use crate::health::Process;
use crate::link::StateName;
use crate::metrics::{BUCKETS_SECONDS, Counts, Histogram};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeCounterValue, MetricEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::Unit;
use std::fmt;

/// Writes families of metrics.
struct Page<'e>(DescriptorEncoder<'e>);

type Written = Result<(), fmt::Error>;

impl Page<'_> {
    fn gauge(&mut self, name: &str, help: &str, unit: Option<&Unit>, value: f64) -> Written {
        self.0.encode_descriptor(name, help, unit, MetricType::Gauge)?.encode_gauge(&value)
    }

    fn counter(
        &mut self,
        name: &str,
        help: &str,
        unit: Option<&Unit>,
        value: &impl EncodeCounterValue,
    ) -> Written {
        let mut family = self.0.encode_descriptor(name, help, unit, MetricType::Counter)?;
        family.encode_counter::<NoLabelSet, _, u64>(value, None)
    }

    /// Writes a family with one value for each combination of labels.
    fn family<'l, const N: usize, V>(
        &mut self,
        (name, help, unit, kind): (&str, &str, Option<Unit>, MetricType),
        labels: [&'static str; N],
        rows: impl IntoIterator<Item = ([&'l str; N], V)>,
        write: impl Fn(MetricEncoder<'_>, V) -> Written,
    ) -> Written {
        let mut family = self.0.encode_descriptor(name, help, unit.as_ref(), kind)?;
        for (values, value) in rows {
            let set: Vec<(&str, &str)> = labels.into_iter().zip(values).collect();
            write(family.encode_family(&set[..].to_vec())?, value)?;
        }
        Ok(())
    }

    fn gauges<'l, const N: usize>(
        &mut self,
        name: &str,
        help: &str,
        unit: Option<Unit>,
        labels: [&'static str; N],
        rows: impl IntoIterator<Item = ([&'l str; N], f64)>,
    ) -> Written {
        let write = |mut one: MetricEncoder<'_>, value: f64| one.encode_gauge(&value);
        self.family((name, help, unit, MetricType::Gauge), labels, rows, write)
    }

    fn counters<'l, const N: usize>(
        &mut self,
        name: &str,
        help: &str,
        unit: Option<Unit>,
        labels: [&'static str; N],
        rows: impl IntoIterator<Item = ([&'l str; N], u64)>,
    ) -> Written {
        let write =
            |mut one: MetricEncoder<'_>, value: u64| one.encode_counter::<NoLabelSet, _, u64>(&value, None);
        self.family((name, help, unit, MetricType::Counter), labels, rows, write)
    }
}

fn encode_histogram(mut one: MetricEncoder<'_>, times: &Histogram) -> Written {
    let bounds = BUCKETS_SECONDS.into_iter().chain([f64::INFINITY]);
    let buckets: Vec<(f64, u64)> = bounds.zip(times.counts).collect();
    one.encode_histogram::<NoLabelSet>(times.sum.as_secs_f64(), times.count(), &buckets, None)
}

/// A gauge without labels.
struct Gauge {
    name: &'static str,
    help: &'static str,
    unit: Option<Unit>,
    value: fn(&Snapshot) -> f64,
}

/// A counter without labels or unit.
struct Counter {
    name: &'static str,
    help: &'static str,
    value: fn(&Snapshot) -> u64,
}

/// The gauges without labels.
const GAUGES: &[Gauge] = &[
    Gauge {
        name: "api_websocket_connections",
        help: "Active WebSocket connections",
        unit: None,
        value: |s| s.websocket_connections as f64,
    },
    Gauge {
        name: "api_active_sessions",
        help: "Active API sessions",
        unit: None,
        value: |s| s.active_sessions as f64,
    },
    Gauge {
        name: "api_requests_waiting",
        help: "Requests that wait for an answer from the network",
        unit: None,
        value: |s| s.waiting_requests as f64,
    },
    Gauge { name: "i3_router_links", help: "Router links", unit: None, value: |s| s.links.len() as f64 },
    Gauge {
        name: "i3_router_links_ready",
        help: "Router links that are ready",
        unit: None,
        value: |s| s.ready_links() as f64,
    },
    Gauge {
        name: "i3_pending",
        help: "Bytes queued or in transit for all connections together",
        unit: Some(Unit::Bytes),
        value: |s| s.pending_bytes as f64,
    },
    Gauge {
        name: "api_events_kept",
        help: "Events kept for replay and for the history",
        unit: None,
        value: |s| s.kept.0 as f64,
    },
    Gauge {
        name: "api_events_kept",
        help: "Memory used by kept events",
        unit: Some(Unit::Bytes),
        value: |s| s.kept.1 as f64,
    },
    Gauge {
        name: "i3_store_failing",
        help: "1 while the store fails to save changes",
        unit: None,
        value: |s| f64::from(u8::from(s.store_failing)),
    },
    Gauge {
        name: "i3_store_changes_waiting",
        help: "Changes that wait to be saved",
        unit: None,
        value: |s| s.changes_waiting as f64,
    },
    Gauge {
        name: "i3_gateway_uptime",
        help: "Time since the gateway was started",
        unit: Some(Unit::Seconds),
        value: |s| s.uptime.as_secs_f64(),
    },
    Gauge {
        name: "i3_gateway_loop_lag",
        help: "Delay of the main loop at its last measurement",
        unit: Some(Unit::Seconds),
        value: |s| s.lag.as_secs_f64(),
    },
];

/// The counters without labels.
const COUNTERS: &[Counter] = &[
    Counter {
        name: "i3_bare_quotes_repaired",
        help: "Unescaped quotes in packets that were repaired",
        value: |s| s.metrics.bare_quotes_repaired,
    },
    Counter {
        name: "i3_odd_rows",
        help: "Rows of lists and replies that could not be read and were left out",
        value: |s| s.metrics.odd_rows,
    },
    Counter {
        name: "i3_latin1_strings",
        help: "Strings from the network that were decoded as Windows-1252",
        value: |s| s.metrics.latin1_strings,
    },
    Counter {
        name: "i3_router_logins",
        help: "Times a router link became ready",
        value: |s| s.metrics.router_logins,
    },
    Counter {
        name: "i3_router_failures",
        help: "Times a ready router link was lost",
        value: |s| s.metrics.router_failures,
    },
    Counter {
        name: "i3_router_floods",
        help: "Errors in which a router said that it takes a mud for one that floods; what it has dropped is sent again",
        value: |s| s.metrics.floods_reported,
    },
    Counter {
        name: "i3_identity_warnings",
        help: "Refused logins, and logins of others under a mud's name",
        value: |s| s.metrics.identity_warnings,
    },
    Counter {
        name: "api_connections_accepted",
        help: "API connections accepted",
        value: |s| s.metrics.connections_accepted,
    },
    Counter {
        name: "api_connections_refused",
        help: "API connections refused at a limit",
        value: |s| s.metrics.connections_refused,
    },
    Counter {
        name: "api_connections_forbidden",
        help: "API connections refused for their address or origin",
        value: |s| s.metrics.connections_forbidden,
    },
    Counter {
        name: "api_connections_at_fault",
        help: "API connections closed because the client broke the protocol",
        value: |s| s.metrics.connections_at_fault,
    },
    Counter {
        name: "api_strangers_evicted",
        help: "API connections without a key closed to make room for others",
        value: |s| s.metrics.strangers_evicted,
    },
    Counter {
        name: "api_strangers_limited",
        help: "Requests without a key refused because their address had sent too many",
        value: |s| s.metrics.strangers_limited,
    },
    Counter {
        name: "api_tls_handshakes",
        help: "Completed TLS handshakes with clients",
        value: |s| s.metrics.handshakes,
    },
    Counter { name: "api_keys_refused", help: "Wrong API keys", value: |s| s.metrics.keys_refused },
    Counter {
        name: "api_keys_delayed",
        help: "Wrong API keys refused because their address must wait after earlier ones",
        value: |s| s.metrics.keys_delayed,
    },
    Counter {
        name: "api_requests_limited",
        help: "Requests refused because they exceeded the rate of their key",
        value: |s| s.metrics.requests_limited,
    },
    Counter {
        name: "api_user_messages_limited",
        help: "Messages refused because they exceeded the rate of their user",
        value: |s| s.metrics.user_messages_limited,
    },
    Counter {
        name: "api_sessions_kicked",
        help: "Sessions ended by an administrator",
        value: |s| s.metrics.sessions_kicked,
    },
    Counter {
        name: "api_sessions_expired",
        help: "Sessions ended after too long a silence",
        value: |s| s.metrics.sessions_expired,
    },
    Counter {
        name: "api_events_delivered",
        help: "Events queued for clients; an event counts once for each recipient",
        value: |s| s.metrics.events_delivered,
    },
    Counter {
        name: "api_events_replayed",
        help: "Events replayed to clients; an event counts once for each recipient",
        value: |s| s.metrics.events_replayed,
    },
    Counter {
        name: "api_events_expired",
        help: "Kept events that expired before any session received them",
        value: |s| s.metrics.events_expired,
    },
    Counter {
        name: "i3_store_rewrites",
        help: "How often a space of the store, or all of it, was written anew from memory",
        value: |s| s.store_rewrites,
    },
    Counter {
        name: "i3_history_lines_lost",
        help: "Lines of the history that left memory before the store could save them",
        value: |s| s.history_lines_lost,
    },
    Counter {
        name: "i3_late_inputs",
        help: "Inputs for connections that were closed already",
        value: |s| s.metrics.late_inputs,
    },
    Counter {
        name: "i3_store_queries",
        help: "Questions to the store about the history",
        value: |s| s.metrics.store_queries,
    },
    Counter {
        name: "i3_store_queries_failed",
        help: "Questions to the store that it could not answer",
        value: |s| s.metrics.store_queries_failed,
    },
    Counter { name: "i3_saves_failed", help: "Saves that failed", value: |s| s.metrics.saves_failed },
    Counter {
        name: "i3_door_logins",
        help: "Logins of muds on the port for Intermud-3",
        value: |s| s.metrics.mud_logins,
    },
    Counter {
        name: "i3_door_logins_refused",
        help: "Logins of muds on the port for Intermud-3 that were refused",
        value: |s| s.metrics.mud_logins_refused,
    },
    Counter {
        name: "i3_door_packets_received",
        help: "Packets that muds have sent on the port for Intermud-3",
        value: |s| s.metrics.mud_packets_received,
    },
    Counter {
        name: "i3_door_packets_refused",
        help: "Packets of these muds that were answered with an error packet",
        value: |s| s.metrics.mud_packets_refused,
    },
];

impl Collector for Snapshot {
    fn encode(&self, encoder: DescriptorEncoder<'_>) -> Written {
        let mut page = Page(encoder);
        self.plain(&mut page)?;
        self.links(&mut page)?;
        self.labelled(&mut page)?;
        self.nodes(&mut page)?;
        let help = "Lines of the log that were dropped, because they could not be written in time, or not written at all";
        let lost = self.process.as_ref().map_or(0, |process| process.log_lines_lost);
        page.counter("i3_log_dropped", help, None, &lost)?;
        match &self.process {
            Some(process) => process_figures(&mut page, process),
            None => Ok(()),
        }
    }
}

impl Snapshot {
    fn ready_links(&self) -> usize {
        self.links.iter().filter(|link| link.state == StateName::Ready).count()
    }

    fn plain(&self, page: &mut Page<'_>) -> Written {
        let build = [("version", openrpc::VERSION)];
        let mut info =
            page.0.encode_descriptor("i3_gateway_build", "Version of the program", None, MetricType::Info)?;
        info.encode_info(&build)?;
        for gauge in GAUGES {
            page.gauge(gauge.name, gauge.help, gauge.unit.as_ref(), (gauge.value)(self))?;
        }
        for counter in COUNTERS {
            page.counter(counter.name, counter.help, None, &(counter.value)(self))?;
        }
        let family = ("i3_save_duration", "Duration of saves", Some(Unit::Seconds), MetricType::Histogram);
        let (name, help, unit, kind) = family;
        encode_histogram(page.0.encode_descriptor(name, help, unit.as_ref(), kind)?, &self.metrics.save_time)
    }

    fn links(&self, page: &mut Page<'_>) -> Written {
        let each = |value: fn(&LinkFigures) -> usize| {
            self.links.iter().map(move |link| ([link.number.as_str()], value(link) as f64))
        };
        page.gauges("i3_muds", "Known muds", None, ["link"], each(|link| link.muds))?;
        page.gauges(
            "i3_muds_online",
            "Known muds that are up",
            None,
            ["link"],
            each(|link| link.muds_online),
        )?;
        page.gauges("i3_channels", "Known channels", None, ["link"], each(|link| link.channels))?;
        page.gauges("i3_bans", "Bans in force", None, ["link"], each(|link| link.bans))?;
        let states = self.links.iter().flat_map(|link| {
            let is = move |state: StateName| f64::from(u8::from(link.state == state));
            StateName::ALL.into_iter().map(move |state| ([link.number.as_str(), state.as_str()], is(state)))
        });
        let help = "1 for the current state of the link, 0 for the others";
        page.gauges("i3_router_link_state", help, None, ["link", "state"], states)?;
        let heard =
            self.links.iter().filter_map(|link| Some(([link.number.as_str()], link.heard_at_seconds?)));
        let help = "Unix time at which the router last sent anything";
        page.gauges("i3_router_last_received_timestamp", help, Some(Unit::Seconds), ["link"], heard)?;
        let queued = |value: fn(usize, usize) -> usize| {
            self.links.iter().flat_map(move |link| {
                let of = move |(class, packets, bytes): &(&'static str, usize, usize)| {
                    ([link.number.as_str(), *class], value(*packets, *bytes) as f64)
                };
                link.queued.iter().map(of)
            })
        };
        let (name, help) = ("i3_router_queued_packets", "Packets that wait for a router");
        page.gauges(name, help, None, ["link", "class"], queued(|packets, _| packets))?;
        let (name, help) = ("i3_router_queued", "Bytes of packets that wait for a router");
        page.gauges(name, help, Some(Unit::Bytes), ["link", "class"], queued(|_, bytes| bytes))?;
        let ended = self.links.iter().flat_map(|link| {
            link.ended.iter().map(|(cause, times)| ([link.number.as_str(), cause.name()], *times))
        });
        let help = "Router sessions and login attempts that ended; a new attempt follows each";
        page.counters("i3_router_reconnects", help, None, ["link", "cause"], ended)
    }

    /// Writes who shares the muds. Their names are labels only where several nodes do.
    fn nodes(&self, page: &mut Page<'_>) -> Written {
        let help = "Gateways that share the muds and are there, this one too";
        page.gauge("i3_nodes", help, None, self.nodes as f64)?;
        let held = self.held.iter().map(|(mud, is_held)| ([mud.as_str()], f64::from(u8::from(*is_held))));
        let help = "1 if this node holds the router link of the mud, 0 if another one does or none";
        page.gauges("i3_lease_held", help, None, ["mud"], held)
    }

    fn labelled(&self, page: &mut Page<'_>) -> Written {
        let m = &self.metrics;
        let mut sent = m.sent_by_kind.clone();
        for (kind, times) in self.links.iter().flat_map(|link| &link.own_packets) {
            *sent.entry(kind).or_default() += times;
        }
        let by = |counts: &Counts| -> Vec<_> { counts.iter().map(|(name, n)| ([*name], *n)).collect() };
        page.counters(
            "i3_packets_received",
            "Packets from routers",
            None,
            ["type"],
            by(&m.received_by_kind),
        )?;
        page.counters("i3_packets_sent", "Packets to routers", None, ["type"], by(&sent))?;
        let reasons = [
            (["unreadable"], m.frames_unreadable),
            (["not_served"], m.packets_ignored),
            (["expired"], m.packets_expired),
            (["queue_full"], m.packets_refused),
            (["too_many_answers"], m.answers_dropped),
            (["banned_in"], m.packets_banned_in),
            (["banned_out"], m.packets_banned_out),
        ];
        let help = "Packets that were dropped: unreadable frames, packets of services or muds that are not served here, \
                    packets that waited too long for a router or found its queue full (the sender is notified), \
                    answers to muds that ask too much, and banned packets";
        page.counters("i3_packets_dropped", help, None, ["reason"], reasons)?;
        for (name, help, received, sent) in [
            ("i3_router", "Bytes from and to routers", m.router_bytes_received, m.router_bytes_sent),
            ("api", "Bytes from and to clients", m.api_bytes_received, m.api_bytes_sent),
        ] {
            page.counter(&format!("{name}_received"), help, Some(&Unit::Bytes), &received)?;
            page.counter(&format!("{name}_sent"), help, Some(&Unit::Bytes), &sent)?;
        }
        let sessions = self.sessions.iter().map(|(way, count)| ([*way], *count as f64));
        let help = "Sessions of the API, identified or not";
        page.gauges("api_sessions", help, None, ["transport"], sessions)?;
        let of_keys = self.sessions_of_keys.iter().map(|(key, count)| ([key.as_str()], *count as f64));
        let help = "Sessions by the name of their key in the settings";
        page.gauges("api_key_sessions", help, None, ["key"], of_keys)?;
        let failed = by(&m.handshakes_failed);
        let help = "TLS handshakes with clients that failed";
        page.counters("api_tls_handshakes_failed", help, None, ["reason"], failed)?;
        let weights = by(&m.events_dropped_by_weight);
        let help = "Events dropped because the client did not read";
        page.counters("api_events_dropped", help, None, ["kind"], weights)?;
        let calls = m.calls.iter().flat_map(|(method, calls)| {
            calls.outcomes.iter().map(move |(outcome, times)| ([*method, *outcome], *times))
        });
        page.counters("api_requests", "JSON-RPC requests", None, ["method", "outcome"], calls)?;
        let times = m.calls.iter().map(|(method, calls)| ([*method], &calls.time));
        let help = "Time until a request was answered, including any wait for an answer from the network";
        let family = ("api_request_duration", help, Some(Unit::Seconds), MetricType::Histogram);
        page.family(family, ["method"], times, encode_histogram)
    }
}

/// Writes the figures of the process, under the names that every exporter uses for them.
fn process_figures(page: &mut Page<'_>, process: &Process) -> Written {
    if let Some(cpu) = process.cpu {
        let help = "User and system CPU time";
        page.counter("process_cpu", help, Some(&Unit::Seconds), &cpu.as_secs_f64())?;
    }
    let started = process.started.map(|at| at.micros() as f64 / 1e6);
    let count = |count: Option<u64>| count.map(|count| count as f64);
    for (name, help, unit, value) in [
        ("process_resident_memory", "Resident memory", Some(Unit::Bytes), count(process.resident_bytes)),
        ("process_virtual_memory", "Virtual memory", Some(Unit::Bytes), count(process.virtual_bytes)),
        ("process_open_fds", "Open file descriptors, including sockets", None, count(process.open_files)),
        ("process_max_fds", "Limit of open file descriptors", None, count(process.open_files_max)),
        ("process_threads", "Threads", None, count(process.threads)),
        ("process_start_time", "Unix time at which the process was started", Some(Unit::Seconds), started),
    ] {
        if let Some(value) = value {
            page.gauge(name, help, unit.as_ref(), value)?;
        }
    }
    Ok(())
}
