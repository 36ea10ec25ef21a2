//! Polling of the configuration files.

use std::{
    fs,
    path::{Path, PathBuf},
    time::SystemTime,
};

/// Maximum depth of template folders.
const DEPTH: usize = 3;

/// Maximum number of files.
const FILES_MAX: usize = 25_000;

/// State of the files: canonical path, time of the last change and size in bytes of each.
pub(super) type Look = Vec<(PathBuf, Option<SystemTime>, u64)>;

/// Returns the state of the configuration file and the template folder.
pub(super) fn look(file: &Path, templates: &Path) -> Look {
    let mut seen = Vec::new();
    see(file, DEPTH, &mut seen);
    see(templates, 0, &mut seen);
    seen.sort();
    seen
}

fn see(path: &Path, depth: usize, seen: &mut Look) {
    if seen.len() >= FILES_MAX {
        return;
    }
    // Links are followed; a changed target is another file.
    let Ok(metadata) = fs::metadata(path) else {
        seen.push((path.to_owned(), None, 0));
        return;
    };
    if metadata.is_dir() {
        if depth < DEPTH {
            for entry in fs::read_dir(path).into_iter().flatten().flatten() {
                see(&entry.path(), depth + 1, seen);
            }
        }
        return;
    }
    seen.push((
        fs::canonicalize(path).unwrap_or_else(|_| path.to_owned()),
        metadata.modified().ok(),
        metadata.len(),
    ));
}
