//! The event line's reading end: what was committed, to whom it may be shown, in commit order and nothing missed.
//!
//! One [`ChangeFeed`] per database tails the change log and keeps the newest changes in a bounded window. A
//! [`Subscription`] reads from the window, or from the log itself when it has fallen behind, and asks the engine which
//! changes its principal may see. Framing as server-sent events stands in [`sse`]; connections are the server's matter.

mod event;
mod feed;
mod judge;
mod show;
pub mod sse;
mod subscription;
mod window;

pub use event::{Event, event_json};
pub use feed::{ChangeFeed, FeedSettings, Observation, Observer, PolicySource};
pub use subscription::{Batch, Subscription, SubscriptionRequest, lifetime};
