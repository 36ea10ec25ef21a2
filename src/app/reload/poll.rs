//! Looking at the files of the configuration, to see that they have changed.

use std::{
    fs,
    path::{Path, PathBuf},
    time::SystemTime,
};

/// How deep folders of templates may lie.
const DEPTH: usize = 3;

/// Maximum number of files that are looked at.
const FILES_MAX: usize = 25_000;

/// State of the files: canonical path, time of the last change and size in bytes of each. They have changed when this has.
pub(super) type Look = Vec<(PathBuf, Option<SystemTime>, u64)>;

/// Looks at the configuration file and the templates' folder.
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
    // What a link points to is what counts; where it points says whether that is another one.
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
