//! The names of character sets in the settings.

use crate::path::Path;
use crate::read::SettingsReader;
use i3_core::settings::Charset;

/// Reads a character set. UTF-8 is the default.
pub(crate) fn charset(reader: &mut SettingsReader<'_>, path: &Path) -> Option<Charset> {
    if reader.node(path).is_none() {
        return Some(Charset::Utf8);
    }
    match reader.text(path)?.to_ascii_lowercase().as_str() {
        "utf-8" | "utf8" => Some(Charset::Utf8),
        "latin-1" | "latin1" | "iso-8859-1" => Some(Charset::Latin1),
        _ => {
            reader.error(path, "unknown character set", "write utf-8 or latin-1");
            None
        }
    }
}
