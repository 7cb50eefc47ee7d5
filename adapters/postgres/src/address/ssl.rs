//! What an address says about encryption.

use std::path::PathBuf;

use super::{Parameters, number, one_of};

/// How much is encrypted, and who is believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Mode {
    /// Nothing.
    Disable,
    /// What the server does not take otherwise.
    Allow,
    /// What the server can.
    Prefer,
    /// Everything, to whoever answers.
    Require,
    /// Everything, to one that the authorities vouch for.
    VerifyCa,
    /// Everything, to the host that was asked for.
    VerifyFull,
}

/// The authorities that are believed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Roots {
    /// Those of the machine.
    System,
    /// Those in a PEM file.
    File(PathBuf),
}

/// What an address says about encryption.
#[derive(Clone, Debug)]
pub(crate) struct Ssl {
    /// None where it says nothing.
    pub(crate) mode: Option<Mode>,
    /// None where it names none.
    pub(crate) roots: Option<Roots>,
    /// A client's certificate and its key.
    pub(crate) certificate: Option<(PathBuf, PathBuf)>,
    /// Whether the server is told which host is asked for before anything is encrypted.
    pub(crate) names_host: bool,
    /// Whether TLS 1.2 may be spoken, and whether 1.3.
    pub(crate) versions: (bool, bool),
    /// Whether encryption begins without asking for it.
    pub(crate) direct: bool,
}

pub(super) fn ssl(parameters: &mut Parameters) -> Result<Ssl, String> {
    let modes = [
        ("disable", Mode::Disable),
        ("allow", Mode::Allow),
        ("prefer", Mode::Prefer),
        ("require", Mode::Require),
        ("verify-ca", Mode::VerifyCa),
        ("verify-full", Mode::VerifyFull),
    ];
    let mut mode = one_of(parameters, "sslmode", &modes)?;
    let roots = parameters.remove("sslrootcert").map(|file| match file.as_str() {
        "system" => Roots::System,
        _ => Roots::File(file.into()),
    });
    if roots == Some(Roots::System) {
        // Anybody has a certificate of an authority that everybody believes.
        if mode.is_some_and(|mode| mode < Mode::VerifyFull) {
            return Err("sslrootcert=system: it needs sslmode=verify-full".to_owned());
        }
        mode = Some(Mode::VerifyFull);
    }
    let certificate = match (parameters.remove("sslcert"), parameters.remove("sslkey")) {
        (Some(certificate), Some(key)) => Some((certificate.into(), key.into())),
        (None, None) => None,
        (Some(_), None) => return Err("sslcert: its key is missing, name its file in sslkey".to_owned()),
        (None, Some(_)) => {
            return Err("sslkey: its certificate is missing, name its file in sslcert".to_owned());
        }
    };
    let names_host = number::<u8>(parameters, "sslsni")?.is_none_or(|named| named != 0);
    // Nobody compresses any more, whatever is asked.
    parameters.remove("sslcompression");
    let versions = [("TLSv1", 0), ("TLSv1.1", 1), ("TLSv1.2", 2), ("TLSv1.3", 3)];
    let least = one_of(parameters, "ssl_min_protocol_version", &versions)?.unwrap_or_default();
    let most = one_of(parameters, "ssl_max_protocol_version", &versions)?.unwrap_or(3);
    if most < 2 || least > most {
        return Err("ssl_max_protocol_version: TLSv1.2 and TLSv1.3 are spoken".to_owned());
    }
    let direct = one_of(parameters, "sslnegotiation", &[("postgres", false), ("direct", true)])?;
    if direct == Some(true) && mode.is_none_or(|mode| mode < Mode::Require) {
        return Err("sslnegotiation=direct: it needs sslmode=require or more".to_owned());
    }
    Ok(Ssl {
        mode,
        roots,
        certificate,
        names_host,
        versions: (least <= 2, most >= 3),
        direct: direct.unwrap_or_default(),
    })
}
