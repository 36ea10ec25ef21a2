//! Boundaries of zstd frames (RFC 8878, section 3.1), found without decompressing.

use std::io::{self, Read, Seek, SeekFrom};

/// Magic number of a frame.
const MAGIC: u32 = 0xFD2F_B528;

/// First of the sixteen magic numbers of skippable frames.
const SKIPPABLE: u32 = 0x184D_2A50;

/// Frames of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Frames {
    /// Position of the last complete frame.
    pub(super) last: u64,
    /// End of the last complete frame; what follows is the beginning of one.
    pub(super) end: u64,
}

/// Finds the complete frames of a file.
///
/// # Errors
/// A failed read. An error of the kind `InvalidData` gives the position of content that is not a
/// frame.
pub(super) fn find(file: &mut (impl Read + Seek)) -> io::Result<Frames> {
    let size = file.seek(SeekFrom::End(0))?;
    let mut frames = Frames { last: 0, end: 0 };
    while frames.end < size {
        match end_of_frame(file, frames.end) {
            Ok(end) if end <= size => frames = Frames { last: frames.end, end },
            // The rest of the frame was never written.
            Ok(_) => break,
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => break,
            Err(error) if error.kind() == io::ErrorKind::InvalidData => {
                if is_zero(file, frames.end)? {
                    // A file system may have made room and lost its content in a power failure.
                    break;
                }
                let message = format!("no zstd frame begins at byte {}", frames.end);
                return Err(io::Error::new(io::ErrorKind::InvalidData, message));
            }
            Err(error) => return Err(error),
        }
    }
    Ok(frames)
}

/// Returns the end of the frame at a position, which may be beyond the end of the file.
fn end_of_frame(file: &mut (impl Read + Seek), start: u64) -> io::Result<u64> {
    file.seek(SeekFrom::Start(start))?;
    let magic = number(file, 4)?;
    if magic & !0xF == u64::from(SKIPPABLE) {
        return Ok(start + 8 + number(file, 4)?);
    }
    if magic != u64::from(MAGIC) {
        return Err(io::ErrorKind::InvalidData.into());
    }
    let descriptor = number(file, 1)?;
    let is_single_segment = descriptor & 0x20 != 0;
    let window = u64::from(!is_single_segment);
    let dictionary = [0, 1, 2, 4][usize::try_from(descriptor & 3).unwrap_or(0)];
    let content = match descriptor >> 6 {
        0 => u64::from(is_single_segment),
        flag => 1 << flag,
    };
    let mut position = start + 5 + window + dictionary + content;
    loop {
        file.seek(SeekFrom::Start(position))?;
        let block = number(file, 3)?;
        let is_last = block & 1 != 0;
        // A block of type 1 repeats one byte.
        let size = if (block >> 1) & 3 == 1 { 1 } else { block >> 3 };
        position += 3 + size;
        if is_last {
            let checksum = if descriptor & 4 != 0 { 4 } else { 0 };
            return Ok(position + checksum);
        }
    }
}

/// Reads a little-endian number of some bytes.
fn number(file: &mut impl Read, bytes: usize) -> io::Result<u64> {
    let mut buffer = [0; 8];
    file.read_exact(&mut buffer[..bytes])?;
    Ok(u64::from_le_bytes(buffer))
}

/// Returns whether everything after a position is zero.
fn is_zero(file: &mut (impl Read + Seek), start: u64) -> io::Result<bool> {
    file.seek(SeekFrom::Start(start))?;
    let mut buffer = [0; 8 * 1024];
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok(true),
            read if buffer[..read].iter().any(|byte| *byte != 0) => return Ok(false),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    fn frame(text: &[u8]) -> Vec<u8> {
        zstd::bulk::compress(text, 3).expect("it compresses")
    }

    fn found(bytes: &[u8]) -> Option<(usize, usize)> {
        let frames = find(&mut Cursor::new(bytes)).ok()?;
        Some((usize::try_from(frames.last).ok()?, usize::try_from(frames.end).ok()?))
    }

    #[test]
    fn complete_frames_are_found_whatever_follows_them() {
        // Of one segment, of several blocks, and of one repeated byte.
        let noise: Vec<u8> =
            (0..100_000_u32).flat_map(|n| n.wrapping_mul(2_654_435_761).to_be_bytes()).collect();
        let streamed = zstd::stream::encode_all(&noise[..], 3).expect("it compresses");
        let mut bytes = Vec::new();
        for next in
            [frame(b"one"), frame(&noise), streamed, frame(&vec![b'a'; 300_000]), frame(b"")]
        {
            let last = bytes.len();
            bytes.extend(&next);
            assert_eq!(found(&bytes), Some((last, bytes.len())));
            for cut in (1..next.len()).step_by(next.len() / 50 + 1) {
                let end = bytes.len() - cut;
                let frames = found(&bytes[..end]).expect("a beginning of a frame is fine");
                assert_eq!(frames.1, last, "{cut} bytes are missing");
            }
            let zeros = [&bytes[..], &[0; 100]].concat();
            assert_eq!(found(&zeros), Some((last, bytes.len())));
        }
        let skippable = [&0x184D_2A57_u32.to_le_bytes()[..], &[3, 0, 0, 0], b"abc"].concat();
        bytes.extend(skippable);
        assert_eq!(found(&bytes).map(|frames| frames.1), Some(bytes.len()));
        bytes.extend(b"something else");
        assert_eq!(found(&bytes), None);
    }
}
