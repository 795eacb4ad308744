//! The first message to a line client. It is not an event, because it has no id.

use crate::describe::macros::{output, words};

output! {
    /// The first message over TCP.
    pub struct Welcome {
        /// the name of the service
        pub service: Service,
        /// the version of the API, as the Python gateway names it
        pub version: &'static str,
        /// the protocol
        pub protocol: Protocol,
        /// whether `authenticate` is needed
        pub authentication: Authentication,
        /// the version of this gateway
        pub gateway_version: &'static str,
    }
}

words! {
    /// The name of the service.
    pub enum Service {
        /// This gateway.
        Gateway = "i3-gateway",
    }

    /// The protocol.
    pub enum Protocol {
        /// JSON-RPC 2.0.
        JsonRpc = "JSON-RPC 2.0",
    }

    /// Whether `authenticate` is needed.
    pub enum Authentication {
        /// The client must call `authenticate` first.
        Required = "required",
        /// The settings hold no keys, and every client is identified.
        None = "none",
    }
}
