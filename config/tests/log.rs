//! Logging to a file. It can be started once in a process, so this test is alone in its file.

use i3_config::{LogFormat, Logging, Rotation};
use i3_core::notice::{Level, Notice};
use log::LevelFilter;
use serde_json::json;
use std::path::Path;

fn spawn(body: Box<dyn FnOnce() + Send>) -> std::io::Result<()> {
    std::thread::Builder::new().spawn(body).map(drop)
}

fn lines(file: &Path) -> Vec<String> {
    i3_config::log::flush();
    std::fs::read_to_string(file).unwrap().lines().map(str::to_owned).collect()
}

#[test]
fn records_are_lines_and_the_file_can_be_moved_away() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("logs/deep/gateway.log");
    let mut logging = Logging { file: Some(file.clone()), ..Logging::to_stderr(LevelFilter::Info) };
    logging.components =
        [("network".to_owned(), LevelFilter::Debug), ("api".to_owned(), LevelFilter::Error)].into();
    assert!(i3_config::log::change(&logging).is_err(), "not yet");
    i3_config::log::init(&logging, spawn).unwrap();
    assert!(i3_config::log::init(&logging, spawn).is_err(), "once only");

    let forged = Notice::new(Level::Warn, "link", "refused").with("text", "two\nlines").with("mud", "A");
    i3_config::log::record(&forged);
    i3_config::log::record(&Notice::new(Level::Debug, "net", "told, since network is both"));
    i3_config::log::record(&Notice::new(Level::Debug, "store", "not this"));
    i3_config::log::record(&Notice::new(Level::Warn, "api", "nor this"));
    log::info!(target: "settings", "a\u{1b}[31m line\nand another");
    log::info!(target: "polling::epoll", "not for operators");
    let [first, second, third] = &lines(&file)[..] else { panic!("{:?}", lines(&file)) };
    let (time, rest) = first.split_once(' ').unwrap();
    assert!(i3_core::time::UnixTime::parse(time).is_some(), "{time}");
    assert_eq!(time.len(), "2026-11-23T02:44:16.190959Z".len(), "{time}");
    assert_eq!(rest, "WARN  link: refused text=\"two\\nlines\" mud=A");
    assert!(second.contains("DEBUG net: told"), "{second}");
    assert!(third.ends_with("INFO  settings: a\\u{1b}[31m line\\nand another"), "{third}");

    // As JSON, to a file that somebody has moved away.
    let moved = file.with_extension("log.1");
    std::fs::rename(&file, &moved).unwrap();
    logging.format = LogFormat::Json;
    logging.components.clear();
    i3_config::log::change(&logging).unwrap();
    i3_config::log::record(&forged);
    i3_config::log::record(&Notice::new(Level::Debug, "net", "no longer"));
    let [line] = &lines(&file)[..] else { panic!("{:?}", lines(&file)) };
    let mut record: serde_json::Value = serde_json::from_str(line).unwrap();
    assert!(record["timestamp"].take().is_string());
    let expected = json!({
        "timestamp": null, "level": "WARN", "component": "link", "message": "refused",
        "fields": {"text": "two\nlines", "mud": "A"},
    });
    assert_eq!(record, expected);
    assert_eq!(lines(&moved).len(), 3);

    // What cannot be opened changes nothing.
    let wrong = Logging { file: Some(file.join("below/a/file")), ..logging.clone() };
    assert_eq!(i3_config::log::change(&wrong).unwrap_err().path, "logging.file");

    // What is shown can be changed while it runs.
    for (level, shown) in [(Level::Debug, 4), (Level::Warn, 2), (Level::Error, 1)] {
        let before = lines(&file).len();
        i3_config::log::set_level(level);
        for (_, level) in Level::ALL {
            i3_config::log::record(&Notice::new(*level, "link", "one of each"));
        }
        assert_eq!(lines(&file).len() - before, shown, "{level:?}");
    }

    // Rotated by size.
    logging.rotation = Some(Rotation { bytes_max: 300, backups: 1 });
    i3_config::log::change(&logging).unwrap();
    for _ in 0..9 {
        i3_config::log::record(&forged);
    }
    i3_config::log::flush();
    let sizes = [&file, &moved].map(|path| std::fs::metadata(path).unwrap().len());
    assert!(sizes.iter().all(|size| (100..=300).contains(size)), "{sizes:?}");
    assert_eq!(std::fs::read_dir(file.parent().unwrap()).unwrap().count(), 2);
}
