//! The texts that settings are made of.

use std::collections::BTreeMap;

/// All sources of the settings, as text.
#[derive(Clone, Default)]
pub struct Sources {
    /// The name and the text of the YAML file. `None`: [`DEFAULT_CONFIG_TEXT`](crate::DEFAULT_CONFIG_TEXT).
    pub yaml_text: Option<(String, String)>,
    /// The name and the text of the env file.
    pub env_file_text: Option<(String, String)>,
    /// The variables of the process, which take precedence over those of the env file.
    pub process_env: BTreeMap<String, String>,
}
