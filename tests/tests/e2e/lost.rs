//! The files of the state are taken away from a gateway while it runs, or are not its own at its start.

use crate::client::{Client, Transport};
use crate::gateway::Gateway;
use crate::process::{PATIENCE, wait_for};
use crate::programs::Daemon;
use crate::router::{Played, Session};
use i3_tests::wire;
use rusqlite::Connection;
use serde_json::json;
use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Output;

for_both!(
    a_state_that_is_taken_away_is_said_and_written_anew,
    a_state_that_is_taken_away_before_the_end_is_written_anew_too,
    a_file_that_is_no_state_is_not_taken_for_one,
    the_lock_outlives_its_deletion_and_only_the_owner_reads_the_files,
    a_long_file_is_read_within_bounds_and_becomes_short,
    a_flood_leaves_in_the_file_what_memory_keeps,
);

const PASSWORD: i64 = 7;

const FILE: &str = "i3-gateway.sqlite";

fn linked(gateway: &Gateway, router: &Played) -> (Session, i64) {
    let (mut link, sent) = router.log_in(PASSWORD);
    link.lists();
    gateway.becomes_ready(true);
    (link, sent)
}

/// A client with a name.
fn bot(gateway: &Gateway) -> Client {
    let mut client = Client::connect(Transport::Lines, gateway.port(Transport::Lines));
    let named = json!({"api_key": gateway.key(), "client": "bot"});
    client.result("authenticate", &named, &json!({"status": "authenticated"}));
    client
}

/// What a start of the program in the place of the gateway says.
fn refused(gateway: &Gateway) -> (Option<i32>, String) {
    let Output { status, stderr, .. } = gateway.command().output().unwrap();
    (status.code(), String::from_utf8_lossy(&stderr).into_owned())
}

fn take_away(how: &str, gateway: &Gateway) {
    let (folder, state) = (gateway.folder.path(), gateway.state());
    match how {
        "remove" => fs::remove_file(state.join(FILE)).unwrap(),
        "move" => fs::rename(&state, folder.join("moved")).unwrap(),
        "overwrite" => fs::write(state.join(FILE), "no database ".repeat(1_000)).unwrap(),
        _ => {
            Connection::open(folder.join("other")).unwrap().execute_batch("CREATE TABLE t (c)").unwrap();
            fs::rename(folder.join("other"), state.join(FILE)).unwrap();
        }
    }
}

fn a_state_that_is_taken_away_is_said_and_written_anew(daemon: Daemon) {
    let router = Played::listen();
    let mut gateway = Gateway::new(daemon, "Alpha", &[router.address()]).started();
    let (mut link, _) = linked(&gateway, &router);
    let mut game = gateway.client(Transport::Lines);
    let mut named = bot(&gateway);
    link.send(r#"({"tell",5,"Sage","bob","Alpha","ann","Bob","one",})"#);
    let first = named.event("tell_received")["event_id"].clone();
    link.send(r#"({"tell",5,"Sage","bob","Alpha","ann","Bob","two",})"#);
    named.event("tell_received");
    named.result("ack", &json!({"event_id": first}), &json!({"status": "acknowledged"}));
    for (bans, how) in ["remove", "move", "overwrite", "replace"].into_iter().enumerate() {
        take_away(how, &gateway);
        if bans % 2 == 1 {
            // Otherwise it is noticed although nothing happens.
            game.send(
                &json!({"jsonrpc": "2.0", "id": how, "method": "ban_add", "params": {"pattern": format!("{how}@Sage")}})
                    .to_string(),
            );
        }
        let failed = game.event("storage_failed");
        assert!(failed["reason"].as_str().unwrap().contains(FILE), "{how}: {failed}");
        game.event("storage_recovered");
        if bans % 2 == 1 {
            game.expect(&json!({"id": how, "result": {"status": "banned"}}));
        } else {
            game.result("ban_add", &json!({"pattern": format!("{how}@Sage")}), &json!({"status": "banned"}));
        }
    }
    gateway.logs("the saved state is gone");
    let metrics = gateway.get("/metrics");
    assert!(
        metrics.contains("i3_store_failing 0") && metrics.contains("i3_store_rewrites_total 4"),
        "{metrics}"
    );
    assert!(!gateway.get("/health").contains("storage"));
    assert!(gateway.state().join("i3-gateway.replaced-1.sqlite").exists(), "what was put there is kept");

    gateway.kill();
    gateway.start();
    let (_link, sent) = linked(&gateway, &router);
    assert_eq!(sent, PASSWORD);
    let mut named = bot(&gateway);
    assert_eq!(named.event("tell_received")["message"], "two");
    named.result("ban_list", &json!({}), &json!({"count": 4}));
}

fn a_state_that_is_taken_away_before_the_end_is_written_anew_too(daemon: Daemon) {
    let router = Played::listen();
    let mut gateway = Gateway::new(daemon, "Alpha", &[router.address()]).started();
    let (_link, _) = linked(&gateway, &router);
    let mut game = gateway.client(Transport::Lines);
    game.result("ban_add", &json!({"pattern": "*@Spam"}), &json!({"status": "banned"}));
    fs::remove_dir_all(gateway.state()).unwrap();
    gateway.signal("TERM");
    assert_eq!(gateway.end().code(), Some(0));
    gateway.start();
    assert_eq!(linked(&gateway, &router).1, PASSWORD);
    gateway.client(Transport::Lines).result("ban_list", &json!({}), &json!({"count": 1}));
}

/// Makes a file.
type Make = fn(&Path);

fn a_file_that_is_no_state_is_not_taken_for_one(daemon: Daemon) {
    let router = Played::listen();
    let mut gateway = Gateway::new(daemon, "Alpha", &[router.address()]);
    fs::create_dir(gateway.state()).unwrap();
    let file = gateway.state().join(FILE);
    let cases: [(Make, &str); 2] = [
        (|path| fs::write(path, "").unwrap(), "the file is empty"),
        (
            |path| Connection::open(path).unwrap().execute_batch("CREATE TABLE t (c)").unwrap(),
            "not a state of this gateway",
        ),
    ];
    for (make, expected) in cases {
        make(&file);
        let before = fs::read(&file).unwrap();
        let (code, text) = refused(&gateway);
        assert!(code == Some(69) && text.contains(expected), "{code:?} {text}");
        assert_eq!(fs::read(&file).unwrap(), before);
        fs::remove_file(&file).unwrap();
    }
    gateway.start();
    linked(&gateway, &router);
    gateway.logs("there was no state, so a new one was created");
}

fn the_lock_outlives_its_deletion_and_only_the_owner_reads_the_files(daemon: Daemon) {
    let router = Played::listen();
    let gateway = Gateway::new(daemon, "Alpha", &[router.address()]).started();
    linked(&gateway, &router);
    let lock = gateway.state().join("i3-gateway.lock");
    fs::remove_file(&lock).unwrap();
    let (code, text) = refused(&gateway);
    assert!(code == Some(69) && text.contains("another gateway runs"), "{code:?} {text}");
    wait_for("the lock file to be there again", || {
        fs::read_to_string(&lock).ok().filter(|text| !text.is_empty())
    });
    assert_eq!(fs::read_to_string(&lock).unwrap().trim(), gateway.pid().to_string());
    let Output { status, .. } = gateway.command().args(["backup", "copy"]).output().unwrap();
    assert!(status.success());
    let files = fs::read_dir(gateway.state()).unwrap().map(|entry| entry.unwrap().path());
    let files: Vec<_> = files.chain([gateway.folder.path().join("copy")]).collect();
    assert!(files.len() >= 5, "{files:?}");
    for file in files {
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600, "{}", file.display());
    }
}

/// Number of rows of a space.
fn rows(file: &Path, space: &str) -> i64 {
    let connection = Connection::open(file).unwrap();
    let count = "SELECT count(*) FROM state WHERE space = ?1";
    connection.query_row(count, [space], |row| row.get(0)).unwrap()
}

/// A figure of `/metrics`.
fn figure(gateway: &Gateway, name: &str) -> i64 {
    let page = gateway.get("/metrics");
    let line = page.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    line.unwrap_or_else(|| panic!("{name} in {page}")).parse::<f64>().unwrap() as i64
}

/// Sends lines of a channel, and waits until the game has the last one.
fn flood(link: &mut Session, game: &mut Client, lines: std::ops::Range<usize>) {
    let text = "x".repeat(700);
    let last = format!("{} ", lines.end - 1);
    let mut frames = Vec::new();
    for number in lines {
        let line = format!(r#"({{"channel-m",5,"Sage","bob",0,0,"chat","Bob","{number} {text}",}})"#);
        frames.extend(wire::mudmode_frame(line.as_bytes()));
    }
    let mut stream = link.stream.try_clone().unwrap();
    let sending = std::thread::spawn(move || stream.write_all(&frames).unwrap());
    let is_last = |text: &str| text.starts_with(&last);
    game.message_that(|message| message["params"]["message"].as_str().is_some_and(is_last));
    sending.join().unwrap();
}

fn a_flood_leaves_in_the_file_what_memory_keeps(daemon: Daemon) {
    let router = Played::listen();
    let quiet = json!({"logging": {"level": "INFO"}});
    let gateway = Gateway::new(daemon, "Alpha", &[router.address()]).with(&quiet).started();
    let (mut link, _) = linked(&gateway, &router);
    let mut game = gateway.client(Transport::Lines);
    game.result("channel_join", &json!({"channel": "chat"}), &json!({"status": "joined"}));
    flood(&mut link, &mut game, 0..3_000);
    let file = gateway.state().join(FILE);
    // The disk is slow: far more changes wait than there is room for.
    let slow = Connection::open(&file).unwrap();
    slow.busy_timeout(PATIENCE).unwrap();
    slow.execute_batch("BEGIN IMMEDIATE").unwrap();
    flood(&mut link, &mut game, 3_000..12_000);
    slow.execute_batch("COMMIT").unwrap();
    wait_for("everything to be saved", || {
        let is_saved = figure(&gateway, "i3_store_changes_waiting") == 0;
        (is_saved && figure(&gateway, "i3_store_failing") == 0).then_some(())
    });
    link.send(r#"({"tell",5,"Sage","bob","Alpha","ann","Bob","the end",})"#);
    game.event("tell_received");
    game.result("ban_add", &json!({"pattern": "a@b"}), &json!({"status": "banned"}));
    assert_eq!(rows(&file, "events/Alpha"), figure(&gateway, "api_events_kept"));
    assert!(rows(&file, "events/Alpha") <= 1_001);
    wait_for("the file to shrink", || (fs::metadata(&file).unwrap().len() < 8_000_000).then_some(()));
}

/// The rows of a flood that an earlier version has left, and one that nobody can read.
fn leave_rows(file: &Path, rows: u64) {
    let mut connection = Connection::open(file).unwrap();
    let transaction = connection.transaction().unwrap();
    {
        let mut put = transaction.prepare("INSERT OR REPLACE INTO state VALUES (?1, ?2, ?3)").unwrap();
        let text = "x".repeat(800);
        for id in 1..=rows {
            let value = json!({"at": 1, "born": 1, "event": "channel_message", "params":
                {"channel": "chat", "from_mud": "Spam", "from_user": "bob", "message": text}});
            put.execute(("events/Alpha", format!("{id:020}"), value.to_string().into_bytes())).unwrap();
        }
        put.execute(("events/Alpha", format!("{:020}", rows + 1), vec![b'x'; 30_000_000])).unwrap();
    }
    transaction.commit().unwrap();
}

fn a_long_file_is_read_within_bounds_and_becomes_short(daemon: Daemon) {
    const ROWS: u64 = 40_000;
    let router = Played::listen();
    let mut gateway = Gateway::new(daemon, "Alpha", &[router.address()]).started();
    linked(&gateway, &router);
    let file = gateway.state().join(FILE);
    gateway.client(Transport::Lines).result(
        "ban_add",
        &json!({"pattern": "a@b"}),
        &json!({"status": "banned"}),
    );
    gateway.signal("TERM");
    gateway.end();
    leave_rows(&file, ROWS);
    assert!(fs::metadata(&file).unwrap().len() > 60_000_000);
    gateway.start();
    #[cfg(target_os = "linux")]
    {
        let most = gateway.process_status("VmHWM");
        assert!(most < 64 * 1024, "{most} KiB");
    }
    assert_eq!(linked(&gateway, &router).1, PASSWORD);
    gateway.logs("were deleted from the state");
    assert!(
        rows(&file, "events/Alpha") <= 1_000 && rows(&file, "ban/Alpha") == 1,
        "{}",
        rows(&file, "events/Alpha")
    );
    let length = fs::metadata(&file).unwrap().len();
    assert!(length < 8_000_000, "{length} bytes");
}
