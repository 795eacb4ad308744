//! The services' limits that clients can meet, for the documents.

pub use super::access::WRONG_KEYS_MAX;
pub use super::ask::{ANSWER_SECONDS_MAX, ANSWER_WITHIN, CHANNEL_WHO_MUDS_MAX};
pub use super::channel::CHANNELS_PER_SESSION_MAX;
pub use super::filter::FILTER_WITHIN;
pub use super::host::VERDICT_WITHIN;
pub use super::lines::LIMIT_MAX as HISTORY_LINES_MAX;
pub use super::page::ANSWER_BYTES_MAX;
pub use crate::clients::addresses::{FREE_WRONG_KEYS, WAIT_MAX, WAIT_MIN};
pub use crate::clients::rates::WARN_AGAIN_AFTER;
pub use crate::clients::strangers::{ADDRESS_BYTES_MAX, ADDRESS_BYTES_PER_SECOND};
pub use crate::clients::{
    ALL_PENDING_BYTES_MAX, CHANNEL_PENDING_BYTES_MAX, CLIENT_CROWDED_BYTES_MAX, CLIENT_PAUSE_BYTES,
    CLIENT_PENDING_BYTES_MAX, CLIENT_STALLED_MAX, PRESENCE_PENDING_BYTES_MAX, RESERVED_PLACES,
};
pub use crate::describe::cut::{CUT_MARK, TEXT_BYTES_MAX};
pub use crate::describe::values::NAME_BYTES_MAX;
pub use crate::journal::CLIENTS_MAX;
pub use crate::moderation::{BANS_MAX, USER_BURST};
pub use crate::muds::QUEUED_PACKET_MAX_AGE;
pub use crate::waiting::{WAITERS_MAX, WAITERS_PER_CLIENT_MAX};
