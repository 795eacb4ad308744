//! The JSON-RPC front door: JSON-RPC 2.0 over TCP lines and WebSocket, and HTTP pages. Bytes become JSON texts
//! ([mod@line], [`http`], [`websocket`]), a JSON text becomes a typed request ([`mod@rpc`]) for its method
//! (`requests`), and results and events are written back (`encoder`, [`framing`], [`json`]). The documents of the API
//! are generated here from the descriptions of methods and events.

pub mod asyncapi;
mod conn;
mod console;
pub mod deflate;
pub mod discover;
mod encoder;
mod entrance;
pub mod exposition;
mod families;
pub mod framing;
pub mod http;
pub mod json;
pub mod limits;
pub mod line;
pub mod openrpc;
pub mod origin;
mod pages;
mod requests;
#[allow(
    clippy::module_inception,
    reason = "the folder is the front door, the file the protocol that it is named for"
)]
pub mod rpc;
pub mod schema;
mod snapshot;
pub mod style;
pub mod turns;
pub mod websocket;
pub mod welcome;
mod work;

pub(crate) use entrance::RpcDoor;
