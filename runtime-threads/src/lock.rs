//! Locks.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Takes a lock of which a panic can have left nothing half done: all of them here hold plain values.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
