//! Generates an enum of packets from a table of names and fields.

/// Declares packet types: the name on the wire, the variant, and the fields in their order. A field that holds a
/// password or a key is marked `@secret` and is never shown.
macro_rules! packets {
    ($(#[$enum_doc:meta])* $enum:ident, $kinds:ident, $secrets:ident;
     $($(#[$doc:meta])* $name:literal => $variant:ident { $($(#[$field_doc:meta])* $(@$mark:ident)? $field:ident: $type:ty),* $(,)? })*) => {
        $(#[$enum_doc])*
        #[derive(Clone, Debug, PartialEq)]
        pub enum $enum<'a> {
            $($(#[$doc])* $variant { $($(#[$field_doc])* $field: $type),* },)*
            /// A packet of an unknown type, kept unchanged.
            Unknown {
                /// The type.
                kind: Text<'a>,
                /// All fields after the type.
                fields: Vec<Value<'a>>,
            },
        }

        /// The names of all known types.
        pub const $kinds: &[&str] = &[$($name),*];

        /// For each known type, whether it has a field marked `@secret`.
        pub const $secrets: &[(&str, bool)] =
            &[$(($name, false $($(|| $crate::i3::packet::table::is_secret!($mark))?)*)),*];

        impl<'a> $enum<'a> {
            /// Clears the fields marked `@secret`.
            pub fn hide_secrets(&mut self) {
                match self {
                    $($enum::$variant { $($field),* } => { $($crate::i3::packet::table::hide!($($mark)? $field);)* })*
                    $enum::Unknown { .. } => {}
                }
            }

            /// Returns the name of the type.
            pub fn kind(&self) -> &str {
                match self {
                    $($enum::$variant { .. } => $name,)*
                    $enum::Unknown { kind, .. } => kind,
                }
            }

            /// Returns the name of the type if it is known, and else `other`: any peer can invent types.
            pub fn label(&self) -> &'static str {
                match self {
                    $($enum::$variant { .. } => $name,)*
                    $enum::Unknown { .. } => "other",
                }
            }

            #[inline(always)]
            pub(super) fn read(kind: Text<'a>, elements: &mut Elements<'_, 'a>) -> Result<Self, PacketError> {
                Ok(match &*kind {
                    $($name => $enum::$variant { $($field: elements.next(stringify!($field))?),* },)*
                    _ => $enum::Unknown { fields: elements.rest_of_foreign(&kind)?, kind },
                })
            }

            pub(super) fn write(&self, into: &mut Vec<u8>) {
                match self {
                    $($enum::$variant { $($field),* } => { $($field.write_field(into); into.push(b',');)* })*
                    $enum::Unknown { fields, .. } => {
                        for field in fields {
                            field.write_field(into);
                            into.push(b',');
                        }
                    }
                }
            }
        }
    };
}
pub(super) use packets;

macro_rules! hide {
    (secret $field:ident) => {
        *$field = Default::default()
    };
    ($field:ident) => {
        let _ = $field;
    };
}
pub(super) use hide;

macro_rules! is_secret {
    (secret) => {
        true
    };
}
pub(super) use is_secret;
