//! The command `state copy`: copies a state from one engine to another.
//!
//! Event ids only grow, over the copy too. A directory has the highest id that was reserved in an entry of its own. In a
//! database ids are the positions of saves.

use crate::directory::StateDirectory;
use crate::exit::{UNAVAILABLE, unusable};
use crate::state::open_to_read;
use crate::terminal::{err, out};
use i3_config::cli::{Cli, StateCopy, state_password};
use i3_core::Gateway;
use i3_core::machine::{Change, Clear, Saved};
use i3_store::{
    FencedSave, LineReader, NodeIdentity, SharedPlace, StoreError, copy_lines, is_shared, open_shared,
    open_shared_existing, replace_all,
};
use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// How long nodes count as there whose lease length is not known here. It is three times that of the default.
const LEASE: Duration = Duration::from_secs(15);

/// Copies the state.
pub(crate) fn run(cli: &Cli, command: &StateCopy) -> ExitCode {
    let password = match i3_config::environment_of_files(cli.env_file.as_deref())
        .and_then(|env| Ok(state_password(&env)?))
    {
        Ok(password) => password,
        Err(problems) => return unusable(&problems),
    };
    let end = |url: &str| match is_shared(url) {
        true => End::Database(SharedPlace { url: url.to_owned(), password: password.clone() }),
        false => End::File(url.to_owned()),
    };
    match copy(&end(&command.from), &end(&command.to)) {
        Ok(text) => {
            out(&text);
            ExitCode::SUCCESS
        }
        Err(why) => {
            err(&why);
            ExitCode::from(UNAVAILABLE)
        }
    }
}

/// One end of a copy.
enum End {
    /// A directory, or a file of SQLite.
    File(String),
    /// A database that several gateways share.
    Database(SharedPlace),
}

/// A state that was read.
struct Read {
    place: String,
    entries: Vec<Change>,
    /// All ids of events are below this.
    ids_below: u64,
    lines: Option<Box<dyn LineReader>>,
    /// Keeps a gateway from using the directory meanwhile.
    _lock: Option<StateDirectory>,
}

/// Where the entries were written, and where lines of the history go.
struct Target {
    place: String,
    write: Write,
    _lock: Option<StateDirectory>,
}

type Write = Box<dyn FnMut(Vec<Change>) -> Result<(), StoreError>>;

fn identity() -> NodeIdentity {
    // The database counts the statements of each start, so each copy has a start of its own.
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    NodeIdentity { name: "copy".to_owned(), boot: format!("copy {}", since.as_nanos()), lease: LEASE }
}

/// Copies a state, and returns what was done, or why not all of it was.
fn copy(from: &End, to: &End) -> Result<String, String> {
    let nothing = |error| format!("Nothing was copied: {error}");
    let read = match from {
        End::File(url) => read_file(url),
        End::Database(place) => read_database(place),
    };
    let Read { place, mut entries, ids_below, lines, _lock } = read.map_err(nothing)?;
    let unsent = entries.iter().filter(|entry| Gateway::is_unsent_packet(&entry.space)).count();
    if let End::File(_) = to {
        Gateway::leave_nodes(&mut entries);
    }
    // The ids that are reserved belong to one engine. The other one gets them in its own form.
    entries.retain(|entry| !Gateway::holds_ids(&entry.space));
    let count = entries.len();
    let written = match to {
        End::File(url) => {
            entries.push(Gateway::reserve_ids(ids_below));
            write_file(url, entries)
        }
        End::Database(place) => write_database(place, &entries, ids_below),
    };
    let mut target = written.map_err(nothing)?;
    let lines = lines.map_or(Ok(0), |mut lines| copy_lines(&mut *lines, &mut target.write));
    let lines = lines.map_err(|error| {
        format!(
            "{count} entries were copied from {place} to {}, but not the whole history: {error}. To try again, empty the target.",
            target.place
        )
    })?;
    let mut text = format!(
        "{count} entries and {lines} lines of the history were copied from {place} to {}. Set state.url to it.",
        target.place
    );
    if unsent > 0 && matches!(to, End::File(_)) {
        text += &format!(" {unsent} packets of games had not been sent, and were left out.");
    }
    Ok(text)
}

/// The directory of a state, unless a file is named.
fn directory(url: &str) -> Option<&Path> {
    let path = Path::new(url.strip_prefix("sqlite:").unwrap_or(url));
    path.extension().is_none_or(|end| end != "sqlite").then_some(path)
}

fn in_use(path: &Path, why: impl std::fmt::Display) -> StoreError {
    StoreError(format!("{}: {why}; stop the gateway first", path.display()))
}

fn read_file(url: &str) -> Result<Read, StoreError> {
    let (mut store, lock) = match directory(url) {
        Some(path) => {
            // Reading creates nothing, so the directory has to be there before it is locked.
            let store = open_to_read(path)?;
            (store, Some(StateDirectory::take(path).map_err(|why| in_use(path, why))?))
        }
        None => {
            let found = i3_store::open_existing(url)?;
            (found.ok_or_else(|| StoreError(format!("{url}: there is no such file")))?, None)
        }
    };
    let saved = store.load()?;
    Ok(Read {
        place: store.place(),
        ids_below: Gateway::ids_reserved(&saved),
        entries: saved.entries,
        lines: store.line_reader(),
        _lock: lock,
    })
}

fn read_database(place: &SharedPlace) -> Result<Read, StoreError> {
    let mut store = open_shared_existing(place, identity())?;
    let shown = store.place();
    let nodes = store.nodes()?;
    if !nodes.is_empty() {
        let names: Vec<&str> = nodes.iter().map(|node| node.name.as_str()).collect();
        let names = names.join(", ");
        return Err(StoreError(format!("{shown}: gateways run with it ({names}): stop them first")));
    }
    let mut entries = Vec::new();
    let start = store.load(usize::MAX, &mut |entry| entries.push(entry))?;
    let lines = store.roles(&start).lines;
    Ok(Read { place: shown, entries, ids_below: start.end, lines, _lock: None })
}

fn write_file(url: &str, entries: Vec<Change>) -> Result<Target, StoreError> {
    if let Some(mut found) = i3_store::open_existing(url)?
        && !found.load()?.entries.is_empty()
    {
        return Err(StoreError(format!("{} holds a state already: name another place", found.place())));
    }
    let lock = directory(url).map(|path| StateDirectory::take(path).map_err(|why| in_use(path, why)));
    let lock = lock.transpose()?;
    let mut store = i3_store::open(url)?;
    replace_all(&mut *store, &Saved { entries, ..Saved::default() })?;
    let place = store.place();
    Ok(Target { place, write: Box::new(move |lines| store.commit(&lines)), _lock: lock })
}

fn write_database(place: &SharedPlace, entries: &[Change], ids_below: u64) -> Result<Target, StoreError> {
    let mut store = open_shared(place, identity())?.store;
    store.fill(entries, ids_below)?;
    let shown = store.place();
    // The entries that were just written are not needed.
    let start = store.load(0, &mut |_| {})?;
    let mut saver = store.roles(&start).saver;
    let write = move |lines| {
        let save = FencedSave::new(Clear::Nothing, lines);
        saver.commit(&[save]).map(drop).map_err(|error| StoreError(error.text()))
    };
    Ok(Target { place: shown, write: Box::new(write), _lock: None })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(space: &str, key: &str, value: &str) -> Change {
        Change { space: space.into(), key: key.into(), value: Some(value.as_bytes().into()) }
    }

    /// More lines of two muds than a page has.
    fn lines() -> Vec<Change> {
        let value = |id: u64| {
            format!(
                r#"{{"at":{id},"born":{id},"event":"channel_message","params":{{"channel":"chat","message":"line {id}"}}}}"#
            )
        };
        let space = |id: u64| ["line/M", "line/N"][id as usize % 2];
        let line = |id: u64| entry(space(id), &format!("{id:020}"), &value(id));
        (1..=700).map(line).collect()
    }

    /// The lines of a file, those of one mud after those of the other.
    fn lines_in(file: &str) -> Vec<Change> {
        let mut reader = i3_store::open_existing(file).unwrap().unwrap().line_reader().unwrap();
        let mut found = Vec::new();
        let mut take = |lines: Vec<Change>| {
            found.extend(lines);
            Ok(())
        };
        assert_eq!(copy_lines(&mut *reader, &mut take).unwrap(), 700);
        found
    }

    /// The same order.
    fn by_mud(mut lines: Vec<Change>) -> Vec<Change> {
        lines.sort_by(|one, other| (&one.space, &one.key).cmp(&(&other.space, &other.key)));
        lines
    }

    #[test]
    fn a_state_is_copied_to_a_place_without_one() {
        let directory = tempfile::tempdir().unwrap();
        let path = |name: &str| directory.path().join(name).to_str().unwrap().to_owned();
        let (from, to) = (path("from"), path("to"));
        let state = [entry("event_ids", "reserved", "30000"), entry("password/M", "*net", "1")];
        i3_store::open(&from).unwrap().commit(&[&state[..], &lines()].concat()).unwrap();
        let text = copy(&End::File(from.clone()), &End::File(to.clone())).unwrap();
        assert!(text.contains("1 entries and 700 lines") && text.contains("/to/"), "{text}");
        assert_eq!(i3_store::open_existing(&to).unwrap().unwrap().load().unwrap().entries, state);
        assert_eq!(lines_in(&to), by_mud(lines()));

        let again = copy(&End::File(from.clone()), &End::File(to.clone())).unwrap_err();
        assert!(again.contains("Nothing was copied") && again.contains("holds a state already"), "{again}");
        let nothing = copy(&End::File(path("nowhere")), &End::File(path("new"))).unwrap_err();
        assert!(nothing.contains("nowhere") && !Path::new(&path("nowhere")).exists(), "{nothing}");
        let held = StateDirectory::take(Path::new(&from)).unwrap();
        let busy = copy(&End::File(from), &End::File(path("new"))).unwrap_err();
        assert!(busy.contains("stop the gateway first"), "{busy}");
        drop(held);
    }

    /// A state moves to a database, is used there by a node, and moves back. Event ids grow on the way.
    #[cfg(all(unix, feature = "postgres"))]
    #[test]
    fn a_state_moves_to_a_database_and_back() {
        let Some(postgres) = crate::postgres::Postgres::shared() else { return };
        let directory = tempfile::tempdir().unwrap();
        let file = |name: &str| End::File(directory.path().join(name).to_str().unwrap().to_owned());
        let End::File(from) = file("from") else { unreachable!() };
        let password = entry("password/M", "*net", "1");
        let state = [entry("event_ids", "reserved", "30000000"), password.clone()];
        i3_store::open(&from).unwrap().commit(&[&state[..], &lines()].concat()).unwrap();
        let place = SharedPlace { url: postgres.database("copied"), password: None };
        let text = copy(&file("from"), &End::Database(place.clone())).unwrap();
        assert!(text.contains("1 entries and 700 lines") && !text.contains("own"), "{text}");
        let again = copy(&file("from"), &End::Database(place.clone())).unwrap_err();
        assert!(again.contains("holds a state already") && !again.contains("own"), "{again}");

        let mut store = open_shared(&place, identity()).unwrap().store;
        let mut entries = Vec::new();
        let start = store.load(usize::MAX, &mut |entry| entries.push(entry)).unwrap();
        assert_eq!(entries, std::slice::from_ref(&password));
        assert!(start.position >= 30_000_000, "{start:?}");
        let mut roles = store.roles(&start);
        let of_nodes =
            [entry("session/x", "1", "s"), entry("out/M", "x/1", "p"), entry("link/M", "view", "v")];
        let saves = [i3_store::FencedSave::new(i3_core::machine::Clear::Nothing, of_nodes.to_vec())];
        roles.saver.commit(&saves).unwrap();
        roles.beater.beat(&i3_core::machine::Beat::default()).unwrap();
        let busy = copy(&End::Database(place.clone()), &file("to")).unwrap_err();
        assert!(busy.contains("gateways run with it (copy)"), "{busy}");
        let gone = i3_core::machine::Beat { is_gone: true, ..Default::default() };
        roles.beater.beat(&gone).unwrap();

        let text = copy(&End::Database(place), &file("to")).unwrap();
        assert!(
            text.contains("700 lines") && text.contains("1 packets of games had not been sent"),
            "{text}"
        );
        let End::File(to) = file("to") else { unreachable!() };
        let saved = i3_store::open_existing(&to).unwrap().unwrap().load().unwrap();
        assert!(Gateway::ids_reserved(&saved) > start.end, "{saved:?}");
        assert_eq!(saved.entries.len(), 2);
        assert_eq!(lines_in(&to), by_mud(lines()));
        assert!(saved.entries.contains(&password));
    }
}
