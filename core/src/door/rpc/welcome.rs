//! What a line client gets first. It is no event: it has no id.

use crate::describe::macros::{output, words};

output! {
    /// The first line over TCP.
    pub struct Welcome {
        /// the service that speaks
        pub service: Service,
        /// of the gateway
        pub version: &'static str,
        /// what is spoken
        pub protocol: Protocol,
        /// whether `authenticate` must come first
        pub authentication: Authentication,
    }
}

words! {
    /// The service that speaks.
    pub enum Service {
        /// This one.
        Gateway = "i3-gateway",
    }

    /// What is spoken.
    pub enum Protocol {
        /// JSON-RPC 2.0.
        JsonRpc = "JSON-RPC 2.0",
    }

    /// Whether a key must be shown.
    pub enum Authentication {
        /// It must.
        Required = "required",
        /// The settings ask for none.
        None = "none",
    }
}
