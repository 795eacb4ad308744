//! What a local game speaks: bytes to JSON text ([`conn`], [mod@line], [`http`], [`websocket`]), JSON text to a request
//! ([`rpc`], [`params`]), a request to its method ([`methods`]), and what goes back ([`json`], [`event`]).

pub mod asyncapi;
pub mod conn;
pub mod event;
pub mod exposition;
pub mod http;
pub mod json;
pub mod limits;
pub mod line;
pub mod methods;
pub mod openrpc;
pub mod params;
pub mod reason;
pub mod rpc;
pub mod shape;
pub mod style;
pub mod websocket;
