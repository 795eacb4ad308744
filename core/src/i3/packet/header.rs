//! The header of every packet.

use std::borrow::Cow;

/// Decoded text.
pub type Text<'a> = Cow<'a, str>;

/// Number of hops that the gateway's packets may take. Deployed routers neither check nor count it.
pub const TTL: i64 = 5;

/// The five fields after the type in every packet. `None` is 0 on the wire.
#[derive(Clone, Debug, PartialEq)]
pub struct Header<'a> {
    /// The time to live; [`TTL`] in the gateway's own packets.
    pub ttl: i64,
    /// The mud or router that sends the packet. Routers do not verify the user.
    pub from_mud: Text<'a>,
    /// The user who sends.
    pub from_user: Option<Text<'a>>,
    /// The mud or router that receives it; `None` for a broadcast or a channel packet.
    pub to_mud: Option<Text<'a>>,
    /// The user who receives it.
    pub to_user: Option<Text<'a>>,
}

impl<'a> Header<'a> {
    /// A header from a mud to all muds.
    pub fn broadcast(from_mud: &'a str, from_user: Option<&'a str>) -> Self {
        Header {
            ttl: TTL,
            from_mud: from_mud.into(),
            from_user: from_user.map(Text::from),
            to_mud: None,
            to_user: None,
        }
    }

    /// The same header, with the texts of this one.
    pub fn by_ref(&self) -> Header<'_> {
        Header {
            ttl: self.ttl,
            from_mud: self.from_mud.as_ref().into(),
            from_user: self.from_user.as_deref().map(Text::from),
            to_mud: self.to_mud.as_deref().map(Text::from),
            to_user: self.to_user.as_deref().map(Text::from),
        }
    }

    /// A header from a mud to a mud or a router.
    pub fn to_mud(from_mud: &'a str, from_user: Option<&'a str>, to_mud: &'a str) -> Self {
        Header { to_mud: Some(to_mud.into()), ..Header::broadcast(from_mud, from_user) }
    }

    /// A header from a mud to a user on a mud.
    pub fn to_user(from_mud: &'a str, from_user: Option<&'a str>, to_mud: &'a str, to_user: &'a str) -> Self {
        Header { to_user: Some(to_user.into()), ..Header::to_mud(from_mud, from_user, to_mud) }
    }
}
