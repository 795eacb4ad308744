//! Colours in texts, and characters that texts must not hold.
//!
//! Texts of the network hold pinkfish codes (`%^RED%^`, the notation of LPC muds; `%%^^` is a literal `%^`), ANSI
//! escape sequences, the colour codes of mIRC, and whatever else a user has typed. A client chooses the form in which it receives them
//! ([`render`]). What it sends goes out in pinkfish ([`to_pinkfish`]). `tokens` splits a text, and `style` defines the
//! colours.
//!
//! A conversion takes one pass, and its output is bounded by its input. Plain text never grows. The other forms add at
//! most [`CHANGES_MAX`] changes of style with [`CHANGE_BYTES_MAX`] bytes each, and HTML's escapes turn one byte into
//! six.

mod irc;
mod style;
#[cfg(test)]
mod tests;
mod tokens;

use crate::describe::macros::words;
use std::borrow::Cow;
use style::{Op, Style};
use tokens::{Token, Tokens, direction_bytes};

words! {
    /// The form in which a client reads texts.
    pub enum TextStyle {
        /// Unchanged, except that colour codes of mIRC become pinkfish codes. This includes hostile escape sequences and
        /// characters that change the writing direction.
        Raw = "raw",
        /// Without colours, without control characters except newlines and tabs, and without characters that change the
        /// writing direction (U+202E and similar ones), which could reorder a screen or a log.
        Plain = "plain",
        /// Colours as ANSI SGR sequences, reset at the end; otherwise like `Plain`.
        Ansi = "ansi",
        /// Escaped for an HTML element or attribute, with colours as `<span style="…">`, properly closed; otherwise
        /// like `Plain`.
        Html = "html",
    }
}

/// Number of changes of style in one text beyond which colours are left out, since a change grows in the conversion. A
/// rainbow over a long line has one for each letter.
pub const CHANGES_MAX: usize = 1000;

/// The most bytes that one change of style adds in any form.
pub const CHANGE_BYTES_MAX: usize = 200;

/// Renders a text in a client's style.
pub fn render(text: &str, style: TextStyle) -> Cow<'_, str> {
    match style {
        TextStyle::Raw => raw(text),
        _ if is_clean(text, style == TextStyle::Html) => Cow::Borrowed(text),
        TextStyle::Plain => Cow::Owned(plain(text)),
        TextStyle::Ansi => Cow::Owned(ansi(text)),
        TextStyle::Html => Cow::Owned(html(text)),
    }
}

/// Whether a text can stay unchanged, as most can.
fn is_clean(text: &str, as_html: bool) -> bool {
    let bytes = text.as_bytes();
    bytes.iter().enumerate().all(|(at, byte)| match byte {
        b'\n' | b'\t' => true,
        0..=0x1f | 0x7f => false,
        b'%' => bytes.get(at + 1) != Some(&b'^'),
        // The lead byte of U+0080 to U+00BF. The first half of these are the C1 controls.
        0xc2 => bytes.get(at + 1).is_some_and(|next| *next >= 0xa0),
        0xd8 | 0xe2 => direction_bytes(&bytes[at..]) == 0,
        b'&' | b'<' | b'>' | b'"' | b'\'' => !as_html,
        _ => true,
    })
}

/// Whether a byte begins a colour code of mIRC.
pub fn is_irc_code(byte: u8) -> bool {
    irc::is_code(byte)
}

/// Renders a text for a client of IRC: colours as codes of mIRC, without other control characters except newlines and tabs.
pub fn to_irc(text: &str) -> Cow<'_, str> {
    if is_clean(text, false) {
        return Cow::Borrowed(text);
    }
    let room = text.len() + text.len() / 4;
    let show = |text: &str, out: &mut String| {
        // Digits after a comma would be read as a background.
        if text.starts_with(',') && style::ends_with_irc_colour(out) {
            out.push_str(style::IRC_NOTHING);
        }
        out.push_str(text);
    };
    Cow::Owned(rewrite(Tokens::for_reader(text), room, |_, to, out| to.write_irc(out), show))
}

/// Leaves a text as it is, but for the codes of mIRC: no mud reads those.
fn raw(text: &str) -> Cow<'_, str> {
    if !text.bytes().any(irc::is_code) {
        return Cow::Borrowed(text);
    }
    let change = |from: Style, to: Style, out: &mut String| to.write_pinkfish(from, out);
    Cow::Owned(rewrite(Tokens::for_raw_reader(text), text.len(), change, |text, out| out.push_str(text)))
}

fn plain(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for token in Tokens::for_reader(text) {
        match token {
            Token::Text(text) => out.push_str(text),
            Token::Char(c) => out.push(c),
            Token::Sgr(_) | Token::Irc(_) => {}
        }
    }
    out
}

/// Joins the tokens of a text. `change` writes the change from one style to another, and `show` writes visible text. A
/// style that is still open at the end is closed.
fn rewrite(
    tokens: Tokens<'_>,
    room: usize,
    change: impl Fn(Style, Style, &mut String),
    show: impl Fn(&str, &mut String),
) -> String {
    let mut out = String::with_capacity(room);
    let (mut style, mut shown, mut changes) = (Style::default(), Style::default(), 0);
    let mut buffer = [0; 4];
    for token in tokens {
        let text = match token {
            Token::Sgr(params) => {
                Op::all(params).for_each(|op| style.apply(op));
                continue;
            }
            Token::Irc(ops) => {
                ops.into_iter().flatten().for_each(|op| style.apply(op));
                continue;
            }
            Token::Text(text) => text,
            Token::Char(c) => c.encode_utf8(&mut buffer),
        };
        if style != shown && changes < CHANGES_MAX {
            changes += 1;
            change(shown, style, &mut out);
            shown = style;
        }
        show(text, &mut out);
    }
    if shown != Style::default() {
        change(shown, Style::default(), &mut out);
    }
    out
}

fn ansi(text: &str) -> String {
    let room = text.len() + text.len() / 4;
    rewrite(Tokens::for_reader(text), room, |_, to, out| to.write_ansi(out), |text, out| out.push_str(text))
}

/// Renders HTML. Spans are never nested.
fn html(text: &str) -> String {
    let change = |from: Style, to: Style, out: &mut String| {
        close_span(from, out);
        to.write_span(out);
    };
    rewrite(Tokens::for_reader(text), text.len() + text.len() / 4, change, escape_html)
}

fn close_span(shown: Style, out: &mut String) {
    if shown.has_span() {
        out.push_str("</span>");
    }
}

fn escape_html(text: &str, out: &mut String) {
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
}

/// Reverses the escapes that [`render`] writes for HTML: a client that reads HTML sends names back as it has received
/// them.
pub fn unescape_html(text: &str) -> Cow<'_, str> {
    let Some(first) = text.find('&') else { return Cow::Borrowed(text) };
    let (before, mut rest) = text.split_at(first);
    let mut out = String::with_capacity(text.len());
    out.push_str(before);
    let names = [("&amp;", '&'), ("&lt;", '<'), ("&gt;", '>'), ("&quot;", '"'), ("&#39;", '\'')];
    while let Some(c) = rest.chars().next() {
        match names.iter().find_map(|(name, c)| Some((rest.strip_prefix(name)?, *c))) {
            Some((later, c)) => {
                out.push(c);
                rest = later;
            }
            None => {
                out.push(c);
                rest = &rest[c.len_utf8()..];
            }
        }
    }
    Cow::Owned(out)
}

/// Converts a text for the network. SGR sequences and codes of mIRC become pinkfish codes, and other escape sequences are dropped. A
/// colour that pinkfish lacks becomes the nearest of its sixteen. A colour that is still open at the end is closed.
pub fn to_pinkfish(text: &str) -> Cow<'_, str> {
    if !has_escapes(text) {
        return Cow::Borrowed(text);
    }
    let change = |from: Style, to: Style, out: &mut String| to.write_pinkfish(from, out);
    let tokens = Tokens::for_network(text);
    Cow::Owned(rewrite(tokens, text.len(), change, |text, out| out.push_str(text)))
}

/// Whether a text holds a control character other than a newline or a tab.
fn has_escapes(text: &str) -> bool {
    text.chars().any(|c| c.is_control() && !matches!(c, '\n' | '\t'))
}
