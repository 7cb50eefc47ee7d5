//! What a reply holds: in memory while it is small, in a file without a name from then on. The head of a reply tells how many
//! rows there are and what their digest is, so the rows are gathered before the first byte goes out; gathered so, a reply of
//! any size costs the same memory, and a client that reads slowly keeps no connection of the database from others.

use std::{
    fs::File,
    io::{self, Write},
    mem,
    os::unix::fs::FileExt,
    sync::Arc,
};

use bytes::{Bytes, BytesMut};
use transom_types::{Digest, Digesting};

use crate::{DbError, Fault};

/// So much of a reply is kept in memory.
pub const MEMORY_BYTES_MAX: usize = 1024 * 1024;

/// A reply's bytes. Two are equal when their bytes are.
#[derive(Clone, Debug)]
pub enum Contents {
    /// All of them.
    Memory(Bytes),
    /// More than [`MEMORY_BYTES_MAX`].
    Stored(Stored),
}

/// Bytes in a file that nobody else can open, and that is gone when the last of these is.
#[derive(Clone, Debug)]
pub struct Stored {
    file: Arc<File>,
    length: u64,
    digest: Digest,
}

impl Contents {
    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        matches!(self, Self::Memory(bytes) if bytes.is_empty())
    }

    /// How many bytes.
    pub fn len(&self) -> u64 {
        match self {
            Self::Memory(bytes) => bytes.len() as u64,
            Self::Stored(stored) => stored.len(),
        }
    }

    /// At most so many bytes from here on; fewer at the end. Blocks while a file is read. Errors: [`Fault::Unkept`].
    pub fn read(&self, from: u64, bytes_max: usize) -> Result<Bytes, DbError> {
        match self {
            Self::Memory(bytes) => {
                let from = usize::try_from(from).unwrap_or(usize::MAX).min(bytes.len());
                Ok(bytes.slice(from..from.saturating_add(bytes_max).min(bytes.len())))
            }
            Self::Stored(stored) => stored.read(from, bytes_max).map_err(|error| {
                let message = format!("a stored reply cannot be read again: {error}");
                DbError::new(Fault::Unkept { full: false }, message)
            }),
        }
    }

    /// All bytes in memory. Blocks while a file is read. Errors: [`Fault::Unkept`].
    pub fn into_bytes(self) -> Result<Bytes, DbError> {
        self.read(0, usize::MAX)
    }
}

impl Default for Contents {
    fn default() -> Self {
        Self::Memory(Bytes::new())
    }
}

impl From<Bytes> for Contents {
    fn from(bytes: Bytes) -> Self {
        Self::Memory(bytes)
    }
}

impl From<String> for Contents {
    fn from(text: String) -> Self {
        Bytes::from(text).into()
    }
}

/// Whether they are in memory and spell this.
impl PartialEq<&str> for Contents {
    fn eq(&self, text: &&str) -> bool {
        matches!(self, Self::Memory(bytes) if bytes == text.as_bytes())
    }
}

impl PartialEq for Contents {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Memory(one), Self::Memory(other)) => one == other,
            (Self::Stored(one), Self::Stored(other)) => {
                (one.length, one.digest) == (other.length, other.digest)
            }
            _ => false,
        }
    }
}

impl Stored {
    /// How many bytes.
    #[expect(clippy::len_without_is_empty, reason = "there are more than memory is to hold")]
    pub fn len(&self) -> u64 {
        self.length
    }

    /// The digest of all bytes.
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// At most so many bytes from here on; fewer at the end. Blocks. Errors: the file cannot be read.
    pub fn read(&self, from: u64, bytes_max: usize) -> io::Result<Bytes> {
        let left = self.length.saturating_sub(from);
        let mut bytes = vec![0; usize::try_from(left).unwrap_or(usize::MAX).min(bytes_max)];
        self.file.read_exact_at(&mut bytes, from)?;
        Ok(bytes.into())
    }
}

/// Gathers a reply. Bytes are added in memory; who adds them asks after each row whether that [is full](Self::is_full), and
/// [stores](Self::store) it away then.
#[derive(Debug, Default)]
pub struct Gathering {
    memory: BytesMut,
    file: Option<File>,
    stored: u64,
    digesting: Digesting,
}

impl Gathering {
    /// With room for a reply of common size.
    pub fn new() -> Self {
        Self { memory: BytesMut::with_capacity(512), ..Self::default() }
    }

    /// Adds bytes.
    pub fn extend(&mut self, bytes: &[u8]) {
        self.memory.extend_from_slice(bytes);
    }

    /// The bytes that are in memory, for adding more and for changing what was added since it was last seen to be full.
    pub fn memory(&mut self) -> &mut BytesMut {
        &mut self.memory
    }

    /// How many bytes were added.
    pub fn bytes(&self) -> usize {
        usize::try_from(self.stored).unwrap_or(usize::MAX).saturating_add(self.memory.len())
    }

    /// Whether none were.
    pub fn is_empty(&self) -> bool {
        self.bytes() == 0
    }

    /// Whether some are not in memory any more.
    pub fn is_stored(&self) -> bool {
        self.file.is_some()
    }

    /// Whether memory is to hold no more.
    pub fn is_full(&self) -> bool {
        self.memory.len() >= MEMORY_BYTES_MAX
    }

    /// Moves what is in memory into the file. Blocks. Errors: [`Fault::Unkept`].
    pub fn store(&mut self) -> Result<(), DbError> {
        let file = match &mut self.file {
            Some(file) => file,
            none => none.insert(tempfile::tempfile().map_err(no_file)?),
        };
        file.write_all(&self.memory).map_err(no_file)?;
        self.digesting.update(&self.memory);
        self.stored += self.memory.len() as u64;
        self.memory.clear();
        Ok(())
    }

    /// The same from a task, which goes on when it is done; does nothing before that is full. Errors: as [`store`](Self::store).
    pub async fn relieve(&mut self) -> Result<(), DbError> {
        if !self.is_full() {
            return Ok(());
        }
        let mut gathering = mem::take(self);
        *self = aside(move || gathering.store().map(|()| gathering)).await?;
        Ok(())
    }

    /// Adds bytes from a task. However many they are, no more of them are in memory than of others. Errors: as
    /// [`store`](Self::store).
    pub async fn add(&mut self, bytes: &[u8]) -> Result<(), DbError> {
        for part in bytes.chunks(MEMORY_BYTES_MAX) {
            self.extend(part);
            self.relieve().await?;
        }
        Ok(())
    }

    /// All bytes of what was never stored.
    pub fn in_memory(self) -> Bytes {
        debug_assert!(self.file.is_none(), "some bytes are in a file");
        self.memory.freeze()
    }

    /// All that was gathered, from a task. Errors: as [`store`](Self::store).
    pub async fn finished(self) -> Result<Contents, DbError> {
        match self.file {
            None => self.finish(),
            Some(_) => aside(|| self.finish()).await,
        }
    }

    /// All that was gathered. Blocks where some of it was stored. Errors: as [`store`](Self::store).
    pub fn finish(mut self) -> Result<Contents, DbError> {
        if self.file.is_some() {
            self.store()?;
        }
        Ok(match self.file {
            None => Contents::Memory(self.memory.freeze()),
            Some(file) => Contents::Stored(Stored {
                file: Arc::new(file),
                length: self.stored,
                digest: self.digesting.digest(),
            }),
        })
    }
}

/// Runs what blocks where it keeps no task from its turn.
async fn aside<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, DbError> + Send + 'static,
) -> Result<T, DbError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(error) => Err(DbError::new(Fault::Internal, error.to_string())),
    }
}

#[cold]
fn no_file(error: io::Error) -> DbError {
    let folder = std::env::temp_dir();
    let message = format!(
        "a reply of more than {MEMORY_BYTES_MAX} bytes needs a temporary file in {}: {error}; \
         TMPDIR names another folder",
        folder.display()
    );
    let full = matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded);
    DbError::new(Fault::Unkept { full }, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(rows: usize, stored: bool) {
        let row = [b'x'; 1000];
        let mut gathering = Gathering::new();
        for _ in 0..rows {
            gathering.extend(&row);
            if gathering.is_full() {
                gathering.store().expect("it is stored");
            }
            assert!(gathering.memory.capacity() <= 2 * MEMORY_BYTES_MAX);
        }
        assert_eq!(gathering.bytes(), rows * 1000);
        let contents = gathering.finish().expect("all is there");
        let all = vec![b'x'; rows * 1000];
        match &contents {
            Contents::Stored(file) => {
                assert!(stored);
                assert_eq!((file.len(), file.digest()), (all.len() as u64, Digest::of(&all)));
                assert_eq!(file.read(all.len() as u64 - 10, 100).expect("it is read"), [b'x'; 10].as_slice());
                assert!(file.read(all.len() as u64, 100).expect("it is read").is_empty());
            }
            Contents::Memory(_) => assert!(!stored),
        }
        assert!(contents.into_bytes().expect("it is read") == all);
    }

    #[test]
    fn a_folder_that_takes_no_file_is_named() {
        for (kind, full) in [(io::ErrorKind::StorageFull, true), (io::ErrorKind::PermissionDenied, false)] {
            let error = no_file(kind.into());
            assert_eq!(error.fault, Fault::Unkept { full });
            let folder = std::env::temp_dir();
            assert!(error.message.contains(&folder.display().to_string()), "{error}");
        }
    }

    #[test]
    fn a_small_reply_stays_in_memory() {
        check(0, false);
        check(MEMORY_BYTES_MAX / 1000, false);
    }

    #[test]
    fn a_large_reply_is_stored_piece_by_piece() {
        check(MEMORY_BYTES_MAX / 1000 + 1, true);
        check(20_000, true);
    }

    #[tokio::test]
    async fn what_is_large_by_itself_is_stored_in_parts() {
        let all = vec![b'x'; 9 * MEMORY_BYTES_MAX / 2];
        let mut gathering = Gathering::new();
        gathering.add(&all).await.expect("it is stored");
        assert!(gathering.is_stored() && gathering.memory.capacity() <= 2 * MEMORY_BYTES_MAX);
        let contents = gathering.finished().await.expect("all is there");
        assert!(contents.into_bytes().expect("it is read") == all);
    }
}
