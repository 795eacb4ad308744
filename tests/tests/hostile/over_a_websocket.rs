//! What comes over a WebSocket.

use super::*;
use i3_core::door::rpc::deflate::{deflated_text, inflate};
use i3_core::door::rpc::framing::WEBSOCKET;

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

/// A WebSocket that has agreed to compression, with a key in its header or without one.
fn compressed(siege: &mut Siege, key: Option<&str>) -> usize {
    let script = siege.world.connect("Alpha", Listener::Http).expect("there is room");
    let request = wire::websocket_request("/ws", key).replacen(
        "Upgrade: websocket\r\n",
        "Upgrade: websocket\r\nSec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n",
        1,
    );
    siege.world.write(script, request.as_bytes());
    let received = siege.world.received(script);
    let head = String::from_utf8_lossy(received).into_owned();
    assert!(head.contains("Sec-WebSocket-Extensions: permessage-deflate"), "{head}");
    received.clear();
    script
}

/// A compressed frame that contains this text, between blanks that inflate to so many bytes.
fn bomb(blanks: usize, text: &str) -> Vec<u8> {
    let whole = format!("{}{text}", " ".repeat(blanks));
    let plain = deflated_text(whole.as_bytes()).view(WEBSOCKET);
    let header = match plain[1] {
        126 => 4,
        127 => 10,
        _ => 2,
    };
    let mut frame = wire::websocket_frame(1, &plain[header..]);
    frame[0] = plain[0];
    frame
}

const PING: &str = r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#;

#[test]
fn a_compressed_message_is_inflated_up_to_the_limit_of_its_sender() {
    // A stranger has little room, whatever the frame's length.
    let mut siege = Siege::default();
    let stranger = compressed(&mut siege, None);
    siege.world.write(stranger, &bomb(2_000, PING));
    assert!(siege.frames(stranger)[0].contains("pong"));
    siege.world.write(stranger, &bomb(5_000, PING));
    assert_eq!(siege.frames(stranger), ["close 1009"]);
    // A session with a key has the limit of all messages.
    let game = compressed(&mut siege, Some("alpha-key"));
    siege.world.write(game, &bomb(MESSAGE_BYTES_MAX - PING.len(), PING));
    assert!(siege.frames(game)[0].contains("pong"));
    siege.world.write(game, &bomb(MESSAGE_BYTES_MAX, PING));
    assert_eq!(siege.frames(game), ["close 1009"]);
    // What is no compressed text ends the connection too.
    for (payload, close) in
        [(&[0xff_u8; 9][..], "close 1002"), (&[0, 1, 0, 0xfe, 0xff, 0xff, 0], "close 1007")]
    {
        let attacker = compressed(&mut siege, Some("alpha-key"));
        let mut frame = wire::websocket_frame(1, payload);
        frame[0] |= 0x40;
        siege.world.write(attacker, &frame);
        assert_eq!(siege.frames(attacker), [close]);
    }
    siege.nobody_else_noticed();
}

#[test]
fn long_answers_come_compressed_and_the_setting_switches_it_off() {
    let mut siege = Siege::default();
    let game = compressed(&mut siege, Some("alpha-key"));
    siege
        .world
        .write(game, &wire::websocket_frame(1, br#"{"jsonrpc":"2.0","id":1,"method":"rpc.discover"}"#));
    let received = siege.world.received(game);
    assert_eq!((received[0], received[1]), (0xc1, 126), "a compressed text");
    let length = usize::from(received[2]) * 256 + usize::from(received[3]);
    let document = inflate(received[4..4 + length].to_vec(), usize::MAX).unwrap();
    assert!(document.starts_with(br#"{"jsonrpc":"2.0","id":1,"result":{"#) && document.len() > 3 * length);
    received.clear();
    // A short answer is not worth it.
    siege.world.write(game, &wire::websocket_frame(1, PING.as_bytes()));
    assert!(siege.frames(game)[0].contains("pong"));

    let mut siege = Siege::new(usize::MAX >> 1, |settings| settings.api.compression = false);
    let script = siege.world.connect("Alpha", Listener::Http).expect("there is room");
    let offer = "Sec-WebSocket-Extensions: permessage-deflate\r\nUpgrade:";
    let request = wire::websocket_request("/ws", Some("alpha-key")).replacen("Upgrade:", offer, 1);
    siege.world.write(script, request.as_bytes());
    let head = String::from_utf8_lossy(siege.world.received(script)).into_owned();
    assert!(head.starts_with("HTTP/1.1 101 ") && !head.contains("Extensions"), "{head}");
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
