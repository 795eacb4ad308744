//! What happens when the process has no file descriptor left. The limit is set by a shell that starts the test again, so it
//! is alone in its program.

use super::common::{Running, Setup, again_with_few_files, wait_until};
use i3_core::notice::Notice;
use std::io::{Read, Write};
use std::net::{TcpStream, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

#[test]
fn accepting_goes_on_when_there_are_descriptors_again() {
    if again_with_few_files() {
        with_few_files();
    }
}

fn with_few_files() {
    let complaints = Arc::new(AtomicU32::new(0));
    let complained = complaints.clone();
    let notice = Box::new(move |notice: &Notice| {
        assert_eq!(notice.what, "cannot accept connections");
        // The other listeners say it for themselves.
        if notice.to_string().contains("listener=Lines") {
            complained.fetch_add(1, Ordering::Relaxed);
        }
    });
    let driver = Running::start_with(Setup { notice: Some(notice), ..Setup::default() });

    // All descriptors but one are taken, and a client takes that: none is left to accept it with.
    let mut taken: Vec<UdpSocket> = std::iter::from_fn(|| UdpSocket::bind("127.0.0.1:0").ok()).collect();
    drop(taken.pop());
    let address = ("127.0.0.1", driver.ports.echo);
    let client = TcpStream::connect(address).unwrap();
    wait_until("the complaint", || complaints.load(Ordering::Relaxed) > 0);
    drop((client, taken));

    // Until the driver has noticed that they are gone there may be no descriptor for us either.
    let mut client = None;
    wait_until("a descriptor", || {
        client = TcpStream::connect(address).ok();
        client.is_some()
    });
    let mut client = client.unwrap();
    client.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    client.write_all(b"hello").unwrap();
    let mut answer = [0; 5];
    client.read_exact(&mut answer).expect("the echo");
    assert_eq!(&answer, b"hello");
    assert_eq!(complaints.load(Ordering::Relaxed), 1, "a lasting failure is told once");
    driver.stop();
}
