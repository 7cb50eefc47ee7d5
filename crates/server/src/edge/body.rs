//! Receives a request's body within bounds of size and time.

use std::{
    sync::atomic::{AtomicUsize, Ordering::Relaxed},
    time::Duration,
};

use bytes::{Bytes, BytesMut};
use hyper::body::{Body, Incoming};
use transom_types::{Code, Problem};

/// Largest body whose memory is not counted.
const UNCOUNTED_BYTES_MAX: usize = 64 * 1024;
/// How much is set aside for a body by its declared length alone.
const TRUSTED_LENGTH_BYTES_MAX: u64 = 64 * 1024;

/// Most memory for the larger bodies of all requests together, those that are in work included; bodies that may be larger each
/// get room for four.
const BODIES_BYTES_MAX: usize = 256 * 1024 * 1024;

/// The process's, as its memory is.
static BUDGET: Budget = Budget(AtomicUsize::new(0));

/// How many bytes of bodies are held.
#[derive(Debug)]
struct Budget(AtomicUsize);

/// A body's part of them; given back when the last reader of the body drops it.
#[derive(Debug)]
struct Share {
    budget: &'static Budget,
    bytes: usize,
}

/// A body and its part.
struct Held {
    bytes: Bytes,
    _share: Share,
}

impl AsRef<[u8]> for Held {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Share {
    fn grow(&mut self, bytes: usize, bytes_max: usize) -> Result<(), Problem> {
        let held = self.budget.0.fetch_add(bytes, Relaxed) + bytes;
        self.bytes += bytes;
        match held > bytes_max {
            true => Err(Problem::new(Code::Overloaded, "Too many large bodies are being received")),
            false => Ok(()),
        }
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.budget.0.fetch_sub(self.bytes, Relaxed);
    }
}

/// The whole body.
/// Errors: [`Code::BodyTooLarge`] before more than the limit is read, [`Code::RequestTimeout`], [`Code::RequestMalformed`],
/// [`Code::Overloaded`] where the bodies of other requests take all the room there is.
pub async fn receive(body: Incoming, bytes_max: usize, timeout: Duration) -> Result<Bytes, Problem> {
    if body.is_end_stream() {
        return Ok(Bytes::new());
    }
    if body.size_hint().lower() > bytes_max as u64 {
        return Err(too_large(bytes_max));
    }
    match tokio::time::timeout(timeout, collect(body, bytes_max, &BUDGET)).await {
        Ok(received) => received,
        Err(_) => Err(Problem::new(Code::RequestTimeout, "The request body did not arrive in time")
            .with_details(format!("It may take {} ms", timeout.as_millis()))),
    }
}

async fn collect<B>(mut body: B, bytes_max: usize, budget: &'static Budget) -> Result<Bytes, Problem>
where
    B: Body<Data = Bytes, Error: std::error::Error + Send + Sync + 'static> + Unpin,
{
    let mut share = Share { budget, bytes: 0 };
    let bodies_bytes_max = BODIES_BYTES_MAX.max(bytes_max.saturating_mul(4));
    let mut whole = BytesMut::new();
    let mut first: Option<Bytes> = None;
    while let Some(frame) = next(&mut body).await {
        let frame = frame.map_err(|error| {
            Problem::new(Code::RequestMalformed, "The request body ended early or is malformed")
                .caused_by(error)
        })?;
        let Ok(data) = frame.into_data() else { continue };
        let have = first.as_ref().map_or(whole.len(), Bytes::len);
        if have + data.len() > bytes_max {
            return Err(too_large(bytes_max));
        }
        // Small bodies are not counted: there are at most as many as requests in work.
        if have + data.len() > UNCOUNTED_BYTES_MAX {
            share.grow(have + data.len() - share.bytes, bodies_bytes_max)?;
        }
        match first.take() {
            None if whole.is_empty() => first = Some(data),
            None => whole.extend_from_slice(&data),
            Some(begin) => {
                let expected = body.size_hint().lower().min(TRUSTED_LENGTH_BYTES_MAX) as usize;
                whole.reserve(begin.len() + data.len() + expected);
                whole.extend_from_slice(&begin);
                whole.extend_from_slice(&data);
            }
        }
    }
    let bytes = first.unwrap_or_else(|| whole.freeze());
    Ok(if share.bytes > 0 { Bytes::from_owner(Held { bytes, _share: share }) } else { bytes })
}

async fn next<B: Body + Unpin>(body: &mut B) -> Option<Result<hyper::body::Frame<B::Data>, B::Error>> {
    std::future::poll_fn(|cx| std::pin::Pin::new(&mut *body).poll_frame(cx)).await
}

/// The refusal of a body of more than `bytes_max` bytes.
pub fn too_large(bytes_max: usize) -> Problem {
    Problem::new(Code::BodyTooLarge, "The request body is too large")
        .with_details(format!("It may have {bytes_max} bytes"))
        .with_hint("Send the rows in several requests")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use http_body_util::Full;

    use super::*;

    async fn check(held: usize, length: usize, expected: Result<usize, Code>) {
        let budget: &'static Budget = Box::leak(Box::new(Budget(AtomicUsize::new(held))));
        let sent = Bytes::from(vec![b'x'; length]);
        let received = collect(Full::new(sent.clone()), 1024 * 1024, budget).await;
        assert_eq!(received.as_ref().map(|_| budget.0.load(Relaxed) - held).map_err(Problem::code), expected);
        if let Ok(received) = received {
            assert_eq!(received, sent);
            // A part of it keeps all of it, and is counted as all of it.
            let part = received.slice(..1);
            drop(received);
            assert_eq!(Ok(budget.0.load(Relaxed) - held), expected);
            drop(part);
        }
        assert_eq!(budget.0.load(Relaxed), held, "given back");
    }

    #[tokio::test]
    async fn large_bodies_are_held_within_one_budget() {
        check(0, 10, Ok(0)).await;
        check(0, UNCOUNTED_BYTES_MAX + 1, Ok(UNCOUNTED_BYTES_MAX + 1)).await;
        check(BODIES_BYTES_MAX - 100_000, 100_000, Ok(100_000)).await;
        check(BODIES_BYTES_MAX - 100_000, 100_001, Err(Code::Overloaded)).await;
        check(BODIES_BYTES_MAX, 10, Ok(0)).await;
        check(0, 1024 * 1024 + 1, Err(Code::BodyTooLarge)).await;
    }
}
