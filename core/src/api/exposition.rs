//! `/metrics`: the counters in the OpenMetrics text format.

use crate::hub::Hub;
use crate::metrics::Metrics;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Registry;
use std::fmt;

/// Of the answer.
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// What one scrape shows.
#[derive(Debug)]
struct Snapshot {
    metrics: Metrics,
    websocket_connections: i64,
    active_sessions: i64,
    router_ready: i64,
    queued_packets: i64,
    waiting_requests: i64,
    muds_online: i64,
}

impl Collector for Snapshot {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let gauges = [
            ("api_websocket_connections", "Active WebSocket connections", self.websocket_connections),
            ("api_active_sessions", "Active API sessions", self.active_sessions),
            ("i3_router_links_ready", "Router links that are ready", self.router_ready),
            ("i3_router_queued_packets", "Packets that wait for a router", self.queued_packets),
            (
                "api_requests_waiting",
                "Requests that wait for an answer from the network",
                self.waiting_requests,
            ),
            ("i3_muds_online", "Muds that are up, on all networks", self.muds_online),
        ];
        for (name, help, value) in gauges {
            let gauge = ConstGauge::new(value);
            gauge.encode(encoder.encode_descriptor(name, help, None, gauge.metric_type())?)?;
        }
        let m = &self.metrics;
        let counters = [
            ("i3_packets_received", "Packets from routers", m.packets_received),
            ("i3_packets_sent", "Packets to routers", m.packets_sent),
            ("i3_router_received_bytes", "Bytes from routers", m.router_bytes_received),
            ("i3_frames_unreadable", "Frames dropped because they were no packet", m.frames_unreadable),
            ("i3_packets_ignored", "Packets not served here or not for us", m.packets_ignored),
            ("i3_bare_quotes_repaired", "Unescaped quotes recovered", m.bare_quotes_repaired),
            ("i3_latin1_strings", "Strings read as Latin-1", m.latin1_strings),
            ("i3_packets_expired", "Accepted packets given up, each with an event", m.packets_expired),
            ("i3_router_logins", "Times a router link became ready", m.router_logins),
            ("i3_router_failures", "Times a ready router link was lost", m.router_failures),
            ("i3_identity_warnings", "Refused logins and rivals for a mud's name", m.identity_warnings),
            ("api_connections_accepted", "API connections accepted", m.connections_accepted),
            ("api_connections_refused", "API connections refused at a limit", m.connections_refused),
            ("api_connections_forbidden", "Refused for their address or origin", m.connections_forbidden),
            ("api_connections_at_fault", "API connections closed for what they sent", m.connections_at_fault),
            ("api_requests", "JSON-RPC requests", m.requests),
            ("api_request_errors", "JSON-RPC requests answered with an error", m.request_errors),
            ("api_keys_refused", "Wrong API keys", m.keys_refused),
            ("api_keys_delayed", "API keys not looked at after wrong ones", m.keys_delayed),
            ("api_requests_limited", "Requests above their key's rate", m.requests_limited),
            ("api_user_messages_limited", "Messages above their user's rate", m.user_messages_limited),
            ("api_sessions_kicked", "Sessions ended by an administrator", m.sessions_kicked),
            ("api_sessions_expired", "Sessions ended because they were silent", m.sessions_expired),
            ("i3_packets_banned_in", "Packets that a ban kept from coming in", m.packets_banned_in),
            ("i3_packets_banned_out", "Packets that a ban kept from going out", m.packets_banned_out),
            ("api_events_delivered", "Events queued, by recipient", m.events_delivered),
            ("api_events_dropped", "Events dropped for clients that do not read", m.events_dropped),
            ("i3_late_inputs", "Inputs for connections that were gone", m.late_inputs),
            ("i3_saves_failed", "Saves that failed", m.saves_failed),
        ];
        for (name, help, value) in counters {
            let counter = ConstCounter::new(value);
            counter.encode(encoder.encode_descriptor(name, help, None, counter.metric_type())?)?;
        }
        Ok(())
    }
}

fn gauge(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// The text.
pub(crate) fn encode(hub: &Hub) -> Vec<u8> {
    let snapshot = Snapshot {
        metrics: hub.metrics.clone(),
        websocket_connections: gauge(hub.websockets),
        active_sessions: gauge(hub.active_sessions()),
        router_ready: gauge(hub.muds.iter().filter(|mud| mud.link.is_ready()).count()),
        queued_packets: gauge(hub.muds.iter().map(|mud| mud.pacer.len()).sum()),
        waiting_requests: gauge(hub.pending.len()),
        muds_online: gauge(hub.muds.iter().map(|mud| mud.mudlist.online()).sum()),
    };
    let mut registry = Registry::default();
    registry.register_collector(Box::new(snapshot));
    let mut text = String::new();
    // Writing to a String cannot fail.
    let _ = prometheus_client::encoding::text::encode(&mut text, &registry);
    text.into_bytes()
}
