//! A way to the server that can be cut and stalled.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

pub(crate) struct Proxy {
    pub(crate) port: u16,
    /// What the server answers is swallowed.
    pub(crate) is_mute: Arc<AtomicBool>,
    /// New connections are closed at once.
    pub(crate) is_cut: Arc<AtomicBool>,
    open: Arc<Mutex<Vec<TcpStream>>>,
}

impl Proxy {
    pub(crate) fn to(port: u16) -> Proxy {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let proxy = Proxy {
            port: listener.local_addr().unwrap().port(),
            is_mute: Arc::default(),
            is_cut: Arc::default(),
            open: Arc::default(),
        };
        let (is_mute, is_cut, open) = (proxy.is_mute.clone(), proxy.is_cut.clone(), proxy.open.clone());
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let Ok(server) = TcpStream::connect(("127.0.0.1", port)) else { continue };
                if is_cut.load(Ordering::SeqCst) {
                    continue;
                }
                open.lock().unwrap().extend([client.try_clone().unwrap(), server.try_clone().unwrap()]);
                let (from_client, to_server) = (client.try_clone().unwrap(), server.try_clone().unwrap());
                thread::spawn(move || pass(from_client, to_server, &AtomicBool::new(false)));
                let is_mute = is_mute.clone();
                thread::spawn(move || pass(server, client, &is_mute));
            }
        });
        proxy
    }

    /// Cuts all open connections.
    pub(crate) fn cut(&self) {
        for stream in self.open.lock().unwrap().drain(..) {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }
}

fn pass(mut from: TcpStream, mut to: TcpStream, is_mute: &AtomicBool) {
    let mut buffer = [0; 65_536];
    while let Ok(count @ 1..) = from.read(&mut buffer) {
        if !is_mute.load(Ordering::SeqCst) && to.write_all(&buffer[..count]).is_err() {
            break;
        }
    }
    let _ = to.shutdown(Shutdown::Both);
}
