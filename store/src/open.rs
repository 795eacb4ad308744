//! Which engine a URL names.

use crate::engine::{Store, StoreError};
use crate::sqlite::{SqliteStore, file_of};

/// The schemes that this program knows.
const SCHEMES: &[&str] = &["sqlite"];

/// Opens the state at `url`, and creates it where there is none.
///
/// A path, with or without `sqlite:` before it, is a directory with the state's SQLite file in it, or that file itself
/// if it ends in `.sqlite`; nothing at all is the working directory. State of a newer program is refused and left as it
/// is.
pub fn open(url: &str) -> Result<Box<dyn Store>, StoreError> {
    Ok(Box::new(SqliteStore::open(&file_of(path(url)?))?))
}

/// Opens the state at `url` to read it, and changes nothing there. `None`: there is none.
pub fn open_existing(url: &str) -> Result<Option<Box<dyn Store>>, StoreError> {
    let found = SqliteStore::open_existing(&file_of(path(url)?))?;
    Ok(found.map(|store| Box::new(store) as Box<dyn Store>))
}

/// The path in a URL of SQLite. The error: the scheme is not known.
fn path(url: &str) -> Result<&str, StoreError> {
    match scheme(url) {
        None => Ok(url),
        Some("sqlite") => {
            let path = &url["sqlite:".len()..];
            Ok(path.strip_prefix("//").unwrap_or(path))
        }
        Some(other) => Err(StoreError(format!(
            "there is no store {other:?}: this program knows {}, and a path",
            SCHEMES.join(", ")
        ))),
    }
}

/// What stands before the first colon, if that can be a scheme. One letter is a drive.
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
