//! The rules of the pump, with a runtime that only writes down what it is asked to do.

#[allow(dead_code, reason = "the runtimes' tests need more of it")]
#[path = "shared/echo.rs"]
mod echo;

use bytes::Bytes;
use echo::Echo;
use i3_core::machine::{ConnId, Input, Listener, LostBy};
use i3_core::notice::{Level, Notice};
use i3_driver::clock::Clock;
use i3_driver::hooks::Hooks;
use i3_driver::linger::LINGERING_MAX;
use i3_driver::pump::Pump;
use i3_driver::runtime::{CannotWait, Runtime};
use i3_driver::tls::{Heard, TlsSession};
use i3_driver::write::Written;
use std::cell::RefCell;
use std::io::{self, ErrorKind, Read};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::rc::Rc;
use std::sync::{Arc, Mutex};

/// What the runtime was asked to do, in order.
type Asked = Rc<RefCell<Vec<String>>>;

/// What the next write does.
#[derive(Clone, Copy)]
enum Room {
    All,
    /// So many bytes.
    Some(usize),
    Broken,
}

struct Script {
    asked: Asked,
    room: Rc<RefCell<Room>>,
    lingering: usize,
    fails: bool,
}

struct Stream {
    socket: TcpStream,
    room: Rc<RefCell<Room>>,
    asked: Asked,
}

impl Script {
    fn ask(&self, what: impl Into<String>) {
        self.asked.borrow_mut().push(what.into());
    }

    fn refuse(&self) -> Result<(), CannotWait> {
        if !self.fails {
            return Ok(());
        }
        let notice = Some(Notice::new(Level::Error, "test", "nothing to wait with"));
        Err(CannotWait { by: LostBy::Error("nothing to wait with".to_owned()), notice })
    }
}

impl Runtime for Script {
    type Stream = Stream;
    type Dial = ();
    type Connection = Stream;

    fn stream_socket(stream: &Stream) -> &TcpStream {
        &stream.socket
    }

    fn socket(connection: &Stream) -> &TcpStream {
        &connection.socket
    }

    fn with_tls<R>(_: &mut Stream, _: impl FnOnce(&mut TlsSession) -> R) -> Option<R> {
        None
    }

    fn dial(&mut self, _: ConnId, host: String, port: u16) -> Result<(), CannotWait> {
        self.ask(format!("dial {host}:{port}"));
        self.refuse()
    }

    fn cancel(&mut self, (): ()) {
        self.ask("cancel");
    }

    fn open(
        &mut self,
        _: ConnId,
        stream: Stream,
        _: Option<TlsSession>,
        reading: bool,
    ) -> Result<Stream, CannotWait> {
        self.ask(if reading { "open and read" } else { "open" });
        self.refuse().map(|()| stream)
    }

    fn read(&mut self, _: ConnId, _: &mut Stream, enabled: bool) {
        self.ask(format!("read {enabled}"));
    }

    fn write_some(connection: &Stream, pieces: &mut Vec<Bytes>) -> io::Result<Written> {
        let all = pieces.concat();
        pieces.clear();
        let written = match *connection.room.borrow() {
            Room::Broken => return Err(ErrorKind::BrokenPipe.into()),
            Room::Some(room) if room < all.len() => room,
            _ => all.len(),
        };
        connection.asked.borrow_mut().push(format!("write {}", String::from_utf8_lossy(&all[..written])));
        if written == all.len() {
            return Ok(Written::All);
        }
        pieces.push(Bytes::from(all[written..].to_vec()));
        Ok(Written::Some)
    }

    fn write_rest(&mut self, _: ConnId, _: &mut Stream, rest: Vec<Bytes>) -> Result<(), CannotWait> {
        self.ask(format!("write the rest {}", String::from_utf8_lossy(&rest.concat())));
        self.refuse()
    }

    fn lingering(&mut self) -> usize {
        self.lingering
    }

    fn linger(&mut self, _: Stream) {
        self.ask("linger");
    }

    fn cut(&mut self, _: Stream) {
        self.ask("cut");
    }
}

/// A pump, and both ends of its one socket.
struct Bench {
    pump: Pump<Echo, Script>,
    asked: Asked,
    room: Rc<RefCell<Room>>,
    notices: Arc<Mutex<Vec<&'static str>>>,
}

impl Bench {
    fn new() -> Bench {
        let (asked, room) = (Asked::default(), Rc::new(RefCell::new(Room::All)));
        let script = Script { asked: asked.clone(), room: room.clone(), lingering: 0, fails: false };
        let notices = Arc::new(Mutex::new(Vec::new()));
        let seen = notices.clone();
        let mut hooks = Hooks::new(|_| {});
        hooks.notice = Box::new(move |notice| seen.lock().unwrap().push(notice.what));
        let pump = Pump::new(Echo::default(), Clock::start(), script, hooks);
        Bench { pump, asked, room, notices }
    }

    /// A socket for the pump, and the peer's end of it.
    fn stream(&mut self) -> (Stream, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let far = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let socket = listener.accept().unwrap().0;
        let room = self.pump.runtime().room.clone();
        (Stream { socket, room, asked: self.asked.clone() }, far)
    }

    /// A connection that was accepted.
    fn accepted(&mut self) -> (ConnId, TcpStream) {
        let (stream, far) = self.stream();
        self.pump.accepted(Listener::Lines, None, stream, SocketAddr::from(([127, 0, 0, 1], 7)));
        let conn = self.pump.with(|m, _| *m.accepted.last().unwrap());
        self.pump.settle();
        self.asked();
        (conn, far)
    }

    /// What was asked since the last time.
    fn asked(&self) -> Vec<String> {
        std::mem::take(&mut *self.asked.borrow_mut())
    }

    fn lost(&mut self) -> Vec<LostBy> {
        self.pump.with(|m, _| m.lost.iter().map(|(_, by)| by.clone()).collect())
    }

    fn hear(&mut self, conn: ConnId, bytes: &[u8]) {
        assert!(self.pump.received(conn, bytes));
    }
}

#[test]
fn what_was_sent_is_answered_before_the_end_is_seen() {
    let mut bench = Bench::new();
    let (conn, _far) = bench.accepted();
    bench.hear(conn, b"question");
    bench.pump.lost(conn, LostBy::EndOfStream);
    assert_eq!(bench.asked(), ["write question", "cut"]);
    assert_eq!(bench.lost(), [LostBy::EndOfStream]);
    // What comes late is of a connection that is gone.
    bench.pump.lost(conn, LostBy::EndOfStream);
    bench.pump.flushed(conn);
    assert!(!bench.pump.received(conn, b"late"));
    assert_eq!(bench.lost().len(), 1);
}

#[test]
fn who_sends_no_more_is_written_to_until_the_machine_closes() {
    let mut bench = Bench::new();
    let (conn, _far) = bench.accepted();
    bench.pump.with(|m, _| m.keeps = true);
    bench.hear(conn, b"question");
    bench.pump.lost(conn, LostBy::EndOfStream);
    assert_eq!(bench.asked(), ["write question", "read false"]);
    // Nothing is read from it again, whatever is queued for it.
    bench.pump.with(|m, _| m.read(conn, true));
    assert!(!bench.pump.received(conn, b"late"));
    bench.pump.with(|m, _| m.effects.send(conn, b"answer"));
    bench.pump.settle();
    assert_eq!(bench.asked(), ["write answer"]);
    bench.pump.with(|m, _| m.effects.close_when_flushed(conn));
    bench.pump.settle();
    assert_eq!(bench.asked(), ["linger"]);
    assert_eq!((bench.lost(), bench.pump.with(|m, _| m.ended.clone())), (vec![], vec![conn]));
    // A failure is the end, also then.
    let (conn, _far) = bench.accepted();
    bench.pump.lost(conn, LostBy::EndOfStream);
    bench.pump.lost(conn, LostBy::Error("reset".to_owned()));
    assert_eq!(bench.lost(), [LostBy::Error("reset".to_owned())]);
}

#[test]
fn tls_is_agreed_on_before_its_text_and_its_text_comes_before_its_end() {
    let mut bench = Bench::new();
    let (conn, _far) = bench.accepted();
    bench.pump.with(|m, _| m.note_as_secured(conn));
    bench.pump.heard(conn, Heard { secured: true, end: Some(LostBy::EndOfStream) }, b"question");
    assert_eq!(
        bench.pump.with(|m, _| m.story.clone()),
        [(conn, "secured"), (conn, "received"), (conn, "ended")]
    );
    assert_eq!(bench.asked(), ["write question", "cut"]);
    bench.pump.heard(conn, Heard { secured: true, end: None }, b"late");
    assert_eq!(bench.pump.with(|m, _| m.story.len()), 3);
}

#[test]
fn a_dialed_connection_is_read_and_written_as_was_wanted_meanwhile() {
    let mut bench = Bench::new();
    let conn = bench.pump.with(|m, _| {
        let conn = m.effects.dial("there", 7);
        m.effects.send(conn, b"hello");
        m.read(conn, false);
        conn
    });
    bench.pump.settle();
    assert_eq!(bench.asked(), ["dial there:7"]);
    let (stream, _far) = bench.stream();
    bench.pump.dialed(conn, Ok(stream));
    assert_eq!(bench.asked(), ["open", "write hello"]);
    assert_eq!(bench.pump.with(|m, _| m.dialed.clone()), [conn]);
    bench.pump.with(|m, _| m.read(conn, true));
    bench.pump.settle();
    assert_eq!(bench.asked(), ["read true"]);
}

#[test]
fn a_dial_that_fails_or_is_given_up_is_lost_once_or_never() {
    let mut bench = Bench::new();
    let conn = bench.pump.with(|m, _| m.effects.dial("there", 7));
    bench.pump.settle();
    bench.pump.dialed(conn, Err("nobody there".to_owned()));
    assert_eq!(bench.lost(), [LostBy::Error("nobody there".to_owned())]);
    let conn = bench.pump.with(|m, _| m.effects.dial("there", 8));
    bench.pump.settle();
    bench.pump.with(|m, _| m.effects.close_now(conn));
    bench.pump.settle();
    // It had connected already.
    let (stream, mut far) = bench.stream();
    bench.pump.dialed(conn, Ok(stream));
    assert_eq!(bench.asked(), ["dial there:7", "dial there:8", "cancel"]);
    assert_eq!(far.read(&mut [0]).unwrap(), 0, "its socket is dropped");
    assert_eq!(bench.lost().len(), 1);
    assert!(bench.pump.with(|m, _| m.dialed.is_empty()));
}

#[test]
fn flushed_is_said_when_the_socket_has_everything() {
    let mut bench = Bench::new();
    let (conn, _far) = bench.accepted();
    *bench.room.borrow_mut() = Room::Some(2);
    bench.hear(conn, b"abcdef");
    bench.pump.settle();
    assert_eq!(bench.asked(), ["write ab", "write the rest cdef"]);
    // What is to be written meanwhile waits in the machine.
    bench.hear(conn, b"gh");
    bench.pump.settle();
    assert_eq!(bench.asked(), [] as [&str; 0]);
    *bench.room.borrow_mut() = Room::All;
    bench.pump.flushed(conn);
    bench.pump.settle();
    assert_eq!(bench.asked(), ["write gh"]);
    assert_eq!(bench.pump.with(|m, _| m.effects.pending_bytes(conn)), 0);
}

#[test]
fn a_closed_connection_lingers_with_its_writing_side_shut_down() {
    let mut bench = Bench::new();
    let (conn, mut far) = bench.accepted();
    let (stays, _) = bench.accepted();
    bench.pump.with(|m, _| m.effects.close_now(conn));
    bench.pump.settle();
    assert_eq!(bench.asked(), ["linger"]);
    assert_eq!(far.read(&mut [0]).unwrap(), 0);
    bench.pump.runtime().lingering = LINGERING_MAX;
    bench.pump.with(|m, _| m.effects.close_now(stays));
    bench.pump.settle();
    assert_eq!(bench.asked(), ["cut"], "there is no room to linger");
    assert_eq!(bench.lost(), [], "who closes is not told so");
}

#[test]
fn what_cannot_be_written_or_waited_for_is_lost() {
    let mut bench = Bench::new();
    let (broken, _far) = bench.accepted();
    *bench.room.borrow_mut() = Room::Broken;
    bench.hear(broken, b"question");
    bench.pump.settle();
    assert_eq!(bench.asked(), ["cut"]);
    assert!(matches!(&bench.lost()[..], [LostBy::Error(_)]));

    *bench.room.borrow_mut() = Room::Some(1);
    let (full, _far) = bench.accepted();
    bench.pump.runtime().fails = true;
    bench.hear(full, b"question");
    bench.pump.settle();
    assert_eq!(bench.asked(), ["write q", "write the rest uestion", "cut"]);

    let (stream, mut far) = bench.stream();
    bench.pump.accepted(Listener::Lines, None, stream, SocketAddr::from(([127, 0, 0, 1], 7)));
    bench.pump.with(|m, _| m.effects.dial("there", 7));
    bench.pump.settle();
    assert_eq!(bench.asked(), ["open and read", "dial there:7"]);
    assert_eq!(far.read(&mut [0]).unwrap(), 0);
    let nothing = LostBy::Error("nothing to wait with".to_owned());
    assert_eq!(bench.lost()[1..], [nothing.clone(), nothing.clone(), nothing]);
    assert_eq!(*bench.notices.lock().unwrap(), ["nothing to wait with"; 3]);
}

#[test]
fn at_the_end_everything_is_dropped() {
    let mut bench = Bench::new();
    let (_conn, _far) = bench.accepted();
    bench.pump.with(|m, _| m.effects.dial("there", 7));
    bench.pump.input(Input::Shutdown);
    bench.pump.settle();
    assert!(bench.pump.is_stopped());
    bench.pump.end();
    assert_eq!(bench.asked(), ["dial there:7", "cut", "cancel"]);
    bench.pump.end();
    assert_eq!(bench.asked(), [] as [&str; 0]);
}
