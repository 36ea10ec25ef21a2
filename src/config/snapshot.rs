//! Fingerprint of the configuration files, to notice a change without reading them.

use std::{
    fs,
    path::{Path, PathBuf},
    time::SystemTime,
};

/// Maximum depth of template folders.
const DEPTH: usize = 3;

/// Maximum number of files.
const FILES_MAX: usize = 25_000;

/// Fingerprint of files: canonical path, time of the last change and size in bytes of each.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FilesSnapshot(Vec<(PathBuf, Option<SystemTime>, u64)>);

impl FilesSnapshot {
    /// Takes the fingerprint of the configuration file and the template folder.
    #[must_use]
    pub fn take(file: &Path, templates: &Path) -> Self {
        Self::default().with(file).with(templates)
    }

    /// Adds a file, or a folder of templates.
    pub(super) fn with(mut self, path: &Path) -> Self {
        let depth = if path.is_dir() { 0 } else { DEPTH };
        add(path, depth, &mut self.0);
        self.0.sort();
        self
    }
}

fn add(path: &Path, depth: usize, files: &mut Vec<(PathBuf, Option<SystemTime>, u64)>) {
    if files.len() >= FILES_MAX {
        return;
    }
    // Links are followed; a changed target is another file.
    let Ok(metadata) = fs::metadata(path) else {
        files.push((path.to_owned(), None, 0));
        return;
    };
    if metadata.is_dir() {
        if depth < DEPTH {
            for entry in fs::read_dir(path).into_iter().flatten().flatten() {
                add(&entry.path(), depth + 1, files);
            }
        }
        return;
    }
    files.push((
        fs::canonicalize(path).unwrap_or_else(|_| path.to_owned()),
        metadata.modified().ok(),
        metadata.len(),
    ));
}
