//! What a waiting request waits for.

use super::reply::Reply;
use crate::ids::MudId;
use crate::machine::SaveTicket;

/// Selects users of a who-reply. Who-replies mention race and guild only in their free text, if at all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct WhoFilters {
    pub(crate) min_level: Option<i64>,
    pub(crate) max_level: Option<i64>,
    /// In lower case; a user's text must contain each of them.
    pub(crate) texts: Vec<String>,
}

/// What a waiting request waits for.
#[derive(Clone, Debug)]
pub(crate) enum Question {
    /// The who-reply of a mud to a user.
    Who { mud: MudId, of: String, asker: String, filters: WhoFilters },
    /// The finger-reply.
    Finger { mud: MudId, of: String, asker: String },
    /// The first locate-reply.
    Locate { mud: MudId, asker: String },
    /// The chan-user-reply of a mud for a user.
    ChanUser { mud: MudId, of: String, user: String },
    /// The chan-who-replies for a channel, from these muds. `named`: the request names the one mud that is asked.
    ChanWho { mud: MudId, channel: String, open: Vec<String>, named: bool },
    /// The router's verdict on a message. `becomes`: what becomes of the channel after success, if anything.
    Verdict { mud: MudId, message_id: String, channel: String, becomes: Option<Becomes> },
    /// The end of a search, which goes on in turns.
    Search,
    /// The store's answer about lines of the history.
    Store,
    /// The end of a save. Then `reply` is the answer.
    Saved { ticket: SaveTicket, reply: Reply },
    /// The end of a save with a packet for the holder of the mud. Then `reply` is the answer.
    HandedOver { ticket: SaveTicket, reply: Reply },
    /// No link is left on this node.
    Drained,
    /// This node was told all that was saved before this beat, or a later one. Then the request is run again.
    Followed { beat: u64 },
}

/// What becomes of a channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Becomes {
    /// It is in the list, with this type.
    Listed(i64),
    /// It is not in the list.
    Unlisted,
}
