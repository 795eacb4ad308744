//! Peers that send and do not read.

use super::*;

const LINES: usize = 10_000;

fn line(at: usize) -> String {
    format!(r#"({{"channel-m",5,"Sage","bob",0,0,"chat","Bob","line {at}",}})"#)
}

/// The text of each channel line, in order.
fn heard(messages: &[Json]) -> Vec<String> {
    let lines = messages.iter().filter(|message| message["method"] == "channel_message");
    lines.map(|message| message["params"]["message"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn a_client_misses_channel_lines_and_is_told_how_many_when_it_reads_again() {
    let mut siege = Siege::default();
    let sleeper = siege.connect(Listener::Lines);
    siege.ask(sleeper, r#"{"id":1,"method":"authenticate","params":["alpha-key"]}"#);
    siege.ask(sleeper, r#"{"jsonrpc":"2.0","id":2,"method":"channel_join","params":["chat"]}"#);
    siege.read(sleeper);
    siege.read(siege.bystander);
    siege.world.stall(sleeper);
    for at in 0..LINES {
        siege.frame(&line(at));
    }
    siege.frame(r#"({"tell",5,"Sage","bob","Alpha","ann","Bob","private",})"#);
    let all = siege.read(siege.bystander);
    let wanted: Vec<String> = (0..LINES).map(|at| format!("line {at}")).collect();
    assert_eq!(heard(&all), wanted, "who reads misses nothing");
    assert_eq!(siege.read(sleeper), [] as [Json; 0]);

    siege.world.resume(sleeper);
    let bytes = siege.world.received(sleeper).len();
    assert!(bytes < 70_000, "{bytes} bytes were held for a client that does not read");
    let messages = siege.read(sleeper);
    let got = heard(&messages);
    assert_eq!(got, wanted[..got.len()], "in order, from the first");
    assert!(got.len() > 100);
    assert!(messages.iter().any(|m| m["method"] == "tell_received"), "a tell is never dropped");
    let lagged: Vec<&Json> = messages.iter().filter(|message| message["method"] == "lagged").collect();
    assert_eq!(lagged.len(), 1);
    assert_eq!(lagged[0]["params"]["dropped"], LINES - got.len());
    assert_eq!(siege.metrics().events_dropped, (LINES - got.len()) as u64);
    siege.frame(&line(LINES));
    assert_eq!(heard(&siege.read(sleeper)), [format!("line {LINES}")], "and it goes on");
    siege.nobody_else_noticed();
}

/// A driver reads up to 64 KiB at once, and can only flush after that.
#[test]
fn a_client_that_reads_misses_nothing_of_a_burst() {
    let mut siege = Siege::new(65_536, |_| {});
    let stream: Vec<u8> = (0..LINES).flat_map(|at| wire::mudmode_frame(line(at).as_bytes())).collect();
    siege.world.write(siege.router, &stream);
    let messages = siege.read(siege.bystander);
    assert!(messages.iter().all(|message| message["method"] != "lagged"));
    assert_eq!(heard(&messages).len(), LINES);
}

#[test]
fn tells_wait_for_a_client_that_is_behind_and_come_in_order_when_it_reads() {
    let mut siege = Siege::default();
    let sleeper = siege.websocket();
    siege.world.stall(sleeper);
    let text = "x".repeat(5000);
    for at in 0..400 {
        siege.tell(&format!("{at} {text}"));
    }
    let held = siege.world.machine::<Gateway>("Alpha").pending_bytes();
    assert!(held < 1_048_576 + 10_000, "{held} bytes are held for a client that does not read");
    assert_eq!(siege.read(siege.bystander).len(), 400);
    siege.world.resume(sleeper);
    let events: Vec<Json> =
        siege.frames(sleeper).iter().map(|text| serde_json::from_str(text).unwrap()).collect();
    let tells = events.iter().filter(|event| event["method"] == "tell_received");
    let numbers: Vec<usize> = tells
        .map(|tell| tell["params"]["message"].as_str().unwrap().split(' ').next().unwrap().parse().unwrap())
        .collect();
    assert_eq!(numbers, (0..400).collect::<Vec<usize>>(), "none is lost, none comes twice");
    let end = events.last().unwrap();
    assert_eq!((&end["method"], &end["params"]["gap"]), (&"replay_complete".into(), &false.into()));
    let metrics = siege.metrics();
    assert_eq!((metrics.connections_at_fault, metrics.events_dropped), (0, 0));
    siege.nobody_else_noticed();
}

#[test]
fn a_client_that_asks_and_does_not_read_is_not_read_from_either() {
    let mut siege = Siege::default();
    let sleeper = siege.connect(Listener::Lines);
    siege.ask(sleeper, r#"{"id":0,"method":"authenticate","params":["alpha-key"]}"#);
    siege.read(sleeper);
    siege.world.stall(sleeper);
    for id in 0..500 {
        siege.ask(sleeper, &format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"rpc.discover"}}"#));
    }
    let asked = siege.metrics().requests;
    assert!(asked < 100, "{asked} requests were answered to a client that does not read");
    siege.nobody_else_noticed();
    siege.world.resume(sleeper);
    let ids: Vec<i64> = siege.read(sleeper).iter().filter_map(|answer| answer["id"].as_i64()).collect();
    assert_eq!(ids, (0..500).collect::<Vec<i64>>(), "then every request is answered, in order");
}

#[test]
fn an_http_client_that_asks_and_does_not_read_is_bounded() {
    let mut siege = Siege::default();
    let sleeper = siege.connect(Listener::Http);
    siege.world.stall(sleeper);
    let requests = "GET /api/openrpc.json HTTP/1.1\r\n\r\n".repeat(1000);
    for _ in 0..5 {
        siege.world.write(sleeper, requests.as_bytes());
    }
    siege.world.resume(sleeper);
    let bytes = siege.world.received(sleeper).len();
    assert!(bytes < 4 * 1_048_576, "{bytes} bytes were held for a client that does not read");
    siege.nobody_else_noticed();
}

#[test]
fn a_websocket_client_that_pings_and_does_not_read_is_bounded() {
    let mut siege = Siege::default();
    let sleeper = siege.websocket();
    siege.world.stall(sleeper);
    let pings = wire::websocket_frame(9, &[b'x'; 125]).repeat(1000);
    for _ in 0..40 {
        siege.world.write(sleeper, &pings);
    }
    let held = siege.world.machine::<Gateway>("Alpha").pending_bytes();
    assert!(held < 1_048_576, "{held} bytes were held for a client that does not read");
    // It is not read from either, so what it sent is answered once it reads.
    siege.world.resume(sleeper);
    siege.world.wait(SECOND);
    let mut pongs = std::mem::take(siege.world.received(sleeper));
    assert_eq!(wire::websocket_frames(&mut pongs).len(), 40_000);
    siege.nobody_else_noticed();
}

#[test]
fn a_client_that_is_told_to_go_and_does_not_read_is_gone_after_a_while() {
    let mut siege = Siege::default();
    let [http, websocket] = [siege.connect(Listener::Http), siege.websocket()];
    for script in [http, websocket] {
        siege.world.stall(script);
    }
    siege.world.write(http, b"nonsense\r\n\r\n");
    siege.world.write(websocket, &[0xf1, 0x80, 0, 0, 0, 0]);
    assert!(siege.world.is_open(http) && siege.world.is_open(websocket));
    siege.world.wait(11 * SECOND);
    assert!(!siege.world.is_open(http) && !siege.world.is_open(websocket));
    siege.nobody_else_noticed();
}

/// Sends tells until one is refused. Gives the ids of those that were accepted, and the refusal.
fn flood(siege: &mut Siege) -> (Vec<String>, Json) {
    let mut accepted = Vec::new();
    for id in 0..5000 {
        siege.ask(
            siege.bystander,
            &format!(
                r#"{{"jsonrpc":"2.0","id":{id},"method":"tell","params":{{"target_mud":"Sage","target_user":"bob","message":"tell {id}"}}}}"#
            ),
        );
        let answer = siege.read(siege.bystander).pop().unwrap();
        match answer["result"]["message_id"].as_str() {
            Some(message_id) => accepted.push(message_id.to_owned()),
            None => return (accepted, answer),
        }
    }
    panic!("5000 tells were accepted for a router that does not read");
}

#[test]
fn a_router_gets_a_bounded_queue_and_what_cannot_go_is_reported() {
    let mut siege = Siege::new(usize::MAX >> 1, |settings| settings.link.packets_per_second = None);
    siege.world.stall(siege.router);
    let (accepted, refusal) = flood(&mut siege);
    assert_eq!(refusal["error"]["code"], -32004);
    assert_eq!(refusal["error"]["data"], json!({"reason": "queue_full", "retryable": true}));
    // 64 KiB on their way, a thousand waiting.
    let shortest = r#"({"tell",5,"Alpha","Someone","Sage","bob","Someone","tell 0",})"#.len();
    assert!((1001..1001 + 65_536 / shortest).contains(&accepted.len()), "{}", accepted.len());
    siege.world.wait(61 * SECOND);
    let reports = siege.read(siege.bystander);
    let reported: Vec<&str> =
        reports.iter().map(|report| report["params"]["message_id"].as_str().unwrap()).collect();
    assert_eq!(reported.len(), 1000);
    assert_eq!(reported, accepted[accepted.len() - 1000..], "each that waited too long, once");
    assert!(
        reports.iter().all(
            |report| report["method"] == "error_occurred" && report["params"]["error_code"] == "not-sent"
        )
    );
    assert_eq!(siege.metrics().packets_expired, 1000);
    // It reads again before the link is given up: what was on its way comes, nothing twice.
    siege.world.resume(siege.router);
    let came = wire::mudmode_frames(siege.world.received(siege.router));
    let tells = came.iter().filter(|frame| frame.starts_with("({\"tell\",")).count();
    assert_eq!(tells, accepted.len() - 1000);
    siege.nobody_else_noticed();
}

#[test]
fn a_paced_router_gets_its_packets_and_the_queue_has_an_end() {
    let mut siege = Siege::default();
    let (accepted, refusal) = flood(&mut siege);
    assert_eq!(refusal["error"]["data"]["reason"], "queue_full");
    assert!((1000..1010).contains(&accepted.len()), "{}", accepted.len());
    siege.world.wait(62 * SECOND);
    let sent = wire::mudmode_frames(siege.world.received(siege.router));
    let sent = sent.iter().filter(|frame| frame.starts_with("({\"tell\",")).count();
    let reported = siege.read(siege.bystander).len();
    assert!((400..600).contains(&sent), "{sent} in a minute");
    assert_eq!(sent + reported, accepted.len(), "each is sent or reported, none both");
}
