//! The tests of a driver's TLS over real loopback sockets. Each runtime runs all of them, as those of `suite.rs`.

use super::common::{Running, Setup, round_trip, wait_until as until};
use i3_driver::tls::Acceptor;
use rustls::pki_types::{PrivatePkcs8KeyDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, ServerConfig, StreamOwned};
use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::Arc;

/// A running driver whose echo speaks TLS, and what its clients begin with.
fn start() -> (Running, Arc<ClientConfig>) {
    let provider = || Arc::new(rustls::crypto::ring::default_provider());
    let pair = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let key = PrivatePkcs8KeyDer::from(pair.signing_key.serialize_der());
    let mut config = ServerConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![pair.cert.der().clone()], key.into())
        .unwrap();
    config.send_tls13_tickets = 0;
    let mut roots = RootCertStore::empty();
    roots.add(pair.cert.der().clone()).unwrap();
    let client = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let tls = Some(Acceptor::new(Arc::new(config)));
    (Running::start_with(Setup { tls, ..Setup::default() }), Arc::new(client))
}

fn client(driver: &Running, config: &Arc<ClientConfig>) -> StreamOwned<ClientConnection, TcpStream> {
    let name = ServerName::try_from("localhost").unwrap();
    let connection = ClientConnection::new(config.clone(), name).unwrap();
    StreamOwned::new(connection, Running::connect(driver.ports.echo))
}

fn story(driver: &Running) -> Vec<&'static str> {
    driver.look(|m| m.story.iter().map(|(_, what)| *what).collect())
}

#[test]
fn messages_of_any_size_are_echoed() {
    let (driver, config) = start();
    let mut client = client(&driver, &config);
    for size in [1, 1000, 16_384, 40_000] {
        let message: Vec<u8> = (0..size).map(|at| at as u8).collect();
        client.write_all(&message).unwrap();
        let mut answer = vec![0; size];
        client.read_exact(&mut answer).expect("the echo");
        assert!(answer == message);
    }
    assert_eq!(story(&driver), ["secured", "received"]);
    driver.stop();
}

#[test]
fn what_comes_with_the_last_bytes_of_a_handshake_is_heard_and_answered_in_order() {
    let (driver, config) = start();
    let mut client = client(&driver, &config);
    // Until the client has only its own last message left to send.
    while client.conn.is_handshaking() {
        while client.conn.wants_write() && client.conn.is_handshaking() {
            client.conn.write_tls(&mut client.sock).unwrap();
        }
        client.conn.read_tls(&mut client.sock).unwrap();
        client.conn.process_new_packets().unwrap();
    }
    assert!(client.conn.wants_write(), "the last message of the handshake is still here");
    client.conn.writer().write_all(b"one question").unwrap();
    client.conn.send_close_notify();
    let mut last = Vec::new();
    while client.conn.wants_write() {
        client.conn.write_tls(&mut last).unwrap();
    }
    // In one piece: the handshake's end, a question, and goodbye.
    client.sock.write_all(&last).unwrap();
    let mut answer = Vec::new();
    client.read_to_end(&mut answer).expect("an end with a goodbye");
    assert_eq!(answer, b"one question");
    until("the end", || story(&driver).len() == 3);
    assert_eq!(story(&driver), ["secured", "received", "ended"]);
    driver.stop();
}

#[test]
fn a_question_before_a_goodbye_is_answered() {
    let (driver, config) = start();
    for _ in 0..20 {
        let mut client = client(&driver, &config);
        client.write_all(b"hello").unwrap();
        client.read_exact(&mut [0; 5]).unwrap();
        client.conn.writer().write_all(b"one question").unwrap();
        client.conn.send_close_notify();
        client.flush().unwrap();
        let mut answer = Vec::new();
        client.read_to_end(&mut answer).expect("an end with a goodbye");
        assert_eq!(answer, b"one question");
    }
    driver.stop();
}

#[test]
fn who_is_closed_is_told_goodbye_although_bytes_are_still_coming() {
    let (driver, config) = start();
    let mut client = client(&driver, &config);
    client.write_all(b"hello").unwrap();
    client.read_exact(&mut [0; 5]).unwrap();
    driver.look(|m| m.read(m.accepted[0], false));
    round_trip(&mut Running::connect(driver.ports.echo), b"settles");
    client.write_all(&[7; 100_000]).unwrap();
    driver.look(|m| m.effects.close_now(m.accepted[0]));
    assert_eq!(client.read(&mut [0; 16]).expect("goodbye, and no reset"), 0);
    driver.stop();
}

#[test]
fn an_end_without_a_goodbye_is_an_end() {
    let (driver, config) = start();
    let mut client = client(&driver, &config);
    client.write_all(b"hello").unwrap();
    client.read_exact(&mut [0; 5]).unwrap();
    client.sock.shutdown(Shutdown::Write).unwrap();
    assert_eq!(client.read(&mut [0; 16]).expect("a goodbye all the same"), 0);
    until("the end", || story(&driver) == ["secured", "received", "ended"]);
    driver.stop();
}

#[test]
fn nonsense_ends_a_handshake_and_plain_text_passes() {
    let (driver, _) = start();
    let mut broken = Running::connect(driver.ports.echo);
    broken.write_all(&[0x16, 3, 1, 0, 4, 1, 0, 0, 0]).unwrap();
    let mut alert = Vec::new();
    let end = broken.read_to_end(&mut alert).map_err(|error| error.kind());
    assert!(matches!(end, Ok(_) | Err(ErrorKind::ConnectionReset)) && alert[0] == 0x15, "{alert:?}");
    until("the failure", || story(&driver) == ["failed"]);
    round_trip(&mut Running::connect(driver.ports.echo), b"in plain text");
    driver.stop();
}
