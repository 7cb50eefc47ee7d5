//! Tokens that the test servers accept.

use jsonwebtoken::{EncodingKey, Header};
use serde_json::Value as Json;

/// The secret that every test project signs with.
pub const SECRET: &str = "testkit-secret-of-at-least-32-characters";

/// A token with these claims.
pub fn token(claims: &Json) -> String {
    let key = EncodingKey::from_secret(SECRET.as_bytes());
    jsonwebtoken::encode(&Header::default(), claims, &key).expect("claims are JSON")
}
