//! The files of the page: how long they are, where they come from, and what is not in them.

use i3_console::{BYTES_MAX, FILES};
use i3_core::settings::PageFile;
use serde::Deserialize;
use sha2::{Digest, Sha256};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("www")
}

/// The paths of all files below `www/`.
fn found() -> BTreeSet<String> {
    let (mut folders, mut files) = (vec![folder()], BTreeSet::new());
    while let Some(next) = folders.pop() {
        for entry in std::fs::read_dir(next).unwrap().map(|entry| entry.unwrap().path()) {
            if entry.is_dir() {
                folders.push(entry);
            } else {
                files.insert(entry.strip_prefix(folder()).unwrap().to_str().unwrap().to_owned());
            }
        }
    }
    files
}

fn text(file: &PageFile) -> &'static str {
    std::str::from_utf8(file.body).unwrap_or_else(|_| panic!("{} is not UTF-8", file.path))
}

#[test]
fn all_files_together_are_small() {
    let bytes: usize = FILES.iter().map(|file| file.body.len()).sum();
    assert!(bytes <= BYTES_MAX, "{bytes} bytes, at most {BYTES_MAX}");
}

#[test]
fn each_file_is_served_under_its_path() {
    let served: BTreeSet<String> = FILES
        .iter()
        .map(
            |file| if file.path == "/" { "index.html" } else { file.path.strip_prefix("/console/").unwrap() },
        )
        .map(str::to_owned)
        .collect();
    assert_eq!(served, found());
    assert_eq!(served.len(), FILES.len(), "no path is there twice");
    for file in FILES.iter().skip(1) {
        let kind = match file.path.rsplit('.').next().unwrap() {
            "js" | "mjs" => "text/javascript; charset=utf-8",
            "css" => "text/css; charset=utf-8",
            "svg" => "image/svg+xml",
            _ => "text/plain; charset=utf-8",
        };
        assert_eq!(file.content_type, kind, "{}", file.path);
    }
}

#[derive(Deserialize)]
struct Vendored {
    file: Vec<Entry>,
}

#[derive(Deserialize)]
struct Entry {
    name: String,
    package: String,
    version: String,
    license: String,
    sha256: String,
}

#[test]
fn the_libraries_are_unchanged_and_each_has_its_licence() {
    let list = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("vendor.toml")).unwrap();
    let entries = toml::from_str::<Vendored>(&list).unwrap().file;
    let listed: BTreeSet<String> = entries.iter().map(|entry| format!("vendor/{}", entry.name)).collect();
    let there: BTreeSet<String> = found().into_iter().filter(|path| path.starts_with("vendor/")).collect();
    assert_eq!(listed, there);
    for entry in &entries {
        let bytes = std::fs::read(folder().join("vendor").join(&entry.name)).unwrap();
        let digest: String = Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(digest, entry.sha256, "{} is not that of {} {}", entry.name, entry.package, entry.version);
        assert!(!entry.license.is_empty());
        let licence = format!("{}.LICENSE.txt", entry.package);
        assert!(entries.iter().any(|other| other.name == licence), "{} has no licence", entry.name);
    }
}

#[test]
fn nothing_is_inline_or_from_elsewhere() {
    let own = FILES.iter().filter(|file| !file.path.contains("/vendor/"));
    for file in own {
        let text = text(file);
        for forbidden in [
            "innerHTML",
            "outerHTML",
            "insertAdjacentHTML",
            "document.write",
            "eval(",
            "new Function",
            "dangerouslySet",
        ] {
            assert!(!text.contains(forbidden), "{} has {forbidden}", file.path);
        }
        for (at, _) in text.match_indices("://") {
            let before = text[..at].rsplit(|c: char| !c.is_ascii_alphabetic()).next().unwrap();
            let after = &text[at + 3..];
            assert!(
                after.starts_with("www.w3.org/"),
                "{}: {before}://{}",
                file.path,
                &after[..20.min(after.len())]
            );
        }
    }
    let page = text(&FILES[0]);
    assert!(page.contains("<noscript>") && page.contains("lang=\"en\""));
    for forbidden in [" style=", "<style", " onload", " onclick", "javascript:"] {
        assert!(!page.contains(forbidden), "{forbidden}");
    }
    // Below any path of a proxy: no address begins with a slash.
    assert!(!page.contains("=\"/"), "{page}");
    for script in page.match_indices("<script").map(|(at, _)| &page[at..]) {
        assert!(
            script.contains(" src=\"console/") && script[..script.find("</script>").unwrap()].ends_with('>')
        );
    }
}

#[test]
fn what_a_module_imports_is_served() {
    for file in FILES.iter().filter(|file| file.content_type.starts_with("text/javascript")) {
        let own = Path::new(file.path).parent().unwrap();
        for rest in text(file).split("from '").skip(1) {
            let name = rest.split('\'').next().unwrap();
            if !name.starts_with('.') {
                continue;
            }
            let mut path = own.to_path_buf();
            for part in name.split('/') {
                match part {
                    "." => {}
                    ".." => {
                        path.pop();
                    }
                    part => path.push(part),
                }
            }
            let path = path.to_str().unwrap();
            assert!(FILES.iter().any(|file| file.path == path), "{} imports {path}", file.path);
        }
    }
}
