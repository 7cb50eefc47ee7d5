//! Tokens for clients that can send no header, such as a browser's `EventSource`: minted by a request that proved who it is,
//! good for a minute and for opening change streams alone.
//!
//! Addresses end up in the logs of whatever stands between, so such a token is sealed (AES-256-GCM-SIV), not only signed: who
//! finds it later finds neither a usable token nor anybody's claims. Its key is not a key for tokens, so that neither kind
//! can be taken for the other. It is derived from the token secret, where there is one: then every server of a deployment
//! opens what another has made.

use std::sync::Arc;

use aws_lc_rs::{
    aead::{AES_256_GCM_SIV, Aad, NONCE_LEN, Nonce, RandomizedNonceKey},
    hkdf, rand,
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value as Json, json};
use transom_types::{Code, Principal, Problem};

use crate::{Secret, refusal};

/// How long such a token opens streams. A stream that is open stays so until the token it was minted with expires.
const LIFETIME_SECONDS: i64 = 60;
/// Longest such token: it has to fit into an address.
const TOKEN_BYTES_MAX: usize = 4 * 1024;
/// How it begins, so that it is known where it turns up.
const PREFIX: &str = "transom_stream_1_";
/// What it is for; part of what is sealed, and of how the key is made.
const PURPOSE: &[u8] = b"transom: GET /realtime/v1/changes, version 1";

/// A token that opens change streams, and nothing else.
#[derive(Clone, PartialEq, Eq)]
pub struct StreamToken {
    /// Its text, which fits into a query string as it is.
    pub token: String,
    /// How long it may be used.
    pub lifetime_seconds: u64,
}

impl std::fmt::Debug for StreamToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StreamToken")
            .field("lifetime_seconds", &self.lifetime_seconds)
            .finish_non_exhaustive()
    }
}

/// What seals them.
pub(crate) struct StreamKey(RandomizedNonceKey);

impl StreamKey {
    /// A key derived from the secret, or one of this process's own.
    pub(crate) fn new(secret: Option<&Secret>) -> Result<Self, Problem> {
        let failed = |_| Problem::new(Code::Internal, "No key for stream tokens could be made");
        let mut key = [0; 32];
        match secret {
            Some(secret) => hkdf::Salt::new(hkdf::HKDF_SHA256, b"")
                .extract(secret.bytes())
                .expand(&[PURPOSE], &AES_256_GCM_SIV)
                .and_then(|derived| derived.fill(&mut key))
                .map_err(failed)?,
            None => rand::fill(&mut key).map_err(failed)?,
        }
        RandomizedNonceKey::new(&AES_256_GCM_SIV, &key).map(Self).map_err(failed)
    }

    /// A token for this principal, whose own token ends at `ends_at_seconds`.
    pub(crate) fn seal(
        &self,
        principal: &Principal,
        now_seconds: i64,
        ends_at_seconds: i64,
    ) -> Result<StreamToken, Problem> {
        let until = now_seconds.saturating_add(LIFETIME_SECONDS).min(ends_at_seconds);
        let content = json!([until, &*principal.role, principal.anonymous, &*principal.claims]);
        let mut sealed = content.to_string().into_bytes();
        let nonce = self
            .0
            .seal_in_place_append_tag(Aad::from(PURPOSE), &mut sealed)
            .map_err(|_| Problem::new(Code::Internal, "The stream token could not be sealed"))?;
        let token = format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode([&nonce.as_ref()[..], &sealed].concat()));
        if token.len() > TOKEN_BYTES_MAX {
            return Err(Problem::new(Code::UriTooLong, "The token's claims are too large for an address")
                .with_details(format!(
                    "The stream token would have {} bytes, {TOKEN_BYTES_MAX} are possible",
                    token.len()
                ))
                .with_hint("Follow changes with a client that sends the Authorization header"));
        }
        let lifetime_seconds = u64::try_from(until.saturating_sub(now_seconds)).unwrap_or(0);
        Ok(StreamToken { token, lifetime_seconds })
    }

    /// Whom a token was made for.
    pub(crate) fn open(&self, token: &str, now_seconds: i64) -> Result<Principal, Problem> {
        let refused = || {
            refusal::invalid("The stream token cannot be accepted")
                .with_hint("Only a token that POST /realtime/v1/token gave can stand in an address")
        };
        let (until, principal) = self.unsealed(token).ok_or_else(refused)?;
        // Sealed here, so it cannot be too far ahead unless the clock was set back: then it is refused too.
        if now_seconds >= until || until.saturating_sub(now_seconds) > LIFETIME_SECONDS * 2 {
            return Err(refusal::claims("The stream token has expired")
                .with_hint("Ask POST /realtime/v1/token for a new one"));
        }
        Ok(principal)
    }

    fn unsealed(&self, token: &str) -> Option<(i64, Principal)> {
        if token.len() > TOKEN_BYTES_MAX {
            return None;
        }
        let mut bytes = URL_SAFE_NO_PAD.decode(token.strip_prefix(PREFIX)?).ok()?;
        let (nonce, sealed) = bytes.split_at_mut_checked(NONCE_LEN)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
        let content = self.0.open_in_place(nonce, Aad::from(PURPOSE), sealed).ok()?;
        let (until, role, anonymous, claims): (i64, String, bool, Json) =
            serde_json::from_slice(content).ok()?;
        Some((until, Principal { role: role.into(), claims: Arc::new(claims), anonymous }))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    const NOW: i64 = 1_800_000_000;

    fn key(secret: &str) -> StreamKey {
        StreamKey::new(Some(&Secret::from_text(secret).unwrap())).unwrap()
    }

    fn ada() -> Principal {
        Principal {
            role: "author".into(),
            claims: Arc::new(json!({"sub": "ada", "exp": NOW + 3_600})),
            anonymous: false,
        }
    }

    #[test]
    fn opens_for_a_minute_wherever_the_secret_is_known() {
        let (one, other) = (key(&"a".repeat(32)), key(&"a".repeat(32)));
        let minted = one.seal(&ada(), NOW, i64::MAX).unwrap();
        assert_eq!(minted.lifetime_seconds, 60);
        assert!(!minted.token.contains('=') && !format!("{minted:?}").contains(&minted.token));
        for opened in [one.open(&minted.token, NOW), other.open(&minted.token, NOW + 59)] {
            let opened = opened.unwrap();
            assert_eq!((&*opened.role, opened.claims.get("sub").unwrap().as_str()), ("author", Some("ada")));
        }
        assert_eq!(one.open(&minted.token, NOW + 60).unwrap_err().code(), Code::TokenClaims);
        assert_eq!(one.open(&minted.token, NOW - 3_600).unwrap_err().code(), Code::TokenClaims);
        // Never longer than the token it was made with.
        assert_eq!(one.seal(&ada(), NOW, NOW + 5).unwrap().lifetime_seconds, 5);
        assert_eq!(one.seal(&ada(), NOW, NOW - 5).unwrap().lifetime_seconds, 0);
    }

    #[test]
    fn nothing_else_opens() {
        let (one, other) = (key(&"a".repeat(32)), key(&"b".repeat(32)));
        let own = StreamKey::new(None).unwrap();
        let token = one.seal(&ada(), NOW, i64::MAX).unwrap().token;
        assert_ne!(token, one.seal(&ada(), NOW, i64::MAX).unwrap().token, "each is sealed anew");
        let check = |key: &StreamKey, token: &str| {
            assert_eq!(key.open(token, NOW).unwrap_err().code(), Code::TokenInvalid, "{token}");
        };
        check(&other, &token);
        check(&own, &token);
        for bad in [
            "",
            "x",
            PREFIX,
            "a.b.c",
            &token[PREFIX.len()..],
            &format!("{token}A"),
            &token[..token.len() - 4],
        ] {
            check(&one, bad);
        }
        for at in (PREFIX.len()..token.len()).step_by(7) {
            let mut changed = token.clone().into_bytes();
            changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
            check(&one, std::str::from_utf8(&changed).unwrap());
        }
        check(&one, &format!("{PREFIX}{}", "A".repeat(5_000)));
    }

    #[test]
    fn claims_too_large_for_an_address_are_told() {
        let large = Principal { claims: Arc::new(json!({"x": "y".repeat(4_000)})), ..ada() };
        assert_eq!(key(&"a".repeat(32)).seal(&large, NOW, i64::MAX).unwrap_err().code(), Code::UriTooLong);
    }
}
