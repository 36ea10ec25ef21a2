//! Archive file: a zstd frame of JSON lines for each page of notifications.

use std::{
    fs::{File, TryLockError},
    io::{BufRead as _, BufReader, Read as _, Seek as _, SeekFrom, Write as _},
    path::{Path, PathBuf},
};

use anyhow::{Context as _, anyhow, bail};
use serde::{Deserialize, Serialize};
use uuid::Uuid;
use zstd::bulk::Compressor;

use super::frames;
use crate::{
    domain::{notification::Timestamp, user::UserId},
    store::ArchivedRow,
};

/// Archive file, locked by this process.
pub(super) struct ArchiveFile {
    path: PathBuf,
    file: File,
    /// Frames of earlier runs.
    found: frames::Frames,
    compressor: Compressor<'static>,
}

/// Members of a line that tell whether its notification is still in the store.
#[derive(Deserialize)]
struct Written {
    user_id: String,
    notification_id: Uuid,
    revision: i64,
    changed_at: String,
}

impl ArchiveFile {
    /// Opens a file, or creates it, and drops a frame that an earlier run did not complete.
    ///
    /// # Errors
    /// A file that cannot be opened, is used by another process, or has other content than frames.
    pub(super) fn open(path: &Path) -> anyhow::Result<Self> {
        let named = || format!("{} cannot be used", path.display());
        let mut file = File::options()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(path)
            .with_context(named)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                bail!("{} is used by another `lonceng archive`; wait for it", path.display())
            }
            Err(TryLockError::Error(error)) => return Err(error).with_context(named),
        }
        let found = frames::find(&mut file)
            .with_context(|| format!("{} is not an archive; name another file", path.display()))?;
        file.set_len(found.end).and_then(|()| file.sync_all()).with_context(named)?;
        sync_folder(path).with_context(named)?;
        file.seek(SeekFrom::End(0)).with_context(named)?;
        let mut compressor = Compressor::new(zstd::DEFAULT_COMPRESSION_LEVEL)?;
        compressor.include_checksum(true)?;
        Ok(Self { path: path.to_owned(), file, found, compressor })
    }

    /// Appends lines as one frame, and waits until they are on the disk.
    ///
    /// # Errors
    /// A failed write; the next run drops the incomplete frame.
    pub(super) fn append<T: Serialize>(&mut self, lines: &[T]) -> anyhow::Result<()> {
        let mut text = Vec::new();
        for line in lines {
            serde_json::to_writer(&mut text, line)?;
            text.push(b'\n');
        }
        let frame = self.compressor.compress(&text)?;
        self.file
            .write_all(&frame)
            .and_then(|()| self.file.sync_data())
            .with_context(|| format!("{} cannot be written", self.path.display()))
    }

    /// Makes a file that has got no notification a valid one, without a line.
    ///
    /// # Errors
    /// A failed write.
    pub(super) fn finish(&mut self) -> anyhow::Result<()> {
        let is_empty = self.file.metadata()?.len() == 0;
        if is_empty { self.append::<()>(&[]) } else { Ok(()) }
    }

    /// Returns the notifications of the last frame of earlier runs that were last changed at
    /// `before` at the latest.
    ///
    /// # Errors
    /// A frame that cannot be read, or has other content than notifications.
    pub(super) fn last_rows(&mut self, before: Timestamp) -> anyhow::Result<Vec<ArchivedRow>> {
        let frames::Frames { last, end } = self.found;
        if last == end {
            return Ok(Vec::new());
        }
        let named = || format!("{} is damaged at byte {last}", self.path.display());
        self.file.seek(SeekFrom::Start(last)).with_context(named)?;
        let frame = (&self.file).take(end - last);
        let lines = BufReader::new(zstd::stream::Decoder::new(frame).with_context(named)?).lines();
        let mut rows = Vec::new();
        for line in lines {
            let line = line.with_context(named)?;
            let written: Written = serde_json::from_str(&line)
                .map_err(|error| anyhow!("it has other lines than notifications: {error}"))
                .with_context(named)?;
            let changed = Timestamp::parse(&written.changed_at).map_err(anyhow::Error::msg)?;
            if changed <= before {
                rows.push(ArchivedRow {
                    user_id: UserId::parse(&written.user_id)?,
                    notification_id: written.notification_id,
                    revision: written.revision,
                });
            }
        }
        self.file.seek(SeekFrom::End(0))?;
        Ok(rows)
    }
}

/// Syncs the folder of a file, so that the file itself survives a power failure.
#[cfg(unix)]
fn sync_folder(path: &Path) -> std::io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    File::open(folder.unwrap_or_else(|| Path::new(".")))?.sync_all()
}

/// Does nothing: folders cannot be opened here, and the file system syncs them itself.
#[cfg(not(unix))]
fn sync_folder(_: &Path) -> std::io::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn lines(ids: std::ops::Range<u128>) -> Vec<Value> {
        ids.map(|id| {
            json!({ "user_id": "u", "notification_id": Uuid::from_u128(id), "revision": 7,
                "changed_at": "2026-01-01T00:00:00Z" })
        })
        .collect()
    }

    fn text(path: &Path) -> String {
        let bytes = std::fs::read(path).expect("it is there");
        String::from_utf8(zstd::stream::decode_all(&bytes[..]).expect("frames")).expect("text")
    }

    #[test]
    fn a_run_after_a_killed_one_appends_after_the_last_complete_frame() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("a.ndjson.zst");
        let late = Timestamp(i64::MAX);
        let mut file = ArchiveFile::open(&path).expect("it is new");
        assert!(file.last_rows(late).expect("it reads").is_empty());
        file.append(&lines(0..3)).expect("it writes");
        file.append(&lines(3..5)).expect("it writes");
        assert!(ArchiveFile::open(&path).is_err(), "one process at a time");
        drop(file);

        let whole = std::fs::read(&path).expect("it reads");
        let killed = [&whole[..], &whole[..whole.len() / 3]].concat();
        std::fs::write(&path, killed).expect("it writes");
        let mut file = ArchiveFile::open(&path).expect("it opens");
        let rows = file.last_rows(late).expect("it reads");
        let ids: Vec<u128> = rows.iter().map(|row| row.notification_id.as_u128()).collect();
        assert_eq!((ids, rows[0].revision), (vec![3, 4], 7));
        assert!(file.last_rows(Timestamp(0)).expect("it reads").is_empty(), "they are younger");
        file.append(&lines(5..6)).expect("it writes");
        assert_eq!(text(&path).lines().count(), 6);
    }

    #[test]
    fn a_file_with_other_content_is_left_alone() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("a.ndjson.zst");
        std::fs::write(&path, "precious").expect("it writes");
        let error = ArchiveFile::open(&path).err().expect("it is refused");
        assert!(format!("{error:#}").contains("is not an archive"), "{error:#}");
        assert_eq!(std::fs::read(&path).expect("it reads"), b"precious");

        let other = zstd::bulk::compress(b"{\"a\":1}\n", 3).expect("it compresses");
        std::fs::write(&path, &other).expect("it writes");
        let mut file = ArchiveFile::open(&path).expect("it has a frame");
        let error = file.last_rows(Timestamp(0)).expect_err("it is refused");
        assert!(format!("{error:#}").contains("other lines than notifications"), "{error:#}");
        assert_eq!(std::fs::read(&path).expect("it reads"), other);
    }
}
