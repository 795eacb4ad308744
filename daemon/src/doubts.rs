//! What is doubtful about the settings and about the place that a gateway runs in, and yet lets it run. `doctor` reports
//! it, and so does a gateway, to administrators.

use crate::permissions::mode_of;
use crate::process;
use i3_config::{Config, DEFAULT_ENV_FILE};
use i3_core::health::Process;
use i3_core::time::Instant;
use std::path::Path;

/// Open files besides those of the clients: listeners, router links, store, log.
const FILES_SPARE: u64 = 64;

/// Something doubtful.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Doubt {
    /// What it is.
    pub(crate) text: String,
    /// What to do.
    pub(crate) fix: String,
}

/// Files with secrets that others may read.
pub(crate) fn files(env_file: Option<&Path>, config: &Config) -> Vec<Doubt> {
    let mut found = Vec::new();
    let env_file = env_file.unwrap_or(Path::new(DEFAULT_ENV_FILE));
    if let Some(mode) = mode_of(env_file).filter(|mode| mode & 0o077 != 0) {
        let shown = env_file.display();
        let text = format!("{shown} contains keys, and other users may read it (mode {mode:o})");
        found.push(Doubt { text, fix: format!("chmod 600 {shown}") });
    }
    // A group can be that of the service, so only everybody else counts.
    if let Some(file) = config.read.settings_with_secrets()
        && let Some(mode) = mode_of(file).filter(|mode| mode & 0o007 != 0)
    {
        let shown = file.display();
        let text = format!("{shown} contains keys or passwords, and everybody may read it (mode {mode:o})");
        let fix = format!("chmod 640 {shown}, or put the keys into variables of the env file");
        found.push(Doubt { text, fix });
    }
    found
}

/// The limit of open files: `Ok` with the limit if it suffices or is not known.
pub(crate) fn open_files(config: &Config) -> Result<Option<u64>, Doubt> {
    let Process { open_files_max, .. } = process::figures(Instant::ORIGIN, Default::default());
    let needed = config.core.api.connections_max as u64 + FILES_SPARE;
    match open_files_max {
        Some(most) if most < needed => Err(Doubt {
            text: format!(
                "the process may have {most} open files, and performance.max_connections needs {needed}"
            ),
            fix: "raise the limit (LimitNOFILE= in the unit, or ulimit -n), or lower performance.max_connections"
                .to_owned(),
        }),
        known => Ok(known),
    }
}

/// Everything that is doubtful, as texts for people.
pub(crate) fn texts(env_file: Option<&Path>, config: &Config) -> Vec<String> {
    let warnings = config.warnings.iter().map(i3_config::Problem::text);
    let around = files(env_file, config).into_iter().chain(open_files(config).err());
    warnings.chain(around.map(|doubt| format!("{}; {}", doubt.text, doubt.fix))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use i3_config::Sources;

    #[test]
    fn warnings_files_and_limits_are_reported_with_what_to_do() {
        let folder = tempfile::tempdir().unwrap();
        let env_file = folder.path().join("env");
        std::fs::write(&env_file, "I3_GATEWAY_SECRET=a-long-key\n").unwrap();
        #[cfg(unix)]
        std::fs::set_permissions(&env_file, std::os::unix::fs::PermissionsExt::from_mode(0o644)).unwrap();
        let yaml = "mud: {name: Test}\nmisspelt: 1\nperformance: {max_connections: 1000000}\n\
                    api: {auth: {secret: a-long-key}}";
        let yaml_text = Some(("c.yaml".to_owned(), yaml.to_owned()));
        let sources = Sources { yaml_text, env_file_text: None, process_env: Default::default() };
        let config = i3_config::load(sources).unwrap();
        let found = texts(Some(&env_file), &config);
        assert!(found[0].contains("misspelt"), "{found:?}");
        let limit = process::figures(Instant::ORIGIN, Default::default()).open_files_max;
        assert_eq!(
            found.iter().any(|text| text.contains("LimitNOFILE=")),
            limit.is_some_and(|most| most < 1_000_064)
        );
        #[cfg(unix)]
        assert!(
            found.iter().any(|text| text.ends_with(&format!("chmod 600 {}", env_file.display()))),
            "{found:?}"
        );
    }
}
