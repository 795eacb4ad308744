//! How a save is written in the log.

use crate::engine::StoreError;
use i3_core::machine::{Change, Clear, SmolStr};

/// The version of this form. It is the first byte.
const VERSION: u8 = 1;

/// What the second byte says: what the save has removed.
const CLEARS_NOTHING: u8 = 0;
const CLEARS_SPACES: u8 = 1;
const CLEARS_EVERYTHING: u8 = 2;

/// What stands before a value. A deletion has none.
const DELETED: u8 = 0;
const PUT: u8 = 1;

/// Writes a save. Numbers have 32 bits, the low byte first; a text or value has its length before it.
pub(super) fn encode(clear: &Clear, changes: &[&Change]) -> Vec<u8> {
    let mut into = vec![VERSION];
    match clear {
        Clear::Nothing => into.push(CLEARS_NOTHING),
        Clear::Spaces(spaces) => {
            into.push(CLEARS_SPACES);
            number(&mut into, spaces.len());
            spaces.iter().for_each(|space| sized(&mut into, space.as_bytes()));
        }
        Clear::Everything => into.push(CLEARS_EVERYTHING),
    }
    number(&mut into, changes.len());
    for change in changes {
        sized(&mut into, change.space.as_bytes());
        sized(&mut into, change.key.as_bytes());
        match &change.value {
            None => into.push(DELETED),
            Some(value) => {
                into.push(PUT);
                sized(&mut into, value);
            }
        }
    }
    into
}

fn number(into: &mut Vec<u8>, value: usize) {
    // A longer save would not fit into a value of the database, which is far below 4 GiB.
    into.extend_from_slice(&u32::try_from(value).unwrap_or(u32::MAX).to_le_bytes());
}

fn sized(into: &mut Vec<u8>, bytes: &[u8]) {
    number(into, bytes.len());
    into.extend_from_slice(bytes);
}

/// Reads a save.
pub(super) fn decode(mut from: &[u8]) -> Result<(Clear, Vec<Change>), StoreError> {
    let bad = || StoreError("the log has an entry that this program cannot read".to_owned());
    let from = &mut from;
    if byte(from) != Some(VERSION) {
        return Err(bad());
    }
    let read = |from: &mut &[u8]| -> Option<(Clear, Vec<Change>)> {
        let clear = match byte(from)? {
            CLEARS_NOTHING => Clear::Nothing,
            CLEARS_SPACES => Clear::Spaces((0..count(from)?).map(|_| text(from)).collect::<Option<_>>()?),
            CLEARS_EVERYTHING => Clear::Everything,
            _ => return None,
        };
        let changes = (0..count(from)?).map(|_| change(from)).collect::<Option<_>>()?;
        from.is_empty().then_some((clear, changes))
    };
    read(from).ok_or_else(bad)
}

fn byte(from: &mut &[u8]) -> Option<u8> {
    from.split_off_first().copied()
}

fn count(from: &mut &[u8]) -> Option<usize> {
    let bytes = from.split_off(..size_of::<u32>())?;
    usize::try_from(u32::from_le_bytes(bytes.try_into().ok()?)).ok()
}

fn bytes<'a>(from: &mut &'a [u8]) -> Option<&'a [u8]> {
    let length = count(from)?;
    from.split_off(..length)
}

fn text(from: &mut &[u8]) -> Option<SmolStr> {
    std::str::from_utf8(bytes(from)?).ok().map(SmolStr::new)
}

fn change(from: &mut &[u8]) -> Option<Change> {
    let (space, key) = (text(from)?, text(from)?);
    let value = match byte(from)? {
        DELETED => None,
        PUT => Some(bytes(from)?.into()),
        _ => return None,
    };
    Some(Change { space, key, value })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    fn change(key: &str, value: Option<&[u8]>) -> Change {
        Change { space: "space/Müd".into(), key: key.into(), value: value.map(Arc::from) }
    }

    #[test]
    fn a_save_is_read_as_it_was_written_and_no_other_bytes_are_a_save() {
        let changes = [change("a\0b", Some(&[0, 255, 10])), change("", None), change("c", Some(&[]))];
        for clear in [Clear::Nothing, Clear::Spaces(vec!["x".into(), SmolStr::default()]), Clear::Everything]
        {
            for count in 0..=changes.len() {
                let some: Vec<&Change> = changes[..count].iter().collect();
                let written = encode(&clear, &some);
                assert_eq!(decode(&written).unwrap(), (clear.clone(), changes[..count].to_vec()));
                for cut in 0..written.len() {
                    assert!(decode(&written[..cut]).is_err(), "{cut} of {written:?}");
                }
                let mut longer = written.clone();
                longer.push(0);
                assert!(decode(&longer).is_err());
                let mut newer = written;
                newer[0] = VERSION + 1;
                assert!(decode(&newer).is_err());
            }
        }
    }
}
