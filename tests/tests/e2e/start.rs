//! The command line, the settings, and what the exit codes say.

use crate::gateway::Gateway;
use crate::process::free_port;
use crate::programs::Daemon;
use serde_json::json;
use std::net::TcpListener;
use std::process::{Command, Output};

for_both!(
    exit_codes_say_what_is_wrong,
    variables_alone_are_enough,
    a_taken_gateway_port_leaves_the_other_listeners,
    a_game_that_can_say_nothing_is_on_its_channels
);

fn run(command: &mut Command) -> (Option<i32>, String) {
    let Output { status, stdout, stderr } = command.output().unwrap();
    (status.code(), String::from_utf8_lossy(&stdout).into_owned() + &String::from_utf8_lossy(&stderr))
}

fn exit_codes_say_what_is_wrong(daemon: Daemon) {
    let gateway = || Gateway::new(daemon, "Alpha", &[("*test", 1)]);
    let (code, text) = run(gateway().command().arg("--validate-config"));
    assert_eq!(code, Some(0), "{text}");
    for (wrong, named) in [
        (json!({"mud": {"port": "no"}}), "mud.port"),
        (json!({"api": {"auth": {"secret": "your-secret-key-here"}}}), "api.auth.secret"),
        (json!({"mud": {"name": "*Alpha"}}), "mud.name"),
    ] {
        for dry in [true, false] {
            let gateway = gateway().with(&wrong);
            let mut command = gateway.command();
            let (code, text) = run(if dry { command.arg("--validate-config") } else { &mut command });
            assert_eq!(code, Some(78), "EX_CONFIG: {text}");
            assert!(text.contains(named) && !text.contains("your-secret-key-here"), "{text}");
            assert!(!gateway.state().exists(), "nothing is done with wrong settings");
        }
    }
    // The port of somebody else. A key without effect is a warning, and the level of the line says that it is one.
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let more = json!({"api": {"tcp": {"port": port}}, "logging": {"rotate": 5}});
    let (code, text) = run(&mut gateway().with(&more).command());
    assert_eq!(code, Some(69), "EX_UNAVAILABLE: {text}");
    assert!(text.contains("listening") && text.contains(&port.to_string()), "{text}");
    let warning =
        text.lines().find(|line| line.contains("logging.rotate")).unwrap_or_else(|| panic!("{text}"));
    assert!(warning.contains(" WARN ") && !warning.contains("warning:"), "{warning}");
    // A state directory that cannot be one.
    let (code, text) = run(&mut gateway().with(&json!({"state": {"directory": "settings.yaml"}})).command());
    assert_eq!(code, Some(69), "EX_UNAVAILABLE: {text}");
    let (code, text) = run(gateway().command().arg("--version"));
    let name = daemon.program().file_name().unwrap().to_str().unwrap().to_owned();
    assert!(code == Some(0) && text.starts_with(&format!("{name} ")), "{text}");
    let (code, _) = run(gateway().command().arg("--no-such-option"));
    assert_eq!(code, Some(64), "EX_USAGE");
    if daemon == Daemon::Threads {
        for of_the_other in [["--demo"].as_slice(), &["call", "ping"], &["watch"], &["muds"]] {
            assert_eq!(run(gateway().command().args(of_the_other)).0, Some(64), "EX_USAGE");
        }
    }
}

/// No settings file at all: the deployment guide's variables.
fn variables_alone_are_enough(daemon: Daemon) {
    let mut gateway = Gateway::new(daemon, "Alpha", &[("*test", 1)]);
    let mut command = Command::new(daemon.program());
    command.current_dir(gateway.folder.path()).env_clear().envs([
        ("MUD_NAME", "Alpha"),
        ("I3_ROUTER_NAME", "*test"),
        ("I3_ROUTER_HOST", "127.0.0.1"),
        ("I3_ROUTER_PORT", &free_port().to_string()),
        ("I3_GATEWAY_SECRET", &gateway.key()),
        ("API_WS_PORT", &gateway.http.to_string()),
        ("API_TCP_PORT", &gateway.lines.to_string()),
    ]);
    gateway.start_as(command);
    for transport in crate::client::TRANSPORTS {
        gateway.client(transport).result(
            "status",
            &json!({}),
            &json!({"connected": false, "mud_name": "Alpha"}),
        );
    }
}

/// The Python gateway reads gateway.port and does not listen there, so the game itself may.
fn a_taken_gateway_port_leaves_the_other_listeners(daemon: Daemon) {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let gateway = Gateway::new(daemon, "Alpha", &[("*test", free_port())])
        .with(&json!({"gateway": {"host": "127.0.0.1", "port": port}}))
        .started();
    gateway.logs(&format!("gateway.port: not listening at 127.0.0.1:{port}"));
    for transport in crate::client::TRANSPORTS {
        gateway.client(transport).result("ping", &json!({}), &json!({"pong": true}));
    }
}

/// The old settings: default channels, and a key whose sessions read plain texts.
fn a_game_that_can_say_nothing_is_on_its_channels(daemon: Daemon) {
    let gateway = Gateway::new(daemon, "Alpha", &[("*test", free_port())])
        .with(&json!({"channels": {"default_channels": [{"name": "chat", "type": 0}, {"name": "code", "type": 0}]}}))
        .started();
    for transport in crate::client::TRANSPORTS {
        let mut client = gateway.client(transport);
        client.result("channel_list", &json!({}), &json!({"subscribed_channels": ["chat", "code"]}));
    }
}

/// Every command and option is there in both, with the same words; what one does not carry out it says, see above.
#[test]
fn both_daemons_have_the_same_command_line() {
    let help = |daemon: Daemon, command: &str| {
        let program = daemon.program();
        let (code, text) = run(Command::new(&program).args(command.split_whitespace()).arg("--help"));
        assert_eq!(code, Some(0), "{text}");
        text.replacen(program.file_name().unwrap().to_str().unwrap(), "PROGRAM", 1)
    };
    let commands = [
        "",
        "init",
        "doctor",
        "healthcheck",
        "hash-key",
        "backup",
        "restore",
        "retire",
        "state",
        "state copy",
        "call",
        "watch",
        "status",
        "muds",
        "channels",
        "who",
        "finger",
        "locate",
        "history",
        "search",
        "sessions",
        "kick",
        "drain",
        "ban",
        "unban",
        "bans",
        "methods",
        "tell",
        "say",
    ];
    for command in commands {
        let smol = help(Daemon::Smol, command);
        assert_eq!(smol, help(Daemon::Threads, command));
        assert!(smol.starts_with(format!("Usage: PROGRAM {command}").trim_end()), "{smol}");
    }
    let all = help(Daemon::Smol, "");
    let listed = all.split_once("Commands:\n").unwrap().1.lines().filter(|line| line.starts_with("  "));
    let mut listed: Vec<&str> = listed
        .filter(|line| !line.starts_with("   "))
        .filter_map(|line| line.split_whitespace().next())
        .collect();
    listed.insert(0, "");
    listed.sort_unstable();
    // The commands of a command are listed by that one.
    let mut known: Vec<&str> = commands.into_iter().filter(|command| !command.contains(' ')).collect();
    known.sort_unstable();
    assert_eq!(listed, known, "a command that is not looked at here");
}
