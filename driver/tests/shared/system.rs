//! What tests ask of the operating system. The tests of each runtime take this file in.

#[cfg(target_os = "linux")]
use socket2::{Domain, Socket, Type};
#[cfg(target_os = "linux")]
use std::net::{SocketAddr, TcpStream};
use std::process::Command;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Set in the process that [`again_with_few_files`] starts.
const FEW_FILES: &str = "I3_TEST_FEW_FILES";

/// Runs this test program once more, in a process that may have few descriptors, and says whether this is that process.
pub(crate) fn again_with_few_files() -> bool {
    if std::env::var_os(FEW_FILES).is_some() {
        return true;
    }
    let test = std::env::current_exe().unwrap();
    let script = "ulimit -n 40 && exec \"$0\" --nocapture";
    let status = Command::new("sh").args(["-c", script]).arg(test).env(FEW_FILES, "1").status().unwrap();
    assert!(status.success());
    false
}

/// How many connections to that port the system is trying to make.
#[cfg(target_os = "linux")]
pub(crate) fn syns_sent_to(port: u16) -> usize {
    const SYN_SENT: &str = "02";
    let table = std::fs::read_to_string("/proc/net/tcp").unwrap();
    let to = format!(":{port:04X}");
    let columns = table.lines().map(|line| line.split_whitespace().skip(2).take(2).collect::<Vec<_>>());
    columns.filter(|columns| columns[0].ends_with(&to) && columns[1] == SYN_SENT).count()
}

/// A port where further connections hang, since its backlog is full; it does so as long as the rest is held.
#[cfg(target_os = "linux")]
pub(crate) fn hanging_port() -> (u16, Socket, TcpStream) {
    let busy = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    busy.bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into()).unwrap();
    busy.listen(0).unwrap();
    let address = busy.local_addr().unwrap().as_socket().unwrap();
    let first = TcpStream::connect(address).unwrap();
    (address.port(), busy, first)
}

/// Waits until `condition` holds.
pub(crate) fn wait_until(what: &str, mut condition: impl FnMut() -> bool) {
    let start = Instant::now();
    while !condition() {
        assert!(start.elapsed() < Duration::from_secs(20), "{what}: still waiting");
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// The end of a thread; panics when it takes too long.
pub(crate) fn joined<T: Send + 'static>(what: &str, thread: JoinHandle<T>) -> T {
    wait_until(what, || thread.is_finished());
    thread.join().unwrap()
}
