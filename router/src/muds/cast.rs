//! The description of a demo mud: its users and their texts.

/// A user of a demo mud, who is always online.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DemoUser {
    /// The visible name. Requests find it in upper or lower case.
    pub name: String,
    /// The title in `who` and `finger`.
    pub title: String,
    /// 0 male, 1 female, 2 neuter.
    pub gender: i64,
    /// The level in `finger`.
    pub level: String,
    /// Answers to tells, one of them at a time.
    pub replies: Vec<String>,
    /// The answer to an emoteto, with `$N` for the name.
    pub gesture: String,
}

/// A line for a channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DemoLine {
    /// The channel.
    pub channel: String,
    /// The name of a user of the mud.
    pub user: String,
    /// The text. In an emote, `$N` stands for the name.
    pub text: String,
    /// Whether the line is an emote.
    pub emote: bool,
}

/// A small mud.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DemoMud {
    /// Its name on the network.
    pub name: String,
    /// The mudlib in the mudlist.
    pub mudlib: String,
    /// The type in the mudlist: `LPMud`, `Diku`, …
    pub mud_type: String,
    /// The port for players in the mudlist.
    pub player_port: u16,
    /// Its users.
    pub users: Vec<DemoUser>,
    /// The channels to which it subscribes.
    pub channels: Vec<String>,
    /// Its lines for these channels.
    pub lines: Vec<DemoLine>,
}

impl DemoMud {
    pub(super) fn user(&self, name: &str) -> Option<&DemoUser> {
        self.users.iter().find(|user| user.name.eq_ignore_ascii_case(name))
    }
}
