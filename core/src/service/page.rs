//! Pages of long lists: an answer has a bound in bytes, and says where the rest begins.

use super::call::Call;
use crate::describe::cut;
use serde::Serialize;

/// The longest list in one answer, in bytes of JSON. At least one row is returned, so that a client that asks for the
/// rest comes to the end.
pub const ANSWER_BYTES_MAX: usize = 262_144;

/// The longest list of users from the network, in bytes of JSON. An answer may hold the names twice.
pub(super) const USERS_BYTES_MAX: usize = 98_304;

/// The work of looking at one row, in bytes.
const ROW_WORK: usize = 64;

/// The rows of one answer.
#[derive(Debug)]
pub(super) struct Page<T> {
    pub(super) rows: Vec<T>,
    /// There are more rows than fit.
    pub(super) has_more: bool,
}

impl<T: Serialize> Page<T> {
    /// Takes rows as long as there is room for them.
    pub(super) fn of(call: &Call, rows: impl IntoIterator<Item = T>) -> Page<T> {
        Page::within(call, rows, ANSWER_BYTES_MAX)
    }

    /// Takes rows as long as all together have at most this many bytes of JSON.
    pub(super) fn within(call: &Call, rows: impl IntoIterator<Item = T>, bytes_max: usize) -> Page<T> {
        let (rows, has_more, bytes) = take(rows, bytes_max);
        call.worked(bytes);
        Page { rows, has_more }
    }
}

/// Takes rows as long as all together have at most this many bytes of JSON. Returns them, whether there are more, and
/// the bytes.
pub(super) fn take<T: Serialize>(
    rows: impl IntoIterator<Item = T>,
    bytes_max: usize,
) -> (Vec<T>, bool, usize) {
    let (mut taken, mut bytes) = (Vec::new(), 0);
    for row in rows {
        bytes += cut::length(&row) + 1;
        if bytes > bytes_max && !taken.is_empty() {
            return (taken, true, bytes);
        }
        taken.push(row);
    }
    (taken, false, bytes)
}

/// Looks at rows, and notes the work.
pub(super) fn looked_at<'c, T>(
    call: &'c Call,
    rows: impl Iterator<Item = T> + 'c,
) -> impl Iterator<Item = T> + 'c {
    rows.inspect(|_| call.worked(ROW_WORK))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_taken_as_long_as_they_fit_and_one_always_is() {
        // A row of 6 bytes and a comma; an escape has six bytes.
        assert_eq!(take(["abcd"; 5], 28), (vec!["abcd"; 4], true, 35));
        assert_eq!(take(["abcd"; 4], 28), (vec!["abcd"; 4], false, 28));
        assert_eq!(take(["\u{1b}"; 3], 20).0.len(), 2);
        assert_eq!(take(["longer than all that"; 2], 5), (vec!["longer than all that"], true, 46));
        assert_eq!(take([""; 0], 5), (vec![], false, 0));
    }
}
