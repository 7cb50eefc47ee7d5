//! What binds a log-in to the certificate that the server has shown: its hash, by the algorithm that signed it (RFC 5929).

use rustls::crypto::{
    aws_lc_rs::cipher_suite::{TLS13_AES_128_GCM_SHA256, TLS13_AES_256_GCM_SHA384},
    hash::Hash,
};

/// What stands before the last number of an algorithm's name: RSA's and those of elliptic curves.
const RSA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01];
const ECDSA: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03];
const ECDSA_SHA1: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x01];

/// The hash of a certificate; none where its signature names no hash, or one that is not at hand.
pub(super) fn end_point(certificate: &[u8]) -> Option<Vec<u8>> {
    Some(hash(signature_algorithm(certificate)?)?.hash(certificate).as_ref().to_vec())
}

fn hash(algorithm: &[u8]) -> Option<&'static dyn Hash> {
    let suite = match algorithm.split_last()? {
        _ if algorithm == ECDSA_SHA1 => TLS13_AES_128_GCM_SHA256,
        // What is weaker than SHA-256 is replaced by it.
        (4 | 5 | 11, RSA) | (2, ECDSA) => TLS13_AES_128_GCM_SHA256,
        (12, RSA) | (3, ECDSA) => TLS13_AES_256_GCM_SHA384,
        _ => return None,
    };
    Some(suite.tls13()?.common.hash_provider)
}

/// The name of the algorithm in `SEQUENCE { body, SEQUENCE { name, … }, signature }`.
fn signature_algorithm(certificate: &[u8]) -> Option<&[u8]> {
    let (parts, _) = element(certificate)?;
    let (_body, rest) = element(parts)?;
    let (algorithm, _) = element(rest)?;
    Some(element(algorithm)?.0)
}

/// What the first element holds, and what follows it.
fn element(der: &[u8]) -> Option<(&[u8], &[u8])> {
    let (&[_tag, short], rest) = der.split_first_chunk::<2>()?;
    let (length, rest) = match short {
        0..0x80 => (usize::from(short), rest),
        _ => {
            let (digits, rest) =
                rest.split_at_checked(usize::from(short & 0x7f)).filter(|(d, _)| d.len() <= 4)?;
            (digits.iter().fold(0, |length, digit| length << 8 | usize::from(*digit)), rest)
        }
    };
    rest.split_at_checked(length)
}
