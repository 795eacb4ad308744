//! The types of the fields of packets, as the published tables give them: a second source beside the code under test.

use serde_json::Value as Json;

/// The type of a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Type {
    Int,
    Text,
    /// A text, or 0 where there is none.
    TextOr0,
    Mapping,
    MappingOr0,
    Array,
    /// A whole packet.
    Packet,
    PacketOr0,
    Texts,
    /// Rows of name and address.
    Routers,
    /// Rows of visible name, idle seconds and a text.
    Users,
    /// A mapping of names to 0 or an entry of 13 fields.
    Muds,
    /// A mapping of names to 0 or a row of owner and type.
    Channels,
}

use Type::{
    Array, Channels, Int, Mapping, MappingOr0, Muds, Packet, PacketOr0, Routers, Text, TextOr0, Texts, Users,
};

/// The five fields after the type in every packet.
const HEADER: &[Type] = &[Int, Text, TextOr0, TextOr0, TextOr0];

/// An entry of a mudlist.
const MUD: &[Type] = &[Int, Text, Int, Int, Int, Text, Text, Text, Text, Text, Text, Mapping, MappingOr0];

const OLD_LOGIN: &[Type] = &[Int, Int, Int, Int, Int, Int, Text, Text, Text, Text, Text, Mapping];

/// The fields after the header of every type. A finger-reply and the status of a locate-reply have 0 for what is not
/// told; a row of a who-reply has not.
pub const PACKETS: &[(&str, Fields)] = &[
    ("startup-req-1", Fields(OLD_LOGIN)),
    ("startup-req-2", Fields(OLD_LOGIN)),
    (
        "startup-req-3",
        Fields(&[Int, Int, Int, Int, Int, Int, Text, Text, Text, Text, Text, Text, Mapping, MappingOr0]),
    ),
    ("startup-reply", Fields(&[Routers, Int])),
    ("shutdown", Fields(&[Int])),
    ("mudlist", Fields(&[Int, Muds])),
    ("chanlist-req", Fields(&[])),
    ("chanlist-request", Fields(&[])),
    ("chanlist-reply", Fields(&[Int, Channels])),
    ("channel-listen", Fields(&[Text, Int])),
    ("channel-add", Fields(&[Text, Int])),
    ("channel-remove", Fields(&[Text])),
    ("channel-admin", Fields(&[Text, Texts, Texts])),
    ("channel-m", Fields(&[Text, Text, Text])),
    ("channel-e", Fields(&[Text, Text, Text])),
    ("channel-t", Fields(&[Text, Text, Text, Text, Text, Text, Text])),
    ("chan-filter-req", Fields(&[Text, Packet])),
    ("chan-filter-reply", Fields(&[Text, Packet])),
    ("chan-who-req", Fields(&[Text])),
    ("chan-who-reply", Fields(&[Text, Texts])),
    ("chan-user-req", Fields(&[Text])),
    ("chan-user-reply", Fields(&[Text, Text, Int])),
    ("tell", Fields(&[Text, Text])),
    ("emoteto", Fields(&[Text, Text])),
    ("beep", Fields(&[Text])),
    ("who-req", Fields(&[])),
    ("who-reply", Fields(&[Users])),
    ("finger-req", Fields(&[Text])),
    ("finger-reply", Fields(&[Text, TextOr0, TextOr0, TextOr0, TextOr0, Int, TextOr0, TextOr0, TextOr0])),
    ("locate-req", Fields(&[Text])),
    ("locate-reply", Fields(&[Text, Text, Int, TextOr0])),
    ("auth-mud-req", Fields(&[])),
    ("auth-mud-reply", Fields(&[Int])),
    ("ping-req", Fields(&[])),
    ("ping-reply", Fields(&[Int])),
    ("ucache-update", Fields(&[Text, Text, Int])),
    ("error", Fields(&[Text, Text, PacketOr0])),
    ("oob-req", Fields(&[])),
    ("chan-adminlist", Fields(&[Text])),
    ("chan-adminlist-reply", Fields(&[Text, Texts])),
    ("chan-ack", Fields(&[Text])),
    ("router-shutdown", Fields(&[Int])),
    ("news-read-req", Fields(&[Text, Int])),
];

/// The fields of one type of packet after its header.
#[derive(Clone, Copy, Debug)]
pub struct Fields(&'static [Type]);

impl Fields {
    /// The fields as LPC text with an empty value each: 0, or a list with one row of zeros.
    pub fn empty(self) -> String {
        self.0.iter().map(|field| format!("{},", field.empty())).collect()
    }
}

impl Type {
    fn empty(self) -> String {
        let zeros = |count: usize| format!("({{{}}})", "0,".repeat(count));
        match self {
            Routers => format!("({{{},}})", zeros(2)),
            Users => format!("({{{},}})", zeros(3)),
            Muds => format!("([\"M\":{},])", zeros(MUD.len())),
            Channels => format!("([\"c\":{},])", zeros(2)),
            Packet => "({\"tell\",})".to_owned(),
            _ => "0".to_owned(),
        }
    }

    fn fits(self, value: &Json) -> bool {
        let is_0 = value == &Json::from(0);
        let map = value.get("map").and_then(Json::as_array);
        let entries = |fits: &dyn Fn(&Json) -> bool| {
            map.is_some_and(|pairs| pairs.iter().all(|pair| pair[0].is_string() && fits(&pair[1])))
        };
        let rows =
            |types: &[Type]| value.as_array().is_some_and(|rows| rows.iter().all(|row| fit(types, row)));
        match self {
            Int => value.is_i64(),
            Text => value.is_string(),
            TextOr0 => value.is_string() || is_0,
            Mapping => map.is_some(),
            MappingOr0 => map.is_some() || is_0,
            Array => value.is_array(),
            Packet => value[0].is_string(),
            PacketOr0 => value[0].is_string() || is_0,
            Texts => value.as_array().is_some_and(|texts| texts.iter().all(Json::is_string)),
            Routers => rows(&[Text, Text]),
            Users => rows(&[Text, Int, Text]),
            Muds => entries(&|entry| entry == &Json::from(0) || fit(MUD, entry)),
            Channels => entries(&|entry| entry == &Json::from(0) || fit(&[Text, Int], entry)),
        }
    }
}

/// Whether the array has exactly these fields.
fn fit(types: &[Type], row: &Json) -> bool {
    row.as_array().is_some_and(|row| {
        row.len() == types.len() && types.iter().zip(row).all(|(wanted, value)| wanted.fits(value))
    })
}

/// What is wrong with the fields of a packet that [`crate::wire::strict_lpc`] has read. Unknown types may have any.
pub fn fault(packet: &Json) -> Option<String> {
    if !Array.fits(packet) {
        return Some("it is no array".to_owned());
    }
    let Some(kind) = packet[0].as_str() else { return Some("its type is no text".to_owned()) };
    let (_, Fields(body)) = PACKETS.iter().find(|(known, _)| *known == kind)?;
    let types = [&[Text], HEADER, body].concat();
    let count = packet.as_array().map_or(0, Vec::len);
    if count != types.len() {
        return Some(format!("{kind} has {count} elements, and not {}", types.len()));
    }
    let wrong = types.iter().enumerate().find(|(at, wanted)| !wanted.fits(&packet[*at]));
    wrong.map(|(at, wanted)| format!("{kind} has {} at {at}, which is no {wanted:?}", packet[at]))
}
