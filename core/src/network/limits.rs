//! Limits that several tables of names have in common.

/// The longest name of a mud, a channel or a user that is remembered, in bytes. What has a longer name is ignored: no
/// request could name it.
pub use crate::describe::values::NAME_BYTES_MAX;

/// What an entry in a table of names needs beside its texts, in bytes, as far as limits are concerned.
pub(super) const ENTRY_BYTES: usize = 64;
