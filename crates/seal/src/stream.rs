//! Sealing files, of which a chunk is in memory at a time.

use std::io::{self, Read, Seek, SeekFrom, Write};

use crate::{
    JobKey, OpenError,
    content::{CHUNK, Chunks, HEAD, MAC, MAGIC, tag_of},
};

/// Why a file was not sealed or opened. What was written by then is to be thrown away.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StreamError {
    /// It cannot be read, or the other one not be written.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// It does not open.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// Somebody wrote to it meanwhile.
    #[error("it changed while it was read: try again")]
    Changed,
}

impl JobKey {
    /// Seals all that is in a file, which is read twice; returns the bytes of content.
    ///
    /// # Errors
    /// [`StreamError::Io`], [`StreamError::Changed`].
    pub fn seal_stream(
        &self,
        mut from: impl Read + Seek,
        mut to: impl Write,
    ) -> Result<u64, StreamError> {
        let mut buffer = vec![0; CHUNK + 1];
        let mut tagger = self.tagger();
        from.seek(SeekFrom::Start(0))?;
        loop {
            match from.read(&mut buffer)? {
                0 => break,
                read => tagger.update(&buffer[..read]),
            };
        }
        let tag: [u8; 32] = tagger.finalize().into();
        let cipher = Chunks::new(self, &tag);
        to.write_all(MAGIC)?;
        to.write_all(&tag)?;
        from.seek(SeekFrom::Start(0))?;
        let (mut size, mut tagger) = (0, self.tagger());
        let mut filled = 0;
        for at in 0.. {
            // One byte more than a chunk tells whether it is the last.
            filled += fill(&mut from, &mut buffer[filled..])?;
            let (is_last, count) = (filled <= CHUNK, filled.min(CHUNK));
            let ahead = buffer[CHUNK];
            let chunk = &mut buffer[..count];
            tagger.update(chunk);
            size += count as u64;
            let mac = cipher.seal(at, is_last, chunk);
            to.write_all(chunk)?;
            to.write_all(&mac)?;
            if is_last {
                break;
            }
            (buffer[0], filled) = (ahead, 1);
        }
        match tagger.finalize() == blake3::Hash::from_bytes(tag) {
            true => Ok(size),
            false => Err(StreamError::Changed),
        }
    }

    /// Opens sealed content from one file into another; returns the bytes of content. Nothing of it may be used on an error.
    ///
    /// # Errors
    /// [`StreamError::Io`], [`StreamError::Open`].
    pub fn open_stream(&self, mut from: impl Read, mut to: impl Write) -> Result<u64, StreamError> {
        let mut head = [0; HEAD];
        if fill(&mut from, &mut head)? < HEAD {
            return Err(OpenError::NotSealed.into());
        }
        let tag = tag_of(&head)?;
        let cipher = Chunks::new(self, &tag);
        let mut buffer = vec![0; CHUNK + MAC + 1];
        let (mut size, mut tagger, mut filled) = (0, self.tagger(), 0);
        for at in 0.. {
            filled += fill(&mut from, &mut buffer[filled..])?;
            let (is_last, count) = (filled <= CHUNK + MAC, filled.min(CHUNK + MAC));
            let ahead = buffer[CHUNK + MAC];
            let count = count.checked_sub(MAC).ok_or(OpenError::Broken)?;
            if is_last && count == 0 && at > 0 {
                // An empty chunk ends empty content alone: one content has one sealing.
                return Err(OpenError::Broken.into());
            }
            let (chunk, rest) = buffer.split_at_mut(count);
            cipher.open(at, is_last, chunk, &rest[..MAC])?;
            tagger.update(chunk);
            to.write_all(chunk)?;
            size += count as u64;
            if is_last {
                break;
            }
            (buffer[0], filled) = (ahead, 1);
        }
        match tagger.finalize() == blake3::Hash::from_bytes(tag) {
            true => Ok(size),
            false => Err(OpenError::Broken.into()),
        }
    }
}

/// Reads until the buffer is full or the end is there; returns how much it was.
fn fill(from: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match from.read(&mut buffer[filled..]) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}
