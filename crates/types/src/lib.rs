//! Values, data types, problems and limits: the words every other room speaks.
//!
//! A type enters here when two crates need it. Nothing in this crate touches the clock, randomness,
//! the environment, a file or the async runtime.

pub mod address;
pub mod code;
pub mod data_type;
pub mod ids;
pub mod limits;
mod moment;
pub mod nearest;
pub mod precondition;
pub mod principal;
pub mod problem;
mod resembling;
pub mod session;
pub mod value;

pub use code::Code;
pub use data_type::DataType;
pub use ids::{ChangePosition, RequestId};
pub use precondition::{Digest, Digesting, Precondition};
pub use principal::Principal;
pub use problem::{Problem, Retry};
pub use resembling::{Likeness, resembling};
pub use session::{Session, SessionReply};
pub use value::Value;
