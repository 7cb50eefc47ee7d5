//! A server with a certificate, and clients that believe it or not.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::fs;

use rcgen::{BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair};
use tempfile::TempDir;
use transom_pgkit::{Durability, Server};

use crate::{connect::Connector, options::Options};

/// A throw-away authority.
struct Authority {
    pem: String,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    fn new(name: &str) -> Self {
        let mut params = CertificateParams::new(Vec::<String>::new()).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        Self { pem: params.self_signed(&key).unwrap().pem(), issuer: Issuer::new(params, key) }
    }

    /// A certificate for this name and its key, PEM.
    fn certificate(&self, name: &str, purpose: ExtendedKeyUsagePurpose) -> (String, String) {
        let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        params.extended_key_usages = vec![purpose];
        let key = KeyPair::generate().unwrap();
        (params.signed_by(&key, &self.issuer).unwrap().pem(), key.serialize_pem())
    }
}

/// Who may come how; the last rule is for all others.
const RULES: &str = "
local all all trust
hostssl all certified all cert
hostssl all scrammed all scram-sha-256
hostssl all only_plain all reject
hostnossl all only_encrypted all reject
host all all all trust
";

/// A server that encrypts, with what its clients have in a folder: `ours.pem` is its authority, `theirs.pem` is none of its,
/// `itself.pem` its own certificate, `client.pem` and `client.key` are those of the user `certified`.
pub(crate) struct Encrypted {
    server: Server,
    files: TempDir,
}

impl Encrypted {
    /// One whose certificate is for this host.
    pub(crate) fn start(host: &str) -> Self {
        let (ours, theirs) = (Authority::new("ours"), Authority::new("theirs"));
        let server = Server::start(Durability::None);
        let (certificate, key) = ours.certificate(host, ExtendedKeyUsagePurpose::ServerAuth);
        let client = ours.certificate("certified", ExtendedKeyUsagePurpose::ClientAuth);
        server.encrypt((&certificate, &key), &ours.pem, RULES);
        let files = tempfile::tempdir().unwrap();
        let kept = [
            ("ours.pem", &ours.pem),
            ("theirs.pem", &theirs.pem),
            ("itself.pem", &certificate),
            ("client.pem", &client.0),
            ("client.key", &client.1),
        ];
        for (name, text) in kept {
            fs::write(files.path().join(name), text).unwrap();
        }
        let users = "
            SET password_encryption = 'scram-sha-256';
            CREATE ROLE certified LOGIN; CREATE ROLE scrammed LOGIN PASSWORD 'secret';
            CREATE ROLE only_plain LOGIN; CREATE ROLE only_encrypted LOGIN";
        transom_pgkit::Programs::find()
            .command("psql")
            .args(["-q", "-v", "ON_ERROR_STOP=1", "-d", &server.socket_url("postgres"), "-c", users])
            .status()
            .map(|status| assert!(status.success()))
            .unwrap();
        Self { server, files }
    }

    /// Connects as this user; names of files are those of the folder. `host` names the server, whatever its address.
    pub(crate) fn connector(&self, user: &str, parameters: &str, native: bool) -> Result<Connector, String> {
        let folder = format!("={}/", self.files.path().display());
        let parameters = ["ours.pem", "theirs.pem", "itself.pem", "client.pem", "client.key"]
            .iter()
            .fold(parameters.to_owned(), |all, name| {
                all.replace(&format!("={name}"), &format!("{folder}{name}"))
            });
        let port = self.server.port();
        let url = format!(
            "postgresql:///postgres?user={user}&password=secret&hostaddr=127.0.0.1&port={port}&{parameters}"
        );
        Connector::new(&Options { native, ..Options::url(url) }).map_err(|error| error.message)
    }

    /// Whether the connection is encrypted, or why there is none.
    async fn connects(&self, user: &str, parameters: &str, native: bool) -> Result<bool, String> {
        let client =
            self.connector(user, parameters, native)?.client().await.map_err(|error| error.message)?;
        let row = client.query_one("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()", &[]).await;
        Ok(row.unwrap().get(0))
    }
}

#[tokio::test]
async fn each_mode_believes_whom_it_says() {
    let encrypted = Encrypted::start("db.internal");
    let (name, issuer) = ("not valid for name", "UnknownIssuer");
    let (right, wrong) = ("host=db.internal", "host=other.internal");
    // Some: whether it is encrypted; none: what the refusal says.
    let cases = [
        (wrong, "sslmode=disable", Ok(false)),
        (wrong, "sslmode=allow", Ok(false)),
        (wrong, "sslmode=prefer", Ok(true)),
        (wrong, "", Ok(true)),
        (wrong, "sslmode=require", Ok(true)),
        (wrong, "sslmode=require&sslrootcert=ours.pem", Ok(true)),
        (right, "sslmode=require&sslrootcert=theirs.pem", Err(issuer)),
        (right, "sslmode=prefer&sslrootcert=theirs.pem", Ok(false)),
        (wrong, "sslmode=verify-ca&sslrootcert=ours.pem", Ok(true)),
        (right, "sslmode=verify-ca&sslrootcert=theirs.pem", Err(issuer)),
        (wrong, "sslmode=verify-ca&sslrootcert=itself.pem", Ok(true)),
        (right, "sslmode=verify-ca", Err("sslrootcert")),
        (right, "sslmode=verify-full&sslrootcert=ours.pem", Ok(true)),
        (right, "sslmode=verify-full&sslrootcert=itself.pem", Ok(true)),
        (wrong, "sslmode=verify-full&sslrootcert=itself.pem", Err(name)),
        (wrong, "sslmode=verify-full&sslrootcert=ours.pem", Err(name)),
        (right, "sslmode=verify-full&sslrootcert=theirs.pem", Err(issuer)),
        (right, "sslmode=verify-full", Err(issuer)),
        (right, "sslrootcert=system", Err(issuer)),
        (right, "sslmode=require&ssl_min_protocol_version=TLSv1.3&sslsni=0", Ok(true)),
        (right, "sslmode=require&ssl_max_protocol_version=TLSv1.2&sslrootcert=ours.pem", Ok(true)),
    ];
    for (host, parameters, expected) in cases {
        let parameters = format!("{host}&{parameters}");
        let connected = encrypted.connects("postgres", &parameters, true).await;
        match expected {
            Ok(ssl) => assert_eq!(connected, Ok(ssl), "{parameters}"),
            Err(text) => {
                let refused = connected.expect_err(&parameters);
                assert!(refused.contains(text), "{parameters}: {refused}");
            }
        }
    }
}

#[tokio::test]
async fn what_a_project_gets_without_saying_is_strict_elsewhere() {
    let encrypted = Encrypted::start("db.internal");
    let refused = encrypted.connects("postgres", "host=db.internal", false).await.unwrap_err();
    assert!(refused.contains("UnknownIssuer"), "{refused}");
    let believed = "host=db.internal&sslrootcert=ours.pem";
    assert_eq!(encrypted.connects("postgres", believed, false).await, Ok(true));
    let refused = encrypted.connects("postgres", "host=other.internal&sslrootcert=ours.pem", false).await;
    assert!(refused.as_ref().is_err_and(|refused| refused.contains("not valid for name")), "{refused:?}");
    // This machine has nothing to show to itself.
    assert_eq!(encrypted.connects("postgres", "host=localhost", false).await, Ok(true));
    // What is asked for means what it says.
    assert_eq!(encrypted.connects("postgres", "host=db.internal&sslmode=require", false).await, Ok(true));
}

#[tokio::test]
async fn the_projects_authorities_vouch_for_the_host() {
    let encrypted = Encrypted::start("db.internal");
    let port = encrypted.server.port();
    for (host, mode, expected) in [
        ("db.internal", "", true),
        ("other.internal", "", false),
        ("db.internal", "&sslmode=require", true),
        ("other.internal", "&sslmode=require", false),
        ("other.internal", "&sslmode=verify-ca", true),
        ("localhost", "", false),
    ] {
        let url = format!("postgresql://postgres@{host}:{port}/postgres?hostaddr=127.0.0.1{mode}");
        let ca_file = Some(encrypted.files.path().join("ours.pem"));
        let connector = Connector::new(&Options { ca_file, ..Options::url(url.clone()) }).unwrap();
        assert_eq!(connector.client().await.is_ok(), expected, "{url}");
    }
}

#[tokio::test]
async fn clients_show_who_they_are() {
    let encrypted = Encrypted::start("db.internal");
    let full = "host=db.internal&sslmode=verify-full&sslrootcert=ours.pem";
    let shown = format!("{full}&sslcert=client.pem&sslkey=client.key");
    assert_eq!(encrypted.connects("certified", &shown, true).await, Ok(true));
    assert!(encrypted.connects("certified", full, true).await.is_err());
    let bound = format!("{full}&channel_binding=require");
    assert_eq!(encrypted.connects("scrammed", &bound, true).await, Ok(true));
    // Who is not asked for a password cannot be bound.
    let refused = encrypted.connects("postgres", &bound, true).await;
    assert!(refused.as_ref().is_err_and(|refused| refused.contains("channel binding")), "{refused:?}");
}

#[tokio::test]
async fn the_servers_rules_decide_where_both_ways_are_allowed() {
    let encrypted = Encrypted::start("db.internal");
    for (user, mode, expected) in [
        ("only_plain", "prefer", Some(false)),
        ("only_plain", "require", None),
        ("only_encrypted", "allow", Some(true)),
        ("only_encrypted", "disable", None),
    ] {
        let connected = encrypted.connects(user, &format!("host=db.internal&sslmode={mode}"), true).await;
        assert_eq!(connected.ok(), expected, "{user} {mode}");
    }
}

#[tokio::test]
async fn files_that_cannot_be_read_are_named() {
    let encrypted = Encrypted::start("db.internal");
    for (parameters, expected) in [
        ("sslmode=verify-full&sslrootcert=/nowhere/root.crt", "/nowhere/root.crt"),
        ("sslmode=verify-ca&sslrootcert=client.key", "there is no certificate in it"),
        ("sslmode=require&sslcert=client.pem&sslkey=/nowhere/key", "sslkey: /nowhere/key"),
    ] {
        let refused =
            encrypted.connects("postgres", &format!("host=x&{parameters}"), true).await.unwrap_err();
        assert!(refused.contains(expected), "{parameters}: {refused}");
    }
}
