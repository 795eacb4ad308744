//! Replays the committed fuzz corpora through the bodies of the fuzz targets, where there is no nightly toolchain.

#![allow(clippy::print_stdout, reason = "the test harness shows it when a test fails")]

use i3_tests::{vectors, wire};
use std::path::{Path, PathBuf};

#[allow(unreachable_pub, reason = "the same file is a library in fuzz/")]
#[path = "../../fuzz/src/lib.rs"]
mod targets;

/// Files in one corpus.
const FILES_MAX: usize = 60;

fn corpus() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join("fuzz/corpus")
}

#[test]
fn every_corpus_file_goes_through_its_target() {
    let mut bytes = 0;
    for (name, target) in targets::TARGETS {
        let mut files: Vec<PathBuf> =
            std::fs::read_dir(corpus().join(name)).unwrap().map(|entry| entry.unwrap().path()).collect();
        files.sort();
        assert!((5..=FILES_MAX).contains(&files.len()), "{name}: {} files", files.len());
        for file in files {
            let data = std::fs::read(&file).unwrap();
            bytes += data.len();
            // Shown when the target panics.
            println!("{}", file.display());
            target(&data);
        }
    }
    assert!(bytes < 1_000_000, "the corpora have {bytes} bytes: keep them small");
}

/// Every target takes anything: nothing, noise, a long run of one byte.
#[test]
fn every_target_takes_noise() {
    for (name, target) in targets::TARGETS {
        target(b"");
        for seed in 0..200 {
            println!("{name}, seed {seed}");
            let mut rng = fastrand::Rng::with_seed(seed);
            let length = rng.usize(0..400);
            target(&std::iter::repeat_with(|| rng.u8(..)).take(length).collect::<Vec<u8>>());
        }
        for same in [0, b'(', b'{', b'"', b'\\', b',', 0xff] {
            target(&[same; 5000]);
        }
    }
}

/// Writes the first corpora, from the captures; what a fuzzer finds is added by hand.
#[test]
#[ignore = "writes files"]
fn write_seeds() {
    let write = |target: &str, name: &str, data: &[u8]| {
        let folder = corpus().join(target);
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join(name), data).unwrap();
    };
    // One frame of each type from each network, the smallest, and all that are not plain.
    let mut chosen = std::collections::BTreeMap::new();
    for vector in vectors::all() {
        let text = vectors::text(&vector.bytes);
        if text.len() > 600 {
            continue;
        }
        let outcome = vectors::outcome(&text);
        let plain = !outcome.starts_with('-') && !outcome.contains("\tbare") && !outcome.contains("\tlatin");
        let kind = outcome.split('\t').next().unwrap().to_owned();
        let key = if plain { kind } else { vector.name.clone() };
        let folder = vector.name.split_once('/').unwrap().0.to_owned();
        let entry = chosen.entry((key, folder)).or_insert((vector.clone(), text.clone()));
        if text.len() < entry.1.len() {
            *entry = (vector, text);
        }
    }
    let mut stream = vec![3];
    for (at, (vector, text)) in chosen.values().enumerate() {
        let name = vector.name.replace('/', "-");
        if at < FILES_MAX - 8 {
            for target in ["lpc_value", "lpc_round_trip", "packet"] {
                write(target, &name, text);
            }
        }
        stream.extend_from_slice(&vector.bytes);
        if at % 8 == 7 {
            write("frame", &format!("stream-{at}"), &stream);
            stream.truncate(1);
        }
    }
    for text in
        ["({1,2})", "({1,,})", "([\"a\":,:1,])", "(/1,2.5,-3e+4,/)", r#""\n\x\"""#, "9223372036854775808"]
    {
        for target in ["lpc_value", "lpc_round_trip"] {
            write(target, &format!("sloppy-{}", text.len()), text.as_bytes());
        }
    }
    write("frame", "empty-frames", &[1, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 3, b'a', b'b', 0]);
    write("frame", "too-long", b"\x02\x7f\xff\xff\xff({");
    for (name, text) in [
        ("get", "GET /health HTTP/1.1\r\nHost: x\r\n\r\n"),
        ("upgrade", &wire::websocket_request("/ws?x=1#y", Some("key"))[..]),
        (
            "bearer",
            "GET / HTTP/1.0\r\nAuthorization: Bearer k\r\nConnection: keep-alive, upgrade\r\n\r\nrest",
        ),
        ("post", "POST /x HTTP/1.1\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\nhello"),
        ("lines", "{\"jsonrpc\":\"2.0\"}\n"),
        ("bare", "GET / HTTP/1.1\nA: b\n\n"),
    ] {
        write("http_head", name, text.as_bytes());
    }
    let frame = wire::websocket_frame;
    let mut fragments = frame(1, b"{\"a\"");
    fragments[0] = 1;
    let mut middle = frame(0, ":\u{e9}".as_bytes());
    middle[0] = 0;
    for (name, bytes) in [
        ("text", frame(1, b"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"}")),
        ("binary", frame(2, &[0, 255])),
        ("ping-close", [frame(9, b"p"), frame(10, b""), frame(8, &[3, 232])].concat()),
        ("fragments", [fragments, frame(9, b""), middle, frame(0, b"}")].concat()),
        ("not-utf-8", frame(1, &[0xff])),
        ("unmasked", vec![0x81, 1, b'x']),
        ("long", frame(1, &[b' '; 1001])),
    ] {
        write("websocket", name, &[&[5][..], &bytes].concat());
    }
    let lines = std::fs::read_to_string(vectors::path().join("reference-api/tcp.jsonl")).unwrap();
    let sent = lines.lines().filter_map(|line| {
        serde_json::from_str::<serde_json::Value>(line).ok()?["send"].as_str().map(str::to_owned)
    });
    let mut requests: Vec<String> = sent.filter(|request| request.len() < 240).collect();
    requests.sort();
    requests.dedup_by_key(|request| request.len());
    requests.push(
        r#"[{"jsonrpc":"2.0","method":"ping","id":"1"},{"jsonrpc":"2.0","method":"heartbeat"},7]"#.to_owned(),
    );
    let step = requests.len().div_ceil(40);
    for (at, request) in requests.iter().step_by(step).enumerate() {
        write("json_rpc", &format!("request-{at:02}"), request.as_bytes());
    }
    // A conversation a file: frames and requests in turn.
    let texts: Vec<&Vec<u8>> =
        chosen.values().map(|(_, text)| text).filter(|text| text.len() < 250).collect();
    for (at, (texts, requests)) in texts.chunks(3).zip(requests.chunks(3).cycle()).take(30).enumerate() {
        let (mut conversation, mut script) = (Vec::new(), Vec::new());
        for (text, request) in texts.iter().zip(requests) {
            let at_home = String::from_utf8_lossy(text)
                .replace("TestMudA", "Alpha")
                .replace("dchat", "chat")
                .into_bytes();
            conversation.extend([&[4, at_home.len() as u8], &at_home[..]].concat());
            conversation.extend([&[5, request.len() as u8], request.as_bytes()].concat());
            conversation.extend([&[6, request.len() as u8], request.as_bytes()].concat());
            script.extend([&[4, 0, at_home.len() as u8], &at_home[..]].concat());
            script.extend([&[6, 1 + at as u8 % 2, request.len() as u8], request.as_bytes()].concat());
            script.extend([[9, 10, 200], [10 + at as u8 % 6, at as u8, 1], [9, 11, 255]].concat());
        }
        conversation.extend(b"\x07\x06health\x03\x04GET \x01\x02{}");
        script.extend(b"\x01\x00\x00\x02\x03\x22GET /ws HTTP/1.1\r\nUpgrade: x\r\n\r\n\x0e\x00\x00\x0b\x00\x00\x09\x0b\xff\x0f\x00\xff");
        write("chunking", &format!("conversation-{at:02}"), &conversation);
        write("gateway", &format!("script-{at:02}"), &script);
    }
}
