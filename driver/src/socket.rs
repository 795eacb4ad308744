//! The socket options of all connections.

use socket2::{SockRef, TcpKeepalive};
use std::net::TcpStream;
use std::time::Duration;

/// After this silence the kernel sends keepalive probes. They detect a peer that has lost its power.
const KEEPALIVE_IDLE: Duration = Duration::from_secs(60);
/// The interval of the probes.
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(15);

/// Bytes to a router that may wait in the kernel. A CoffeeMud router discards input if 100 kB or more are unread.
const DIALED_SEND_BUFFER_BYTES: usize = 16_384;
/// How long sent bytes may stay unacknowledged before the kernel ends the connection. This detects a dead router that need
/// not answer anything else.
#[cfg(target_os = "linux")]
const DIALED_UNACKNOWLEDGED_MAX: Duration = Duration::from_secs(90);

/// Sets the further options of a dialed connection, which limit unacknowledged bytes and their time.
pub fn set_dialed_options(socket: &TcpStream) {
    set_options(socket);
    let socket = SockRef::from(socket);
    let _ = socket.set_send_buffer_size(DIALED_SEND_BUFFER_BYTES);
    #[cfg(target_os = "linux")]
    let _ = socket.set_tcp_user_timeout(Some(DIALED_UNACKNOWLEDGED_MAX));
}

/// Sets `TCP_NODELAY`, because answers are short and peers wait for them, and keepalive.
///
/// Failures are ignored: the connection works without the options.
pub fn set_options(socket: &TcpStream) {
    let _ = socket.set_nodelay(true);
    let keepalive = TcpKeepalive::new().with_time(KEEPALIVE_IDLE).with_interval(KEEPALIVE_INTERVAL);
    let _ = SockRef::from(socket).set_tcp_keepalive(&keepalive);
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;

    #[test]
    fn a_dialed_connection_holds_little_and_gives_up_in_time() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let socket = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        set_dialed_options(&socket);
        let socket = SockRef::from(&socket);
        // Linux doubles the size for its bookkeeping.
        assert!(socket.send_buffer_size().unwrap() <= 2 * DIALED_SEND_BUFFER_BYTES);
        assert!(socket.keepalive().unwrap() && socket.tcp_nodelay().unwrap());
        #[cfg(target_os = "linux")]
        assert_eq!(socket.tcp_user_timeout().unwrap(), Some(DIALED_UNACKNOWLEDGED_MAX));
    }
}
