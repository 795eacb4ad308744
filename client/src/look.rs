//! How the output looks: on a terminal with colours and in its width, elsewhere plain.

use crate::style::Style;
use std::io::IsTerminal;

/// The width of a terminal that does not tell its own, in columns.
const USUAL_COLUMNS: usize = 80;
/// Narrower than this nothing can be laid out, in columns.
const COLUMNS_MIN: usize = 20;

/// How the output looks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Look {
    /// Colours are used.
    pub colour: bool,
    /// Lines are wrapped at this number of columns. `None`: they are not wrapped.
    pub columns: Option<usize>,
}

impl Look {
    /// The look for standard output. NO_COLOR, if it is set and not empty, switches colours off.
    pub fn of_stdout() -> Look {
        if !std::io::stdout().is_terminal() {
            return Look::default();
        }
        let is_set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        let is_dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        Look { colour: !is_set("NO_COLOR") && !is_dumb, columns: Some(columns().max(COLUMNS_MIN)) }
    }

    /// A text in a style.
    pub(crate) fn paint(&self, style: Style, text: &str) -> String {
        if self.colour && style != Style::Plain && !text.is_empty() {
            format!("\x1b[{}m{text}\x1b[0m", style.code())
        } else {
            text.to_owned()
        }
    }
}

fn columns() -> usize {
    #[cfg(unix)]
    if let Ok(size) = rustix::termios::tcgetwinsize(std::io::stdout())
        && size.ws_col > 0
    {
        return size.ws_col.into();
    }
    let told = std::env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok());
    told.unwrap_or(USUAL_COLUMNS)
}
