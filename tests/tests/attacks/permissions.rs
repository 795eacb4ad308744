//! Every method with every permission, and every event.

use super::*;
use i3_core::clients::keys;
use i3_core::door::rpc::discover;
use i3_core::settings::{KeySettings, Permission, Permissions};

/// What each method needs, with parameters that are good. Written down here once more, so that the table in the core is
/// checked against something.
const NEEDS: &[(&str, &[&str])] = &[
    ("tell", &["beep", "emoteto", "tell", "tell_refuse"]),
    (
        "channel",
        &["channel_emote", "channel_join", "channel_leave", "channel_send", "channel_targeted_emote"],
    ),
    (
        "info",
        &[
            "channel_history",
            "channel_list",
            "channel_user",
            "channel_who",
            "finger",
            "history_search",
            "locate",
            "mudlist",
            "who",
        ],
    ),
    ("presence", &["presence_sync"]),
    ("host", &["channel_add", "channel_admin", "channel_filter", "channel_remove"]),
    ("moderate", &["ban_add", "ban_list", "ban_remove"]),
    ("admin", &["audit", "drain", "kick", "log_level", "reconnect", "retire", "sessions", "trace"]),
    ("", &["ack", "heartbeat", "overview", "resume", "stats", "status", "text_preview"]),
    ("open", &["authenticate", "ping", "rpc.discover"]),
];

fn needs(method: &str) -> &'static str {
    let found = NEEDS.iter().find(|(_, methods)| methods.contains(&method));
    found.unwrap_or_else(|| panic!("{method} is in no row of the test's table")).0
}

fn params(method: &str) -> Json {
    let to =
        json!({"target_mud": "Sage", "target_user": "bob", "message": "x", "emote": "x", "channel": "chat"});
    match method {
        // Its own key, or a wrong one, is not what is asked here.
        "authenticate" => json!({}),
        "ban_add" => json!({"pattern": "*@Spam", "expires_in": 1}),
        "channel_admin" => json!({"channel": "chat", "add": ["Sage"]}),
        "ban_remove" => json!({"ban_id": 1}),
        "presence_sync" => json!({"users": []}),
        "kick" => json!({"session_id": "none"}),
        "tell_refuse" => json!({"event_id": 1}),
        "text_preview" => json!({"text": "x"}),
        _ => to,
    }
}

/// A key for each permission alone, `<name>-key`, and one for none.
fn siege() -> Siege {
    Siege::new(usize::MAX >> 1, |settings| {
        let key = |name: &str, mud: &str, permissions: Permissions| {
            KeySettings::new(keys::digest(&format!("{name}-key")), mud, permissions)
        };
        let keys = settings.api.keys.as_mut().unwrap();
        for (name, _) in Permission::ALL {
            let mut permissions = Permissions::default();
            assert!(permissions.add(name));
            keys.push(key(name, "Alpha", permissions));
        }
        keys.push(key("none", "Alpha", Permissions::default()));
        keys.push(key("guest", "Elsewhere", Permissions::ALL));
    })
}

fn client(siege: &mut Siege, name: &str) -> usize {
    let script = siege.connect(Listener::Lines);
    siege.ask(script, &format!(r#"{{"id":0,"method":"authenticate","params":["{name}-key"]}}"#));
    assert_eq!(siege.read(script).pop().unwrap()["result"]["status"], "authenticated");
    script
}

fn call(siege: &mut Siege, script: usize, method: &str) -> Json {
    let request = json!({"jsonrpc": "2.0", "id": "it", "method": method, "params": params(method)});
    siege.ask(script, &request.to_string());
    let find = |siege: &mut Siege| siege.read(script).into_iter().find(|answer| answer["id"] == "it");
    if let Some(answer) = find(siege) {
        return answer;
    }
    // Some wait for the network, which says nothing here.
    siege.world.wait(11 * SECOND);
    find(siege).unwrap_or_else(|| panic!("{method} is not answered"))
}

/// All methods; those that take the link away come last.
fn methods() -> Vec<&'static str> {
    let mut names: Vec<&str> = discover::methods().into_iter().map(|method| method.name).collect();
    names.sort_by_key(|name| ["reconnect", "retire"].iter().position(|last| last == name));
    names
}

#[test]
fn each_method_is_allowed_or_refused_as_the_table_says() {
    let names: Vec<&str> = Permission::ALL.iter().map(|(name, _)| *name).chain(["none"]).collect();
    let mut allowed = 0;
    for name in names {
        let mut siege = siege();
        let script = client(&mut siege, name);
        for method in methods() {
            let needed = needs(method);
            let answer = call(&mut siege, script, method);
            if matches!(needed, "" | "open") || needed == name {
                let code = &answer["error"]["code"];
                assert!(*code != -32002 && *code != -32000, "{name}: {method}: {answer}");
                allowed += 1;
            } else {
                let error = json!({"code": -32002, "message": format!("{method} needs the permission {needed}"),
                    "data": {"needs": needed}});
                assert_eq!(answer["error"], error, "{name}: {method}");
            }
        }
    }
    assert!(allowed >= methods().len() + 8 * 6, "{allowed}");
}

#[test]
fn without_a_key_three_methods_are_answered() {
    let mut siege = siege();
    for on in [Listener::Lines, Listener::Http] {
        let script = siege.connect(on);
        if on == Listener::Http {
            siege.world.write(script, wire::websocket_request("/", None).as_bytes());
            assert!(siege.text(script).starts_with("HTTP/1.1 101 "));
        }
        let mut answered = Vec::new();
        for method in methods() {
            let request =
                json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params(method)}).to_string();
            let answer: Json = if on == Listener::Http {
                siege.world.write(script, &wire::websocket_frame(1, request.as_bytes()));
                serde_json::from_str(&siege.frames(script).pop().unwrap()).unwrap()
            } else {
                siege.ask(script, &request);
                siege.read(script).pop().unwrap()
            };
            if answer["error"]["code"] == -32000 {
                let text = "Not authenticated. Please authenticate first.";
                assert_eq!(answer["error"], json!({"code": -32000, "message": text}), "{method}");
            } else {
                answered.push(method);
            }
        }
        assert_eq!(answered, ["authenticate", "ping", "rpc.discover"]);
    }
}

/// A key whose mud has no link here may read, and speak for nobody.
#[test]
fn a_key_of_another_mud_reads_and_does_not_speak() {
    let mut siege = siege();
    let script = client(&mut siege, "guest");
    let mut reads = Vec::new();
    for method in methods().into_iter().filter(|method| needs(method) != "open") {
        let answer = call(&mut siege, script, method);
        if answer["error"]["data"]["needs"] == "a router link for the key's mud" {
            assert_eq!(answer["error"]["code"], -32002, "{method}");
        } else {
            reads.push(method);
        }
    }
    let may = [
        "ack",
        "audit",
        "channel_history",
        "channel_join",
        "channel_leave",
        "channel_list",
        "heartbeat",
        "history_search",
        "kick",
        "mudlist",
        "overview",
        "resume",
        "sessions",
        "stats",
        "status",
        "text_preview",
        "trace",
        "log_level",
    ];
    assert!(reads.iter().all(|method| may.contains(method)), "{reads:?}");
    for method in ["channel_join", "channel_list", "mudlist", "stats", "status"] {
        assert!(reads.contains(&method), "{method}");
    }
    // And it sees no sessions but its own.
    let sessions = call(&mut siege, script, "sessions");
    assert_eq!(
        (&sessions["result"]["count"], &sessions["result"]["sessions"][0]["mud_name"]),
        (&json!(1), &json!("Elsewhere"))
    );
    siege.nobody_else_noticed();
}

#[test]
fn each_event_goes_to_who_may_have_it() {
    let mut siege = siege();
    // A mud that is new is no news just after the login.
    siege.world.wait(60 * SECOND);
    let names: Vec<&str> = Permission::ALL.iter().map(|(name, _)| *name).chain(["none", "guest"]).collect();
    let clients: Vec<usize> = names.iter().map(|name| client(&mut siege, name)).collect();
    for (script, name) in clients.iter().zip(&names) {
        let joined = call(&mut siege, *script, "channel_join");
        assert_eq!(
            joined["result"]["status"] == "joined",
            ["channel", "guest"].contains(name),
            "{name}: {joined}"
        );
    }
    clients.iter().for_each(|script| drop(siege.read(*script)));
    let everybody: Vec<&str> = names.iter().copied().filter(|name| *name != "guest").collect();
    for (frame, event, to) in [
        (r#"({"tell",5,"Sage","bob","Alpha","ann","Bob","x",})"#, "tell_received", vec!["tell"]),
        (r#"({"emoteto",5,"Sage","bob","Alpha","ann","Bob","x",})"#, "emoteto_received", vec!["tell"]),
        (
            r#"({"channel-m",5,"Sage","bob",0,0,"chat","Bob","x",})"#,
            "channel_message",
            vec!["channel", "guest"],
        ),
        (
            r#"({"channel-e",5,"Sage","bob",0,0,"chat","Bob","x",})"#,
            "channel_emote",
            vec!["channel", "guest"],
        ),
        (r#"({"channel-m",5,"Sage","bob",0,0,"code","Bob","x",})"#, "", vec![]),
        (r#"({"who-reply",5,"Sage",0,"Alpha","ann",({}),})"#, "who_reply", vec!["info"]),
        (r#"({"locate-reply",5,"Sage",0,"Alpha","ann","Sage","Bob",1,0,})"#, "locate_reply", vec!["info"]),
        (
            r#"({"mudlist",5,"*net",0,"Alpha",0,2,(["New":({-1,"127.0.0.1",4000,0,0,"l","b","d","t","o","e",(["tell":1,]),0,}),]),})"#,
            "mud_online",
            vec!["info", "guest"],
        ),
        (
            r#"({"chanlist-reply",5,"*net",0,"Alpha",0,2,(["news":({"*net",0,}),]),})"#,
            "channel_added",
            vec!["info", "guest"],
        ),
        (r#"({"error",5,"Sage",0,"Alpha","ann","unk-user","no",0,})"#, "error_occurred", everybody.clone()),
        (r#"({"error",5,"*net",0,"Alpha",0,"bad-mojo","no",0,})"#, "identity_warning", everybody),
    ] {
        siege.frame(frame);
        let mut got = Vec::new();
        for (script, name) in clients.iter().zip(&names) {
            for message in siege.read(*script) {
                assert_eq!(message["method"], event, "{name}: {message}");
                got.push(*name);
            }
        }
        assert_eq!(got, to, "{event}");
    }
}
