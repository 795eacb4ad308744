//! JSON lines over TCP: one text in each line, which ends with `\n` or `\r\n`.

/// Finds lines in a stream that arrives in pieces of any size. It buffers no more than one line.
#[derive(Debug, Default)]
pub struct LineReader {
    partial: Vec<u8>,
    /// The current line was too long, and its rest is being skipped.
    skipping: bool,
}

/// The next line of a stream.
#[derive(Debug, PartialEq, Eq)]
pub enum Line<'a> {
    /// A line, without its end.
    Text(std::borrow::Cow<'a, [u8]>),
    /// A line above the limit, with its first bytes. It is skipped, and reading continues with the next line.
    TooLong(Vec<u8>),
}

/// Bytes of a line above the limit that are kept.
const BEGINNING_BYTES: usize = 256;

/// Whether a line is the beginning of an HTTP request: a method and a target, or the `Host` header that every browser
/// sends. No JSON text begins so.
pub fn is_http(line: &[u8]) -> bool {
    let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    let end = line.iter().position(|byte| !is_token(*byte)).unwrap_or(line.len());
    match line[end..] {
        [b' ', b'/' | b'*', ..] if end > 0 => true,
        [b' ', ref target @ ..] if end > 0 => target.windows(3).take(16).any(|three| three == b"://"),
        [b':', ..] => line[..end].eq_ignore_ascii_case(b"host"),
        _ => false,
    }
}

impl LineReader {
    /// Whether the next byte begins a line.
    pub fn is_between_lines(&self) -> bool {
        self.partial.is_empty() && !self.skipping
    }

    /// Returns the next line, and removes its bytes from the front of `input`. Returns `None` when more bytes are
    /// needed.
    pub fn next<'i>(&mut self, input: &mut &'i [u8], limit_bytes: usize) -> Option<Line<'i>> {
        loop {
            if input.is_empty() {
                return None;
            }
            let end = memchr::memchr(b'\n', input);
            let (piece, rest) = input.split_at(end.unwrap_or(input.len()));
            *input = rest.get(1..).unwrap_or(&[]);
            if self.skipping {
                self.skipping = end.is_none();
                continue;
            }
            if self.partial.len() + piece.len() > limit_bytes {
                let mut beginning = std::mem::take(&mut self.partial);
                beginning.truncate(BEGINNING_BYTES);
                beginning.extend(piece.iter().take(BEGINNING_BYTES - beginning.len()));
                self.skipping = end.is_none();
                return Some(Line::TooLong(beginning));
            }
            if end.is_none() {
                self.partial.extend_from_slice(piece);
                return None;
            }
            if self.partial.is_empty() {
                return Some(Line::Text(trim(piece).into()));
            }
            let mut line = std::mem::take(&mut self.partial);
            line.extend_from_slice(piece);
            let length = trim(&line).len();
            line.truncate(length);
            return Some(Line::Text(line.into()));
        }
    }
}

fn trim(line: &[u8]) -> &[u8] {
    line.strip_suffix(b"\r").unwrap_or(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(pieces: &[&[u8]]) -> Vec<Option<String>> {
        let mut reader = LineReader::default();
        let mut found = Vec::new();
        for piece in pieces {
            let mut input = *piece;
            while let Some(line) = reader.next(&mut input, 8) {
                found.push(match line {
                    Line::Text(text) => Some(String::from_utf8(text.into_owned()).unwrap()),
                    Line::TooLong(beginning) => {
                        assert!(b"too long a line".starts_with(&beginning) && !beginning.is_empty());
                        None
                    }
                });
            }
        }
        found
    }

    #[test]
    fn lines_are_found_however_the_stream_is_cut_and_a_long_one_is_passed_over() {
        let stream = b"one\r\n\ntoo long a line\nexactly8\nlast\n";
        let expected =
            [Some("one"), Some(""), None, Some("exactly8"), Some("last")].map(|l| l.map(String::from));
        assert_eq!(lines(&[stream]), expected);
        for cut in 0..stream.len() {
            let (a, b) = stream.split_at(cut);
            assert_eq!(lines(&[a, b]), expected, "cut at {cut}");
        }
        assert_eq!(lines(&stream.chunks(1).collect::<Vec<_>>()), expected);
    }

    #[test]
    fn http_is_known_by_its_first_line_or_its_host() {
        for (line, http) in [
            ("GET / HTTP/1.1", true),
            ("POST /x", true),
            ("MADE-UP / HTTP/1.1", true),
            ("OPTIONS * HTTP/1.1", true),
            ("POST http://127.0.0.1:8081/ HTTP/1.1", true),
            ("Host: 127.0.0.1:8081", true),
            ("{\"method\":\"POST / HTTP/1.1\"}", false),
            (" /", false),
            ("hello there", false),
            ("Hostess: x", false),
            ("", false),
        ] {
            assert_eq!(is_http(line.as_bytes()), http, "{line}");
        }
    }
}
