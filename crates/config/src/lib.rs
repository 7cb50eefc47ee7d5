//! `transom.toml`: one typed struct per concern, every fault reported at once with its place and remedy.
//!
//! The crate reads no file and no environment: text and a lookup function come in as arguments. The same table of
//! keys that reads the file also makes the reference page, the JSON Schema and `transom config show`.

pub mod check;
pub mod fault;
pub mod interpolate;
pub mod kinds;
pub mod origin;
pub mod postgrest;
pub mod raw;
pub mod reference;
pub mod schema;
pub mod secret;
#[macro_use]
pub mod section;
pub mod sections;
pub mod show;
pub mod source;
pub mod units;

pub use fault::Fault;
pub use origin::Origin;
pub use postgrest::{InDatabase, OpenApiMode, Postgrest};
pub use reference::reference_markdown;
pub use schema::json_schema;
pub use secret::Secret;
pub use sections::{
    Auth, Changes, Cors, DEVELOPMENT_SECRET, Database, DatabaseUrl, Level, Limits, Log, LogFormat, Mode,
    Rest, Seed, Server, Synchronous,
};
pub use show::{Entry, effective};
pub use units::ByteSize;

use section::Section;
use source::Source;

/// Everything that can be configured, complete and checked.
#[derive(Clone, Debug)]
pub struct Config {
    /// `[server]`
    pub server: Server,
    /// `[server.limits]`
    pub limits: Limits,
    /// `[server.cors]`
    pub cors: Cors,
    /// `[database]`
    pub database: Database,
    /// `[rest]`
    pub rest: Rest,
    /// `[auth]`
    pub auth: Auth,
    /// `[changes]`
    pub changes: Changes,
    /// `[log]`
    pub log: Log,
    /// `[seed]`
    pub seed: Seed,
    /// Where every value came from, by key.
    pub(crate) origins: std::collections::BTreeMap<&'static str, Origin>,
}

/// Every section, in the order of the reference page.
pub const SECTIONS: &[Section] = &[
    Server::SECTION,
    Limits::SECTION,
    Cors::SECTION,
    Database::SECTION,
    Rest::SECTION,
    Auth::SECTION,
    Changes::SECTION,
    Log::SECTION,
    Seed::SECTION,
];

/// Reads a configuration. What is given later wins: defaults, `text` (the contents of `file_name`), environment
/// variables (`server.listen` is `TRANSOM_SERVER_LISTEN`), then `overrides` (dotted key, value as text, where it is from).
/// Errors: every fault found.
pub fn load(
    file_name: &str,
    text: Option<&str>,
    env: &dyn Fn(&str) -> Option<String>,
    overrides: &[(String, String, Origin)],
) -> Result<Config, Vec<Fault>> {
    let mut source = Source::new(file_name, text, env);
    source.add_file();
    source.add_environment();
    source.add_overrides(overrides);
    source.settle_mode();
    let config = read(&mut source);
    match config {
        Some(config) => {
            check::check(&config, &mut source);
            source.finish().map(|origins| Config { origins, ..config })
        }
        None => Err(source.into_faults()),
    }
}

/// Every section is read before any is given up, so that all faults are found.
fn read(source: &mut Source) -> Option<Config> {
    let (server, limits, cors) = (Server::read(source), Limits::read(source), Cors::read(source));
    let (database, rest, auth) = (Database::read(source), Rest::read(source), Auth::read(source));
    let (changes, log, seed) = (Changes::read(source), Log::read(source), Seed::read(source));
    Some(Config {
        server: server?,
        limits: limits?,
        cors: cors?,
        database: database?,
        rest: rest?,
        auth: auth?,
        changes: changes?,
        log: log?,
        seed: seed?,
        origins: Default::default(),
    })
}

impl Config {
    /// Whether unsafe shortcuts are refused.
    pub fn production(&self) -> bool {
        self.server.mode == Mode::Production
    }

    /// Where a key's value came from; `None` for a key that does not exist.
    pub fn origin(&self, key: &str) -> Option<&Origin> {
        self.origins.get(key)
    }
}
