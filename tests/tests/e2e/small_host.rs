//! Hosts with little memory and a file system that may not be written.
#![cfg(target_os = "linux")]

use crate::client::{TRANSPORTS, Transport};
use crate::gateway::Gateway;
use crate::programs::{Daemon, are_optimized};
use crate::router::Played;
use serde_json::json;
use std::fs;
use std::io;
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::Command;

for_both!(
    only_the_state_directory_is_written,
    it_runs_on_a_read_only_file_system,
    it_runs_in_16_megabytes,
    it_goes_on_when_there_are_no_descriptors_left,
);

/// Starts it by a shell that sets a limit for it.
fn start_with(gateway: &mut Gateway, limit: &str) {
    let inner = gateway.command();
    let mut command = Command::new("sh");
    command.args(["-c", &format!("{limit} && exec \"$@\""), "sh"]);
    command.arg(inner.get_program()).args(inner.get_args());
    command.current_dir(gateway.folder.path()).env_clear();
    gateway.start_as(command);
}

/// What a descriptor of a process refers to, and whether it is open for writing. `None` when the process has closed it
/// since the descriptors were listed, as it may at any time.
fn descriptor(pid: u32, number: &str) -> Option<(PathBuf, bool)> {
    let is_closed = |error: io::Error| assert_eq!(error.kind(), io::ErrorKind::NotFound, "{error}");
    let target = fs::read_link(format!("/proc/{pid}/fd/{number}")).map_err(is_closed).ok()?;
    let info = fs::read_to_string(format!("/proc/{pid}/fdinfo/{number}")).map_err(is_closed).ok()?;
    let flags = info.lines().find_map(|line| line.strip_prefix("flags:")).unwrap().trim();
    Some((target, i64::from_str_radix(flags, 8).unwrap() & 3 != 0))
}

/// What it holds open for writing, and what it leaves behind.
fn only_the_state_directory_is_written(daemon: Daemon) {
    let router = Played::listen();
    let mut gateway = Gateway::new(daemon, "Alpha", &[router.address()]).started();
    let (mut link, _) = router.log_in(7);
    link.lists();
    gateway.becomes_ready(true);
    let state = gateway.state().canonicalize().unwrap();
    let mut written = 0;
    for entry in fs::read_dir(format!("/proc/{}/fd", gateway.pid())).unwrap() {
        let number = entry.unwrap().file_name().into_string().unwrap();
        let Some((target, writes)) = descriptor(gateway.pid(), &number) else { continue };
        // 0 to 2 are given to it; names of sockets and the like are no paths.
        if writes && target.is_absolute() && number.parse::<u32>().unwrap() > 2 {
            assert!(target.starts_with(&state), "{} is open for writing", target.display());
            written += 1;
        }
    }
    assert!(written > 0, "the store is open");
    gateway.signal("TERM");
    assert_eq!(gateway.end().code(), Some(0));
    let mut left: Vec<_> =
        fs::read_dir(gateway.folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    left.sort();
    assert_eq!(left, ["log", "settings.yaml", "state"]);
}

/// Where users may make namespaces of their own; elsewhere the case above is all there is.
fn it_runs_on_a_read_only_file_system(daemon: Daemon) {
    let namespaces = Command::new("unshare").args(["-rm", "true"]).status();
    if !namespaces.is_ok_and(|status| status.success()) {
        return;
    }
    let router = Played::listen();
    let mut gateway = Gateway::new(daemon, "Alpha", &[router.address()]);
    fs::create_dir(gateway.state()).unwrap();
    // Every mount is made read-only but the state directory, which is mounted over itself.
    let script = r#"
        set -e
        mount --bind "$PWD/state" "$PWD/state"
        while read -r _ _ _ _ mount _; do
            [ "$mount" = "$PWD/state" ] || mount -o remount,bind,ro "$mount" 2>/dev/null || true
        done </proc/self/mountinfo
        ! touch "$PWD/written" 2>/dev/null
        touch "$PWD/state/written"
        exec "$@"
    "#;
    let inner = gateway.command();
    let mut command = Command::new("unshare");
    command.args(["-rm", "sh", "-c", script, "sh"]).arg(inner.get_program()).args(inner.get_args());
    command.current_dir(gateway.folder.path()).env_clear();
    gateway.start_as(command);
    assert!(gateway.state().join("written").exists() && !gateway.folder.path().join("written").exists());
    let (mut link, _) = router.log_in(7);
    link.lists();
    gateway.becomes_ready(true);
    for transport in TRANSPORTS {
        gateway.client(transport).result("tell", &json!(["Sage", "bob", "hi"]), &json!({"status": "sent"}));
        assert_eq!(link.expect("tell")[7], "hi");
    }
    gateway.signal("TERM");
    assert_eq!(gateway.end().code(), Some(0));
}

/// All that it may write to, its stacks and heap, is limited; the rest are pages of the program's file, and with them it
/// has never more than that.
fn it_runs_in_16_megabytes(daemon: Daemon) {
    const CLIENTS: usize = 40;
    let router = Played::listen();
    let mut gateway = Gateway::new(daemon, "Alpha", &[router.address()]);
    start_with(&mut gateway, "ulimit -d 16384");
    let limits = fs::read_to_string(format!("/proc/{}/limits", gateway.pid())).unwrap();
    let data = limits.lines().find(|line| line.starts_with("Max data size")).unwrap();
    assert!(data.contains(" 16777216 "), "{data}");
    let (mut link, _) = router.log_in(7);
    link.lists();
    gateway.becomes_ready(true);
    let mut clients: Vec<_> = TRANSPORTS
        .into_iter()
        .flat_map(|transport| std::iter::repeat_n(transport, CLIENTS))
        .map(|transport| {
            let mut client = gateway.client(transport);
            client.result("channel_join", &json!(["chat"]), &json!({"status": "joined"}));
            client
        })
        .collect();
    let text = "x".repeat(1_000);
    for line in 0..50 {
        link.send(&format!(r#"({{"channel-m",5,"Sage","bob",0,0,"chat","Bob","{line} {text}",}})"#));
    }
    for client in &mut clients {
        for line in 0..50 {
            let heard = client.event("channel_message");
            assert!(heard["message"].as_str().unwrap().starts_with(&format!("{line} ")), "{heard}");
        }
    }
    let most = gateway.process_status("VmHWM");
    assert!(most < 16 * 1024 || !are_optimized(), "{most} kB");
    gateway.signal("TERM");
    assert_eq!(gateway.end().code(), Some(0));
}

/// Who comes then waits in the system's queue; the link and those who are there notice nothing.
fn it_goes_on_when_there_are_no_descriptors_left(daemon: Daemon) {
    const DESCRIPTORS: usize = 40;
    let router = Played::listen();
    let mut gateway = Gateway::new(daemon, "Alpha", &[router.address()]);
    start_with(&mut gateway, &format!("ulimit -n {DESCRIPTORS}"));
    let (mut link, _) = router.log_in(7);
    link.lists();
    gateway.becomes_ready(true);
    let mut early = gateway.client(Transport::Lines);
    let port = gateway.port(Transport::Lines);
    let many: Vec<_> =
        (0..2 * DESCRIPTORS).map(|_| TcpStream::connect(("127.0.0.1", port)).unwrap()).collect();
    gateway.logs("cannot accept connections");
    early.result("tell", &json!(["Sage", "bob", "hi"]), &json!({"status": "sent"}));
    assert_eq!(link.expect("tell")[7], "hi");
    drop(many);
    for transport in TRANSPORTS {
        gateway.client(transport).result("ping", &json!({}), &json!({"pong": true}));
    }
    assert!(router.try_accept().is_none(), "the link was made again");
    gateway.signal("TERM");
    assert_eq!(gateway.end().code(), Some(0));
}
