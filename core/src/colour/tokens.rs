//! Splits a text into visible parts and changes of colour. All other sequences that a terminal would act on are
//! dropped.

use super::irc;
use super::style::pinkfish_sgr;
use crate::i3::text::meant;

/// A piece of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Token<'a> {
    /// Visible text. It holds no control characters except newlines and tabs and, for readers, no characters that
    /// change the writing direction.
    Text(&'a str),
    /// A character that a C1 control stands for.
    Char(char),
    /// A change of colour: the parameters of an SGR sequence.
    Sgr(&'a str),
    /// A change of colour by a code of mIRC.
    Irc(irc::Change),
}

/// Whom the tokens of a text are for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Use {
    /// A local reader: pinkfish codes are colours, and characters that change the writing direction are dropped.
    Reader,
    /// A local reader of the text as it is on the network: only the codes of mIRC are read.
    Raw,
    /// The network: pinkfish codes and characters that change the writing direction are text.
    Network,
}

/// The longest name of a pinkfish code. A longer text between two `%^` is not a code.
const CODE_BYTES_MAX: usize = 24;

const ESC: u8 = 0x1b;
/// Ends an operating system command. Accepted as the end of any string to a terminal.
const BEL: u8 = 0x07;
/// This C1 control, like `ESC \`, ends any string to a terminal.
const STRING_TERMINATOR: char = '\u{9c}';
/// Cancels any sequence.
const CAN: u8 = 0x18;
const SUB: u8 = 0x1a;

/// Returns the length of the character at the start of `bytes` if it changes the writing direction, otherwise 0.
/// U+061C, U+200E, U+200F, U+202A to U+202E and U+2066 to U+2069 are invisible, but can reorder the text around them on
/// a screen, even beyond their own text. Right-to-left letters do not need them.
#[inline]
pub(super) fn direction_bytes(bytes: &[u8]) -> usize {
    match bytes {
        [0xd8, 0x9c, ..] => 2,
        [0xe2, 0x80, 0x8e | 0x8f | 0xaa..=0xae, ..] | [0xe2, 0x81, 0xa6..=0xa9, ..] => 3,
        _ => 0,
    }
}

/// The tokens of a text, in order. Every byte is examined a bounded number of times.
#[derive(Clone, Debug)]
pub(super) struct Tokens<'a> {
    rest: &'a str,
    of_use: Use,
}

impl<'a> Tokens<'a> {
    pub(super) fn for_reader(text: &'a str) -> Self {
        Tokens { rest: text, of_use: Use::Reader }
    }

    /// Everything but the codes of mIRC counts as text.
    pub(super) fn for_raw_reader(text: &'a str) -> Self {
        Tokens { rest: text, of_use: Use::Raw }
    }

    /// Pinkfish codes and characters that change the writing direction count as text.
    pub(super) fn for_network(text: &'a str) -> Self {
        Tokens { rest: text, of_use: Use::Network }
    }

    fn reads_codes(&self) -> bool {
        self.of_use == Use::Reader
    }

    /// Takes this many bytes from the front. Callers only stop at ASCII bytes or at known characters.
    fn take(&mut self, bytes: usize) -> &'a str {
        let (taken, rest) = self.rest.split_at_checked(bytes).unwrap_or((self.rest, ""));
        self.rest = rest;
        taken
    }

    /// Returns the length of the text up to the next part that may have to be dropped.
    fn seen_bytes(&self) -> usize {
        let bytes = self.rest.as_bytes();
        if self.of_use == Use::Raw {
            return bytes.iter().position(|byte| irc::is_code(*byte)).unwrap_or(bytes.len());
        }
        let reads_codes = self.reads_codes();
        let stops = |at: usize| match bytes[at] {
            b'\n' | b'\t' => false,
            0..=0x1f | 0x7f => true,
            b'%' => reads_codes && bytes.get(at + 1) == Some(&b'^'),
            // C1 controls.
            0xc2 => bytes.get(at + 1).is_some_and(|next| *next < 0xa0),
            0xd8 | 0xe2 => reads_codes && direction_bytes(&bytes[at..]) > 0,
            _ => false,
        };
        (0..bytes.len()).find(|at| stops(*at)).unwrap_or(bytes.len())
    }

    /// Reads `%^`, and the code after it if there is one. The mark is dropped in any case, as drivers do.
    fn pinkfish(&mut self) -> Option<Token<'a>> {
        self.take(2);
        let (name, later) = code_name(self.rest);
        let is_closed = later.starts_with("%^");
        let sgr = pinkfish_sgr(name);
        // A text in the form of a code is dropped even if the code is unknown.
        let is_code = is_closed && !name.is_empty() || sgr.is_some() && later.is_empty();
        if !is_code {
            return None;
        }
        self.take(name.len());
        // One mark may close a code and open the next: `%^YELLOW%^B_MAGENTA%^` is common.
        let (next_name, after_next) = code_name(later.get(2..).unwrap_or_default());
        let is_shared = pinkfish_sgr(next_name).is_some() && after_next.starts_with("%^");
        if is_closed && !is_shared {
            self.take(2);
        }
        sgr.map(Token::Sgr)
    }

    /// Reads an escape sequence, whose ESC is at the front.
    fn escape(&mut self) -> Option<Token<'a>> {
        self.take(1);
        match self.rest.bytes().next()? {
            b'[' => {
                self.take(1);
                self.control_sequence()
            }
            b']' | b'P' | b'X' | b'^' | b'_' => {
                self.take(1);
                self.string();
                None
            }
            b' '..=b'~' => {
                // Intermediate bytes, and one final byte.
                let intermediates = self.rest.bytes().take_while(|byte| (b' '..=b'/').contains(byte)).count();
                self.take(intermediates);
                if self.rest.bytes().next().is_some_and(|byte| (b'0'..=b'~').contains(&byte)) {
                    self.take(1);
                }
                None
            }
            // No byte follows that could belong to the sequence.
            _ => None,
        }
    }

    /// Reads the sequence after `ESC [`. Only colours are accepted.
    fn control_sequence(&mut self) -> Option<Token<'a>> {
        let params = self.rest.bytes().take_while(|byte| (b'0'..=b'?').contains(byte)).count();
        let params = self.take(params);
        let intermediates = self.rest.bytes().take_while(|byte| (b' '..=b'/').contains(byte)).count();
        self.take(intermediates);
        // The sequence is cut off by the end of the text, or by a byte that cannot be part of it. The sequence is
        // dropped, but not what follows.
        let last = self.rest.bytes().next().filter(|byte| (b'@'..=b'~').contains(byte))?;
        self.take(1);
        let is_colour = last == b'm'
            && intermediates == 0
            && params.bytes().all(|byte| byte.is_ascii_digit() || byte == b';' || byte == b':');
        is_colour.then_some(Token::Sgr(params))
    }

    /// Drops a string to the terminal, up to its end or to a newline, which no legitimate string holds.
    fn string(&mut self) {
        let bytes = self.rest.as_bytes();
        let stops = |at: usize| match bytes[at] {
            BEL | ESC | CAN | SUB | b'\n' | b'\r' => true,
            0xc2 => self.rest[at..].starts_with(STRING_TERMINATOR),
            _ => false,
        };
        let end = (0..bytes.len()).find(|at| stops(*at)).unwrap_or(bytes.len());
        self.take(end);
        match self.rest.as_bytes() {
            [ESC, b'\\', ..] | [0xc2, ..] => drop(self.take(2)),
            [BEL | CAN | SUB, ..] => drop(self.take(1)),
            // A newline is text, and any other ESC begins a new sequence.
            _ => {}
        }
    }

    /// Reads a C1 control at the front. Some begin the sequences of `ESC` and a letter with a single character. The others
    /// mean nothing to a terminal today: they are characters of Windows-1252 that somebody has read as Latin-1.
    fn c1(&mut self) -> Option<Token<'a>> {
        let control = self.rest.chars().next()?;
        self.take(2);
        match control {
            '\u{9b}' => drop(self.control_sequence()),
            '\u{90}' | '\u{98}' | '\u{9d}' | '\u{9e}' | '\u{9f}' => self.string(),
            STRING_TERMINATOR => {}
            other => return Some(meant(other)).filter(|c| !c.is_control()).map(Token::Char),
        }
        None
    }

    /// Reads a code of mIRC, whose first byte is at the front.
    fn irc(&mut self) -> Option<Token<'a>> {
        let (change, bytes) = irc::read(self.rest.as_bytes());
        self.take(bytes);
        change.map(Token::Irc)
    }
}

/// Returns the name of the code that `text` may start with, and the rest.
fn code_name(text: &str) -> (&str, &str) {
    let is_name = |byte: &u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || *byte == b'_';
    text.split_at(text.bytes().take(CODE_BYTES_MAX).take_while(is_name).count())
}

impl<'a> Iterator for Tokens<'a> {
    type Item = Token<'a>;

    fn next(&mut self) -> Option<Token<'a>> {
        loop {
            let seen = self.seen_bytes();
            if seen > 0 {
                // `%%^^` stands for `%^`: its first `%` is visible, and then the mark without its doubling.
                if self.reads_codes() && self.rest.as_bytes()[seen - 1..].starts_with(b"%%^^") {
                    return Some(self.literal_mark(seen));
                }
                return Some(Token::Text(self.take(seen)));
            }
            let token = match self.rest.as_bytes() {
                [] => return None,
                [b'%', ..] => self.pinkfish(),
                [ESC, ..] => self.escape(),
                [0xc2, ..] => self.c1(),
                [code, ..] if irc::is_code(*code) => self.irc(),
                bytes @ [0xd8 | 0xe2, ..] => {
                    self.take(direction_bytes(bytes));
                    None
                }
                // CR LF becomes one newline, and so does a lone CR.
                [b'\r', next, ..] if *next != b'\n' => {
                    self.take(1);
                    Some(Token::Text("\n"))
                }
                _ => {
                    self.take(1);
                    None
                }
            };
            if token.is_some() {
                return token;
            }
        }
    }
}

impl<'a> Tokens<'a> {
    /// Returns the text up to `%%^^` with its first byte, and then the literal mark.
    fn literal_mark(&mut self, seen: usize) -> Token<'a> {
        if seen > 1 {
            return Token::Text(self.take(seen - 1));
        }
        // At `%%^^` in front: the two bytes in the middle are the literal mark.
        self.take(1);
        let literal = self.take(2);
        self.take(1);
        Token::Text(literal)
    }
}
