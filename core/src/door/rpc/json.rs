//! Writes JSON: an object, member by member, into one buffer.

use crate::describe::cut;
use bytes::Bytes;
use serde::Serialize;

/// A JSON object that is being written.
#[derive(Debug)]
pub struct Object {
    text: Vec<u8>,
}

impl Default for Object {
    fn default() -> Self {
        Object { text: vec![b'{'] }
    }
}

impl Object {
    /// Adds a member and returns the object. The value must be one that always serialises: a text, a number, a flag, or
    /// a map with text keys.
    #[must_use]
    pub fn with(mut self, name: &str, value: &(impl Serialize + ?Sized)) -> Self {
        self.add(name, value);
        self
    }

    /// Adds a member.
    pub fn add(&mut self, name: &str, value: &(impl Serialize + ?Sized)) {
        if self.text.len() > 1 {
            self.text.push(b',');
        }
        write(&mut self.text, name);
        self.text.push(b':');
        write(&mut self.text, value);
    }

    /// Returns the text.
    pub fn finish(mut self) -> Vec<u8> {
        self.text.push(b'}');
        self.text
    }

    /// Returns the text as the only part of a page.
    pub fn page(self) -> Vec<Bytes> {
        vec![self.finish().into()]
    }
}

/// Appends a value. Long texts of the network are cut.
pub fn write(into: &mut Vec<u8>, value: &(impl Serialize + ?Sized)) {
    let start = into.len();
    if !cut::write(into, value, usize::MAX) {
        debug_assert!(false, "a value that JSON cannot hold");
        into.truncate(start);
        into.extend_from_slice(b"null");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn objects_are_written_member_by_member() {
        let text = Object::default().with("a", "x\n\u{1b}").with("b", &[1, 2]).with("c", &true).finish();
        assert_eq!(text, br#"{"a":"x\n\u001b","b":[1,2],"c":true}"#);
        assert_eq!(Object::default().finish(), b"{}");
    }
}
