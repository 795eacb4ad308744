//! A command on a terminal of its own, or with its output in a pipe.

use crate::gateway::Gateway;
use crate::process::{PATIENCE, Process, wait_for};
use crate::programs::Daemon;
use rustix::fs::{Mode, OFlags};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};
use std::fs::File;
use std::io::Read;
use std::process::{Command, Output, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

/// The program that has the commands, for a gateway of either daemon.
pub(crate) fn command(gateway: &Gateway, words: &[&str]) -> Command {
    // The settings, the certificate and the key are found as by a person who stands in the folder of the gateway.
    let _ = gateway.command();
    let mut command = Command::new(Daemon::Smol.program());
    command.current_dir(gateway.folder.path()).env_clear().stdin(Stdio::null());
    command.env("I3_API_KEY", gateway.key()).env("TERM", "xterm").args(["-c", "settings.yaml"]).args(words);
    command
}

/// Runs a command whose output goes into a pipe.
pub(crate) fn piped(gateway: &Gateway, words: &[&str]) -> Output {
    command(gateway, words).output().unwrap()
}

/// The output of a command that ends well.
pub(crate) fn printed(gateway: &Gateway, words: &[&str]) -> String {
    let output = piped(gateway, words);
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success() && errors.is_empty(), "{words:?}: {:?} {errors}", output.status);
    String::from_utf8(output.stdout).unwrap()
}

/// A terminal of so many columns, and a process on it.
pub(crate) struct Terminal {
    process: Process,
    bytes: Receiver<Vec<u8>>,
    pub(crate) text: String,
}

impl Terminal {
    pub(crate) fn open(mut command: Command, columns: u16) -> Terminal {
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&master).unwrap();
        unlockpt(&master).unwrap();
        let size = Winsize { ws_row: 24, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
        tcsetwinsize(&master, size).unwrap();
        let name = ptsname(&master, Vec::new()).unwrap();
        let slave = rustix::fs::open(&name, OFlags::RDWR | OFlags::NOCTTY, Mode::empty()).unwrap();
        command.stdout(File::from(slave.try_clone().unwrap())).stderr(File::from(slave));
        let process = Process(command.spawn().unwrap());
        // The command holds the other end too.
        drop(command);
        let (sender, bytes) = channel();
        let mut master = File::from(master);
        std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            // When the last process closes a terminal, Linux reports an error.
            while let Ok(count @ 1..) = master.read(&mut buffer) {
                if sender.send(buffer[..count].to_vec()).is_err() {
                    return;
                }
            }
        });
        Terminal { process, bytes, text: String::new() }
    }

    fn read(&mut self, wait: Duration) -> bool {
        match self.bytes.recv_timeout(wait) {
            Ok(bytes) => {
                self.text += &String::from_utf8_lossy(&bytes).replace("\r\n", "\n");
                true
            }
            Err(_) => false,
        }
    }

    /// Waits until it shows this.
    pub(crate) fn shows(&mut self, text: &str) {
        let begun = std::time::Instant::now();
        while !self.text.contains(text) {
            assert!(begun.elapsed() < PATIENCE, "{text:?} is not in {:?}", self.text);
            self.read(Duration::from_millis(100));
        }
    }

    /// Waits until the process has ended, and returns all that it has shown.
    pub(crate) fn ended(mut self) -> (Option<i32>, String) {
        let status = wait_for("the command to end", || {
            self.read(Duration::from_millis(20));
            self.process.0.try_wait().unwrap()
        });
        while self.read(Duration::from_millis(200)) {}
        (status.code(), self.text)
    }
}

/// What a command shows on a terminal of so many columns.
pub(crate) fn on_terminal(gateway: &Gateway, columns: u16, words: &[&str]) -> String {
    let (code, text) = Terminal::open(command(gateway, words), columns).ended();
    assert_eq!(code, Some(0), "{words:?}: {text}");
    text
}

/// A text without the escapes that colour it. Any other escape is a failure.
pub(crate) fn uncoloured(text: &str) -> String {
    let mut plain = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('\u{1b}') {
        plain += before;
        let (code, after) = after.split_once('m').unwrap_or_else(|| panic!("{text:?}"));
        let is_colour = code.strip_prefix('[').is_some_and(|code| code.bytes().all(|b| b.is_ascii_digit()));
        assert!(is_colour, "another escape than a colour: {text:?}");
        rest = after;
    }
    plain + rest
}
