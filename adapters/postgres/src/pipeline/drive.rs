//! The task that a connection lives in: it writes what is asked, reads what is answered, and tells each its own.

use std::{
    collections::VecDeque,
    io,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Instant,
};

use bytes::{Buf, BytesMut};
use postgres_protocol::message::{
    backend::{DataRowBody, Message},
    frontend,
};
use tokio::{io::AsyncWrite, sync::mpsc};
use tokio_util::io::poll_read_buf;

use super::{
    line::{Ask, Ended},
    open::Wire,
};

/// Once so much waits to be sent, no more is taken on.
const OUT_MAX: usize = 256 * 1024;

/// The life of a connection.
pub(super) struct Drive {
    wire: Wire,
    asks: mpsc::Receiver<Ask>,
    out: BytesMut,
    /// Whether something was written that may not be on its way yet.
    unflushed: bool,
    read: BytesMut,
    waiting: VecDeque<Waiting>,
    /// Whether the server was told that this is the end.
    terminated: bool,
}

/// A session that was sent.
struct Waiting {
    ask: Ask,
    /// When it was sent, or the one before it was answered.
    since: Instant,
    rows: Vec<(usize, DataRowBody)>,
    bytes: usize,
    /// The place of the statement that is answered now.
    statement: usize,
    refused: bool,
}

impl Drive {
    pub(super) fn new(wire: Wire, asks: mpsc::Receiver<Ask>) -> Self {
        let (out, read) = (BytesMut::with_capacity(8 * 1024), BytesMut::with_capacity(16 * 1024));
        Self { wire, asks, out, unflushed: false, read, waiting: VecDeque::new(), terminated: false }
    }

    /// Takes on what is asked. Ready when nobody can ask any more.
    fn take(&mut self, context: &mut Context<'_>) -> Poll<()> {
        while self.out.len() < OUT_MAX {
            let Some(ask) = ready!(self.asks.poll_recv(context)) else { return Poll::Ready(()) };
            self.out.extend_from_slice(&ask.messages);
            let since = Instant::now();
            let (rows, bytes, statement, refused) = (Vec::with_capacity(4), 0, 0, false);
            self.waiting.push_back(Waiting { ask, since, rows, bytes, statement, refused });
        }
        Poll::Pending
    }

    fn write(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.out.is_empty() {
            let written = ready!(Pin::new(&mut self.wire).poll_write(context, &self.out))?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.out.advance(written);
            self.unflushed = true;
        }
        if self.unflushed {
            ready!(Pin::new(&mut self.wire).poll_flush(context))?;
            self.unflushed = false;
        }
        Poll::Ready(Ok(()))
    }

    /// Reads what has come; ready when the connection has ended.
    fn hear(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        loop {
            match ready!(poll_read_buf(Pin::new(&mut self.wire), context, &mut self.read))? {
                0 => return Poll::Ready(Ok(())),
                _ => self.tell()?,
            }
        }
    }

    fn tell(&mut self) -> io::Result<()> {
        while let Some(message) = Message::parse(&mut self.read)? {
            let Some(waiting) = self.waiting.front_mut() else { continue };
            match message {
                Message::DataRow(row) => waiting.take(row),
                Message::CommandComplete(_) | Message::EmptyQueryResponse => {
                    waiting.statement += 1;
                }
                Message::ParseComplete => {
                    if let Some(named) = &waiting.ask.named
                        && waiting.statement == waiting.ask.main
                    {
                        named.ready();
                    }
                }
                Message::ErrorResponse(_) => waiting.refused = true,
                Message::ReadyForQuery(_) => {
                    let ended = self.waiting.pop_front();
                    let now = Instant::now();
                    if let Some(next) = self.waiting.front_mut() {
                        next.since = next.since.max(now);
                    }
                    if let Some(waiting) = ended {
                        waiting.end(now);
                    }
                }
                _ => {}
            }
        }
        Ok(())
    }
}

impl Waiting {
    fn take(&mut self, row: DataRowBody) {
        self.bytes = self.bytes.saturating_add(row.buffer().len());
        match self.bytes > self.ask.bytes_max {
            true => {
                self.refused = true;
                self.rows = Vec::new();
            }
            false => self.rows.push((self.statement, row)),
        }
    }

    fn end(self, now: Instant) {
        if let Some(named) = &self.ask.named {
            named.back();
        }
        let ended = match self.refused {
            true => Ended::Refused,
            false => Ended::Answered { rows: self.rows, took: now.duration_since(self.since) },
        };
        // Who asked may have gone.
        let _ = self.ask.reply.send(ended);
    }
}

impl Future for Drive {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let this = &mut *self;
        // What was answered makes room for what comes next to be sent in one go.
        let heard = this.hear(context);
        let nobody = this.take(context).is_ready() && this.waiting.is_empty();
        if nobody && !this.terminated {
            frontend::terminate(&mut this.out);
            this.terminated = true;
        }
        let written = this.write(context);
        let over = nobody && written.is_ready();
        let ended = match (heard, written) {
            (Poll::Ready(Err(error)), _) | (_, Poll::Ready(Err(error))) => Some(error.to_string()),
            (Poll::Ready(Ok(())), _) => Some("it was closed".to_owned()),
            _ => None,
        };
        match ended {
            Some(error) => tracing::debug!(error, "a database connection for sessions ended"),
            None if over => {}
            None => return Poll::Pending,
        }
        Poll::Ready(())
    }
}
