//! Typed packets: the meaning of a frame's array.
//!
//! Field layouts are those of deployed peers (Dead Souls ds3.08 and CoffeeMud 5.11, observed), which are the published
//! Intermud-3 v3 layouts where those are clear. Decoding is tolerant: extra fields are passed over, a number stands for
//! a text and a text of digits for a number, `""` and 0 both mean "nobody". Encoding is strict.

use super::lpc::{self, Kind, LpcError, LpcErrorKind, Open, Reader, Value};
use std::borrow::Cow;
use std::fmt;

/// Decoded text.
pub type Text<'a> = Cow<'a, str>;

/// Hops a packet of ours may take. Deployed routers neither check nor count it.
pub const TTL: i64 = 5;

/// Why a frame is no packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PacketError {
    /// It is no LPC value.
    Lpc(LpcError),
    /// It is a value, but no array whose first element is a text.
    NotAPacket,
    /// It ends before a field that it must have.
    Missing(&'static str),
    /// A field holds another kind of value.
    WrongType(&'static str),
}

impl fmt::Display for PacketError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PacketError::Lpc(error) => write!(f, "{error}"),
            PacketError::NotAPacket => f.write_str("not an array that starts with a packet type"),
            PacketError::Missing(field) => write!(f, "the field {field} is missing"),
            PacketError::WrongType(field) => write!(f, "the field {field} has the wrong type"),
        }
    }
}

impl std::error::Error for PacketError {}

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

/// A packet.
#[derive(Clone, Debug, PartialEq)]
pub struct Packet<'a> {
    /// Who to whom.
    pub header: Header<'a>,
    /// What.
    pub body: Body<'a>,
}

/// What was mended while a packet was read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Repairs {
    /// Unescaped quotes inside strings.
    pub bare_quotes: u32,
    /// Strings that were not UTF-8 and were read as Latin-1.
    pub latin1_strings: u32,
}

/// A type that can be a field of a packet.
trait Field<'a>: Sized {
    fn read(reader: &mut Reader<'a>) -> Result<Self, LpcError>;
    /// What a packet that ends before this field means, if that is allowed.
    fn absent() -> Option<Self> {
        None
    }
    fn write(&self, into: &mut Vec<u8>);
}

impl<'a> Field<'a> for Text<'a> {
    fn read(reader: &mut Reader<'a>) -> Result<Self, LpcError> {
        reader.text()
    }

    fn write(&self, into: &mut Vec<u8>) {
        lpc::write_str(self.as_bytes(), into);
    }
}

impl<'a> Field<'a> for Option<Text<'a>> {
    fn read(reader: &mut Reader<'a>) -> Result<Self, LpcError> {
        let text = reader.text()?;
        Ok((!text.is_empty()).then_some(text))
    }

    fn absent() -> Option<Self> {
        Some(None)
    }

    fn write(&self, into: &mut Vec<u8>) {
        match self {
            Some(text) => text.write(into),
            None => into.push(b'0'),
        }
    }
}

impl Field<'_> for i64 {
    fn read(reader: &mut Reader<'_>) -> Result<Self, LpcError> {
        reader.int()
    }

    fn absent() -> Option<Self> {
        Some(0)
    }

    fn write(&self, into: &mut Vec<u8>) {
        lpc::write_int(*self, into);
    }
}

impl<'a> Field<'a> for Value<'a> {
    fn read(reader: &mut Reader<'a>) -> Result<Self, LpcError> {
        reader.value()
    }

    fn absent() -> Option<Self> {
        Some(Value::Int(0))
    }

    fn write(&self, into: &mut Vec<u8>) {
        Value::write(self, into);
    }
}

/// Runs `element` for each element if the next value is an array; passes over anything else.
fn each<'a>(
    reader: &mut Reader<'a>,
    mut element: impl FnMut(&mut Reader<'a>) -> Result<(), LpcError>,
) -> Result<(), LpcError> {
    if reader.peek()? != Kind::Array {
        return reader.skip();
    }
    let open = reader.open()?;
    while reader.more(open)? {
        element(reader)?;
    }
    Ok(())
}

/// Runs `entry` for each key, the reader standing at its value, if the next value is a mapping; passes over anything
/// else (CoffeeMud was seen to send 0).
fn each_entry<'a>(
    reader: &mut Reader<'a>,
    mut entry: impl FnMut(Text<'a>, &mut Reader<'a>) -> Result<(), LpcError>,
) -> Result<(), LpcError> {
    if reader.peek()? != Kind::Map {
        return reader.skip();
    }
    let open = reader.open()?;
    while reader.more(open)? {
        let key = match reader.peek()? {
            Kind::Str | Kind::Number | Kind::Empty => reader.text()?,
            Kind::Array | Kind::Map | Kind::Class => {
                reader.skip()?;
                Text::default()
            }
        };
        reader.colon()?;
        entry(key, reader)?;
    }
    Ok(())
}

impl<'a, T: Field<'a>> Field<'a> for Vec<T> {
    fn read(reader: &mut Reader<'a>) -> Result<Self, LpcError> {
        let mut list = Vec::new();
        each(reader, |reader| {
            list.push(T::read(reader)?);
            Ok(())
        })?;
        Ok(list)
    }

    fn absent() -> Option<Self> {
        Some(Vec::new())
    }

    fn write(&self, into: &mut Vec<u8>) {
        into.extend_from_slice(b"({");
        for element in self {
            element.write(into);
            into.push(b',');
        }
        into.extend_from_slice(b"})");
    }
}

/// A mapping from names, in the order of the text.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Mapping<'a, T>(pub Vec<(Text<'a>, T)>);

impl<'a, T: Field<'a>> Field<'a> for Mapping<'a, T> {
    fn read(reader: &mut Reader<'a>) -> Result<Self, LpcError> {
        let mut entries = Vec::new();
        each_entry(reader, |key, reader| {
            entries.push((key, T::read(reader)?));
            Ok(())
        })?;
        Ok(Mapping(entries))
    }

    fn absent() -> Option<Self> {
        Some(Mapping(Vec::new()))
    }

    fn write(&self, into: &mut Vec<u8>) {
        into.extend_from_slice(b"([");
        for (key, value) in &self.0 {
            key.write(into);
            into.push(b':');
            value.write(into);
            into.push(b',');
        }
        into.extend_from_slice(b"])");
    }
}

/// The elements of an array, one after the other, however many there are.
struct Elements<'r, 'a> {
    reader: &'r mut Reader<'a>,
    open: Open,
    ended: bool,
}

impl<'a> Elements<'_, 'a> {
    fn has_next(&mut self) -> Result<bool, LpcError> {
        if !self.ended {
            self.ended = !self.reader.more(self.open)?;
        }
        Ok(!self.ended)
    }

    fn next<T: Field<'a>>(&mut self, name: &'static str) -> Result<T, PacketError> {
        if !self.has_next().map_err(PacketError::Lpc)? {
            return T::absent().ok_or(PacketError::Missing(name));
        }
        T::read(self.reader).map_err(|error| match error.kind {
            LpcErrorKind::WrongType => PacketError::WrongType(name),
            _ => PacketError::Lpc(error),
        })
    }

    fn rest(&mut self) -> Result<Vec<Value<'a>>, LpcError> {
        let mut rest = Vec::new();
        while self.has_next()? {
            rest.push(self.reader.value()?);
        }
        Ok(rest)
    }
}

/// Declares a struct that is an array on the wire, with the names of its elements.
macro_rules! rows {
    ($($(#[$doc:meta])* $name:ident { $($(#[$field_doc:meta])* $field:ident: $type:ty,)* })*) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq)]
        pub struct $name<'a> { $($(#[$field_doc])* pub $field: $type,)* }

        impl<'a> Field<'a> for $name<'a> {
            fn read(reader: &mut Reader<'a>) -> Result<Self, LpcError> {
                if reader.peek()? != Kind::Array {
                    return Err(LpcError { left_bytes: reader.rest().len(), kind: LpcErrorKind::WrongType });
                }
                let open = reader.open()?;
                let mut elements = Elements { reader, open, ended: false };
                let row = (|| Ok($name { $($field: elements.next(stringify!($field))?,)* }))();
                let row = row.map_err(|error| match error {
                    PacketError::Lpc(error) => error,
                    _ => LpcError { left_bytes: elements.reader.rest().len(), kind: LpcErrorKind::WrongType },
                })?;
                while elements.has_next()? {
                    elements.reader.skip()?;
                }
                Ok(row)
            }

            fn write(&self, into: &mut Vec<u8>) {
                into.extend_from_slice(b"({");
                $(self.$field.write(into); into.push(b',');)*
                into.extend_from_slice(b"})");
            }
        }
    )*};
}

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

impl<'a> Field<'a> for MudEntry<'a> {
    fn read(reader: &mut Reader<'a>) -> Result<Self, LpcError> {
        let open = reader.open()?;
        let mut elements = Elements { reader, open, ended: false };
        let entry = MudEntry::read_elements(&mut elements).map_err(|error| match error {
            PacketError::Lpc(error) => error,
            _ => LpcError { left_bytes: elements.reader.rest().len(), kind: LpcErrorKind::WrongType },
        })?;
        while elements.has_next()? {
            elements.reader.skip()?;
        }
        Ok(entry)
    }

    fn write(&self, into: &mut Vec<u8>) {
        into.extend_from_slice(b"({");
        let comma = |into: &mut Vec<u8>| into.push(b',');
        lpc::write_int(self.state.to_wire(), into);
        comma(into);
        self.ip.write(into);
        comma(into);
        for port in [self.player_port, self.imud_tcp_port, self.imud_udp_port] {
            lpc::write_int(port, into);
            comma(into);
        }
        let texts = [&self.mudlib, &self.base_mudlib, &self.driver, &self.mud_type, &self.open_status];
        for text in texts.into_iter().chain([&self.admin_email]) {
            text.write(into);
            comma(into);
        }
        self.services.write(into);
        comma(into);
        self.other_data.write(into);
        into.extend_from_slice(b",})");
    }
}

impl<'a> MudEntry<'a> {
    fn read_elements(elements: &mut Elements<'_, 'a>) -> Result<Self, PacketError> {
        let state = MudState::from_wire(elements.next("state")?);
        // Bulk entries for protocols 1 and 2 have the restart delay here: a number before the address.
        if elements.has_next().map_err(PacketError::Lpc)?
            && elements.reader.peek().map_err(PacketError::Lpc)? == Kind::Number
        {
            elements.next::<i64>("restart_delay")?;
        }
        let ip = elements.next("ip")?;
        let [player_port, imud_tcp_port, imud_udp_port] =
            [elements.next("player_port")?, elements.next("imud_tcp_port")?, elements.next("imud_udp_port")?];
        let [mudlib, base_mudlib, driver, mud_type, open_status] = [
            elements.next("mudlib")?,
            elements.next("base_mudlib")?,
            elements.next("driver")?,
            elements.next("mud_type")?,
            elements.next("open_status")?,
        ];
        // Protocols 1 and 2 have no e-mail address: the services come next.
        let has_email = elements.has_next().map_err(PacketError::Lpc)?
            && elements.reader.peek().map_err(PacketError::Lpc)? != Kind::Map;
        let admin_email = if has_email { elements.next("admin_email")? } else { Text::default() };
        let services = elements.next("services")?;
        let other_data = elements.next("other_data")?;
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
}

/// An entry that may be 0, which deletes it.
impl<'a> Field<'a> for Option<MudEntry<'a>> {
    fn read(reader: &mut Reader<'a>) -> Result<Self, LpcError> {
        if reader.peek()? == Kind::Array {
            return MudEntry::read(reader).map(Some);
        }
        reader.skip()?;
        Ok(None)
    }

    fn write(&self, into: &mut Vec<u8>) {
        match self {
            Some(entry) => entry.write(into),
            None => into.push(b'0'),
        }
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
    fn read(reader: &mut Reader<'a>) -> Result<Self, LpcError> {
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

    fn write(&self, into: &mut Vec<u8>) {
        match self {
            Some(entry) => {
                into.extend_from_slice(b"({");
                entry.owner.write(into);
                into.push(b',');
                lpc::write_int(entry.channel_type, into);
                into.extend_from_slice(b",})");
            }
            None => into.push(b'0'),
        }
    }
}

/// Declares the packet types: the name on the wire, the variant, and the fields after the header in their order.
macro_rules! packets {
    ($($(#[$doc:meta])* $name:literal => $variant:ident { $($(#[$field_doc:meta])* $field:ident: $type:ty),* $(,)? })*) => {
        /// What a packet says: one variant for each type.
        #[derive(Clone, Debug, PartialEq)]
        pub enum Body<'a> {
            $($(#[$doc])* $variant { $($(#[$field_doc])* $field: $type),* },)*
            /// A type that is not known here, kept as it is.
            Unknown {
                /// Its name.
                kind: Text<'a>,
                /// All that follows the header.
                fields: Vec<Value<'a>>,
            },
        }

        /// The names of all known types.
        pub const KINDS: &[&str] = &[$($name),*];

        impl<'a> Body<'a> {
            /// The name of the type.
            pub fn kind(&self) -> &str {
                match self {
                    $(Body::$variant { .. } => $name,)*
                    Body::Unknown { kind, .. } => kind,
                }
            }

            fn read(kind: Text<'a>, elements: &mut Elements<'_, 'a>) -> Result<Self, PacketError> {
                match &*kind {
                    $($name => Ok(Body::$variant { $($field: elements.next(stringify!($field))?),* }),)*
                    // CoffeeMud takes a type in any case.
                    other if other.bytes().any(|byte| byte.is_ascii_uppercase())
                        && KINDS.contains(&other.to_ascii_lowercase().as_str()) =>
                    {
                        Body::read(Cow::Owned(other.to_ascii_lowercase()), elements)
                    }
                    _ => Ok(Body::Unknown { fields: elements.rest().map_err(PacketError::Lpc)?, kind }),
                }
            }

            fn write(&self, into: &mut Vec<u8>) {
                match self {
                    $(Body::$variant { $($field),* } => { $($field.write(into); into.push(b',');)* })*
                    Body::Unknown { fields, .. } => {
                        for field in fields {
                            field.write(into);
                            into.push(b',');
                        }
                    }
                }
            }
        }
    };
}

packets! {
    /// Mud to router: the login. 20 elements in all; Dead Souls' router takes no other number.
    "startup-req-3" => StartupReq3 {
        /// What the router gave at the last login; 0 the first time, negative from CoffeeMud.
        password: i64,
        /// Ignored by deployed routers, which always send everything.
        old_mudlist_id: i64,
        /// The same.
        old_chanlist_id: i64,
        /// Where players connect.
        player_port: i64,
        /// Out-of-band over TCP; 0 without.
        imud_tcp_port: i64,
        /// Out-of-band over UDP; 0 without.
        imud_udp_port: i64,
        /// The mudlib and its version.
        mudlib: Text<'a>,
        /// What it is derived from.
        base_mudlib: Text<'a>,
        /// The driver and its version.
        driver: Text<'a>,
        /// `LPMud`, `Diku`, …
        mud_type: Text<'a>,
        /// Free text.
        open_status: Text<'a>,
        /// E-mail.
        admin_email: Text<'a>,
        /// Service to 1, a port or a version.
        services: Mapping<'a, Value<'a>>,
        /// A mapping or 0.
        other_data: Value<'a>,
    }
    /// Router to mud: the login is accepted (also sent when the set of routers changes).
    "startup-reply" => StartupReply {
        /// The first is preferred. Dead Souls sends an empty list for two seconds after its start.
        routers: Vec<RouterEntry<'a>>,
        /// To be kept and sent next time. CoffeeMud always says -1.
        password: i64,
    }
    /// Mud to router: goodbye. 7 elements in all; the answer is the end of the stream.
    "shutdown" => Shutdown {
        /// Seconds: 0 unknown, 1 back at once, above 604,800 the router forgets the mud.
        restart_delay: i64,
    }
    /// Router to mud: muds that are new, changed or (0) gone.
    "mudlist" => Mudlist {
        /// Random or counted; says nothing about the order.
        id: i64,
        /// By name.
        muds: Mapping<'a, Option<MudEntry<'a>>>,
    }
    /// Mud to router: send the channel list again. Not in the specification; Dead Souls honours it.
    "chanlist-req" => ChanlistReq {}
    /// Router to mud: channels. Dead Souls sends all of them each time; the specification says: what changed.
    "chanlist-reply" => ChanlistReply {
        /// As in a mudlist.
        id: i64,
        /// By name.
        channels: Mapping<'a, Option<ChannelEntry<'a>>>,
    }
    /// Mud to router: hear a channel, or no longer.
    "channel-listen" => ChannelListen {
        /// Its name.
        channel: Text<'a>,
        /// 1 or 0.
        on: i64,
    }
    /// Mud to router: make a channel.
    "channel-add" => ChannelAdd {
        /// Its name, at most 80 bytes.
        channel: Text<'a>,
        /// 0, 1 or 2.
        channel_type: i64,
    }
    /// Mud to router: remove a channel of ours.
    "channel-remove" => ChannelRemove {
        /// Its name.
        channel: Text<'a>,
    }
    /// Mud to router: who is banned from, or admitted to, a channel of ours.
    "channel-admin" => ChannelAdmin {
        /// Its name.
        channel: Text<'a>,
        /// Muds to put on the list.
        add: Vec<Text<'a>>,
        /// Muds to take off the list.
        remove: Vec<Text<'a>>,
    }
    /// A line on a channel.
    "channel-m" => ChannelMessage {
        /// Its name.
        channel: Text<'a>,
        /// The speaker, as shown; 0 from some muds means the originating user.
        visname: Text<'a>,
        /// What is said.
        message: Text<'a>,
    }
    /// An emote on a channel.
    "channel-e" => ChannelEmote {
        /// Its name.
        channel: Text<'a>,
        /// Who does it, as shown.
        visname: Text<'a>,
        /// With `$N` in place of the name; routers append ` (from name@mud)` where it is missing.
        message: Text<'a>,
    }
    /// An emote on a channel, aimed at somebody. 13 elements in all.
    "channel-t" => ChannelTargetedEmote {
        /// Its name.
        channel: Text<'a>,
        /// The mud of the one aimed at.
        target_mud: Text<'a>,
        /// The one aimed at.
        target_user: Text<'a>,
        /// What others read, with `$N` and `$O`.
        message_others: Text<'a>,
        /// What the one aimed at reads.
        message_target: Text<'a>,
        /// Who does it, as shown.
        visname: Text<'a>,
        /// The one aimed at, as shown.
        target_visname: Text<'a>,
    }
    /// Router to the host of a filtered channel: may this pass?
    "chan-filter-req" => ChanFilterReq {
        /// Its name.
        channel: Text<'a>,
        /// The packet in question.
        packet: Value<'a>,
    }
    /// The host's answer: the packet as it may pass.
    "chan-filter-reply" => ChanFilterReply {
        /// Its name.
        channel: Text<'a>,
        /// The packet.
        packet: Value<'a>,
    }
    /// Who on that mud hears a channel?
    "chan-who-req" => ChanWhoReq {
        /// Its name; lost on the way through a CoffeeMud router.
        channel: Text<'a>,
    }
    /// Who hears a channel.
    "chan-who-reply" => ChanWhoReply {
        /// Its name.
        channel: Text<'a>,
        /// Names as shown.
        users: Vec<Text<'a>>,
    }
    /// What is this user called?
    "chan-user-req" => ChanUserReq {
        /// In lower case.
        user: Text<'a>,
    }
    /// What a user is called.
    "chan-user-reply" => ChanUserReply {
        /// In lower case.
        user: Text<'a>,
        /// As shown.
        visname: Text<'a>,
        /// 0 male, 1 female, 2 neuter.
        gender: i64,
    }
    /// A private message.
    "tell" => Tell {
        /// The sender, as shown.
        visname: Text<'a>,
        /// What is said.
        message: Text<'a>,
    }
    /// A private emote.
    "emoteto" => Emoteto {
        /// The sender, as shown.
        visname: Text<'a>,
        /// With `$N` in place of the name.
        message: Text<'a>,
    }
    /// A nudge. Not in the specification.
    "beep" => Beep {
        /// The sender, as shown.
        visname: Text<'a>,
    }
    /// Who is on?
    "who-req" => WhoReq {}
    /// Who is on.
    "who-reply" => WhoReply {
        /// One row a user.
        users: Vec<WhoRow<'a>>,
    }
    /// Tell about a user.
    "finger-req" => FingerReq {
        /// In lower case from careful muds.
        user: Text<'a>,
    }
    /// About a user; what is not told is 0.
    "finger-reply" => FingerReply {
        /// As shown.
        visname: Text<'a>,
        /// May hold `$N`.
        title: Option<Text<'a>>,
        /// Out of the game.
        real_name: Option<Text<'a>>,
        /// E-mail.
        email: Option<Text<'a>>,
        /// Of the last login or logout, in any format.
        loginout_time: Option<Text<'a>>,
        /// Seconds; -1 when not on.
        idle: i64,
        /// Where from.
        ip_name: Option<Text<'a>>,
        /// A word or a number.
        level: Option<Text<'a>>,
        /// Anything, often several lines.
        extra: Option<Text<'a>>,
    }
    /// Where is this user? A broadcast, which also comes back to the sender.
    "locate-req" => LocateReq {
        /// In lower case.
        user: Text<'a>,
    }
    /// A user is here. Old muds leave out the last two.
    "locate-reply" => LocateReply {
        /// The mud.
        located_mud: Text<'a>,
        /// As shown.
        located_user: Text<'a>,
        /// Seconds.
        idle: i64,
        /// `link-dead`, `editing`, …
        status: Option<Text<'a>>,
    }
    /// Prove that you are on the network.
    "auth-mud-req" => AuthMudReq {}
    /// A key for one out-of-band session.
    "auth-mud-reply" => AuthMudReply {
        /// Valid once, for ten minutes.
        key: i64,
    }
    /// Are you there? Not in the specification; CoffeeMud adds a field, which is passed over.
    "ping-req" => PingReq {}
    /// Yes.
    "ping-reply" => PingReply {
        /// Like an auth-mud-reply.
        key: i64,
    }
    /// A user's name and gender have changed. A broadcast.
    "ucache-update" => UcacheUpdate {
        /// In lower case.
        user: Text<'a>,
        /// As shown.
        visname: Text<'a>,
        /// 0 male, 1 female, 2 neuter.
        gender: i64,
    }
    /// Something did not work.
    "error" => Error {
        /// `unk-dst`, `unk-user`, …: an open set.
        code: Text<'a>,
        /// For people.
        message: Text<'a>,
        /// The packet that caused it, or 0.
        packet: Value<'a>,
    }
    /// May I open an out-of-band connection to you?
    "oob-req" => OobReq {}
}

impl<'a> Packet<'a> {
    /// Reads a packet, and says what had to be mended.
    pub fn decode(text: &'a [u8]) -> Result<(Packet<'a>, Repairs), PacketError> {
        let mut reader = Reader::new(text);
        if reader.peek().map_err(PacketError::Lpc)? != Kind::Array {
            // Valid values that are no packets are told from broken text.
            reader.skip().map_err(PacketError::Lpc)?;
            return Err(PacketError::NotAPacket);
        }
        let open = reader.open().map_err(PacketError::Lpc)?;
        let mut elements = Elements { reader: &mut reader, open, ended: false };
        let has_kind = elements.has_next().map_err(PacketError::Lpc)?
            && elements.reader.peek().map_err(PacketError::Lpc)? == Kind::Str;
        if !has_kind {
            return Err(PacketError::NotAPacket);
        }
        let kind: Text<'a> = elements.next("type")?;
        let header = Header {
            ttl: elements.next("ttl")?,
            from_mud: elements.next("originator_mudname")?,
            from_user: elements.next("originator_username")?,
            to_mud: elements.next("target_mudname")?,
            to_user: elements.next("target_username")?,
        };
        let body = Body::read(kind, &mut elements)?;
        while elements.has_next().map_err(PacketError::Lpc)? {
            elements.reader.skip().map_err(PacketError::Lpc)?;
        }
        let repairs = Repairs { bare_quotes: reader.bare_quotes, latin1_strings: reader.latin1_strings };
        Ok((Packet { header, body }, repairs))
    }

    /// Appends the packet as text.
    pub fn encode(&self, into: &mut Vec<u8>) {
        into.extend_from_slice(b"({");
        lpc::write_str(self.body.kind().as_bytes(), into);
        into.push(b',');
        self.header.ttl.write(into);
        into.push(b',');
        self.header.from_mud.write(into);
        into.push(b',');
        for name in [&self.header.from_user, &self.header.to_mud, &self.header.to_user] {
            name.write(into);
            into.push(b',');
        }
        self.body.write(into);
        into.extend_from_slice(b"})");
    }

    /// The packet as the value that an `error` carries.
    pub fn to_value(&self) -> Value<'static> {
        let mut text = Vec::new();
        self.encode(&mut text);
        // What `encode` writes, `parse` reads: the round-trip property test holds it.
        Value::parse(&text).map_or(Value::Int(0), Value::into_owned)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decode(text: &str) -> Packet<'_> {
        Packet::decode(text.as_bytes()).unwrap_or_else(|error| panic!("{text}: {error}")).0
    }

    fn encoded(packet: &Packet<'_>) -> String {
        let mut text = Vec::new();
        packet.encode(&mut text);
        String::from_utf8(text).unwrap()
    }

    #[test]
    fn strict_packets_survive_a_round_trip() {
        for text in [
            r#"({"tell",5,"A","joe","B","jane","Joe","hi \"you\"",})"#,
            r#"({"channel-t",5,"A","joe",0,0,"c","B","jane","$N pokes $O.","$N pokes you.","Joe","Jane",})"#,
            r#"({"startup-reply",5,"*r",0,"A",0,({({"*r","127.0.0.1 8080",}),}),-1,})"#,
            r#"({"mudlist",5,"*r",0,"A",0,7,(["B":0,"C":({-1,"1.2.3.4",4000,0,0,"l","b","d","t","o","e",(["tell":1,"amcp":"1.1",]),0,}),]),})"#,
            r#"({"chanlist-reply",5,"*r",0,"A",0,7,(["x":({"B",1,}),"y":0,]),})"#,
            r#"({"who-reply",5,"A",0,"B","joe",({({"Jane",18,"First",}),({"Bob",0,0,}),}),})"#,
            r#"({"error",5,"*r",0,"A","joe","unk-dst","no",({"tell",5,"A","joe","X","y","Joe","hi",}),})"#,
            r#"({"some-day",5,"A",0,0,0,({1,}),"x",})"#,
            r#"({"who-req",5,"A","joe","B",0,})"#,
        ] {
            assert_eq!(encoded(&decode(text)), text);
        }
    }

    #[test]
    fn sloppy_packets_are_understood() {
        // CoffeeMud: "" for 0, a type in upper case, an extra field, a number where a text belongs.
        let packet = decode(r#"({"TELL",5,"A","","B","JOE",7,"hi","more",})"#);
        assert_eq!(packet.header.from_user, None);
        assert_eq!(packet.body, Body::Tell { visname: "7".into(), message: "hi".into() });
        // 8-element locate-reply of protocol 1 and 2.
        let packet = decode(r#"({"locate-reply",5,"A",0,"B","joe","A","Jane",})"#);
        assert_eq!(
            packet.body,
            Body::LocateReply { located_mud: "A".into(), located_user: "Jane".into(), idle: 0, status: None }
        );
        // Dead Souls: an array for a new channel's type.
        let packet = decode(r#"({"chanlist-reply",5,"*r",0,"A",0,9,(["x":({"A",({}),}),]),})"#);
        let Body::ChanlistReply { channels, .. } = packet.body else { panic!("a chanlist-reply") };
        assert_eq!(channels.0[0].1, Some(ChannelEntry { owner: "A".into(), channel_type: 0 }));
    }

    #[test]
    fn mudlist_entries_of_11_12_and_13_fields_are_read() {
        for (entry, email) in [
            (r#"({-1,"1.2.3.4",1,2,3,"l","b","d","t","o","e",(["tell":1,]),(["x":1,]),})"#, "e"),
            (r#"({-1,"1.2.3.4",1,2,3,"l","b","d","t","o","e",(["tell":1,]),})"#, "e"),
            (r#"({-1,0,"1.2.3.4",1,2,3,"l","b","d","t","o",(["tell":1,]),})"#, ""),
            (r#"({-1,"1.2.3.4",1,2,3,"l","b","d","t","o",(["tell":1,]),})"#, ""),
        ] {
            let text = format!(r#"({{"mudlist",5,"*r",0,0,0,1,(["M":{entry},]),}})"#);
            let Body::Mudlist { muds, .. } = decode(&text).body else { panic!("a mudlist") };
            let mud = muds.0[0].1.as_ref().unwrap();
            assert_eq!((&*mud.ip, mud.player_port, mud.imud_udp_port), ("1.2.3.4", 1, 3), "{entry}");
            assert_eq!((&*mud.open_status, &*mud.admin_email), ("o", email), "{entry}");
            assert_eq!(mud.services.0, [("tell".into(), Value::Int(1))], "{entry}");
        }
    }

    #[test]
    fn what_is_no_packet_says_why() {
        for (text, error) in [
            ("5", PacketError::NotAPacket),
            ("({})", PacketError::NotAPacket),
            ("({5,})", PacketError::NotAPacket),
            ("([\"tell\":1,])", PacketError::NotAPacket),
            (r#"({"tell",5,"A",})"#, PacketError::Missing("visname")),
            (r#"({"tell",5,"A",0,"B","x",({}),"hi",})"#, PacketError::WrongType("visname")),
        ] {
            assert_eq!(Packet::decode(text.as_bytes()).unwrap_err(), error, "{text}");
        }
        assert!(matches!(Packet::decode(b"[tell, 5]"), Err(PacketError::Lpc(_))));
    }
}
