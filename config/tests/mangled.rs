//! Files that somebody has spoilt: always a set of settings or a list of problems, never a panic.

use i3_config::{Sources, load};
use proptest::prelude::*;

const FILES: [&str; 3] = [
    include_str!("data/python-gateway.yaml"),
    include_str!("data/guide.yaml"),
    i3_config::DEFAULT_CONFIG_TEXT,
];

/// What people and editors leave behind, and what YAML is touchy about.
const PIECES: &[&str] = &[
    "", " ", "\n", "\t", ":", "- ", "[", "}", "${", "}", "'", "\"", "*", "&a ", "!x ", "#", "|", "\u{0}",
    "é", "0", "-1", "1e9", "null", "? ", "<<: ",
];

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn never_a_panic(
        file in prop::sample::select(FILES.as_slice()),
        edits in prop::collection::vec((any::<prop::sample::Index>(), 0..20_usize, prop::sample::select(PIECES)), 1..4),
        env_file in ".{0,80}",
    ) {
        let mut text: Vec<char> = file.chars().collect();
        for (at, removed, piece) in edits {
            let at = at.index(text.len().max(1)).min(text.len());
            let end = (at + removed).min(text.len());
            text.splice(at..end, piece.chars());
        }
        let process_env = [("API_KEY_X".to_owned(), "hunter2".to_owned())].into();
        let outcome = load(Sources {
            yaml_text: Some(("c.yaml".to_owned(), text.into_iter().collect())),
            env_file_text: Some((".env".to_owned(), env_file)),
            process_env,
        });
        let shown = format!("{outcome:?}");
        prop_assert!(!shown.contains("hunter2"), "{shown}");
        if let Err(problems) = outcome {
            prop_assert!(problems.0.iter().all(|one| one.to_string().lines().count() == 1), "{problems}");
        }
    }
}
