//! Replaces this module in a program that was built without TLS. Its types have no values, so no method is ever called.

use super::heard::Heard;
use bytes::Bytes;
use i3_core::machine::LostBy;
use std::convert::Infallible;

/// A type without values.
#[derive(Clone, Debug)]
pub struct Acceptor(Infallible);

impl Acceptor {
    /// Never called.
    pub fn begin(&self) -> Result<TlsSession, String> {
        match self.0 {}
    }
}

/// A type without values.
#[derive(Debug)]
pub struct TlsSession(Infallible);

impl TlsSession {
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
