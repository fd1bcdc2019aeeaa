//! Frames: the length of a message, and the message in JSON.

use std::io::{self, Read, Write};

use serde::Serialize;
use serde::de::DeserializeOwned;
use zeroize::Zeroizing;

/// The longest request. An Ed25519 key signs a whole certificate.
pub(in super::super) const MAX_REQUEST: usize = 4 << 20;
/// The longest report.
pub(in super::super) const MAX_REPORT: usize = 64 << 10;

/// Writes a message. It may hold a PIN, so its length is counted first, and the buffer never moves.
pub(in super::super) fn write(
    stream: &mut impl Write,
    message: &impl Serialize,
    max_bytes: usize,
) -> io::Result<()> {
    let mut length = Count(0);
    serde_json::to_writer(&mut length, message)?;
    let prefix = u32::try_from(length.0)
        .ok()
        .filter(|_| length.0 <= max_bytes);
    let prefix = prefix.ok_or(io::ErrorKind::FileTooLarge)?.to_be_bytes();
    let mut frame = Zeroizing::new(Vec::with_capacity(prefix.len() + length.0));
    frame.extend(prefix);
    serde_json::to_writer(&mut *frame, message)?;
    stream.write_all(&frame)
}

/// Reads a message; none at the end of the stream.
pub(in super::super) fn read<T: DeserializeOwned>(
    stream: &mut impl Read,
    max_bytes: usize,
) -> io::Result<Option<T>> {
    let mut prefix = [0; 4];
    if read_some(stream, &mut prefix[..1])? == 0 {
        return Ok(None);
    }
    stream.read_exact(&mut prefix[1..])?;
    let length = usize::try_from(u32::from_be_bytes(prefix)).ok();
    let length = length.filter(|length| *length <= max_bytes);
    let length = length.ok_or(io::ErrorKind::InvalidData)?;
    let mut frame = Zeroizing::new(vec![0; length]);
    stream.read_exact(&mut frame)?;
    let message = serde_json::from_slice(&frame);
    // Not its own error, which may show a part of the message.
    message
        .map(Some)
        .map_err(|_| io::ErrorKind::InvalidData.into())
}

/// Reads what there is. A signal that a library handles interrupts it.
fn read_some(stream: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    loop {
        match stream.read(buffer) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            read => return read,
        }
    }
}

struct Count(usize);

impl Write for Count {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 += bytes.len();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
