//! JSON-RPC 2.0 over TCP lines and WebSocket, and HTTP pages: bytes to JSON text ([mod@line], [`http`], [`websocket`]), JSON
//! text to a typed request ([`mod@rpc`]) and its method (`requests`), and what goes back (`encoder`, [`framing`],
//! [`json`]). The documents of the API are made here from the descriptions of methods and events.

pub mod asyncapi;
mod conn;
pub mod discover;
mod encoder;
mod entrance;
pub mod exposition;
pub mod framing;
pub mod http;
pub mod json;
pub mod limits;
pub mod line;
pub mod openrpc;
mod pages;
mod requests;
#[allow(
    clippy::module_inception,
    reason = "the folder is the front door, the file the protocol that it is named for"
)]
pub mod rpc;
pub mod schema;
pub mod style;
pub mod websocket;
pub mod welcome;

pub(crate) use entrance::RpcDoor;
