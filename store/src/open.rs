//! Opens the engine that a URL names.

use crate::engine::{Store, StoreError};
use crate::shared::{Finding, NodeIdentity, SharedPlace, SharedStore};
use crate::sqlite::{SqliteStore, file_of};
use std::path::{Path, PathBuf};

/// The schemes of the URLs of stores that a gateway has for itself.
const SCHEMES: &[&str] = &["sqlite"];

/// The schemes of the URLs of stores that several gateways share.
const SHARED_SCHEMES: &[&str] = &["postgres", "postgresql"];

/// Whether a URL names a store that several gateways share.
pub fn is_shared(url: &str) -> bool {
    scheme(url).is_some_and(|scheme| SHARED_SCHEMES.contains(&scheme))
}

/// A shared store that was opened.
pub struct Joined {
    /// The store.
    pub store: Box<dyn SharedStore>,
    /// Its tables were made just now.
    pub is_new: bool,
}

/// Opens a store that several gateways share, and makes its tables or brings them up to date. Tables that a newer version
/// has made are refused, and not changed.
pub fn open_shared(place: &SharedPlace, identity: NodeIdentity) -> Result<Joined, StoreError> {
    #[cfg(feature = "postgres")]
    {
        let (store, is_new) = crate::postgres::PostgresStore::open(place, identity)?;
        Ok(Joined { store: Box::new(store), is_new })
    }
    #[cfg(not(feature = "postgres"))]
    Err(without_postgres(place, &identity))
}

/// Opens a store that several gateways share, and changes nothing. The error: there is none, or one of another version.
pub fn open_shared_existing(
    place: &SharedPlace,
    identity: NodeIdentity,
) -> Result<Box<dyn SharedStore>, StoreError> {
    #[cfg(feature = "postgres")]
    {
        Ok(Box::new(crate::postgres::PostgresStore::open_existing(place, identity)?))
    }
    #[cfg(not(feature = "postgres"))]
    Err(without_postgres(place, &identity))
}

/// Checks a store that several gateways share, and changes nothing. The error: the URL is wrong.
pub fn examine_shared(place: &SharedPlace, identity: NodeIdentity) -> Result<Vec<Finding>, StoreError> {
    #[cfg(feature = "postgres")]
    {
        Ok(crate::postgres::PostgresStore::new(place, identity)?.examine())
    }
    #[cfg(not(feature = "postgres"))]
    Err(without_postgres(place, &identity))
}

#[cfg(not(feature = "postgres"))]
fn without_postgres(_: &SharedPlace, _: &NodeIdentity) -> StoreError {
    StoreError("this program was built without PostgreSQL".to_owned())
}

/// Opens the state at `url`, and creates it if there is none.
///
/// A path, with or without `sqlite:` before it, names a directory that contains the SQLite file of the state. A path that
/// ends in `.sqlite` names the file itself, and an empty text names the working directory. A state that a newer version
/// has written is refused, and not changed.
pub fn open(url: &str) -> Result<Box<dyn Store>, StoreError> {
    Ok(Box::new(SqliteStore::open(&file_of(path(url)?))?))
}

/// Opens the state at `url` for reading, and changes nothing. `None`: there is no state.
pub fn open_existing(url: &str) -> Result<Option<Box<dyn Store>>, StoreError> {
    let found = SqliteStore::open_existing(&file_of(path(url)?))?;
    Ok(found.map(|store| Box::new(store) as Box<dyn Store>))
}

/// A store whose contents are about to be replaced by a snapshot.
pub struct ToRestore {
    /// The store.
    pub store: Box<dyn Store>,
    /// The file to which the former state was moved, because it was damaged. The store is then empty.
    pub damaged: Option<PathBuf>,
}

/// Opens the state at `url`, so that it can be replaced by `snapshot`. A damaged state is moved to a file of its own, and
/// an empty one takes its place. Nothing changes if the snapshot cannot be read.
pub fn open_to_restore(url: &str, snapshot: &Path) -> Result<ToRestore, StoreError> {
    let (store, damaged) = SqliteStore::open_to_restore(&file_of(path(url)?), snapshot)?;
    Ok(ToRestore { store: Box::new(store), damaged })
}

/// Copies a snapshot, for a restore of the state at `url`. That state need not be readable. `to` is replaced as
/// [`Store::snapshot_to`] replaces it. The error: the file cannot be read, is not a snapshot of a gateway's state, or is
/// the state itself.
pub fn copy_snapshot(url: &str, from: &Path, to: &Path) -> Result<(), StoreError> {
    crate::sqlite::copy_snapshot(&file_of(path(url)?), from, to)
}

/// Returns the path in a URL of SQLite. The error: the scheme is not known.
fn path(url: &str) -> Result<&str, StoreError> {
    match scheme(url) {
        None => Ok(url),
        Some("sqlite") => {
            let path = &url["sqlite:".len()..];
            Ok(path.strip_prefix("//").unwrap_or(path))
        }
        Some(other) => Err(StoreError(format!(
            "unknown store {other:?}: write a path, or a URL that begins with {}:",
            SCHEMES.join(", ")
        ))),
    }
}

/// Returns the text before the first colon if it can be a scheme. A single letter is a drive of Windows.
fn scheme(url: &str) -> Option<&str> {
    let (scheme, _) = url.split_once(':')?;
    let is_word = scheme.chars().all(|c| c.is_ascii_alphanumeric() || "+-".contains(c));
    (scheme.len() > 1 && is_word).then_some(scheme)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scheme_names_the_engine_and_a_path_is_sqlite() {
        for (url, expected) in [
            ("", ""),
            ("state", "state"),
            ("/var/lib/a:b", "/var/lib/a:b"),
            ("C:\\state", "C:\\state"),
            ("sqlite:state", "state"),
            ("sqlite:///var/lib/state", "/var/lib/state"),
        ] {
            assert_eq!(path(url).unwrap(), expected, "{url}");
        }
        let error = open("postgres://gateway@db/state").map(drop).unwrap_err().to_string();
        assert!(error.contains("\"postgres\"") && error.contains("sqlite"), "{error}");
        assert!(open_existing("mysql://db").is_err());
    }
}
