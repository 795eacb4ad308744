//! Bad input, in virtual time: who sends it gets a clear error or a close, it is counted, and nobody else notices.

mod before_tls;
mod bounds;
mod from_the_driver;
mod from_the_router;
mod on_the_http_port;
mod on_the_line_port;
mod over_a_websocket;
mod who_does_not_read;

use i3_core::Gateway;
use i3_core::machine::{Input, Listener, LostBy, Machine, Output, Refused, SaveTicket, Saved, settle};
use i3_core::time::{Instant, Now, UnixTime};
use i3_tests::hostile::{MESSAGE_BYTES_MAX, Siege};
use i3_tests::scenario::settings;
use i3_tests::wire;
use serde_json::{Value as Json, json};
use std::net::SocketAddr;
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);

/// The codes of the errors among answers, and the ids they name.
fn errors(answers: &[Json]) -> Vec<(i64, Json)> {
    answers
        .iter()
        .filter_map(|answer| Some((answer["error"]["code"].as_i64()?, answer["id"].clone())))
        .collect()
}
