//! How the snapshots of a gateway's state are called.

use std::path::{Path, PathBuf};

/// The snapshot in `directory` that is there for this purpose, such as `restore` or `backup-1`.
pub fn snapshot_path(directory: &Path, purpose: &str) -> PathBuf {
    directory.join(format!("i3-gateway.{purpose}.sqlite"))
}
