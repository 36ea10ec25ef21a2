//! The translations in `templates/LOCALE/`: part of the configuration, and checked with it.

use std::path::Path;

use super::{ConfigError, Loaded, Problem, local_templates};
use crate::domain::catalog::{Catalog, LocalTemplate};

/// Reads and checks every translation.
///
/// # Errors
/// Those that are wrong, each with file and line: they would switch nothing off, and be read by nobody.
pub fn translations(loaded: &Loaded) -> Result<Vec<LocalTemplate>, ConfigError> {
    let local = local_templates(&loaded.templates).map_err(|error| {
        let message = format!("the locale folders cannot be read: {error}");
        problem(&loaded.templates, None, message)
    })?;
    let problems: Vec<Problem> = local
        .iter()
        .filter_map(|template| {
            let (_, bad) = Catalog::build(&loaded.types, std::slice::from_ref(template), &template.locale);
            let bad = bad.into_iter().next()?;
            let file = loaded.templates.join(&template.locale).join(format!("{}.txt", template.code));
            let snippet = bad.line.and_then(|line| template.source.lines().nth(line.saturating_sub(1)));
            let snippet = snippet.map(str::to_owned);
            Some(Problem { snippet, ..problem(&file, Some(bad.line.unwrap_or(1)), bad.detail) })
        })
        .collect();
    if problems.is_empty() { Ok(local) } else { Err(ConfigError { problems }) }
}

fn problem(file: &Path, line: Option<usize>, message: String) -> Problem {
    let column = line.map(|_| 1);
    Problem { file: Some(file.to_owned()), line, column, key: String::new(), message, snippet: None }
}
