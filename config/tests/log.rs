//! Logging to a file. It can be started once in a process, so this test is alone in its file.

use i3_config::Logging;
use i3_core::notice::{Level, Notice};
use log::LevelFilter;

#[test]
fn a_notice_is_one_line_of_the_file() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("logs/deep/gateway.log");
    let logging = Logging { level: LevelFilter::Info, file: Some(file.clone()) };
    i3_config::log::init(&logging).unwrap();
    i3_config::log::record(&Notice::new(Level::Warn, "link", "refused").with("text", "two\nlines"));
    i3_config::log::record(&Notice::new(Level::Debug, "link", "not this"));
    let text = std::fs::read_to_string(&file).unwrap();
    let [line] = &text.lines().collect::<Vec<_>>()[..] else { panic!("{text}") };
    assert!(
        line.contains("[WARN]") && line.contains("link: ") && line.ends_with("refused text=\"two\\nlines\""),
        "{line}"
    );
    // What is shown can be changed while it runs.
    for (level, shown) in [(Level::Debug, 4), (Level::Warn, 2), (Level::Error, 1)] {
        let before = std::fs::read_to_string(&file).unwrap().lines().count();
        i3_config::log::set_level(level);
        for (_, level) in Level::ALL {
            i3_config::log::record(&Notice::new(*level, "link", "one of each"));
        }
        assert_eq!(std::fs::read_to_string(&file).unwrap().lines().count() - before, shown, "{level:?}");
    }
    assert!(i3_config::log::init(&logging).is_err(), "once only");
}
