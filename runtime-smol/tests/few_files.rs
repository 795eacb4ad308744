//! What happens when the process has no file descriptor left: the test of all drivers.

mod common;
#[path = "../../driver/tests/shared/few_files.rs"]
mod few_files;
