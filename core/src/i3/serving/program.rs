//! The programs that muds use for Intermud-3: what each of them can read, and packets in a form that it can.

use super::startup::{MudInfo, NEW_PROTOCOL};
use crate::i3::packet::{Body, Header, Packet, WhoRow};
use crate::i3::{Charset, Value, frame, text};
use bytes::Bytes;
use std::borrow::Cow;

/// The longest frame for an LPC driver, in bytes with its length field. Dead Souls closes a connection on which more comes.
pub const LPC_FRAME_BYTES_MAX: usize = 10_000;

/// The longest frame for a CoffeeMud, in bytes with its length field. It skips longer ones.
pub const COFFEEMUD_FRAME_BYTES_MAX: usize = 65_536;

/// The longest frame for Samson's i3.c, in bytes with its length field: the size of its buffer.
pub const C_FRAME_BYTES_MAX: usize = 131_072;

/// The longest name in a header that i3.c has room for, in bytes.
const C_NAME_BYTES_MAX: usize = 254;

/// Stands at the end of a text that was cut.
const CUT: &str = "...";

/// How often a packet is cut before it is given up. Each time removes at least what is too much, as it is written.
const CUTS_MAX: usize = 16;

/// The types that a CoffeeMud reads. At any other its reader stops for good.
const COFFEEMUD_KINDS: &[&str] = &[
    "startup-reply",
    "mudlist",
    "chanlist-reply",
    "channel-m",
    "channel-e",
    "channel-t",
    "chan-who-req",
    "chan-who-reply",
    "chan-user-req",
    "chan-user-reply",
    "tell",
    "who-req",
    "who-reply",
    "finger-req",
    "finger-reply",
    "locate-req",
    "locate-reply",
    "auth-mud-req",
    "auth-mud-reply",
    "ping-req",
    "oob-req",
    "error",
];

/// Parts of the names of code bases that use i3.c, in lower case.
const C_CODE: &[&str] = &[
    "smaug", "afkmud", "swr", "swfote", "rom", "merc", "diku", "circle", "tba", "envy", "godwars", "i3.c",
    "imc",
];

/// The families of programs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// A mudlib on an LPC driver. What is not known counts as one, because it has the smallest frames.
    Lpc,
    /// CoffeeMud.
    CoffeeMud,
    /// Samson's i3.c, in a mud that is written in C.
    C,
}

impl Family {
    /// Returns the family of a mud, from what it says of itself.
    pub fn of(info: &MudInfo) -> Family {
        let texts: Vec<String> = info.programs().map(|text| text.to_lowercase()).collect();
        let has_word = |word: &&str| {
            let words =
                texts.iter().flat_map(|text| text.split(|c: char| !c.is_ascii_alphanumeric() && c != '.'));
            words.into_iter().any(|found| found.starts_with(*word))
        };
        if texts.iter().any(|text| text.contains("coffeemud")) {
            Family::CoffeeMud
        } else if C_CODE.iter().any(has_word) {
            Family::C
        } else {
            Family::Lpc
        }
    }
}

/// What is known of the program of a mud.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Program {
    /// Its family.
    pub family: Family,
    /// The version of the protocol of its login.
    pub protocol: u8,
    /// The character set that it reads.
    pub charset: Charset,
}

/// Why a packet cannot be passed on to a mud.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unreadable {
    /// The program does not know its type.
    Kind,
    /// It does not fit, and cannot be cut.
    TooLong,
}

impl Program {
    /// The longest frame that it reads, in bytes with the length field.
    pub fn frame_bytes_max(&self) -> usize {
        match self.family {
            Family::Lpc => LPC_FRAME_BYTES_MAX,
            Family::CoffeeMud => COFFEEMUD_FRAME_BYTES_MAX,
            Family::C => C_FRAME_BYTES_MAX,
        }
    }

    /// Whether its login was one of protocol 1 or 2, whose lists have fewer elements.
    pub fn is_old(&self) -> bool {
        self.protocol < NEW_PROTOCOL
    }

    /// Returns a packet as a frame that it can read. A text that is too long is cut.
    pub fn frame(&self, packet: &Packet<'_>) -> Result<Bytes, Unreadable> {
        if self.family != Family::CoffeeMud {
            return self.fitted(packet);
        }
        // A CoffeeMud shows an emote that comes as a tell.
        if let Body::Emoteto { visname, message } = &packet.body {
            let text = message.replace("$N", visname).into();
            let body = Body::Tell { visname: visname.clone(), message: text };
            return self.fitted(&Packet { header: packet.header.clone(), body });
        }
        let kind = packet.body.kind();
        if COFFEEMUD_KINDS.contains(&kind) { self.fitted(packet) } else { Err(Unreadable::Kind) }
    }

    fn fitted(&self, packet: &Packet<'_>) -> Result<Bytes, Unreadable> {
        let Header { from_mud, from_user, to_mud, to_user, .. } = &packet.header;
        let names = [Some(from_mud), from_user.as_ref(), to_mud.as_ref(), to_user.as_ref()];
        let has_long_name = names.into_iter().flatten().any(|name| name.len() > C_NAME_BYTES_MAX);
        if has_long_name && self.family == Family::C {
            return Err(Unreadable::TooLong);
        }
        let most = self.frame_bytes_max();
        let bytes = self.encoded(packet);
        if bytes.len() <= most {
            return Ok(bytes.into());
        }
        let mut written = bytes.len();
        let mut packet = packet.clone();
        for _ in 0..CUTS_MAX {
            if !shorten(&mut packet.body, Excess { bytes: written - most, of: written }) {
                break;
            }
            let bytes = self.encoded(&packet);
            if bytes.len() <= most {
                return Ok(bytes.into());
            }
            written = bytes.len();
        }
        Err(Unreadable::TooLong)
    }

    fn encoded(&self, packet: &Packet<'_>) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(256);
        frame::append(&mut bytes, |text| {
            let from = text.len();
            packet.encode_with(self.charset, text);
            if self.is_old() && matches!(packet.body, Body::LocateReply { .. }) {
                cut_last_fields(text, from, packet);
            }
        });
        bytes
    }

    /// Returns packets from a router that tell of a list, each within the limits of the program. `fields` are what comes
    /// before the list.
    pub fn list_frames(
        &self,
        (kind, router, to): (&str, &str, &str),
        id: i64,
        entries: &[(Value<'static>, Value<'static>)],
        entries_max: usize,
    ) -> Vec<Bytes> {
        let most = self.frame_bytes_max();
        let mut frames = Vec::new();
        let packet = |entries: &[(Value<'static>, Value<'static>)]| {
            let fields = vec![Value::Int(id), Value::Map(entries.to_vec())];
            self.value_frame(&super::from_router(kind, router, Some(to), Value::Int(0), fields))
        };
        let mut left = entries;
        if left.is_empty() {
            frames.push(packet(&[]));
        }
        while !left.is_empty() {
            let mut count = left.len().min(entries_max);
            let mut frame = packet(&left[..count]);
            while frame.len() > most && count > 1 {
                count = count.div_ceil(2);
                frame = packet(&left[..count]);
                if count == 1 {
                    break;
                }
            }
            // An entry that is too long by itself is left out: nobody could read it.
            if frame.len() <= most {
                frames.push(frame);
            }
            left = &left[count..];
        }
        frames
    }

    /// Returns a value as a frame in the character set of the program.
    pub fn value_frame(&self, value: &Value<'_>) -> Bytes {
        let mut bytes = Vec::with_capacity(256);
        frame::append(&mut bytes, |into| {
            let mut text = Vec::with_capacity(256);
            value.write_with(crate::i3::lpc::write_as_text, &mut text);
            match self.charset {
                Charset::Utf8 => into.extend_from_slice(&text),
                Charset::Latin1 => text::append_latin1(&text, into),
            }
        });
        bytes.into()
    }
}

/// What is too much of a packet, as it is written.
#[derive(Clone, Copy)]
struct Excess {
    bytes: usize,
    /// The bytes of the whole packet.
    of: usize,
}

/// Returns a packet that is cut by so many of its bytes, as they are written. `None`: it cannot be cut.
pub fn shortened<'a>(packet: &Packet<'a>, bytes: usize, of: usize) -> Option<Packet<'a>> {
    let mut packet = packet.clone();
    shorten(&mut packet.body, Excess { bytes, of }).then_some(packet)
}

/// Removes the last two fields of a `locate-reply`, which protocols 1 and 2 do not have.
fn cut_last_fields(text: &mut Vec<u8>, from: usize, packet: &Packet<'_>) {
    let Value::Array(mut elements) = packet.to_value() else { return };
    elements.truncate(elements.len().saturating_sub(2));
    text.truncate(from);
    Value::Array(elements).write(text);
}

/// Cuts a packet. Returns whether anything was left to be cut.
fn shorten(body: &mut Body<'_>, excess: Excess) -> bool {
    match body {
        Body::Tell { message, .. }
        | Body::Emoteto { message, .. }
        | Body::ChannelMessage { message, .. }
        | Body::ChannelEmote { message, .. } => cut(message, excess),
        Body::ChannelTargetedEmote { message_others, message_target, .. } => {
            let longest = message_others.len() >= message_target.len();
            cut(if longest { message_others } else { message_target }, excess)
        }
        Body::WhoReply { users } => shorten_who(users, excess),
        Body::ChanWhoReply { users, .. } => {
            let mut removed = 0;
            while removed < excess.bytes
                && let Some(user) = users.pop()
            {
                removed += user.len() + USER_BYTES;
            }
            removed > 0
        }
        Body::FingerReply { extra, title, .. } => {
            let longest = if extra.as_ref().map_or(0, |text| text.len()) > 0 { extra } else { title };
            longest.as_mut().is_some_and(|text| cut(text, excess))
        }
        Body::LocateReply { status: Some(status), .. } => cut(status, excess),
        Body::Error { packet, .. } if *packet != Value::Int(0) => {
            *packet = Value::Int(0);
            true
        }
        Body::Error { message, .. } => cut(message, excess),
        _ => false,
    }
}

/// Cuts a text. In the text a character may need fewer bytes than in the packet, or more: so it loses its share of what is too
/// much, and a little more.
fn cut(text: &mut Cow<'_, str>, excess: Excess) -> bool {
    if text.len() <= CUT.len() {
        return false;
    }
    let too_much = excess.bytes.min(text.len() * excess.bytes / excess.of.max(1) + CUT_SPARE_BYTES);
    let keep = text.floor_char_boundary(text.len().saturating_sub(too_much + CUT.len()));
    *text = Cow::Owned(format!("{}{CUT}", &text[..keep]));
    true
}

/// A text loses so many bytes more than its share, which leaves the rest of the packet out of account.
const CUT_SPARE_BYTES: usize = 64;

/// Bytes of a name in a list, and of a row of a who-reply, besides their texts.
const USER_BYTES: usize = 3;
const ROW_BYTES: usize = 12;

/// The name in the last row of a who-reply that was cut.
const MORE: &str = "...";

/// The bytes of a row that says how many were left out.
const MORE_BYTES: usize = 64;

fn shorten_who(users: &mut Vec<WhoRow<'_>>, excess: Excess) -> bool {
    let count = |row: &WhoRow<'_>| {
        row.extra.strip_prefix("and ").and_then(|text| text.strip_suffix(" more")?.parse().ok())
    };
    let mut left_out: usize =
        users.pop_if(|row| row.visname == MORE).and_then(|row| count(&row)).unwrap_or(0);
    let mut removed = 0;
    while removed < excess.bytes + MORE_BYTES
        && let Some(row) = users.pop()
    {
        removed += row.visname.len() + row.extra.len() + ROW_BYTES;
        left_out += 1;
    }
    users.push(WhoRow { visname: MORE.into(), idle: 0, extra: format!("and {left_out} more").into() });
    removed > 0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::i3::serving::Incoming;

    fn info(mudlib: &str, driver: &str, mud_type: &str) -> MudInfo {
        let text = format!(
            r#"({{"startup-req-3",5,"A",0,"*r",0,0,-1,-1,4000,0,0,"{mudlib}","B","{driver}","{mud_type}","open","e@x",(["tell":1,]),0,}})"#
        );
        MudInfo::from_startup(&Incoming::read(text.as_bytes()).unwrap(), 3).unwrap()
    }

    fn program(family: Family) -> Program {
        Program { family, protocol: 3, charset: Charset::Utf8 }
    }

    fn tell(message: &str) -> Packet<'_> {
        let header = Header::to_user("Sage", Some("bob"), "Alpha", "ann");
        Packet { header, body: Body::Tell { visname: "Bob".into(), message: message.into() } }
    }

    #[test]
    fn a_program_is_known_by_what_it_says() {
        for (mudlib, driver, mud_type, family) in [
            ("Dead Souls 3.9", "FluffOS v2019", "LP", Family::Lpc),
            ("CoffeeMud v5.11.0.4", "CoffeeMud v5.11.0.4", "CoffeeMud", Family::CoffeeMud),
            ("SMAUG 1.4a", "Smaug", "SMAUG", Family::C),
            ("AFKMud 2.1", "AFKMud 2.1", "Smaug", Family::C),
            ("ROM 2.4", "ROM", "ROM", Family::C),
            ("CircleMUD", "i3.c 2.40b", "DikuMUD", Family::C),
            ("Chrome", "LDMud 3.6", "LPMud", Family::Lpc),
            ("", "", "", Family::Lpc),
        ] {
            assert_eq!(Family::of(&info(mudlib, driver, mud_type)), family, "{mudlib} {driver}");
        }
    }

    #[test]
    fn a_long_text_is_cut_to_the_frame_of_each_program() {
        for charset in [Charset::Utf8, Charset::Latin1] {
            for family in [Family::Lpc, Family::CoffeeMud, Family::C] {
                let text = "\"é€ ".repeat(60_000);
                let program = Program { charset, ..program(family) };
                let bytes = program.frame(&tell(&text)).unwrap();
                let most = program.frame_bytes_max();
                assert!(
                    bytes.len() <= most && bytes.len() > most / 2,
                    "{family:?} {charset:?}: {}",
                    bytes.len()
                );
                let (packet, _) = Packet::decode(&bytes[4..bytes.len() - 1]).unwrap();
                assert!(matches!(packet.body, Body::Tell { message, .. } if message.ends_with("...")));
            }
        }
        assert_eq!(program(Family::Lpc).frame(&tell("hi")).unwrap().len(), 56);
    }

    #[test]
    fn a_long_answer_loses_its_last_rows_and_says_so() {
        let row =
            |n: usize| WhoRow { visname: format!("User{n}").into(), idle: 0, extra: "x".repeat(200).into() };
        let header = Header::to_mud("Sage", None, "Alpha");
        let body = Body::WhoReply { users: (0..500).map(row).collect() };
        let bytes = program(Family::Lpc).frame(&Packet { header: header.clone(), body }).unwrap();
        let (packet, _) = Packet::decode(&bytes[4..bytes.len() - 1]).unwrap();
        let Body::WhoReply { users } = packet.body else { panic!("a who-reply") };
        let last = users.last().unwrap();
        assert_eq!(last.extra, format!("and {} more", 500 - (users.len() - 1)));
        assert!(users.len() > 30);
        let packet = Value::Str("y".repeat(20_000).into_bytes().into());
        let body = Body::Error { code: "unk-user".into(), message: "who?".into(), packet };
        let bytes = program(Family::Lpc).frame(&Packet { header: header.clone(), body }).unwrap();
        assert!(bytes.ends_with(b"\"unk-user\",\"who?\",0,})\0"));
        let fields = vec![Value::Str("z".repeat(20_000).into_bytes().into())];
        let unknown = Packet { header, body: Body::Unknown { kind: "frobnicate".into(), fields } };
        assert_eq!(program(Family::Lpc).frame(&unknown), Err(Unreadable::TooLong));
        assert!(program(Family::CoffeeMud).frame(&unknown) == Err(Unreadable::Kind));
    }

    #[test]
    fn a_coffeemud_gets_an_emote_as_a_tell() {
        let header = Header::to_user("Sage", Some("bob"), "Alpha", "ann");
        let emote =
            Packet { header, body: Body::Emoteto { visname: "Bob".into(), message: "$N waves".into() } };
        let bytes = program(Family::CoffeeMud).frame(&emote).unwrap();
        assert_eq!(
            &bytes[4..],
            b"({\"tell\",5,\"Sage\",\"bob\",\"Alpha\",\"ann\",\"Bob\",\"Bob waves\",})\0"
        );
        assert!(program(Family::C).frame(&emote).unwrap()[4..].starts_with(b"({\"emoteto\""));
    }

    #[test]
    fn an_old_mud_gets_the_fields_of_its_protocol() {
        let header = Header::to_user("Sage", Some("bob"), "Alpha", "ann");
        let body = Body::LocateReply {
            located_mud: "Sage".into(),
            located_user: "Bob".into(),
            idle: 5,
            status: Some("afk".into()),
        };
        let packet = Packet { header, body };
        let old = Program { protocol: 1, ..program(Family::Lpc) };
        assert!(old.frame(&packet).unwrap().ends_with(b"\"ann\",\"Sage\",\"Bob\",})\0"));
        assert!(program(Family::Lpc).frame(&packet).unwrap().ends_with(b"\"Bob\",5,\"afk\",})\0"));
    }

    #[test]
    fn lists_are_cut_in_batches() {
        let entry = |n: usize| (Value::Int(n as i64), Value::Str("x".repeat(3000).into_bytes().into()));
        let program = program(Family::Lpc);
        let frames =
            program.list_frames(("mudlist", "*r", "A"), 7, &(0..10).map(entry).collect::<Vec<_>>(), 10);
        assert!(frames.iter().all(|frame| frame.len() <= LPC_FRAME_BYTES_MAX));
        assert_eq!(frames.len(), 4);
        assert_eq!(program.list_frames(("chanlist-reply", "*r", "A"), 7, &[], 10).len(), 1);
        let frames =
            program.list_frames(("mudlist", "*r", "A"), 7, &vec![(Value::Int(1), Value::Int(0)); 25], 10);
        assert_eq!(frames.len(), 3);
    }
}
