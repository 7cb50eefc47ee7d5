//! What a PostgREST configuration becomes.

#![allow(clippy::unwrap_used, reason = "tests")]

use super::*;

fn read_text(text: &str, variables: &[(&str, &str)]) -> Result<Postgrest, Vec<Fault>> {
    let variables: Vec<_> =
        variables.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect();
    let env = |name: &str| (name == "HOST").then(|| "db.internal".to_owned());
    read(
        ("postgrest.conf", text),
        &variables,
        &[("db_anon_role".into(), "of_database".into())],
        &env,
        &|file| (file == "secret.txt").then(|| "from a file\n".to_owned()),
    )
}

fn our(config: &Postgrest, key: &str) -> Option<String> {
    config.overrides.iter().find(|(name, ..)| name == key).map(|(_, value, _)| value.clone())
}

#[test]
fn every_key_has_its_meaning() {
    let text = r#"
        # a comment
        db-uri = "postgres://app@$(HOST)/shop"
        db-schemas = "api, SPECIAL \"@/\\#~_-"
        db-anon-role = "web_anon"
        db-pre-request = "auth.check"
        db-tx-end = "commit-allow-override"
        db-max-rows = 100 # a comment
        jwt-secret = "@secret.txt"
        server-host = "127.0.0.1"
        server-port = 3001
        app.settings.region = "eu"
    "#;
    let config = read_text(text, &[("PGRST_DB_MAX_ROWS", "7"), ("PGRST_APP_SETTINGS_KEY", "v")]).unwrap();
    assert_eq!(our(&config, "database.url").unwrap(), "postgres://app@db.internal/shop");
    assert_eq!(config.anonymous_role.as_deref(), Some("of_database"));
    assert_eq!(our(&config, "server.listen").unwrap(), "127.0.0.1:3001");
    assert_eq!(our(&config, "rest.rows_max").unwrap(), "7");
    assert_eq!(config.schemas, ["api", "SPECIAL \"@/\\#~_-"]);
    assert_eq!(config.before.as_deref(), Some("\"auth\".\"check\""));
    assert_eq!(config.end, TransactionEnd { rollback: false, may_override: true });
    assert_eq!(config.secret.unwrap().reveal(), "from a file");
    assert_eq!(
        config.settings,
        [("app.settings.key", "v"), ("app.settings.region", "eu")]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
    );
}

#[test]
fn settings_have_names_that_a_database_takes() {
    for name in ["a-b", "", "1x", "a'b", "a..b", "a b"] {
        let faults = read_text(&format!("app.settings.{name} = \"v\""), &[]).unwrap_err();
        assert!(faults[0].to_string().contains("is no name of a setting"), "{name}: {}", faults[0]);
    }
    for name in ["a_b", "A1$", "a.b", "_x", "é"] {
        assert!(read_text(&format!("app.settings.{name} = \"v\""), &[]).is_ok(), "{name}");
    }
}

#[test]
fn what_is_not_known_is_refused_by_name() {
    let faults = read_text("db-schemes = \"api\"\ndb-tx-end = \"never\"\nno equals sign", &[]).unwrap_err();
    let said: Vec<String> = faults.iter().map(ToString::to_string).collect();
    assert_eq!(said.len(), 3, "{said:?}");
    assert!(said.iter().any(|fault| fault.contains("Perhaps you meant `db-schemas`")), "{said:?}");
    assert!(said.iter().any(|fault| fault.contains("rollback-allow-override")), "{said:?}");
}

#[test]
fn values_that_mean_nothing_are_refused_by_name() {
    for (key, wrong, right) in [
        (
            "db-uri",
            &["host='secret", "host port=secret", "postgresql://a:%secret@h/d", "postgresql://[::secret/d"][..],
            &["host=h password='a b'", "postgresql://h,[::1]:5/d?a=b"][..],
        ),
        (
            "jwt-aud",
            &["http://%%somewhere", ":none", "a b:c"][..],
            &["shop", "urn:shop", "https://a.b/c?d=e"][..],
        ),
        ("jwt-role-claim-key", &["$$$", "role"], &[".role", ".a.b[0]", "[0]", ".\\\"a b\\\""]),
        (
            "openapi-server-proxy-uri",
            &["shop", "ftp://shop", "http:/shop", "http://", "https://a:b/", "http://a b"],
            &["https://shop.example/api", "http://a:8080", "HTTP://[::1]:80/"],
        ),
    ] {
        for wrong in wrong {
            let faults = read_text(&format!("{key} = \"{wrong}\""), &[]).unwrap_err();
            let said = faults.iter().map(ToString::to_string).collect::<String>();
            assert!(faults.len() == 1 && said.contains(key), "{key} {wrong} {said}");
            assert!(!said.contains("secret"), "{key} {wrong} {said}");
        }
        for right in right {
            let read = read_text(&format!("{key} = \"{right}\""), &[]);
            assert!(read.is_ok(), "{key} {right} {:?}", read.err());
        }
    }
}
