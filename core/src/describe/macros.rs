//! Structs that describe themselves. A field is written as in any struct, and its doc comment is its description in the
//! documents of the API:
//!
//! ```text
//! params! {
//!     /// The parameters of `tell`.
//!     pub struct Tell<'a> {
//!         /// the local user
//!         pub from_user: Name<'a> = "Someone",
//!         /// with `$N` for the name
//!         pub emote | "message": Filled<'a>,
//!     }
//! }
//! ```
//!
//! `= literal` is the default of a missing parameter, `| "other"` is a second name that is accepted for it, and
//! `as "name"` is the public name if it is not an identifier. The bounds, and whether the field is required, follow from
//! the type.

/// Describes the members of a struct.
macro_rules! members {
    ($name:ident $(<$life:lifetime>)?: $($summary:literal)*;
     $($($doc:literal)* $field:ident $([$wire:literal])? : $type:ty $(= $default:literal)?;)*) => {
        impl $(<$life>)? $crate::describe::shape::Object for $name $(<$life>)? {
            const MEMBERS: &'static [$crate::describe::shape::Member] = &[$($crate::describe::shape::Member {
                name: $crate::describe::macros::name_of!($field $([$wire])?),
                shape: <$type as $crate::describe::shape::Described>::SHAPE,
                required: <$type as $crate::describe::shape::Described>::REQUIRED
                    && $crate::describe::macros::default_of!($($default)?).is_none(),
                default: $crate::describe::macros::default_of!($($default)?),
                summary: concat!($($doc),*).trim_ascii(),
            }),*];
            const SUMMARY: &'static str = concat!($($summary),*).trim_ascii();
        }

        impl $(<$life>)? $crate::describe::shape::Described for $name $(<$life>)? {
            const SHAPE: $crate::describe::shape::Shape =
                $crate::describe::shape::Shape::Object(<Self as $crate::describe::shape::Object>::MEMBERS);
        }
    };
}
pub(crate) use members;

macro_rules! name_of {
    ($field:ident) => {
        $crate::describe::shape::plain_name(stringify!($field))
    };
    ($field:ident [$wire:literal]) => {
        $wire
    };
}
pub(crate) use name_of;

/// The name of a member as it is written in front of its value: `,"name":`. It needs no escapes.
macro_rules! json_name {
    ($field:ident) => {
        concat!(",\"", stringify!($field), "\":")
    };
    ($field:ident [$wire:literal]) => {
        concat!(",\"", $wire, "\":")
    };
}
pub(crate) use json_name;

macro_rules! default_of {
    () => {
        None::<&'static str>
    };
    ($default:literal) => {
        Some(stringify!($default))
    };
}
pub(crate) use default_of;

/// Reads the fields from the last to the first. If several parameters are wrong, the error names the last one: the text
/// of a message before its target.
macro_rules! take_last_first {
    ($source:ident;) => {};
    ($source:ident; $field:ident, $wire:expr, [$($alias:literal)?], [$($default:literal)?]; $($rest:tt)*) => {
        $crate::describe::macros::take_last_first! { $source; $($rest)* }
        let $field = $crate::describe::macros::take_field!($source, $wire, $($alias)?, $($default)?);
    };
}
pub(crate) use take_last_first;

macro_rules! take_field {
    ($source:ident, $name:expr, , ) => {
        $crate::describe::values::take($source, $name, None)?
    };
    ($source:ident, $name:expr, $alias:literal, ) => {
        $crate::describe::values::take($source, $name, Some($alias))?
    };
    ($source:ident, $name:expr, , $default:literal) => {
        $crate::describe::values::take_or($source, $name, || {
            $crate::describe::values::FromLiteral::from_literal($default)
        })?
    };
}
pub(crate) use take_field;

/// Structs for the parameters of methods, and for objects inside them.
macro_rules! params {
    ($($(#[doc = $summary:literal])* $vis:vis struct $name:ident $(<$life:lifetime>)? {
        $($(#[doc = $doc:literal])* $field_vis:vis $field:ident $(as $wire:literal)? $(| $alias:literal)?
            : $type:ty $(= $default:literal)?),* $(,)?
    })*) => {$(
        $(#[doc = $summary])*
        #[derive(Clone, Debug)]
        $vis struct $name $(<$life>)? {
            $($(#[doc = $doc])* $field_vis $field: $type,)*
        }

        $crate::describe::macros::members! {
            $name $(<$life>)?: $($summary)*;
            $($($doc)* $field $([$wire])? : $type $(= $default)?;)*
        }

        $crate::describe::macros::reader! { $name $(<$life>)?;
            $($field, $crate::describe::macros::name_of!($field $([$wire])?), [$($alias)?], [$($default)?];)*
        }
    )*};
}
pub(crate) use params;

macro_rules! reader {
    ($name:ident <$life:lifetime>; $($field:ident, $wire:expr, [$($alias:literal)?], [$($default:literal)?];)*) => {
        impl<$life> $crate::describe::values::Parameters<$life> for $name<$life> {
            fn read_from(
                source: &mut dyn $crate::describe::datum::Source<$life>,
            ) -> Result<Self, $crate::describe::values::Wrong> {
                $crate::describe::macros::take_last_first! {
                    source; $($field, $wire, [$($alias)?], [$($default)?];)*
                }
                Ok($name { $($field),* })
            }
        }

        $crate::describe::macros::reader! { @object $name <$life> }
    };
    ($name:ident; $($field:ident, $wire:expr, [$($alias:literal)?], [$($default:literal)?];)*) => {
        impl<'a> $crate::describe::values::Parameters<'a> for $name {
            fn read_from(
                source: &mut dyn $crate::describe::datum::Source<'a>,
            ) -> Result<Self, $crate::describe::values::Wrong> {
                let _ = &source;
                $crate::describe::macros::take_last_first! {
                    source; $($field, $wire, [$($alias)?], [$($default)?];)*
                }
                Ok($name { $($field),* })
            }
        }

        $crate::describe::macros::reader! { @object $name }
    };
    (@object $name:ident $(<$life:lifetime>)?) => {
        impl<'a> $crate::describe::values::Parameter<'a> for $crate::describe::macros::with_life!($name $(, $life)?) {
            fn read(
                value: $crate::describe::datum::Datum<'a>,
            ) -> Result<Self, $crate::describe::values::Wrong> {
                let $crate::describe::datum::Datum::Object(mut fields) = value else {
                    return Err($crate::describe::values::Wrong::must("must be an object"));
                };
                <Self as $crate::describe::values::Parameters<'a>>::read_from(&mut fields)
            }
        }
    };
}
pub(crate) use reader;

macro_rules! with_life {
    ($name:ident) => {
        $name
    };
    ($name:ident, $life:lifetime) => {
        $name<'a>
    };
}
pub(crate) use with_life;

/// Structs for results, events, and objects inside them.
macro_rules! output {
    ($($(#[doc = $summary:literal])* $(#[derive($($derive:ident),*)])? $vis:vis struct $name:ident $(<$life:lifetime>)? {
        $($(#[doc = $doc:literal])* $field_vis:vis $field:ident $(as $wire:literal)? : $type:ty),* $(,)?
    })*) => {$(
        $(#[doc = $summary])*
        #[derive(Clone, Debug, serde::Serialize $(, $($derive),*)?)]
        $vis struct $name $(<$life>)? {
            $(
                $(#[doc = $doc])*
                $(#[serde(rename = $wire)])?
                #[serde(skip_serializing_if = "crate::describe::shape::is_absent")]
                $field_vis $field: $type,
            )*
        }

        $crate::describe::macros::members! {
            $name $(<$life>)?: $($summary)*;
            $($($doc)* $field $([$wire])? : $type;)*
        }

        impl $(<$life>)? $crate::describe::shape::Outcome for $name $(<$life>)? {
            const ANSWERS: &'static [$crate::describe::shape::Answer] = &[$crate::describe::shape::Answer {
                when: "",
                members: <Self as $crate::describe::shape::Object>::MEMBERS,
            }];
        }

        impl $(<$life>)? $crate::describe::cut::Written for $name $(<$life>)? {
            fn write_members(&self, object: &mut $crate::describe::cut::Object<'_>) {
                $(if !$crate::describe::shape::is_absent(&self.$field) {
                    object.name($crate::describe::macros::json_name!($field $([$wire])?));
                    $crate::describe::shape::Described::write_value(&self.$field, object);
                })*
            }
        }
    )*};
}
pub(crate) use output;

/// Enums for results of several kinds.
macro_rules! either {
    ($($(#[doc = $summary:literal])* $vis:vis enum $name:ident $(<$life:lifetime>)? {
        $($(#[doc = $when:literal])* $variant:ident($type:ty)),* $(,)?
    })*) => {$(
        $(#[doc = $summary])*
        #[derive(Clone, Debug, serde::Serialize)]
        #[serde(untagged)]
        $vis enum $name $(<$life>)? {
            $($(#[doc = $when])* $variant($type),)*
        }

        impl $(<$life>)? $crate::describe::shape::Outcome for $name $(<$life>)? {
            const ANSWERS: &'static [$crate::describe::shape::Answer] = &[$($crate::describe::shape::Answer {
                when: concat!($($when),*).trim_ascii(),
                members: <$type as $crate::describe::shape::Object>::MEMBERS,
            }),*];
        }
    )*};
}
pub(crate) use either;

/// Enums that are written as one of a few texts.
macro_rules! words {
    ($($(#[$doc:meta])* $vis:vis enum $name:ident {
        $($(#[$word_doc:meta])* $variant:ident = $word:literal),* $(,)?
    })*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
        $vis enum $name {
            $($(#[$word_doc])* #[serde(rename = $word)] $variant,)*
        }

        impl $name {
            /// All variants.
            #[allow(dead_code, reason = "not every such enum is iterated")]
            $vis const ALL: &'static [$name] = &[$($name::$variant),*];

            /// The variant's text.
            #[allow(dead_code, reason = "most such enums are only written")]
            $vis const fn name(self) -> &'static str {
                match self {
                    $($name::$variant => $word,)*
                }
            }
        }

        impl $crate::describe::shape::Described for $name {
            const SHAPE: $crate::describe::shape::Shape = $crate::describe::shape::Shape::OneOf(&[$($word),*]);
        }

        impl<'a> $crate::describe::values::Parameter<'a> for $name {
            fn read(
                value: $crate::describe::datum::Datum<'a>,
            ) -> Result<Self, $crate::describe::values::Wrong> {
                let $crate::describe::datum::Datum::Text(text) = &value else {
                    return Err($crate::describe::values::Wrong::must("must be a text"));
                };
                match &**text {
                    $($word => Ok($name::$variant),)*
                    _ => Err($crate::describe::values::Wrong::must_be_one_of(&[$($word),*])),
                }
            }
        }
    )*};
}
pub(crate) use words;
