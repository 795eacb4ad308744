//! Texts for a terminal: what others wrote is made harmless, and lines are wrapped at words.

use crate::look::Look;
use crate::style::Style;
use unicode_width::UnicodeWidthChar;

/// A longer word between two pinkfish delimiters is text and not a colour.
const PINKFISH_CODE_CHARS_MAX: usize = 24;

/// The pinkfish codes in use. Only these are also recognised where one delimiter ends a code and begins the next.
const PINKFISH_CODES: [&str; 34] = [
    "RESET",
    "BOLD",
    "FLASH",
    "REVERSE",
    "UNDERLINE",
    "ITALIC",
    "STRIKETHROUGH",
    "BLACK",
    "RED",
    "GREEN",
    "YELLOW",
    "ORANGE",
    "BLUE",
    "MAGENTA",
    "PINK",
    "PURPLE",
    "CYAN",
    "WHITE",
    "GREY",
    "LIGHTGREEN",
    "LIGHTRED",
    "LIGHTBLUE",
    "B_BLACK",
    "B_RED",
    "B_GREEN",
    "B_YELLOW",
    "B_ORANGE",
    "B_BLUE",
    "B_MAGENTA",
    "B_CYAN",
    "B_WHITE",
    "CLEARLINE",
    "INITTERM",
    "ENDTERM",
];

/// A text whose pieces have styles. All pieces are harmless.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Styled(Vec<(Style, String)>);

impl Styled {
    /// Adds a text in a style.
    pub(crate) fn with(mut self, style: Style, text: impl Into<String>) -> Styled {
        self.0.push((style, text.into()));
        self
    }

    /// Adds a text.
    pub(crate) fn and(self, text: impl Into<String>) -> Styled {
        self.with(Style::Plain, text)
    }

    /// Adds another styled text.
    pub(crate) fn join(mut self, other: Styled) -> Styled {
        self.0.extend(other.0);
        self
    }

    /// The text without its styles.
    pub(crate) fn plain(&self) -> String {
        self.0.iter().map(|(_, text)| text.as_str()).collect()
    }

    /// The lines of the text, wrapped at words. All but the first are indented.
    pub(crate) fn lines(&self, look: Look, indent: usize) -> Vec<String> {
        let all: Vec<(char, Style)> =
            self.0.iter().flat_map(|(style, text)| text.chars().map(|c| (c, *style))).collect();
        let Some(columns) = look.columns else { return vec![painted(&all, look)] };
        let indent = indent.min(columns / 2);
        wrapped(&all, columns, columns - indent)
            .into_iter()
            .enumerate()
            .map(|(at, line)| {
                let before = if at == 0 { String::new() } else { " ".repeat(indent) };
                before + &painted(line, look)
            })
            .collect()
    }
}

/// One line, with an escape where the style changes.
fn painted(line: &[(char, Style)], look: Look) -> String {
    let mut out = String::new();
    for piece in line.chunk_by(|one, other| one.1 == other.1) {
        let text: String = piece.iter().map(|(c, _)| *c).collect();
        out += &look.paint(piece[0].1, &text);
    }
    out
}

/// Breaks a text into lines: at blanks, and within words that are longer than a line.
fn wrapped(all: &[(char, Style)], first: usize, others: usize) -> Vec<&[(char, Style)]> {
    let (mut lines, mut rest) = (Vec::new(), all);
    loop {
        let columns = if lines.is_empty() { first } else { others };
        let (mut used, mut blank, mut end) = (0, None, rest.len());
        for (at, (c, _)) in rest.iter().enumerate() {
            used += char_columns(*c);
            if used > columns && *c != ' ' {
                end = at;
                break;
            }
            if *c == ' ' {
                blank = Some(at);
            }
        }
        if end == rest.len() {
            lines.push(trimmed(rest));
            return lines;
        }
        // A blank at the beginning would make an empty line.
        let at = blank.filter(|at| *at > 0).unwrap_or(end.max(1));
        lines.push(trimmed(&rest[..at]));
        rest = &rest[at..];
        let skip = rest.iter().take_while(|(c, _)| *c == ' ').count();
        rest = &rest[skip..];
        if rest.is_empty() {
            return lines;
        }
    }
}

fn trimmed(line: &[(char, Style)]) -> &[(char, Style)] {
    let end = line.iter().rposition(|(c, _)| *c != ' ').map_or(0, |at| at + 1);
    &line[..end]
}

fn char_columns(c: char) -> usize {
    c.width().unwrap_or(0)
}

/// The columns that a text takes on a terminal.
pub(crate) fn columns(text: &str) -> usize {
    text.chars().map(char_columns).sum()
}

/// Lines of plain text of at most this width.
pub(crate) fn wrap(text: &str, width: usize) -> Vec<String> {
    let all: Vec<(char, Style)> = text.chars().map(|c| (c, Style::Plain)).collect();
    wrapped(&all, width, width).into_iter().map(|line| line.iter().map(|(c, _)| *c).collect()).collect()
}

/// Removes pinkfish colour codes, and escapes all characters that are not visible.
pub(crate) fn plain(text: &str) -> String {
    escaped(&without_pinkfish(text))
}

/// Escapes all characters that are not visible.
pub(crate) fn escaped(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\t' => shown.push(' '),
            c if c.is_control() || is_invisible(c) => shown.extend(c.escape_default()),
            c => shown.push(c),
        }
    }
    shown
}

/// Whether a character separates lines or changes the text direction.
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

/// Removes colour codes such as `%^RED%^`, also in the form `%^BOLD%^RED%^`.
fn without_pinkfish(text: &str) -> String {
    let parts: Vec<&str> = text.split("%^").collect();
    let mut shown = String::with_capacity(text.len());
    shown.push_str(parts[0]);
    // A delimiter precedes each further part, and follows each part except the last.
    let mut after_code = false;
    for (index, part) in parts.iter().enumerate().skip(1) {
        let closed = index + 1 < parts.len();
        if after_code && !(closed && PINKFISH_CODES.contains(part)) {
            // The delimiter before this part was the end of a code.
            shown.push_str(part);
            after_code = false;
        } else if closed && is_pinkfish_code(part) {
            after_code = true;
        } else {
            shown.push_str("%^");
            shown.push_str(part);
        }
    }
    shown
}

fn is_pinkfish_code(part: &str) -> bool {
    part.len() <= PINKFISH_CODE_CHARS_MAX
        && part.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_' || c == '+')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_peers_text_cannot_drive_the_terminal() {
        for (text, expected) in [
            ("plain é 漢", "plain é 漢"),
            ("\u{1b}[2J\u{7}", "\\u{1b}[2J\\u{7}"),
            ("\u{9b}31m\u{7f}", "\\u{9b}31m\\u{7f}"),
            ("two\r\nlines\tand a tab", "two\\r\\nlines and a tab"),
            ("\u{202e}txt.exe\u{2066}\u{2028}", "\\u{202e}txt.exe\\u{2066}\\u{2028}"),
        ] {
            assert_eq!(plain(text), expected);
        }
    }

    #[test]
    fn pinkfish_codes_are_stripped() {
        for (text, expected) in [
            ("%^RED%^hot%^RESET%^", "hot"),
            ("%^BOLD%^%^RED%^hot%^RESET%^ cold", "hot cold"),
            ("%^BOLD%^RED%^hot%^RESET%^", "hot"),
            ("%^RED%^WARNING%^RESET%^", "WARNING"),
            ("%^B_BLUE%^%^LIGHT_9%^x", "x"),
            ("100%^ sure", "100%^ sure"),
            ("a %^not a code%^ b", "a %^not a code%^ b"),
            ("%^%^", ""),
            ("%^", "%^"),
            ("end %^RED%^", "end "),
            ("%^R%^ED%^\u{1b}%^", "ED%^\\u{1b}%^"),
        ] {
            assert_eq!(plain(text), expected, "{text:?}");
        }
    }

    fn words(text: &str, columns: usize) -> Vec<String> {
        Styled::default().and(text).lines(Look { colour: false, columns: Some(columns) }, 2)
    }

    #[test]
    fn lines_break_at_words_and_within_long_ones() {
        assert_eq!(words("one two three", 20), ["one two three"]);
        assert_eq!(words("one two three four five six", 10), ["one two", "  three", "  four", "  five six"]);
        assert_eq!(words("abcdefghijklmnopqrstuvwxyz", 10), ["abcdefghij", "  klmnopqr", "  stuvwxyz"]);
        assert_eq!(words("", 10), [""]);
        assert_eq!(words("exactly 10", 10), ["exactly 10"]);
        assert_eq!(words("ends in blanks      ", 14), ["ends in blanks"]);
    }

    #[test]
    fn wide_characters_take_two_columns() {
        assert_eq!(columns("漢字é\u{301}"), 5);
        assert_eq!(words("漢字漢字漢字", 10), ["漢字漢字漢", "  字"]);
        for line in words("漢字 汉字 カタカナ 🎲🎲🎲 ｗｉｄｅ", 11) {
            assert!(columns(&line) <= 11, "{line}");
        }
    }

    #[test]
    fn colours_end_with_each_line() {
        let text = Styled::default().with(Style::Good, "green words here").and(" plain");
        let look = Look { colour: true, columns: Some(12) };
        assert_eq!(text.lines(look, 0), ["\x1b[32mgreen words\x1b[0m", "\x1b[32mhere\x1b[0m plain"]);
        assert_eq!(text.plain(), "green words here plain");
    }
}
