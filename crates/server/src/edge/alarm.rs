//! A deadline that is moved far more often than it is reached: the timer is armed once and looks again when it rings,
//! so that a busy connection does not register a timer per request.

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use tokio::time::{Instant, Sleep, sleep_until};

/// A timer of one connection.
#[derive(Debug, Default)]
pub struct Alarm {
    sleep: Option<Pin<Box<Sleep>>>,
    due: Option<Instant>,
}

impl Alarm {
    /// Ready when `due` has come. An earlier ringing, armed for an earlier call, is ignored.
    pub fn poll(&mut self, cx: &mut Context<'_>, due: Instant) -> Poll<()> {
        let sleep = self.sleep.get_or_insert_with(|| Box::pin(sleep_until(due)));
        if sleep.deadline() > due {
            sleep.as_mut().reset(due);
        }
        ready!(sleep.as_mut().poll(cx));
        if Instant::now() >= due {
            return Poll::Ready(());
        }
        sleep.as_mut().reset(due);
        sleep.as_mut().poll(cx)
    }

    /// Ready so long after the first such call since [`Self::clear`].
    pub fn poll_after(&mut self, cx: &mut Context<'_>, after: Duration) -> Poll<()> {
        let due = *self.due.get_or_insert_with(|| Instant::now() + after);
        self.poll(cx, due)
    }

    /// Forgets when waiting began.
    pub fn clear(&mut self) {
        self.due = None;
    }
}
