//! The page for people: what a browser loads from the gateway at `/`, as files that are part of the program.
//!
//! `www/` holds the files as they are served. `www/vendor/` holds libraries of others, unchanged, each with its licence;
//! `vendor.toml` has their origins and checksums. There is no build step.

use i3_core::settings::PageFile;

/// Bytes of all files together.
pub const BYTES_MAX: usize = 150_000;

const HTML: &str = "text/html; charset=utf-8";
const CSS: &str = "text/css; charset=utf-8";
const JS: &str = "text/javascript; charset=utf-8";
const SVG: &str = "image/svg+xml";
const TEXT: &str = "text/plain; charset=utf-8";

/// A file of `www/`, served below `/console/`.
macro_rules! file {
    ($path:literal, $kind:expr) => {
        PageFile {
            path: concat!("/console/", $path),
            content_type: $kind,
            body: include_bytes!(concat!("../www/", $path)),
        }
    };
}

/// The files. The first is the page itself.
pub static FILES: &[PageFile] = &[
    PageFile { path: "/", content_type: HTML, body: include_bytes!("../www/index.html") },
    file!("app.css", CSS),
    file!("app.js", JS),
    file!("ansi.js", JS),
    file!("api.js", JS),
    file!("actions.js", JS),
    file!("icon.svg", SVG),
    file!("log.js", JS),
    file!("lpc.js", JS),
    file!("store.js", JS),
    file!("ui.js", JS),
    file!("views/channels.js", JS),
    file!("views/home.js", JS),
    file!("views/moderation.js", JS),
    file!("views/network.js", JS),
    file!("views/preview.js", JS),
    file!("views/sessions.js", JS),
    file!("views/tells.js", JS),
    file!("views/trace.js", JS),
    file!("vendor/htm.mjs", JS),
    file!("vendor/htm.LICENSE.txt", TEXT),
    file!("vendor/preact.mjs", JS),
    file!("vendor/preact.LICENSE.txt", TEXT),
];
