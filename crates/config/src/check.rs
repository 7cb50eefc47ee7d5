//! What no single value shows: values that contradict each other, and shortcuts that production refuses.

use std::time::Duration;

use crate::{Config, DEVELOPMENT_SECRET, Synchronous, source::Source};

/// Least length of an HS256 key: RFC 7518, section 3.2.
const SECRET_BYTES_MIN: usize = 32;

/// Reports every contradiction and, in production, every unsafe shortcut.
pub(crate) fn check(config: &Config, source: &mut Source) {
    addresses(config, source);
    secret_length(config, source);
    key_addresses(config, source);
    waits(config, source);
    if config.production() {
        keys_in_production(config, source);
        shortcuts_in_production(config, source);
    }
}

fn addresses(config: &Config, source: &mut Source) {
    let (listen, admin) = (config.server.listen, config.server.admin_listen);
    if listen == admin && listen.port() != 0 {
        source.fault_of(
            &["server.admin_listen", "server.listen"],
            format!("`server.listen` and `server.admin_listen` are both {listen}"),
            "Give them different ports: the admin listener must not be reachable by callers of the API",
        );
    }
    if !admin.ip().is_loopback() && !config.server.admin_remote {
        source.fault_of(
            &["server.admin_listen"],
            format!("`server.admin_listen` is {admin}, which other machines can reach, and the admin listener asks nobody who they are"),
            "Give a loopback address such as \"127.0.0.1:8081\", or set `server.admin_remote = true` when a private network protects it",
        );
    }
}

fn secret_length(config: &Config, source: &mut Source) {
    let Some(secret) = &config.auth.secret else { return };
    let text = secret.reveal();
    if config.auth.secret_is_base64 {
        let plain = text.trim_end_matches('=');
        if !plain.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+/-_".contains(&byte)) {
            let remedy = "Give base64 (standard or URL-safe), or set `auth.secret_is_base64 = false`";
            return source.fault_of(&["auth.secret"], "`auth.secret` is not base64", remedy);
        }
    }
    let bytes =
        if config.auth.secret_is_base64 { text.trim_end_matches('=').len() * 3 / 4 } else { text.len() };
    if bytes < SECRET_BYTES_MIN {
        source.fault_of(
            &["auth.secret"],
            format!("`auth.secret` has {bytes} bytes; HS256 needs at least {SECRET_BYTES_MIN}"),
            "Make one with `openssl rand -hex 32`",
        );
    }
}

fn key_addresses(config: &Config, source: &mut Source) {
    for url in &config.auth.jwks_urls {
        let authority = authority(url);
        if authority.contains('@') {
            source.fault_of(
                &["auth.jwks_urls"],
                "`auth.jwks_urls` holds an address with a user name or password, which `config show` and the log would tell",
                "Remove what stands before the `@`: public keys need no password",
            );
        }
        let local = !config.production() && url.starts_with("http://") && is_local(authority);
        if !local && !url.starts_with("https://") {
            source.fault_of(
                &["auth.jwks_urls"],
                "`auth.jwks_urls` holds an address without TLS: keys fetched from it can be replaced on the way",
                "Use https:// (http:// is accepted for this machine, in development)",
            );
        }
    }
    for key in &config.auth.public_keys {
        if !key.trim_start().starts_with("-----BEGIN") {
            source.fault_of(
                &["auth.public_keys"],
                "`auth.public_keys` holds something that is not a PEM public key",
                "Give the text from `-----BEGIN PUBLIC KEY-----` to its end, in triple quotes; JWKS files belong in `auth.jwks_files`",
            );
        }
    }
}

/// Host and port of a URL, and a user name before them if there is one.
fn authority(url: &str) -> &str {
    let rest = url.split_once("://").map_or("", |(_, rest)| rest);
    rest.split(['/', '?', '#', '\\']).next().unwrap_or_default()
}

/// The whole host is this machine's; `localhost.example.com` is somebody else's.
fn is_local(authority: &str) -> bool {
    ["127.0.0.1", "localhost", "[::1]"].iter().any(|host| {
        let port = authority.strip_prefix(host).map(|rest| rest.strip_prefix(':').unwrap_or(rest));
        port.is_some_and(|port| port.bytes().all(|byte| byte.is_ascii_digit()))
    })
}

fn waits(config: &Config, source: &mut Source) {
    if config.database.statement_timeout > config.limits.request_timeout {
        source.fault_of(
            &["database.statement_timeout", "server.limits.request_timeout"],
            "`database.statement_timeout` is longer than `server.limits.request_timeout`, so it could never be reached",
            "Make the statement's timeout the shorter one",
        );
    }
    if config.database.group_units_max > config.database.write_queue_max {
        source.fault_of(
            &["database.group_units_max", "database.write_queue_max"],
            "`database.group_units_max` is larger than `database.write_queue_max`, so a group could never be full",
            "Make the queue at least as long as one group",
        );
    }
    if config.auth.jwks_max_age < Duration::from_secs(1) {
        source.fault_of(
            &["auth.jwks_max_age"],
            "`auth.jwks_max_age` is below a second",
            "Give at least \"1s\"",
        );
    }
}

fn keys_in_production(config: &Config, source: &mut Source) {
    let auth = &config.auth;
    let none = auth.secret.is_none()
        && auth.public_keys.is_empty()
        && auth.jwks_files.is_empty()
        && auth.jwks_urls.is_empty();
    if none {
        source.fault_of(
            &["auth.secret", "auth.public_keys", "auth.jwks_files", "auth.jwks_urls"],
            "in production a key to verify tokens is needed, and none is given",
            "Set `auth.secret = \"${JWT_SECRET}\"`, or `auth.public_keys`, `auth.jwks_files` or `auth.jwks_urls`",
        );
    }
    if auth.secret.as_ref().is_some_and(|secret| secret.reveal() == DEVELOPMENT_SECRET) {
        source.fault_of(
            &["auth.secret"],
            "`auth.secret` is the development secret, which everybody knows",
            "Make one with `openssl rand -hex 32` and give it through a variable: `auth.secret = \"${JWT_SECRET}\"`",
        );
    }
}

fn shortcuts_in_production(config: &Config, source: &mut Source) {
    let mut refuse = |wrong: bool, key: &str, message: &str, remedy: &str| {
        if wrong {
            source.fault_of(&[key], format!("in production {message}"), remedy);
        }
    };
    refuse(
        config.database.synchronous != Synchronous::Full,
        "database.synchronous",
        "an acknowledged write must survive a loss of power; `database.synchronous = \"normal\"` may lose it",
        "Remove the line: the default is \"full\"",
    );
    refuse(
        config.rest.plan,
        "rest.plan",
        "`rest.plan = true` would show statements and the schema to every caller",
        "Remove the line, and use `transom explain` on the server",
    );
    refuse(
        config.seed.on_create,
        "seed.on_create",
        "`seed.on_create = true` would fill a new database with invented rows",
        "Remove the line, and run `transom seed` where sample data is wanted",
    );
}
