//! The page for people, which a program may be built without.

use i3_core::settings::PageFile;

/// Returns the files of the page for people, or none if the program is built without the page.
pub fn console() -> &'static [PageFile] {
    #[cfg(feature = "console")]
    return i3_console::FILES;
    #[cfg(not(feature = "console"))]
    return &[];
}
