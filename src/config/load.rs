//! Loading of config.toml: parse, override from the environment, validate.

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
    sync::Arc,
};

use super::{
    Config, ConfigError, ConfigIssue, EffectiveValue, FilesSnapshot, effective,
    environment::{self, Overridden},
    files::{CONFIG_MAX_BYTES, read_text},
    parse::{Invalid, Parsed, parse},
    problem::{locate, position, snippet},
    validate::{Validated, validate},
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
    draft(file)?.finish()
}

/// Reads, overrides and validates, for further checks of the values.
///
/// # Errors
/// All problems, when nothing further can be checked.
pub fn draft(file: &Path) -> Result<Draft, ConfigError> {
    let files = FilesSnapshot::default().with(file);
    let text = read_text(file, CONFIG_MAX_BYTES).map_err(|error| {
        let message = format!(
            "cannot read the configuration: {error}; name another with --config or LONCENG_CONFIG"
        );
        ConfigIssue::in_file(file, message)
    })?;
    draft_of(file, &text, files, std::env::vars_os())
}

/// [`draft`] with the text and the environment given.
pub(super) fn draft_of(
    file: &Path,
    text: &str,
    files: FilesSnapshot,
    environment: impl Iterator<Item = (impl Into<OsString>, impl Into<OsString>)>,
) -> Result<Draft, ConfigError> {
    // Parse the file alone first, so that an error has its line.
    let Parsed { usable, invalid, wrong } = parse(text);
    let problems = invalid.into_iter().map(|invalid| parse_issue(file, text, invalid)).collect();
    let Some((config, table)) = usable else {
        return Err(ConfigError { problems });
    };
    let overrides = environment::overrides(environment);
    let Overridden { config, wrong: wrong_overrides } =
        environment::overridden(&table, config, &overrides);
    let mut wrong = wrong;
    wrong.extend(wrong_overrides.iter().map(|wrong| wrong.change.path()));
    let issues: Vec<ConfigIssue> = wrong_overrides
        .into_iter()
        .map(|wrong| in_environment(&wrong.change.variable, one_line(&wrong.message)))
        .collect();
    let folder = file.parent().map_or_else(PathBuf::new, Path::to_path_buf);
    let templates = folder.join(&config.templates.dir);
    let files = files.with(&templates);
    let Validated { types, keys, files: of_templates } = validate(&config, &templates);
    let origin = Arc::new(Origin { text: text.to_owned(), overrides });
    let loaded = Loaded { file: file.to_owned(), config, types, templates, files, origin };
    let mut draft = Draft { loaded, problems, of_templates, wrong };
    draft.problems.extend(issues);
    draft.report(keys);
    Ok(draft)
}

/// Configuration that may be invalid: valid values, and defaults for the others.
#[derive(Debug)]
pub struct Draft {
    /// Values.
    pub loaded: Loaded,
    problems: Vec<ConfigIssue>,
    /// Problems of template files.
    of_templates: Vec<ConfigIssue>,
    /// Keys with an invalid value.
    wrong: Vec<String>,
}

/// Keys whose value depends on others: a fault may follow from one of those.
const DEPENDENT: [(&str, &[&str]); 3] = [
    (
        "auth.methods",
        &["auth.jwt_secret", "auth.jwt_public_key_file", "auth.jwks_url", "redis.url"],
    ),
    ("outbox.enabled", &["store.url"]),
    ("store.replica_url", &["store.url"]),
];

impl Draft {
    /// Adds faults of values: key and description. One is left out whose value was reported before
    /// the call, or follows from such a value.
    pub fn report(&mut self, faults: impl IntoIterator<Item = (String, String)>) {
        let known = self.wrong.len();
        for (key, message) in faults {
            if !self.wrong.iter().take(known).any(|wrong| follows(&key, wrong)) {
                self.problems.push(self.loaded.problem(&key, message));
                self.wrong.push(key);
            }
        }
    }

    /// Adds problems of template files.
    pub fn report_templates(&mut self, error: ConfigError) {
        self.of_templates.extend(error.problems);
    }

    /// Returns the configuration, if it is valid.
    ///
    /// # Errors
    /// All problems.
    pub fn finish(mut self) -> Result<Loaded, ConfigError> {
        // Those of the environment come after those of the file.
        self.problems.sort_by_key(|problem| (problem.file.is_none(), problem.line));
        self.problems.append(&mut self.of_templates);
        if self.problems.is_empty() {
            Ok(self.loaded)
        } else {
            Err(ConfigError { problems: self.problems })
        }
    }
}

/// Returns whether a fault of `key` may follow from another one of `wrong`.
fn follows(key: &str, wrong: &str) -> bool {
    let is_within = |inner: &str, outer: &str| {
        let rest = inner.strip_prefix(outer);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
    };
    let depends = DEPENDENT.iter().any(|(on, others)| *on == key && others.contains(&wrong));
    depends || is_within(key, wrong) || is_within(wrong, key)
}

/// Creates a problem from a value that could not be parsed.
fn parse_issue(file: &Path, text: &str, invalid: Invalid) -> ConfigIssue {
    let place = invalid.span.map(|span| position(text, span.start));
    ConfigIssue {
        file: Some(file.to_owned()),
        line: place.map(|(line, _)| line),
        column: place.map(|(_, column)| column),
        key: invalid.key,
        message: one_line(&invalid.message),
        snippet: snippet(text, place.map(|(line, _)| line)),
    }
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
