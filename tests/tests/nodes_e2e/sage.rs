//! Sage, a mud directly at the router, which nothing happens to. It speaks to the muds of the cluster and writes down what
//! it hears of them.

use crate::process::wait_for;
use crate::router::Router;
use i3_tests::wire;
use serde_json::Value as Json;
use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// The pause between two packets while it talks: a router punishes more than ten a second.
const BETWEEN_PACKETS: Duration = Duration::from_millis(300);

const LOOK: Duration = Duration::from_millis(20);

/// The mud.
pub(crate) struct Sage {
    inner: Arc<Inner>,
    thread: Option<JoinHandle<()>>,
}

struct Inner {
    port: u16,
    muds: Vec<String>,
    talks: AtomicBool,
    is_over: AtomicBool,
    orders: Mutex<Vec<String>>,
    /// Texts of tells and lines, as they came.
    heard: Mutex<Vec<String>>,
    is_in: AtomicBool,
}

impl Sage {
    pub(crate) fn log_in(router: &Router, muds: &[String]) -> Sage {
        let inner = Arc::new(Inner {
            port: router.port,
            muds: muds.to_vec(),
            talks: AtomicBool::new(false),
            is_over: AtomicBool::new(false),
            orders: Mutex::default(),
            heard: Mutex::default(),
            is_in: AtomicBool::new(false),
        });
        let run = Arc::clone(&inner);
        let thread = thread::spawn(move || {
            // The router may be restarted.
            while !run.is_over.load(Ordering::SeqCst) {
                let _ = run.live();
                run.is_in.store(false, Ordering::SeqCst);
                thread::sleep(BETWEEN_PACKETS);
            }
        });
        let sage = Sage { inner, thread: Some(thread) };
        sage.is_in();
        sage
    }

    pub(crate) fn talk(&self, talks: bool) {
        self.inner.talks.store(talks, Ordering::SeqCst);
    }

    /// Sends a text to one mud, or with `None` on the channel.
    pub(crate) fn say(&self, to: Option<&str>, text: &str) {
        self.inner.orders.lock().unwrap().push(packet(to, text));
    }

    /// How often it has heard a text.
    pub(crate) fn heard(&self, text: &str) -> usize {
        self.inner.heard.lock().unwrap().iter().filter(|heard| *heard == text).count()
    }

    /// Waits until it is logged in.
    pub(crate) fn is_in(&self) {
        wait_for("Sage to be logged in", || self.inner.is_in.load(Ordering::SeqCst).then_some(()));
    }
}

impl Drop for Sage {
    fn drop(&mut self) {
        self.inner.is_over.store(true, Ordering::SeqCst);
        if let Some(thread) = self.thread.take() {
            let ended = thread.join();
            assert!(ended.is_ok() || thread::panicking(), "Sage has failed");
        }
    }
}

fn packet(to: Option<&str>, text: &str) -> String {
    match to {
        Some(mud) => format!(r#"({{"tell",5,"Sage","bob","{mud}","ann","Bob","{text}",}})"#),
        None => format!(r#"({{"channel-m",5,"Sage","bob",0,0,"chat","Bob","{text}",}})"#),
    }
}

impl Inner {
    fn live(&self) -> Result<(), std::io::Error> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port))?;
        stream.set_read_timeout(Some(LOOK))?;
        let send =
            |stream: &mut TcpStream, text: &str| stream.write_all(&wire::mudmode_frame(text.as_bytes()));
        send(
            &mut stream,
            r#"({"startup-req-3",5,"Sage",0,"*net",0,0,0,0,4000,0,0,"l","b","d","LP","open","e",(["channel":1,"tell":1,]),0,})"#,
        )?;
        let (mut bytes, mut number, mut next) = (Vec::new(), 0u64, Instant::now());
        while !self.is_over.load(Ordering::SeqCst) {
            for text in self.read(&mut stream, &mut bytes)? {
                if text.starts_with("({\"startup-reply\"") {
                    send(&mut stream, r#"({"channel-listen",5,"Sage",0,"*net",0,"chat",1,})"#)?;
                    self.is_in.store(true, Ordering::SeqCst);
                }
                self.hear(&text);
            }
            if !self.is_in.load(Ordering::SeqCst) || Instant::now() < next {
                continue;
            }
            let order = {
                let mut orders = self.orders.lock().unwrap();
                (!orders.is_empty()).then(|| orders.remove(0))
            };
            if let Some(packet) = order {
                send(&mut stream, &packet)?;
            } else if self.talks.load(Ordering::SeqCst) {
                number += 1;
                // In turn to each mud and on the channel.
                let to = self.muds.get(number as usize % (self.muds.len() + 1)).map(String::as_str);
                send(&mut stream, &packet(to, &format!("Sage-{}-{number}", fastrand::u64(..))))?;
            } else {
                continue;
            }
            next = Instant::now() + BETWEEN_PACKETS;
        }
        Ok(())
    }

    fn read(&self, stream: &mut TcpStream, bytes: &mut Vec<u8>) -> Result<Vec<String>, std::io::Error> {
        let mut buffer = [0; 16_384];
        match stream.read(&mut buffer) {
            Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
            Ok(count) => bytes.extend_from_slice(&buffer[..count]),
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => {}
            Err(error) => return Err(error),
        }
        Ok(wire::mudmode_frames(bytes))
    }

    fn hear(&self, text: &str) {
        let kind = text.split('"').nth(1);
        if !matches!(kind, Some("tell" | "channel-m")) {
            return;
        }
        let packet = wire::strict_lpc(text).unwrap_or_else(|fault| panic!("{fault}"));
        let message = packet.as_array().and_then(|fields| fields.last()).and_then(Json::as_str);
        self.heard.lock().unwrap().push(message.expect("a message").to_owned());
    }
}
