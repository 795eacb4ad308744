//! The methods of this front door: those of the services, and `rpc.discover`, which lists them.

use super::{asyncapi, openrpc};
use crate::describe::macros::output;
use crate::describe::shape::{ANY_LENGTH, Described, Outcome, Shape};
use crate::fault::Fault;
use crate::fault::reason::BACKLOG_FULL;
use crate::service::{Access, Method, Progress, table};
use bytes::Bytes;
use serde_json::value::RawValue;
use std::cell::OnceCell;

output! {
    /// The OpenRPC document.
    struct Discovered {
        /// the version of OpenRPC
        openrpc: String,
        /// the name and version of the API
        info: AnyMap,
        /// the methods
        methods: ListOfMaps,
    }
}

/// An object whose members may have any names.
#[derive(Clone, Debug, serde::Serialize)]
struct AnyMap;

impl Described for AnyMap {
    const SHAPE: Shape = Shape::Map(&Shape::Any);
}

/// A list of such objects.
#[derive(Clone, Debug, serde::Serialize)]
struct ListOfMaps;

impl Described for ListOfMaps {
    const SHAPE: Shape = Shape::List(&AnyMap::SHAPE, ANY_LENGTH);
}

/// The method `rpc.discover`. Its result is JSON by definition, so it belongs to this front door.
static DISCOVER: Method = Method {
    name: "rpc.discover",
    access: Access::Open,
    params: &[],
    summary: "Returns the OpenRPC document that describes all methods.",
    results: <Discovered as Outcome>::ANSWERS,
    reasons: &[&BACKLOG_FULL],
    run: |_, _, _, respond| {
        let text = String::from_utf8(document()).unwrap_or_default();
        let document: Result<Box<RawValue>, _> = serde_json::from_str(&text);
        respond(&document.unwrap_or_default());
        Ok::<_, Fault>(Progress::Answered)
    },
};

/// The documents of the API. Each is built when it is first asked for, and shared from then on: anybody may ask, also
/// without a key.
#[derive(Debug, Default)]
pub(super) struct Documents {
    openrpc: OnceCell<Bytes>,
    asyncapi: OnceCell<Bytes>,
}

impl Documents {
    /// Returns the OpenRPC document, the result of `rpc.discover`.
    pub(super) fn openrpc(&self) -> &Bytes {
        self.openrpc.get_or_init(|| document().into())
    }

    /// Returns the AsyncAPI document.
    pub(super) fn asyncapi(&self) -> &Bytes {
        self.asyncapi.get_or_init(|| asyncapi::document().into())
    }
}

/// Whether a method returns the OpenRPC document. The front door answers it from its shared copy.
pub(super) fn is_discover(method: &Method) -> bool {
    method.name == DISCOVER.name
}

/// Returns the OpenRPC document as JSON.
pub fn document() -> Vec<u8> {
    openrpc::document_of(&methods())
}

/// Returns all methods, sorted by name.
pub fn methods() -> Vec<&'static Method> {
    let mut all = table::methods();
    all.push(&DISCOVER);
    all.sort_by_key(|method| method.name);
    all
}
