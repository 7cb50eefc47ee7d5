//! Whose tokens are accepted: keys, and the claims that must hold.

use std::time::Duration;

use crate::Secret;

/// Signs tokens on a developer's machine when nothing else is configured. Everybody knows it; production refuses it.
pub const DEVELOPMENT_SECRET: &str = "transom-development-secret-not-for-production";

section! {
    /// Who is asking: how tokens are verified and which role they give.
    Auth at "auth" {
        /// Secret of HS256 tokens, 32 bytes or more: `secret = "${JWT_SECRET}"`. In development a well-known secret stands in, so that
        /// `transom token` works at once; production needs a key of its own.
        secret: Option<Secret> = "transom-development-secret-not-for-production", production none;
        /// Whether `secret` is base64 of the secret's bytes.
        secret_is_base64: bool = false;
        /// Public keys in PEM, for RS256, ES256 and EdDSA tokens.
        public_keys: Vec<String> = [];
        /// Files with a JSON Web Key Set, relative to the project's directory.
        jwks_files: Vec<String> = [];
        /// Addresses of JSON Web Key Sets: fetched, cached, and fetched again when a token names an unknown key.
        jwks_urls: Vec<String> = [];
        /// File with the certificates (PEM) of a private authority, relative to the project's directory: key sets are then fetched only from
        /// servers that it vouches for, and the public authorities count no longer.
        jwks_ca_file: Option<String> = none;
        /// How old a fetched key set may get. A key that was taken back is refused after this long at the latest.
        jwks_max_age: Duration = "10m", within 1_000..=86_400_000;
        /// The audience (`aud`) a token must be for; without one, a token for any audience is accepted.
        audience: Option<String> = none;
        /// The issuer (`iss`) a token must be from; without one, any issuer whose key verifies is accepted.
        issuer: Option<String> = none;
        /// Where in a token's claims the role stands; dots lead into objects (`app_metadata.role`).
        role_claim: String = "role";
        /// The role of callers without a token; `"none"` refuses them. It may do nothing until `policies.sql` grants it something.
        anonymous_role: Option<String> = "anon";
        /// How far clocks may differ when expiry and start of a token are judged.
        skew: Duration = "30s", within 0..=300_000;
        /// How many verified tokens are remembered, so that a signature is checked once and not per request. About 1 KiB each.
        token_cache_max: u32 = 10_000, within 0..=10_000_000;
    }
}
