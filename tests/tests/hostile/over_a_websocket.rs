//! What comes over a WebSocket.

use super::*;

fn ends(bytes: &[u8], close: &str) {
    let mut siege = Siege::default();
    let attacker = siege.websocket();
    siege.world.write(attacker, bytes);
    assert_eq!(siege.frames(attacker), [close], "{:?}", &bytes[..bytes.len().min(12)]);
    assert!(!siege.world.is_open(attacker));
    assert_eq!(siege.metrics().connections_at_fault, 1);
    siege.nobody_else_noticed();
}

#[test]
fn broken_frames_end_with_the_right_code() {
    let frame = |opcode, payload: &[u8]| wire::websocket_frame(opcode, payload);
    let mut reserved = frame(1, b"{}");
    reserved[0] |= 0x40;
    let mut huge = vec![0x81, 0xff];
    huge.extend_from_slice(&u64::MAX.to_be_bytes());
    huge.extend_from_slice(&[0; 4]);
    ends(&[0x81, 2, b'{', b'}'], "close 1002"); // no mask
    ends(&reserved, "close 1002");
    ends(&frame(3, b"x"), "close 1002"); // an opcode that there is not
    ends(&frame(9, &[b'x'; 126]), "close 1002"); // a ping that is too long
    ends(&frame(0, b"x"), "close 1002"); // a continuation of nothing
    ends(&frame(1, &vec![b'x'; MESSAGE_BYTES_MAX + 1]), "close 1009");
    ends(&huge, "close 1009");
    ends(&frame(1, b"\xff\xfe"), "close 1007");
}

#[test]
fn a_message_in_fragments_without_end_is_too_large_in_the_end() {
    let mut siege = Siege::default();
    let attacker = siege.websocket();
    let mut first = wire::websocket_frame(1, &[b' '; 1000]);
    first[0] = 1;
    let mut next = first.clone();
    next[0] = 0;
    siege.world.write(attacker, &first);
    let mut sent = 1;
    while siege.world.is_open(attacker) && sent < 1000 {
        siege.world.write(attacker, &next);
        sent += 1;
    }
    assert_eq!(sent, MESSAGE_BYTES_MAX / 1000 + 1);
    assert_eq!(siege.frames(attacker), ["close 1009"]);
    // Empty ones cost nothing.
    let patient = siege.websocket();
    let mut empty = wire::websocket_frame(1, b"");
    empty[0] = 1;
    siege.world.write(patient, &empty);
    empty[0] = 0;
    siege.world.write(patient, &empty.repeat(10_000));
    assert!(siege.world.is_open(patient));
    siege.world.write(patient, &wire::websocket_frame(0, br#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#));
    assert!(siege.frames(patient)[0].contains("pong"));
    siege.nobody_else_noticed();
}

#[test]
fn a_binary_message_gets_an_error_and_a_dead_client_is_closed() {
    let mut siege = Siege::default();
    let attacker = siege.websocket();
    siege.world.write(attacker, &wire::websocket_frame(2, b"\0\x01"));
    assert!(siege.frames(attacker)[0].contains("-32600"));
    siege.world.wait(61 * SECOND);
    assert_eq!(siege.frames(attacker), ["opcode 9"]);
    assert!(!siege.world.is_open(attacker));
    assert_eq!(siege.metrics().connections_at_fault, 1);
}
