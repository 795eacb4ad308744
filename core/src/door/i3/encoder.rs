//! Encodes what a mud is sent before it has logged in. After that its session has a form of its own
//! (`clients/mud_client.rs`).

use crate::clients::{Encode, Framed, Posted, Views, Way};
use crate::colour::TextStyle;
use crate::fault::Fault;
use crate::i3::packet::{Body, Header, Packet};
use crate::i3::{Value, frame};

/// Muds that speak Intermud-3.
pub(crate) static MUDS: Way = Way { name: "i3", label: "i3", encoder: &MudMode, door: 4, view: 0 };

#[derive(Debug)]
struct MudMode;

impl Encode for MudMode {
    /// A mud gets events as packets, in the form that it can read.
    fn event(&self, _: &Posted<'_>, _: TextStyle, _: &mut Vec<u8>) -> Views {
        [0..0, 0..0]
    }

    fn fault(&self, fault: &Fault, _: TextStyle) -> Framed {
        let bytes = error("", "", "not-allowed", &fault.message);
        let whole = 0..bytes.len();
        Framed::new(bytes, [whole.clone(), whole])
    }
}

/// Returns an error packet for a mud that has not logged in.
pub(super) fn error(router: &str, mud: &str, code: &str, why: &str) -> Vec<u8> {
    let header = Header { to_mud: Some(mud.into()), ..Header::broadcast(router, None) };
    let body = Body::Error { code: code.into(), message: why.into(), packet: Value::Int(0) };
    let mut bytes = Vec::new();
    frame::append(&mut bytes, |text| Packet { header, body }.encode(text));
    bytes
}
