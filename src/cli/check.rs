//! `lonceng check`: validates the configuration with all templates.

use std::path::Path;

use super::{Failure, load};
use crate::config::translations;

pub(super) fn run(config: &Path) -> Result<(), Failure> {
    let loaded = load(config)?;
    crate::app::check(&loaded).map_err(|error| Failure::Usage(error.to_string()))?;
    let translations =
        translations(&loaded).map_err(|error| Failure::Usage(error.to_string()))?.len();
    println!(
        "{} is fine: {} types, {translations} translations",
        config.display(),
        loaded.types.len()
    );
    Ok(())
}
