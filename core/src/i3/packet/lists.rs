//! The rows of the lists that packets carry: routers, users, muds and channels.

use super::error::PacketError;
use super::field::{Elements, Field, Mapping, rows};
use super::header::Text;
use crate::i3::lpc::{self, Kind, LpcErrorKind, Reader, Value};

rows! {
    /// A router in a startup-reply.
    RouterEntry {
        /// Its name, with the `*`.
        name: Text<'a>,
        /// `"ip port"`, one string.
        address: Text<'a>,
    }
    /// A user in a who-reply. CoffeeMud cuts rows to these three.
    WhoRow {
        /// As it is shown.
        visname: Text<'a>,
        /// Seconds.
        idle: i64,
        /// Level, title, anything; may hold pinkfish colours.
        extra: Option<Text<'a>>,
    }
    /// A file in a file-list-reply.
    FileRow {
        /// Its name.
        name: Text<'a>,
        /// Bytes.
        size: i64,
        /// Of the last change, in seconds since 1970.
        time: i64,
    }
}

/// How a mud is, in a mudlist.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MudState {
    /// -1
    Up,
    /// 0
    Down,
    /// Down, and to be back in so many seconds. No deployed router was seen to send it.
    DownFor(i64),
}

impl MudState {
    fn from_wire(state: i64) -> Self {
        match state {
            0 => MudState::Down,
            seconds if seconds > 0 => MudState::DownFor(seconds),
            _ => MudState::Up,
        }
    }

    /// The number on the wire.
    pub fn to_wire(self) -> i64 {
        match self {
            MudState::Up => -1,
            MudState::Down => 0,
            MudState::DownFor(seconds) => seconds,
        }
    }
}

/// A mud in a mudlist. Written with 13 fields; read with 13, 12 (protocol 1 and 2, bulk) or 11 (the same, broadcast).
#[derive(Clone, Debug, PartialEq)]
pub struct MudEntry<'a> {
    /// Up or down.
    pub state: MudState,
    /// IPv4, as the router sees it.
    pub ip: Text<'a>,
    /// Where players connect.
    pub player_port: i64,
    /// Out-of-band service over TCP.
    pub imud_tcp_port: i64,
    /// Out-of-band service over UDP.
    pub imud_udp_port: i64,
    /// The mudlib.
    pub mudlib: Text<'a>,
    /// What it is derived from.
    pub base_mudlib: Text<'a>,
    /// The driver.
    pub driver: Text<'a>,
    /// `LPMud`, `Diku`, …
    pub mud_type: Text<'a>,
    /// Free text.
    pub open_status: Text<'a>,
    /// E-mail; unknown for protocols 1 and 2.
    pub admin_email: Text<'a>,
    /// Service to 1, a port or a version.
    pub services: Mapping<'a, Value<'a>>,
    /// Anything.
    pub other_data: Value<'a>,
}

impl<'a> MudEntry<'a> {
    /// One field of a wrong kind does not cost the entry, nor the list: it reads as empty.
    fn read(reader: &mut Reader<'a>) -> Result<Self, PacketError> {
        let mut elements = Elements::open(reader)?;
        let state = MudState::from_wire(elements.next_or_default()?);
        // Bulk entries for protocols 1 and 2 have the restart delay here: a number before the address.
        if elements.peek()? == Some(Kind::Number) {
            elements.next_or_default::<i64>()?;
        }
        let ip = elements.next_or_default()?;
        let player_port = elements.next_or_default()?;
        let imud_tcp_port = elements.next_or_default()?;
        let imud_udp_port = elements.next_or_default()?;
        let mudlib = elements.next_or_default()?;
        let base_mudlib = elements.next_or_default()?;
        let driver = elements.next_or_default()?;
        let mud_type = elements.next_or_default()?;
        let open_status = elements.next_or_default()?;
        // Protocols 1 and 2 have no e-mail address: the services come next.
        let has_email = elements.peek()?.is_some_and(|kind| kind != Kind::Map);
        let admin_email = if has_email { elements.next_or_default()? } else { Text::default() };
        let services = elements.next("services")?;
        let other_data = elements.next("other_data")?;
        elements.finish()?;
        Ok(MudEntry {
            state,
            ip,
            player_port,
            imud_tcp_port,
            imud_udp_port,
            mudlib,
            base_mudlib,
            driver,
            mud_type,
            open_status,
            admin_email,
            services,
            other_data,
        })
    }

    fn write(&self, into: &mut Vec<u8>) {
        let texts = [&self.mudlib, &self.base_mudlib, &self.driver, &self.mud_type, &self.open_status];
        into.extend_from_slice(b"({");
        lpc::write_int(self.state.to_wire(), into);
        into.push(b',');
        self.ip.write_field(into);
        for port in [self.player_port, self.imud_tcp_port, self.imud_udp_port] {
            into.push(b',');
            lpc::write_int(port, into);
        }
        for text in texts.into_iter().chain([&self.admin_email]) {
            into.push(b',');
            text.write_field(into);
        }
        into.push(b',');
        self.services.write_field(into);
        into.push(b',');
        self.other_data.write_field(into);
        into.extend_from_slice(b",})");
    }
}

/// A short entry, as text.
const MUD_ENTRY_BYTES: usize = 300;

/// An entry that may be 0, which deletes it.
impl<'a> Field<'a> for Option<MudEntry<'a>> {
    fn read(reader: &mut Reader<'a>) -> Result<Self, PacketError> {
        if reader.peek()? == Kind::Array {
            return MudEntry::read(reader).map(Some);
        }
        reader.skip()?;
        Ok(None)
    }

    fn write_field(&self, into: &mut Vec<u8>) {
        match self {
            Some(entry) => entry.write(into),
            None => into.push(b'0'),
        }
    }

    fn first_capacity(rest_bytes: usize) -> usize {
        rest_bytes / MUD_ENTRY_BYTES + 1
    }
}

/// A channel in a chanlist-reply.
#[derive(Clone, Debug, PartialEq)]
pub struct ChannelEntry<'a> {
    /// The mud that made it.
    pub owner: Text<'a>,
    /// 0 all but the banned, 1 only the admitted, 2 filtered by its owner. Dead Souls sends an array here for a new
    /// channel, which reads as 0.
    pub channel_type: i64,
}

impl<'a> Field<'a> for Option<ChannelEntry<'a>> {
    fn read(reader: &mut Reader<'a>) -> Result<Self, PacketError> {
        if reader.peek()? != Kind::Array {
            reader.skip()?;
            return Ok(None);
        }
        let open = reader.open()?;
        let (mut owner, mut channel_type, mut at) = (Text::default(), 0, 0);
        while reader.more(open)? {
            let kind = reader.peek()?;
            match at {
                0 if matches!(kind, Kind::Str | Kind::Number) => owner = reader.text()?,
                1 if matches!(kind, Kind::Str | Kind::Number) => channel_type = reader.int()?,
                _ => reader.skip()?,
            }
            at += 1;
        }
        Ok(Some(ChannelEntry { owner, channel_type }))
    }

    fn write_field(&self, into: &mut Vec<u8>) {
        match self {
            Some(entry) => {
                into.extend_from_slice(b"({");
                entry.owner.write_field(into);
                into.push(b',');
                lpc::write_int(entry.channel_type, into);
                into.extend_from_slice(b",})");
            }
            None => into.push(b'0'),
        }
    }
}
