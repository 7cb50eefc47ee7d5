//! The keys of a PostgREST configuration, and what each becomes.

use transom_types::nearest::nearest;

use super::{OpenApiMode, Postgrest, TransactionEnd, file::Given, uri};
use crate::{Fault, Origin, Secret};

/// Every key that is known, with the older names some have.
pub const KEYS: &[(&str, &[&str])] = &[
    ("admin-server-host", &[]),
    ("admin-server-port", &[]),
    ("db-aggregates-enabled", &[]),
    ("db-anon-role", &[]),
    ("db-channel", &[]),
    ("db-channel-enabled", &[]),
    ("db-config", &[]),
    ("db-extra-search-path", &[]),
    ("db-hoisted-tx-settings", &[]),
    ("db-max-rows", &["max-rows"]),
    ("db-plan-enabled", &[]),
    ("db-pool", &[]),
    ("db-pool-acquisition-timeout", &[]),
    ("db-pool-automatic-recovery", &[]),
    ("db-pool-max-idletime", &["db-pool-timeout"]),
    ("db-pool-max-lifetime", &[]),
    ("db-pre-config", &[]),
    ("db-pre-request", &["pre-request"]),
    ("db-prepared-statements", &[]),
    ("db-root-spec", &["root-spec"]),
    ("db-schemas", &["db-schema"]),
    ("db-tx-end", &[]),
    ("db-uri", &[]),
    ("jwt-aud", &[]),
    ("jwt-cache-max-entries", &["jwt-cache-max-lifetime"]),
    ("jwt-role-claim-key", &["role-claim-key"]),
    ("jwt-secret", &[]),
    ("jwt-secret-is-base64", &["secret-is-base64"]),
    ("log-level", &[]),
    ("log-query", &[]),
    ("openapi-mode", &[]),
    ("openapi-security-active", &[]),
    ("openapi-server-proxy-uri", &["server-proxy-uri"]),
    ("server-cors-allowed-origins", &[]),
    ("server-host", &[]),
    ("server-port", &[]),
    ("server-timing-enabled", &[]),
    ("server-trace-header", &[]),
    ("server-unix-socket", &[]),
    ("server-unix-socket-mode", &[]),
];

/// The keys that the database itself may set for its role, by the names it has for them.
pub const IN_DATABASE: &[&str] = &[
    "db_aggregates_enabled",
    "db_anon_role",
    "db_extra_search_path",
    "db_hoisted_tx_settings",
    "db_max_rows",
    "db_plan_enabled",
    "db_pre_request",
    "db_prepared_statements",
    "db_root_spec",
    "db_schemas",
    "db_tx_end",
    "jwt_aud",
    "jwt_cache_max_entries",
    "jwt_role_claim_key",
    "jwt_secret",
    "jwt_secret_is_base64",
    "openapi_mode",
    "openapi_security_active",
    "openapi_server_proxy_uri",
    "server_cors_allowed_origins",
    "server_timing_enabled",
    "server_trace_header",
];

/// What the database says; names that it may not set are passed over.
pub(super) fn add_in_database(given: &mut Given, settings: &[(String, String)]) {
    for (name, value) in settings.iter().filter(|(name, _)| IN_DATABASE.contains(&name.as_str())) {
        let origin = Origin::Environment(format!("pgrst.{name} (in the database)"));
        given.insert(name.replace('_', "-"), (value.clone(), origin));
    }
}

/// `PGRST_DB_SCHEMAS` is `db-schemas`; `PGRST_APP_SETTINGS_X` is `app.settings.x`.
pub(super) fn add_variables(given: &mut Given, variables: &[(String, String)]) {
    for (name, value) in variables {
        let Some(rest) = name.strip_prefix("PGRST_") else { continue };
        let key = match rest.strip_prefix("APP_SETTINGS_") {
            Some(setting) => format!("app.settings.{}", setting.to_ascii_lowercase()),
            None => rest.to_ascii_lowercase().replace('_', "-"),
        };
        given.insert(key, (value.clone(), Origin::Environment(name.clone())));
    }
}

/// Looks every key up once.
pub(super) struct Reader<'a> {
    pub given: &'a Given,
    pub env: &'a dyn Fn(&str) -> Option<String>,
    pub read_file: &'a dyn Fn(&str) -> Option<String>,
    pub faults: &'a mut Vec<Fault>,
}

impl Reader<'_> {
    pub fn read(mut self) -> Postgrest {
        self.refuse_unknown();
        self.refuse_unserved();
        self.refuse_unsettable();
        let secret = self.secret();
        let settings = self.given.iter().filter(|(key, _)| key.starts_with("app.settings."));
        let settings = settings.map(|(key, (value, _))| (key.clone(), value.clone())).collect();
        let listens = self.truth("db-channel-enabled", true);
        let channel = self.text("db-channel").unwrap_or_else(|| "pgrst".to_owned());
        Postgrest {
            schemas: self.names("db-schemas").unwrap_or_else(|| vec!["public".to_owned()]),
            // Said to be empty, it is: only what is not said is the public schema.
            search_path: match self.found("db-extra-search-path") {
                Some(_) => self.names("db-extra-search-path").unwrap_or_default(),
                None => vec!["public".to_owned()],
            },
            anonymous_role: self.text("db-anon-role"),
            before: self.function("db-pre-request"),
            root: self.text("db-root-spec"),
            end: self.end(),
            rows_max: self.number("db-max-rows"),
            prepares: self.truth("db-prepared-statements", true),
            connection_wait: self.number("db-pool-acquisition-timeout"),
            connection_age: self.number("db-pool-max-lifetime").unwrap_or(1_800),
            connection_idle: self.number("db-pool-max-idletime").unwrap_or(30),
            in_database: self.in_database(),
            hoisted: self.names("db-hoisted-tx-settings").unwrap_or_else(hoisted_by_default),
            channel: listens.then_some(channel),
            secret,
            secret_is_base64: self.truth("jwt-secret-is-base64", false),
            settings,
            openapi: self.openapi(),
            openapi_security: self.truth("openapi-security-active", false),
            openapi_address: self.text("openapi-server-proxy-uri"),
            origins: self.names("server-cors-allowed-origins"),
            trace_header: self.text("server-trace-header"),
            overrides: self.overrides(),
        }
    }

    fn refuse_unknown(&mut self) {
        for (key, (_, origin)) in self.given {
            let known = KEYS.iter().any(|(name, aliases)| name == key || aliases.contains(&&**key));
            if known || key.starts_with("app.settings.") {
                continue;
            }
            let remedy = match nearest(key, KEYS.iter().map(|(name, _)| *name)) {
                Some(near) => format!("Perhaps you meant `{near}`"),
                None => "Remove it".to_owned(),
            };
            self.faults.push(fault(origin, format!("there is no key `{key}`"), remedy));
        }
    }

    /// A name that the database refuses would make every request fail.
    fn refuse_unsettable(&mut self) {
        let starts = |first: char| first.is_ascii_alphabetic() || first == '_' || !first.is_ascii();
        let goes_on = |next: char| starts(next) || next.is_ascii_digit() || next == '$';
        let is_name = |part: &str| part.starts_with(starts) && part.chars().all(goes_on);
        for (key, (_, origin)) in self.given.iter().filter(|(key, _)| key.starts_with("app.settings.")) {
            if !key.split('.').all(is_name) {
                let remedy = "Letters, digits, `_` and `$`, a letter or `_` first; dots between names";
                self.faults.push(fault(
                    origin,
                    format!("`{key}` is no name of a setting"),
                    remedy.to_owned(),
                ));
            }
        }
    }

    /// What this server cannot do is said, and not passed over in silence.
    fn refuse_unserved(&mut self) {
        if self.text("server-unix-socket").is_some() {
            self.refused("server-unix-socket", "server-host and server-port: Unix sockets are not served");
        }
        if self.text("jwt-aud").is_some_and(|audience| !uri::is_audience(&audience)) {
            self.refused("jwt-aud", "a text without a colon, or an URI");
        }
        if self.text("jwt-role-claim-key").is_some_and(|path| !path.starts_with(['.', '['])) {
            self.refused("jwt-role-claim-key", "a path that begins with a dot, such as .role or .roles[0]");
        }
        if self.text("openapi-server-proxy-uri").is_some_and(|address| !uri::is_web_address(&address)) {
            self.refused("openapi-server-proxy-uri", "an address such as https://example.org:8443/api");
        }
        if !self.truth("db-pool-automatic-recovery", true) {
            self.refused("db-pool-automatic-recovery", "true: lost connections are always opened again");
        }
        if !matches!(self.text("log-query").as_deref(), None | Some("disabled" | "false")) {
            self.refused(
                "log-query",
                "disabled: statements are not logged; log-level = debug tells of failures",
            );
        }
        if let Some(name) = self.text("server-trace-header")
            && !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
        {
            self.refused("server-trace-header", "the name of a header");
        }
    }

    fn in_database(&mut self) -> Option<super::InDatabase> {
        let function = self.function("db-pre-config");
        self.truth("db-config", true).then_some(super::InDatabase { function })
    }

    fn found(&self, key: &str) -> Option<(&str, &Origin)> {
        let aliases = KEYS.iter().find(|(name, _)| *name == key).map_or(&[][..], |(_, aliases)| aliases);
        let names = std::iter::once(key).chain(aliases.iter().copied());
        names.filter_map(|name| self.given.get(name)).map(|(value, origin)| (&**value, origin)).next()
    }

    fn text(&self, key: &str) -> Option<String> {
        self.found(key).map(|(value, _)| value.to_owned()).filter(|value| !value.is_empty())
    }

    /// Names separated by commas.
    fn names(&self, key: &str) -> Option<Vec<String>> {
        let text = self.text(key)?;
        Some(text.split(',').map(str::trim).filter(|name| !name.is_empty()).map(str::to_owned).collect())
    }

    fn refused(&mut self, key: &str, expected: &str) {
        let Some((value, origin)) = self.found(key) else { return };
        let found = fault(origin, format!("`{key}` is {value:?}"), format!("Write {expected}"));
        self.faults.push(found);
    }

    /// The value itself stays out of the message: it may hold a password.
    fn misread(&mut self, key: &str, wrong: &str) {
        let Some((_, origin)) = self.found(key) else { return };
        self.faults.push(fault(origin, format!("`{key}`: {wrong}"), "Correct the address".to_owned()));
    }

    fn truth(&mut self, key: &str, default: bool) -> bool {
        match self.text(key).as_deref().map(str::to_ascii_lowercase).as_deref() {
            None => default,
            Some("true" | "yes" | "on" | "1") => true,
            Some("false" | "no" | "off" | "0") => false,
            Some(_) => {
                self.refused(key, "true or false");
                default
            }
        }
    }

    fn number<T: std::str::FromStr>(&mut self, key: &str) -> Option<T> {
        let parsed = self.text(key)?.parse().ok();
        if parsed.is_none() {
            self.refused(key, "a number");
        }
        parsed
    }

    fn end(&mut self) -> TransactionEnd {
        let (rollback, may_override) = match self.text("db-tx-end").as_deref() {
            None | Some("commit") => (false, false),
            Some("commit-allow-override") => (false, true),
            Some("rollback") => (true, false),
            Some("rollback-allow-override") => (true, true),
            Some(_) => {
                self.refused(
                    "db-tx-end",
                    "commit, commit-allow-override, rollback or rollback-allow-override",
                );
                (false, false)
            }
        };
        TransactionEnd { rollback, may_override }
    }

    fn openapi(&mut self) -> OpenApiMode {
        match self.text("openapi-mode").as_deref() {
            None | Some("follow-privileges") => OpenApiMode::FollowPrivileges,
            Some("ignore-privileges") => OpenApiMode::IgnorePrivileges,
            Some("disabled") => OpenApiMode::Disabled,
            Some(_) => {
                self.refused("openapi-mode", "follow-privileges, ignore-privileges or disabled");
                OpenApiMode::Disabled
            }
        }
    }

    /// `schema.function`, each part quoted.
    fn function(&self, key: &str) -> Option<String> {
        let name = self.text(key)?;
        let quoted: Vec<String> =
            name.splitn(2, '.').map(|part| format!("\"{}\"", part.replace('"', "\"\""))).collect();
        Some(quoted.join("."))
    }

    /// `@file` is the file's text; a line's end after it is no part of it.
    fn text_or_file(&mut self, key: &str) -> Option<String> {
        let text = self.text(key)?;
        let Some(file) = text.strip_prefix('@') else { return Some(text) };
        match (self.read_file)(file) {
            Some(text) => Some(text.trim_end_matches(['\n', '\r']).to_owned()),
            None => {
                self.refused(key, "the name of a file that can be read after the @");
                None
            }
        }
    }

    fn secret(&mut self) -> Option<Secret> {
        self.text_or_file("jwt-secret").map(Secret::new)
    }

    /// What our own keys say as well.
    fn overrides(&mut self) -> Vec<(String, String, Origin)> {
        let mut overrides = Vec::new();
        let mut add = |key: &str, value: String| {
            let origin = Origin::Flag("--postgrest-config".to_owned());
            overrides.push((key.to_owned(), value, origin));
        };
        let address = self.text_or_file("db-uri").unwrap_or_else(|| "postgresql://".to_owned());
        match super::address::filled(&address, self.env) {
            Ok(url) => add("database.url", url),
            Err(wrong) => self.misread("db-uri", &wrong),
        }
        add("server.listen", format!("{}:{}", self.host("server-host"), self.port("server-port", 3000)));
        // Nobody was told of another address: health and metrics are then for this machine alone.
        let admin = match self.port("admin-server-port", 0) {
            0 => "127.0.0.1:0".to_owned(),
            port => format!("{}:{port}", self.host("admin-server-host")),
        };
        add("server.admin_listen", admin);
        add("server.admin_remote", "true".to_owned());
        add("rest.rows_max", self.number::<u32>("db-max-rows").map_or("none".to_owned(), |n| n.to_string()));
        add("rest.aggregates", self.truth("db-aggregates-enabled", false).to_string());
        add("rest.plan", self.truth("db-plan-enabled", false).to_string());
        add("server.server_timing", self.truth("server-timing-enabled", false).to_string());
        add("auth.anonymous_role", self.text("db-anon-role").unwrap_or_else(|| "none".to_owned()));
        add("auth.role_claim", self.text("jwt-role-claim-key").unwrap_or_else(|| ".role".to_owned()));
        if let Some(audience) = self.text("jwt-aud") {
            add("auth.audience", audience);
        }
        if let Some(pool) = self.number::<u32>("db-pool") {
            add("database.transaction_connections", pool.max(1).to_string());
        }
        let origins = self.names("server-cors-allowed-origins").unwrap_or_else(|| vec!["*".to_owned()]);
        add("server.cors.origins", format!("{origins:?}"));
        add("server.cors.preflight_max_age", "1d".to_owned());
        if let Some(tokens) = self.number::<u32>("jwt-cache-max-entries") {
            add("auth.token_cache_max", tokens.min(10_000_000).to_string());
        }
        add("log.level", self.log_level());
        overrides
    }

    fn log_level(&mut self) -> String {
        match self.text("log-level").as_deref() {
            None | Some("error" | "crit") => "error".to_owned(),
            Some(level @ ("warn" | "info" | "debug")) => level.to_owned(),
            Some(_) => {
                self.refused("log-level", "crit, error, warn, info or debug");
                "error".to_owned()
            }
        }
    }

    fn port(&mut self, key: &str, default: u16) -> u16 {
        self.number(key).unwrap_or(default)
    }

    /// `!4`, `*` and the like are any address.
    fn host(&self, key: &str) -> String {
        match self.text(key).as_deref() {
            None | Some("!4" | "*" | "*4") => "0.0.0.0".to_owned(),
            Some("!6" | "*6") => "[::]".to_owned(),
            Some("localhost") => "127.0.0.1".to_owned(),
            Some(address) if address.contains(':') && !address.starts_with('[') => format!("[{address}]"),
            Some(address) => address.to_owned(),
        }
    }
}

fn hoisted_by_default() -> Vec<String> {
    ["statement_timeout", "plan_filter.statement_cost_limit", "default_transaction_isolation"]
        .map(str::to_owned)
        .to_vec()
}

fn fault(origin: &Origin, message: String, remedy: String) -> Fault {
    let (file, line) = match origin {
        Origin::File { file, line } => (file.clone(), *line),
        other => (other.to_string(), 0),
    };
    Fault { file, line, column: u32::from(line > 0), message, remedy }
}
