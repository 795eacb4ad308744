//! What somebody may try who wants more than his share, or what is not his, in virtual time.
//!
//! | attack | test |
//! |---|---|
//! | guessing keys | `guessing.rs` |
//! | connections that open and idle, from one address and from many | `crowd.rs` |
//! | addresses and pages that are not wanted, headers that lie | `addresses.rs` |
//! | methods and events without the permission | `permissions.rs` |
//! | other muds that ask without end, and what they send unasked | `network.rs` |
//! | channels without end; control characters for logs and terminals | `texts.rs` |
//! | heads of one byte a second, endless lines and messages, batches and ids too large, clients that do not read | `hostile/` |
//! | every class of JSON text, invalid UTF-8 | `json_texts.rs` |

mod addresses;
mod crowd;
mod guessing;
mod network;
mod permissions;
mod texts;

use i3_core::Gateway;
use i3_core::door::rpc::limits::{STRANGER_BYTES_MAX, STRANGER_TEXT_BYTES_MAX};
use i3_core::machine::{Listener, Refused};
use i3_core::service::limits::RESERVED_PLACES;
use i3_tests::hostile::Siege;
use i3_tests::wire;
use serde_json::{Value as Json, json};
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);

/// What an HTTP client of that address is answered: the status, and all of it.
fn http(siege: &mut Siege, from: [u8; 4], request: &str) -> (String, String) {
    let script = siege.connect_from(from, Listener::Http).expect("accepted");
    siege.world.write(script, request.as_bytes());
    let text = siege.text(script);
    siege.world.close(script);
    (text.strip_prefix("HTTP/1.1 ").unwrap_or_default().chars().take(3).collect(), text)
}

/// A WebSocket handshake with further headers.
fn handshake(key: Option<&str>, headers: &str) -> String {
    wire::websocket_request("/ws", key)
        .replace("Host: localhost\r\n", &format!("Host: localhost\r\n{headers}"))
}
