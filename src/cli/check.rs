//! `lonceng check`: is the configuration whole, with every template.

use std::path::Path;

use super::{Failure, load};
use crate::{auth::Authenticator, config::local_templates, domain::catalog::Catalog};

pub(super) fn run(config: &Path) -> Result<(), Failure> {
    let loaded = load(config)?;
    Authenticator::new(&loaded.config.auth, None).map_err(|error| Failure::Usage(error.to_string()))?;
    let local = local_templates(&loaded.templates)?;
    let (_, bad) = Catalog::build(&loaded.types, &local, &loaded.config.templates.default_locale);
    if !bad.is_empty() {
        // config.toml itself has been checked, so these are files of the locale folders.
        let lines = bad.iter().map(|bad| {
            let wrong = local.iter().find(|template| crate::domain::event::code_of(&template.code) == bad.code);
            let file =
                wrong.map(|template| loaded.templates.join(&template.locale).join(format!("{}.txt", template.code)));
            let file = file.unwrap_or_else(|| loaded.templates.clone());
            format!("{}:{}:1: {}", file.display(), bad.line.unwrap_or(1), bad.detail)
        });
        return Err(Failure::Usage(lines.collect::<Vec<_>>().join("\n")));
    }
    println!("{} is fine: {} types, {} translations", config.display(), loaded.types.len(), local.len());
    Ok(())
}
