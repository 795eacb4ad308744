//! The commands `init` and `hash-key`, which prepare the first start.

use crate::exit::{CANNOT_CREATE, USAGE};
use crate::terminal::{err, out};
use i3_config::cli::{Cli, HashKey, Init};
use i3_config::{
    DEFAULT_CONFIG_FILE, DEFAULT_CONFIG_TEXT, DEFAULT_ENV_FILE, DEFAULT_ENV_TEXT, KEY_BYTES_MIN, is_short,
};
use std::fmt::Write as _;
use std::fs::{self, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// The random bytes of a new key. They are written as hexadecimal digits.
const SECRET_BYTES: usize = 32;

/// Lines at the beginning of the example that say what to do with it.
const EXAMPLE_LINES: usize = 2;

/// What everybody should know before the first login.
const PERMANENT: &str = "A name is permanent: from the first login on the network lists it for years, and another name is another \
    mud. `i3-gateway retire` gives it up.";

/// The most bytes of a key that are read from standard input.
const INPUT_BYTES_MAX: u64 = 65_536;

/// Writes the settings and an env file with a new key.
pub fn init(cli: &Cli, init: &Init) -> ExitCode {
    let config = cli.config.clone().unwrap_or_else(|| PathBuf::from(DEFAULT_CONFIG_FILE));
    let env_file = cli.env_file.clone().unwrap_or_else(|| PathBuf::from(DEFAULT_ENV_FILE));
    let env_text = match env_text(&config, init.mud_name.as_deref(), init.engine.as_deref()) {
        Ok(text) => text,
        Err(text) => {
            err(&text);
            return ExitCode::from(USAGE);
        }
    };
    // Both or none: existing settings do not use the key of a new env file.
    let files = [(&config, DEFAULT_CONFIG_TEXT, 0o640), (&env_file, env_text.as_str(), 0o600)];
    if !init.force {
        let there: Vec<String> = files
            .iter()
            .filter(|(path, ..)| path.exists())
            .map(|(path, ..)| path.display().to_string())
            .collect();
        if !there.is_empty() {
            err(&format!(
                "nothing was written, because of existing files: {} (--force overwrites them)",
                there.join(", ")
            ));
            return ExitCode::from(CANNOT_CREATE);
        }
    }
    for (path, text, mode) in files {
        if let Err(error) = write_private(path, text, mode, init.force) {
            err(&format!("{} cannot be written: {error}", path.display()));
            return ExitCode::from(CANNOT_CREATE);
        }
    }
    out(&format!("wrote {}: the settings, with a comment for each", config.display()));
    out(&format!(
        "wrote {}: the variables of the settings, with a new API key in I3_GATEWAY_SECRET",
        env_file.display()
    ));
    match &init.mud_name {
        None => {
            out(&format!(
                "Write the name of your mud after MUD_NAME= in {}. {PERMANENT}",
                env_file.display()
            ));
        }
        Some(name) => out(&format!("The name of your mud is {name}. {PERMANENT}")),
    }
    out("Next: `i3-gateway doctor` checks the settings and this host, and `i3-gateway` runs the gateway.");
    ExitCode::SUCCESS
}

/// Returns the example env file with a new key and, if it is known, the mud's name. In place of what to do with the
/// example, its first lines say what the file is.
fn env_text(config: &Path, mud_name: Option<&str>, engine: Option<&str>) -> Result<String, String> {
    let engine = engine.map(i3_config::engine_key).transpose()?;
    let engine = engine.map_or(String::new(), |engine| format!("\nMUD_ENGINE={engine}\n"));
    let mut secret = [0; SECRET_BYTES];
    getrandom::fill(&mut secret)
        .map_err(|error| format!("the operating system gives no random numbers: {error}"))?;
    let secret = secret.iter().fold(String::new(), |mut hex, byte| {
        // Writing to a String cannot fail.
        let _ = write!(hex, "{byte:02x}");
        hex
    });
    let name = mud_name.unwrap_or_default();
    if name.contains(['\'', '\n', '\r']) {
        return Err("a mud name with a single quote or a line break cannot be written to an env file: write it into the settings".to_owned());
    }
    // Quotes are written only if a shell needs them, because Docker takes them as part of the value.
    let plain = name.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c));
    let quoted = if plain { name.to_owned() } else { format!("'{name}'") };
    let first =
        format!("# Variables for {}. The file has a key: let nobody else read it.\n", config.display());
    let example: Vec<&str> = DEFAULT_ENV_TEXT.split_inclusive('\n').skip(EXAMPLE_LINES).collect();
    Ok((first + &example.concat())
        .replace("\nMUD_NAME=\n", &format!("\nMUD_NAME={quoted}\n{engine}"))
        .replace("\nI3_GATEWAY_SECRET=\n", &format!("\nI3_GATEWAY_SECRET={secret}\n")))
}

/// Writes a file atomically. Other users can never read it, not even while it is written.
fn write_private(path: &Path, text: &str, mode: u32, overwrite: bool) -> io::Result<()> {
    if let Some(directory) = path.parent().filter(|parent| !parent.as_os_str().is_empty()) {
        fs::create_dir_all(directory)?;
    }
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".new-{}", std::process::id()));
    let new = PathBuf::from(name);
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(mode);
    }
    #[cfg(not(unix))]
    let _ = mode;
    let written = options.open(&new).and_then(|mut file| {
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        // A link fails if the file exists, even if another process has just created it.
        if overwrite { fs::rename(&new, path) } else { fs::hard_link(&new, path) }
    });
    let _ = fs::remove_file(&new);
    written
}

/// Prints the digest of a key, which can replace the key in the settings.
pub fn hash_key(command: &HashKey) -> ExitCode {
    let key = match &command.key {
        Some(key) => key.clone(),
        None => {
            let mut text = String::new();
            if let Err(error) = io::stdin().take(INPUT_BYTES_MAX).read_to_string(&mut text) {
                err(&format!("the key cannot be read: {error}"));
                return ExitCode::from(USAGE);
            }
            text
        }
    };
    match i3_config::hash_key(key.trim_end_matches(['\r', '\n'])) {
        Ok(digest) => {
            if is_short(&key) {
                err(&format!(
                    "warning: the key has fewer than {KEY_BYTES_MIN} characters, so that it can be guessed"
                ));
            }
            out(&digest);
            ExitCode::SUCCESS
        }
        Err(text) => {
            err(&text);
            ExitCode::from(USAGE)
        }
    }
}
