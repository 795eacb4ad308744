//! One line of a client: tags, a command, and its parameters.

use std::collections::BTreeMap;

/// Bytes of a line without its tags and its end: RFC 2812 has 512 with CR LF.
pub const LINE_BYTES_MAX: usize = 510;

/// Bytes of the tags of a client's line, with the `@` and the blank.
pub const TAGS_BYTES_MAX: usize = 4_096;

/// Number of parameters of a command. The last one takes the rest.
const PARAMS_MAX: usize = 15;

/// A line.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Message {
    /// The tags. One without a value is empty.
    pub tags: BTreeMap<String, String>,
    /// The command, in capitals.
    pub command: String,
    /// The parameters.
    pub params: Vec<String>,
}

impl Message {
    /// Returns a parameter that is there and not empty.
    pub fn param(&self, at: usize) -> Option<&str> {
        self.params.get(at).map(String::as_str).filter(|param| !param.is_empty())
    }

    /// Returns a tag that is not empty.
    pub fn tag(&self, name: &str) -> Option<&str> {
        self.tags.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }
}

/// Why a line is not a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unreadable {
    /// It holds nothing.
    Blank,
    /// It is too long.
    TooLong,
}

/// Reads a line without its end. A CR or NUL inside it counts for nothing.
pub fn parse(line: &str) -> Result<Message, Unreadable> {
    let mut rest = line.trim_start_matches(' ');
    let mut message = Message::default();
    if let Some(tagged) = rest.strip_prefix('@') {
        let (tags, after) = tagged.split_once(' ').unwrap_or((tagged, ""));
        if tags.len() + 2 > TAGS_BYTES_MAX {
            return Err(Unreadable::TooLong);
        }
        message.tags = tags.split(';').filter(|tag| !tag.is_empty()).map(tag).collect();
        rest = after.trim_start_matches(' ');
    }
    if rest.len() > LINE_BYTES_MAX {
        return Err(Unreadable::TooLong);
    }
    // The source of a client's line is the client, whatever it says.
    if rest.starts_with(':') {
        rest = rest.split_once(' ').map_or("", |(_, after)| after).trim_start_matches(' ');
    }
    let (command, mut rest) = rest.split_once(' ').unwrap_or((rest, ""));
    let clean = |text: &str| text.replace(['\r', '\0', '\n'], "");
    message.command = clean(command).to_ascii_uppercase();
    if message.command.is_empty() {
        return Err(Unreadable::Blank);
    }
    loop {
        rest = rest.trim_start_matches(' ');
        if rest.is_empty() {
            return Ok(message);
        }
        if let Some(trailing) = rest.strip_prefix(':') {
            message.params.push(clean(trailing));
            return Ok(message);
        }
        if message.params.len() == PARAMS_MAX - 1 {
            message.params.push(clean(rest));
            return Ok(message);
        }
        let (param, after) = rest.split_once(' ').unwrap_or((rest, ""));
        message.params.push(clean(param));
        rest = after;
    }
}

fn tag(tag: &str) -> (String, String) {
    let (name, value) = tag.split_once('=').unwrap_or((tag, ""));
    (name.to_owned(), unescaped(value))
}

fn unescaped(value: &str) -> String {
    let mut text = String::with_capacity(value.len());
    let mut chars = value.chars();
    while let Some(c) = chars.next() {
        if c != '\\' {
            text.push(c);
            continue;
        }
        match chars.next() {
            Some(':') => text.push(';'),
            Some('s') => text.push(' '),
            Some('r') => text.push('\r'),
            Some('n') => text.push('\n'),
            Some(other) => text.push(other),
            None => {}
        }
    }
    text
}

/// Writes the value of a tag.
pub fn escaped(value: &str) -> String {
    let mut text = String::with_capacity(value.len());
    for c in value.chars() {
        match c {
            ';' => text.push_str("\\:"),
            ' ' => text.push_str("\\s"),
            '\\' => text.push_str("\\\\"),
            '\r' => text.push_str("\\r"),
            '\n' => text.push_str("\\n"),
            '\0' => {}
            c => text.push(c),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> (String, Vec<String>) {
        let message = parse(line).unwrap();
        (message.command, message.params)
    }

    #[test]
    fn a_line_is_a_command_with_parameters() {
        let params = |params: &[&str]| params.iter().map(|param| (*param).to_owned()).collect::<Vec<_>>();
        assert_eq!(read("privmsg  #a,b :hi  :there "), ("PRIVMSG".into(), params(&["#a,b", "hi  :there "])));
        assert_eq!(read(":ann!x@y NICK bob"), ("NICK".into(), params(&["bob"])));
        assert_eq!(read("USER a 0 * :"), ("USER".into(), params(&["a", "0", "*", ""])));
        assert_eq!(read("QUIT"), ("QUIT".into(), params(&[])));
        assert_eq!(read(&format!("X {}", "p ".repeat(20))).1.len(), PARAMS_MAX);
    }

    #[test]
    fn tags_are_read_and_written() {
        let message = parse("@label=a\\sb\\:c;+typing;x= PING y").unwrap();
        assert_eq!((message.tag("label"), message.tag("+typing")), (Some("a b;c"), None));
        assert_eq!(escaped("a b;c\\\r\n\0"), "a\\sb\\:c\\\\\\r\\n");
        assert_eq!(parse("@a=b"), Err(Unreadable::Blank));
    }

    #[test]
    fn nothing_can_be_smuggled_into_a_parameter() {
        assert_eq!(read("PRIVMSG #a :hi\rQUIT\0").1, ["#a", "hiQUIT"]);
    }

    #[test]
    fn a_long_line_is_refused() {
        assert_eq!(parse(&"x".repeat(LINE_BYTES_MAX + 1)), Err(Unreadable::TooLong));
        assert!(parse(&"x".repeat(LINE_BYTES_MAX)).is_ok());
        assert_eq!(parse(&format!("@{} PING", "x".repeat(TAGS_BYTES_MAX))), Err(Unreadable::TooLong));
        assert_eq!(parse("   "), Err(Unreadable::Blank));
    }
}
