//! JSON Web Keys and sets of them (RFC 7517), read strictly: a key that is not clearly a signature key of a supported kind is not used.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, DecodingKey};
use serde_json::Value as Json;

use crate::key::Key;

/// Most keys taken from one set.
const KEYS_MAX: usize = 100;
/// RSA moduli that the crypto library verifies, in bytes.
const RSA_MODULUS_BYTES: std::ops::RangeInclusive<usize> = 256..=1024;

/// Whether a set may hold shared secrets: a file may, what is published under a URL may not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Secrets {
    Allowed,
    Refused,
}

/// The usable keys of a set (or of a single key). Keys of other kinds and uses are passed over, as RFC 7517 section 5 asks.
/// Errors: not a set, no usable key in it, or too many keys.
pub(crate) fn parse(text: &[u8], secrets: Secrets) -> Result<Vec<Key>, String> {
    let set: Json =
        serde_json::from_slice(text).map_err(|error| format!("not JSON: line {}", error.line()))?;
    let single;
    let keys = match set.get("keys") {
        Some(Json::Array(keys)) => keys.as_slice(),
        None if set.get("kty").is_some() => {
            single = [set];
            &single
        }
        _ => return Err("not a JSON Web Key Set: no `keys` array".to_owned()),
    };
    if keys.len() > KEYS_MAX {
        return Err(format!("{} keys: at most {KEYS_MAX} are read", keys.len()));
    }
    let usable: Vec<Key> = keys.iter().filter_map(|key| key_of(key, secrets)).collect();
    match usable.is_empty() {
        true => Err(format!("none of its {} keys is a signature key of a supported kind", keys.len())),
        false => Ok(usable),
    }
}

fn key_of(jwk: &Json, secrets: Secrets) -> Option<Key> {
    let text = |name: &str| jwk.get(name).and_then(Json::as_str);
    let for_signatures = jwk.get("use").is_none_or(|purpose| purpose == "sig");
    let verifies = match jwk.get("key_ops") {
        Some(operations) => operations.as_array()?.iter().any(|operation| operation == "verify"),
        None => true,
    };
    if !for_signatures || !verifies {
        return None;
    }
    let bytes = |name: &str| URL_SAFE_NO_PAD.decode(text(name)?.trim_end_matches('=')).ok();
    let (default, decoding) = match (text("kty")?, text("crv")) {
        ("RSA", _) => {
            let (modulus, exponent) = (bytes("n")?, bytes("e")?);
            let sound = RSA_MODULUS_BYTES.contains(&modulus.len()) && modulus.first() != Some(&0);
            let key = DecodingKey::from_rsa_raw_components(&modulus, &exponent);
            (Algorithm::RS256, sound.then_some(key)?)
        }
        ("EC", Some("P-256")) => (Algorithm::ES256, point(&bytes("x")?, &bytes("y")?, 32)?),
        ("EC", Some("P-384")) => (Algorithm::ES384, point(&bytes("x")?, &bytes("y")?, 48)?),
        ("OKP", Some("Ed25519")) => {
            let x = bytes("x")?;
            (Algorithm::EdDSA, (x.len() == 32).then(|| DecodingKey::from_ed_der(&x))?)
        }
        ("oct", _) if secrets == Secrets::Allowed => {
            let secret = bytes("k")?;
            (Algorithm::HS256, (secret.len() >= 32).then(|| DecodingKey::from_secret(&secret))?)
        }
        _ => return None,
    };
    // The set may narrow the algorithm within the key's kind, never beyond it.
    let algorithm = match jwk.get("alg") {
        None => default,
        Some(name) => algorithm(name.as_str()?).filter(|named| fits(*named, default))?,
    };
    Some(Key { id: text("kid").map(Into::into), algorithm, decoding })
}

/// The algorithm of a name in a header or key; RFC 9864 calls EdDSA over Ed25519 by the curve's name.
pub(crate) fn algorithm(name: &str) -> Option<Algorithm> {
    match name {
        "Ed25519" => Some(Algorithm::EdDSA),
        _ => name.parse().ok(),
    }
}

/// An EC key's curve fixes its algorithm; RSA keys and secrets may have any of their family.
fn fits(named: Algorithm, default: Algorithm) -> bool {
    match default {
        Algorithm::RS256 | Algorithm::HS256 => named.family() == default.family(),
        _ => named == default,
    }
}

/// An uncompressed point (SEC 1, section 2.3.3).
fn point(x: &[u8], y: &[u8], size: usize) -> Option<DecodingKey> {
    let whole = x.len() == size && y.len() == size;
    whole.then(|| DecodingKey::from_ec_der(&[&[4][..], x, y].concat()))
}

#[cfg(test)]
mod tests {
    use super::{Secrets, parse};

    fn check(text: &str, secrets: Secrets, expected: Option<usize>) {
        assert_eq!(parse(text.as_bytes(), secrets).ok().map(|keys| keys.len()), expected, "{text}");
    }

    #[test]
    fn takes_only_signature_keys_of_supported_kinds() {
        let ed =
            r#"{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo","kid":"a""#;
        check(&format!("{ed}}}"), Secrets::Refused, Some(1));
        check(&format!(r#"{{"keys":[{ed}}},{{"kty":"new"}}]}}"#), Secrets::Refused, Some(1));
        check(&format!(r#"{{"keys":[{ed},"alg":"EdDSA","use":"sig"}}]}}"#), Secrets::Refused, Some(1));
        check(&format!(r#"{{"keys":[{ed},"use":"enc"}}]}}"#), Secrets::Refused, None);
        check(&format!(r#"{{"keys":[{ed},"key_ops":["sign"]}}]}}"#), Secrets::Refused, None);
        check(&format!(r#"{{"keys":[{ed},"alg":"HS256"}}]}}"#), Secrets::Refused, None);
        check(&format!(r#"{{"keys":[{ed},"alg":"none"}}]}}"#), Secrets::Refused, None);
        let oct = r#"{"kty":"oct","k":"AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS"}"#;
        check(oct, Secrets::Allowed, Some(1));
        check(oct, Secrets::Refused, None);
        check(r#"{"kty":"oct","k":"c2hvcnQ"}"#, Secrets::Allowed, None);
        check(r#"{"kty":"RSA","n":"AQAB","e":"AQAB"}"#, Secrets::Allowed, None);
        check(r#"{"keys":{}}"#, Secrets::Allowed, None);
        check("[]", Secrets::Allowed, None);
        check("{", Secrets::Allowed, None);
    }
}
