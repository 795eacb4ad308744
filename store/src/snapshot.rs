//! The names of the snapshots of a gateway's state.

use std::path::{Path, PathBuf};

/// Returns the path of the snapshot in `directory` for a purpose, such as `restore` or `backup-1`.
pub fn snapshot_path(directory: &Path, purpose: &str) -> PathBuf {
    directory.join(format!("i3-gateway.{purpose}.sqlite"))
}
