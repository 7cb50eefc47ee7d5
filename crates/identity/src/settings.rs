//! What a deployment chooses about tokens, and the checks of it that need no other room.

use std::{fmt, path::PathBuf, sync::Arc};

use base64::{
    Engine,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use transom_types::{Code, Problem};

use crate::Observation;

/// The widest clock difference that may be tolerated.
pub(crate) const CLOCK_SKEW_SECONDS_MAX: u32 = 300;
/// Shortest HS256 secret: as long as the hash (RFC 7518, section 3.2).
const SECRET_BYTES_MIN: usize = 32;

/// Told of what happens behind the requests.
pub type Observer = Arc<dyn Fn(&Observation) + Send + Sync>;

/// How tokens are verified and turned into principals.
#[derive(Clone)]
pub struct Settings {
    /// The secret that signs HS256 tokens.
    pub secret: Option<Secret>,
    /// Public keys as PEM text (RSA for RS256, P-256 for ES256, P-384 for ES384, Ed25519 for EdDSA).
    pub public_keys: Vec<String>,
    /// Files that hold such a key each.
    pub public_key_files: Vec<PathBuf>,
    /// Files that hold a JSON Web Key or a set of them.
    pub jwks_files: Vec<PathBuf>,
    /// Texts of such keys or sets.
    pub jwks: Vec<String>,
    /// Where sets of keys are fetched from: `https`, or `http` on this machine.
    pub jwks_urls: Vec<String>,
    /// Certificates (PEM) of the only authority that may vouch for the servers of those sets; `None` is the public ones.
    pub jwks_ca_file: Option<PathBuf>,
    /// Accepted audiences; empty accepts every `aud`. A token without `aud` is for everyone.
    pub audiences: Vec<String>,
    /// The only accepted `iss`; `None` accepts any.
    pub issuer: Option<String>,
    /// Where the role stands in the claims: `role`, `.app_metadata.role`, `.roles[0]`, `.roles[?(@ ^== "app_")]`.
    pub role_claim: String,
    /// The role of callers without a token, and of tokens without a role. `None` refuses both.
    pub anonymous_role: Option<String>,
    /// How far `exp`, `nbf` and `iat` may be off, at most 300.
    pub clock_skew_seconds: u32,
    /// Memory for verified tokens; 0 keeps none.
    pub cache_bytes_max: u64,
    /// A verified token is verified anew after this long.
    pub cache_age_seconds_max: u32,
    /// Longer tokens are refused unread.
    pub token_bytes_max: usize,
    /// A fetched set of keys is fetched anew after this long; the old one serves until the new one is there.
    pub jwks_age_seconds_max: u32,
    /// At least so long between two fetches of one set, however many unknown keys are named.
    pub jwks_interval_seconds_min: u32,
    /// A fetch is given up after this long.
    pub jwks_timeout_ms_max: u64,
    /// Whether tokens are judged, and refused, just as PostgREST does it.
    pub compatible: bool,
    /// Told of fetches and their failures.
    pub observer: Option<Observer>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            secret: None,
            public_keys: Vec::new(),
            public_key_files: Vec::new(),
            jwks_files: Vec::new(),
            jwks: Vec::new(),
            jwks_urls: Vec::new(),
            jwks_ca_file: None,
            audiences: Vec::new(),
            issuer: None,
            role_claim: "role".to_owned(),
            anonymous_role: Some("anon".to_owned()),
            clock_skew_seconds: 30,
            cache_bytes_max: 8 * 1024 * 1024,
            cache_age_seconds_max: 600,
            token_bytes_max: 8 * 1024,
            jwks_age_seconds_max: 600,
            jwks_interval_seconds_min: 10,
            jwks_timeout_ms_max: 5_000,
            compatible: false,
            observer: None,
        }
    }
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings")
            .field("secret", &self.secret)
            .field("public_keys", &self.public_keys.len())
            .field("jwks_files", &self.jwks_files)
            .field("jwks_urls", &self.jwks_urls.len())
            .field("jwks_ca_file", &self.jwks_ca_file)
            .field("audiences", &self.audiences)
            .field("issuer", &self.issuer)
            .field("role_claim", &self.role_claim)
            .field("anonymous_role", &self.anonymous_role)
            .finish_non_exhaustive()
    }
}

/// A shared secret. Its bytes never appear in `Debug`.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Box<[u8]>);

impl Secret {
    /// The text's own bytes.
    /// Errors: shorter than 32 bytes, or the text of a public key.
    pub fn from_text(text: &str) -> Result<Self, Problem> {
        Self::checked(text.as_bytes().to_vec())
    }

    /// The bytes that base64 (standard or URL-safe, padded or not) stands for.
    /// Errors: not base64, shorter than 32 bytes, or the text of a public key.
    pub fn from_base64(text: &str) -> Result<Self, Problem> {
        let lenient = GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
        let standard: String = text.trim().replace('-', "+").replace('_', "/");
        let bytes =
            GeneralPurpose::new(&base64::alphabet::STANDARD, lenient).decode(standard).map_err(|_| {
                Problem::new(Code::ConfigInvalid, "The token secret is not valid base64")
                    .with_hint("Encode it with `base64`, or give it as plain text")
            })?;
        Self::checked(bytes)
    }

    fn checked(bytes: Vec<u8>) -> Result<Self, Problem> {
        // A published key used as a secret would let everyone sign.
        let published = |marker: &[u8]| bytes.windows(marker.len()).any(|window| window == marker);
        if published(b"-----BEGIN") || published(b"\"kty\"") {
            return Err(Problem::new(
                Code::ConfigInvalid,
                "The token secret is the text of a key, not a secret",
            )
            .with_hint("Give public keys as public keys or key sets"));
        }
        if bytes.len() < SECRET_BYTES_MIN {
            return Err(Problem::new(
                Code::ConfigInvalid,
                format!("The token secret has {} bytes: at least {SECRET_BYTES_MIN} are needed", bytes.len()),
            )
            .with_hint("Generate one with `openssl rand -base64 48`"));
        }
        Ok(Self(bytes.into()))
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(redacted)")
    }
}
