//! The limits of this front door that clients can meet, for the documents.

pub use super::conn::{EARLY_REQUESTS_MAX, STRANGER_BYTES_MAX, STRANGER_MAX, STRANGER_TEXT_BYTES_MAX};
pub use super::deflate::{DEFLATED_BYTES_MIN, INFLATED_BYTES_FREE, INFLATED_TIMES_MAX};
pub use super::http::{HEAD_BYTES_MAX, HEADERS_MAX};
pub use super::requests::BATCH_ANSWERS_BYTES_MAX;
pub use super::rpc::{BATCH_REQUESTS_MAX, ID_BYTES_MAX};
pub use super::turns::{CLIENT_WORK_MAX, LIGHT_WORK_MAX, TURN_WORK_MAX};
