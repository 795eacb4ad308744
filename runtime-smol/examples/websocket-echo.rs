//! Echoes WebSocket messages with the gateway's own head parser, handshake, WebSocket, framing and driver, for conformance
//! suites.
//!
//! `cargo run --release --example websocket-echo -- PORT` listens on 127.0.0.1 until it is killed.

use async_io::Async;
use async_tungstenite::tungstenite::protocol::frame::Frame;
use async_tungstenite::tungstenite::protocol::frame::coding::{Data, OpCode};
use bytes::Bytes;
use i3_core::door::rpc::deflate::deflated_text;
use i3_core::door::rpc::framing::{WEBSOCKET, framed_text};
use i3_core::door::rpc::http::{Upgrade, parse_head, switching_protocols};
use i3_core::door::rpc::websocket::{Received, WebSocket};
use i3_core::effects::{ConnMap, Effects};
use i3_core::machine::{ConnId, Input, Listener, Machine, Output, Refused};
use i3_core::time::{Instant, Now};
use i3_driver::clock::Clock;
use i3_gateway::driver::Driver;
use std::error::Error;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};

/// The longest message that the suite sends.
const MESSAGE_BYTES_MAX: usize = 16 * 1024 * 1024;

/// If more bytes than this wait for a client, the example stops reading from it.
const PENDING_BYTES_MAX: usize = 1024 * 1024;

#[derive(Debug)]
enum Client {
    Head(Vec<u8>),
    /// A WebSocket, and whether its messages may be compressed.
    Open(Box<WebSocket>, bool),
}

#[derive(Debug, Default)]
struct Echo {
    fx: Effects,
    clients: ConnMap<Client>,
}

impl Echo {
    fn received(&mut self, conn: ConnId, bytes: &[u8]) {
        let Some(client) = self.clients.get_mut(conn) else { return };
        match client {
            Client::Open(..) => self.messages(conn, bytes),
            Client::Head(head) => {
                head.extend_from_slice(bytes);
                let (upgrade, is_deflated, rest) = match parse_head(head) {
                    Ok(None) => return,
                    Ok(Some((parsed, length))) => {
                        (parsed.upgrade, parsed.offers_deflate, head.split_off(length))
                    }
                    Err(_) => (None, false, Vec::new()),
                };
                let Some(Upgrade::Accept(accept)) = upgrade else { return self.fx.close_now(conn) };
                self.fx.send(conn, &switching_protocols(&accept, None, is_deflated));
                let socket = WebSocket::new(MESSAGE_BYTES_MAX, is_deflated);
                *client = Client::Open(Box::new(socket), is_deflated);
                self.messages(conn, &rest);
            }
        }
    }

    fn messages(&mut self, conn: ConnId, mut input: &[u8]) {
        let Some(Client::Open(socket, is_deflated)) = self.clients.get_mut(conn) else { return };
        loop {
            let mut output = Vec::new();
            let received = socket.next(&mut input, &mut output);
            self.fx.send(conn, &output);
            match received {
                None => break,
                Some(Received::Text(text)) => {
                    let frame = if *is_deflated { deflated_text } else { framed_text };
                    self.fx.send_shared(conn, frame(text.as_bytes()).view(WEBSOCKET));
                }
                Some(Received::Binary(data)) => self.fx.send(conn, &binary_frame(data)),
                Some(Received::Control) => {}
                Some(Received::Closed { .. }) => {
                    self.clients.remove(conn);
                    self.fx.close_when_flushed(conn);
                    return;
                }
            }
        }
        if self.fx.pending_bytes(conn) > PENDING_BYTES_MAX {
            self.fx.hold(conn);
        }
    }
}

/// The gateway itself sends no binary message.
fn binary_frame(data: Bytes) -> Vec<u8> {
    let mut bytes = Vec::new();
    // Writing to a Vec cannot fail.
    let _ = Frame::message(data, OpCode::Data(Data::Binary), true).format(&mut bytes);
    bytes
}

impl Machine for Echo {
    type Wake = ();

    fn accept(&mut self, _: Now, _: Listener, _: SocketAddr) -> Result<ConnId, Refused> {
        let conn = self.fx.open();
        self.clients.insert(conn, Client::Head(Vec::new()));
        Ok(conn)
    }

    fn handle(&mut self, _: Now, input: Input<'_>) {
        match input {
            Input::Received { conn, bytes } => self.received(conn, bytes),
            Input::Flushed { conn } => self.fx.flushed(conn),
            Input::Lost { conn, .. } => {
                self.clients.remove(conn);
                self.fx.release(conn);
            }
            Input::Dialed { .. }
            | Input::Secured { .. }
            | Input::Saved { .. }
            | Input::Found { .. }
            | Input::StoreLost { .. }
            | Input::Told(_)
            | Input::Beaten { .. }
            | Input::Followed { .. }
            | Input::Shutdown => {}
        }
    }

    fn handle_timeout(&mut self, _: Now) {}

    fn poll_timeout(&self) -> Option<(Instant, ())> {
        None
    }

    fn poll_output(&mut self) -> Option<Output> {
        self.fx.poll()
    }

    fn take_bytes(&mut self, conn: ConnId, budget: usize, into: &mut Vec<Bytes>) -> usize {
        self.fx.take_bytes(conn, budget, into)
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let port = std::env::args().nth(1).ok_or("which port?")?.parse()?;
    let listener = Async::new(TcpListener::bind((Ipv4Addr::LOCALHOST, port))?)?;
    let driver = Driver::new(Echo::default(), Clock::start()).listen(Listener::Http, None, [listener]);
    smol::block_on(driver.run());
    Ok(())
}
