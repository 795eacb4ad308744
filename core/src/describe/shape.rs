//! What a value looks like, as data: the documents of the API are made from this.

/// What a value may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// A text.
    Text,
    /// A text that is not empty.
    Filled,
    /// A text that is not empty, of at most so many bytes.
    Short(usize),
    /// A name of a mud, a user or a channel: not blank, without control characters, at most
    /// [`NAME_BYTES_MAX`](super::values::NAME_BYTES_MAX) bytes.
    Name,
    /// A time in RFC 3339, UTC.
    Time,
    /// One of these texts.
    OneOf(&'static [&'static str]),
    /// A whole number.
    Int,
    /// A whole number from the first to the second.
    Within(i64, i64),
    /// A number, with a fraction if need be.
    Number,
    /// A number of seconds above 0, at most so many.
    Seconds(u64),
    /// true or false.
    Flag,
    /// An event_id, or a time in RFC 3339.
    Point,
    /// Anything.
    Any,
    /// The shape, or null.
    OrNull(&'static Shape),
    /// A list of at most so many.
    List(&'static Shape, usize),
    /// An object with members of any name.
    Map(&'static Shape),
    /// An object with these members.
    Object(&'static [Member]),
}

/// The length of a list that has no limit of its own.
pub const ANY_LENGTH: usize = usize::MAX;

/// A member of an object, or a parameter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Member {
    /// Its name.
    pub name: &'static str,
    /// What it may be.
    pub shape: Shape,
    /// It must be there.
    pub required: bool,
    /// What holds when it is left out, where that can be said as a value: a literal.
    pub default: Option<&'static str>,
    /// What it means.
    pub summary: &'static str,
}

/// A type that says what its values look like.
pub trait Described {
    /// The description.
    const SHAPE: Shape;
    /// A member of this type must be there.
    const REQUIRED: bool = true;

    /// The member is left out.
    fn is_absent(&self) -> bool {
        false
    }
}

/// An object: a struct made by the macros of this folder.
pub trait Object {
    /// Its members, in their order.
    const MEMBERS: &'static [Member];
    /// What the object is.
    const SUMMARY: &'static str;
}

/// What a method gives: one kind of result, or one of several.
pub trait Outcome {
    /// Each kind, with the case in which it is given; empty for the only one.
    const ANSWERS: &'static [Answer];
}

/// A kind of result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Answer {
    /// When it is this one; empty for the only one.
    pub when: &'static str,
    /// Its members.
    pub members: &'static [Member],
}

/// Whether a member is left out: for serde's attribute.
pub(crate) fn is_absent<T: Described>(value: &T) -> bool {
    value.is_absent()
}

/// A raw identifier as it is written elsewhere.
pub(crate) const fn plain_name(name: &'static str) -> &'static str {
    match name.as_bytes() {
        [b'r', b'#', ..] => name.split_at(2).1,
        _ => name,
    }
}
