//! Patterns with `*` (any text) and `?` (any character), without regard to case.
//!
//! A name is compared with a thousand patterns, and another mud chooses the name. So the work must not depend on how
//! the two fit: a pattern is a set of states, each a bit, and each character of the name moves all of them at once. Libraries
//! that try a `*` with one length after the other need time that is the product of both lengths.

/// Number of bits in a word.
const WORD_BITS: usize = 64;

/// A pattern.
#[derive(Debug)]
pub(super) struct Glob {
    /// The text before the first `*` or `?`.
    head: String,
    /// The text after the last one. Unused if there is none.
    tail: String,
    /// What is between them, from the first to the last `*` or `?`. `None`: the pattern is just `head`.
    middle: Option<Middle>,
}

/// The part of a pattern that begins and ends with `*` or `?`. State `n` means that `n` characters of it have been
/// matched; each state is a bit.
#[derive(Debug)]
struct Middle {
    /// For each character that it contains, in order: the states that this character leads on from.
    moves: Vec<(char, Vec<u64>)>,
    /// The states that any character leads on from: a `?` comes next.
    moves_always: Vec<u64>,
    /// The states that last, whatever comes: a `*` comes next.
    stays: Vec<u64>,
    /// The number of characters to be matched. This state is the end.
    end: usize,
}

fn set(bits: &mut [u64], at: usize) {
    bits[at / WORD_BITS] |= 1 << (at % WORD_BITS);
}

fn has(bits: &[u64], at: usize) -> bool {
    bits[at / WORD_BITS] >> (at % WORD_BITS) & 1 == 1
}

impl Middle {
    fn new(pattern: &str) -> Middle {
        let end = pattern.chars().filter(|c| *c != '*').count();
        let none = vec![0; end / WORD_BITS + 1];
        let (mut moves, mut moves_always, mut stays) = (Vec::new(), none.clone(), none.clone());
        let mut at = 0;
        for c in pattern.chars() {
            match c {
                '*' => set(&mut stays, at),
                '?' => {
                    set(&mut moves_always, at);
                    at += 1;
                }
                _ => {
                    let place = moves.binary_search_by_key(&c, |(known, _)| *known).unwrap_or_else(|place| {
                        moves.insert(place, (c, none.clone()));
                        place
                    });
                    set(&mut moves[place].1, at);
                    at += 1;
                }
            }
        }
        Middle { moves, moves_always, stays, end }
    }

    /// Each character costs one step over all states.
    fn matches(&self, text: &str) -> bool {
        let mut states = vec![0; self.stays.len()];
        set(&mut states, 0);
        for c in text.chars() {
            let moves = self.moves.binary_search_by_key(&c, |(known, _)| *known);
            let moves = moves.ok().map(|place| &self.moves[place].1);
            let mut carried = 0;
            for (word, state) in states.iter_mut().enumerate() {
                let leads_on = self.moves_always[word] | moves.map_or(0, |moves| moves[word]);
                let moved = *state & leads_on;
                *state = *state & self.stays[word] | moved << 1 | carried;
                carried = moved >> (WORD_BITS - 1);
            }
        }
        has(&states, self.end)
    }
}

impl Glob {
    pub(super) fn new(pattern: &str) -> Glob {
        let pattern = pattern.to_lowercase();
        let is_special = |c| matches!(c, '*' | '?');
        let (Some(first), Some(last)) = (pattern.find(is_special), pattern.rfind(is_special)) else {
            return Glob { head: pattern, tail: String::new(), middle: None };
        };
        let (head, middle, tail) = (&pattern[..first], &pattern[first..=last], &pattern[last + 1..]);
        Glob { head: head.to_owned(), tail: tail.to_owned(), middle: Some(Middle::new(middle)) }
    }

    /// Whether a text in lower case fits.
    pub(super) fn matches(&self, text: &str) -> bool {
        let Some(middle) = &self.middle else { return text == self.head };
        // Most patterns differ from a name at one of its ends, which is found without a step.
        let rest = text.strip_prefix(&*self.head).and_then(|rest| rest.strip_suffix(&*self.tail));
        rest.is_some_and(|rest| middle.matches(rest))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_fit_what_they_describe() {
        for (pattern, fitting, others) in [
            ("bob@sage", &["bob@sage"][..], &["bob@sag", "bob@sagee", ""][..]),
            ("*", &["", "a", "ab"], &[]),
            ("?", &["a", "é"], &["", "ab"]),
            (
                "B?b@*Spam",
                &["bob@spam", "bib@the spam", "b*b@spamspam"],
                &["bb@spam", "bob@spam2", "bob@spa"],
            ),
            ("a*a", &["aa", "aba", "aaa"], &["a", "ab", "ba"]),
            ("*a*b*", &["ab", "xaxbx", "aab"], &["ba", "a", "b"]),
            ("a**?c", &["abc", "abbc"], &["ac", "abcd"]),
            ("?*?", &["ab", "abc"], &["a", ""]),
            ("*ab?cd*", &["abxcd", "ababxcd", "abcabxcdx"], &["abcd", "abxc"]),
            ("ÉTÉ*", &["été", "été 2"], &["ete"]),
        ] {
            let glob = Glob::new(pattern);
            assert_eq!(fitting.iter().find(|text| !glob.matches(text)), None, "{pattern}");
            assert_eq!(others.iter().find(|text| glob.matches(text)), None, "{pattern}");
        }
    }

    /// A slow but obvious implementation.
    fn fits(pattern: &[char], text: &[char]) -> bool {
        match (pattern, text) {
            ([], []) => true,
            (['*', rest @ ..], _) => (0..=text.len()).any(|skipped| fits(rest, &text[skipped..])),
            (['?', pattern @ ..], [_, text @ ..]) => fits(pattern, text),
            ([wanted, pattern @ ..], [c, text @ ..]) => wanted == c && fits(pattern, text),
            _ => false,
        }
    }

    #[test]
    fn a_glob_agrees_with_the_obvious_implementation() {
        let mut rng = fastrand::Rng::with_seed(5);
        for _ in 0..20_000 {
            let mut random = |letters: &[char]| {
                (0..rng.usize(..9)).map(|_| *rng.choice(letters).unwrap()).collect::<Vec<_>>()
            };
            let (pattern, text) = (random(&['a', 'b', '*', '?']), random(&['a', 'b']));
            let expected = fits(&pattern, &text);
            let as_text = |chars: &[char]| chars.iter().collect::<String>();
            assert_eq!(
                Glob::new(&as_text(&pattern)).matches(&as_text(&text)),
                expected,
                "{pattern:?} {text:?}"
            );
        }
    }

    /// Long patterns need more than one word.
    #[test]
    fn a_long_pattern_is_matched_to_its_end() {
        let pattern = format!("*{}?{}*", "a".repeat(100), "b".repeat(100));
        let glob = Glob::new(&pattern);
        for (before, between, after, expected) in [(0, 1, 0, true), (70, 1, 200, true), (5, 0, 5, false)] {
            let text = [
                "x".repeat(before),
                "a".repeat(100),
                "-".repeat(between),
                "b".repeat(100),
                "y".repeat(after),
            ];
            assert_eq!(glob.matches(&text.concat()), expected, "{before} {between} {after}");
        }
    }

    /// Without optimisation this takes a second. A product of the lengths for each pattern would take an hour.
    #[test]
    fn a_name_that_nearly_fits_takes_no_longer() {
        let glob = Glob::new(&format!("*{}b*", "a*a".repeat(80)));
        let text = "a".repeat(1_000_000);
        assert!(!glob.matches(&text));
    }
}
