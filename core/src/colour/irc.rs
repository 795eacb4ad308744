//! The colours of mIRC, which players of games with a bridge to IRC paste or type.
//!
//! A control character switches bold, italics and the like on or off, or is followed by the numbers of colours. A reader
//! that drops only the control character shows the numbers.

use super::style::{BOLD, Colour, IRC_DEFAULT, IRC_NAMED, ITALIC, Op, REVERSE, STRIKE, UNDERLINE};

/// What one code changes.
pub(super) type Change = [Option<Op>; 2];

/// Followed by the number of a colour, and perhaps by a comma and the number of a background.
const COLOUR: u8 = 0x03;
/// Followed by the six hexadecimal digits of a colour, and perhaps by a comma and those of a background.
const HEX_COLOUR: u8 = 0x04;
const RESET: u8 = 0x0f;
/// A fixed width of all characters, which every terminal has.
const MONOSPACE: u8 = 0x11;

/// The control characters that switch an attribute, which SGR gives a number.
const SWITCHES: [(u8, u8); 5] =
    [(0x02, BOLD), (0x16, REVERSE), (0x1d, ITALIC), (0x1e, STRIKE), (0x1f, UNDERLINE)];

/// The numbers from 16 to 98.
const FURTHER: [u32; 83] = [
    0x470000, 0x472100, 0x474700, 0x324700, 0x004700, 0x00472c, 0x004747, 0x002747, 0x000047, 0x2e0047,
    0x470047, 0x47002a, 0x740000, 0x743a00, 0x747400, 0x517400, 0x007400, 0x007449, 0x007474, 0x004074,
    0x000074, 0x4b0074, 0x740074, 0x740045, 0xb50000, 0xb56300, 0xb5b500, 0x7db500, 0x00b500, 0x00b571,
    0x00b5b5, 0x0063b5, 0x0000b5, 0x7500b5, 0xb500b5, 0xb5006b, 0xff0000, 0xff8c00, 0xffff00, 0xb2ff00,
    0x00ff00, 0x00ffa0, 0x00ffff, 0x008cff, 0x0000ff, 0xa500ff, 0xff00ff, 0xff0098, 0xff5959, 0xffb459,
    0xffff71, 0xcfff60, 0x6fff6f, 0x65ffc9, 0x6dffff, 0x59b4ff, 0x5959ff, 0xc459ff, 0xff66ff, 0xff59bc,
    0xff9c9c, 0xffd39c, 0xffff9c, 0xe2ff9c, 0x9cff9c, 0x9cffdb, 0x9cffff, 0x9cd3ff, 0x9c9cff, 0xdc9cff,
    0xff9cff, 0xff94d3, 0x000000, 0x131313, 0x282828, 0x363636, 0x4d4d4d, 0x656565, 0x818181, 0x9f9f9f,
    0xbcbcbc, 0xe2e2e2, 0xffffff,
];

/// Whether a byte begins a code.
pub(super) fn is_code(byte: u8) -> bool {
    // Every text is searched for them, and hardly any holds one.
    byte < b' '
        && (matches!(byte, COLOUR | HEX_COLOUR | RESET | MONOSPACE)
            || SWITCHES.iter().any(|(code, _)| *code == byte))
}

/// Reads the code at the front of `bytes`. Returns what it changes, if anything, and its length.
pub(super) fn read(bytes: &[u8]) -> (Option<Change>, usize) {
    let Some((code, rest)) = bytes.split_first() else { return (None, 0) };
    match *code {
        RESET => (Some([Some(Op::Reset), None]), 1),
        COLOUR => colours(rest, number),
        HEX_COLOUR => colours(rest, hexadecimal),
        code => {
            let attribute =
                SWITCHES.iter().find(|(known, _)| *known == code).map(|(_, attribute)| *attribute);
            (attribute.map(|attribute| [Some(Op::Switch(attribute)), None]), 1)
        }
    }
}

/// A colour with the number of bytes that it takes.
type Found = Option<(Option<Colour>, usize)>;

/// Reads a colour, and a background if there is one. No colour at all ends both.
fn colours(rest: &[u8], read: fn(&[u8]) -> Found) -> (Option<Change>, usize) {
    let Some((foreground, bytes)) = read(rest) else {
        return (Some([Some(Op::Foreground(None)), Some(Op::Background(None))]), 1);
    };
    let background = rest[bytes..].strip_prefix(b",").and_then(read);
    let length = 1 + bytes + background.map_or(0, |(_, bytes)| bytes + 1);
    (Some([Some(Op::Foreground(foreground)), background.map(|(colour, _)| Op::Background(colour))]), length)
}

/// Reads one or two digits.
fn number(bytes: &[u8]) -> Found {
    let digits = bytes.iter().take(2).take_while(|byte| byte.is_ascii_digit()).count();
    let number = bytes[..digits].iter().fold(0, |sum, digit| sum * 10 + (digit - b'0'));
    let colour = match number {
        IRC_DEFAULT => None,
        named @ 0..16 => Some(Colour::Indexed(IRC_NAMED[usize::from(named)])),
        further => FURTHER.get(usize::from(further) - 16).map(|colour| rgb(*colour)),
    };
    (digits > 0).then_some((colour, digits))
}

/// Reads six hexadecimal digits.
fn hexadecimal(bytes: &[u8]) -> Found {
    let digits = std::str::from_utf8(bytes.get(..6)?).ok()?;
    let is_good = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    let colour = u32::from_str_radix(digits, 16).ok().filter(|_| is_good)?;
    Some((Some(rgb(colour)), 6))
}

fn rgb(colour: u32) -> Colour {
    let [_, red, green, blue] = colour.to_be_bytes();
    Colour::Rgb(red, green, blue)
}
