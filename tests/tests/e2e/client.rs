//! A client of the API, on either transport. It shares no code with what is under test.

use crate::process::{PATIENCE, wait_for};
use i3_tests::scenario::holds;
use i3_tests::wire;
use serde_json::{Value as Json, json};
use std::collections::VecDeque;
use std::io::{Read, Write};
use std::net::TcpStream;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Transport {
    Lines,
    WebSocket,
}

pub(crate) const TRANSPORTS: [Transport; 2] = [Transport::Lines, Transport::WebSocket];

/// What a client receives.
#[derive(Debug, PartialEq)]
pub(crate) enum Received {
    Text(String),
    /// A WebSocket's Close, with its code.
    Close(u16),
    /// The end of the stream, or a reset.
    End,
}

/// What a client reads and writes: a socket, or TLS over one.
pub(crate) trait Wire: Read + Write + Send {}
impl<W: Read + Write + Send> Wire for W {}

pub(crate) struct Client {
    /// The socket.
    pub(crate) stream: TcpStream,
    wire: Box<dyn Wire>,
    transport: Transport,
    bytes: Vec<u8>,
    queue: VecDeque<Received>,
    ended: bool,
    calls: u64,
}

impl Client {
    /// A client that has shown no key. A WebSocket is open, the welcome of the other has been read.
    pub(crate) fn connect(transport: Transport, port: u16) -> Client {
        Client::over(transport, TcpStream::connect(("127.0.0.1", port)).unwrap()).begun()
    }

    /// The beginning of the conversation.
    pub(crate) fn begun(mut self) -> Client {
        match self.transport {
            Transport::Lines => assert_eq!(self.message()["method"], "welcome"),
            Transport::WebSocket => {
                self.send_bytes(wire::websocket_request("/ws", None).as_bytes());
                let head = self.head();
                assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
            }
        }
        self
    }

    /// A connection on which nothing has been said.
    pub(crate) fn over(transport: Transport, stream: TcpStream) -> Client {
        let wire = Box::new(stream.try_clone().unwrap());
        Client::over_wire(transport, stream, wire)
    }

    /// The same, with something between it and the socket.
    pub(crate) fn over_wire(transport: Transport, stream: TcpStream, wire: Box<dyn Wire>) -> Client {
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        stream.set_nodelay(true).unwrap();
        Client { stream, wire, transport, bytes: Vec::new(), queue: VecDeque::new(), ended: false, calls: 0 }
    }

    pub(crate) fn send_bytes(&mut self, bytes: &[u8]) {
        self.wire.write_all(bytes).unwrap();
    }

    /// One JSON text, as the transport frames it.
    pub(crate) fn send(&mut self, text: &str) {
        let bytes = match self.transport {
            Transport::Lines => format!("{text}\n").into_bytes(),
            Transport::WebSocket => wire::websocket_frame(1, text.as_bytes()),
        };
        self.send_bytes(&bytes);
    }

    /// The head of an HTTP answer.
    pub(crate) fn head(&mut self) -> String {
        loop {
            if let Some(end) = self.bytes.windows(4).position(|four| four == b"\r\n\r\n") {
                return String::from_utf8(self.bytes.drain(..end + 4).collect()).unwrap();
            }
            assert!(self.read(), "the stream ended: {}", String::from_utf8_lossy(&self.bytes));
        }
    }

    /// Passes over the body of an HTTP answer.
    pub(crate) fn skip(&mut self, length: usize) {
        while self.bytes.len() < length {
            assert!(self.read(), "the stream ended in the body");
        }
        self.bytes.drain(..length);
    }

    /// Reads once. False at the end of the stream.
    fn read(&mut self) -> bool {
        let mut buffer = [0; 16_384];
        match read(&mut self.wire, &mut buffer) {
            Ok(0) => false,
            Ok(count) => {
                self.bytes.extend_from_slice(&buffer[..count]);
                true
            }
            Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => false,
            Err(error) => panic!("nothing came: {error}; {}", String::from_utf8_lossy(&self.bytes)),
        }
    }

    /// What comes next.
    pub(crate) fn next(&mut self) -> Received {
        loop {
            if let Some(next) = self.queue.pop_front() {
                return next;
            }
            if self.ended {
                return Received::End;
            }
            self.ended = !self.read();
            match self.transport {
                Transport::Lines => {
                    while let Some(end) = self.bytes.iter().position(|byte| *byte == b'\n') {
                        let line = self.bytes.drain(..=end).take(end).collect();
                        self.queue.push_back(Received::Text(String::from_utf8(line).unwrap()));
                    }
                }
                Transport::WebSocket => {
                    for (opcode, payload) in wire::websocket_frames(&mut self.bytes) {
                        match opcode {
                            1 => self.queue.push_back(Received::Text(String::from_utf8(payload).unwrap())),
                            8 => self
                                .queue
                                .push_back(Received::Close(u16::from_be_bytes([payload[0], payload[1]]))),
                            9 => self.send_bytes(&wire::websocket_frame(10, &payload)),
                            _ => panic!("opcode {opcode}"),
                        }
                    }
                }
            }
        }
    }

    /// The next message.
    pub(crate) fn message(&mut self) -> Json {
        match self.next() {
            Received::Text(text) => {
                serde_json::from_str(&text).unwrap_or_else(|error| panic!("{text}: {error}"))
            }
            other => panic!("a message was expected: {other:?}"),
        }
    }

    /// Passes over messages until one of which `wanted` is so.
    pub(crate) fn message_that(&mut self, wanted: impl Fn(&Json) -> bool) -> Json {
        loop {
            let message = self.message();
            if wanted(&message) {
                return message;
            }
        }
    }

    /// Passes over messages until one that holds all of `pattern`.
    pub(crate) fn expect(&mut self, pattern: &Json) -> Json {
        let mut passed = Vec::new();
        loop {
            match self.next() {
                Received::Text(text) => {
                    let message = serde_json::from_str(&text).unwrap();
                    if holds(&message, pattern) {
                        return message;
                    }
                    passed.push(text);
                }
                end => panic!("{end:?} instead of {pattern}, after\n{}", passed.join("\n")),
            }
        }
    }

    /// The params of the next event of that name.
    pub(crate) fn event(&mut self, name: &str) -> Json {
        self.expect(&json!({"method": name}))["params"].clone()
    }

    /// Calls a method; the whole response. Events before it are passed over.
    pub(crate) fn call(&mut self, method: &str, params: &Json) -> Json {
        self.calls += 1;
        let id = format!("{method}-{}", self.calls);
        self.send(&json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params}).to_string());
        self.expect(&json!({"jsonrpc": "2.0", "id": id}))
    }

    /// A call whose result must hold all of `pattern`.
    pub(crate) fn result(&mut self, method: &str, params: &Json, pattern: &Json) -> Json {
        let answer = self.call(method, params);
        assert!(holds(&answer["result"], pattern), "{method} {params}: {answer} and not {pattern}");
        answer["result"].clone()
    }

    /// Says something on a channel and waits until it comes back: then the router knows that the mud hears it.
    pub(crate) fn hears_itself(&mut self, channel: &str) {
        let text = format!("heard by {:?}", self.stream.local_addr().unwrap());
        self.result("channel_send", &json!([channel, text]), &json!({"status": "sent"}));
        self.expect(&json!({"method": "channel_message", "params": {"channel": channel, "message": text}}));
    }

    /// Waits until a mud is in the list of those that are up.
    pub(crate) fn knows(&mut self, mud: &str) {
        wait_for(&format!("the mud {mud} in the list"), || {
            let muds = self.call("mudlist", &json!({"filter": {"name": mud, "status": "up"}}));
            (muds["result"]["count"] == 1).then_some(())
        });
    }

    /// Everything up to the end of the stream.
    pub(crate) fn rest(&mut self) -> Vec<Received> {
        std::iter::from_fn(|| match self.next() {
            Received::End => None,
            other => Some(other),
        })
        .collect()
    }
}

/// Reads once. A read with a time limit is interrupted when the process is stopped and goes on; it is repeated then.
pub(crate) fn read(from: &mut (impl Read + ?Sized), buffer: &mut [u8]) -> std::io::Result<usize> {
    loop {
        match from.read(buffer) {
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            outcome => return outcome,
        }
    }
}
