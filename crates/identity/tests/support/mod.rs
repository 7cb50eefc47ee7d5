//! Keys made for the test and tokens signed with them, of any header: so that what a library would refuse to make can be sent too.

#![allow(dead_code, clippy::unwrap_used, missing_docs, reason = "each test file uses a part")]

use aws_lc_rs::{
    encoding::AsDer,
    hmac,
    rand::SystemRandom,
    rsa::{KeyPair as RsaKeyPair, KeySize},
    signature::{
        ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair,
        KeyPair, RSA_PKCS1_SHA256, RSA_PSS_SHA256,
    },
};
use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use serde_json::{Value as Json, json};

pub const SECRET: &str = "a secret of the test, thirty-two bytes or more";
pub const NOW: u64 = 1_800_000_000;

pub enum Signer {
    Hs256(Vec<u8>),
    Rs256(Box<RsaKeyPair>),
    Ps256(Box<RsaKeyPair>),
    Es256(EcdsaKeyPair),
    Es384(EcdsaKeyPair),
    EdDsa(Ed25519KeyPair),
}

impl Signer {
    pub fn hs256(secret: &[u8]) -> Self {
        Self::Hs256(secret.to_vec())
    }

    pub fn rs256() -> Self {
        Self::Rs256(Box::new(RsaKeyPair::generate(KeySize::Rsa2048).unwrap()))
    }

    pub fn es256() -> Self {
        Self::Es256(EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap())
    }

    pub fn es384() -> Self {
        Self::Es384(EcdsaKeyPair::generate(&ECDSA_P384_SHA384_FIXED_SIGNING).unwrap())
    }

    pub fn eddsa() -> Self {
        Self::EdDsa(Ed25519KeyPair::generate().unwrap())
    }

    pub fn algorithm(&self) -> &'static str {
        match self {
            Self::Hs256(_) => "HS256",
            Self::Rs256(_) => "RS256",
            Self::Ps256(_) => "PS256",
            Self::Es256(_) => "ES256",
            Self::Es384(_) => "ES384",
            Self::EdDsa(_) => "EdDSA",
        }
    }

    fn sign(&self, message: &[u8]) -> Vec<u8> {
        let random = SystemRandom::new();
        match self {
            Self::Hs256(secret) => {
                hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), message).as_ref().to_vec()
            }
            Self::Rs256(pair) | Self::Ps256(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                match self {
                    Self::Rs256(_) => pair.sign(&RSA_PKCS1_SHA256, &random, message, &mut signature),
                    _ => pair.sign(&RSA_PSS_SHA256, &random, message, &mut signature),
                }
                .unwrap();
                signature
            }
            Self::Es256(pair) | Self::Es384(pair) => pair.sign(&random, message).unwrap().as_ref().to_vec(),
            Self::EdDsa(pair) => pair.sign(message).as_ref().to_vec(),
        }
    }

    /// The public key as `SubjectPublicKeyInfo` in PEM.
    pub fn public_pem(&self) -> String {
        let der = match self {
            Self::Hs256(_) => panic!("a secret has no public key"),
            Self::Rs256(pair) | Self::Ps256(pair) => pair.public_key().as_der().unwrap(),
            Self::Es256(pair) | Self::Es384(pair) => pair.public_key().as_der().unwrap(),
            Self::EdDsa(pair) => pair.public_key().as_der().unwrap(),
        };
        pem("PUBLIC KEY", der.as_ref())
    }

    /// The public key as a JSON Web Key.
    pub fn jwk(&self, id: Option<&str>) -> Json {
        let text = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        let point = |pair: &EcdsaKeyPair, curve: &str| {
            let (x, y) = pair.public_key().as_ref()[1..].split_at(pair.public_key().as_ref().len() / 2);
            json!({"kty": "EC", "crv": curve, "x": text(x), "y": text(y), "use": "sig"})
        };
        let mut jwk = match self {
            Self::Hs256(secret) => json!({"kty": "oct", "k": text(secret)}),
            Self::Rs256(pair) | Self::Ps256(pair) => {
                let modulus = pair.public_key().modulus().big_endian_without_leading_zero().to_vec();
                let exponent = pair.public_key().exponent().big_endian_without_leading_zero().to_vec();
                json!({"kty": "RSA", "alg": self.algorithm(), "n": text(&modulus), "e": text(&exponent)})
            }
            Self::Es256(pair) => point(pair, "P-256"),
            Self::Es384(pair) => point(pair, "P-384"),
            Self::EdDsa(pair) => {
                json!({"kty": "OKP", "crv": "Ed25519", "x": text(pair.public_key().as_ref())})
            }
        };
        if let Some(id) = id {
            jwk["kid"] = id.into();
        }
        jwk
    }

    /// A token with the algorithm's own header.
    pub fn token(&self, claims: &Json) -> String {
        self.token_with(&json!({"alg": self.algorithm(), "typ": "JWT"}), claims)
    }

    /// A token that names its key.
    pub fn token_named(&self, id: &str, claims: &Json) -> String {
        self.token_with(&json!({"alg": self.algorithm(), "kid": id}), claims)
    }

    /// A token with any header, signed nevertheless.
    pub fn token_with(&self, header: &Json, claims: &Json) -> String {
        let signed = format!("{}.{}", encode(header), encode(claims));
        let signature = URL_SAFE_NO_PAD.encode(self.sign(signed.as_bytes()));
        format!("{signed}.{signature}")
    }
}

pub fn encode(part: &Json) -> String {
    URL_SAFE_NO_PAD.encode(part.to_string())
}

pub fn pem(tag: &str, der: &[u8]) -> String {
    let text = STANDARD.encode(der);
    let lines: Vec<&str> =
        text.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).unwrap()).collect();
    format!("-----BEGIN {tag}-----\n{}\n-----END {tag}-----\n", lines.join("\n"))
}
