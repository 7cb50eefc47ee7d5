//! A token's parts and its signature. Claims are judged elsewhere.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, AlgorithmFamily, crypto};
use serde_json::{Map, Value as Json};
use transom_types::Problem;

use crate::{
    jwks,
    key::Key,
    refusal::{self, BAD_ALGORITHM, BAD_SIGNATURE},
};

/// A token that has the form of one; nothing in it is believed yet.
pub(crate) struct Unverified<'a> {
    /// What is signed: header and payload as sent.
    signed: &'a str,
    signature: &'a str,
    payload: &'a str,
    algorithm: Algorithm,
    /// The key that the header names.
    pub(crate) key_id: Option<Box<str>>,
}

impl<'a> Unverified<'a> {
    /// Takes a compact token apart (RFC 7515, section 7.1) and reads its header.
    pub(crate) fn parse(token: &'a str) -> Result<Self, Problem> {
        let parts = token.bytes().filter(|byte| *byte == b'.').count() + 1;
        let split = token.rsplit_once('.').and_then(|(signed, signature)| {
            let (header, payload) = signed.split_once('.')?;
            (parts == 3).then_some((signed, header, payload, signature))
        });
        let Some((signed, header, payload, signature)) = split else {
            return Err(refusal::invalid(&format!("Expected 3 parts in JWT; got {parts}")));
        };
        let header = URL_SAFE_NO_PAD.decode(header).map_err(|_| refusal::invalid(BAD_SIGNATURE))?;
        let header: Map<String, Json> = serde_json::from_slice(&header)
            .map_err(|_| refusal::invalid("The JWT header is not a JSON object"))?;
        // Extensions that must be understood, and are not (RFC 7515, section 4.1.11; RFC 7797; RFC 7516).
        if header.contains_key("crit") {
            return Err(refusal::invalid("The JWT header has 'crit': no critical extension is understood"));
        }
        if header.get("b64").is_some_and(|encoded| encoded != true) || header.contains_key("enc") {
            return Err(refusal::invalid("Unsupported token type"));
        }
        let algorithm = header.get("alg").and_then(Json::as_str).and_then(jwks::algorithm);
        let algorithm = algorithm.ok_or_else(|| bad_algorithm(&header))?;
        let key_id = match header.get("kid") {
            None | Some(Json::Null) => None,
            Some(Json::String(id)) => Some(id.as_str().into()),
            Some(_) => return Err(refusal::invalid("The JWT header 'kid' must be a string")),
        };
        Ok(Self { signed, signature, payload, algorithm, key_id })
    }

    /// Whether only a shared secret could have signed it.
    pub(crate) fn needs_secret(&self) -> bool {
        self.algorithm.family() == AlgorithmFamily::Hmac
    }

    /// Whether `key` is of the algorithm that the token claims to be signed with.
    pub(crate) fn fits(&self, key: &Key) -> bool {
        key.algorithm == self.algorithm
    }

    /// Whether `key` signed the token.
    pub(crate) fn signed_by(&self, key: &Key) -> bool {
        // The key's algorithm, not the header's: they are equal here, and it is the key's word that counts.
        self.fits(key)
            && crypto::verify(self.signature, self.signed.as_bytes(), &key.decoding, key.algorithm)
                .unwrap_or(false)
    }

    /// The claims; to be read only when the signature holds.
    pub(crate) fn claims(&self) -> Result<Map<String, Json>, Problem> {
        object(self.payload).ok_or_else(|| refusal::claims("Parsing claims failed"))
    }
}

/// The header names no algorithm that signs.
fn bad_algorithm(header: &Map<String, Json>) -> Problem {
    let problem = refusal::invalid(BAD_ALGORITHM);
    match header.get("alg").and_then(Json::as_str) {
        Some("none") => problem.with_details("JWT is unsecured but expected 'alg' was not 'none'"),
        _ => problem,
    }
}

fn object(part: &str) -> Option<Map<String, Json>> {
    let bytes = URL_SAFE_NO_PAD.decode(part).ok()?;
    serde_json::from_slice(&bytes).ok()
}
