//! The commands for people, as a person runs them: on a terminal and with the output in a pipe.

use crate::client::Transport;
use crate::gateway::Gateway;
use crate::process::{free_port, wait_for};
use crate::programs::Daemon;
use crate::router::{Played, Session};
use crate::terminal::{Terminal, command, on_terminal, piped, printed, uncoloured};
use serde_json::{Value as Json, json};

for_both!(
    tables_fit_every_terminal,
    other_muds_are_asked_and_waited_for,
    speech_and_history_need_no_quotes,
    moderators_and_administrators_have_commands,
    a_failure_is_one_line_that_says_what_to_do,
    call_converts_by_the_types_of_the_method,
    watch_shows_every_event_in_words,
    what_a_tool_has_received_is_still_kept_for_the_game,
);

/// A text that would drive a terminal, as LPC.
const HOSTILE: &str = "\u{1b}[2J%^RED%^evil%^RESET%^\u{7}";

/// The columns of a text on a terminal: the characters that are used here have one or two.
fn columns(text: &str) -> usize {
    text.chars().map(|c| if u32::from(c) >= 0x1100 && c != '…' { 2 } else { 1 }).sum()
}

/// A gateway on the network of a played router, with some muds and channels.
fn started(daemon: Daemon) -> (Gateway, Session) {
    let router = Played::listen();
    let gateway = Gateway::new(daemon, "Alpha", &[router.address()]).started();
    let (mut link, _) = router.log_in(7);
    let mud = |name: &str, lib: &str| {
        format!(
            "\"{name}\":({{-1,\"127.0.0.1\",4000,0,0,\"{lib}\",\"base\",\"FluffOS v2019 with a long name\",\"LP\",\"open\",\
             \"e\",([\"tell\":1,\"who\":1,\"finger\":1,\"locate\":1,]),0,}}),"
        )
    };
    let muds = mud("Sage", "lib one")
        + &mud("漢字 Mud", "a library with a name of several words")
        + &mud("Dead Souls Dev", "ds");
    link.send(&format!("({{\"mudlist\",5,\"*net\",0,\"Alpha\",0,1,([{muds}]),}})"));
    link.send(
        r#"({"chanlist-reply",5,"*net",0,"Alpha",0,1,(["chat":({"*net",0,}),"code":({"Sage",1,}),]),})"#,
    );
    gateway.becomes_ready(true);
    wait_for("the lists", || {
        let stats = gateway.client(Transport::Lines).call("stats", &json!({}));
        (stats["result"]["mud_count"] == 3 && stats["result"]["channel_count"] == 2).then_some(())
    });
    (gateway, link)
}

fn json_of(gateway: &Gateway, words: &[&str]) -> Json {
    serde_json::from_str(&printed(gateway, words)).unwrap()
}

fn tables_fit_every_terminal(daemon: Daemon) {
    let (gateway, _link) = started(daemon);
    printed(
        &gateway,
        &[
            "ban", "*@Spam", "--reason", "a", "reason", "of", "so", "many", "words", "that", "it", "must",
            "be", "wrapped", "on", "a", "terminal", "of", "sixty", "columns",
        ],
    );
    for words in [
        &["status"][..],
        &["muds"],
        &["channels"],
        &["sessions"],
        &["bans"],
        &["methods"],
        &["methods", "tell"],
    ] {
        for width in [60, 100, 200] {
            let text = on_terminal(&gateway, width, words);
            assert!(text.contains("\u{1b}["), "{words:?}: colours on a terminal");
            for line in uncoloured(&text).lines() {
                assert!(columns(line) <= width.into(), "{words:?} at {width}: {line:?}");
            }
        }
        let plain = printed(&gateway, words);
        assert!(!plain.contains('\u{1b}'), "{plain:?}");
        assert!(plain.lines().all(|line| line == line.trim_end()), "{plain:?}");
        assert!(json_of(&gateway, &[words, &["--json"]].concat()).is_object());
        // NO_COLOR is respected, and so is a terminal that can show none.
        for (name, value) in [("NO_COLOR", "1"), ("TERM", "dumb")] {
            let mut quiet = command(&gateway, words);
            let (code, text) = Terminal::open(
                {
                    quiet.env(name, value);
                    quiet
                },
                100,
            )
            .ended();
            assert!(code == Some(0) && !text.contains('\u{1b}'), "{text:?}");
        }
    }
    let muds = printed(&gateway, &["muds"]);
    assert_eq!(muds.lines().count(), 4, "a line for each mud, and the heading: {muds}");
    assert!(muds.starts_with("NAME "), "{muds}");
    assert!(
        muds.lines().any(|line| line.starts_with("漢字 Mud") && line.contains("127.0.0.1 4000")),
        "{muds}"
    );
    assert_eq!(printed(&gateway, &["muds", "dead", "souls"]).lines().count(), 2);
    assert!(printed(&gateway, &["muds", "nothing"]).starts_with("No mud has"));
    let channels = printed(&gateway, &["channels"]);
    assert!(
        channels.contains("chat  *net   open") && channels.contains("code  Sage   selective"),
        "{channels}"
    );
    assert_eq!(json_of(&gateway, &["muds", "--json"])["count"], 3);
    let status = printed(&gateway, &["status"]);
    for line in ["Mud       Alpha", "Link      ready", "Router    *net", "Muds      3 up, 3 known"] {
        assert!(status.lines().any(|shown| shown == line), "{line}: {status}");
    }
    let sessions = printed(&gateway, &["sessions"]);
    assert!(
        sessions.contains("  secret  ") && sessions.contains("observer"),
        "the key by its name: {sessions}"
    );
    assert!(!sessions.contains(&gateway.key()));
}

fn other_muds_are_asked_and_waited_for(daemon: Daemon) {
    let (gateway, mut link) = started(daemon);
    // Each question is answered while the command waits.
    let asked = |link: &mut Session, kind: &str, words: &[&str], reply: &dyn Fn(&Json) -> String| {
        let process = command(&gateway, words).stdout(std::process::Stdio::piped()).spawn().unwrap();
        let request = link.expect(kind);
        link.send(&reply(&request));
        let output = process.wait_with_output().unwrap();
        assert!(output.status.success(), "{words:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    let who = asked(&mut link, "who-req", &["who", "Dead", "Souls", "Dev"], &|request| {
        let to = request[3].as_str().unwrap();
        format!(
            "({{\"who-reply\",5,\"Dead Souls Dev\",0,\"Alpha\",\"{to}\",({{({{\"Fred\",75,\"{HOSTILE}\",}}),({{\"漢字\",0,\"x\",}}),}}),}})"
        )
    });
    assert_eq!(who.lines().count(), 3, "{who}");
    assert!(who.contains("Fred") && who.contains("1 min") && who.contains("evil"), "{who}");
    assert!(!who.contains('\u{1b}') && !who.contains('\u{7}') && !who.contains("%^RED"), "{who:?}");
    let finger = asked(&mut link, "finger-req", &["finger", "fred@Sage"], &|request| {
        let to = request[3].as_str().unwrap();
        format!(
            "({{\"finger-reply\",5,\"Sage\",0,\"Alpha\",\"{to}\",\"Fred\",\"Fred the Bold\",\"Fred F\",0,\"Mon Jan  1\",42,0,12,\"rocks\",}})"
        )
    });
    assert!(finger.contains("Title      Fred the Bold") && finger.contains("Idle       42 s"), "{finger}");
    let locate = asked(&mut link, "locate-req", &["locate", "Fred"], &|request| {
        let to = request[3].as_str().unwrap();
        format!("({{\"locate-reply\",5,\"Sage\",0,\"Alpha\",\"{to}\",\"Sage\",\"Fred\",3700,\"editing\",}})")
    });
    assert!(locate.contains("Fred  Sage  1 h 1 min  editing"), "{locate}");
    // Nobody answers.
    for words in [&["locate", "Nobody", "--timeout", "1"][..], &["who", "Sage", "--timeout", "1"]] {
        let output = piped(&gateway, words);
        let errors = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.code() == Some(1) && errors.lines().count() == 1, "{words:?}: {errors}");
        assert!(errors.contains("--timeout waits longer"), "{errors}");
    }
}

fn speech_and_history_need_no_quotes(daemon: Daemon) {
    let (gateway, mut link) = started(daemon);
    let mut game = gateway.client(Transport::Lines);
    game.result("channel_join", &json!({"channel": "chat"}), &json!({"status": "joined"}));
    assert_eq!(
        printed(&gateway, &["tell", "bob@Sage", "--from", "Me", "hello", "--", "there", ":-)"]),
        "Told bob@Sage.\n"
    );
    let tell = link.expect("tell");
    assert_eq!((&tell[4], &tell[5], &tell[7]), (&json!("Sage"), &json!("bob"), &json!("hello there :-)")));
    assert_eq!(printed(&gateway, &["say", "chat", "help", "me"]), "Said on chat.\n");
    assert_eq!(link.expect("channel-m")[8], "help me");
    link.send(&format!("({{\"channel-m\",5,\"Sage\",\"bob\",0,0,\"chat\",\"Bob\",\"a line {HOSTILE} with seven more words in it\",}})"));
    let history = wait_for("the line in the history", || {
        let text = printed(&gateway, &["history", "chat"]);
        text.contains("Bob@Sage").then_some(text)
    });
    assert!(!history.contains('\u{1b}') && history.contains("with seven more words"), "{history:?}");
    let found = printed(&gateway, &["search", "seven", "more"]);
    assert!(found.contains("[chat] Bob@Sage: a line"), "{found}");
    assert!(printed(&gateway, &["search", "no", "such", "thing"]).starts_with("Nothing that is kept"));
    assert_eq!(json_of(&gateway, &["history", "chat", "--limit", "1", "--json"])["count"], 1);
    let narrow = on_terminal(&gateway, 60, &["history", "chat"]);
    for line in uncoloured(&narrow).lines() {
        assert!(columns(line) <= 60, "{line:?}");
    }
    // What the other mud says of a tell is waited for.
    let mut process = command(&gateway, &["tell", "nobody@Sage", "hi"]);
    let process =
        process.stderr(std::process::Stdio::piped()).stdout(std::process::Stdio::null()).spawn().unwrap();
    let tell = link.expect("tell");
    let (from, to) = (tell[3].as_str().unwrap(), tell[5].as_str().unwrap());
    link.send(&format!("({{\"error\",5,\"Sage\",0,\"Alpha\",\"{from}\",\"unk-user\",\"no {to} here\",0,}})"));
    let output = process.wait_with_output().unwrap();
    let errors = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.code() == Some(1) && errors.lines().count() == 1, "{errors}");
    assert!(errors.contains("no nobody here"), "{errors}");
}

fn moderators_and_administrators_have_commands(daemon: Daemon) {
    let (gateway, _link) = started(daemon);
    let text = printed(&gateway, &["ban", "*@Spam", "--for", "1d", "--reason", "floods", "the", "channel"]);
    assert!(text.starts_with("Banned *@Spam for 1 d. `i3-gateway unban 1`"), "{text}");
    let bans = printed(&gateway, &["bans"]);
    assert!(bans.contains("*@Spam") && bans.contains("floods the channel"), "{bans}");
    let ban = &json_of(&gateway, &["bans", "--json"])["bans"][0];
    assert!(ban["reason"] == "floods the channel" && ban["expires"].is_string(), "{ban}");
    assert_eq!(printed(&gateway, &["unban", "1"]), "Ban 1 was removed.\n");
    assert_eq!(printed(&gateway, &["bans"]), "Nobody is banned.\n");

    let mut game = gateway.client(Transport::Lines);
    game.result("authenticate", &json!({"client": "forest"}), &json!({"status": "success"}));
    let all = json_of(&gateway, &["sessions", "--json"]);
    let row = all["sessions"].as_array().unwrap().iter().find(|row| row["client"] == "forest").unwrap();
    assert!(row["key_name"] == "secret" && row["role"] == "game", "{row}");
    let id = row["session_id"].as_str().unwrap();
    let narrow = uncoloured(&on_terminal(&gateway, 60, &["sessions"]));
    assert!(narrow.contains(&id[..8]) && narrow.contains("forest"), "{narrow}");
    assert!(printed(&gateway, &["kick", &id[..8]]).contains("was ended"));
    let told = wait_for("the end of the session", || {
        Some(game.message()).filter(|told| told.get("error").is_some())
    });
    assert_eq!(told["error"]["code"], -32003, "{told}");
}

fn a_failure_is_one_line_that_says_what_to_do(daemon: Daemon) {
    let (gateway, _link) = started(daemon);
    let fails = |words: &[&str], key: Option<&str>, code: i32, expected: &str| {
        let mut command = command(&gateway, words);
        match key {
            Some(key) => command.env("I3_API_KEY", key),
            None => command.env_remove("I3_API_KEY"),
        };
        let output = command.output().unwrap();
        let errors = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(code), "{words:?}: {errors}");
        assert!(output.stdout.is_empty() && errors.contains(expected), "{words:?}: {errors}");
        assert!(code == 64 || errors.lines().count() == 1, "{words:?}: {errors}");
    };
    let key = gateway.key();
    let right = Some(key.as_str());
    let nobody = format!("ws://127.0.0.1:{}/ws", free_port());
    for (words, key, code, expected) in [
        (&["muds"][..], Some("a wrong key"), 1, "with --key, in the variable I3_API_KEY"),
        (&["sessions"], None, 1, "needs an API key"),
        (&["watch"], Some("another wrong key"), 1, "with --key, in the variable I3_API_KEY"),
        (&["status", "--url", &nobody], right, 1, "Does it run"),
        (&["status", "--url", "http://x/"], right, 1, "begins with ws://"),
        (&["who", "Sage", "--timeout", "0"], right, 64, "a number of seconds above 0"),
        (&["unban", "77"], right, 1, "i3-gateway bans"),
        (&["kick", "nobody"], right, 1, "i3-gateway sessions"),
        (&["tell", "bob", "hi"], right, 64, "USER@MUD"),
        (&["tell", "bob@Sage"], right, 64, "The message is missing"),
        (&["ban", "*@Spam", "--for", "soon"], right, 64, "30m, 12h, 1d"),
        (&["methods", "tel"], right, 64, "Did you mean tell?"),
        (&["muhds"], right, 64, "Did you mean `i3-gateway muds`?"),
        (&["muds", "--jsn"], right, 64, ""),
        (&["who"], right, 64, "missing"),
        (&["history"], right, 64, "channel"),
    ] {
        fails(words, key, code, expected);
    }
}

fn call_converts_by_the_types_of_the_method(daemon: Daemon) {
    let (gateway, mut link) = started(daemon);
    let result = json_of(&gateway, &["call", "channel_history", "channel=chat", "limit=2"]);
    assert_eq!(result["status"], "success");
    assert_eq!(json_of(&gateway, &["call", "ack", r#"{"event_id":0}"#])["event_id"], 0);
    assert_eq!(json_of(&gateway, &["call", "tell", r#"["Sage","bob","by position"]"#])["status"], "sent");
    assert_eq!(link.expect("tell")[7], "by position");
    assert_eq!(json_of(&gateway, &["call", "tell", "Sage", "bob", "5"])["status"], "sent");
    assert_eq!(link.expect("tell")[7], "5");
    for (words, code, expected) in [
        (
            &["call", "channel_history", "chanel=chat"][..],
            64,
            "has no parameter \"chanel\". Did you mean channel?",
        ),
        (&["call", "channel_history", "chat", "limit=two"], 64, "limit is a whole number"),
        (&["call", "tel"], 1, "Did you mean tell?"),
        (&["call", "channel_history", r#"{"channel":"chat","limit":"x"}"#], 1, "-32602"),
    ] {
        let output = piped(&gateway, words);
        let errors = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.code() == Some(code) && errors.contains(expected), "{words:?}: {errors}");
    }
}

fn watch_shows_every_event_in_words(daemon: Daemon) {
    let (gateway, mut link) = started(daemon);
    let mut watch = Terminal::open(command(&gateway, &["watch"]), 60);
    watch.shows("-- listening to 2 channels");
    link.send(&format!(
        "({{\"channel-m\",5,\"Sage\",\"bob\",0,0,\"chat\",\"Bob\",\"{HOSTILE} a line that is longer than the sixty columns of \
         this terminal and has 漢字漢字漢字漢字漢字 in it\",}})"
    ));
    link.send(r#"({"tell",5,"Sage","bob","Alpha","ann","Bob","psst",})"#);
    printed(&gateway, &["say", "chat", "from", "here", "--from", "Me"]);
    let sent = link.expect("channel-m");
    assert_eq!(sent[8], "from here");
    // The router sends it back.
    link.send(r#"({"channel-m",5,"Alpha","me",0,0,"chat","Me","from here",})"#);
    watch.shows("from here");
    let text = uncoloured(&watch.text);
    for line in text.lines() {
        assert!(columns(line) <= 60, "{line:?}");
    }
    assert!(text.contains("tell Bob@Sage -> ann: psst"), "{text}");
    assert!(text.contains("(sent) [chat] Me@Alpha: from here"), "{text}");
    assert!(watch.text.contains("\u{1b}[36m[chat]\u{1b}[0m"), "colours: {:?}", watch.text);
    // In a pipe each event is one line, without colours.
    let mut plain = command(&gateway, &["watch", "chat"]);
    let mut child = crate::process::Process(plain.stdout(std::process::Stdio::piped()).spawn().unwrap());
    let mut lines = std::io::BufRead::lines(std::io::BufReader::new(child.0.stdout.take().unwrap()));
    assert_eq!(lines.next().unwrap().unwrap(), "-- listening to 1 channel");
    link.send(&format!(
        "({{\"channel-e\",5,\"Sage\",\"bob\",0,0,\"chat\",\"Bob\",\"$N waves. {HOSTILE}\",}})"
    ));
    let line = lines.next().unwrap().unwrap();
    assert!(line.contains("[chat] Bob@Sage waves.") && !line.contains('\u{1b}'), "{line:?}");
}

/// The sessions of all tools are observers, so a tell that comes while they run still waits for the game.
fn what_a_tool_has_received_is_still_kept_for_the_game(daemon: Daemon) {
    let (gateway, mut link) = started(daemon);
    let mut watch = Terminal::open(command(&gateway, &["watch"]), 80);
    watch.shows("-- listening to 2 channels");
    let mut locate = Terminal::open(command(&gateway, &["locate", "Nobody", "--timeout", "2"]), 80);
    link.expect("locate-req");
    link.send(r#"({"tell",5,"Sage","bob","Alpha","ann","Bob","for the game",})"#);
    watch.shows("for the game");
    locate.shows("Nobody");
    printed(&gateway, &["status"]);
    printed(&gateway, &["call", "status"]);
    assert!(gateway.get("/health").contains("healthy"));
    let mut game = gateway.client(Transport::Lines);
    let told = game.event("tell_received");
    assert!(told["message"] == "for the game" && told["replay"] == true, "{told}");
}
