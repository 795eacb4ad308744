//! What a request is, as a type and as a row of a table.

use serde::Serialize;
use serde::de::DeserializeOwned;

/// The parameters of a method, with the method and the type of its answer.
pub trait Request: Serialize {
    /// The name of the method.
    const METHOD: &'static str;
    /// What the method answers.
    type Answer: DeserializeOwned;
}

/// A method of the gateway.
#[derive(Clone, Copy, Debug)]
pub struct Method {
    /// Its name.
    pub name: &'static str,
    /// What it does.
    pub summary: &'static str,
    /// The permission that it needs.
    pub permission: Option<&'static str>,
    /// Its parameters, in their order.
    pub params: &'static [Member],
    /// The members of its answer. With `wait`, where the method has it.
    pub answer: &'static [Member],
}

/// A parameter of a method, or a member of an answer.
#[derive(Clone, Copy, Debug)]
pub struct Member {
    /// Its name.
    pub name: &'static str,
    /// What it holds.
    pub shape: Shape,
    /// Whether it is always there.
    pub required: bool,
    /// What counts if it is missing, as JSON.
    pub default: Option<&'static str>,
    /// What it means.
    pub summary: &'static str,
}

/// What a value holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// A text.
    Text,
    /// One of these texts.
    OneOf(&'static [&'static str]),
    /// A whole number.
    Integer,
    /// A number.
    Number,
    /// True or false.
    Flag,
    /// A list.
    List(&'static Shape),
    /// An object.
    Object,
    /// A whole number, or a text.
    IntegerOrText,
    /// Any value.
    Any,
}
