//! LPC values as text, as the drivers write and read them (FluffOS `save_variable`, MudMode).
//!
//! Written strictly: no white space, a comma after every element, only `\"` and `\\` escaped, LF as CR. Read
//! tolerantly: white space between tokens, a missing last comma, an empty element as 0, any `\x` as `x`, CR as LF,
//! anything after the value.
//!
//! [`Reader`] pulls tokens out of the text; [`Value::parse`] builds a tree with it, `packet` decodes without one.

mod error;
mod grammar;
mod reader;
#[cfg(test)]
mod tests;
mod value;
mod write;

pub use error::{DEPTH_MAX, LpcError, LpcErrorKind};
pub use grammar::Number;
pub use reader::{Kind, Open, Reader};
pub use value::Value;
pub(crate) use write::write_as_text;
pub use write::{write_float, write_int, write_str, write_text};
