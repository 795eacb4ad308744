//! The AsyncAPI document, generated from the table of events.

use super::openrpc::VERSION;
use super::schema::object_schema;
use super::welcome::Welcome;
use crate::describe::shape::{Member, Object};
use crate::event::KINDS;
use crate::event::kind::{COMMON, Kind, REPLAYED};
use serde_json::{Map, Value, json};

/// Returns the document as JSON.
pub fn document() -> Vec<u8> {
    let mut messages = Map::new();
    let welcome = "The first message over TCP.";
    messages.insert("welcome".to_owned(), message("welcome", welcome, Welcome::MEMBERS));
    for event in KINDS {
        messages.insert(event.name.to_owned(), event_message(event));
    }
    let named = |at: &str| -> Map<String, Value> {
        messages
            .keys()
            .map(|name| (name.clone(), json!({"$ref": format!("#/{at}/messages/{name}")})))
            .collect()
    };
    let in_channel: Vec<Value> = named("channels/events").into_values().collect();
    let document = json!({
        "asyncapi": "3.0.0",
        "info": {
            "title": "Intermud-3 gateway",
            "version": VERSION,
            "description": "The events: JSON-RPC 2.0 notifications, sent over the connections that carry requests.",
        },
        "defaultContentType": "application/json",
        "servers": {
            "websocket": {
                "host": "localhost:8080", "pathname": "/ws", "protocol": "ws",
                "description": "one message in each text frame",
            },
            "tcp": {"host": "localhost:8081", "protocol": "tcp", "description": "one message in each line"},
        },
        "channels": {"events": {"address": null, "messages": named("components")}},
        "operations": {
            "sendEvent": {"action": "send", "channel": {"$ref": "#/channels/events"}, "messages": in_channel},
        },
        "components": {"messages": messages},
    });
    document.to_string().into_bytes()
}

fn message(name: &str, summary: &str, members: &[Member]) -> Value {
    json!({
        "name": name,
        "summary": summary,
        "payload": {
            "type": "object",
            "required": ["jsonrpc", "method", "params"],
            "properties": {
                "jsonrpc": {"const": "2.0"},
                "method": {"const": name},
                "params": object_schema(members),
            },
        },
    })
}

fn event_message(event: &Kind) -> Value {
    let late = event.kept.map(|_| REPLAYED);
    let members: Vec<Member> = event.members.iter().chain(&COMMON).copied().chain(late).collect();
    let mut message = message(event.name, event.summary, &members);
    message["x-permission"] = json!(event.permission.map(crate::settings::Permission::name));
    message["x-kept"] = json!(event.kept.is_some());
    message
}
