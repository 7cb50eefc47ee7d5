//! TLS for connections to the server: rustls, with what the address says about encryption.
//!
//! `sslmode` means what libpq's documentation says. Where it is not given, what a project gets is stricter: a server on another
//! machine that offers encryption has to be the one that was asked for.

mod binding;
#[cfg(test)]
pub(crate) mod tests;
mod verify;

use std::{
    future::Future,
    io,
    path::{Path, PathBuf},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, PrivateKeyDer, ServerName, pem::PemObject},
    version::{TLS12, TLS13},
};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_postgres::{
    config::SslMode,
    tls::{ChannelBinding, MakeTlsConnect, TlsConnect},
};
use tokio_rustls::{TlsConnector, client::TlsStream};

use crate::address::{Mode, Roots, Ssl};
use verify::{Belief, Verifier, is_local};

/// What a server that speaks TLS at once is told that it is to speak in it.
const PROTOCOL: &[u8] = b"postgresql";

/// Makes a connector for each host.
#[derive(Clone, Debug)]
pub(crate) struct Tls {
    /// For hosts elsewhere.
    remote: Side,
    /// For this machine.
    local: Side,
}

/// What holds for some hosts.
#[derive(Clone, Debug)]
struct Side {
    /// None where nothing is encrypted.
    config: Option<Arc<ClientConfig>>,
    /// How a connection is tried, one after the other.
    tries: &'static [SslMode],
}

/// What a deployment says beside the address.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Beside<'a> {
    /// The project's authorities.
    pub(crate) ca_file: Option<&'a Path>,
    /// Whether an address means what it means to libpq, also where it says nothing.
    pub(crate) native: bool,
    /// Where a user keeps what libpq finds by itself.
    pub(crate) home: Option<&'a Path>,
}

impl Tls {
    /// What the address asks for. Errors: a file that cannot be read, by its name.
    pub(crate) fn new(ssl: &Ssl, beside: Beside<'_>) -> Result<Self, String> {
        let found = |name: &str| {
            beside.home.map(|home| home.join(".postgresql").join(name)).filter(|file| file.exists())
        };
        let roots = ssl
            .roots
            .clone()
            .or_else(|| beside.ca_file.map(Path::to_path_buf).or_else(|| found("root.crt")).map(Roots::File));
        let certificate =
            ssl.certificate.clone().or_else(|| Some((found("postgresql.crt")?, found("postgresql.key")?)));
        let side = |belief, tries| side(ssl, (belief, roots.as_ref(), certificate.as_ref()), tries);
        let both = |belief, tries| side(belief, tries).map(|side| Self { remote: side.clone(), local: side });
        // The project's own authorities are there to know the server; libpq's are when they are said to be.
        let given = match (&roots, &ssl.roots, beside.ca_file) {
            (None, ..) => Belief::Anyone,
            (Some(_), None, Some(_)) => Belief::Host,
            (Some(_), ..) => Belief::Authority,
        };
        match ssl.mode {
            None if !beside.native => {
                let strict = side(Belief::Host, &[SslMode::Prefer])?;
                let local = match roots {
                    Some(_) => strict.clone(),
                    None => side(Belief::Anyone, &[SslMode::Prefer, SslMode::Disable])?,
                };
                Ok(Self { remote: strict, local })
            }
            Some(Mode::Disable) => both(given, &[SslMode::Disable]),
            Some(Mode::Allow) => both(given, &[SslMode::Disable, SslMode::Require]),
            None | Some(Mode::Prefer) => both(given, &[SslMode::Prefer, SslMode::Disable]),
            Some(Mode::Require) => both(given, &[SslMode::Require]),
            Some(Mode::VerifyCa) if roots.is_none() => {
                Err("sslmode=verify-ca: name the authorities' file in sslrootcert, or ask for verify-full"
                    .to_owned())
            }
            Some(Mode::VerifyCa) => both(Belief::Authority, &[SslMode::Require]),
            Some(Mode::VerifyFull) => both(Belief::Host, &[SslMode::Require]),
        }
    }

    /// How a connection to this host is tried, one after the other.
    pub(crate) fn tries(&self, host: &str) -> &'static [SslMode] {
        self.side(host).tries
    }

    fn side(&self, host: &str) -> &Side {
        if is_local(host) { &self.local } else { &self.remote }
    }

    /// Encrypts a stream to this host.
    pub(crate) async fn over<S>(&self, host: &str, stream: S) -> io::Result<Stream<S>>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        MakeTlsConnect::<S>::make_tls_connect(&mut self.clone(), host)?.connect(stream).await
    }
}

type Shown<'a> = (Belief, Option<&'a Roots>, Option<&'a (PathBuf, PathBuf)>);

fn side(
    ssl: &Ssl,
    (belief, roots, certificate): Shown<'_>,
    tries: &'static [SslMode],
) -> Result<Side, String> {
    if tries == [SslMode::Disable] {
        return Ok(Side { config: None, tries });
    }
    let known = match roots {
        Some(Roots::File(file)) => certificates("sslrootcert", file)?,
        _ => Vec::new(),
    };
    let mut store = RootCertStore::empty();
    for certificate in &known {
        store.add(certificate.clone()).map_err(|error| format!("sslrootcert: {error}"))?;
    }
    if known.is_empty() && belief != Belief::Anyone {
        store.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let algorithms = provider.signature_verification_algorithms;
    let versions = match ssl.versions {
        (true, true) => &[&TLS13, &TLS12][..],
        (true, false) => &[&TLS12],
        (false, _) => &[&TLS13],
    };
    let builder = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(versions)
        .map_err(|error| error.to_string())?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Verifier { belief, roots: store, known, algorithms }));
    let mut config = match certificate {
        Some((certificate, key)) => {
            let read = PrivateKeyDer::from_pem_file(key);
            let key = read.map_err(|error| format!("sslkey: {}: {error}", key.display()))?;
            builder
                .with_client_auth_cert(certificates("sslcert", certificate)?, key)
                .map_err(|error| format!("sslcert: {error}"))?
        }
        None => builder.with_no_client_auth(),
    };
    config.enable_sni = ssl.names_host;
    if ssl.direct {
        config.alpn_protocols = vec![PROTOCOL.to_vec()];
    }
    Ok(Side { config: Some(Arc::new(config)), tries })
}

/// The certificates of a file, which has one at least.
fn certificates(name: &str, file: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let wrong = |error: &dyn std::fmt::Display| format!("{name}: {}: {error}", file.display());
    let read = CertificateDer::pem_file_iter(file).map_err(|error| wrong(&error))?;
    let found = read.collect::<Result<Vec<_>, _>>().map_err(|error| wrong(&error))?;
    if found.is_empty() { Err(wrong(&"there is no certificate in it")) } else { Ok(found) }
}

impl<S> MakeTlsConnect<S> for Tls
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    type Stream = Stream<S>;
    type TlsConnect = Connector;
    type Error = io::Error;

    fn make_tls_connect(&mut self, domain: &str) -> Result<Connector, io::Error> {
        // A socket of this machine has no name, and no server offers TLS there.
        let name = match domain {
            "" => None,
            _ => Some(
                ServerName::try_from(domain.to_owned())
                    .map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))?,
            ),
        };
        Ok(Connector { name, config: self.side(domain).config.clone() })
    }
}

/// Opens TLS to one host.
pub(crate) struct Connector {
    name: Option<ServerName<'static>>,
    config: Option<Arc<ClientConfig>>,
}

impl<S> TlsConnect<S> for Connector
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    type Stream = Stream<S>;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<Stream<S>>> + Send>>;

    fn connect(self, stream: S) -> Self::Future {
        Box::pin(async move {
            let nameless = || io::Error::new(io::ErrorKind::InvalidInput, "TLS needs the server's name");
            let name = self.name.ok_or_else(nameless)?;
            let config = self.config.ok_or_else(|| io::Error::other("TLS is not wanted"))?;
            TlsConnector::from(config).connect(name, stream).await.map(Stream)
        })
    }
}

/// An encrypted stream.
pub(crate) struct Stream<S>(TlsStream<S>);

impl<S> Stream<S> {
    /// What binds a log-in to the server's certificate.
    pub(crate) fn end_point(&self) -> Option<Vec<u8>> {
        let (_, session) = self.0.get_ref();
        binding::end_point(session.peer_certificates()?.first()?)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> tokio_postgres::tls::TlsStream for Stream<S> {
    fn channel_binding(&self) -> ChannelBinding {
        self.end_point().map_or_else(ChannelBinding::none, ChannelBinding::tls_server_end_point)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for Stream<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(context, buffer)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Stream<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(context)
    }
}
