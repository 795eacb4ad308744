//! The style of a text at one place, and how each form writes it.

use std::fmt::Write;

/// A colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Colour {
    /// One of the 256 colours of terminals. The first 16 have names.
    Indexed(u8),
    /// Red, green, blue.
    Rgb(u8, u8, u8),
}

/// The named colours as most terminals show them, the dark ones first, with a hexadecimal digit for each component.
const PALETTE: [[u8; 3]; 16] = [
    *b"000", *b"c00", *b"0a0", *b"a60", *b"22c", *b"a0a", *b"0aa", *b"aaa", //
    *b"555", *b"f55", *b"5f5", *b"ff5", *b"55f", *b"f5f", *b"5ff", *b"fff",
];

/// The dark colours in pinkfish. With `BOLD` they become the bright ones, except that its yellow is bright already.
const PINKFISH: [&str; 8] = ["BLACK", "RED", "GREEN", "ORANGE", "BLUE", "MAGENTA", "CYAN", "WHITE"];

impl Colour {
    fn rgb(self) -> (u8, u8, u8) {
        match self {
            Colour::Rgb(red, green, blue) => (red, green, blue),
            Colour::Indexed(index @ 0..16) => {
                let [red, green, blue] = PALETTE[usize::from(index)].map(|digit| match digit {
                    b'0'..=b'9' => (digit - b'0') * 0x11,
                    _ => (digit - b'a' + 10) * 0x11,
                });
                (red, green, blue)
            }
            // A cube with six steps for each component, then shades of grey.
            Colour::Indexed(index @ 16..232) => {
                let step = |step: u8| if step == 0 { 0 } else { 55 + 40 * step };
                let index = index - 16;
                (step(index / 36), step(index / 6 % 6), step(index % 6))
            }
            Colour::Indexed(index) => {
                let grey = 8 + 10 * (index - 232);
                (grey, grey, grey)
            }
        }
    }

    fn write_css(self, out: &mut String) {
        let (red, green, blue) = self.rgb();
        // Writing to a String cannot fail.
        let _ = match self {
            Colour::Indexed(0..16) => write!(out, "#{:x}{:x}{:x}", red / 0x11, green / 0x11, blue / 0x11),
            _ => write!(out, "#{red:02x}{green:02x}{blue:02x}"),
        };
    }

    /// Writes the SGR parameter that sets the colour; `base` is the parameter of black.
    fn write_sgr(self, base: u8, out: &mut String) {
        // Writing to a String cannot fail.
        let _ = match self {
            Colour::Indexed(index @ 0..8) => write!(out, ";{}", base + index),
            Colour::Indexed(index @ 8..16) => write!(out, ";{}", base + 60 + index - 8),
            Colour::Indexed(index) => write!(out, ";{};5;{index}", base + 8),
            Colour::Rgb(red, green, blue) => write!(out, ";{};2;{red};{green};{blue}", base + 8),
        };
    }

    /// Returns the nearest of the 16 named colours.
    fn named(self) -> usize {
        if let Colour::Indexed(index @ 0..16) = self {
            return usize::from(index);
        }
        let (red, green, blue) = self.rgb();
        let distance = |index: &u8| {
            let (r, g, b) = Colour::Indexed(*index).rgb();
            let square = |a: u8, b: u8| i32::from(a.abs_diff(b)).pow(2);
            square(red, r) + square(green, g) + square(blue, b)
        };
        (0..16).min_by_key(distance).map_or(0, usize::from)
    }
}

/// An accepted parameter of an SGR sequence. Hidden text and fast blinking are not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Op {
    Reset,
    /// Switches one of the eight attributes, by its number in SGR, on or off.
    Attribute(u8, bool),
    /// Switches an attribute on if it is off, and off if it is on.
    Switch(u8),
    Foreground(Option<Colour>),
    Background(Option<Colour>),
}

pub(super) const BOLD: u8 = 1;
const DIM: u8 = 2;
pub(super) const ITALIC: u8 = 3;
pub(super) const UNDERLINE: u8 = 4;
const BLINK: u8 = 5;
pub(super) const REVERSE: u8 = 7;
pub(super) const STRIKE: u8 = 9;

impl Op {
    /// Returns the accepted parameters of a sequence. `params` is the text between `ESC [` and `m`.
    pub(super) fn all(params: &str) -> impl Iterator<Item = Op> {
        let mut numbers = params.split(';').map(|param| match param {
            "" => Some(0),
            digits => digits.parse::<u8>().ok(),
        });
        std::iter::from_fn(move || {
            loop {
                // A parameter that is not a number up to 255 has no effect.
                let Some(number) = numbers.next()? else { continue };
                let op = match number {
                    0 => Op::Reset,
                    BOLD | DIM | ITALIC | UNDERLINE | BLINK | REVERSE | STRIKE => Op::Attribute(number, true),
                    22 => Op::Attribute(BOLD, false),
                    23 | 24 | 25 | 27 | 29 => Op::Attribute(number - 20, false),
                    30..=37 => Op::Foreground(Some(Colour::Indexed(number - 30))),
                    40..=47 => Op::Background(Some(Colour::Indexed(number - 40))),
                    90..=97 => Op::Foreground(Some(Colour::Indexed(number - 82))),
                    100..=107 => Op::Background(Some(Colour::Indexed(number - 92))),
                    39 => Op::Foreground(None),
                    49 => Op::Background(None),
                    38 | 48 => {
                        let mut next = || numbers.next().flatten();
                        let colour = match next() {
                            Some(5) => next().map(Colour::Indexed),
                            Some(2) => match (next(), next(), next()) {
                                (Some(red), Some(green), Some(blue)) => Some(Colour::Rgb(red, green, blue)),
                                _ => None,
                            },
                            _ => None,
                        };
                        let Some(colour) = colour else { continue };
                        if number == 38 { Op::Foreground(Some(colour)) } else { Op::Background(Some(colour)) }
                    }
                    _ => continue,
                };
                return Some(op);
            }
        })
    }
}

/// The style of a text at one place.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Style {
    foreground: Option<Colour>,
    background: Option<Colour>,
    /// One bit for each attribute that is on.
    attributes: u16,
}

impl Style {
    pub(super) fn apply(&mut self, op: Op) {
        match op {
            Op::Reset => *self = Style::default(),
            Op::Attribute(attribute, true) => self.attributes |= 1 << attribute,
            Op::Attribute(BOLD, false) => self.attributes &= !(1 << BOLD | 1 << DIM),
            Op::Attribute(attribute, false) => self.attributes &= !(1 << attribute),
            Op::Switch(attribute) => self.attributes ^= 1 << attribute,
            Op::Foreground(colour) => self.foreground = colour,
            Op::Background(colour) => self.background = colour,
        }
    }

    fn is(self, attribute: u8) -> bool {
        self.attributes & 1 << attribute != 0
    }

    /// Returns the visible colours: bold makes a dark foreground bright, and reverse swaps the two.
    fn seen(self) -> [Option<Colour>; 2] {
        let foreground = match self.foreground {
            Some(Colour::Indexed(dark @ 0..8)) if self.is(BOLD) => Some(Colour::Indexed(dark + 8)),
            other => other,
        };
        match self.is(REVERSE) {
            false => [foreground, self.background],
            // The colours of a page are unknown. Most terminals show light text on a dark background.
            true => [
                Some(self.background.unwrap_or(Colour::Indexed(0))),
                Some(foreground.unwrap_or(Colour::Indexed(7))),
            ],
        }
    }

    /// Whether HTML shows the style.
    pub(super) fn has_span(self) -> bool {
        self.attributes & !(1 << BLINK) != 0 || self.foreground.is_some() || self.background.is_some()
    }

    /// Appends the sequence that sets the style, whatever it was before.
    pub(super) fn write_ansi(self, out: &mut String) {
        out.push_str("\x1b[0");
        for attribute in [BOLD, DIM, ITALIC, UNDERLINE, BLINK, REVERSE, STRIKE] {
            if self.is(attribute) {
                // Writing to a String cannot fail.
                let _ = write!(out, ";{attribute}");
            }
        }
        for (base, colour) in [(30, self.foreground), (40, self.background)] {
            if let Some(colour) = colour {
                colour.write_sgr(base, out);
            }
        }
        out.push('m');
    }

    /// Appends the codes of mIRC that set the style, whatever it was before.
    pub(super) fn write_irc(self, out: &mut String) {
        out.push('\x0f');
        for (attribute, code) in
            [(BOLD, '\x02'), (ITALIC, '\x1d'), (UNDERLINE, '\x1f'), (REVERSE, '\x16'), (STRIKE, '\x1e')]
        {
            if self.is(attribute) {
                out.push(code);
            }
        }
        let number = |colour: Option<Colour>| colour.map(|colour| irc_number(colour.named()));
        // Writing to a String cannot fail.
        let _ = match (number(self.foreground), number(self.background)) {
            (Some(foreground), None) => write!(out, "\x03{foreground:02}"),
            (foreground, Some(background)) => {
                write!(out, "\x03{:02},{background:02}", foreground.unwrap_or(usize::from(IRC_DEFAULT)))
            }
            (None, None) => Ok(()),
        };
    }

    /// Opens a span if the style is visible. The span holds no part of the text.
    pub(super) fn write_span(self, out: &mut String) {
        if !self.has_span() {
            return;
        }
        let mut separator = "<span style=\"";
        let mut rule = |out: &mut String, rule: &str| {
            out.push_str(separator);
            out.push_str(rule);
            separator = ";";
        };
        for (attribute, css) in
            [(BOLD, "font-weight:bold"), (DIM, "opacity:0.7"), (ITALIC, "font-style:italic")]
        {
            if self.is(attribute) {
                rule(out, css);
            }
        }
        match (self.is(UNDERLINE), self.is(STRIKE)) {
            (true, true) => rule(out, "text-decoration:underline line-through"),
            (true, false) => rule(out, "text-decoration:underline"),
            (false, true) => rule(out, "text-decoration:line-through"),
            (false, false) => {}
        }
        for (property, colour) in ["color:", "background:"].iter().zip(self.seen()) {
            if let Some(colour) = colour {
                rule(out, property);
                colour.write_css(out);
            }
        }
        out.push_str("\">");
    }

    /// Appends the codes that change `shown` to this style.
    pub(super) fn write_pinkfish(self, shown: Style, out: &mut String) {
        let code = |name: &str, out: &mut String| {
            out.push_str("%^");
            out.push_str(name);
            out.push_str("%^");
        };
        // Only RESET can switch an attribute off.
        let takes_back = shown.attributes & !self.attributes != 0
            || (shown.foreground.is_some() && self.foreground != shown.foreground)
            || (shown.background.is_some() && self.background != shown.background);
        let from = if takes_back {
            code("RESET", out);
            Style::default()
        } else {
            shown
        };
        let is_new = |attribute: u8| self.is(attribute) && !from.is(attribute);
        let foreground = self.foreground.filter(|_| self.foreground != from.foreground).map(Colour::named);
        if is_new(BOLD) || foreground.is_some_and(|colour| colour >= 8 && !from.is(BOLD)) {
            code("BOLD", out);
        }
        for (attribute, name) in [
            (ITALIC, "ITALIC"),
            (UNDERLINE, "UNDERLINE"),
            (BLINK, "FLASH"),
            (REVERSE, "REVERSE"),
            (STRIKE, "STRIKETHROUGH"),
        ] {
            if is_new(attribute) {
                code(name, out);
            }
        }
        if let Some(colour) = foreground {
            code(PINKFISH[colour % 8], out);
        }
        if let Some(colour) = self.background.filter(|_| self.background != from.background) {
            out.push_str("%^B_");
            out.push_str(PINKFISH[colour.named() % 8]);
            out.push_str("%^");
        }
    }
}

/// The first sixteen numbers of colours in codes of mIRC, as colours of a terminal.
pub(super) const IRC_NAMED: [u8; 16] = [15, 0, 4, 2, 9, 1, 5, 3, 11, 10, 6, 14, 12, 13, 8, 7];

/// The number of the colour that a reader has where none is set.
pub(super) const IRC_DEFAULT: u8 = 99;

/// Returns the number of one of the 16 named colours.
fn irc_number(named: usize) -> usize {
    IRC_NAMED.iter().position(|known| usize::from(*known) == named).unwrap_or_default()
}

/// Two codes of mIRC that change nothing together.
pub(super) const IRC_NOTHING: &str = "\x02\x02";

/// Whether a text ends with a code of mIRC for a colour without a background.
pub(super) fn ends_with_irc_colour(text: &str) -> bool {
    matches!(text.as_bytes(), [.., 0x03, b'0'..=b'9', b'0'..=b'9'])
}

/// Returns the SGR parameters of a pinkfish code, or `None` for codes that are not about style (`INITTERM`, `STATUS`,
/// …) and for unknown ones.
pub(super) fn pinkfish_sgr(name: &str) -> Option<&'static str> {
    Some(match name {
        "RESET" => "0",
        "BOLD" => "1",
        "ITALIC" | "ITALICS" => "3",
        "UNDERLINE" => "4",
        "FLASH" | "BLINK" => "5",
        "REVERSE" => "7",
        "STRIKETHROUGH" | "STRIKETHRU" => "9",
        "BLACK" => "30",
        "RED" => "31",
        "GREEN" => "32",
        "ORANGE" => "33",
        "YELLOW" => "1;33",
        "BLUE" => "34",
        "MAGENTA" | "PURPLE" => "35",
        "CYAN" => "36",
        "WHITE" => "37",
        "GREY" | "GRAY" => "37",
        "B_BLACK" => "40",
        "B_RED" => "41",
        "B_GREEN" => "42",
        "B_ORANGE" | "B_YELLOW" => "43",
        "B_BLUE" => "44",
        "B_MAGENTA" | "B_PURPLE" => "45",
        "B_CYAN" => "46",
        "B_WHITE" => "47",
        _ => return None,
    })
}
