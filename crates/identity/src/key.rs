//! A key that verifies signatures, and how keys are read from PEM.

use std::fmt;

use jsonwebtoken::{Algorithm, AlgorithmFamily, DecodingKey};
use transom_types::{Code, Problem};

use crate::Secret;

/// A key with its one algorithm: what a token's header says can only agree with it, never change it.
#[derive(Clone)]
pub(crate) struct Key {
    /// Its name in the set it came from.
    pub(crate) id: Option<Box<str>>,
    /// The only algorithm it verifies.
    pub(crate) algorithm: Algorithm,
    /// The key itself.
    pub(crate) decoding: DecodingKey,
}

impl Key {
    /// An HS256 secret.
    pub(crate) fn from_secret(secret: &Secret) -> Self {
        Self { id: None, algorithm: Algorithm::HS256, decoding: DecodingKey::from_secret(secret.bytes()) }
    }

    /// A public key as PEM; its kind decides the algorithm.
    pub(crate) fn from_pem(source: &str, pem: &str) -> Result<Self, Problem> {
        let refuse = |why: &str, hint: &str| {
            Err(Problem::new(Code::ConfigInvalid, format!("The public key {source} cannot be used: {why}"))
                .with_hint(hint))
        };
        const MAKE_PUBLIC: &str = "Extract the public key: `openssl pkey -in private.pem -pubout`";
        if pem.contains("PRIVATE KEY-----") {
            return refuse("it is a private key", MAKE_PUBLIC);
        }
        if pem.contains("BEGIN CERTIFICATE") {
            return refuse(
                "it is a certificate",
                "Extract its key: `openssl x509 -in certificate.pem -pubkey -noout`",
            );
        }
        let bytes = pem.as_bytes();
        let read = [DecodingKey::from_ed_pem, DecodingKey::from_ec_pem, DecodingKey::from_rsa_pem]
            .iter()
            .find_map(|read| read(bytes).ok());
        let Some(decoding) = read else {
            return refuse(
                "it is not an RSA, P-256, P-384 or Ed25519 key in PEM",
                "Expected `-----BEGIN PUBLIC KEY-----`",
            );
        };
        match algorithm_of(&decoding) {
            Some(algorithm) => Ok(Self { id: None, algorithm, decoding }),
            None => refuse(
                "its curve or size is not supported",
                "Use RSA of 2048 to 8192 bits, P-256, P-384 or Ed25519",
            ),
        }
    }

    /// Whether both verify the same signatures under the same name.
    pub(crate) fn same(&self, other: &Self) -> bool {
        let parts = |key: &Self| match key.decoding.kind() {
            jsonwebtoken::DecodingKeyKind::SecretOrDer(bytes) => (bytes.clone(), Vec::new()),
            jsonwebtoken::DecodingKeyKind::RsaModulusExponent { n, e } => (n.clone(), e.clone()),
        };
        self.id == other.id && self.algorithm == other.algorithm && parts(self) == parts(other)
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Key")
            .field("id", &self.id)
            .field("algorithm", &self.algorithm)
            .finish_non_exhaustive()
    }
}

/// The algorithm of a PEM key, or `None` where its size fits none.
fn algorithm_of(key: &DecodingKey) -> Option<Algorithm> {
    let bytes = key.try_get_as_bytes().ok()?;
    match (key.family(), bytes.len()) {
        // PKCS#1 DER is a little longer than the modulus: 2048 to 8192 bits.
        (AlgorithmFamily::Rsa, 256..=1100) => Some(Algorithm::RS256),
        // An uncompressed point: one byte and two coordinates.
        (AlgorithmFamily::Ec, 65) => Some(Algorithm::ES256),
        (AlgorithmFamily::Ec, 97) => Some(Algorithm::ES384),
        (AlgorithmFamily::Ed, 32) => Some(Algorithm::EdDSA),
        _ => None,
    }
}
