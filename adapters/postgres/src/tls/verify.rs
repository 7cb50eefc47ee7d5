//! Who is believed to be the server.

use std::{net::IpAddr, sync::Once};

use rustls::{
    CertificateError, DigitallySignedStruct, Error, RootCertStore, SignatureScheme,
    client::{
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
        verify_server_cert_signed_by_trust_anchor, verify_server_name,
    },
    crypto::{WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature},
    pki_types::{CertificateDer, ServerName, UnixTime},
    server::ParsedCertificate,
};

/// What a server has to show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Belief {
    /// Nothing: what is sent is encrypted, to whoever answers.
    Anyone,
    /// A certificate of an authority, for any host.
    Authority,
    /// A certificate of an authority for the host that was asked for.
    Host,
}

/// Judges a server's certificate.
#[derive(Debug)]
pub(super) struct Verifier {
    pub(super) belief: Belief,
    pub(super) roots: RootCertStore,
    /// Certificates that are believed as they are: a server may show one of the file itself, which vouches for nobody else.
    pub(super) known: Vec<CertificateDer<'static>>,
    pub(super) algorithms: WebPkiSupportedAlgorithms,
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server: &ServerName<'_>,
        _ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        if self.belief == Belief::Anyone {
            tell(server);
            return Ok(ServerCertVerified::assertion());
        }
        let parsed = ParsedCertificate::try_from(certificate)?;
        if !self.known.contains(certificate) {
            let algorithms = self.algorithms.all;
            verify_server_cert_signed_by_trust_anchor(&parsed, &self.roots, intermediates, now, algorithms)?;
        }
        if self.belief == Belief::Host {
            verify_server_name(&parsed, server)?;
        }
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let done = verify_tls12_signature(message, certificate, signed, &self.algorithms);
        self.unless_anyone(done)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let done = verify_tls13_signature(message, certificate, signed, &self.algorithms);
        self.unless_anyone(done)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

impl Verifier {
    /// Where anybody is believed, so is a certificate that cannot be read: it would prove nothing either.
    fn unless_anyone(
        &self,
        done: Result<HandshakeSignatureValid, Error>,
    ) -> Result<HandshakeSignatureValid, Error> {
        match done {
            Err(Error::InvalidCertificate(CertificateError::BadEncoding | CertificateError::Other(_)))
                if self.belief == Belief::Anyone =>
            {
                Ok(HandshakeSignatureValid::assertion())
            }
            done => done,
        }
    }
}

/// Whether a host is this machine, whatever it is called.
pub(super) fn is_local(host: &str) -> bool {
    let address = host.parse::<IpAddr>();
    host.is_empty() || host.eq_ignore_ascii_case("localhost") || address.is_ok_and(|host| host.is_loopback())
}

/// Says once that nobody knows who the server is.
fn tell(server: &ServerName<'_>) {
    static TOLD: Once = Once::new();
    let host = server.to_str();
    // What is said before the log is kept would be lost.
    if !is_local(&host) && tracing::enabled!(tracing::Level::WARN) {
        TOLD.call_once(|| {
            tracing::warn!(
                host = &*host,
                "the connection to the database is encrypted, but who answers is not verified: sslmode=verify-full, with sslrootcert for an authority of your own, does that"
            );
        });
    }
}
