//! Every method once, on both transports, with the shape of its result.

use crate::client::{TRANSPORTS, Transport};
use crate::gateway::Gateway;
use crate::programs::Daemon;
use crate::router::Router;
use serde_json::{Value as Json, json};
use std::collections::{BTreeMap, BTreeSet};

for_both!(each_method_answers_in_its_shape_on_both_transports);

/// A call, where `"=name"` stands for that member of an earlier result; the whole of its result, where `"*"` is any value
/// and `["*"]` any list that is not empty; and the event that it is on the mud Beta, if any.
struct Row {
    method: &'static str,
    params: Json,
    result: Json,
    event: Option<&'static str>,
}

fn row(method: &'static str, params: Json, result: Json) -> Row {
    Row { method, params, result, event: None }
}

impl Row {
    fn seen_as(self, event: &'static str) -> Row {
        Row { event: Some(event), ..self }
    }
}

/// In an order in which each makes sense. Beta's Ann is on and hears the channel `chat`; `own` is a name for a new one.
fn rows(key: &str, own: &str) -> Vec<Row> {
    let sent = || json!({"status": "sent", "message_id": "*"});
    let ann = || json!({"target_mud": "Beta", "target_user": "Ann", "from_user": "Bob", "wait": true});
    let aimed =
        |name: &str| json!({"target_mud": "Beta", "target_user": "Ann", "from_user": "Bob", name: "hello"});
    vec![
        row("ping", json!({}), json!({"pong": true, "timestamp": "*"})),
        row("rpc.discover", json!({}), json!({"openrpc": "*", "info": "*", "methods": ["*"]})),
        row("authenticate", json!({"api_key": key}), json!({"status": "success", "mud_name": "Alpha", "session_id": "*"})),
        row("heartbeat", json!({}), json!({"status": "ok", "timestamp": "*"})),
        row(
            "status",
            json!({}),
            json!({
                "connected": true, "mud_name": "Alpha", "session_id": "*", "uptime": "*",
                "router": {
                    "name": "*test", "state": "ready", "since": "*", "last_error": null, "liveness": "*", "next_attempt": null,
                },
            }),
        ),
        row(
            "stats",
            json!({}),
            json!({
                "mud_count": 2, "online_muds": 2, "channel_count": "*", "session_count": 2, "mudlist_id": "*",
                "chanlist_id": "*", "gateway_connected": true, "packets_sent": "*", "packets_received": "*",
            }),
        ),
        row(
            "mudlist",
            json!({"filter": {"name": "Beta"}}),
            json!({"status": "success", "count": 1, "muds": [{
                "name": "Beta", "host": "127.0.0.1", "port": 4000, "tcp_port": 0, "udp_port": 0, "driver": "*",
                "mudlib": "*", "mud_type": "*", "status": "up", "services": "*", "open_status": "*", "admin_email": "*",
            }]}),
        ),
        row(
            "presence_sync",
            json!({"users": [{"name": "Bob", "level": 3, "idle": 4}]}),
            json!({"status": "synchronized", "mud_name": "Alpha", "count": 1}),
        ),
        row("tell", aimed("message"), sent()).seen_as("tell_received"),
        row("emoteto", aimed("emote"), sent()).seen_as("emoteto_received"),
        row("beep", json!({"target_mud": "Beta", "target_user": "Ann"}), sent()).seen_as("beep_received"),
        row(
            "who",
            json!({"target_mud": "Beta", "wait": true}),
            json!({
                "from_mud": "Beta", "to_mud": "Alpha", "to_user": "Someone",
                "users": [{"name": "Ann", "idle": 1, "level": 7, "extra": "the Brave"}],
                "members": [{"mud": "Beta", "users": ["Ann"]}],
            }),
        ),
        row(
            "finger",
            ann(),
            json!({
                "from_mud": "Beta", "to_mud": "Alpha", "to_user": "Bob",
                "user_info": {
                    "name": "Ann", "title": "the Brave", "real_name": "*", "email": "*", "login_time": "*",
                    "idle_time": 1, "ip_address": "*", "level": 7, "extra": "*",
                },
            }),
        ),
        row(
            "locate",
            json!({"target_user": "Ann", "wait": true}),
            json!({
                "from_mud": "Beta", "to_mud": "Alpha", "to_user": "Someone", "located_mud": "Beta",
                "located_user": "Ann", "idle": 1, "status": "*",
            }),
        ),
        row(
            "channel_user",
            json!({"target_mud": "Beta", "target_user": "Ann"}),
            json!({"status": "success", "mud_name": "Beta", "user_name": "ann", "visname": "Ann", "gender": "*"}),
        ),
        row("channel_join", json!({"channel": "chat"}), json!({"status": "joined", "channel": "chat"})),
        row("channel_send", json!({"channel": "chat", "message": "hello"}), sent()).seen_as("channel_message"),
        row("channel_emote", json!({"channel": "chat", "emote": "waves"}), sent()).seen_as("channel_emote"),
        row(
            "channel_targeted_emote",
            json!({"channel": "chat", "target_mud": "Beta", "target_user": "Ann", "message": "$N waves to $O"}),
            sent(),
        )
        .seen_as("channel_targeted_emote"),
        row(
            "channel_list",
            json!({"filter": {"owner": "*test"}}),
            json!({
                "status": "success", "count": 1, "subscribed_channels": ["chat"],
                "channels": [{"name": "chat", "owner": "*test", "type": 0, "member_count": "*"}],
            }),
        ),
        row(
            "channel_who",
            json!({"channel": "chat", "target_mud": "Beta", "wait": true}),
            json!({
                "status": "success", "channel": "chat", "users": ["Bob", "Ann"],
                "members": [{"mud": "Alpha", "users": ["Bob"]}, {"mud": "Beta", "users": ["Ann"]}],
            }),
        ),
        row("channel_leave", json!({"channel": "chat"}), json!({"status": "left", "channel": "chat"})),
        row(
            "channel_add",
            json!({"channel": own, "type": 2}),
            json!({"status": "success", "channel": own, "message_id": "*"}),
        ),
        row("channel_filter", json!({"channel": own}), json!({"status": "filtering", "channel": own})),
        // A router says nothing when all is well, and its new list counts for nothing soon after the login.
        row(
            "channel_admin",
            json!({"channel": own, "add": ["Beta"]}),
            json!({"status": "sent", "channel": own, "message_id": "*"}),
        ),
        row(
            "channel_remove",
            json!({"channel": own}),
            json!({"status": "*", "channel": own, "message_id": "*"}),
        ),
        row(
            "ban_add",
            json!({"pattern": "mallory@Nowhere", "reason": "spam"}),
            json!({"status": "banned", "ban_id": "*"}),
        ),
        row(
            "ban_list",
            json!({}),
            json!({"status": "success", "count": 1, "bans": [{
                "ban_id": "*", "pattern": "mallory@Nowhere", "channel": null, "packet_type": null, "direction": "both",
                "reason": "spam", "by": "*", "created": "*", "expires": null, "hits": 0,
            }]}),
        ),
        row("ban_remove", json!({"ban_id": "=ban_id"}), json!({"status": "removed", "ban_id": "*"})),
        row("ack", json!({"event_id": 1}), json!({"status": "acknowledged", "event_id": 1})),
        row(
            "channel_history",
            json!({"channel": "chat", "limit": 1}),
            json!({"status": "success", "count": 1, "messages": [said()], "more": true, "next": "*"}),
        ),
        row(
            "history_search",
            json!({"query": "WAVES TO", "limit": 1}),
            json!({"status": "success", "count": 1, "messages": [said()], "more": true, "next": "*"}),
        ),
        row("resume", json!({}), json!({"status": "success", "last_event_id": "*"})),
        row("log_level", json!({}), json!({"status": "success", "level": "DEBUG"})),
        row(
            "overview",
            json!({}),
            json!({
                "status": "success", "version": "*", "uptime": "*", "permissions": ["*"], "may_speak": true,
                "identities": [{
                    "mud_name": "Alpha", "connected": true, "router": "*", "routers": ["*"], "waiting_packets": 0,
                    "waiting_bytes": 0, "online_muds": 2, "channel_count": "*", "ban_count": 0, "local_users": "*",
                }],
                "minutes": ["*"],
                "queues": {
                    "waiting_requests": 0, "pending_bytes": "*", "unsaved_changes": "*", "kept_events": "*",
                    "kept_bytes": "*", "storage": "good", "session_count": 2,
                },
                "warnings": "*",
            }),
        ),
        row(
            "text_preview",
            json!({"text": "%^RED%^<b>"}),
            json!({
                "status": "success", "raw": "%^RED%^<b>", "plain": "<b>", "ansi": "\u{1b}[0;31m<b>\u{1b}[0m",
                "html": "<span style=\"color:#c00\">&lt;b&gt;</span>", "sent": "%^RED%^<b>",
            }),
        ),
        row("audit", json!({}), json!({"status": "success", "count": "*", "actions": ["*"]})),
        row("trace", json!({}), json!({"status": "tracing"})),
        row("trace", json!({"enabled": false}), json!({"status": "stopped"})),
        row("sessions", json!({}), json!({"status": "success", "count": 2, "sessions": [session(), session()]})),
        row("kick", json!({"session_id": "=victim"}), json!({"status": "kicked", "session_id": "*"})),
        // The last: it leaves the router.
        row("reconnect", json!({}), json!({"status": "reconnecting"})),
    ]
}

fn session() -> Json {
    json!({
        "session_id": "*", "mud_name": "Alpha", "key_name": "secret", "client": "*", "role": "game", "transport": "*", "address": "127.0.0.1",
        "since": "*", "idle_seconds": "*", "permissions": ["*"], "channels": "*", "queued_bytes": "*",
    })
}

/// What was said last.
fn said() -> Json {
    json!({
        "event": "channel_targeted_emote", "channel": "chat", "from_mud": "Alpha", "from_user": "*", "visname": "*",
        "target_mud": "Beta", "target_user": "*", "target_visname": "*", "message": "$N waves to $O", "message_target": "*",
        "event_id": "*", "timestamp": "*", "self": true,
    })
}

/// Whether a value has these members and no others.
fn is_shaped(value: &Json, shape: &Json) -> bool {
    match (value, shape) {
        (_, Json::String(any)) if any == "*" => true,
        (Json::Object(value), Json::Object(shape)) => {
            value.len() == shape.len()
                && shape
                    .iter()
                    .all(|(name, inner)| value.get(name).is_some_and(|found| is_shaped(found, inner)))
        }
        (Json::Array(value), Json::Array(shape)) if shape == &[json!("*")] => !value.is_empty(),
        (Json::Array(value), Json::Array(shape)) => {
            value.len() == shape.len()
                && value.iter().zip(shape).all(|(value, shape)| is_shaped(value, shape))
        }
        _ => value == shape,
    }
}

fn each_method_answers_in_its_shape_on_both_transports(daemon: Daemon) {
    let router = Router::start("*test");
    let alpha = Gateway::new(daemon, "Alpha", &[router.address()]).started();
    let beta = Gateway::new(daemon.other(), "Beta", &[router.address()]).started();
    alpha.becomes_ready(true);
    beta.becomes_ready(true);
    let mut ann = beta.client(Transport::Lines);
    ann.result("channel_join", &json!(["chat"]), &json!({"status": "joined"}));
    ann.hears_itself("chat");
    for transport in TRANSPORTS {
        alpha.becomes_ready(true);
        let mut client = alpha.client(transport);
        client.knows("Beta");
        ann.knows("Alpha");
        let rows = rows(&alpha.key(), &format!("ours-{transport:?}"));
        let documented = client.call("rpc.discover", &json!({}))["result"]["methods"].clone();
        let schemas: BTreeMap<&str, Json> = documented
            .as_array()
            .unwrap()
            .iter()
            .map(|method| (method["name"].as_str().unwrap(), method["result"]["schema"].clone()))
            .collect();
        // One takes the mud off the network for good, one needs another node, one is about a tell that has come. These have
        // cases of their own.
        let others = ["drain", "retire", "tell_refuse"];
        let called: BTreeSet<&str> = rows.iter().map(|row| row.method).chain(others).collect();
        assert_eq!(called, schemas.keys().copied().collect(), "the table here holds each method");
        let mut victim = alpha.client(Transport::Lines);
        let mut known = BTreeMap::from([(
            "victim".to_owned(),
            victim.call("status", &json!({}))["result"]["session_id"].clone(),
        )]);
        for Row { method, mut params, result, event } in rows {
            for value in params.as_object_mut().unwrap().values_mut() {
                if let Some(name) = value.as_str().and_then(|text| text.strip_prefix('=')) {
                    *value = known[name].clone();
                }
            }
            // It is held for half a minute only.
            let users = json!({"users": [{"name": "Ann", "title": "the Brave", "level": 7, "idle": 1}]});
            ann.result("presence_sync", &users, &json!({"status": "synchronized"}));
            let answer = client.call(method, &params);
            assert!(is_shaped(&answer["result"], &result), "{transport:?}: {method} {params}: {answer:#}");
            let schema = jsonschema::draft7::new(&schemas[method]).unwrap();
            assert!(schema.is_valid(&answer["result"]), "{method}: {answer:#} is not {}", schemas[method]);
            known.extend(answer["result"].as_object().unwrap().clone());
            if let Some(event) = event {
                ann.event(event);
            }
        }
        // It was kicked.
        victim.rest();
    }
}
