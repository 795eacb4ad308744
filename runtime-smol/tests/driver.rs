//! The driver over real loopback sockets, with a machine that echoes.

mod common;

use async_channel::Sender;
#[cfg(target_os = "linux")]
use common::syns_sent_to;
use common::{Echo, FLOOD_BYTES, LAST_BYTES, PATIENCE, patiently, pattern, until};
use futures_lite::io::{AsyncReadExt, AsyncWriteExt};
use i3_core::machine::{Change, Listener, LostBy};
use i3_core::time::Now;
use i3_gateway::clock::Clock;
use i3_gateway::driver::{Command, Driver, Handle};
use i3_gateway::listen::bind;
use i3_host::linger::LINGER_TIME;
use smol::net::TcpStream;
use smol::{LocalExecutor, Task};
use socket2::{Domain, Socket, Type};
use std::cell::RefCell;
use std::net::{Shutdown, SocketAddr};
use std::rc::Rc;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// A running driver and its ports.
struct Running {
    task: Task<()>,
    machine: Handle<Echo>,
    commands: Sender<Command>,
    echo: u16,
    flood: u16,
    closing: u16,
}

impl Running {
    fn start(executor: &LocalExecutor<'_>) -> Running {
        Running::start_with(executor, |driver| driver)
    }

    fn start_with(
        executor: &LocalExecutor<'_>,
        set_up: impl FnOnce(Driver<Echo>) -> Driver<Echo>,
    ) -> Running {
        let [echo, flood, closing] = [(); 3].map(|()| bind("127.0.0.1", 0).unwrap());
        let ports = [echo.port, flood.port, closing.port];
        let driver = Driver::new(Echo::default(), Clock::start())
            .listen(Listener::Lines, None, echo.listeners)
            .listen(Listener::Http, None, flood.listeners)
            .listen(Listener::Mud, None, closing.listeners);
        let driver = set_up(driver);
        let (machine, commands) = (driver.handle(), driver.commands());
        let task = executor.spawn(driver.run());
        let [echo, flood, closing] = ports;
        Running { task, machine, commands, echo, flood, closing }
    }

    async fn connect(port: u16) -> TcpStream {
        patiently("connecting", TcpStream::connect(("127.0.0.1", port))).await.unwrap()
    }

    fn look<R>(&self, look: impl FnOnce(&mut Echo) -> R) -> R {
        self.machine.with(|machine, _| look(machine)).expect("the driver is running")
    }

    async fn stop(self) {
        self.commands.send(Command::Shutdown).await.unwrap();
        patiently("stopping", self.task).await;
        assert!(self.machine.with(|_, _| ()).is_none());
    }
}

fn run<F: Future<Output = ()>>(test: impl FnOnce(Rc<LocalExecutor<'static>>) -> F) {
    let executor = Rc::new(LocalExecutor::new());
    smol::block_on(executor.run(test(executor.clone())));
}

async fn round_trip(client: &mut TcpStream, message: &[u8]) {
    client.write_all(message).await.unwrap();
    let mut answer = vec![0; message.len()];
    patiently("the echo", client.read_exact(&mut answer)).await.unwrap();
    assert!(answer == message);
}

/// Reads to the end; both an end of stream and a reset count as one.
async fn read_all(mut client: TcpStream) -> Vec<u8> {
    let mut all = Vec::new();
    let _ = patiently("the end", client.read_to_end(&mut all)).await;
    all
}

#[test]
fn many_clients_at_once() {
    run(async |executor| {
        let driver = Running::start(&executor);
        let port = driver.echo;
        let clients: Vec<Task<()>> = (0..100_usize)
            .map(|n| {
                executor.spawn(async move {
                    let mut client = Running::connect(port).await;
                    for size in [1, 10, 1000, 100_000] {
                        // Written and read at the same time: an echo of this size does not fit into the sockets.
                        let message = pattern(size + n);
                        let (mut near, mut far) = (client.clone(), client.clone());
                        let mut answer = vec![0; message.len()];
                        let reading = far.read_exact(&mut answer);
                        let both = futures_lite::future::zip(near.write_all(&message), reading);
                        let (written, read) = patiently("the echo", both).await;
                        written.and(read).unwrap();
                        assert!(answer == message);
                    }
                    client.shutdown(Shutdown::Both).unwrap();
                    drop(client.read(&mut [0]).await);
                })
            })
            .collect();
        for client in clients {
            client.await;
        }
        until("all to be gone", || driver.look(|m| m.lost.len() == 100)).await;
        assert!(driver.look(|m| m.effects.open_count() == 0));
        driver.stop().await;
    });
}

#[test]
fn a_client_that_does_not_read_blocks_nobody_and_gets_all_of_it_later() {
    run(async |executor| {
        let driver = Running::start(&executor);
        let mut slow = Running::connect(driver.flood).await;
        until("the flood to be stuck", || {
            driver
                .look(|m| m.accepted.first().is_some_and(|conn| m.effects.pending_bytes(*conn) < FLOOD_BYTES))
        })
        .await;
        let mut client = Running::connect(driver.echo).await;
        for _ in 0..200 {
            round_trip(&mut client, b"are you there?").await;
        }
        assert!(
            driver.look(|m| m.effects.pending_bytes(m.accepted[0]) > 0),
            "the flood fitted into the sockets"
        );
        let mut all = vec![0; FLOOD_BYTES];
        patiently("the flood", slow.read_exact(&mut all)).await.unwrap();
        assert!(all == pattern(FLOOD_BYTES));
        until("the flush", || driver.look(|m| m.effects.pending_bytes(m.accepted[0]) == 0)).await;
        // Both directions still work.
        round_trip(&mut slow, b"and now?").await;
        driver.stop().await;
    });
}

#[test]
fn the_last_bytes_arrive_although_the_client_goes_on_sending() {
    run(async |executor| {
        let driver = Running::start(&executor);
        let mut client = Running::connect(driver.closing).await;
        // Unread bytes at the time of the close: without lingering they would make it a reset.
        client.write_all(&pattern(300_000)).await.unwrap();
        until("the close", || driver.look(|m| m.effects.open_count() == 0)).await;
        client.write_all(&pattern(300_000)).await.unwrap();
        let mut all = Vec::new();
        patiently("the end", client.read_to_end(&mut all)).await.expect("no reset");
        assert!(all == pattern(LAST_BYTES));
        driver.stop().await;
    });
}

#[test]
fn a_closed_client_that_stays_is_dropped_after_a_while() {
    run(async |executor| {
        let driver = Running::start(&executor);
        let mut client = Running::connect(driver.closing).await;
        client.write_all(b"x").await.unwrap();
        let mut all = vec![0; LAST_BYTES];
        patiently("the last bytes", client.read_exact(&mut all)).await.unwrap();
        // It neither closes nor stops sending: in the end its writes fail.
        patiently("being dropped", async {
            while client.write_all(b"still here").await.is_ok() {
                async_io::Timer::after(Duration::from_millis(10)).await;
            }
        })
        .await;
        driver.stop().await;
    });
}

#[test]
fn the_request_before_an_end_of_stream_is_answered() {
    run(async |executor| {
        let driver = Running::start(&executor);
        for _ in 0..50 {
            let mut client = Running::connect(driver.echo).await;
            client.write_all(b"one question").await.unwrap();
            client.shutdown(Shutdown::Write).unwrap();
            assert_eq!(read_all(client).await, b"one question");
        }
        driver.stop().await;
    });
}

#[test]
fn refused_connections_are_closed() {
    run(async |executor| {
        let notices = Rc::new(RefCell::new(Vec::new()));
        let seen = notices.clone();
        let driver = Running::start_with(&executor, |driver| {
            driver.on_notice(move |notice| seen.borrow_mut().push(notice.what))
        });
        driver.look(|m| m.refuse = true);
        assert_eq!(read_all(Running::connect(driver.echo).await).await, b"");
        driver.look(|m| m.refuse = false);
        round_trip(&mut Running::connect(driver.echo).await, b"hello").await;
        assert_eq!(*notices.borrow(), ["refused"]);
        driver.stop().await;
    });
}

#[test]
fn reading_pauses_and_goes_on() {
    run(async |executor| {
        let driver = Running::start(&executor);
        let mut client = Running::connect(driver.echo).await;
        round_trip(&mut client, b"first").await;
        driver.look(|m| m.read(m.accepted[0], false));
        let mut other = Running::connect(driver.echo).await;
        round_trip(&mut other, b"settles").await;
        client.write_all(&pattern(200_000)).await.unwrap();
        for _ in 0..20 {
            round_trip(&mut other, b"time passes").await;
        }
        let heard = b"first".len() + b"settles".len() + 20 * b"time passes".len();
        assert_eq!(driver.look(|m| m.received_bytes), heard);
        driver.look(|m| m.read(m.accepted[0], true));
        let mut answer = vec![0; 200_000];
        patiently("the echo", client.read_exact(&mut answer)).await.unwrap();
        assert!(answer == pattern(200_000));
        driver.stop().await;
    });
}

#[test]
fn dialing_two_drivers_in_one_thread() {
    run(async |executor| {
        let (near, far) = (Running::start(&executor), Running::start(&executor));
        // Bytes that wait before the connection is there go out when it is; the echo's echo is echoed, for ever.
        near.look(|m| {
            let conn = m.effects.dial("localhost", far.echo);
            m.effects.send(conn, b"round and round");
        });
        until("the dial", || near.look(|m| m.dialed.len() == 1)).await;
        until("some echoes", || near.look(|m| m.received_bytes > 1000)).await;
        near.look(|m| m.effects.close_now(m.dialed[0]));
        until("the end", || far.look(|m| m.lost.len() == 1)).await;
        assert!(near.look(|m| m.lost.is_empty()), "who closes is not told so");
        far.stop().await;
        near.stop().await;
    });
}

#[test]
fn a_failed_dial_is_reported() {
    run(async |executor| {
        let driver = Running::start(&executor);
        let unused = bind("127.0.0.1", 0).unwrap().port;
        let (refused, unknown) =
            driver.look(|m| (m.effects.dial("127.0.0.1", unused), m.effects.dial("no such host.invalid", 1)));
        until("both failures", || driver.look(|m| m.lost.len() == 2)).await;
        for (conn, by) in driver.look(|m| m.lost.clone()) {
            let LostBy::Error(text) = by else { panic!("{by:?}") };
            let expected = if conn == refused { "refused" } else { "cannot resolve" };
            assert!(text.contains(expected), "{text}");
            assert!(conn == refused || conn == unknown);
        }
        driver.stop().await;
    });
}

#[cfg(target_os = "linux")]
#[test]
fn a_dial_is_cancelled_by_closing_it() {
    run(async |executor| {
        let driver = Running::start(&executor);
        // A full backlog leaves further connections hanging.
        let busy = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        busy.bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into()).unwrap();
        busy.listen(0).unwrap();
        let address = busy.local_addr().unwrap().as_socket().unwrap();
        let (hanging, at_once) = {
            let _first = TcpStream::connect(address).await.unwrap();
            let hanging = driver.look(|m| m.effects.dial("127.0.0.1", address.port()));
            let at_once = driver.look(|m| m.effects.dial("127.0.0.1", address.port()));
            driver.look(|m| m.effects.close_now(at_once));
            until("the dial to hang", || syns_sent_to(address.port()) == 1).await;
            (hanging, at_once)
        };
        driver.look(|m| m.effects.close_now(hanging));
        until("the dial to be gone", || syns_sent_to(address.port()) == 0).await;
        round_trip(&mut Running::connect(driver.echo).await, b"hello").await;
        assert_ne!(hanging, at_once);
        assert!(
            driver.look(|m| m.dialed.is_empty() && m.lost.iter().all(|(conn, _)| *conn == m.accepted[0]))
        );
        driver.stop().await;
    });
}

#[test]
fn timers_fire_when_they_are_due_also_after_having_been_moved() {
    run(async |executor| {
        let driver = Running::start(&executor);
        let count = driver.look(|m| m.fired.clone());
        // Returns how often it has fired before.
        let set = |wait: Duration| {
            let act = |m: &mut Echo, now: Now| {
                m.wake_at = Some(now.mono + wait);
                m.fired.load(Ordering::SeqCst)
            };
            driver.machine.with(act).unwrap()
        };
        // The machine is left alone: looking at it would fire a timer that is due.
        let fires_after = async |fired: u32| {
            until("the timer to fire", || count.load(Ordering::SeqCst) == fired + 1).await;
        };
        let start = std::time::Instant::now();
        fires_after(set(Duration::from_millis(20))).await;
        assert!(start.elapsed() >= Duration::from_millis(20));
        // Nearer, then past, then farther than what the clock was set to.
        set(PATIENCE * 10);
        round_trip(&mut Running::connect(driver.echo).await, b"settles").await;
        fires_after(set(Duration::from_millis(5))).await;
        fires_after(set(Duration::ZERO)).await;
        set(Duration::from_millis(10));
        round_trip(&mut Running::connect(driver.echo).await, b"settles").await;
        // On a busy machine the one before has fired by now.
        fires_after(set(Duration::from_millis(50))).await;
        driver.stop().await;
    });
}

#[test]
fn saves_are_answered() {
    run(async |executor| {
        let plain = Running::start(&executor);
        plain.look(|m| m.effects.save(Vec::new()));
        until("the refusal", || plain.look(|m| m.saved.len() == 1)).await;
        assert!(plain.look(|m| m.saved[0].is_err()));
        plain.stop().await;

        let stored = Rc::new(RefCell::new(Vec::new()));
        let (store, answers) = (stored.clone(), Rc::new(RefCell::new(None::<Sender<Command>>)));
        let to = answers.clone();
        let driver = Running::start_with(&executor, |driver| {
            *answers.borrow_mut() = Some(driver.commands());
            driver.on_save(move |ticket, changes| {
                store.borrow_mut().extend(changes);
                let saved = Command::Saved { ticket, outcome: Ok(()) };
                to.borrow().as_ref().unwrap().try_send(saved).unwrap();
            })
        });
        let change = Change { space: "s".into(), key: "k".into(), value: Some(vec![1]) };
        driver.look(|m| m.effects.save(vec![change.clone()]));
        until("the answer", || driver.look(|m| m.saved == [Ok(())])).await;
        assert_eq!(*stored.borrow(), [change]);
        driver.stop().await;
    });
}

#[test]
fn stopping_and_dropping_close_everything() {
    run(async |executor| {
        let driver = Running::start(&executor);
        let mut client = Running::connect(driver.echo).await;
        round_trip(&mut client, b"hello").await;
        let stuck = Running::connect(driver.flood).await;
        until("the flood", || driver.look(|m| m.accepted.len() == 2)).await;
        let port = driver.echo;
        driver.stop().await;
        assert_eq!(read_all(client).await, b"");
        assert!(read_all(stuck).await.len() < FLOOD_BYTES);
        assert!(TcpStream::connect(("127.0.0.1", port)).await.is_err());

        let driver = Running::start(&executor);
        let mut client = Running::connect(driver.echo).await;
        round_trip(&mut client, b"hello").await;
        drop(driver.task);
        assert_eq!(read_all(client).await, b"");
        until("the machine to be gone", || driver.machine.with(|_, _| ()).is_none()).await;
    });
}

#[test]
fn closing_in_order_at_the_stop_delivers_the_last_bytes() {
    run(async |executor| {
        // An attempt that takes longer than a connection lingers proves nothing: a busy machine needs several.
        for _ in 0..20 {
            if closes_in_order_at_the_stop(&executor).await {
                return;
            }
        }
        panic!("no attempt took less than a connection lingers");
    });
}

/// Returns whether it took less time than a connection lingers.
async fn closes_in_order_at_the_stop(executor: &LocalExecutor<'_>) -> bool {
    let driver = Running::start(executor);
    let mut client = Running::connect(driver.closing).await;
    let start = std::time::Instant::now();
    client.write_all(b"x").await.unwrap();
    until("the close", || driver.look(|m| m.accepted.len() == 1 && m.effects.open_count() == 0)).await;
    let port = driver.echo;
    let stopping = executor.spawn(driver.stop());
    patiently("the stop", async { while TcpStream::connect(("127.0.0.1", port)).await.is_ok() {} }).await;
    // The machine has stopped, and this client has not finished.
    let mut all = Vec::new();
    let outcome = match client.write_all(&pattern(300_000)).await {
        Ok(()) => patiently("the end", client.read_to_end(&mut all)).await,
        Err(error) => Err(error),
    };
    let stopped = stopping.is_finished();
    let in_time = start.elapsed() < LINGER_TIME;
    if in_time {
        outcome.expect("no reset");
        assert!(all == pattern(LAST_BYTES));
        assert!(!stopped, "the stop waits for it");
    }
    drop(client);
    stopping.await;
    in_time
}
