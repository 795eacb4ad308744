//! The programs under test: built as this test was, or those in the directory that [`PROGRAMS`] names.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// Which of the two is under test.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Daemon {
    Smol,
    Threads,
}

impl Daemon {
    pub(crate) fn program(self) -> PathBuf {
        program(match self {
            Daemon::Smol => "i3-gateway",
            Daemon::Threads => "i3-gateway-threads",
        })
    }

    pub(crate) fn other(self) -> Daemon {
        match self {
            Daemon::Smol => Daemon::Threads,
            Daemon::Threads => Daemon::Smol,
        }
    }
}

/// Set to the directory of other builds, such as those of the profile `min`, it has them tested.
const PROGRAMS: &str = "I3_TEST_PROGRAMS";

/// Whether the programs are built for use: what those of a plain test run take says nothing of others.
pub(crate) fn are_optimized() -> bool {
    !cfg!(debug_assertions) || std::env::var_os(PROGRAMS).is_some()
}

/// The stand-alone router.
pub(crate) fn router() -> PathBuf {
    program("i3-router")
}

fn program(name: &str) -> PathBuf {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(|| std::env::var_os(PROGRAMS).map_or_else(built, PathBuf::from)).join(name)
}

/// Where the programs are. They are there already when the whole workspace is tested; cargo builds none for this
/// package alone, so that is done here.
fn built() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let folder = test.parent().and_then(Path::parent).expect("target/PROFILE/deps/TEST").to_owned();
    let programs = ["i3-gateway", "i3-gateway-threads", "i3-router"];
    if programs.iter().all(|name| is_fresh(&folder.join(name))) {
        return folder;
    }
    let name = |path: &Path| path.file_name().unwrap().to_str().unwrap().to_owned();
    let profile = match name(&folder).as_str() {
        "debug" => "dev".to_owned(),
        other => other.to_owned(),
    };
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["build", "--locked", "-p", "i3-gateway", "-p", "i3-gateway-threads", "--profile", &profile]);
    // target/PROFILE, or target/TRIPLE/PROFILE.
    let above = folder.parent().unwrap();
    let target = if above.join(".rustc_info.json").exists() {
        above
    } else {
        cargo.args(["--target", &name(above)]);
        above.parent().unwrap()
    };
    cargo.arg("--target-dir").arg(target).current_dir(env!("CARGO_MANIFEST_DIR"));
    assert!(cargo.status().unwrap().success(), "the programs could not be built");
    folder
}

/// Whether a program is there and younger than all it was made of, which cargo lists beside it.
fn is_fresh(program: &Path) -> bool {
    let modified = |path: &Path| fs::metadata(path).and_then(|found| found.modified()).ok();
    let Some(made) = modified(program) else { return false };
    let Ok(list) = fs::read_to_string(program.with_extension("d")) else { return false };
    let Some((_, sources)) = list.trim_end().split_once(": ") else { return false };
    // A blank in a name is written with a backslash.
    let sources = sources.replace("\\ ", "\0");
    let lock = concat!(env!("CARGO_MANIFEST_DIR"), "/../Cargo.lock").to_owned();
    let sources = sources.split(' ').map(|source| source.replace('\0', " ")).chain([lock]);
    sources.into_iter().all(|source| modified(Path::new(&source)).is_some_and(|changed| changed <= made))
}
