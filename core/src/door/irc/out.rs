//! Lines to a client: numerics, tags, and the answer to a labelled command.

use super::caps::Caps;
use super::message::{LINE_BYTES_MAX, escaped};
use super::names::SERVER;
use crate::time::UnixTime;
use std::fmt::Write;

/// A line, without its end.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Line {
    /// Tags besides those that every line has.
    tags: String,
    text: String,
}

/// The answer to one command.
#[derive(Debug, Default)]
pub(super) struct Out {
    nick: String,
    lines: Vec<Line>,
    /// The lines are one batch already.
    is_batch: bool,
    /// It goes even to a command that is never answered.
    pub(super) is_wanted: bool,
    /// The answer comes later, or the network gives it.
    pub(super) is_deferred: bool,
}

/// Writes a time as IRC does: with milliseconds.
pub(super) fn server_time(at: UnixTime) -> String {
    let millis = at.micros() / 1000;
    let whole = UnixTime::from_micros(millis / 1000 * 1_000_000).to_string();
    format!("{}.{:03}Z", whole.trim_end_matches('Z'), millis % 1000)
}

/// Removes what would end a line, and cuts what is too long.
pub(super) fn bounded(text: &str) -> String {
    let mut clean: String =
        text.chars().map(|c| if matches!(c, '\r' | '\n' | '\0') { ' ' } else { c }).collect();
    clean.truncate(clean.floor_char_boundary(LINE_BYTES_MAX));
    clean
}

/// Returns a word that may stand in the middle of a line.
fn middle(word: &str) -> String {
    let word: String = word.chars().map(|c| if c == ' ' || c.is_control() { '_' } else { c }).collect();
    match word.strip_prefix(':') {
        _ if word.is_empty() => "*".to_owned(),
        Some(rest) => format!("_{rest}"),
        None => word,
    }
}

impl Out {
    /// Begins the answer to a client with this nick.
    pub(super) fn new(nick: Option<&str>) -> Out {
        Out { nick: nick.unwrap_or("*").to_owned(), ..Out::default() }
    }

    /// Returns the nick that the answer is for.
    pub(super) fn nick(&self) -> &str {
        &self.nick
    }

    /// Adds a line.
    pub(super) fn line(&mut self, text: impl AsRef<str>) {
        self.lines.push(Line { tags: String::new(), text: bounded(text.as_ref()) });
    }

    /// Adds a line with tags.
    pub(super) fn tagged(&mut self, tags: String, text: &str) {
        self.lines.push(Line { tags, text: bounded(text) });
    }

    /// Adds a numeric: its parameters, and the text behind them.
    pub(super) fn numeric(&mut self, code: u16, params: &[&str], text: &str) {
        let params: String = params.iter().fold(String::new(), |all, param| all + " " + &middle(param));
        self.line(format!(":{SERVER} {code:03} {}{params} :{text}", self.nick));
    }

    /// Adds a numeric without a text.
    pub(super) fn bare_numeric(&mut self, code: u16, params: &[&str]) {
        let params: String = params.iter().fold(String::new(), |all, param| all + " " + &middle(param));
        self.line(format!(":{SERVER} {code:03} {}{params}", self.nick));
    }

    /// Adds a notice of the server.
    pub(super) fn notice(&mut self, text: &str) {
        self.line(format!(":{SERVER} NOTICE {} :{text}", self.nick));
    }

    /// Adds a standard reply.
    pub(super) fn fail(&mut self, command: &str, code: &str, context: &[&str], text: &str) {
        let context: String = context.iter().fold(String::new(), |all, param| all + " " + &middle(param));
        self.line(format!(":{SERVER} FAIL {command} {code}{context} :{text}"));
    }

    /// Says that the answer is one batch.
    pub(super) fn is_one_batch(&mut self) {
        self.is_batch = true;
    }

    /// Returns the bytes of the answer. A labelled one is one line, a batch, or an acknowledgement.
    pub(super) fn bytes(self, caps: Caps, label: Option<&str>, now: UnixTime, batch: u64) -> Vec<u8> {
        let mut lines = self.lines;
        if let Some(label) = label.filter(|_| caps.has(Caps::LABELS) && !self.is_deferred) {
            let tag = format!("label={}", escaped(label));
            match lines.len() {
                0 => lines.push(Line { tags: tag, text: format!(":{SERVER} ACK") }),
                _ if self.is_batch || lines.len() == 1 => lines[0].add_tag(&tag),
                _ => {
                    let id = format!("r{batch}");
                    lines.iter_mut().for_each(|line| line.add_tag(&format!("batch={id}")));
                    let text = format!(":{SERVER} BATCH +{id} labeled-response");
                    lines.insert(0, Line { tags: tag, text });
                    lines.push(Line { tags: String::new(), text: format!(":{SERVER} BATCH -{id}") });
                }
            }
        }
        let mut bytes = Vec::new();
        for mut line in lines {
            if caps.has(Caps::TIME) && !line.tags.contains("time=") {
                line.add_tag(&format!("time={}", server_time(now)));
            }
            if !line.tags.is_empty() {
                bytes.push(b'@');
                bytes.extend_from_slice(line.tags.as_bytes());
                bytes.push(b' ');
            }
            bytes.extend_from_slice(line.text.as_bytes());
            bytes.extend_from_slice(b"\r\n");
        }
        bytes
    }
}

impl Line {
    fn add_tag(&mut self, tag: &str) {
        let separator = if self.tags.is_empty() { "" } else { ";" };
        // Writing to a String cannot fail.
        let _ = write!(self.tags, "{separator}{tag}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(out: Out, caps: Caps, label: Option<&str>) -> String {
        String::from_utf8(out.bytes(caps, label, UnixTime::from_micros(1_234_567), 1)).unwrap()
    }

    #[test]
    fn a_labelled_answer_is_an_acknowledgement_a_line_or_a_batch() {
        let answer = |lines: usize| {
            let mut out = Out::new(Some("ann"));
            (0..lines).for_each(|_| out.numeric(1, &["a b"], "x\r\ny"));
            text(out, Caps::LABELS, Some("l"))
        };
        assert_eq!(answer(0), "@label=l :i3-gateway ACK\r\n");
        assert_eq!(answer(1), "@label=l :i3-gateway 001 ann a_b :x  y\r\n");
        assert!(
            answer(2)
                .starts_with("@label=l :i3-gateway BATCH +r1 labeled-response\r\n@batch=r1 :i3-gateway 001")
        );
        assert!(answer(2).ends_with(":i3-gateway BATCH -r1\r\n"));
    }

    #[test]
    fn a_line_has_its_time_and_is_never_too_long() {
        let mut out = Out::new(None);
        out.line("é".repeat(600));
        let text = text(out, Caps::TIME, None);
        assert!(text.starts_with("@time=1970-01-01T00:00:01.234Z é"), "{text}");
        let line = text.split_once(' ').unwrap().1;
        assert_eq!(line.len(), LINE_BYTES_MAX + 2);
    }
}
