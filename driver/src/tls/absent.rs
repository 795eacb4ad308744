//! TLS in a program that was built without it: neither type has a value, so no method is ever called.

use super::heard::Heard;
use bytes::Bytes;
use i3_core::machine::LostBy;
use std::convert::Infallible;

/// There is none.
#[derive(Clone, Debug)]
pub struct Acceptor(Infallible);

impl Acceptor {
    /// Never called.
    pub fn begin(&self) -> Result<Session, String> {
        match self.0 {}
    }
}

/// There is none.
#[derive(Debug)]
pub struct Session(Infallible);

impl Session {
    /// Never called.
    pub fn receive(&mut self, _: &[u8], _: &mut Vec<u8>) -> Heard {
        match self.0 {}
    }

    /// Never called.
    pub fn take_outgoing(&mut self) -> Option<Bytes> {
        match self.0 {}
    }

    /// Never called.
    pub fn seal(&mut self, _: &mut Vec<Bytes>) -> Result<(), LostBy> {
        match self.0 {}
    }

    /// Never called.
    pub fn close(&mut self) -> Option<Bytes> {
        match self.0 {}
    }
}
