//! Who is asking: turns the credentials of a request into a [`transom_types::Principal`].
//!
//! Tokens are signed JSON Web Tokens (RFC 7519). Every key has exactly one algorithm, fixed when the key is loaded and
//! never by the token (RFC 8725, section 3.1), so that no key can be used as a key of another kind. What the principal
//! may then do is the policy room's matter.

mod cache;
mod claims;
mod credentials;
mod identity;
mod jwks;
mod key;
mod key_source;
mod mint;
mod refusal;
mod role_path;
mod settings;
mod stream_token;
mod tls;
mod token;

pub use identity::Identity;
pub use key_source::Observation;
pub use mint::{MintedToken, mint};
pub use settings::{Observer, Secret, Settings};
pub use stream_token::StreamToken;
