//! Lock of a SQLite file itself, which several names may lead to (hard links).
//!
//! On Linux this is `flock`, which on local file systems is independent of the locks of SQLite. On
//! network file systems and on other systems it excludes them, so nothing is locked there, and only
//! the lock by name holds.

use std::{
    fs::{File, TryLockError},
    path::Path,
};

/// Locks a database file, if that is possible beside SQLite. Call it only with the lock by name:
/// closing the file releases the locks of SQLite in this process.
#[cfg(target_os = "linux")]
pub(super) fn lock(database: &Path) -> Result<Option<File>, TryLockError> {
    let mounts = std::fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
    if !file_system(&mounts, database).is_some_and(|kind| LOCAL.contains(&kind)) {
        return Ok(None);
    }
    let mut options = File::options();
    let file = options.read(true).write(true).create(true).truncate(false).open(database);
    let file = file.map_err(TryLockError::Error)?;
    file.try_lock()?;
    Ok(Some(file))
}

/// Locks nothing.
#[cfg(not(target_os = "linux"))]
pub(super) fn lock(_: &Path) -> Result<Option<File>, TryLockError> {
    Ok(None)
}

/// File systems on which `flock` and the locks of SQLite are independent.
#[cfg(target_os = "linux")]
const LOCAL: [&str; 10] =
    ["ext2", "ext3", "ext4", "xfs", "btrfs", "bcachefs", "f2fs", "zfs", "tmpfs", "overlay"];

/// Returns the file system of a path by the list of mounts (`proc_pid_mountinfo(5)`).
#[cfg(target_os = "linux")]
fn file_system<'a>(mounts: &'a str, path: &Path) -> Option<&'a str> {
    let found = mounts.lines().filter_map(|line| {
        let (mount, kind) = line.split_once(" - ")?;
        let point = mount.split(' ').nth(4)?.replace("\\040", " ");
        let depth = Path::new(&point).components().count();
        path.starts_with(&point).then_some((depth, kind.split(' ').next()?))
    });
    // The deepest one; of several at the same place, the last one is visible.
    found.max_by_key(|(depth, _)| *depth).map(|(_, kind)| kind)
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    const MOUNTS: &str = "\
21 1 254:0 / / rw,relatime - ext4 /dev/vda rw
22 21 0:5 / /data rw - xfs /dev/vdb rw
23 22 0:6 / /data/on\\040nfs rw shared:7 - nfs4 server:/x rw
24 21 0:7 / /over rw - ext4 /dev/vdc rw
25 24 0:8 / /over rw - fuse.s3 s3 rw
";

    #[test]
    fn file_system_is_that_of_the_deepest_visible_mount() {
        for (path, expected) in [
            ("/lonceng.db", "ext4"),
            ("/database/lonceng.db", "ext4"),
            ("/data/lonceng.db", "xfs"),
            ("/data/on nfs/lonceng.db", "nfs4"),
            ("/over/lonceng.db", "fuse.s3"),
        ] {
            assert_eq!(file_system(MOUNTS, Path::new(path)), Some(expected), "{path}");
        }
        assert_eq!(file_system("", Path::new("/x")), None);
    }

    #[test]
    fn file_of_a_network_file_system_is_not_locked() {
        assert!(!LOCAL.contains(&"nfs4") && !LOCAL.contains(&"cifs"));
        // No such mount has a file of this name.
        assert!(matches!(lock(Path::new("/proc/lonceng.db")), Ok(None)));
    }
}
