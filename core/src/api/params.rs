//! The parameters of a request, checked one by one: each error names its parameter.

use super::methods::Method;
use super::rpc::{Fault, Members, text_of};
use serde_json::value::RawValue;
use std::borrow::Cow;

/// The longest name of a mud, a user or a channel.
pub const NAME_BYTES_MAX: usize = 128;

/// The parameters of one request.
#[derive(Debug)]
pub struct Params<'a>(Members<'a>);

impl<'a> Params<'a> {
    /// By name, or by position in the order of the method's table.
    pub fn read(method: &Method, params: Option<&'a RawValue>) -> Result<Self, Fault> {
        let Some(params) = params else { return Ok(Params(Members::default())) };
        if params.get().starts_with('{') {
            // The text is known to be JSON, and to start an object.
            return Ok(Params(serde_json::from_str(params.get()).unwrap_or_default()));
        }
        let values: Vec<&RawValue> = serde_json::from_str(params.get()).unwrap_or_default();
        if values.len() > method.params.len() {
            let (most, given) = (method.params.len(), values.len());
            return Err(Fault::params(format!(
                "{} takes at most {most} parameters, not {given}",
                method.name
            )));
        }
        let names = method.params.iter().map(|param| param.name);
        Ok(Params(Members::from_positions(names, values)))
    }

    /// The value; null counts as missing.
    fn value(&self, name: &str) -> Option<&'a RawValue> {
        self.0.get(name).filter(|value| value.get() != "null")
    }

    /// A value of any type, if it is there.
    pub fn raw(&self, name: &str) -> Option<&'a RawValue> {
        self.value(name)
    }

    /// A text, if it is there; an empty one is an error.
    pub fn optional_text(&self, name: &str) -> Result<Option<Cow<'a, str>>, Fault> {
        let Some(value) = self.value(name) else { return Ok(None) };
        match text_of(value) {
            Some(text) if text.is_empty() => Err(Fault::params(format!("{name} must not be empty"))),
            Some(text) => Ok(Some(text)),
            None => Err(Fault::params(format!("{name} must be a text"))),
        }
    }

    /// A text that must be there.
    pub fn text(&self, name: &str) -> Result<Cow<'a, str>, Fault> {
        self.optional_text(name)?.ok_or_else(|| Fault::params(format!("{name} is missing")))
    }

    /// A text under either of two names, which must be there.
    pub fn text_or(&self, name: &str, other: &str) -> Result<Cow<'a, str>, Fault> {
        if self.value(name).is_none() && self.value(other).is_some() {
            self.text(other)
        } else {
            self.text(name)
        }
    }

    /// A name, if it is there: no control characters, at most [`NAME_BYTES_MAX`].
    pub fn optional_name(&self, name: &str) -> Result<Option<Cow<'a, str>>, Fault> {
        let Some(text) = self.optional_text(name)? else { return Ok(None) };
        if text.len() > NAME_BYTES_MAX {
            return Err(Fault::params(format!(
                "{name} has {} bytes, the most is {NAME_BYTES_MAX}",
                text.len()
            )));
        }
        if text.chars().any(char::is_control) {
            return Err(Fault::params(format!("{name} must not hold control characters")));
        }
        if text.trim().is_empty() {
            return Err(Fault::params(format!("{name} must not be blank")));
        }
        Ok(Some(text))
    }

    /// A name that must be there.
    pub fn name(&self, name: &str) -> Result<Cow<'a, str>, Fault> {
        self.optional_name(name)?.ok_or_else(|| Fault::params(format!("{name} is missing")))
    }

    /// A flag; false when missing.
    pub fn flag(&self, name: &str) -> Result<bool, Fault> {
        match self.value(name).map(RawValue::get) {
            None | Some("false") => Ok(false),
            Some("true") => Ok(true),
            Some(_) => Err(Fault::params(format!("{name} must be true or false"))),
        }
    }

    /// A flag, if it is there.
    pub fn optional_flag(&self, name: &str) -> Result<Option<bool>, Fault> {
        if self.value(name).is_none() { Ok(None) } else { self.flag(name).map(Some) }
    }

    /// Seconds, if they are there: more than 0, at most `most`.
    pub fn optional_seconds(&self, name: &str, most: u64) -> Result<Option<std::time::Duration>, Fault> {
        let Some(value) = self.value(name) else { return Ok(None) };
        match value.get().parse::<f64>() {
            Ok(seconds) if seconds > 0.0 && seconds <= most as f64 => {
                Ok(Some(std::time::Duration::from_secs_f64(seconds)))
            }
            _ => Err(Fault::params(format!("{name} must be a number of seconds above 0, at most {most}"))),
        }
    }

    /// A list, if it is there.
    pub fn optional_list(&self, name: &str) -> Result<Option<Vec<serde_json::Value>>, Fault> {
        if self.value(name).is_none() { Ok(None) } else { self.list(name).map(Some) }
    }

    /// An integer, if it is there.
    pub fn optional_int(&self, name: &str) -> Result<Option<i64>, Fault> {
        let Some(value) = self.value(name) else { return Ok(None) };
        match value.get().parse() {
            Ok(int) => Ok(Some(int)),
            Err(_) => Err(Fault::params(format!("{name} must be an integer"))),
        }
    }

    /// A list that must be there.
    pub fn list(&self, name: &str) -> Result<Vec<serde_json::Value>, Fault> {
        let value = self.value(name).ok_or_else(|| Fault::params(format!("{name} is missing")))?;
        serde_json::from_str(value.get()).map_err(|_| Fault::params(format!("{name} must be a list")))
    }

    /// The members of an object, themselves parameters; none when missing.
    pub fn object(&self, name: &str) -> Result<Params<'a>, Fault> {
        let Some(value) = self.value(name) else { return Ok(Params(Members::default())) };
        match serde_json::from_str(value.get()) {
            Ok(members) => Ok(Params(members)),
            Err(_) => Err(Fault::params(format!("{name} must be an object"))),
        }
    }
}
