//! Loading of config.toml: parse, override from the environment, validate.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use toml::Table;

use super::{
    Config, ConfigError, ConfigIssue, EffectiveValue, FilesSnapshot, effective, environment,
    files::{CONFIG_MAX_BYTES, read_text},
    problem::{locate, position, snippet},
    validate::{Faults, validate},
};
use crate::domain::{catalog::TypeRow, limits::shortened};

/// Maximum length of a message, in characters.
const MESSAGE_MAX_CHARS: usize = 500;

/// Valid configuration.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// Configuration file.
    pub file: PathBuf,
    /// All sections.
    pub config: Config,
    /// Types, with the contents of their template files.
    pub types: Vec<TypeRow>,
    /// Folder of templates.
    pub templates: PathBuf,
    /// Fingerprint of the files, taken before they were read: a later change is noticed.
    pub files: FilesSnapshot,
    /// Source of each value, for error messages.
    origin: Arc<Origin>,
}

/// Text of a configuration file, and the variables that override it.
#[derive(Debug, Default)]
struct Origin {
    text: String,
    overrides: Vec<environment::Override>,
}

impl Loaded {
    /// Returns the folder of config.toml, which relative paths are below.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.file.parent().unwrap_or(Path::new("."))
    }

    /// Returns the values in force, each with its source.
    #[must_use]
    pub fn values(&self) -> Vec<EffectiveValue> {
        effective::values(&self.config, &self.origin.text, &self.origin.overrides)
    }

    /// Creates an error for a value, with its position in the file or the variable that sets it.
    #[must_use]
    pub fn problem(&self, key: &str, message: String) -> ConfigIssue {
        placed(&self.file, &self.origin.text, &self.origin.overrides, key.to_owned(), message)
    }
}

fn placed(
    file: &Path,
    text: &str,
    overrides: &[environment::Override],
    key: String,
    message: String,
) -> ConfigIssue {
    let variable = overrides.iter().rfind(|change| change.sets(&key));
    match variable {
        Some(change) => in_environment(&change.variable, message),
        None => in_file(file, text, key, message),
    }
}

/// Reads, overrides and validates.
///
/// # Errors
/// All problems, each with key, file and line.
pub fn load(file: &Path) -> Result<Loaded, ConfigError> {
    let files = FilesSnapshot::default().with(file);
    let text = read_text(file, CONFIG_MAX_BYTES).map_err(|error| ConfigIssue {
        file: Some(file.to_owned()),
        line: None,
        column: None,
        key: String::new(),
        message: format!(
            "cannot read the configuration: {error}; name another with --config or LONCENG_CONFIG"
        ),
        snippet: None,
    })?;
    load_text(file, &text, files, std::env::vars())
}

/// [`load`] with the text and the environment given.
pub(super) fn load_text(
    file: &Path,
    text: &str,
    files: FilesSnapshot,
    environment: impl Iterator<Item = (String, String)>,
) -> Result<Loaded, ConfigError> {
    // Parse the file alone first, so that an error has its line.
    let mut config = parse(file, text)?;
    let overrides = environment::overrides(environment);
    if !overrides.is_empty() {
        config = overridden(file, text, &overrides)?;
    }
    let folder = file.parent().map_or_else(PathBuf::new, Path::to_path_buf);
    let templates = folder.join(&config.templates.dir);
    let files = files.with(&templates);
    let problems = validate(&config, &templates);
    match problems {
        Ok(types) => {
            let origin = Arc::new(Origin { text: text.to_owned(), overrides });
            Ok(Loaded { file: file.to_owned(), config, types, templates, files, origin })
        }
        Err(Faults { keys, templates }) => {
            let placed =
                keys.into_iter().map(|(key, message)| placed(file, text, &overrides, key, message));
            Err(ConfigError { problems: placed.chain(templates).collect() })
        }
    }
}

fn parse(file: &Path, text: &str) -> Result<Config, ConfigError> {
    let whole = |key: String, message: &str, span: Option<std::ops::Range<usize>>| {
        let place = span.map(|span| position(text, span.start));
        ConfigError::from(ConfigIssue {
            file: Some(file.to_owned()),
            line: place.map(|(line, _)| line),
            column: place.map(|(_, column)| column),
            key,
            message: one_line(message),
            snippet: snippet(text, place.map(|(line, _)| line)),
        })
    };
    let deserializer = toml::Deserializer::parse(text)
        .map_err(|error| whole(String::new(), error.message(), error.span()))?;
    serde_path_to_error::deserialize(deserializer).map_err(|error| {
        let key = shown(&error.path().to_string());
        whole(key, error.inner().message(), error.inner().span())
    })
}

fn overridden(
    file: &Path,
    text: &str,
    overrides: &[environment::Override],
) -> Result<Config, ConfigError> {
    let table: Table = toml::from_str(text)
        .map_err(|error| in_file(file, text, String::new(), one_line(error.message())))?;
    environment::overridden(&table, overrides).map_err(|wrong| {
        let problems = wrong
            .into_iter()
            .map(|wrong| in_environment(&wrong.change.variable, one_line(&wrong.message)));
        ConfigError { problems: problems.collect() }
    })
}

fn in_environment(variable: &str, message: String) -> ConfigIssue {
    ConfigIssue {
        file: None,
        line: None,
        column: None,
        key: format!("the environment variable {variable}"),
        message,
        snippet: None,
    }
}

fn in_file(file: &Path, text: &str, key: String, message: String) -> ConfigIssue {
    let place = locate(text, &key);
    ConfigIssue {
        file: Some(file.to_owned()),
        line: place.map(|(line, _)| line),
        column: place.map(|(_, column)| column),
        key,
        message,
        snippet: snippet(text, place.map(|(line, _)| line)),
    }
}

/// Returns the path of an error; serde calls the whole document ".".
fn shown(path: &str) -> String {
    if path == "." { String::new() } else { path.to_owned() }
}

/// Returns a message on one line, shortened.
fn one_line(message: &str) -> String {
    let mut line = shortened(message, MESSAGE_MAX_CHARS);
    if line.contains(char::is_whitespace) {
        line = line.split_whitespace().collect::<Vec<_>>().join(" ");
    }
    line
}

#[cfg(test)]
#[path = "load_tests.rs"]
mod tests;
