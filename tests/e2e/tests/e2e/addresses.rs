//! The address of the database: what it says about encryption, and what it says that nobody understands.

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use transom_pgkit::{Durability, Server as Database};
use transom_testkit::{Project, Server};

/// A server that encrypts with a certificate for `db.internal`, and its authority.
fn encrypting() -> (Database, String) {
    let mut params = CertificateParams::new(Vec::<String>::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().unwrap();
    let authority = params.self_signed(&key).unwrap().pem();
    let issuer = Issuer::new(params, key);
    let key = KeyPair::generate().unwrap();
    let own = CertificateParams::new(vec!["db.internal".to_owned()]).unwrap();
    let certificate = own.signed_by(&key, &issuer).unwrap().pem();
    let database = Database::start(Durability::None);
    database.encrypt((&certificate, &key.serialize_pem()), &authority, "hostssl all all all trust\n");
    (database, authority)
}

/// What is printed where everything but the secret is right.
fn told(uri: &str, secret: &str) -> Result<Server, String> {
    let project = Project::empty();
    let text = format!(
        "db-uri = \"{uri}\"\ndb-anon-role = \"postgres\"\nlog-level = \"warn\"\njwt-secret = \"{secret}\"\n"
    );
    project.serve_as_postgrest(&text, &[])
}

#[test]
fn encryption_to_whoever_answers_is_told_once() {
    if transom_pgkit::missing() {
        return;
    }
    let (database, authority) = encrypting();
    let project = Project::empty();
    project.write("ca.pem", &authority);
    let ca = project.dir().join("ca.pem").display().to_string();
    let address = |host: &str, parameters: &str| {
        let place = format!("hostaddr=127.0.0.1&port={}", database.port());
        format!("postgresql://postgres@{host}/postgres?{place}&{parameters}")
    };
    let warning = "who answers is not verified";
    let short = |uri: &str| told(uri, "short").err().unwrap();
    let printed = short(&address("db.internal", "sslmode=require"));
    assert_eq!(printed.matches(warning).count(), 1, "{printed}");
    for uri in [
        address("localhost", "sslmode=require"),
        address("db.internal", &format!("sslmode=verify-full&sslrootcert={ca}")),
    ] {
        let printed = short(&uri);
        assert!(!printed.contains(warning) && !printed.contains("TR103"), "{uri}: {printed}");
    }
    let printed = short(&address("other.internal", &format!("sslmode=verify-full&sslrootcert={ca}")));
    assert!(printed.contains("TR103") && printed.contains("not valid for name"), "{printed}");
    let safe = "reallyreallyreallyreallyverysafe";
    let server = told(&address("other.internal", &format!("sslmode=verify-ca&sslrootcert={ca}")), safe);
    assert!(server.is_ok_and(|server| server.client().get("/").expect(200).status == 200));
}

#[test]
fn what_nobody_understands_is_named() {
    for (parameter, expected) in [
        ("sslmod=require", "there is no parameter sslmod"),
        ("gssencmode=require", "gssencmode=require"),
        ("client_encoding=LATIN1", "only UTF8"),
    ] {
        let url = format!("postgresql://app:hushhush@127.0.0.1:1/shop?{parameter}");
        for printed in [
            told(&url, "reallyreallyreallyreallyverysafe").err().unwrap(),
            Server::try_start(Project::empty().dir(), &["--database-url", &url]).err().unwrap(),
        ] {
            assert!(printed.contains(expected) && !printed.contains("hushhush"), "{printed}");
        }
    }
}
