//! The frames in `vectors/`, as they were captured from two deployed routers and their clients, and what each reads as.

use i3_core::i3::{Deframer, Packet};
use std::path::{Path, PathBuf};

/// The folders of frames.
pub const FOLDERS: [&str; 2] = ["coffeemud", "dead-souls"];

/// Texts longer than this are cut in the middle in an expectation.
const SHOWN_CHARS_MAX: usize = 1500;

/// A captured frame: its length in 4 bytes, its text, a NUL or none.
#[derive(Clone)]
pub struct Vector {
    /// `folder/file`, without `.bin`.
    pub name: String,
    /// The whole frame.
    pub bytes: Vec<u8>,
}

/// Where the vectors are.
pub fn path() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("vectors")
}

/// All frames of a folder, by name.
pub fn folder(folder: &str) -> Vec<Vector> {
    let entries = std::fs::read_dir(path().join(folder)).expect("the vectors are part of the project");
    let mut vectors: Vec<Vector> = entries
        .map(|entry| entry.expect("a readable folder").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "bin"))
        .map(|path| Vector {
            name: format!("{folder}/{}", path.file_stem().unwrap_or_default().to_string_lossy()),
            bytes: std::fs::read(&path).expect("a readable file"),
        })
        .collect();
    vectors.sort_by(|a, b| a.name.cmp(&b.name));
    vectors
}

/// All frames.
pub fn all() -> Vec<Vector> {
    FOLDERS.into_iter().flat_map(folder).collect()
}

/// The one frame in these bytes.
pub fn text(bytes: &[u8]) -> Vec<u8> {
    let mut input = bytes;
    let mut deframer = Deframer::default();
    let text = deframer.next(&mut input).expect("a legal length").expect("a whole frame").to_vec();
    assert!(input.is_empty(), "bytes are left after the frame");
    text
}

/// What the text of a frame reads as, in one line: `type`, what was mended, the packet written strictly; or the error.
pub fn outcome(text: &[u8]) -> String {
    match Packet::decode(text) {
        Err(error) => format!("-\t{error}"),
        Ok((packet, repairs)) => {
            let mut written = Vec::new();
            packet.encode(&mut written);
            let mut mended = String::new();
            for (what, count) in
                [("bare quotes", repairs.bare_quotes), ("latin-1 strings", repairs.latin1_strings)]
            {
                if count > 0 {
                    mended += &format!("{count} {what}\t");
                }
            }
            format!("{}\t{mended}{}", packet.body.kind(), shown(&String::from_utf8_lossy(&written)))
        }
    }
}

/// CR escaped, other control characters left out (they are read, but never written), the middle of a long text replaced
/// by its length.
fn shown(text: &str) -> String {
    let text = text.replace('\r', "\\r");
    let text: Vec<char> = text.chars().filter(|c| !c.is_control()).collect();
    let count = text.len();
    if count <= SHOWN_CHARS_MAX {
        return text.into_iter().collect();
    }
    let (head, tail): (String, String) = (text[..80].iter().collect(), text[count - 20..].iter().collect());
    format!("{head}…({} characters)…{tail}", count - 100)
}
