//! A filter between the socket and the HTTP library: nothing of a request head reaches the library before the whole
//! head was found unambiguous, small and timely. A refused head is replaced by a stand-in request that the pipeline
//! answers in its turn, and nothing behind it is read as a request. A good head that arrives whole is not copied.

use std::{
    io,
    ops::Range,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Instant;

use crate::edge::{
    alarm::Alarm,
    chunks::Chunks,
    scan::{Framing, HeadLimits, HeadScan, REFUSED_METHOD, Refusal, encoded},
};

/// How many bytes of a head that comes in pieces are read at once.
const PIECE_BYTES: usize = 4 * 1024;
/// How much of what a client still sends is thrown away after the last reply, so that it sees the reply and not a reset.
const LINGER_BYTES_MAX: usize = 1024 * 1024;
/// How long that may take.
const LINGER_TIME_MAX: Duration = Duration::from_secs(1);

/// What a connection may cost in bytes and time.
#[derive(Clone, Copy, Debug)]
pub struct StrictLimits {
    /// Of each head.
    pub head: HeadLimits,
    /// From a head's first byte (a connection's opening, for the first) to its last.
    pub header_timeout: Duration,
    /// Of silence between requests.
    pub idle_timeout: Duration,
    /// How long a client may take none of its reply.
    pub write_timeout: Duration,
}

/// A socket whose incoming request heads are vetted.
#[derive(Debug)]
pub struct Strict<Io> {
    io: Io,
    limits: StrictLimits,
    at: At,
    scan: HeadScan,
    /// The beginning of a head, until the rest is there.
    held: Vec<u8>,
    /// Vetted bytes that still have to be handed on, and how many of them were.
    vetted: (Vec<u8>, usize),
    /// Since when the client has been waited for.
    /// Where targets stand in the bytes just vetted that have to be encoded.
    raw_targets: Vec<Range<usize>>,
    waiting_since: Option<Instant>,
    served: bool,
    reading: Alarm,
    writing: Alarm,
    lingering: Linger,
}

#[derive(Debug)]
enum At {
    Head,
    Body(u64),
    Chunked(Chunks),
    /// The client has sent its last byte.
    Ended,
    /// Whatever else comes is not read.
    Refused,
    /// The body does not go on as it should: whoever reads it is told.
    Malformed,
}

#[derive(Debug, Default)]
enum Linger {
    #[default]
    NotYet,
    Reading(usize),
    Done,
}

/// What vetting found after the first `pass` bytes.
enum Verdict {
    All,
    HeadUnfinished,
    Refuse(Refusal),
    BodyMalformed,
}

impl<Io> Strict<Io> {
    /// Filters what `io` receives.
    pub fn new(io: Io, limits: StrictLimits) -> Self {
        Self {
            io,
            limits,
            at: At::Head,
            scan: HeadScan::default(),
            held: Vec::new(),
            vetted: (Vec::new(), 0),
            raw_targets: Vec::new(),
            waiting_since: None,
            served: false,
            reading: Alarm::default(),
            writing: Alarm::default(),
            lingering: Linger::default(),
        }
    }

    /// How many of `bytes` may go on, and what comes then. With a head in `held`, `bytes` are all of `held`.
    fn vet(&mut self, bytes: &[u8]) -> (usize, Verdict) {
        let mut at = 0;
        while at < bytes.len() {
            let rest = &bytes[at..];
            match &mut self.at {
                At::Head => match self.scan.advance(rest, self.limits.head) {
                    Ok(None) => return (at, Verdict::HeadUnfinished),
                    Err(refusal) => return (at, Verdict::Refuse(refusal)),
                    Ok(Some((length, framing))) => {
                        if let Some(target) = self.scan.raw_target() {
                            self.raw_targets.push(at + target.start..at + target.end);
                        }
                        at += length;
                        self.scan = HeadScan::default();
                        self.served = true;
                        self.at = match framing {
                            Framing::Length(0) => At::Head,
                            Framing::Length(length) => At::Body(length),
                            Framing::Chunked => At::Chunked(Chunks::default()),
                        };
                    }
                },
                At::Body(left) => {
                    let step = (*left).min(rest.len() as u64);
                    *left -= step;
                    at += step as usize;
                    if *left == 0 {
                        self.at = At::Head;
                    }
                }
                At::Chunked(chunks) => match chunks.advance(rest) {
                    Ok(None) => at = bytes.len(),
                    Ok(Some(length)) => {
                        at += length;
                        self.at = At::Head;
                    }
                    Err(_) => return (at, Verdict::BodyMalformed),
                },
                At::Ended | At::Refused | At::Malformed => return (at, Verdict::BodyMalformed),
            }
        }
        (at, Verdict::All)
    }

    /// From here on the library sees only a request that stands for the refusal, then the end.
    fn refuse(&mut self, refusal: Refusal) {
        let place = Refusal::ALL.iter().position(|other| *other == refusal).unwrap_or(0);
        let stand_in =
            format!("{REFUSED_METHOD} /{place} HTTP/1.1\r\nhost: refused\r\nconnection: close\r\n\r\n");
        self.vetted.0.drain(..self.vetted.1);
        self.vetted.0.extend_from_slice(stand_in.as_bytes());
        self.vetted.1 = 0;
        self.held = Vec::new();
        self.at = At::Refused;
    }

    /// The vetted bytes with the targets in them encoded; `None` where nothing has to be.
    fn encoded(&mut self, vetted: &[u8]) -> Option<Vec<u8>> {
        if self.raw_targets.is_empty() {
            return None;
        }
        let mut bytes = Vec::with_capacity(vetted.len() + 64);
        let mut done = 0;
        for target in self.raw_targets.drain(..) {
            let here = target.start - done..target.end - done;
            encoded(&vetted[done..], &here, &mut bytes);
            done = target.end;
        }
        bytes.extend_from_slice(&vetted[done..]);
        Some(bytes)
    }

    /// Hands on what was vetted before. `false`: there is nothing.
    fn hand_on(&mut self, buf: &mut ReadBuf<'_>) -> bool {
        let (bytes, done) = &mut self.vetted;
        let step = (bytes.len() - *done).min(buf.remaining());
        if step == 0 {
            return false;
        }
        buf.put_slice(&bytes[*done..*done + step]);
        *done += step;
        if *done == bytes.len() {
            self.vetted = (Vec::new(), 0);
        }
        true
    }

    /// Nothing has come: has the client been given time enough? `Ready` when it has.
    fn wait(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if !matches!(self.at, At::Head) {
            return Poll::Pending;
        }
        let limit = match self.held.is_empty() && self.served {
            true => self.limits.idle_timeout,
            false => self.limits.header_timeout,
        };
        let since = *self.waiting_since.get_or_insert_with(Instant::now);
        ready!(self.reading.poll(cx, since + limit));
        match self.held.is_empty() {
            true => self.at = At::Ended,
            false => self.refuse(Refusal::TooSlow),
        }
        Poll::Ready(())
    }
}

fn malformed_body() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "the chunked body is malformed")
}

impl<Io: AsyncRead + Unpin> Strict<Io> {
    /// Reads straight into the caller's buffer. `Ready(true)`: there is something to return, if only the end.
    fn read_through(&mut self, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<bool>> {
        let before = buf.filled().len();
        if Pin::new(&mut self.io).poll_read(cx, buf)?.is_pending() {
            ready!(self.wait(cx));
            return Poll::Ready(Ok(false));
        }
        self.waiting_since = None;
        if buf.filled().len() == before {
            self.at = At::Ended;
            return Poll::Ready(Ok(true));
        }
        let (pass, verdict) = self.vet(&buf.filled()[before..]);
        let encoded = self.encoded(&buf.filled()[before..before + pass]);
        let rewritten = encoded.is_some();
        if let Some(encoded) = encoded {
            self.vetted = (encoded, 0);
        }
        match verdict {
            Verdict::All => {}
            Verdict::HeadUnfinished => {
                self.held.extend_from_slice(&buf.filled()[before + pass..]);
                self.waiting_since = Some(Instant::now());
            }
            Verdict::Refuse(refusal) => self.refuse(refusal),
            Verdict::BodyMalformed => self.at = At::Malformed,
        }
        if rewritten {
            buf.set_filled(before);
            return Poll::Ready(Ok(false));
        }
        buf.set_filled(before + pass);
        Poll::Ready(Ok(pass > 0))
    }

    /// Reads on behind the beginning of a head.
    fn read_on(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<bool>> {
        let mut piece = [std::mem::MaybeUninit::uninit(); PIECE_BYTES];
        let mut piece = ReadBuf::uninit(&mut piece);
        if Pin::new(&mut self.io).poll_read(cx, &mut piece)?.is_pending() {
            ready!(self.wait(cx));
            return Poll::Ready(Ok(false));
        }
        if piece.filled().is_empty() {
            self.held = Vec::new();
            self.at = At::Ended;
            return Poll::Ready(Ok(true));
        }
        let mut held = std::mem::take(&mut self.held);
        held.extend_from_slice(piece.filled());
        let (pass, verdict) = self.vet(&held);
        match verdict {
            Verdict::HeadUnfinished if pass == 0 => {
                self.held = held;
                return Poll::Ready(Ok(false));
            }
            Verdict::HeadUnfinished => {
                self.held = held.split_off(pass);
                self.waiting_since = Some(Instant::now());
            }
            Verdict::All | Verdict::Refuse(_) => self.waiting_since = None,
            Verdict::BodyMalformed => self.at = At::Malformed,
        }
        held.truncate(pass);
        let held = self.encoded(&held).unwrap_or(held);
        self.vetted = (held, 0);
        if let Verdict::Refuse(refusal) = verdict {
            self.refuse(refusal);
        }
        Poll::Ready(Ok(false))
    }

    fn poll_linger(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let Linger::Reading(seen) = &mut self.lingering else { return Poll::Ready(()) };
        let mut waste = [std::mem::MaybeUninit::uninit(); PIECE_BYTES];
        while *seen < LINGER_BYTES_MAX {
            let mut waste = ReadBuf::uninit(&mut waste);
            match Pin::new(&mut self.io).poll_read(cx, &mut waste) {
                Poll::Ready(Ok(())) if !waste.filled().is_empty() => *seen += waste.filled().len(),
                Poll::Ready(_) => return Poll::Ready(()),
                Poll::Pending => {
                    let since = *self.waiting_since.get_or_insert_with(Instant::now);
                    return self.reading.poll(cx, since + LINGER_TIME_MAX);
                }
            }
        }
        Poll::Ready(())
    }
}

impl<Io: AsyncRead + Unpin> AsyncRead for Strict<Io> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        loop {
            if this.hand_on(buf) {
                return Poll::Ready(Ok(()));
            }
            match this.at {
                At::Ended | At::Refused => return Poll::Ready(Ok(())),
                At::Malformed => return Poll::Ready(Err(malformed_body())),
                At::Head | At::Body(_) | At::Chunked(_) => {}
            }
            let done = match this.held.is_empty() {
                true => ready!(this.read_through(cx, buf))?,
                false => ready!(this.read_on(cx))?,
            };
            if done {
                return Poll::Ready(Ok(()));
            }
        }
    }
}

impl<Io: AsyncRead + AsyncWrite + Unpin> Strict<Io> {
    fn written(&mut self, cx: &mut Context<'_>, written: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        if written.is_ready() {
            self.writing.clear();
            return written;
        }
        ready!(self.writing.poll_after(cx, self.limits.write_timeout));
        Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, "the client takes none of its reply")))
    }
}

impl<Io: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Strict<Io> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let written = Pin::new(&mut this.io).poll_write(cx, bytes);
        this.written(cx, written)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let written = Pin::new(&mut this.io).poll_write_vectored(cx, parts);
        this.written(cx, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().io).poll_flush(cx)
    }

    /// Closes our side, then reads what the client still sends, for a moment: a socket closed with unread bytes is reset,
    /// and a reset can overtake the reply.
    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if matches!(this.lingering, Linger::NotYet) {
            ready!(Pin::new(&mut this.io).poll_shutdown(cx))?;
            let unread = !matches!(this.at, At::Ended | At::Head) || !this.held.is_empty();
            this.lingering = if unread { Linger::Reading(0) } else { Linger::Done };
            this.waiting_since = None;
        }
        ready!(this.poll_linger(cx));
        this.lingering = Linger::Done;
        Poll::Ready(Ok(()))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use proptest::prelude::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};

    use super::*;

    const LIMITS: StrictLimits = StrictLimits {
        head: HeadLimits { uri_bytes_max: 100, head_bytes_max: 1_000 },
        header_timeout: Duration::from_secs(10),
        idle_timeout: Duration::from_secs(60),
        write_timeout: Duration::from_secs(30),
    };
    const GET: &str = "GET /a HTTP/1.1\r\nhost: x\r\n\r\n";
    const POST: &str = "POST /a HTTP/1.1\r\nhost: x\r\ncontent-length: 4\r\n\r\nGET ";
    const CHUNKED: &str =
        "POST /a HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n3\r\nGET\r\n0\r\n\r\n";
    const BAD: &str = "GET /a HTTP/1.1\r\nhost: x\r\nhost: y\r\n\r\n";

    fn pair() -> (DuplexStream, Strict<DuplexStream>) {
        let (client, server) = duplex(16 * 1024);
        (client, Strict::new(server, LIMITS))
    }

    /// Sends `sent` in pieces of these sizes; what the library would read.
    async fn passed(sent: &str, sizes: &[usize]) -> String {
        let (mut client, mut strict) = pair();
        let mut rest = sent.as_bytes();
        let mut read = Vec::new();
        for size in sizes.iter().cycle() {
            let (piece, later) = rest.split_at((*size).min(rest.len()));
            client.write_all(piece).await.unwrap();
            // As much as comes of this piece.
            while let Ok(Ok(1..)) = tokio::time::timeout(Duration::ZERO, strict.read_buf(&mut read)).await {}
            rest = later;
            if rest.is_empty() {
                break;
            }
        }
        drop(client);
        let _ = strict.read_to_end(&mut read).await;
        String::from_utf8(read).unwrap()
    }

    fn run<T>(future: impl Future<Output = T>) -> T {
        tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(future)
    }

    proptest! {
        #[test]
        fn good_requests_pass_unchanged_however_they_are_cut(
            requests in prop::collection::vec(prop::sample::select(vec![GET, POST, CHUNKED]), 1..5),
            sizes in prop::collection::vec(1usize..40, 1..6),
        ) {
            let sent = requests.concat();
            prop_assert_eq!(run(passed(&sent, &sizes)), sent);
        }

        #[test]
        fn nothing_of_a_bad_request_or_after_it_passes(
            before in prop::collection::vec(prop::sample::select(vec![GET, POST, CHUNKED]), 0..3),
            sizes in prop::collection::vec(1usize..60, 1..6),
        ) {
            let read = run(passed(&format!("{}{BAD}{GET}", before.concat()), &sizes));
            let stand_in = read.strip_prefix(&before.concat());
            prop_assert!(stand_in.is_some_and(|read| read.starts_with(REFUSED_METHOD)), "{}", read);
            prop_assert_eq!(read.matches("host: refused").count(), 1);
            prop_assert!(!read.contains("host: y"));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn time_is_kept() {
        // Silent from the beginning: ended without a word, after the time a head may take.
        let (_client, mut strict) = pair();
        let begun = Instant::now();
        assert_eq!(strict.read(&mut [0; 64]).await.unwrap(), 0);
        assert_eq!(begun.elapsed().as_secs(), 10);
        // A head that drips: every byte moves nothing.
        let (mut client, mut strict) = pair();
        let drip = tokio::spawn(async move {
            while client.write_all(b"a").await.is_ok() {
                tokio::time::sleep(Duration::from_secs(3)).await;
            }
        });
        let begun = Instant::now();
        let mut read = [0; 64];
        let length = strict.read(&mut read).await.unwrap();
        assert!(read[..length].starts_with(REFUSED_METHOD.as_bytes()));
        assert_eq!(begun.elapsed().as_secs(), 10);
        drip.abort();
        // Silent after a request.
        let (mut client, mut strict) = pair();
        client.write_all(GET.as_bytes()).await.unwrap();
        assert_eq!(strict.read(&mut [0; 256]).await.unwrap(), GET.len());
        let begun = Instant::now();
        assert_eq!(strict.read(&mut [0; 64]).await.unwrap(), 0);
        assert_eq!(begun.elapsed().as_secs(), 60);
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_takes_nothing_is_given_up() {
        let (_client, mut strict) = pair();
        let begun = Instant::now();
        let written = strict.write_all(&[0; 32 * 1024]).await;
        assert_eq!(written.unwrap_err().kind(), io::ErrorKind::TimedOut);
        assert_eq!(begun.elapsed().as_secs(), 30);
    }
}
