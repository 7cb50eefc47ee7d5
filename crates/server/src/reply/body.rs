//! Bodies of replies: one closed enum, so that the hot path allocates and dispatches nothing for them.

use std::{
    future::Future,
    io, mem,
    pin::Pin,
    task::{Context, Poll},
};

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};
use tokio::{
    sync::mpsc,
    task::{self, JoinHandle},
};
use transom_ports::{Contents, DbError, Stored};
use transom_types::{Code, Problem};

/// So much of a file is on its way at once.
const PIECE_BYTES: usize = 256 * 1024;

/// The body of a reply.
#[derive(Debug)]
pub enum ReplyBody {
    /// None.
    Empty,
    /// All of it, not empty.
    Full(Bytes),
    /// From a file, piece by piece.
    Stored(Reading),
    /// Whatever its task sends, until the task ends; the task ends when this is dropped.
    Stream(mpsc::Receiver<Bytes>),
}

impl ReplyBody {
    /// All of it.
    pub fn full(bytes: Bytes) -> Self {
        if bytes.is_empty() { Self::Empty } else { Self::Full(bytes) }
    }
}

impl From<Contents> for ReplyBody {
    fn from(contents: Contents) -> Self {
        match contents {
            Contents::Memory(bytes) => Self::full(bytes),
            Contents::Stored(stored) => Self::Stored(Reading { stored, at: 0, piece: None }),
        }
    }
}

/// What of a stored reply is still to be sent.
#[derive(Debug)]
pub struct Reading {
    stored: Stored,
    at: u64,
    piece: Option<JoinHandle<io::Result<Bytes>>>,
}

impl Reading {
    /// What is read.
    pub fn stored(&self) -> &Stored {
        &self.stored
    }

    /// All of it in memory, of what nothing was sent yet. Errors: an internal one.
    pub async fn all(self) -> Result<Bytes, Problem> {
        let read = task::spawn_blocking(|| Contents::Stored(self.stored).into_bytes());
        match read.await {
            Ok(read) => read.map_err(DbError::into_problem),
            Err(error) => Err(Problem::new(Code::Internal, "The reply could not be read").caused_by(error)),
        }
    }

    fn left(&self) -> u64 {
        self.stored.len() - self.at
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        if self.left() == 0 {
            return Poll::Ready(None);
        }
        let (stored, at) = (&self.stored, self.at);
        let piece = self.piece.get_or_insert_with(|| {
            let stored = stored.clone();
            task::spawn_blocking(move || stored.read(at, PIECE_BYTES))
        });
        let read = match Pin::new(piece).poll(cx) {
            Poll::Pending => return Poll::Pending,
            Poll::Ready(read) => read.map_err(io::Error::other).flatten(),
        };
        self.piece = None;
        Poll::Ready(Some(read.map(|bytes| {
            self.at += bytes.len() as u64;
            Frame::data(bytes)
        })))
    }
}

impl Body for ReplyBody {
    type Data = Bytes;
    /// A file that cannot be read any more: the reply ends before its length.
    type Error = io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        match &mut *self {
            Self::Empty => Poll::Ready(None),
            Self::Stored(reading) => reading.poll(cx),
            Self::Full(bytes) => {
                let bytes = mem::take(bytes);
                *self = Self::Empty;
                Poll::Ready(Some(Ok(Frame::data(bytes))))
            }
            Self::Stream(parts) => parts.poll_recv(cx).map(|part| part.map(|bytes| Ok(Frame::data(bytes)))),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Empty => true,
            Self::Stored(reading) => reading.left() == 0,
            Self::Full(_) | Self::Stream(_) => false,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Empty => SizeHint::with_exact(0),
            Self::Full(bytes) => SizeHint::with_exact(bytes.len() as u64),
            Self::Stored(reading) => SizeHint::with_exact(reading.left()),
            Self::Stream(_) => SizeHint::default(),
        }
    }
}
