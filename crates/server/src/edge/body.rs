//! Receives a request's body within bounds of size and time.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use hyper::body::{Body, Incoming};
use transom_types::{Code, Problem};

/// How much is set aside for a body by its declared length alone.
const TRUSTED_LENGTH_BYTES_MAX: u64 = 64 * 1024;

/// The whole body.
/// Errors: [`Code::BodyTooLarge`] before more than the limit is read, [`Code::RequestTimeout`], [`Code::RequestMalformed`].
pub async fn receive(body: Incoming, bytes_max: usize, timeout: Duration) -> Result<Bytes, Problem> {
    if body.is_end_stream() {
        return Ok(Bytes::new());
    }
    if body.size_hint().lower() > bytes_max as u64 {
        return Err(too_large(bytes_max));
    }
    match tokio::time::timeout(timeout, collect(body, bytes_max)).await {
        Ok(received) => received,
        Err(_) => Err(Problem::new(Code::RequestTimeout, "The request body did not arrive in time")
            .with_details(format!("It may take {} ms", timeout.as_millis()))),
    }
}

async fn collect(mut body: Incoming, bytes_max: usize) -> Result<Bytes, Problem> {
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
    Ok(first.unwrap_or_else(|| whole.freeze()))
}

async fn next(body: &mut Incoming) -> Option<Result<hyper::body::Frame<Bytes>, hyper::Error>> {
    std::future::poll_fn(|cx| std::pin::Pin::new(&mut *body).poll_frame(cx)).await
}

/// The refusal of a body of more than `bytes_max` bytes.
pub fn too_large(bytes_max: usize) -> Problem {
    Problem::new(Code::BodyTooLarge, "The request body is too large")
        .with_details(format!("It may have {bytes_max} bytes"))
        .with_hint("Send the rows in several requests")
}
