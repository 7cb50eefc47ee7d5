//! How key sets are fetched over TLS, and who may vouch for the servers that publish them.

use std::{path::Path, sync::Arc};

use bytes::Bytes;
use http_body_util::Empty;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, pem::PemObject},
};
use transom_types::{Code, Problem};

use crate::identity::read_file;

pub(crate) type HttpClient = Client<HttpsConnector<HttpConnector>, Empty<Bytes>>;

/// A client that believes servers with a certificate of the authority in `ca_file`, or of a public one without it.
/// Errors: a file without a usable certificate.
pub(crate) fn client(ca_file: Option<&Path>) -> Result<HttpClient, Problem> {
    let failed = |error| Problem::new(Code::Internal, "TLS could not be set up").caused_by(error);
    let provider = rustls::crypto::aws_lc_rs::default_provider();
    let builder = match ca_file {
        None => HttpsConnectorBuilder::new().with_provider_and_webpki_roots(provider).map_err(failed)?,
        Some(file) => {
            let config = ClientConfig::builder_with_provider(Arc::new(provider))
                .with_safe_default_protocol_versions()
                .map_err(|error| Problem::new(Code::Internal, "TLS could not be set up").caused_by(error))?
                .with_root_certificates(authority(file)?)
                .with_no_client_auth();
            HttpsConnectorBuilder::new().with_tls_config(config)
        }
    };
    let connector = builder.https_or_http().enable_http1().build();
    // Fetches are rare: a connection kept for the next one would be stale by then.
    Ok(Client::builder(TokioExecutor::new()).pool_max_idle_per_host(0).build(connector))
}

fn authority(file: &Path) -> Result<RootCertStore, Problem> {
    let refuse = |why: String| {
        Problem::new(
            Code::ConfigInvalid,
            format!("The authority file '{}' cannot be used: {why}", file.display()),
        )
        .with_hint("Expected the authority's certificate in PEM: `-----BEGIN CERTIFICATE-----`")
    };
    let text = read_file(file)?;
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(text.as_bytes()) {
        let certificate = certificate.map_err(|error| refuse(format!("{error:?}")))?;
        roots.add(certificate).map_err(|error| refuse(error.to_string()))?;
    }
    match roots.is_empty() {
        true => Err(refuse("there is no certificate in it".to_owned())),
        false => Ok(roots),
    }
}
