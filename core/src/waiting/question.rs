//! What a request waits for.

use super::reply::Reply;
use crate::ids::MudId;
use crate::machine::SaveTicket;

/// Which users of a who are wanted. Who-replies tell of race and guild in their free text, if at all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct WhoFilters {
    pub(crate) min_level: Option<i64>,
    pub(crate) max_level: Option<i64>,
    /// In lower case: each is to stand in what the mud tells of a user.
    pub(crate) texts: Vec<String>,
}

/// What a request waits for.
#[derive(Clone, Debug)]
pub(crate) enum Question {
    /// The who-reply of a mud for a user.
    Who { mud: MudId, of: String, asker: String, filters: WhoFilters },
    /// The finger-reply.
    Finger { mud: MudId, of: String, asker: String },
    /// The first locate-reply.
    Locate { mud: MudId, asker: String },
    /// The chan-user-reply of a mud for a user.
    ChanUser { mud: MudId, of: String, user: String },
    /// chan-who-replies for a channel, from these muds.
    ChanWho { mud: MudId, channel: String, open: Vec<String> },
    /// What a router says of a message, if anything; `channel` is to be there (or not) if all is well.
    Verdict { mud: MudId, message_id: String, channel: String, there: Option<bool> },
    /// That a save is durable; then this is the answer.
    Saved { ticket: SaveTicket, reply: Reply },
}
