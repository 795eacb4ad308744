//! A demo mud as its author describes it: who is there, and what they say.

/// Somebody who is always on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DemoUser {
    /// As it is shown; requests find it in any case.
    pub name: String,
    /// What `who` and `finger` tell.
    pub title: String,
    /// 0 male, 1 female, 2 neuter.
    pub gender: i64,
    /// What `finger` calls the level.
    pub level: String,
    /// Answers to tells, one of them at a time.
    pub replies: Vec<String>,
    /// The answer to an emoteto, with `$N` for the name.
    pub gesture: String,
}

/// Something that is said on a channel now and then.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DemoLine {
    /// The channel.
    pub channel: String,
    /// The name of a user of the mud.
    pub user: String,
    /// What is said, or done (with `$N` for the name).
    pub text: String,
    /// Whether it is done.
    pub emote: bool,
}

/// A small mud.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DemoMud {
    /// Its name on the network.
    pub name: String,
    /// What it tells about its mudlib.
    pub mudlib: String,
    /// What it tells about its type: `LPMud`, `Diku`, …
    pub mud_type: String,
    /// Where players would connect.
    pub player_port: u16,
    /// Who is there.
    pub users: Vec<DemoUser>,
    /// The channels it listens to.
    pub channels: Vec<String>,
    /// What is said on them.
    pub lines: Vec<DemoLine>,
}

impl DemoMud {
    pub(super) fn user(&self, name: &str) -> Option<&DemoUser> {
        self.users.iter().find(|user| user.name.eq_ignore_ascii_case(name))
    }
}
