//! Serves the files of the page for people. They are settings ([`PageFile`]): the core knows nothing of what they hold.

use super::http::Head;
use crate::settings::PageFile;
use sha2::{Digest, Sha256};

/// The path of the page itself, for clients that ask for HTML.
const PAGE: &str = "/";

/// What a browser may do with the files: load scripts, styles and pictures from this gateway only, connect to it only,
/// and take scripts and styles from files only. No other site may show the page in a frame.
const HEADERS: &str = "Content-Security-Policy: default-src 'none'; script-src 'self'; style-src 'self'; \
                       img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; \
                       frame-ancestors 'none'\r\n\
                       X-Content-Type-Options: nosniff\r\n\
                       Referrer-Policy: no-referrer\r\n\
                       Cross-Origin-Resource-Policy: same-origin\r\n\
                       Vary: Accept\r\n";

/// A file that a client has asked for.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) file: &'static PageFile,
    /// The client has it already.
    pub(super) is_known: bool,
    /// Further headers of the answer, each with its line end.
    pub(super) headers: String,
}

/// Returns the file that a request is for, if it is for one.
pub(super) fn wanted(files: &'static [PageFile], head: &Head) -> Option<Found> {
    if !matches!(head.method.as_str(), "GET" | "HEAD") {
        return None;
    }
    let file = files.iter().find(|file| file.path == head.path)?;
    if file.path == PAGE && !head.accept.as_deref().is_some_and(accepts_html) {
        return None;
    }
    let tag = tag_of(file.body);
    let is_known = head.if_none_match.as_deref().is_some_and(|known| {
        known.split(',').any(|one| one.trim().trim_start_matches("W/") == tag || one.trim() == "*")
    });
    Some(Found { file, is_known, headers: format!("{HEADERS}ETag: {tag}\r\n") })
}

/// Whether a client names HTML among what it accepts. `*/*` alone does not count: that is what programs send.
fn accepts_html(accept: &str) -> bool {
    accept.split(',').any(|entry| {
        let mut parts = entry.split(';').map(str::trim);
        let is_html = parts.next().is_some_and(|kind| kind.eq_ignore_ascii_case("text/html"));
        let is_refused = |part: &str| {
            let weight = part.strip_prefix("q=").or_else(|| part.strip_prefix("Q="));
            weight.and_then(|weight| weight.parse().ok()) == Some(0.0_f64)
        };
        is_html && !parts.any(is_refused)
    })
}

/// Returns a text that identifies these contents (RFC 9110, 8.8.3).
fn tag_of(body: &[u8]) -> String {
    let digest = Sha256::digest(body);
    let hex: String = digest[..16].iter().map(|byte| format!("{byte:02x}")).collect();
    format!("\"{hex}\"")
}

#[cfg(test)]
mod tests {
    use super::*;

    static FILES: &[PageFile] = &[
        PageFile { path: "/", content_type: "text/html; charset=utf-8", body: b"<p>" },
        PageFile { path: "/console/app.js", content_type: "text/javascript; charset=utf-8", body: b"1" },
    ];

    fn head(method: &str, path: &str, accept: Option<&str>) -> Head {
        let (method, path, accept) = (method.to_owned(), path.to_owned(), accept.map(str::to_owned));
        Head { method, path, accept, ..Head::default() }
    }

    #[test]
    fn the_page_is_for_those_who_ask_for_html() {
        for (accept, is_found) in [
            (Some("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"), true),
            (Some("application/json, TEXT/HTML;level=1"), true),
            (Some("text/html;q=0"), false),
            (Some("text/html; q=0.0"), false),
            (Some("*/*"), false),
            (Some("text/*"), false),
            (Some("application/json"), false),
            (None, false),
        ] {
            let found = wanted(FILES, &head("GET", "/", accept));
            assert_eq!(found.is_some(), is_found, "{accept:?}");
        }
        assert!(wanted(FILES, &head("HEAD", "/", Some("text/html"))).is_some());
        assert!(wanted(FILES, &head("POST", "/", Some("text/html"))).is_none());
        assert!(wanted(&[], &head("GET", "/", Some("text/html"))).is_none());
        // A script is asked for with any Accept.
        assert!(wanted(FILES, &head("GET", "/console/app.js", Some("*/*"))).is_some());
        assert!(wanted(FILES, &head("GET", "/console/", Some("text/html"))).is_none());
        assert!(wanted(FILES, &head("GET", "/console/../app.js", None)).is_none());
    }

    #[test]
    fn what_the_client_has_is_not_sent_again() {
        let tag = tag_of(b"1");
        for (known, is_known) in [
            (tag.clone(), true),
            (format!("\"x\", W/{tag}"), true),
            ("*".to_owned(), true),
            (tag_of(b"2"), false),
            (String::new(), false),
        ] {
            let head = Head { if_none_match: Some(known.clone()), ..head("GET", "/console/app.js", None) };
            assert_eq!(wanted(FILES, &head).map(|found| found.is_known), Some(is_known), "{known}");
        }
    }
}
