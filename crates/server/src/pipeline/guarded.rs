//! Keeps one request's panic or delay from touching any other. A request that never waits costs no timer.

use std::{
    any::Any,
    future::{Future, poll_fn},
    panic::{AssertUnwindSafe, catch_unwind},
    pin::pin,
    task::Poll,
    time::Duration,
};

use tokio::time::{Sleep, sleep};

/// How a guarded future ended.
#[derive(Debug, PartialEq, Eq)]
pub enum Guarded<T> {
    /// By itself.
    Done(T),
    /// It was dropped after its time.
    Late,
    /// It panicked with this message.
    Panicked(String),
}

/// Runs `future` for at most `limit`, and catches its panic.
pub async fn guarded<F: Future>(limit: Duration, future: F) -> Guarded<F::Output> {
    let mut future = pin!(future);
    let mut timer = pin!(None::<Sleep>);
    poll_fn(|cx| {
        // After a panic the future is never polled again, and all it could have left half done is its own.
        match catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(cx))) {
            Ok(Poll::Ready(output)) => return Poll::Ready(Guarded::Done(output)),
            Err(panic) => return Poll::Ready(Guarded::Panicked(message_of(&*panic))),
            Ok(Poll::Pending) => {}
        }
        if timer.is_none() {
            timer.set(Some(sleep(limit)));
        }
        match timer.as_mut().as_pin_mut().map(|timer| timer.poll(cx)) {
            Some(Poll::Ready(())) => Poll::Ready(Guarded::Late),
            _ => Poll::Pending,
        }
    })
    .await
}

fn message_of(panic: &(dyn Any + Send)) -> String {
    let text =
        panic.downcast_ref::<&str>().copied().or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    text.unwrap_or("a panic without a message").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn ends_each_way() {
        let limit = Duration::from_millis(10);
        assert_eq!(guarded(limit, async { 1 }).await, Guarded::Done(1));
        assert_eq!(guarded(limit, sleep(limit / 2)).await, Guarded::Done(()));
        assert_eq!(guarded(limit, sleep(limit * 2)).await, Guarded::Late);
        let panics = async { panic!("with {}", "reasons") };
        assert_eq!(
            guarded::<std::pin::Pin<Box<dyn Future<Output = ()>>>>(limit, Box::pin(panics)).await,
            Guarded::Panicked("with reasons".into())
        );
    }
}
