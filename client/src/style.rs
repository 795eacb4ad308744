//! How a piece of text is shown.

/// How a piece of text is shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Style {
    #[default]
    Plain,
    /// Less important: times, marks.
    Dim,
    /// A heading.
    Bold,
    /// A channel.
    Channel,
    /// Something is well.
    Good,
    /// Something is wrong.
    Bad,
    /// A name; names differ in their colours.
    Name(u8),
}

/// The colours of names. None is that of a channel, of good or of bad.
const NAMES: [&str; 6] = ["33", "34", "35", "93", "94", "95"];

impl Style {
    /// The style of a name. The same name always has the same one.
    pub(crate) fn name(name: &str) -> Style {
        let sum = name
            .bytes()
            .fold(7_u32, |sum, byte| sum.wrapping_mul(31).wrapping_add(byte.to_ascii_lowercase().into()));
        Style::Name((sum % NAMES.len() as u32) as u8)
    }

    pub(crate) fn code(self) -> &'static str {
        match self {
            Style::Plain => "0",
            Style::Dim => "2",
            Style::Bold => "1",
            Style::Channel => "36",
            Style::Good => "32",
            Style::Bad => "31",
            Style::Name(at) => NAMES[usize::from(at) % NAMES.len()],
        }
    }
}
