//! `/metrics`: the counters in the OpenMetrics text format, or in Prometheus' older one.
//!
//! Labels come from small, fixed sets. No peer can choose a label.

use super::encoder::{LINES, SOCKETS};
use super::openrpc;
use crate::clients::Way;
use crate::health::Process;
use crate::link::StateName;
use crate::link::counts::Cause;
use crate::link::pacer::Class;
use crate::metrics::{BUCKETS_SECONDS, Counts, Histogram, Metrics};
use crate::muds::Mud;
use crate::saves::Saves;
use crate::service::Parts;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeCounterValue, MetricEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::{Registry, Unit};
use std::fmt::{self, Write};
use std::time::Duration;

/// The format of a page of metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// OpenMetrics 1.0.
    OpenMetrics,
    /// Prometheus' text format 0.0.4, for clients that do not ask for OpenMetrics.
    Prometheus,
}

impl Format {
    /// Returns the format that a request's `Accept` header prefers.
    pub fn of_accept(accept: Option<&str>) -> Self {
        let quality = |wanted: &[&str]| {
            let ranges = accept.unwrap_or_default().split(',').filter_map(|range| {
                let mut parts = range.split(';').map(str::trim);
                let name = parts.next()?.to_ascii_lowercase();
                let quality = parts.find_map(|part| part.strip_prefix("q=")?.parse().ok());
                wanted.contains(&name.as_str()).then_some(quality.unwrap_or(1.0))
            });
            ranges.fold(0.0, f64::max)
        };
        let open = quality(&["application/openmetrics-text"]);
        if open > 0.0 && open >= quality(&["text/plain", "text/*", "*/*"]) {
            Format::OpenMetrics
        } else {
            Format::Prometheus
        }
    }

    /// The content type of the answer.
    pub fn content_type(self) -> &'static str {
        match self {
            Format::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
            Format::Prometheus => "text/plain; version=0.0.4; charset=utf-8",
        }
    }
}

/// The figures of a router link.
#[derive(Debug)]
struct Link {
    /// Its number, in the order of the muds in the settings, from 1.
    number: String,
    state: StateName,
    heard_at_seconds: Option<f64>,
    queued: Vec<(Class, usize, usize)>,
    ended: Vec<(Cause, u64)>,
    own_packets: Vec<(&'static str, u64)>,
    muds: usize,
    muds_online: usize,
    channels: usize,
    bans: usize,
}

impl Link {
    fn of(at: usize, mud: &Mud) -> Self {
        let counts = mud.link.counts();
        Link {
            number: (at + 1).to_string(),
            state: mud.link.state(),
            heard_at_seconds: counts.heard_at.map(|at| at.micros() as f64 / 1e6),
            queued: mud.pacer.depths().collect(),
            ended: Cause::ALL.into_iter().map(|cause| (cause, counts.ended(cause))).collect(),
            own_packets: counts.own_packets().collect(),
            muds: mud.lists.muds().len(),
            muds_online: mud.lists.muds().online(),
            channels: mud.lists.channels().len(),
            bans: mud.bans.len(),
        }
    }
}

/// The figures of one scrape.
#[derive(Debug)]
struct Snapshot {
    metrics: Metrics,
    process: Option<Process>,
    lag: Duration,
    links: Vec<Link>,
    websocket_connections: usize,
    active_sessions: usize,
    /// Sessions by transport.
    sessions: [(&'static str, usize); 2],
    waiting_requests: usize,
    pending_bytes: usize,
    /// Kept events, and their bytes.
    kept: (usize, usize),
    store_failing: bool,
    changes_waiting: usize,
    changes_given_up: u64,
    uptime: Duration,
}

impl Snapshot {
    fn of(parts: &Parts<'_>) -> Self {
        let with = |way: &'static Way| (way.label, parts.clients.count_of(way.label));
        let saves = parts.cx.fx.saves();
        Snapshot {
            metrics: parts.cx.metrics.clone(),
            process: parts.run.process.clone(),
            lag: parts.run.lag,
            links: parts.muds.iter().map(|(mud, one)| Link::of(mud.place(), one)).collect(),
            websocket_connections: parts.clients.count_of(SOCKETS.label),
            active_sessions: parts.clients.active(),
            sessions: [with(&LINES), with(&SOCKETS)],
            waiting_requests: parts.waiting.len(),
            pending_bytes: parts.cx.fx.total_pending_bytes(),
            kept: parts.journal.size(),
            store_failing: saves.is_some_and(Saves::is_failing),
            changes_waiting: saves.map_or(0, Saves::waiting),
            changes_given_up: saves.map_or(0, Saves::given_up),
            uptime: parts.cx.now.mono.since(parts.run.started),
        }
    }
}

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

impl Collector for Snapshot {
    fn encode(&self, encoder: DescriptorEncoder<'_>) -> Written {
        let mut page = Page(encoder);
        self.plain(&mut page)?;
        self.links(&mut page)?;
        self.labelled(&mut page)?;
        match &self.process {
            Some(process) => process_figures(&mut page, process),
            None => Ok(()),
        }
    }
}

impl Snapshot {
    fn plain(&self, page: &mut Page<'_>) -> Written {
        let build = [("version", openrpc::VERSION)];
        let mut info =
            page.0.encode_descriptor("i3_gateway_build", "Version of the program", None, MetricType::Info)?;
        info.encode_info(&build)?;
        let count = |count: usize| count as f64;
        let ready = self.links.iter().filter(|link| link.state == StateName::Ready).count();
        for (name, help, unit, value) in [
            (
                "api_websocket_connections",
                "Active WebSocket connections",
                None,
                count(self.websocket_connections),
            ),
            ("api_active_sessions", "Active API sessions", None, count(self.active_sessions)),
            (
                "api_requests_waiting",
                "Requests that wait for an answer from the network",
                None,
                count(self.waiting_requests),
            ),
            ("i3_router_links", "Router links", None, count(self.links.len())),
            ("i3_router_links_ready", "Router links that are ready", None, count(ready)),
            (
                "i3_pending",
                "Bytes queued or in transit for all connections together",
                Some(Unit::Bytes),
                count(self.pending_bytes),
            ),
            ("api_events_kept", "Events kept for replay and for the history", None, count(self.kept.0)),
            ("api_events_kept", "Memory used by kept events", Some(Unit::Bytes), count(self.kept.1)),
            (
                "i3_store_failing",
                "1 while the store fails to save changes",
                None,
                count(usize::from(self.store_failing)),
            ),
            ("i3_store_changes_waiting", "Changes that wait to be saved", None, count(self.changes_waiting)),
            (
                "i3_gateway_uptime",
                "Time since the gateway was started",
                Some(Unit::Seconds),
                self.uptime.as_secs_f64(),
            ),
            (
                "i3_gateway_loop_lag",
                "Delay of the main loop at its last measurement",
                Some(Unit::Seconds),
                self.lag.as_secs_f64(),
            ),
        ] {
            page.gauge(name, help, unit.as_ref(), value)?;
        }
        let m = &self.metrics;
        for (name, help, value) in [
            (
                "i3_bare_quotes_repaired",
                "Unescaped quotes in packets that were repaired",
                m.bare_quotes_repaired,
            ),
            ("i3_latin1_strings", "Strings from the network that were decoded as Latin-1", m.latin1_strings),
            ("i3_router_logins", "Times a router link became ready", m.router_logins),
            ("i3_router_failures", "Times a ready router link was lost", m.router_failures),
            (
                "i3_identity_warnings",
                "Refused logins, and logins of others under a mud's name",
                m.identity_warnings,
            ),
            ("api_connections_accepted", "API connections accepted", m.connections_accepted),
            ("api_connections_refused", "API connections refused at a limit", m.connections_refused),
            (
                "api_connections_forbidden",
                "API connections refused for their address or origin",
                m.connections_forbidden,
            ),
            (
                "api_connections_at_fault",
                "API connections closed because the client broke the protocol",
                m.connections_at_fault,
            ),
            (
                "api_strangers_evicted",
                "API connections without a key closed to make room for others",
                m.strangers_evicted,
            ),
            (
                "api_strangers_limited",
                "Requests without a key refused because their address had sent too many",
                m.strangers_limited,
            ),
            ("api_tls_handshakes", "Completed TLS handshakes with clients", m.handshakes),
            ("api_keys_refused", "Wrong API keys", m.keys_refused),
            (
                "api_keys_delayed",
                "Wrong API keys that were told to wait, after others from their address",
                m.keys_delayed,
            ),
            (
                "api_requests_limited",
                "Requests refused because they exceeded the rate of their key",
                m.requests_limited,
            ),
            (
                "api_user_messages_limited",
                "Messages refused because they exceeded the rate of their user",
                m.user_messages_limited,
            ),
            ("api_sessions_kicked", "Sessions ended by an administrator", m.sessions_kicked),
            ("api_sessions_expired", "Sessions ended after too long a silence", m.sessions_expired),
            (
                "api_events_delivered",
                "Events queued for clients; an event counts once for each recipient",
                m.events_delivered,
            ),
            (
                "api_events_replayed",
                "Events replayed to clients; an event counts once for each recipient",
                m.events_replayed,
            ),
            (
                "api_events_expired",
                "Kept events that expired before any session received them",
                m.events_expired,
            ),
            (
                "i3_store_changes_given_up",
                "Changes lost because too many waited to be saved",
                self.changes_given_up,
            ),
            ("i3_late_inputs", "Inputs for connections that were closed already", m.late_inputs),
            ("i3_saves_failed", "Saves that failed", m.saves_failed),
        ] {
            page.counter(name, help, None, &value)?;
        }
        let family = ("i3_save_duration", "Duration of saves", Some(Unit::Seconds), MetricType::Histogram);
        let (name, help, unit, kind) = family;
        encode_histogram(page.0.encode_descriptor(name, help, unit.as_ref(), kind)?, &m.save_time)
    }

    fn links(&self, page: &mut Page<'_>) -> Written {
        let each = |value: fn(&Link) -> usize| {
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
                let of = move |(class, packets, bytes): &(Class, usize, usize)| {
                    ([link.number.as_str(), class.name()], value(*packets, *bytes) as f64)
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
            (["banned_in"], m.packets_banned_in),
            (["banned_out"], m.packets_banned_out),
        ];
        let help = "Packets that were dropped: unreadable frames, packets of services or muds that are not served here, \
                    packets that waited too long for a router or found its queue full (the sender is notified), \
                    and banned packets";
        page.counters("i3_packets_dropped", help, None, ["reason"], reasons)?;
        for (name, help, received, sent) in [
            ("i3_router", "Bytes from and to routers", m.router_bytes_received, m.router_bytes_sent),
            ("api", "Bytes from and to clients", m.api_bytes_received, m.api_bytes_sent),
        ] {
            page.counter(&format!("{name}_received"), help, Some(&Unit::Bytes), &received)?;
            page.counter(&format!("{name}_sent"), help, Some(&Unit::Bytes), &sent)?;
        }
        let sessions = self.sessions.map(|(way, count)| ([way], count as f64));
        let help = "Sessions of the API, identified or not";
        page.gauges("api_sessions", help, None, ["transport"], sessions)?;
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

/// Returns the page.
pub(crate) fn encode(parts: &Parts<'_>, format: Format) -> Vec<u8> {
    let mut registry = Registry::default();
    registry.register_collector(Box::new(Snapshot::of(parts)));
    let mut text = String::new();
    // Writing to a String cannot fail.
    let _ = prometheus_client::encoding::text::encode(&mut text, &registry);
    match format {
        Format::OpenMetrics => text.into_bytes(),
        Format::Prometheus => older(&text).into_bytes(),
    }
}

/// Converts OpenMetrics to Prometheus' text format. There, a family has the name of its samples, an info is a gauge,
/// and neither units nor an end mark exist.
fn older(text: &str) -> String {
    let mut older = String::with_capacity(text.len());
    let mut help = None;
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("# HELP ") {
            help = rest.split_once(' ');
        } else if let Some((name, kind)) = line.strip_prefix("# TYPE ").and_then(|rest| rest.split_once(' '))
        {
            let (end, kind) = match kind {
                "counter" => ("_total", "counter"),
                "info" => ("_info", "gauge"),
                kind => ("", kind),
            };
            if let Some((_, help)) = help.take() {
                let _ = writeln!(older, "# HELP {name}{end} {help}");
            }
            let _ = writeln!(older, "# TYPE {name}{end} {kind}");
        } else if !line.starts_with('#') {
            older.push_str(line);
            older.push('\n');
        }
    }
    older
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_that_accepts_openmetrics_gets_it() {
        // The headers that Prometheus 2 and 3, curl and a browser send.
        let prometheus = "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,\
                          application/openmetrics-text;version=0.0.1;q=0.4,text/plain;version=0.0.4;q=0.2,*/*;q=0.1";
        for (accept, format) in [
            (None, Format::Prometheus),
            (Some("*/*"), Format::Prometheus),
            (Some("text/html,application/xhtml+xml;q=0.9,*/*;q=0.8"), Format::Prometheus),
            (Some(prometheus), Format::OpenMetrics),
            (Some("Application/OpenMetrics-Text"), Format::OpenMetrics),
            (Some("application/openmetrics-text;q=0"), Format::Prometheus),
            (Some("text/plain, application/openmetrics-text; q=0.9"), Format::Prometheus),
        ] {
            assert_eq!(Format::of_accept(accept), format, "{accept:?}");
        }
    }

    #[test]
    fn the_older_format_names_families_like_their_samples() {
        let text = "# HELP a A.\n# TYPE a counter\na_total{x=\"y\"} 1\n# HELP b_bytes B.\n# TYPE b_bytes gauge\n\
                    # UNIT b_bytes bytes\nb_bytes 2\n# HELP c C.\n# TYPE c info\nc_info{v=\"1\"} 1\n# EOF\n";
        assert_eq!(
            older(text),
            "# HELP a_total A.\n# TYPE a_total counter\na_total{x=\"y\"} 1\n# HELP b_bytes B.\n\
             # TYPE b_bytes gauge\nb_bytes 2\n# HELP c_info C.\n# TYPE c_info gauge\nc_info{v=\"1\"} 1\n"
        );
    }
}
