//! A small machine to drive, and waiting with deadlines.
#![allow(dead_code, unused_imports, reason = "not every test uses all of it")]

#[path = "../../../driver/tests/shared/echo.rs"]
mod echo;
#[path = "../../../client/tests/shared/patience.rs"]
mod patience;
#[path = "../../../driver/tests/shared/system.rs"]
mod system;

pub(crate) use echo::*;
pub(crate) use patience::*;
pub(crate) use system::*;
