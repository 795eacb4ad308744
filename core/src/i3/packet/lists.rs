//! The rows of the lists that packets carry: routers, users, muds and channels.

use super::error::PacketError;
use super::field::{Elements, Field, Mapping, mapping_key, rows};
use super::header::Text;
use crate::i3::lpc::{self, Kind, LpcErrorKind, Reader, Value};

rows! {
    /// A router in a startup-reply.
    RouterEntry {
        /// The name, with the `*`.
        name: Text<'a>,
        /// `"ip port"` in one string.
        address: Text<'a>,
    }
    /// A file in a file-list-reply.
    FileRow {
        /// The file's name.
        name: Text<'a>,
        /// The size in bytes.
        size: i64,
        /// The time of the last change, in seconds since 1970.
        time: i64,
    }
}

/// A user in a who-reply. CoffeeMud cuts rows to these three fields, and its router drops the whole reply if a text is a
/// number: an unknown text is empty, and never 0.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct WhoRow<'a> {
    /// The visible name.
    pub visname: Text<'a>,
    /// Seconds of idleness.
    pub idle: i64,
    /// Level, title, or any text. It may hold pinkfish colours.
    pub extra: Text<'a>,
}

impl<'a> WhoRow<'a> {
    /// Reads a row that is a mapping, by the names of its values.
    fn read_mapping(reader: &mut Reader<'a>) -> Result<Self, PacketError> {
        let mut row = WhoRow::default();
        let open = reader.open()?;
        while reader.more(open)? {
            let key = mapping_key(reader)?.to_ascii_lowercase();
            reader.colon()?;
            let is_plain = matches!(reader.peek()?, Kind::Str | Kind::Number);
            match key.as_str() {
                "visname" | "name" | "user" | "username" | "0" if is_plain => row.visname = reader.text()?,
                "idle" | "idle_time" | "1" if is_plain => row.idle = reader.int()?,
                "extra" | "xtra" | "extra_info" | "xtra_info" | "title" | "level" | "2" if is_plain => {
                    row.extra = reader.text()?;
                }
                _ => reader.skip()?,
            }
        }
        if row.visname.is_empty() {
            return Err(PacketError::Missing("visname"));
        }
        Ok(row)
    }
}

impl<'a> Field<'a> for WhoRow<'a> {
    const HAS_PARTS: bool = true;

    fn read(reader: &mut Reader<'a>) -> Result<Self, PacketError> {
        match reader.peek()? {
            Kind::Array => {}
            Kind::Map => return WhoRow::read_mapping(reader),
            _ => return Err(reader.error(LpcErrorKind::WrongType).into()),
        }
        let mut elements = Elements::open(reader)?;
        let visname = elements.next("visname")?;
        let idle = elements.next_or_default()?;
        let extra = elements.next_or_default()?;
        elements.finish()?;
        Ok(WhoRow { visname, idle, extra })
    }

    fn write_field(&self, into: &mut Vec<u8>) {
        into.extend_from_slice(b"({");
        self.visname.write_field(into);
        into.push(b',');
        lpc::write_int(self.idle, into);
        into.push(b',');
        self.extra.write_field(into);
        into.extend_from_slice(b",})");
    }
}

/// The state of a mud in a mudlist.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MudState {
    /// -1 on the wire.
    Up,
    /// 0 on the wire.
    Down,
    /// Down, and expected back after this many seconds. No deployed router was observed to send it.
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

    /// Returns the number on the wire.
    pub fn to_wire(self) -> i64 {
        match self {
            MudState::Up => -1,
            MudState::Down => 0,
            MudState::DownFor(seconds) => seconds,
        }
    }
}

/// A mud in a mudlist. It is written with 13 fields, and read with 13, 12 (protocols 1 and 2, bulk) or 11 (protocols 1
/// and 2, broadcast).
#[derive(Clone, Debug, PartialEq)]
pub struct MudEntry<'a> {
    /// The state of the mud.
    pub state: MudState,
    /// The IPv4 address, as the router sees it.
    pub ip: Text<'a>,
    /// The port for players.
    pub player_port: i64,
    /// The out-of-band TCP port.
    pub imud_tcp_port: i64,
    /// The out-of-band UDP port.
    pub imud_udp_port: i64,
    /// The mudlib.
    pub mudlib: Text<'a>,
    /// The mudlib that it is derived from.
    pub base_mudlib: Text<'a>,
    /// The driver.
    pub driver: Text<'a>,
    /// The type of mud: `LPMud`, `Diku`, …
    pub mud_type: Text<'a>,
    /// Free text about whether the mud is open.
    pub open_status: Text<'a>,
    /// The e-mail address of the administrator; unknown for protocols 1 and 2.
    pub admin_email: Text<'a>,
    /// The services that it offers. Each value is 1, a port or a version.
    pub services: Mapping<'a, Value<'a>>,
    /// Any other data.
    pub other_data: Value<'a>,
}

impl<'a> MudEntry<'a> {
    /// A field of a wrong kind is read as empty, and does not invalidate the entry or the list.
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
        // Protocols 1 and 2 have no e-mail address, so the services come next.
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

/// The length of a short entry as text.
const MUD_ENTRY_BYTES: usize = 300;

/// Reads what stands for a removed entry of a list: a number, or nothing. Any other value is odd, and removes nothing.
fn removed<T>(reader: &mut Reader<'_>) -> Result<Option<T>, PacketError> {
    match reader.peek()? {
        Kind::Number | Kind::Empty => reader.skip()?,
        Kind::Str if reader.text()?.is_empty() => {}
        _ => return Err(reader.error(LpcErrorKind::WrongType).into()),
    }
    Ok(None)
}

/// An entry, or 0, which removes the mud.
impl<'a> Field<'a> for Option<MudEntry<'a>> {
    const HAS_PARTS: bool = true;

    fn read(reader: &mut Reader<'a>) -> Result<Self, PacketError> {
        if reader.peek()? == Kind::Array {
            return MudEntry::read(reader).map(Some);
        }
        removed(reader)
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
    /// The mud that created it.
    pub owner: Text<'a>,
    /// 0: open to all muds but the banned; 1: open to admitted muds only; 2: filtered by its owner. Dead Souls sends an
    /// array for a new channel, which is read as 0.
    pub channel_type: i64,
}

impl<'a> Field<'a> for Option<ChannelEntry<'a>> {
    const HAS_PARTS: bool = true;

    fn read(reader: &mut Reader<'a>) -> Result<Self, PacketError> {
        if reader.peek()? != Kind::Array {
            return removed(reader);
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
