//! The limits that a client meets, wherever they are held: for the documents.

pub use super::conn::STRANGER_MAX;
pub use super::http::{HEAD_BYTES_MAX, HEADERS_MAX};
pub use super::methods::EARLY_REQUESTS_MAX;
pub use super::params::NAME_BYTES_MAX;
pub use super::rpc::{BATCH_REQUESTS_MAX, ID_BYTES_MAX};
pub use crate::events::clients::CLIENTS_MAX;
pub use crate::hub::{
    CHANNEL_PENDING_BYTES_MAX, CLIENT_PAUSE_BYTES, CLIENT_PENDING_BYTES_MAX, PRESENCE_PENDING_BYTES_MAX,
    QUEUED_PACKET_MAX_AGE,
};
pub use crate::moderation::{BANS_MAX, USER_BURST};
pub use crate::pending::{WAITERS_MAX, WAITERS_PER_CLIENT_MAX};
pub use crate::service::channel::CHANNELS_PER_SESSION_MAX;
pub use crate::service::gateway::WRONG_KEYS_MAX;
pub use crate::service::history::LIMIT_MAX as HISTORY_LINES_MAX;
pub use crate::service::host::{FILTER_WITHIN, VERDICT_WITHIN};
pub use crate::service::query::{ANSWER_SECONDS_MAX, ANSWER_WITHIN, CHANNEL_WHO_MUDS_MAX};
pub use crate::session::addresses::{FREE_WRONG_KEYS, WAIT_MAX, WAIT_MIN};
pub use crate::session::rates::WARN_AGAIN_AFTER;
