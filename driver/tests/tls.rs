//! The TLS adapter against a client of rustls, without sockets: whatever the versions and however the bytes are cut.
#![cfg(feature = "tls")]

use bytes::Bytes;
use i3_core::machine::{HandshakeFault, LostBy};
use i3_driver::tls::{Acceptor, TlsSession};
use rustls::pki_types::{PrivatePkcs8KeyDer, ServerName};
use rustls::{
    ClientConfig, ClientConnection, RootCertStore, ServerConfig, SupportedProtocolVersion, version,
};
use std::io::{Read, Write};
use std::sync::Arc;

struct Site {
    acceptor: Acceptor,
    roots: RootCertStore,
}

impl Site {
    fn new() -> Site {
        let pair = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
        let key = PrivatePkcs8KeyDer::from(pair.signing_key.serialize_der());
        let mut roots = RootCertStore::empty();
        roots.add(pair.cert.der().clone()).unwrap();
        let mut config =
            ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
                .with_safe_default_protocol_versions()
                .unwrap()
                .with_no_client_auth()
                .with_single_cert(vec![pair.cert.der().clone()], key.into())
                .unwrap();
        // As listeners are set up: there are no tickets after the handshake.
        config.send_tls13_tickets = 0;
        Site { acceptor: Acceptor::new(Arc::new(config)), roots }
    }

    fn accept(&self) -> TlsSession {
        self.acceptor.begin().unwrap()
    }

    fn connect(&self, version: &'static SupportedProtocolVersion) -> ClientConnection {
        let config = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_protocol_versions(&[version])
            .unwrap()
            .with_root_certificates(self.roots.clone())
            .with_no_client_auth();
        ClientConnection::new(Arc::new(config), ServerName::try_from("localhost").unwrap()).unwrap()
    }
}

/// A connection, and what has come out at either end.
struct Wire {
    client: ClientConnection,
    session: TlsSession,
    chunk: usize,
    secured: usize,
    end: Option<LostBy>,
    plain: Vec<u8>,
    received: Vec<u8>,
}

impl Wire {
    fn new(site: &Site, version: &'static SupportedProtocolVersion, chunk: usize) -> Wire {
        let (client, session) = (site.connect(version), site.accept());
        Wire { client, session, chunk, secured: 0, end: None, plain: Vec::new(), received: Vec::new() }
    }

    fn tell_session(&mut self, bytes: &[u8]) {
        for chunk in bytes.chunks(self.chunk) {
            let heard = self.session.receive(chunk, &mut self.plain);
            self.secured += usize::from(heard.secured);
            self.end = self.end.take().or(heard.end);
        }
    }

    fn tell_client(&mut self, bytes: &[u8]) {
        let mut left = bytes;
        while !left.is_empty() {
            self.client.read_tls(&mut left).unwrap();
            self.client.process_new_packets().unwrap();
            let _ = self.client.reader().read_to_end(&mut self.received);
        }
    }

    /// Until neither has anything to say.
    fn settle(&mut self) {
        loop {
            let mut out = Vec::new();
            while self.client.wants_write() {
                self.client.write_tls(&mut out).unwrap();
            }
            self.tell_session(&out);
            let back = self.session.take_outgoing().unwrap_or_default();
            self.tell_client(&back);
            if out.is_empty() && back.is_empty() {
                return;
            }
        }
    }

    fn seal(&mut self, pieces: &[&[u8]]) -> Bytes {
        let mut pieces: Vec<Bytes> = pieces.iter().map(|piece| Bytes::copy_from_slice(piece)).collect();
        self.session.seal(&mut pieces).unwrap();
        assert_eq!(pieces.len(), 1);
        pieces.remove(0)
    }
}

fn pattern(len: usize) -> Vec<u8> {
    (0..len).map(|at| (at % 251) as u8).collect()
}

const VERSIONS: [&SupportedProtocolVersion; 2] = [&version::TLS12, &version::TLS13];

#[test]
fn bytes_go_both_ways_however_they_are_cut() {
    let site = Site::new();
    for version in VERSIONS {
        for chunk in [1, 7, 1000, usize::MAX] {
            let mut wire = Wire::new(&site, version, chunk);
            wire.settle();
            assert_eq!((wire.secured, &wire.end), (1, &None), "{version:?} {chunk}");
            assert!(!wire.client.is_handshaking());
            for len in [0, 1, 500, 16_384, 16_385, 60_000] {
                let text = pattern(len);
                wire.client.writer().write_all(&text).unwrap();
                wire.settle();
                assert_eq!(std::mem::take(&mut wire.plain), text, "{version:?} {chunk} {len}");
                let sealed = wire.seal(&[&text, b"", b"and more"]);
                wire.tell_client(&sealed);
                assert_eq!(std::mem::take(&mut wire.received), [&text[..], b"and more"].concat());
            }
            wire.client.send_close_notify();
            wire.settle();
            assert_eq!(wire.end, Some(LostBy::EndOfStream));
            let goodbye = wire.session.close().unwrap();
            wire.tell_client(&goodbye);
            // Without it this is an error.
            assert_eq!(wire.client.reader().read(&mut [0]).unwrap(), 0);
            assert_eq!(wire.session.close(), None);
        }
    }
}

/// There are clients that take what one read gives them for a line.
#[test]
fn a_piece_is_one_record() {
    let site = Site::new();
    let mut wire = Wire::new(&site, &version::TLS13, usize::MAX);
    wire.settle();
    let sealed = wire.seal(&[&pattern(100), &pattern(16_384), &pattern(16_385)]);
    let mut records = Vec::new();
    let mut left = &sealed[..];
    while let [0x17, 3, 3, high, low, rest @ ..] = left {
        let length = usize::from(u16::from_be_bytes([*high, *low]));
        records.push(length - 17);
        left = &rest[length..];
    }
    assert_eq!((records, left.len()), (vec![100, 16_384, 16_384, 1], 0));
}

#[test]
fn a_client_may_speak_at_once_and_may_change_its_keys() {
    let site = Site::new();
    for version in VERSIONS {
        let mut wire = Wire::new(&site, version, 3);
        wire.client.writer().write_all(b"early").unwrap();
        wire.settle();
        assert_eq!((wire.secured, &wire.plain[..]), (1, &b"early"[..]));
    }
    let mut wire = Wire::new(&site, &version::TLS13, usize::MAX);
    wire.settle();
    for round in 0..5_u8 {
        wire.client.refresh_traffic_keys().unwrap();
        wire.client.writer().write_all(&[round]).unwrap();
        let mut out = Vec::new();
        while wire.client.wants_write() {
            wire.client.write_tls(&mut out).unwrap();
        }
        wire.tell_session(&out);
        let sealed = wire.seal(&[&[round]]);
        wire.tell_client(&sealed);
    }
    assert_eq!((&wire.plain[..], &wire.received[..]), (&[0, 1, 2, 3, 4][..], &[0, 1, 2, 3, 4][..]));
    assert_eq!(wire.end, None);
}

#[test]
fn what_is_no_tls_passes_as_it_is() {
    let mut session = Site::new().accept();
    let mut plain = Vec::new();
    assert_eq!(session.receive(b"GET", &mut plain), Default::default());
    assert_eq!(session.receive(b"\x16 /", &mut plain), Default::default());
    assert_eq!(plain, b"GET\x16 /");
    let mut pieces = vec![Bytes::from_static(b"no")];
    session.seal(&mut pieces).unwrap();
    assert_eq!(
        (pieces, session.take_outgoing(), session.close()),
        (vec![Bytes::from_static(b"no")], None, None)
    );
}

#[test]
fn faults_end_it_with_an_alert() {
    let site = Site::new();
    let mut session = site.accept();
    let end = session.receive(b"\x16\x03\x01\x00\x04\x01\x00\x00\x00", &mut Vec::new()).end;
    assert!(matches!(end, Some(LostBy::Handshake(HandshakeFault::Protocol, _))), "{end:?}");
    let alert = session.close().unwrap();
    assert_eq!(alert[0], 21, "{alert:?}");
    assert_eq!(session.receive(b"\x16\x03\x01", &mut Vec::new()), Default::default());
    // Before TLS is agreed on nothing can be said in it.
    assert!(site.accept().seal(&mut vec![Bytes::from_static(b"x")]).is_err());

    // The client trusts somebody else.
    let mut wire = Wire::new(&site, &version::TLS13, usize::MAX);
    wire.client = Site::new().connect(&version::TLS13);
    let mut out = Vec::new();
    wire.client.write_tls(&mut out).unwrap();
    wire.tell_session(&out);
    let flight = wire.session.take_outgoing().unwrap();
    let mut left = &flight[..];
    wire.client.read_tls(&mut left).unwrap();
    wire.client.process_new_packets().unwrap_err();
    out.clear();
    while wire.client.wants_write() {
        wire.client.write_tls(&mut out).unwrap();
    }
    wire.tell_session(&out);
    assert!(matches!(wire.end, Some(LostBy::Handshake(HandshakeFault::Refused, _))), "{:?}", wire.end);

    // A record that was changed on its way, when all was well so far.
    let mut wire = Wire::new(&site, &version::TLS13, usize::MAX);
    wire.settle();
    wire.client.writer().write_all(b"first").unwrap();
    wire.settle();
    wire.client.writer().write_all(b"second").unwrap();
    let mut out = Vec::new();
    wire.client.write_tls(&mut out).unwrap();
    out[20] ^= 1;
    wire.tell_session(&out);
    assert!(matches!(&wire.end, Some(LostBy::Error(text)) if text.starts_with("TLS: ")), "{:?}", wire.end);
    assert_eq!(wire.plain, b"first");
    assert!(wire.session.close().is_some(), "an alert, sealed");
}
