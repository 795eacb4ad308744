//! Colours in texts: pinkfish (`%^RED%^…%^RESET%^`), which muds write, and ANSI, which terminals read.
//!
//! A text is taken apart into plain pieces and changes of style, and put together again in the form that a reader
//! wants. Whatever else a terminal would act on, escape sequences of any other kind and control characters, is left out
//! on the way, so it reaches nobody but a reader of raw text. All of it is linear in the length of the text, and what
//! comes out has at most [`GROWTH_MAX`] bytes for each byte that went in.

use std::borrow::Cow;
use std::fmt::Write;

/// The most that rendering lets a text grow: one visible character under a style of its own, in HTML.
pub const GROWTH_MAX: usize = 40;

/// How a reader wants a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TextStyle {
    /// As it came.
    Raw,
    /// Without colours and control characters; lines stay lines.
    Plain,
    /// With colours as ANSI SGR sequences, and no other sequence.
    Ansi,
    /// As an HTML fragment: colours as spans, everything else escaped.
    Html,
}

/// What a text looks like at one place.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Look {
    /// 30 to 37 or 90 to 97, as in SGR.
    foreground: Option<u8>,
    /// 40 to 47 or 100 to 107.
    background: Option<u8>,
    bold: bool,
    italic: bool,
    underline: bool,
    blink: bool,
    reverse: bool,
    strike: bool,
}

/// The pinkfish codes that FluffOS mudlibs know, and the SGR numbers they stand for.
const PINKFISH: &[(&str, &[u8])] = &[
    ("RESET", &[0]),
    ("BOLD", &[1]),
    ("ITALIC", &[3]),
    ("UNDERLINE", &[4]),
    ("FLASH", &[5]),
    ("REVERSE", &[7]),
    ("STRIKETHRU", &[9]),
    ("BLACK", &[30]),
    ("RED", &[31]),
    ("GREEN", &[32]),
    ("ORANGE", &[33]),
    ("YELLOW", &[1, 33]),
    ("BLUE", &[34]),
    ("MAGENTA", &[35]),
    ("CYAN", &[36]),
    ("WHITE", &[37]),
    ("B_BLACK", &[40]),
    ("B_RED", &[41]),
    ("B_GREEN", &[42]),
    ("B_ORANGE", &[43]),
    ("B_YELLOW", &[43]),
    ("B_BLUE", &[44]),
    ("B_MAGENTA", &[45]),
    ("B_CYAN", &[46]),
    ("B_WHITE", &[47]),
];

/// The colours of SGR 30 to 37, as xterm shows them.
const HTML_COLOURS: [&str; 8] = ["#000", "#c00", "#0a0", "#a60", "#22c", "#a0a", "#0aa", "#aaa"];
/// Those of 90 to 97.
const HTML_BRIGHT: [&str; 8] = ["#555", "#f55", "#5f5", "#ff5", "#55f", "#f5f", "#5ff", "#fff"];

impl Look {
    /// Applies one SGR number; one that is not known changes nothing.
    fn apply(&mut self, sgr: u8) {
        match sgr {
            0 => *self = Look::default(),
            1 => self.bold = true,
            3 => self.italic = true,
            4 => self.underline = true,
            5 => self.blink = true,
            7 => self.reverse = true,
            9 => self.strike = true,
            22 => self.bold = false,
            23 => self.italic = false,
            24 => self.underline = false,
            25 => self.blink = false,
            27 => self.reverse = false,
            29 => self.strike = false,
            30..=37 | 90..=97 => self.foreground = Some(sgr),
            39 => self.foreground = None,
            40..=47 | 100..=107 => self.background = Some(sgr),
            49 => self.background = None,
            _ => {}
        }
    }

    fn flags(self) -> [(bool, u8, &'static str); 6] {
        [
            (self.bold, 1, "font-weight:bold"),
            (self.italic, 3, "font-style:italic"),
            (self.underline, 4, "text-decoration:underline"),
            (self.blink, 5, ""),
            (self.reverse, 7, ""),
            (self.strike, 9, "text-decoration:line-through"),
        ]
    }

    /// The sequence that makes it so, whatever was before.
    fn ansi(self, out: &mut String) {
        out.push_str("\u{1b}[0");
        let set = self.flags().into_iter().filter(|(on, ..)| *on).map(|(_, sgr, _)| sgr);
        for sgr in set.chain(self.foreground).chain(self.background) {
            // Writing to a String cannot fail.
            let _ = write!(out, ";{sgr}");
        }
        out.push('m');
    }

    fn span(self, out: &mut String) {
        let colour = |sgr: u8, normal: u8, bright: u8| {
            let at = usize::from(sgr - if sgr >= bright { bright } else { normal });
            if sgr >= bright { HTML_BRIGHT[at] } else { HTML_COLOURS[at] }
        };
        out.push_str("<span style=\"");
        let mut first = true;
        let mut rule = |text: &str, value: &str| {
            if !std::mem::take(&mut first) {
                out.push(';');
            }
            out.push_str(text);
            out.push_str(value);
        };
        for (_, _, css) in self.flags().into_iter().filter(|(on, _, css)| *on && !css.is_empty()) {
            rule(css, "");
        }
        let [front, back] = if self.reverse { ["background:", "color:"] } else { ["color:", "background:"] };
        if let Some(sgr) = self.foreground {
            rule(front, colour(sgr, 30, 90));
        }
        if let Some(sgr) = self.background {
            rule(back, colour(sgr, 40, 100));
        }
        out.push_str("\">");
    }
}

/// A piece of a text.
#[derive(Debug, PartialEq, Eq)]
enum Piece<'a> {
    /// To be shown: no escape, no control character but newline and tab.
    Text(&'a str),
    /// A pinkfish code.
    Code(&'static [u8]),
    /// The parameters of an SGR sequence.
    Sgr(&'a str),
}

/// Takes a text apart. Sequences that are no colour do not come out.
struct Pieces<'a> {
    rest: &'a str,
    /// What stands before `rest` ended with `%^`.
    after_mark: bool,
}

impl<'a> Pieces<'a> {
    fn new(text: &'a str) -> Self {
        Pieces { rest: text, after_mark: false }
    }

    fn cut(&mut self, bytes: usize) -> &'a str {
        let (taken, rest) = self.rest.split_at(bytes);
        self.rest = rest;
        taken
    }

    /// A code of pinkfish up to the next mark, which is left for the one that may follow it.
    fn code(&mut self) -> Option<&'static [u8]> {
        let longest = PINKFISH.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
        let within = self.rest.as_bytes().iter().take(longest + 1).position(|byte| *byte == b'%')?;
        let (name, after) = self.rest.split_at(within);
        after.starts_with("%^").then_some(())?;
        let (_, sgr) = PINKFISH.iter().find(|(known, _)| *known == name)?;
        self.cut(within);
        Some(sgr)
    }

    /// An escape sequence, of which the introducer has been taken. Gives its parameters if it is SGR.
    fn sequence(&mut self, introducer: char) -> Option<&'a str> {
        match introducer {
            '[' | '\u{9b}' => {
                // ECMA-48: parameters and intermediates, then a final byte.
                let end = self.rest.find(|c: char| !(' '..='?').contains(&c)).unwrap_or(self.rest.len());
                let parameters = self.cut(end);
                let last = self.rest.chars().next().filter(|c| ('@'..='~').contains(c))?;
                self.cut(1);
                (last == 'm').then_some(parameters)
            }
            // Strings for the terminal: up to BEL or ST, or to the end.
            ']' | 'P' | 'X' | '^' | '_' | '\u{90}' | '\u{98}' | '\u{9d}' | '\u{9e}' | '\u{9f}' => {
                let end = self.rest.find(['\u{7}', '\u{1b}', '\u{9c}']).unwrap_or(self.rest.len());
                self.cut(end);
                let over =
                    ["\u{7}", "\u{9c}", "\u{1b}\\"].into_iter().find(|over| self.rest.starts_with(over));
                self.cut(over.map_or(0, str::len));
                None
            }
            _ => None,
        }
    }

    /// What `c`, a control character that has been taken, begins.
    fn control(&mut self, c: char) -> Option<&'a str> {
        match c {
            '\u{1b}' => {
                let end = self.rest.find(|c: char| !(' '..='/').contains(&c)).unwrap_or(self.rest.len());
                self.cut(end);
                let introducer = self.rest.chars().next().filter(|c| ('0'..='~').contains(c))?;
                self.cut(1);
                if end == 0 { self.sequence(introducer) } else { None }
            }
            c1 => self.sequence(c1),
        }
    }
}

impl<'a> Iterator for Pieces<'a> {
    type Item = Piece<'a>;

    fn next(&mut self) -> Option<Piece<'a>> {
        loop {
            if std::mem::take(&mut self.after_mark)
                && let Some(sgr) = self.code()
            {
                return Some(Piece::Code(sgr));
            }
            let mut chars = self.rest.char_indices();
            let first = chars.next()?.1;
            if self.rest.starts_with("%%^^") {
                // The literal mark: its middle is what it shows.
                let literal = &self.cut(4)[1..3];
                return Some(Piece::Text(literal));
            }
            if self.rest.starts_with("%^") {
                self.cut(2);
                self.after_mark = true;
                continue;
            }
            if hidden(first) {
                self.cut(first.len_utf8());
                match self.control(first) {
                    Some(parameters) => return Some(Piece::Sgr(parameters)),
                    None => continue,
                }
            }
            let end = chars.find(|(_, c)| *c == '%' || hidden(*c)).map_or(self.rest.len(), |(at, _)| at);
            return Some(Piece::Text(self.cut(end)));
        }
    }
}

/// Whether a terminal may act on it.
fn hidden(c: char) -> bool {
    c.is_control() && c != '\n' && c != '\t'
}

/// The SGR numbers in the parameters of a sequence. Colours of the larger palettes are passed over with their numbers.
fn sgr_numbers(parameters: &str) -> impl Iterator<Item = u8> + '_ {
    let mut skip = 0;
    let mut palette = false;
    parameters.split(';').filter_map(move |number| {
        let number = if number.is_empty() { 0 } else { number.parse().ok()? };
        if palette {
            // 38;5;n and 38;2;r;g;b
            palette = false;
            skip = if number == 2 { 3 } else { 1 };
            return None;
        }
        if skip > 0 {
            skip -= 1;
            return None;
        }
        palette = matches!(number, 38 | 48);
        (!palette).then_some(number)
    })
}

/// A text as its reader wants it.
pub fn render(text: &str, style: TextStyle) -> Cow<'_, str> {
    let special = |c: char| hidden(c) || (style == TextStyle::Html && entity(c).is_some());
    if style == TextStyle::Raw || (!text.contains("%^") && !text.contains(special)) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    let (mut look, mut shown) = (Look::default(), Look::default());
    for piece in Pieces::new(text) {
        match piece {
            Piece::Code(sgr) => sgr.iter().for_each(|sgr| look.apply(*sgr)),
            Piece::Sgr(parameters) => sgr_numbers(parameters).for_each(|sgr| look.apply(sgr)),
            Piece::Text(text) => {
                if look != shown {
                    change(&mut out, shown, look, style);
                    shown = look;
                }
                show(&mut out, text, style);
            }
        }
    }
    change(&mut out, shown, Look::default(), style);
    Cow::Owned(out)
}

/// Goes from one look to another.
fn change(out: &mut String, from: Look, to: Look, style: TextStyle) {
    match style {
        TextStyle::Ansi if from != to => to.ansi(out),
        TextStyle::Html => {
            if from != Look::default() {
                out.push_str("</span>");
            }
            if to != Look::default() {
                to.span(out);
            }
        }
        _ => {}
    }
}

fn show(out: &mut String, text: &str, style: TextStyle) {
    if style != TextStyle::Html {
        return out.push_str(text);
    }
    for c in text.chars() {
        match entity(c) {
            Some(entity) => out.push_str(entity),
            None => out.push(c),
        }
    }
}

/// What HTML writes in place of a character.
fn entity(c: char) -> Option<&'static str> {
    Some(match c {
        '&' => "&amp;",
        '<' => "&lt;",
        '>' => "&gt;",
        '"' => "&quot;",
        '\'' => "&#39;",
        _ => return None,
    })
}

/// The text that [`render`] made the HTML of, as far as entities go: for names that come back from who read HTML.
pub fn unescape_html(text: &str) -> Cow<'_, str> {
    if !text.contains('&') {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('&') {
        let (before, from) = rest.split_at(at);
        out.push_str(before);
        let found =
            ['&', '<', '>', '"', '\''].into_iter().find(|c| entity(*c).is_some_and(|e| from.starts_with(e)));
        out.push(found.unwrap_or('&'));
        rest = &from[found.and_then(entity).map_or(1, str::len)..];
    }
    out.push_str(rest);
    Cow::Owned(out)
}

/// What a client wrote, in the network's own writing: ANSI colours as pinkfish, other sequences left out. A text without
/// escape sequences is not touched.
pub fn to_pinkfish(text: &str) -> Cow<'_, str> {
    if !text.contains(['\u{1b}', '\u{9b}']) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = Pieces::new(text);
    while !rest.rest.is_empty() {
        // Pinkfish that is there already stays as it is: only what a control character begins is looked at.
        let plain = rest.rest.find(hidden).unwrap_or(rest.rest.len());
        out.push_str(rest.cut(plain));
        let Some(c) = rest.rest.chars().next() else { break };
        rest.cut(c.len_utf8());
        let Some(parameters) = rest.control(c) else { continue };
        for sgr in sgr_numbers(parameters) {
            // Bright colours are bold ones.
            let (bold, sgr) = if (90..=97).contains(&sgr) { (true, sgr - 60) } else { (false, sgr) };
            if bold {
                out.push_str("%^BOLD%^");
            }
            if let Some((name, _)) = PINKFISH.iter().find(|(_, codes)| *codes == [sgr]) {
                out.push_str("%^");
                out.push_str(name);
                out.push_str("%^");
            }
        }
    }
    Cow::Owned(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn colours_come_out_as_each_reader_wants_them() {
        for (text, plain, ansi, html) in [
            ("no colour", "no colour", "no colour", "no colour"),
            (
                "%^RED%^red%^RESET%^ end",
                "red end",
                "\u{1b}[0;31mred\u{1b}[0m end",
                "<span style=\"color:#c00\">red</span> end",
            ),
            // Malformed neighbours, common in the wild: a mark serves two codes.
            (
                "%^YELLOW%^B_MAGENTA%^x",
                "x",
                "\u{1b}[0;1;33;45mx\u{1b}[0m",
                "<span style=\"font-weight:bold;color:#a60;background:#a0a\">x</span>",
            ),
            (
                "100%^ of %^NOCODE%^ %%^^RED%%^^",
                "100 of NOCODE %^RED%^",
                "100 of NOCODE %^RED%^",
                "100 of NOCODE %^RED%^",
            ),
            (
                "\u{1b}[1;31mhot\u{1b}[m & <cold>",
                "hot & <cold>",
                "\u{1b}[0;1;31mhot\u{1b}[0m & <cold>",
                "<span style=\"font-weight:bold;color:#c00\">hot</span> &amp; &lt;cold&gt;",
            ),
            ("\u{1b}[38;5;196mx\u{1b}[48;2;1;2;3my", "xy", "xy", "xy"),
            ("%^RED%^%^RESET%^", "", "", ""),
            (
                "two\nlines\tand\ra tab",
                "two\nlines\tanda tab",
                "two\nlines\tanda tab",
                "two\nlines\tanda tab",
            ),
            ("%^FLASH%^!", "!", "\u{1b}[0;5m!\u{1b}[0m", "<span style=\"\">!</span>"),
        ] {
            assert_eq!(render(text, TextStyle::Raw), text);
            assert_eq!(render(text, TextStyle::Plain), plain, "{text:?}");
            assert_eq!(render(text, TextStyle::Ansi), ansi, "{text:?}");
            assert_eq!(render(text, TextStyle::Html), html, "{text:?}");
        }
    }

    #[test]
    fn hostile_sequences_vanish() {
        for hostile in [
            "\u{1b}[2J",                // clear the screen
            "\u{1b}]0;title\u{7}",      // set the title
            "\u{1b}]52;c;aGk=\u{1b}\\", // write the clipboard
            "\u{1b}Pq#0\u{1b}\\",       // sixels
            "\u{1b}c",                  // reset
            "\u{1b}(0",                 // another character set
            "\u{9b}6n",                 // answer with the cursor's place
            "\u{9d}0;title\u{9c}",
            "\u{1b}[?1049h",
            "\u{1b}_apc\u{1b}\\",
            "\u{7f}\u{8}\u{0}",
        ] {
            for style in [TextStyle::Plain, TextStyle::Ansi, TextStyle::Html] {
                assert_eq!(render(&format!("a{hostile}b"), style), "ab", "{hostile:?}");
            }
        }
        // Without an end they take the rest with them, which is the sender's own.
        assert_eq!(render("a\u{1b}]0;evil", TextStyle::Plain), "a");
        assert_eq!(render("a\u{1b}[12", TextStyle::Plain), "a");
    }

    #[test]
    fn what_is_written_in_ansi_goes_out_in_pinkfish() {
        for (written, sent) in [
            ("plain %^RED%^", "plain %^RED%^"),
            ("\u{1b}[31mred\u{1b}[0m", "%^RED%^red%^RESET%^"),
            ("\u{1b}[1;44mx\u{1b}[92my\u{1b}[2J", "%^BOLD%^%^B_BLUE%^x%^BOLD%^%^GREEN%^y"),
            ("\u{1b}[38;5;9mx%%^^", "x%%^^"),
        ] {
            assert_eq!(to_pinkfish(written), sent, "{written:?}");
        }
    }

    #[test]
    fn names_survive_a_reader_of_html() {
        for name in ["Crat's Agony", "<&>\"'", "a & b &amp; c", "&", "plain"] {
            assert_eq!(unescape_html(&render(name, TextStyle::Html)), name);
        }
    }

    const ESC: char = '\u{1b}';

    proptest! {
        #[test]
        fn nothing_that_a_terminal_or_a_browser_acts_on_gets_through(
            text in "(\\PC|%|\\^|\u{1b}|\\[|[0-9;m]|RED|B_BLUE|RESET|\u{9b}|\u{9d}|\u{7}|\n|<|&){0,60}"
        ) {
            let plain = render(&text, TextStyle::Plain);
            prop_assert!(plain.chars().all(|c| !hidden(c)));
            let ansi = render(&text, TextStyle::Ansi);
            for (at, _) in ansi.match_indices('\u{1b}') {
                let sequence = &ansi[at + 1..];
                let end = sequence.find('m').expect("an SGR sequence ends");
                prop_assert!(sequence.starts_with('[') && sequence[1..end].bytes().all(|b| b.is_ascii_digit() || b == b';'));
            }
            let html = render(&text, TextStyle::Html).replace("</span>", "");
            let tags = html.matches("<span style=\"").count();
            prop_assert_eq!(html.matches('<').count(), tags);
            prop_assert!(html.chars().all(|c| !hidden(c)));
            for style in [TextStyle::Plain, TextStyle::Ansi, TextStyle::Html] {
                prop_assert!(render(&text, style).len() <= text.len() * GROWTH_MAX + GROWTH_MAX);
            }
            let written = to_pinkfish(&text);
            prop_assert!(!written.contains(ESC));
        }
    }
}
