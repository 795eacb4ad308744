//! How the fields of a packet are read, tolerantly, and written, strictly.

use super::error::PacketError;
use super::header::Text;
use crate::i3::lpc::{self, Kind, LpcError, LpcErrorKind, Open, Reader, Value};

/// A type of packet field.
pub(super) trait Field<'a>: Sized {
    fn read(reader: &mut Reader<'a>) -> Result<Self, PacketError>;
    /// The fast path: a comma and the usual form of this field, directly after the field before. It reads nothing if it
    /// does not apply.
    #[inline(always)]
    fn read_plain(_reader: &mut Reader<'a>) -> Option<Self> {
        None
    }
    /// Returns the value of the field in a packet that ends before it, if that is allowed.
    fn absent() -> Option<Self> {
        None
    }
    /// Whether the field may fail after a part of it has been read. Such a row of a list is read again to be skipped.
    const HAS_PARTS: bool = false;
    /// The name differs from [`Value::write`], which keeps strings byte for byte.
    fn write_field(&self, into: &mut Vec<u8>);
    /// Returns for how many elements a list gets memory at first, with `rest_bytes` of text left. A long list that
    /// grows step by step is copied several times (bench: "typed packet", the mudlist).
    fn first_capacity(_rest_bytes: usize) -> usize {
        // The services of a mud: CoffeeMud sends 7, Dead Souls a dozen.
        12
    }
}

impl<'a> Field<'a> for Text<'a> {
    #[inline]
    fn read(reader: &mut Reader<'a>) -> Result<Self, PacketError> {
        Ok(reader.text()?)
    }

    #[inline(always)]
    fn read_plain(reader: &mut Reader<'a>) -> Option<Self> {
        reader.comma_text().map(Text::Borrowed)
    }

    #[inline]
    fn write_field(&self, into: &mut Vec<u8>) {
        lpc::write_text(self, into);
    }
}

impl<'a> Field<'a> for Option<Text<'a>> {
    #[inline]
    fn read(reader: &mut Reader<'a>) -> Result<Self, PacketError> {
        let text = reader.text()?;
        Ok((!text.is_empty()).then_some(text))
    }

    #[inline(always)]
    fn read_plain(reader: &mut Reader<'a>) -> Option<Self> {
        if reader.comma_zero() {
            return Some(None);
        }
        reader.comma_text().map(|text| (!text.is_empty()).then_some(Text::Borrowed(text)))
    }

    fn absent() -> Option<Self> {
        Some(None)
    }

    #[inline]
    fn write_field(&self, into: &mut Vec<u8>) {
        match self {
            Some(text) => lpc::write_text(text, into),
            None => into.push(b'0'),
        }
    }
}

impl Field<'_> for i64 {
    #[inline]
    fn read(reader: &mut Reader<'_>) -> Result<Self, PacketError> {
        Ok(reader.int()?)
    }

    #[inline(always)]
    fn read_plain(reader: &mut Reader<'_>) -> Option<Self> {
        reader.comma_int()
    }

    fn absent() -> Option<Self> {
        Some(0)
    }

    #[inline]
    fn write_field(&self, into: &mut Vec<u8>) {
        lpc::write_int(*self, into);
    }
}

impl<'a> Field<'a> for Value<'a> {
    #[inline]
    fn read(reader: &mut Reader<'a>) -> Result<Self, PacketError> {
        Ok(reader.value()?)
    }

    fn absent() -> Option<Self> {
        Some(Value::Int(0))
    }

    fn write_field(&self, into: &mut Vec<u8>) {
        self.write_with(lpc::write_as_text, into);
    }
}

impl<'a, T: Field<'a>> Field<'a> for Vec<T> {
    fn read(reader: &mut Reader<'a>) -> Result<Self, PacketError> {
        let mut list = Vec::new();
        // Anything but an array is read as an empty one: CoffeeMud was observed to send 0.
        if reader.peek()? != Kind::Array {
            reader.skip()?;
            return Ok(list);
        }
        let open = reader.open()?;
        while reader.more(open)? {
            if list.is_empty() {
                list.reserve_exact(T::first_capacity(reader.rest().len()));
            }
            list.extend(row(reader)?);
        }
        Ok(list)
    }

    fn absent() -> Option<Self> {
        Some(Vec::new())
    }

    fn write_field(&self, into: &mut Vec<u8>) {
        into.extend_from_slice(b"({");
        for element in self {
            element.write_field(into);
            into.push(b',');
        }
        into.extend_from_slice(b"})");
    }
}

/// Reads a row of a list, or the value of a mapping. A row that is not as it should be is skipped and counted, so that the others
/// are not lost.
#[inline]
fn row<'a, T: Field<'a>>(reader: &mut Reader<'a>) -> Result<Option<T>, PacketError> {
    let before = T::HAS_PARTS.then(|| reader.clone());
    match T::read(reader) {
        Ok(row) => Ok(Some(row)),
        Err(error) => skip_row(reader, before, error),
    }
}

#[cold]
#[inline(never)]
fn skip_row<'a, T>(
    reader: &mut Reader<'a>,
    before: Option<Reader<'a>>,
    error: PacketError,
) -> Result<Option<T>, PacketError> {
    if !error.is_of_row() {
        return Err(error);
    }
    if let Some(before) = before {
        *reader = before;
    }
    reader.skip()?;
    reader.odd_rows += 1;
    Ok(None)
}

/// A mapping whose keys are names, in the order of the text.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Mapping<'a, T>(pub Vec<(Text<'a>, T)>);

impl<T> Mapping<'_, T> {
    /// Returns the value of a name. If the name comes twice, the last value counts, as in drivers.
    pub fn get(&self, name: &str) -> Option<&T> {
        self.0.iter().rev().find(|(found, _)| found == name).map(|(_, value)| value)
    }
}

impl<'a, T: Field<'a>> Field<'a> for Mapping<'a, T> {
    fn read(reader: &mut Reader<'a>) -> Result<Self, PacketError> {
        let mut entries = Vec::new();
        if reader.peek()? != Kind::Map {
            reader.skip()?;
            return Ok(Mapping(entries));
        }
        let open = reader.open()?;
        while reader.more(open)? {
            if entries.is_empty() {
                entries.reserve_exact(T::first_capacity(reader.rest().len()));
            }
            let key = mapping_key(reader)?;
            reader.colon()?;
            entries.extend(row(reader)?.map(|value| (key, value)));
        }
        Ok(Mapping(entries))
    }

    fn absent() -> Option<Self> {
        Some(Mapping(Vec::new()))
    }

    fn write_field(&self, into: &mut Vec<u8>) {
        write_pairs(&self.0, into);
    }
}

/// Appends a mapping.
fn write_pairs<'a>(pairs: &[(impl Field<'a>, impl Field<'a>)], into: &mut Vec<u8>) {
    into.extend_from_slice(b"([");
    for (key, value) in pairs {
        key.write_field(into);
        into.push(b':');
        value.write_field(into);
        into.push(b',');
    }
    into.extend_from_slice(b"])");
}

/// A mapping that keeps its keys as they were sent: for a driver, the number 5 and the string `"5"` are two keys.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct IdMapping<'a, T>(pub Vec<(Value<'a>, T)>);

impl<'a, T: Field<'a>> Field<'a> for IdMapping<'a, T> {
    fn read(reader: &mut Reader<'a>) -> Result<Self, PacketError> {
        let mut entries = Vec::new();
        if reader.peek()? != Kind::Map {
            reader.skip()?;
            return Ok(IdMapping(entries));
        }
        let open = reader.open()?;
        while reader.more(open)? {
            let key = reader.value()?;
            reader.colon()?;
            entries.push((key, T::read(reader)?));
        }
        Ok(IdMapping(entries))
    }

    fn absent() -> Option<Self> {
        Some(IdMapping(Vec::new()))
    }

    fn write_field(&self, into: &mut Vec<u8>) {
        write_pairs(&self.0, into);
    }
}

/// Reads a key. A number becomes its digits, and a collection, which is not a name, the empty name.
#[inline]
pub(super) fn mapping_key<'a>(reader: &mut Reader<'a>) -> Result<Text<'a>, LpcError> {
    match reader.text() {
        Err(error) if error.kind == LpcErrorKind::WrongType => {
            reader.skip()?;
            Ok(Text::default())
        }
        key => key,
    }
}

/// Reads the elements of an array one after the other, however many there are.
pub(super) struct Elements<'r, 'a> {
    reader: &'r mut Reader<'a>,
    open: Open,
    /// The end has been read because a field was requested that is missing.
    pub(super) ended: bool,
    /// The unescaped quotes that were repaired before this array.
    quotes_before: u32,
}

impl<'r, 'a> Elements<'r, 'a> {
    /// Opens the next array.
    #[inline]
    pub(super) fn open(reader: &'r mut Reader<'a>) -> Result<Self, PacketError> {
        let open = reader.open()?;
        let quotes_before = reader.bare_quotes;
        Ok(Elements { reader, open, ended: false, quotes_before })
    }

    #[inline(always)]
    pub(super) fn has_next(&mut self) -> Result<bool, LpcError> {
        if !self.ended {
            self.ended = !self.reader.more(self.open)?;
        }
        Ok(!self.ended)
    }

    /// Returns the kind of the next element, if there is one.
    #[inline(always)]
    pub(super) fn peek(&mut self) -> Result<Option<Kind>, LpcError> {
        Ok(if self.has_next()? { Some(self.reader.peek()?) } else { None })
    }

    /// Returns the number of elements left, without reading them.
    #[cold]
    #[inline(never)]
    pub(super) fn left(&self) -> Result<usize, LpcError> {
        let mut reader = self.reader.clone();
        let mut left = 0;
        while reader.more(self.open)? {
            reader.skip()?;
            left += 1;
        }
        Ok(left)
    }

    /// Reads the first element, which is the type of a packet.
    #[inline(always)]
    pub(super) fn packet_type(&mut self) -> Result<Text<'a>, PacketError> {
        if let Some(plain) = self.reader.first_text() {
            return Ok(Text::Borrowed(plain));
        }
        if self.peek()? != Some(Kind::Str) {
            return Err(PacketError::NotAPacket);
        }
        self.next_of_any_form("type")
    }

    #[inline(always)]
    fn next_plain<T: Field<'a>>(&mut self) -> Option<T> {
        if self.ended { None } else { T::read_plain(self.reader) }
    }

    #[inline(always)]
    pub(super) fn next<T: Field<'a>>(&mut self, name: &'static str) -> Result<T, PacketError> {
        match self.next_plain() {
            Some(plain) => Ok(plain),
            None => self.next_of_any_form(name),
        }
    }

    #[inline(never)]
    fn next_of_any_form<T: Field<'a>>(&mut self, name: &'static str) -> Result<T, PacketError> {
        if !self.has_next()? {
            return T::absent().ok_or(PacketError::Missing(name));
        }
        T::read(self.reader).map_err(|error| error.in_field(name))
    }

    /// Reads the next element. If it is missing or a collection, returns the default, so that one bad field does not
    /// invalidate a list.
    #[inline(always)]
    pub(super) fn next_or_default<T: Field<'a> + Default>(&mut self) -> Result<T, PacketError> {
        match self.next_plain() {
            Some(plain) => Ok(plain),
            None => self.next_of_any_form_or_default(),
        }
    }

    #[inline(never)]
    fn next_of_any_form_or_default<T: Field<'a> + Default>(&mut self) -> Result<T, PacketError> {
        if !self.has_next()? {
            return Ok(T::default());
        }
        match T::read(self.reader) {
            Err(PacketError::Lpc(error)) if error.kind == LpcErrorKind::WrongType => {
                self.reader.skip()?;
                Ok(T::default())
            }
            read => read,
        }
    }

    /// Reads the elements of a packet with an unknown type. A type with control characters is invalid. It could neither
    /// be reported nor relayed, since control characters never leave, and without them it might be another type.
    #[cold]
    #[inline(never)]
    pub(super) fn rest_of_foreign(&mut self, kind: &str) -> Result<Vec<Value<'a>>, PacketError> {
        if kind.chars().any(|c| c.is_control() && c != '\n') {
            return Err(PacketError::NotAPacket);
        }
        self.rest()
    }

    fn rest(&mut self) -> Result<Vec<Value<'a>>, PacketError> {
        let mut rest = Vec::new();
        while self.has_next()? {
            rest.push(self.reader.value()?);
        }
        Ok(rest)
    }

    /// Skips the remaining elements. Elements that do not belong there are an error if unescaped quotes were repaired:
    /// one of those did end a string.
    #[inline]
    pub(super) fn finish(mut self) -> Result<(), PacketError> {
        while self.has_next()? {
            if self.reader.bare_quotes > self.quotes_before {
                return Err(self.reader.error(LpcErrorKind::AmbiguousQuotes).into());
            }
            self.reader.skip()?;
        }
        Ok(())
    }
}

/// Declares a struct that is an array on the wire, with its elements as fields.
macro_rules! rows {
    ($($(#[$doc:meta])* $name:ident { $($(#[$field_doc:meta])* $field:ident: $type:ty,)* })*) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq)]
        pub struct $name<'a> { $($(#[$field_doc])* pub $field: $type,)* }

        impl<'a> Field<'a> for $name<'a> {
            const HAS_PARTS: bool = true;

            fn read(reader: &mut Reader<'a>) -> Result<Self, PacketError> {
                if reader.peek()? != Kind::Array {
                    return Err(reader.error(LpcErrorKind::WrongType).into());
                }
                let mut elements = Elements::open(reader)?;
                let row = $name { $($field: elements.next(stringify!($field))?,)* };
                elements.finish()?;
                Ok(row)
            }

            fn write_field(&self, into: &mut Vec<u8>) {
                into.extend_from_slice(b"({");
                $(self.$field.write_field(into); into.push(b',');)*
                into.extend_from_slice(b"})");
            }
        }
    )*};
}
pub(super) use rows;
