//! Names of the network as IRC writes them, and back: `user@Mud.Name` and `#channel`.
//!
//! A blank in the name of a mud is written `.`. Any byte that would end or change a name on IRC is written `%XX`, with two
//! hexadecimal digits, and so are the `.` and the `%` themselves. So every name of the network can be written, and read back.

use crate::i3::text::decode;
use std::borrow::Cow;
use std::fmt::Write;

/// The name of the server.
pub const SERVER: &str = "i3-gateway";

/// The user that answers questions about the network. No user of a mud is shown with a `*`.
pub const SERVICE: &str = "*i3";

/// The longest nick, in bytes.
pub const NICK_BYTES_MAX: usize = 30;

/// Bytes that end or change a name on IRC, besides blanks and controls: those of masks, lists and prefixes.
const MARKS: &[u8] = b"%,!@:*?#&+$";

fn escape(name: &str, of_mud: bool) -> String {
    let mut written = String::with_capacity(name.len());
    for c in name.chars() {
        match c {
            ' ' if of_mud => written.push('.'),
            c if c.is_control()
                || c == ' '
                || (of_mud && c == '.')
                || (c.is_ascii() && MARKS.contains(&(c as u8))) =>
            {
                for byte in c.encode_utf8(&mut [0; 4]).bytes() {
                    // Writing to a String cannot fail.
                    let _ = write!(written, "%{byte:02X}");
                }
            }
            c => written.push(c),
        }
    }
    // A name must be there. A `%` without digits stands for no name.
    if written.is_empty() {
        written.push('%');
    }
    written
}

fn unescape(written: &str, of_mud: bool) -> String {
    let bytes = written.as_bytes();
    let mut name = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        let digits =
            written.get(at + 1..at + 3).filter(|digits| digits.bytes().all(|b| b.is_ascii_hexdigit()));
        let coded = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok()).filter(|_| *byte == b'%');
        match (byte, coded) {
            (_, Some(coded)) => {
                name.push(coded);
                at += 2;
            }
            (b'.', None) if of_mud => name.push(b' '),
            (b'%', None) if bytes.len() == 1 => {}
            (byte, None) => name.push(*byte),
        }
        at += 1;
    }
    decode(Cow::Owned(name)).0.into_owned()
}

/// Writes the name of a mud as a host.
pub fn host_of(mud: &str) -> String {
    escape(mud, true)
}

/// Reads the name of a mud.
pub fn mud_of(host: &str) -> String {
    unescape(host, true)
}

/// Writes the name of a user of the network as a nick.
pub fn nick_of(user: &str) -> String {
    escape(user, false)
}

/// Reads the name of a user.
pub fn user_of(nick: &str) -> String {
    unescape(nick, false)
}

/// Writes the name of a channel, with its `#`.
pub fn shown_channel(channel: &str) -> String {
    let mut written = "#".to_owned();
    for c in channel.chars() {
        if c.is_control() || matches!(c, ' ' | ',' | '%') {
            for byte in c.encode_utf8(&mut [0; 4]).bytes() {
                // Writing to a String cannot fail.
                let _ = write!(written, "%{byte:02X}");
            }
        } else {
            written.push(c);
        }
    }
    written
}

/// Reads the name of a channel. Returns `None` if it has no `#`, or no name behind it.
pub fn channel_of(written: &str) -> Option<String> {
    written.strip_prefix('#').filter(|name| !name.is_empty()).map(|name| unescape(name, false))
}

/// Splits `user@Mud.Name`, or `user!user@Mud.Name`, into the user and the mud as they are written.
pub fn split_target(target: &str) -> Option<(&str, &str)> {
    let (user, host) = target.rsplit_once('@')?;
    let user = user.split_once('!').map_or(user, |(nick, _)| nick);
    // The nick of a user whose name alone is somebody else's holds the mud too.
    let user = user.split_once('@').map_or(user, |(user, _)| user);
    (!user.is_empty() && !host.is_empty()).then_some((user, host))
}

/// Writes the prefix of a user of the network: `user!user@Mud.Name`. `with_mud`: the nick holds the mud too.
pub fn source(user: &str, mud: &str, with_mud: bool) -> String {
    let (nick, host) = (nick_of(user), host_of(mud));
    if with_mud { format!("{nick}@{host}!{nick}@{host}") } else { format!("{nick}!{nick}@{host}") }
}

/// Whether a client may have a nick. It is the name of a user on the network, so it has only what muds allow in names.
pub fn is_nick(nick: &str) -> bool {
    nick.len() <= NICK_BYTES_MAX
        && nick.starts_with(|first: char| first.is_ascii_alphabetic())
        && nick.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_mud_is_a_host() {
        for (mud, host) in [
            ("Dead Souls Dev", "Dead.Souls.Dev"),
            ("rmud.org", "rmud%2Eorg"),
            ("100% Mud", "100%25.Mud"),
            ("Ünïcode", "Ünïcode"),
            ("a:b!c@d", "a%3Ab%21c%40d"),
        ] {
            assert_eq!(host_of(mud), host);
            assert_eq!(mud_of(host), mud);
        }
        assert_eq!(mud_of("50%"), "50%");
        assert_eq!(shown_channel("dead test, 50%"), "#dead%20test%2C%2050%25");
        assert_eq!(channel_of("#i3.chat").as_deref(), Some("i3.chat"));
        assert_eq!((channel_of("chat"), channel_of("#")), (None, None));
        assert_eq!(source("Bob", "Dark Castle", false), "Bob!Bob@Dark.Castle");
    }

    #[test]
    fn a_target_has_a_user_and_a_mud() {
        assert_eq!(split_target("bob@Dark.Castle"), Some(("bob", "Dark.Castle")));
        assert_eq!(split_target("bob!bob@Dark.Castle"), Some(("bob", "Dark.Castle")));
        assert_eq!(split_target("bob@Sage!bob@Sage"), Some(("bob", "Sage")));
        assert_eq!((split_target("bob"), split_target("@x"), split_target("x@")), (None, None, None));
    }

    #[test]
    fn a_nick_is_a_name_of_a_user() {
        assert!(is_nick("ann") && is_nick("Ann_2") && is_nick("relay-bot"));
        assert!(!is_nick("") && !is_nick("2ann") && !is_nick("a b") && !is_nick("ann@x") && !is_nick("änn"));
        assert!(!is_nick(&"a".repeat(NICK_BYTES_MAX + 1)));
    }

    proptest! {
        #[test]
        fn every_name_can_be_written_and_read_back(name in any::<String>()) {
            let is_safe = |text: &str| !text.contains(|c: char| c.is_control() || " ,!@:*".contains(c));
            for (written, read) in [
                (host_of(&name), mud_of as fn(&str) -> String),
                (nick_of(&name), user_of),
            ] {
                prop_assert!(is_safe(&written) && !written.is_empty());
                prop_assert_eq!(read(&written), name.clone());
            }
            let channel = shown_channel(&name);
            prop_assert!(!channel.contains(|c: char| c.is_control() || " ,".contains(c)));
            prop_assert_eq!(channel_of(&channel).unwrap_or_default(), name);
        }
    }
}
