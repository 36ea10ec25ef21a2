//! `lonceng check`: validates the configuration with all templates.

use std::path::Path;

use super::Failure;

pub(super) fn run(config: &Path) -> Result<(), Failure> {
    let (loaded, translations) =
        crate::app::check(config).map_err(|error| Failure::Usage(error.to_string()))?;
    println!(
        "{} is fine: {} types, {} translations",
        config.display(),
        loaded.types.len(),
        translations.len()
    );
    Ok(())
}
