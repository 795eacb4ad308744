//! SASL PLAIN: the name is the nick, and the password the key.

use super::caps::Caps;
use super::entrance::IrcDoor;
use super::message::Message;
use super::out::Out;
use super::register::{Shown, show_key};
use crate::clients::Goodbye;
use crate::machine::ConnId;
use crate::service::Parts;
use crate::service::limits::WRONG_KEYS_MAX;
use data_encoding::BASE64;

/// Bytes of one piece of the text. A shorter piece is the last.
const PIECE_BYTES: usize = 400;

/// Bytes of the whole text.
const TEXT_BYTES_MAX: usize = 2_400;

impl IrcDoor {
    /// `AUTHENTICATE`.
    pub(super) fn authenticate(
        &mut self,
        parts: &mut Parts<'_>,
        conn: ConnId,
        message: &Message,
        out: &mut Out,
    ) {
        let Some(one) = self.conns.get_mut(conn) else { return };
        let Some(piece) = message.param(0) else {
            return out.numeric(461, &["AUTHENTICATE"], "Not enough parameters");
        };
        if !one.caps.has(Caps::SASL) {
            return out.numeric(904, &[], "SASL authentication failed: ask for the capability sasl first");
        }
        if parts.clients.get(conn).is_some_and(|session| session.identity.is_some()) {
            return out.numeric(907, &[], "You have already authenticated using SASL");
        }
        if piece == "*" {
            one.sasl = None;
            return out.numeric(906, &[], "SASL authentication aborted");
        }
        let Some(text) = &mut one.sasl else {
            if piece.eq_ignore_ascii_case("PLAIN") {
                one.sasl = Some(String::new());
                return out.line("AUTHENTICATE +");
            }
            out.numeric(908, &["PLAIN"], "are available SASL mechanisms");
            return out.numeric(904, &[], "SASL authentication failed");
        };
        if piece.len() > PIECE_BYTES || text.len() + piece.len() > TEXT_BYTES_MAX {
            one.sasl = None;
            return out.numeric(905, &[], "SASL message too long");
        }
        if piece != "+" {
            text.push_str(piece);
        }
        if piece.len() == PIECE_BYTES {
            return;
        }
        let text = one.sasl.take().unwrap_or_default();
        self.plain(parts, conn, &text, out);
    }

    fn plain(&mut self, parts: &mut Parts<'_>, conn: ConnId, text: &str, out: &mut Out) {
        let key = read(text);
        let shown = key.as_ref().map(|(_, key)| show_key(parts, conn, key));
        match (key, shown) {
            (Some((name, _)), Some(Shown::Right { name: of_key })) => {
                if let Some(one) = self.conns.get_mut(conn) {
                    one.name_of_key = of_key;
                }
                let source = format!("{}!{name}@{}", out.nick(), super::names::SERVER);
                out.numeric(900, &[&source, &name], &format!("You are now logged in as {name}"));
                out.numeric(903, &[], "SASL authentication successful");
            }
            (_, shown) => {
                let why = match shown {
                    Some(Shown::TooSoon { seconds }) => {
                        format!("SASL authentication failed: too many wrong keys; wait {seconds} seconds")
                    }
                    _ => "SASL authentication failed".to_owned(),
                };
                out.numeric(904, &[], &why);
                let Some(session) = parts.clients.get_mut(conn) else { return };
                session.wrong_keys += 1;
                if session.wrong_keys >= WRONG_KEYS_MAX {
                    parts.cx.metrics.connections_at_fault += 1;
                    parts.clients.dismiss(conn, Goodbye::Policy, "too many wrong keys");
                }
            }
        }
    }
}

/// Reads the name and the password.
fn read(text: &str) -> Option<(String, String)> {
    let text = String::from_utf8(BASE64.decode(text.as_bytes()).ok()?).ok()?;
    let mut fields = text.split('\0');
    let (_, name, password) = (fields.next()?, fields.next()?, fields.next()?);
    let name: String = name.chars().filter(|c| !c.is_control() && *c != ' ').collect();
    (fields.next().is_none() && !name.is_empty()).then(|| (name, password.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_has_a_name_and_a_password() {
        let encoded = |text: &str| read(&BASE64.encode(text.as_bytes()));
        assert_eq!(encoded("\0ann\0key"), Some(("ann".into(), "key".into())));
        assert_eq!(encoded("ann\0ann\0key"), Some(("ann".into(), "key".into())));
        assert_eq!(
            (encoded("ann"), encoded("\0\0key"), encoded("\0a\0b\0c"), read("!")),
            (None, None, None, None)
        );
    }
}
