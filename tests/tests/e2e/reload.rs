//! A reload of files that are empty, cut or half-written: it is refused, and the gateway goes on as it was.

use crate::client::Transport;
use crate::gateway::Gateway;
use crate::programs::Daemon;
use crate::router::Played;
use serde_json::json;
use std::fs;
use std::process::Command;

for_both!(a_file_that_is_not_whole_changes_nothing);

fn a_file_that_is_not_whole_changes_nothing(daemon: Daemon) {
    let router = Played::listen();
    let mut gateway = Gateway::new(daemon, "Alpha", &[router.address()]);
    let settings = format!(
        "# Alpha\nmud:\n  name: Alpha\nrouter:\n  primary: {{name: '*net', host: 127.0.0.1, port: {}}}\nlogging:\n  \
         level: DEBUG\nstate: {{directory: state}}\nsecurity:\n  rate_limiting: {{enabled: false}}\napi:\n  websocket:\n    \
         port: {}\n  tcp:\n    port: {}\n  auth:\n    api_keys:\n      - key: {}\n        permissions: ['*']\n",
        router.port,
        gateway.http,
        gateway.lines,
        gateway.key(),
    );
    let (yaml, env) = (gateway.folder.path().join("config/config.yaml"), gateway.folder.path().join(".env"));
    let variables = "MUD_STATUS=open\nAPI_KEY_OTHER=another-long-key\n";
    fs::create_dir(gateway.folder.path().join("config")).unwrap();
    let write = |settings: &str, variables: &str| {
        fs::write(&yaml, settings).unwrap();
        fs::write(&env, variables).unwrap();
    };
    write(&settings, variables);
    let mut command = Command::new(daemon.program());
    command.current_dir(gateway.folder.path()).env_clear();
    gateway.start_as(command);
    let (mut link, _) = router.log_in(7);
    link.lists();
    gateway.becomes_ready(true);
    let mut game = gateway.client(Transport::Lines);

    let half = settings.len() / 2;
    let section = settings.find("security:").unwrap();
    let refused = |gateway: &Gateway, number: usize| {
        gateway.signal("HUP");
        gateway.logs_times("the settings did not change", number);
    };
    let mut number = 0;
    for (text, named) in [
        ("", "the file contains no settings; when it was last read it contained mud, router"),
        ("# Alpha\n\n", "contains no settings"),
        (&settings[..half], "ends in the middle of a line"),
        (&settings[..section], "security: is missing: it was in the file"),
        (&settings[..settings.len() - 1], "ends in the middle of a line"),
    ] {
        write(text, variables);
        number += 1;
        refused(&gateway, number);
        gateway.logs(named);
        game.result("ping", &json!({}), &json!({"pong": true}));
        gateway.client(Transport::WebSocket);
    }
    for (variables, named) in [("", "MUD_STATUS: is missing"), ("MUD_STATUS=op", "middle of a line")] {
        write(&settings, variables);
        number += 1;
        refused(&gateway, number);
        gateway.logs(named);
    }
    for gone in [&yaml, &env] {
        write(&settings, variables);
        fs::remove_file(gone).unwrap();
        number += 1;
        refused(&gateway, number);
    }
    gateway.logs(".env: the file is missing: the settings were last read from it");
    game.result("tell", &json!(["Sage", "bob", "still here"]), &json!({"status": "sent"}));
    assert_eq!(link.expect("tell")[7], "still here");
    assert!(router.try_accept().is_none() && gateway.is_ready(), "the link stays");

    // What is whole is taken: a key is withdrawn, and its game has to go.
    write(&settings.replace(&gateway.key(), "a-key-of-somebody-else"), variables);
    gateway.signal("HUP");
    gateway.logs("new settings applied");
    assert!(matches!(game.rest().pop(), None | Some(crate::client::Received::Text(_))));
    assert!(gateway.is_running());
}
