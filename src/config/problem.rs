//! Problems of a configuration: file, line, column, key.

use std::{
    fmt,
    path::{Path, PathBuf},
};

use toml::de::{DeTable, DeValue};

use crate::domain::limits::shortened;

/// Maximum length of a quoted line, in characters.
const SNIPPET_MAX_CHARS: usize = 200;

/// Problem of a configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigIssue {
    /// File; `None` for the environment.
    pub file: Option<PathBuf>,
    /// Line, from 1.
    pub line: Option<usize>,
    /// Column, from 1.
    pub column: Option<usize>,
    /// Key, such as `server.listen`, or environment variable.
    pub key: String,
    /// Description, and what is expected.
    pub message: String,
    /// Line of the file, unless it may contain a secret.
    pub snippet: Option<String>,
}

impl ConfigIssue {
    /// Creates a problem of a template file in `line`, from 1, or as a whole.
    #[must_use]
    pub fn in_template(file: &Path, text: &str, line: Option<usize>, message: String) -> Self {
        let snippet = snippet(text, line);
        let (line, column) = (Some(line.unwrap_or(1)), Some(1));
        Self { file: Some(file.to_owned()), line, column, key: String::new(), message, snippet }
    }

    /// Creates a problem of a file or folder as a whole.
    #[must_use]
    pub fn in_file(file: &Path, message: String) -> Self {
        let (file, key) = (Some(file.to_owned()), String::new());
        Self { file, line: None, column: None, key, message, snippet: None }
    }
}

/// Returns a line of the text, from 1; `None` if it may contain a secret.
pub(super) fn snippet(text: &str, line: Option<usize>) -> Option<String> {
    let line = text.lines().nth(line?.checked_sub(1)?)?;
    // The rest is not quoted.
    let lower = line.chars().take(SNIPPET_MAX_CHARS).collect::<String>().to_ascii_lowercase();
    let secret = ["secret", "url", "sha256", "password", "token", "credentials"]
        .iter()
        .any(|word| lower.contains(word));
    (!secret).then(|| shortened(line.trim_end(), SNIPPET_MAX_CHARS))
}

impl fmt::Display for ConfigIssue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(file) = &self.file {
            write!(f, "{}", file.display())?;
            if let Some(line) = self.line {
                write!(f, ":{line}:{}", self.column.unwrap_or(1))?;
            }
            f.write_str(": ")?;
        }
        if !self.key.is_empty() {
            write!(f, "{}: ", self.key)?;
        }
        f.write_str(&self.message)
    }
}

/// All problems, at least one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigError {
    /// Problems, in the order of the file.
    pub problems: Vec<ConfigIssue>,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.problems.iter().enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            write!(f, "{problem}")?;
        }
        Ok(())
    }
}

impl std::error::Error for ConfigError {}

impl From<ConfigIssue> for ConfigError {
    fn from(problem: ConfigIssue) -> Self {
        Self { problems: vec![problem] }
    }
}

/// Returns line and column of a byte offset, both from 1.
#[must_use]
pub(super) fn position(text: &str, offset: usize) -> (usize, usize) {
    let before = text.get(..offset).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or(before).chars().count() + 1;
    (line, column)
}

/// Returns the position of a key such as `type[2].target` in the text, or of its nearest parent.
#[must_use]
pub(super) fn locate(text: &str, key: &str) -> Option<(usize, usize)> {
    let (table, _) = DeTable::parse_recoverable(text);
    let mut offset = None;
    let mut current: Option<&DeTable<'_>> = Some(table.get_ref());
    for segment in key.split('.') {
        let (name, index) = match segment.split_once('[') {
            Some((name, rest)) => (name, rest.trim_end_matches(']').parse::<usize>().ok()),
            None => (segment, None),
        };
        let Some((key, value)) =
            current.and_then(|table| table.iter().find(|(key, _)| key.get_ref() == name))
        else {
            break;
        };
        offset = Some(key.span().start);
        current = match (value.get_ref(), index) {
            (DeValue::Table(table), _) => Some(table),
            (DeValue::Array(values), Some(index)) => match values.get(index) {
                Some(value) => {
                    offset = Some(value.span().start);
                    if let DeValue::Table(table) = value.get_ref() { Some(table) } else { None }
                }
                None => None,
            },
            _ => None,
        };
    }
    offset.map(|offset| position(text, offset))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_found_in_the_text() {
        let text = "[server]\nlisten = \"x\"\n\n[[type]]\ncode = \"A\"\n\n\
            [[type]]\ncode = \"B\"\ntarget = \"Y\"\n";
        assert_eq!(locate(text, "server.listen"), Some((2, 1)));
        assert_eq!(locate(text, "type[1].target"), Some((9, 1)));
        assert_eq!(locate(text, "type[1].nothing").map(|(line, _)| line), Some(7));
        assert_eq!(locate(text, "nothing.at.all"), None);
    }
}
