//! Makes tokens for development: what `transom token` prints.

use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Map, Value as Json};
use transom_types::{Code, Problem};

use crate::Secret;

/// What goes into a development token.
#[derive(Clone, Debug, Default)]
pub struct MintedToken {
    /// The `role` claim.
    pub role: Option<String>,
    /// The `sub` claim.
    pub subject: Option<String>,
    /// The `aud` claim.
    pub audience: Option<String>,
    /// The `iss` claim.
    pub issuer: Option<String>,
    /// Valid for so long; `None` for ever.
    pub lifetime_seconds: Option<u64>,
    /// Further claims; they win over the others.
    pub claims: Map<String, Json>,
}

/// Signs a token with HS256.
pub fn mint(secret: &Secret, token: &MintedToken, now_seconds: u64) -> Result<String, Problem> {
    let texts =
        [("role", &token.role), ("sub", &token.subject), ("aud", &token.audience), ("iss", &token.issuer)];
    let mut claims = Map::new();
    for (name, value) in texts {
        if let Some(value) = value {
            claims.insert(name.to_owned(), Json::String(value.clone()));
        }
    }
    claims.insert("iat".to_owned(), now_seconds.into());
    if let Some(lifetime) = token.lifetime_seconds {
        claims.insert("exp".to_owned(), now_seconds.saturating_add(lifetime).into());
    }
    claims.extend(token.claims.clone());
    let key = EncodingKey::from_secret(secret.bytes());
    jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims, &key)
        .map_err(|error| Problem::new(Code::Internal, "The token could not be signed").caused_by(error))
}
