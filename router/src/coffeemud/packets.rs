//! The packets that CoffeeMud knows. It parses each into fields of fixed types and writes these again. So it drops packets
//! with missing fields or wrong types, and loses some of the contents.

use super::text;
use i3_core::i3::Value;
use std::borrow::Cow;

/// What the router does with a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Route {
    /// Relays it to its target.
    Mud,
    /// Relays it to all muds except the sender.
    Others,
    /// Relays it to the subscribers of the channel in its first field, except the sender.
    Channel,
    /// Handles it as a request to the router.
    Router,
    /// Refuses it with an error.
    Refused,
}

/// How a name of the header is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Name {
    /// As a string, even if it was 0.
    Kept,
    /// As a string, or as 0 if it is empty.
    KeptOrZero,
    /// Always as 0.
    Zero,
    /// Always as `""`.
    Lost,
}

/// The type of a field, and how it is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Field {
    /// A string.
    Text,
    /// An integer of 32 bits.
    Int,
    /// An integer of 64 bits.
    Key,
    /// An integer that may be missing: then it is 0.
    Extra,
    /// Any value, as text. A text that looks like a number becomes a number, and `""` becomes 0.
    Loose,
    /// An integer. Any other value becomes -1.
    Idle,
    /// A string. Any other value becomes `"unknown"`.
    Status,
    /// Rows of a name, an integer and a string. Further elements of a row are lost.
    Rows,
    /// An array of strings.
    Texts,
    /// A string that is written as `""`.
    Forgotten,
    /// A packet or 0. A packet is written as Java prints a list.
    Packet,
}

struct Shape {
    kind: &'static str,
    route: Route,
    from_mud: Name,
    from_user: Name,
    to_mud: Name,
    to_user: Name,
    fields: &'static [Field],
}

const fn shape(kind: &'static str, route: Route, names: [Name; 4], fields: &'static [Field]) -> Shape {
    let [from_mud, from_user, to_mud, to_user] = names;
    Shape { kind, route, from_mud, from_user, to_mud, to_user, fields }
}

use Field::{Extra, Forgotten, Idle, Int, Key, Loose, Packet, Rows, Status, Text, Texts};
use Name::{Kept, KeptOrZero, Lost, Zero};

const FROM_USER: [Name; 4] = [Kept, Kept, Kept, Zero];
const TO_USER: [Name; 4] = [Kept, Zero, Kept, KeptOrZero];
const NO_USERS: [Name; 4] = [Kept, Zero, Kept, Zero];
const TO_ALL: [Name; 4] = [Kept, Kept, Zero, Zero];
/// Handled or refused by the router. Only an error contains the packet, unchanged.
const AS_IT_CAME: [Name; 4] = [Kept, KeptOrZero, KeptOrZero, KeptOrZero];
/// Without the target, for `channel-add`.
const NO_TARGET: [Name; 4] = [Kept, KeptOrZero, Lost, KeptOrZero];

const SHAPES: &[Shape] = &[
    shape("tell", Route::Mud, [Kept; 4], &[Text, Text]),
    shape("who-req", Route::Mud, FROM_USER, &[]),
    shape("who-reply", Route::Mud, TO_USER, &[Rows]),
    shape("finger-req", Route::Mud, FROM_USER, &[Text]),
    // Other routers have nine fields. The level takes the place of the extra text, which is lost.
    shape("finger-reply", Route::Mud, TO_USER, &[Loose; 8]),
    shape("locate-req", Route::Others, TO_ALL, &[Text]),
    shape("locate-reply", Route::Mud, TO_USER, &[Text, Text, Idle, Status]),
    // CoffeeMud looks the channel up in a list that is empty in a router.
    shape("chan-who-req", Route::Mud, FROM_USER, &[Forgotten]),
    shape("chan-who-reply", Route::Mud, TO_USER, &[Forgotten, Texts]),
    // An answer cannot be relayed back.
    shape("chan-user-req", Route::Mud, [Lost, Zero, Kept, Zero], &[Text]),
    shape("chan-user-reply", Route::Mud, NO_USERS, &[Text, Text, Int]),
    shape("auth-mud-req", Route::Mud, NO_USERS, &[]),
    shape("auth-mud-reply", Route::Mud, NO_USERS, &[Key]),
    shape("ping-req", Route::Mud, NO_USERS, &[Extra]),
    shape("oob-req", Route::Mud, NO_USERS, &[]),
    shape("error", Route::Mud, TO_USER, &[Text, Text, Packet]),
    shape("channel-m", Route::Channel, TO_ALL, &[Text, Text, Text]),
    shape("channel-e", Route::Channel, TO_ALL, &[Text, Text, Text]),
    shape("channel-t", Route::Channel, TO_ALL, &[Text, Text, Text, Text, Text, Text, Text]),
    shape("channel-listen", Route::Router, AS_IT_CAME, &[Text, Int]),
    shape("channel-add", Route::Router, NO_TARGET, &[Text, Int]),
    shape("channel-remove", Route::Router, AS_IT_CAME, &[Text]),
    shape("channel-admin", Route::Router, AS_IT_CAME, &[Text, Texts, Texts]),
    shape("shutdown", Route::Router, AS_IT_CAME, &[]),
    shape("ucache-update", Route::Refused, [Kept, KeptOrZero, Zero, Zero], &[Text, Text, Int]),
    shape("mudlist", Route::Refused, AS_IT_CAME, &[]),
    shape("startup-reply", Route::Refused, AS_IT_CAME, &[]),
    shape("chanlist-reply", Route::Refused, AS_IT_CAME, &[]),
    shape("startup-req-3", Route::Refused, AS_IT_CAME, &[]),
];

/// A packet that CoffeeMud knows.
#[derive(Debug)]
pub(crate) struct CoffeePacket {
    pub(crate) kind: &'static str,
    pub(crate) route: Route,
    pub(crate) from_mud: String,
    pub(crate) from_user: String,
    /// The target, or `""` for 0.
    pub(crate) to_mud: String,
    /// The received elements, including the header.
    pub(crate) elements: Vec<Value<'static>>,
    /// The text to relay.
    pub(crate) text: Vec<u8>,
}

/// Returns a string, or `""` for 0.
fn name(value: Option<&Value<'_>>) -> Option<String> {
    match value {
        Some(Value::Int(0)) => Some(String::new()),
        Some(text @ Value::Str(_)) => crate::wire::as_text(text).map(Cow::into_owned),
        _ => None,
    }
}

impl CoffeePacket {
    /// Parses the value of a frame. `None`: the type is unknown, or a field is missing or has a wrong type. Such a packet is
    /// dropped without an error.
    pub(crate) fn read(value: Value<'static>) -> Option<CoffeePacket> {
        let Value::Array(elements) = value else { return None };
        let kind = crate::wire::as_text(elements.first()?)?.to_ascii_lowercase().replace('_', "-");
        let shape = SHAPES.iter().find(|shape| shape.kind == kind)?;
        let names = [2, 3, 4, 5].map(|index| name(elements.get(index)));
        let [Some(from_mud), Some(from_user), Some(to_mud), Some(to_user)] = names else { return None };
        // The number of remaining hops is ignored, and written as five.
        let mut text = format!("({{\"{}\",5,", shape.kind).into_bytes();
        for (name, what) in [
            (&from_mud, shape.from_mud),
            (&from_user, shape.from_user),
            (&to_mud, shape.to_mud),
            (&to_user, shape.to_user),
        ] {
            let value = match what {
                Name::Zero => Value::Int(0),
                Name::KeptOrZero if name.is_empty() => Value::Int(0),
                Name::Kept | Name::KeptOrZero => Value::str(name),
                Name::Lost => Value::str(""),
            };
            text::write(&value, &mut text);
            text.push(b',');
        }
        for (at, field) in shape.fields.iter().enumerate() {
            write_field(*field, elements.get(crate::wire::HEADER_ELEMENTS + at), &mut text)?;
            text.push(b',');
        }
        // No field of these packets is parsed, and an error contains all of them.
        if shape.fields.is_empty() && matches!(shape.route, Route::Router | Route::Refused) {
            for field in &elements[crate::wire::HEADER_ELEMENTS..] {
                text::write(field, &mut text);
                text.push(b',');
            }
        }
        text.extend_from_slice(b"})");
        Some(CoffeePacket {
            kind: shape.kind,
            route: shape.route,
            from_mud,
            from_user,
            to_mud,
            elements,
            text,
        })
    }

    /// Returns the field at `index` after the header as text.
    pub(crate) fn field_text(&self, index: usize) -> String {
        name(self.elements.get(crate::wire::HEADER_ELEMENTS + index)).unwrap_or_default()
    }

    /// Returns the field at `index` after the header, if it is an integer.
    pub(crate) fn field_int(&self, index: usize) -> i64 {
        match self.elements.get(crate::wire::HEADER_ELEMENTS + index) {
            Some(Value::Int(int)) => *int,
            _ => 0,
        }
    }

    /// Returns the names in the array at `index` after the header.
    pub(crate) fn field_names(&self, index: usize) -> Vec<String> {
        match self.elements.get(crate::wire::HEADER_ELEMENTS + index) {
            Some(Value::Array(names)) => names.iter().filter_map(|value| name(Some(value))).collect(),
            _ => Vec::new(),
        }
    }
}

fn is_int(int: i64) -> bool {
    i32::try_from(int).is_ok()
}

fn write_field(field: Field, value: Option<&Value<'_>>, into: &mut Vec<u8>) -> Option<()> {
    match (field, value) {
        (Field::Extra, None) => into.push(b'0'),
        (Field::Loose, None) => into.extend_from_slice(b"0"),
        (_, None) => return None,
        (Field::Text, Some(text @ Value::Str(_))) => text::write(text, into),
        (Field::Int | Field::Extra, Some(int @ Value::Int(number))) if is_int(*number) => {
            text::write(int, into);
        }
        (Field::Key, Some(int @ Value::Int(_))) => text::write(int, into),
        (Field::Loose, Some(value)) => write_loose(value, into),
        (Field::Idle, Some(int @ Value::Int(_))) => text::write(int, into),
        (Field::Idle, Some(_)) => into.extend_from_slice(b"-1"),
        (Field::Status, Some(text @ Value::Str(_))) => text::write(text, into),
        (Field::Status, Some(_)) => into.extend_from_slice(b"\"unknown\""),
        (Field::Rows, Some(Value::Array(rows))) => {
            let rows = rows.iter().map(|row| match row {
                Value::Array(row) => match &row[..] {
                    [name @ Value::Str(_), idle @ Value::Int(int), extra @ Value::Str(_), ..]
                        if is_int(*int) =>
                    {
                        Some(Value::Array(vec![name.clone(), idle.clone(), extra.clone()]))
                    }
                    _ => None,
                },
                _ => None,
            });
            text::write(&Value::Array(rows.collect::<Option<_>>()?), into);
        }
        (Field::Texts, Some(texts @ Value::Array(items))) => {
            if !items.iter().all(|item| matches!(item, Value::Str(_))) {
                return None;
            }
            text::write(texts, into);
        }
        (Field::Forgotten, Some(Value::Str(_))) => into.extend_from_slice(b"\"\""),
        (Field::Packet, Some(zero @ Value::Int(0))) => text::write(zero, into),
        (Field::Packet, Some(packet @ Value::Array(_))) => text::write_java(packet, into),
        _ => return None,
    }
    Some(())
}

fn write_loose(value: &Value<'_>, into: &mut Vec<u8>) {
    let Some(text) = crate::wire::as_text(value) else { return text::write(value, into) };
    let digits = text.strip_prefix('-').unwrap_or(&text);
    let is_number = digits.starts_with(|c: char| c.is_ascii_digit())
        && digits.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.')
        && digits.bytes().filter(|byte| *byte == b'.').count() <= 1;
    match &*text {
        "" => into.push(b'0'),
        number if is_number => into.extend_from_slice(number.as_bytes()),
        _ => text::write(value, into),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn relayed(text: &str) -> Option<String> {
        let known = CoffeePacket::read(text::parse(text.as_bytes())?)?;
        Some(crate::wire::as_text(&Value::Str(known.text.into())).unwrap().into_owned())
    }

    /// What came in and what left, of a real router.
    #[test]
    fn packets_come_out_as_captured() {
        for (sent, left) in [
            (
                r#"({"TELL",5,"A","joe","B","jane","Joe","hi",})"#,
                r#"({"tell",5,"A","joe","B","jane","Joe","hi",})"#,
            ),
            (
                r#"({"tell",200,"A","joe","B","jane","Joe","hi",})"#,
                r#"({"tell",5,"A","joe","B","jane","Joe","hi",})"#,
            ),
            (
                r#"({"tell","x","A","joe","B","jane","Joe","hi",})"#,
                r#"({"tell",5,"A","joe","B","jane","Joe","hi",})"#,
            ),
            (
                r#"({"tell",5,"A",0,"B","jane","Joe","hi","more",7,})"#,
                r#"({"tell",5,"A","","B","jane","Joe","hi",})"#,
            ),
            (r#"({"who-req",5,"A","joe","B",0,})"#, r#"({"who-req",5,"A","joe","B",0,})"#),
            (
                r#"({"who-reply",5,"B",0,"A","joe",({({"Jane",12.75,"x","fourth",}),}),})"#,
                r#"({"who-reply",5,"B",0,"A","joe",({({"Jane",12,"x",}),}),})"#,
            ),
            (
                r#"({"finger-reply",5,"B",0,"A","joe","Jane","123","","jane@x.org",0,300,"4.5","-7",})"#,
                r#"({"finger-reply",5,"B",0,"A","joe","Jane",123,0,"jane@x.org",0,300,4.5,-7,})"#,
            ),
            (
                r#"({"finger-reply",5,"B",0,"A","joe","Jane","t","r","e","l",3,"i","level","extra",})"#,
                r#"({"finger-reply",5,"B",0,"A","joe","Jane","t","r","e","l",3,"i","level",})"#,
            ),
            (
                r#"({"locate-req",5,"A","joe","*test",0,"jane",})"#,
                r#"({"locate-req",5,"A","joe",0,0,"jane",})"#,
            ),
            (
                r#"({"locate-reply",5,"B",0,"A","joe","B","Jane","30",0,})"#,
                r#"({"locate-reply",5,"B",0,"A","joe","B","Jane",-1,"unknown",})"#,
            ),
            (
                r#"({"chan-who-req",5,"A","joe","B",0,"chan0",})"#,
                r#"({"chan-who-req",5,"A","joe","B",0,"",})"#,
            ),
            (
                r#"({"chan-who-reply",5,"B",0,"A","joe","chan0",({"Jane","Bob",}),})"#,
                r#"({"chan-who-reply",5,"B",0,"A","joe","",({"Jane","Bob",}),})"#,
            ),
            (
                r#"({"chan-user-req",5,"A","joe","B",0,"jane",})"#,
                r#"({"chan-user-req",5,"",0,"B",0,"jane",})"#,
            ),
            (
                r#"({"chan-user-reply",5,"B",0,"A","joe","jane","Jane",1,})"#,
                r#"({"chan-user-reply",5,"B",0,"A",0,"jane","Jane",1,})"#,
            ),
            (
                r#"({"auth-mud-reply",5,"B",0,"A",0,123456789012,})"#,
                r#"({"auth-mud-reply",5,"B",0,"A",0,123456789012,})"#,
            ),
            (r#"({"ping-req",5,"A",0,"B",0,0,})"#, r#"({"ping-req",5,"A",0,"B",0,0,})"#),
            (
                r#"({"error",5,"B",0,"A","joe","unk-user","User zed unknown",({"tell",5,"A","joe","B","zed","Joe","hi",}),})"#,
                r#"({"error",5,"B",0,"A","joe","unk-user","User zed unknown",[tell, 5, A, joe, B, zed, Joe, hi],})"#,
            ),
            (
                r#"({"error",5,"B",0,"A","joe","unk-user","User zed unknown",0,})"#,
                r#"({"error",5,"B",0,"A","joe","unk-user","User zed unknown",0,})"#,
            ),
            (
                r#"({"channel-t",5,"B","jane","x","y","c","A","joe","$N hugs $O.","$N hugs you.","Jane","Joe",})"#,
                r#"({"channel-t",5,"B","jane",0,0,"c","A","joe","$N hugs $O.","$N hugs you.","Jane","Joe",})"#,
            ),
        ] {
            assert_eq!(relayed(sent).as_deref(), Some(left), "{sent}");
        }
    }

    #[test]
    fn what_it_does_not_know_or_cannot_type_is_dropped() {
        for dropped in [
            r#"({"emoteto",5,"A","joe","B","jane","Joe","$N waves.",})"#,
            r#"({"startup-req-2",5,"A",0,"*test",0,})"#,
            r#"({"chanlist-req",5,"A",0,"*test",0,})"#,
            r#"({"ping-reply",5,"A",0,"B",0,0,})"#,
            r#"({"tell",5,"A","joe","B","jane","Joe",7,})"#,
            r#"({"tell",5,"A","joe","B","jane",0,"hi",})"#,
            r#"({"tell",5,"A","joe","B","jane","Joe",})"#,
            r#"({"tell",5,"A",})"#,
            r#"({"tell",5,7,"joe","B","jane","Joe","hi",})"#,
            r#"({"who-reply",5,"B",0,"A","joe",({({"Jane","30","x",}),}),})"#,
            r#"({"who-reply",5,"B",0,"A","joe",({"Jane",}),})"#,
            r#"({"chan-user-reply",5,"B",0,"A",0,"jane","Jane",12345678901,})"#,
            r#"({7,5,"A",0,"B",0,})"#,
            "({})",
            r#"(["tell":5,])"#,
        ] {
            assert_eq!(relayed(dropped), None, "{dropped}");
        }
    }
}
