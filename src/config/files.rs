//! Reading of configuration files: regular files of limited size.

use std::{
    fs::File,
    io::{Error, ErrorKind, Read as _, Result},
    path::Path,
};

/// Maximum size of config.toml, in bytes.
pub const CONFIG_MAX_BYTES: u64 = 1024 * 1024;

/// Maximum size of a template file, in bytes.
pub const TEMPLATE_MAX_BYTES: u64 = 64 * 1024;

/// Maximum size of a file with a secret or a key, in bytes.
pub const SECRET_MAX_BYTES: u64 = 64 * 1024;

/// Reads a file.
///
/// # Errors
/// When it is not a regular file, such as a pipe that never ends, is larger than `max_bytes`, or
/// cannot be read.
pub fn read_bytes(path: &Path, max_bytes: u64) -> Result<Vec<u8>> {
    // Check before opening: opening a pipe blocks until it has a writer.
    if !std::fs::metadata(path)?.is_file() {
        return Err(Error::new(ErrorKind::InvalidInput, "not a regular file"));
    }
    let mut bytes = Vec::new();
    // The file may grow while it is read.
    File::open(path)?.take(max_bytes + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > max_bytes {
        return Err(Error::new(ErrorKind::InvalidData, format!("larger than {max_bytes} bytes")));
    }
    Ok(bytes)
}

/// Reads a file of UTF-8 text.
///
/// # Errors
/// Those of [`read_bytes`], and when it is not UTF-8.
pub fn read_text(path: &Path, max_bytes: u64) -> Result<String> {
    String::from_utf8(read_bytes(path, max_bytes)?)
        .map_err(|_| Error::new(ErrorKind::InvalidData, "not UTF-8 text"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_regular_files_of_a_bounded_size_are_read() {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let file = folder.path().join("file");
        std::fs::write(&file, "12345").expect("it is written");
        assert_eq!(read_text(&file, 5).expect("it is small enough"), "12345");
        assert!(
            read_text(&file, 4)
                .is_err_and(|error| error.to_string().contains("larger than 4 bytes"))
        );
        std::fs::write(&file, [0xff]).expect("it is written");
        assert!(read_text(&file, 5).is_err_and(|error| error.to_string().contains("UTF-8")));
        assert!(
            read_text(folder.path(), 5).is_err_and(|error| error.to_string().contains("regular"))
        );
        let device = Path::new("/dev/zero");
        assert!(
            !device.exists()
                || read_text(device, 5).is_err_and(|error| error.to_string().contains("regular"))
        );
    }
}
