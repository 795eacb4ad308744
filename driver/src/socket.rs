//! What every connection has, whoever opened it.

use socket2::{SockRef, TcpKeepalive};
use std::net::TcpStream;
use std::time::Duration;

/// After this much silence the kernel asks whether the peer is still there: a peer that lost its power says no goodbye.
const KEEPALIVE_IDLE: Duration = Duration::from_secs(60);
/// Between two such questions.
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(15);

/// Bytes to a router that may wait in the kernel. A CoffeeMud router throws away what comes in heaps of 100 kB and more.
const DIALED_SEND_BUFFER_BYTES: usize = 16_384;
/// After this much time without an acknowledgement of what was sent, the kernel gives the connection up. A router that
/// answers nothing else is judged by that.
#[cfg(target_os = "linux")]
const DIALED_UNACKNOWLEDGED_MAX: Duration = Duration::from_secs(90);

/// For a connection that was dialed, beside what every connection has: little waits unacknowledged, and not for long.
pub fn set_dialed_options(socket: &TcpStream) {
    set_options(socket);
    let socket = SockRef::from(socket);
    let _ = socket.set_send_buffer_size(DIALED_SEND_BUFFER_BYTES);
    #[cfg(target_os = "linux")]
    let _ = socket.set_tcp_user_timeout(Some(DIALED_UNACKNOWLEDGED_MAX));
}

/// Sets no delay, since answers are short and waited for, and keepalive.
///
/// A failure here is no reason to do without the connection.
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
        // Linux doubles it, for its own needs.
        assert!(socket.send_buffer_size().unwrap() <= 2 * DIALED_SEND_BUFFER_BYTES);
        assert!(socket.keepalive().unwrap() && socket.tcp_nodelay().unwrap());
        #[cfg(target_os = "linux")]
        assert_eq!(socket.tcp_user_timeout().unwrap(), Some(DIALED_UNACKNOWLEDGED_MAX));
    }
}
