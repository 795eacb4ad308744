//! LPC values as text, in the form that drivers write and read (FluffOS `save_variable`, MudMode).
//!
//! The writer is strict: no white space, a comma after every element, only `\"` and `\\` escaped, LF written as CR. The
//! reader is tolerant: it accepts white space between tokens and a missing last comma, and reads an empty element as 0,
//! any `\x` as `x`, CR as LF. It ignores anything after the value.
//!
//! [`Reader`] reads single tokens. [`Value::parse`] builds a tree with it; `packet` decodes without a tree.

mod error;
mod grammar;
mod reader;
#[cfg(test)]
mod tests;
mod value;
mod write;

pub use error::{DEPTH_MAX, LpcError, LpcErrorKind, VALUES_MAX};
pub use grammar::Number;
pub use reader::{Kind, Open, Reader};
pub use value::Value;
pub(crate) use write::write_as_text;
pub use write::{replace_escapes, write_float, write_int, write_str, write_text};
