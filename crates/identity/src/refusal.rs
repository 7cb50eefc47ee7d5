//! Every refusal of a credential: one place for codes, messages and the `WWW-Authenticate` challenge (RFC 6750, section 3).
//!
//! Messages name what is wrong with the token, never any part of it. Where PostgREST documents a message, clients see the same.

use transom_types::{Code, Problem};

/// The token itself cannot be accepted: not a token, or not signed by a known key.
pub(crate) fn invalid(message: &str) -> Problem {
    challenged(Code::TokenInvalid, message)
}

/// The token is signed by a known key, but a claim forbids its use.
pub(crate) fn claims(message: &str) -> Problem {
    challenged(Code::TokenClaims, message)
}

/// No token was presented, and none is not enough.
pub(crate) fn anonymous() -> Problem {
    Problem::new(Code::AnonymousDisabled, "Anonymous access is disabled")
        .with_hint("Send a token: `Authorization: Bearer …`")
        .with_header("www-authenticate", "Bearer")
}

/// A token was presented, but there is nothing to verify it with.
pub(crate) fn no_keys() -> Problem {
    Problem::new(Code::TokenSecretMissing, "Server lacks JWT secret")
        .with_hint("Configure a secret, a public key or a key set")
}

/// The only keys that could verify the token have never been fetched.
pub(crate) fn keys_unavailable() -> Problem {
    Problem::new(Code::KeysUnavailable, "The keys to verify this token cannot be fetched at the moment")
}

pub(crate) const NO_KEY: &str = "No suitable key or wrong key type";
pub(crate) const NONE_FITS: &str = "None of the keys was able to decode the JWT";
pub(crate) const BAD_ALGORITHM: &str = "Wrong or unsupported encoding algorithm";
pub(crate) const BAD_SIGNATURE: &str = "JWT cryptographic operation failed";

fn challenged(code: Code, message: &str) -> Problem {
    // Quotes cannot stand in a quoted-string.
    let description = message.replace('"', "'");
    Problem::new(code, message).with_header(
        "www-authenticate",
        format!("Bearer error=\"invalid_token\", error_description=\"{description}\""),
    )
}
