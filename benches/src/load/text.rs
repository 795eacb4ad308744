//! Numbered lines: what is sent, and how its number is found in what arrives.

use crate::daemon::Outcome;

/// The digits of a number.
const DIGITS: usize = 8;

/// Stands around the digits, so that they are found whatever comes before them.
const MARK: u8 = b'#';

/// The text of a line of a mud: its number, and words up to the given length.
pub fn spoken(bytes: usize) -> String {
    let words = "the tower of the old wizard is closed today since the dragon has come back ";
    let mut text = format!("#{:0DIGITS$}# ", 0);
    text.extend(words.chars().cycle().take(bytes.saturating_sub(text.len())));
    text
}

/// Bytes with a number in them that is replaced.
#[derive(Clone, Debug)]
pub struct Numbered {
    bytes: Vec<u8>,
    at: usize,
}

impl Numbered {
    /// Bytes that contain `#00000000#`, or any other number between the marks.
    pub fn new(bytes: Vec<u8>) -> Outcome<Numbered> {
        let at = find(&bytes).ok_or("there is no number in it")?;
        Ok(Numbered { bytes, at })
    }

    /// The bytes with this number.
    pub fn with(&mut self, number: u64) -> &[u8] {
        write(&mut self.bytes[self.at..], number);
        &self.bytes
    }

    /// How many bytes it has.
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Whether it has none, which is never so.
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// As many copies as fit into a number of bytes, at least one, and at most the given number.
    pub fn piece(&self, bytes_max: usize, lines_max: u64) -> Piece {
        let lines = (bytes_max / self.bytes.len()).clamp(1, usize::try_from(lines_max).unwrap_or(usize::MAX));
        Piece { bytes: self.bytes.repeat(lines), each: self.bytes.len(), at: self.at }
    }
}

/// Several copies of one line, which are numbered in place.
#[derive(Clone, Debug)]
pub struct Piece {
    bytes: Vec<u8>,
    each: usize,
    at: usize,
}

impl Piece {
    /// How many lines it has.
    pub fn lines(&self) -> u64 {
        (self.bytes.len() / self.each) as u64
    }

    /// Its first lines, with numbers from the given one on.
    pub fn from(&mut self, first: u64, lines: u64) -> &[u8] {
        let lines = lines.min(self.lines());
        for n in 0..lines {
            write(&mut self.bytes[n as usize * self.each + self.at..], first + n);
        }
        &self.bytes[..lines as usize * self.each]
    }
}

/// Packets of a router, each with a number.
pub trait Packets {
    /// Appends packets from this number on, at least one and at most as many, and gives how many.
    fn append(&mut self, first: u64, most: u64, into: &mut Vec<u8>) -> u64;
}

impl Packets for Piece {
    fn append(&mut self, first: u64, most: u64, into: &mut Vec<u8>) -> u64 {
        let count = self.lines().min(most);
        into.extend_from_slice(self.from(first, count));
        count
    }
}

/// Packets that a function makes, one at a time.
#[derive(Debug)]
pub struct Made<F>(pub F);

impl<F: FnMut(u64) -> Vec<u8>> Packets for Made<F> {
    fn append(&mut self, first: u64, _: u64, into: &mut Vec<u8>) -> u64 {
        into.extend_from_slice(&(self.0)(first));
        1
    }
}

/// The text of a line with this number.
pub fn numbered(number: u64, rest: &str) -> String {
    format!("#{number:0DIGITS$}# {rest}")
}

fn write(into: &mut [u8], mut number: u64) {
    for digit in into[..DIGITS].iter_mut().rev() {
        *digit = b'0' + (number % 10) as u8;
        number /= 10;
    }
}

/// Where the digits of the first number begin.
fn find(bytes: &[u8]) -> Option<usize> {
    (1..bytes.len().saturating_sub(DIGITS)).find(|at| number_at(bytes, *at).is_some())
}

/// The number whose digits begin there.
fn number_at(bytes: &[u8], at: usize) -> Option<u64> {
    let digits = bytes.get(at..at + DIGITS)?;
    let marks = (*bytes.get(at.checked_sub(1)?)?, *bytes.get(at + DIGITS)?);
    if marks != (MARK, MARK) || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    Some(digits.iter().fold(0, |number, digit| number * 10 + u64::from(digit - b'0')))
}

/// Finds numbers in lines that are alike: it looks first where the number of the line before was.
#[derive(Clone, Copy, Debug, Default)]
pub struct Finder {
    at: usize,
}

impl Finder {
    /// The number in a line, if it has one.
    pub fn number(&mut self, line: &[u8]) -> Option<u64> {
        if let Some(number) = number_at(line, self.at) {
            return Some(number);
        }
        let at = find(line)?;
        self.at = at;
        number_at(line, at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_and_found_again() {
        let mut line = Numbered::new(format!("{{\"message\":\"{}\"}}\n", spoken(40)).into_bytes()).unwrap();
        let mut finder = Finder::default();
        for number in [0, 7, 12_345_678, 99_999_999] {
            assert_eq!(finder.number(line.with(number)), Some(number));
        }
        assert_eq!(finder.number(b"no number #1234# here"), None);
        assert_eq!(finder.number(b"elsewhere #00000042#"), Some(42));
        let mut piece = line.piece(200, 100);
        let lines = piece.lines();
        assert!(lines > 1);
        let bytes = piece.from(5, 2).to_vec();
        let found: Vec<_> =
            bytes.split_inclusive(|byte| *byte == b'\n').map(|line| finder.number(line)).collect();
        assert_eq!(found, [Some(5), Some(6)]);
    }
}
