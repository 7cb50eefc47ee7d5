//! What a `transom.toml` gives, and what is said about a wrong one.

#![allow(clippy::unwrap_used)]

use std::time::Duration;

use proptest::prelude::*;
use transom_config::{
    ByteSize, Config, Fault, Mode, Origin, effective, json_schema, load, reference_markdown,
};

const SECRET: &str = "a-secret-of-more-than-thirty-two-bytes";

fn env(name: &str) -> Option<String> {
    match name {
        "JWT_SECRET" => Some(SECRET.to_owned()),
        "PORT" => Some("9000".to_owned()),
        "ROWS" => Some("25".to_owned()),
        "ORIGINS" => Some("https://a.example, https://b.example".to_owned()),
        _ => None,
    }
}

fn read(text: &str) -> Result<Config, Vec<Fault>> {
    load("transom.toml", Some(text), &env, &[])
}

/// Each fault of `text`, as printed.
fn check(text: &str, expected: &[&str]) {
    let faults = read(text).err().unwrap_or_default();
    let printed: Vec<String> = faults.iter().map(Fault::to_string).collect();
    assert_eq!(printed, expected, "{text}");
}

#[test]
fn an_empty_file_and_no_file_are_complete() {
    for text in [None, Some("")] {
        let config = load("transom.toml", text, &|_| None, &[]).unwrap();
        assert_eq!(config.server.mode, Mode::Development);
        assert_eq!(config.server.listen.to_string(), "127.0.0.1:8080");
        assert_eq!(config.database.url.to_string(), "sqlite:data/app.db");
        assert_eq!(config.limits.body_bytes_max, ByteSize(10 << 20));
        assert_eq!(config.limits.drain_timeout, Duration::from_secs(25));
        assert_eq!(config.rest.rows_max, Some(1000));
        assert_eq!(config.auth.anonymous_role.as_deref(), Some("anon"));
        assert_eq!(config.cors.origins, ["*"]);
        assert!(config.rest.plan && config.server.server_timing && config.seed.on_create);
        assert!(effective(&config).iter().all(|entry| entry.origin == Origin::Default));
    }
}

#[test]
fn values_of_every_type_are_read() {
    let config = read(
        r#"
        server.mode = "production"
        server.listen = "0.0.0.0:${PORT}"
        server.limits = { body_bytes_max = "1 MiB", drain_timeout = "0s" }
        [server.cors]
        origins = ["https://app.example.com", "${HOST:-https://fallback.example}"]
        [rest]
        rows_max = "${ROWS}"
        aggregates = true
        [auth]
        secret = "${JWT_SECRET}"
        anonymous_role = "none"
        [changes]
        tables = ["orders"]
        "#,
    )
    .unwrap();
    assert!(config.production());
    assert_eq!(config.server.listen.to_string(), "0.0.0.0:9000");
    assert_eq!(config.limits.body_bytes_max, ByteSize(1 << 20));
    assert_eq!(config.cors.origins, ["https://app.example.com", "https://fallback.example"]);
    assert_eq!(config.rest.rows_max, Some(25));
    assert_eq!(config.auth.secret.as_ref().unwrap().reveal(), SECRET);
    assert_eq!(config.auth.anonymous_role, None);
    assert!(!config.rest.plan && !config.seed.on_create && !config.server.server_timing);
    assert_eq!(config.origin("rest.aggregates").unwrap().to_string(), "transom.toml:9");
    assert_eq!(config.log.format.as_str(), "json");
}

#[test]
fn flags_win_over_the_environment_and_that_over_the_file() {
    let variables = |name: &str| match name {
        "TRANSOM_REST_ROWS_MAX" => Some("7".to_owned()),
        "TRANSOM_SERVER_LISTEN" => Some("127.0.0.1:7001".to_owned()),
        "TRANSOM_SERVER_CORS_ORIGINS" => env("ORIGINS"),
        "TRANSOM_LOG_LEVEL" => Some(String::new()),
        _ => None,
    };
    let flag = |key: &str, value: &str, name: &str| {
        (key.to_owned(), value.to_owned(), Origin::Flag(name.to_owned()))
    };
    let overrides =
        [flag("server.listen", "127.0.0.1:7002", "--listen"), flag("rest.aggregates", "true", "--set")];
    let text = "[rest]\nrows_max = 5\n[server]\nlisten = \"${MISSING}\"\n[log]\nlevel = \"warn\"";
    let config = load("transom.toml", Some(text), &variables, &overrides).unwrap();
    assert_eq!(config.rest.rows_max, Some(7));
    assert_eq!(config.server.listen.port(), 7002);
    assert!(config.rest.aggregates);
    assert_eq!(config.cors.origins, ["https://a.example", "https://b.example"]);
    assert_eq!(config.log.level.as_str(), "warn");
    assert_eq!(config.origin("server.listen").unwrap().to_string(), "flag --listen");
    assert_eq!(config.origin("rest.rows_max").unwrap().to_string(), "environment TRANSOM_REST_ROWS_MAX");

    let wrong = [flag("rest.rows_mx", "5", "--set"), flag("server.listen", "nowhere", "--listen")];
    let faults = load("transom.toml", None, &|_| None, &wrong).unwrap_err();
    let printed: Vec<String> = faults.iter().map(Fault::to_string).collect();
    assert_eq!(
        printed,
        [
            "--set: there is no key `rest.rows_mx`\n    Perhaps you meant `rows_max`",
            "--listen: `server.listen` is a text that does not fit, not an address and port such as \"127.0.0.1:8080\", \"[::1]:8080\" or \"localhost:8080\"\n    \
             Give an address and port such as \"127.0.0.1:8080\", \"[::1]:8080\" or \"localhost:8080\"; the default is \"127.0.0.1:8080\"",
        ]
    );
}

#[test]
fn all_faults_are_reported_at_once_with_place_and_remedy() {
    check(
        "[server]\nmod = \"production\"\nlisten = 8080\nlimits.body_bytes_max = \"10 megs\"\n\n[databse]\nurl = \"x\"\n[auth]\nrows_max = 5\nsecret = \"${NO_SECRET}\"\n",
        &[
            "transom.toml:2:1: there is no key `server.mod`\n    Perhaps you meant `mode`",
            "transom.toml:3:10: `server.listen` is the integer 8080, not an address and port such as \"127.0.0.1:8080\", \"[::1]:8080\" or \"localhost:8080\"\n    Give an address and port such as \"127.0.0.1:8080\", \"[::1]:8080\" or \"localhost:8080\"; the default is \"127.0.0.1:8080\"",
            "transom.toml:4:25: `server.limits.body_bytes_max` is \"10 megs\", not a size such as \"10MiB\", \"64KiB\" or \"500B\"\n    Give a size such as \"10MiB\", \"64KiB\" or \"500B\", from \"1KiB\" to \"1GiB\"; the default is \"10MiB\"",
            "transom.toml:6:2: there is no key `databse`\n    Perhaps you meant `database`",
            "transom.toml:9:1: there is no key `auth.rows_max`\n    `rows_max` belongs in [rest]",
            "transom.toml:10:10: `auth.secret` needs the environment variable NO_SECRET, which is not set or empty\n    Set NO_SECRET, or give a default: \"${NO_SECRET:-default}\"",
        ],
    );
}

#[test]
fn wrong_values_are_explained() {
    check(
        "server.mode = \"produciton\"",
        &[
            "transom.toml:1:15: `server.mode` is \"produciton\", not one of \"development\", \"production\"\n    Perhaps you meant \"production\"",
        ],
    );
    check(
        "rest.write_rows_max = 0",
        &[
            "transom.toml:1:23: `rest.write_rows_max` is 0, below its least value 1\n    Give an integer, from 1 to 100000; the default is 10_000",
        ],
    );
    let told = format!("{:?}", read("[database]\nurl = \"oracle://shop:hunter2@db/shop\"").unwrap_err());
    assert!(told.contains("`oracle:`, which this build has no adapter for"), "{told}");
    assert!(told.contains("line: 2, column: 7") && !told.contains("hunter2"), "{told}");
    check(
        "changes.tables = [\"orders\", 5]",
        &[
            "transom.toml:1:29: `changes.tables` is the integer 5, not a list, each element a string\n    Give a list, each element a string; the default is []",
        ],
    );
    check(
        "server = 5",
        &["transom.toml:1:1: `server` is a section, not a value\n    Write [server] and its keys below it"],
    );
    check(
        "server.listen = \"127.0.0.1:9\"\nserver.admin_listen = \"127.0.0.1:9\"",
        &[
            "transom.toml:2:23: `server.listen` and `server.admin_listen` are both 127.0.0.1:9\n    Give them different ports: the admin listener must not be reachable by callers of the API",
        ],
    );
}

/// Keys are fetched in the clear from this very machine only, and no address carries a password into `config show`.
#[test]
fn addresses_of_keys_are_safe_ones() {
    let keys =
        |url: &str| read(&format!("auth.jwks_urls = [\"{url}\"]")).map_err(|faults| format!("{faults:?}"));
    for right in [
        "https://id.example/jwks",
        "http://localhost/jwks",
        "http://127.0.0.1:9000/jwks",
        "http://[::1]:9000",
        "http://localhost?x=a@b",
    ] {
        assert!(keys(right).is_ok(), "{right}");
    }
    for wrong in [
        "http://id.example/jwks",
        "http://localhost.example/jwks",
        "http://127.0.0.1.example:80/jwks",
        "http://127.0.0.1:x.example/",
        "ftp://localhost/jwks",
        "localhost/jwks",
    ] {
        assert!(keys(wrong).unwrap_err().contains("without TLS"), "{wrong}");
    }
    for wrong in ["https://app:hunter2@id.example/jwks", "http://localhost@id.example/jwks"] {
        let told = keys(wrong).unwrap_err();
        assert!(told.contains("password") && !told.contains("hunter2"), "{told}");
    }
}

#[test]
fn production_fetches_keys_over_tls_alone() {
    let keys = |url: &str| {
        let file = format!(
            "server.mode = \"production\"\nauth.jwks_urls = [\"{url}\"]\nauth.jwks_ca_file = \"ca.pem\""
        );
        read(&file).map_err(|faults| format!("{faults:?}"))
    };
    assert_eq!(keys("https://id.internal/jwks").unwrap().auth.jwks_ca_file.as_deref(), Some("ca.pem"));
    for wrong in
        ["http://id.internal/jwks", "http://10.0.0.1/jwks", "http://localhost/jwks", "HTTP://id.internal/"]
    {
        assert!(keys(wrong).unwrap_err().contains("without TLS"), "{wrong}");
    }
}

#[test]
fn a_fault_of_syntax_does_not_hide_the_others() {
    let faults =
        read("[server\nmode = \"development\"\nlisten = = 5\n[rest]\nrows_max = \"many\"\n").unwrap_err();
    let lines: Vec<u32> = faults.iter().map(|fault| fault.line).collect();
    assert!(lines.contains(&1) && lines.contains(&3) && lines.contains(&5), "{faults:?}");
}

#[test]
fn production_refuses_unsafe_shortcuts_all_at_once() {
    let faults = read(
        "[server]\nmode = \"production\"\nadmin_listen = \"0.0.0.0:8081\"\n[database]\nsynchronous = \"normal\"\n[rest]\nplan = true\n[seed]\non_create = true\n",
    )
    .unwrap_err();
    let about: Vec<&str> =
        ["a key to verify tokens", "admin_listen", "synchronous", "rest.plan", "seed.on_create"].to_vec();
    assert_eq!(faults.len(), about.len(), "{faults:?}");
    for (fault, about) in faults.iter().zip(about) {
        assert!(fault.message.contains(about), "{fault}");
    }
    check(
        "server.mode = \"production\"\nauth.secret = \"transom-development-secret-not-for-production\"",
        &[
            "transom.toml:2:15: `auth.secret` is the development secret, which everybody knows\n    Make one with `openssl rand -hex 32` and give it through a variable: `auth.secret = \"${JWT_SECRET}\"`",
        ],
    );
    check(
        "server.mode = \"production\"\nauth.secret = \"short\"",
        &[
            "transom.toml:2:15: `auth.secret` has 5 bytes; HS256 needs at least 32\n    Make one with `openssl rand -hex 32`",
        ],
    );
    assert!(read("server.mode = \"production\"\nserver.admin_remote = true\nserver.admin_listen = \"0.0.0.0:1\"\nauth.secret = \"${JWT_SECRET}\"").is_ok());
}

#[test]
fn secrets_are_never_shown() {
    let config = read("auth.secret = \"${JWT_SECRET}\"").unwrap();
    let shown: Vec<String> = effective(&config)
        .iter()
        .map(|entry| format!("{} = {} # {}", entry.key, entry.value, entry.origin))
        .collect();
    let everything = format!("{config:?} {}", shown.join("\n"));
    assert!(!everything.contains(SECRET));
    assert!(shown.contains(&"auth.secret = \"••••\" # transom.toml:1".to_owned()), "{shown:#?}");
    // Wrong in every way, a secret is still not repeated.
    for wrong in ["auth.secret = 12345", "server.listen = \"${JWT_SECRET}\"", "auth.secret = [\"hunter2\"]"] {
        for fault in read(wrong).unwrap_err() {
            let printed = fault.to_string();
            assert!(
                !printed.contains(SECRET) && !printed.contains("12345") && !printed.contains("hunter2"),
                "{printed}"
            );
        }
    }
}

#[test]
fn what_is_shown_reads_back() {
    let config = read(
        "[server]\nlisten = \"[::1]:80\"\n[rest]\nrows_max = \"none\"\n[changes]\ntables = [\"a\\\"b\"]",
    )
    .unwrap();
    let text: Vec<String> = effective(&config)
        .iter()
        .filter(|entry| entry.key != "auth.secret")
        .map(|entry| format!("{} = {}", entry.key, entry.value))
        .collect();
    let again = read(&text.join("\n")).unwrap();
    let values =
        |config: &Config| effective(config).into_iter().map(|e| (e.key, e.value)).collect::<Vec<_>>();
    assert_eq!(values(&again), values(&config));
}

#[test]
fn every_key_is_documented_and_in_the_schema() {
    let (page, schema) = (reference_markdown(), json_schema());
    let mut variables = Vec::new();
    for section in transom_config::SECTIONS {
        for key in section.keys {
            assert!(page.contains(&format!("### `{}`", key.path)), "{}", key.path);
            assert!(!key.doc.trim().is_empty() && key.doc.trim().ends_with(['.', '`']), "{}", key.path);
            let pointer = format!("/properties/{}", key.path.replace('.', "/properties/"));
            assert!(schema.pointer(&pointer).is_some(), "{pointer}");
            variables.push(key.variable());
        }
    }
    variables.sort();
    assert!(variables.windows(2).all(|pair| pair[0] != pair[1]), "two keys share a variable");
}

/// `cargo xtask codegen` (or `UPDATE=1`) writes the pages; this fails when they were not written again.
#[test]
fn the_committed_reference_is_current() {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/reference");
    let schema = format!("{}\n", serde_json::to_string_pretty(&json_schema()).unwrap());
    for (name, expected) in [("config.md", reference_markdown()), ("transom.schema.json", schema)] {
        if std::env::var_os("UPDATE").is_some() {
            std::fs::write(format!("{root}/{name}"), &expected).unwrap();
        }
        let found = std::fs::read_to_string(format!("{root}/{name}")).unwrap_or_default();
        assert!(found == expected, "docs/reference/{name} is out of date: run `cargo xtask codegen`");
    }
}

proptest! {
    #[test]
    fn no_text_makes_it_panic(text in "\\PC{0,200}") {
        let _ = read(&text);
    }

    #[test]
    fn no_value_makes_it_panic(
        key in prop::sample::select(transom_config::SECTIONS.iter().flat_map(|s| s.keys).map(|k| k.path).collect::<Vec<_>>()),
        value in "[-0-9a-zA-Z\"'\\[\\]{}$:., \\n]{0,40}",
    ) {
        let _ = read(&format!("{key} = {value}"));
        let flag = [(key.to_owned(), value.clone(), Origin::Flag("--set".to_owned()))];
        for fault in load("transom.toml", None, &|_| None, &flag).err().unwrap_or_default() {
            prop_assert!(!fault.message.is_empty() && !fault.remedy.is_empty());
        }
    }
}
