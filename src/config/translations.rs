//! Translations in `templates/LOCALE/`.

use super::{ConfigError, ConfigIssue, Loaded, local_templates};
use crate::domain::catalog::{Catalog, LocalTemplate, TypeRow};

/// Reads and validates all translations.
///
/// # Errors
/// All invalid ones, each with file and line.
pub fn translations(loaded: &Loaded) -> Result<Vec<LocalTemplate>, ConfigError> {
    let local = local_templates(&loaded.templates).map_err(|error| {
        let message = format!("the locale folders cannot be read: {error}");
        ConfigIssue::in_file(&loaded.templates, message)
    })?;
    // Invalid types are problems of their own.
    let locale = &loaded.config.templates.default_locale;
    let is_valid = |row: &&TypeRow| Catalog::faults(row, locale).is_empty();
    let types: Vec<TypeRow> = loaded.types.iter().filter(is_valid).cloned().collect();
    let problems: Vec<ConfigIssue> = local
        .iter()
        .filter_map(|template| {
            let (_, bad) = Catalog::build(&types, std::slice::from_ref(template), &template.locale);
            let bad = bad.into_iter().next()?;
            let file =
                loaded.templates.join(&template.locale).join(format!("{}.txt", template.code));
            Some(ConfigIssue::in_template(&file, &template.source, bad.line, bad.detail))
        })
        .collect();
    if problems.is_empty() { Ok(local) } else { Err(ConfigError { problems }) }
}
