//! What stands in front of every packet.

use std::borrow::Cow;

/// Decoded text.
pub type Text<'a> = Cow<'a, str>;

/// Hops a packet of ours may take. Deployed routers neither check nor count it.
pub const TTL: i64 = 5;

/// The five fields that follow the type in every packet. `None` is 0 on the wire.
#[derive(Clone, Debug, PartialEq)]
pub struct Header<'a> {
    /// Time to live; see [`TTL`].
    pub ttl: i64,
    /// The mud (or router) that sends. Routers do not verify the user below it.
    pub from_mud: Text<'a>,
    /// The user who sends.
    pub from_user: Option<Text<'a>>,
    /// The mud (or router) it is for; nobody in particular for a broadcast or a channel.
    pub to_mud: Option<Text<'a>>,
    /// The user it is for.
    pub to_user: Option<Text<'a>>,
}

impl<'a> Header<'a> {
    /// From a mud to everybody.
    pub fn broadcast(from_mud: &'a str, from_user: Option<&'a str>) -> Self {
        Header {
            ttl: TTL,
            from_mud: from_mud.into(),
            from_user: from_user.map(Text::from),
            to_mud: None,
            to_user: None,
        }
    }

    /// From a mud to a mud, or to a router.
    pub fn to_mud(from_mud: &'a str, from_user: Option<&'a str>, to_mud: &'a str) -> Self {
        Header { to_mud: Some(to_mud.into()), ..Header::broadcast(from_mud, from_user) }
    }

    /// From a mud to a user on a mud.
    pub fn to_user(from_mud: &'a str, from_user: Option<&'a str>, to_mud: &'a str, to_user: &'a str) -> Self {
        Header { to_user: Some(to_user.into()), ..Header::to_mud(from_mud, from_user, to_mud) }
    }
}
