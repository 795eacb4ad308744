//! Locks a mutex.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Takes a lock, even after a panic of its former owner: the mutexes here guard plain values, which are always consistent.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
