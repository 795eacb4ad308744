//! The files of a store are removed, moved or replaced while it is open.

#![cfg(unix)]

use i3_core::machine::{Change, Clear, SaveTicket};
use i3_store::{FencedSave, Report, Store, Writer};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::time::Duration;

fn put(key: &str, value: &str) -> Change {
    Change { space: "s".into(), key: key.into(), value: Some(value.as_bytes().into()) }
}

fn open(directory: &Path) -> Box<dyn Store> {
    i3_store::open(directory.to_str().unwrap()).unwrap()
}

fn entries(directory: &Path) -> Vec<Change> {
    i3_store::open_existing(directory.to_str().unwrap()).unwrap().unwrap().load().unwrap().entries
}

struct Case {
    name: &'static str,
    /// What happens to the files in a directory. The second path is for what is moved.
    deed: fn(&Path, &Path),
    /// Whether a foreign file was in the place, which is kept.
    is_kept: bool,
}

fn file(directory: &Path) -> PathBuf {
    directory.join("i3-gateway.sqlite")
}

fn suffixed(directory: &Path, suffix: &str) -> PathBuf {
    directory.join(format!("i3-gateway.sqlite{suffix}"))
}

const CASES: &[Case] = &[
    Case { name: "removed", deed: |at, _| fs::remove_file(file(at)).unwrap(), is_kept: false },
    Case { name: "renamed", deed: |at, to| fs::rename(file(at), to).unwrap(), is_kept: false },
    Case { name: "directory moved", deed: |at, to| fs::rename(at, to).unwrap(), is_kept: false },
    Case { name: "directory removed", deed: |at, _| fs::remove_dir_all(at).unwrap(), is_kept: false },
    Case {
        name: "directory replaced",
        deed: |at, to| {
            fs::rename(at, to).unwrap();
            fs::create_dir(at).unwrap();
        },
        is_kept: false,
    },
    Case {
        name: "log removed",
        deed: |at, _| fs::remove_file(suffixed(at, "-wal")).unwrap(),
        is_kept: false,
    },
    Case {
        name: "index removed",
        deed: |at, _| fs::remove_file(suffixed(at, "-shm")).unwrap(),
        is_kept: false,
    },
    Case {
        name: "replaced by an empty file",
        deed: |at, _| {
            fs::remove_file(file(at)).unwrap();
            fs::write(file(at), "").unwrap();
        },
        is_kept: false,
    },
    Case { name: "emptied", deed: |at, _| fs::write(file(at), "").unwrap(), is_kept: false },
    Case {
        name: "overwritten",
        deed: |at, _| fs::write(file(at), "garbage ".repeat(2_000)).unwrap(),
        is_kept: true,
    },
    Case {
        name: "replaced by another state",
        deed: |at, to| {
            i3_store::open(to.to_str().unwrap()).unwrap().commit(&[put("other", "1")]).unwrap();
            fs::rename(file(to), file(at)).unwrap();
        },
        is_kept: true,
    },
    Case {
        name: "overwritten by another state",
        deed: |at, to| {
            i3_store::open(to.to_str().unwrap()).unwrap().commit(&[put("other", "1")]).unwrap();
            fs::copy(file(to), file(at)).unwrap();
        },
        is_kept: true,
    },
];

#[test]
fn what_happens_to_the_files_is_noticed_and_everything_can_be_written_anew() {
    for Case { name, deed, is_kept } in CASES {
        let parent = tempfile::tempdir().unwrap();
        let (at, other) = (parent.path().join("state"), parent.path().join("other"));
        let mut store = open(&at);
        store.commit(&[put("old", "1")]).unwrap();
        assert_eq!(store.look(), Ok(()), "{name}");
        deed(&at, &other);
        let error = store.commit(&[put("new", "2")]).unwrap_err();
        assert!(error.0.contains("i3-gateway.sqlite"), "{name}: {error}");
        assert_eq!(store.look(), Err(error.clone()), "{name}");
        assert_eq!(store.replace(&Clear::Nothing, &[put("new", "2")]), Err(error), "{name}");
        let everything = [put("new", "2"), put("old", "1")];
        store.replace(&Clear::Everything, &everything).unwrap();
        assert_eq!((store.look(), entries(&at)), (Ok(()), everything.to_vec()), "{name}");
        assert_eq!(fs::metadata(file(&at)).unwrap().permissions().mode() & 0o777, 0o600, "{name}");
        let kept = at.join("i3-gateway.replaced-1.sqlite");
        assert_eq!(kept.exists(), *is_kept, "{name}");
        if *is_kept {
            assert_eq!(fs::metadata(kept).unwrap().permissions().mode() & 0o777, 0o600, "{name}");
        }
        store.commit(&[put("old", "3")]).unwrap();
        drop(store);
        assert_eq!(open(&at).load().unwrap().entries, [put("new", "2"), put("old", "3")], "{name}");
    }
}

#[test]
fn the_former_state_is_whole_where_it_was_moved_to() {
    let parent = tempfile::tempdir().unwrap();
    let (at, moved) = (parent.path().join("state"), parent.path().join("moved"));
    let mut store = open(&at);
    store.commit(&[put("a", "1")]).unwrap();
    fs::rename(&at, &moved).unwrap();
    store.look().unwrap_err();
    store.replace(&Clear::Everything, &[put("a", "2")]).unwrap();
    assert_eq!((entries(&moved), entries(&at)), (vec![put("a", "1")], vec![put("a", "2")]));
}

#[test]
fn a_log_without_its_file_is_set_aside_and_not_applied_to_a_new_one() {
    let parent = tempfile::tempdir().unwrap();
    let at = parent.path();
    let mut store = open(at);
    store.commit(&[put("a", "1")]).unwrap();
    let log = fs::read(suffixed(at, "-wal")).unwrap();
    drop(store);
    fs::remove_file(file(at)).unwrap();
    fs::write(suffixed(at, "-wal"), &log).unwrap();
    // What an interrupted creation has left is not taken for the state either.
    fs::write(suffixed(at, ".new"), "half").unwrap();
    assert_eq!(open(at).load().unwrap().entries, []);
    assert_eq!(fs::read(at.join("i3-gateway.orphaned-1.sqlite-wal")).unwrap(), log);
    assert!(!suffixed(at, ".new").exists());
}

#[test]
fn the_thread_notices_it_with_and_without_a_save() {
    let parent = tempfile::tempdir().unwrap();
    let (report, reports) = mpsc::channel();
    let writer = Writer::spawn(open(parent.path()), move |one| drop(report.send(one)));
    let next = || reports.recv_timeout(Duration::from_secs(20)).unwrap();
    fs::remove_file(file(parent.path())).unwrap();
    assert!(matches!(next(), Report::Lost(why) if why.contains("removed")));
    writer.submit(SaveTicket(1), FencedSave::new(Clear::Everything, vec![put("a", "1")]));
    assert_eq!(next(), Report::Saved(SaveTicket(1), Ok(())));
    fs::remove_file(file(parent.path())).unwrap();
    writer.submit(SaveTicket(2), FencedSave::new(Clear::Nothing, vec![put("a", "2")]));
    assert!(matches!(next(), Report::Lost(_)), "it is said at once, and before the answer");
    assert!(matches!(next(), Report::Saved(SaveTicket(2), Err(why)) if why.to_string().contains("removed")));
    // Saves that can do nothing about it do not repeat it.
    for n in 3..50 {
        writer.submit(SaveTicket(n), FencedSave::new(Clear::Nothing, Vec::new()));
        assert!(matches!(next(), Report::Saved(_, Err(_))));
    }
    writer.submit(SaveTicket(50), FencedSave::new(Clear::Everything, vec![put("a", "3")]));
    assert_eq!(next(), Report::Saved(SaveTicket(50), Ok(())));
    writer.finish();
    assert_eq!(entries(parent.path()), [put("a", "3")]);
}
