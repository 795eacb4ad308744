//! What happens when the process has no file descriptor left. The limit is set by a shell that starts this test again.

mod common;

use common::{Echo, again_with_few_files, patiently, until};
use futures_lite::io::{AsyncReadExt, AsyncWriteExt};
use i3_core::machine::Listener;
use i3_gateway::clock::Clock;
use i3_gateway::driver::Driver;
use i3_gateway::listen::bind;
use smol::LocalExecutor;
use std::cell::Cell;
use std::rc::Rc;

#[test]
fn accepting_goes_on_when_there_are_descriptors_again() {
    if again_with_few_files() {
        with_few_files();
    }
}

fn with_few_files() {
    let executor = LocalExecutor::new();
    smol::block_on(executor.run(async {
        let complaints = Rc::new(Cell::new(0));
        let complained = complaints.clone();
        let lines = bind("127.0.0.1", 0).unwrap();
        let driver = Driver::new(Echo::default(), Clock::start())
            .listen(Listener::Lines, None, lines.listeners)
            .on_notice(move |notice| {
                assert_eq!(notice.what, "cannot accept connections");
                complained.set(complained.get() + 1);
            });
        let running = executor.spawn(driver.run());

        // Clients take all that there are; the last of them are never accepted.
        let address = ("127.0.0.1", lines.port);
        let mut clients = Vec::new();
        while let Ok(client) = std::net::TcpStream::connect(address) {
            clients.push(client);
        }
        until("the complaint", || complaints.get() > 0).await;
        drop(clients);

        // Until the driver has noticed that they are gone there may be no descriptor for us either.
        let mut client = patiently("a descriptor", async {
            loop {
                match smol::net::TcpStream::connect(address).await {
                    Ok(client) => return client,
                    Err(_) => futures_lite::future::yield_now().await,
                }
            }
        })
        .await;
        client.write_all(b"hello").await.unwrap();
        let mut answer = [0; 5];
        patiently("the echo", client.read_exact(&mut answer)).await.unwrap();
        assert_eq!(&answer, b"hello");
        assert_eq!(complaints.get(), 1, "a lasting failure is told once");
        drop(running);
    }));
}
