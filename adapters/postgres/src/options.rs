//! What a deployment chooses about the database.

use std::{path::PathBuf, time::Duration};

/// How a PostgreSQL database is reached and what it may cost.
#[derive(Clone, Debug)]
pub struct Options {
    /// `postgresql://user:password@host:port/database?…`: several hosts, Unix sockets, `sslmode` and
    /// `target_session_attrs` as libpq has them.
    pub url: String,
    /// Certificate authorities that the server's certificate may be signed by, PEM; the system's own when `None`.
    pub ca_file: Option<PathBuf>,
    /// The schemas whose tables are served; names are looked up in this order.
    pub schemas: Vec<String>,
    /// Whether the engine's own roles and policies decide who may do what, so that it judges values and types too.
    pub native: bool,
    /// The settings of a function that hold for all of its transaction, where the engine decides.
    pub hoisted: Vec<String>,
    /// Schemas that names of types and operators are searched in after those.
    pub search_path: Vec<String>,
    /// Connections that requests of one statement share.
    pub shared_connections: usize,
    /// Connections that writes of one statement share: as many commits wait for the disk together.
    pub write_connections: usize,
    /// Connections that a dear read has to itself.
    pub read_connections: usize,
    /// Connections that a transaction has to itself.
    pub transaction_connections: usize,
    /// Most statements prepared on one connection.
    pub statement_count_max: usize,
    /// Whether statements are prepared and kept; else each is sent whole.
    pub prepares: bool,
    /// Whether a pooler stands between that gives each transaction a session of its choice: then nothing is kept in a
    /// session, and no statement either.
    pub pooled: bool,
    /// How old a connection for transactions may get.
    pub connection_age_max: Option<Duration>,
    /// How long a connection for transactions may have nothing to do.
    pub connection_idle_max: Option<Duration>,
    /// How long to wait for a connection.
    pub connection_wait_max: Duration,
    /// How long a statement may run on a connection that others share.
    pub statement_timeout_max: Duration,
    /// Largest result of one statement.
    pub reply_bytes_max: usize,
    /// Most changes kept.
    pub change_count_max: u64,
    /// How long changes are kept.
    pub change_age_max: Duration,
    /// How long the reply of an idempotency key is kept.
    pub idempotency_age_max: Duration,
}

impl Options {
    /// The defaults, for the database at this address.
    pub fn url(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            ca_file: None,
            schemas: vec!["public".to_owned()],
            native: false,
            hoisted: Vec::new(),
            search_path: Vec::new(),
            shared_connections: 2,
            write_connections: 16,
            read_connections: 4,
            transaction_connections: 8,
            statement_count_max: 1_000,
            prepares: true,
            pooled: false,
            connection_age_max: None,
            connection_idle_max: None,
            connection_wait_max: Duration::from_secs(10),
            statement_timeout_max: Duration::from_secs(30),
            reply_bytes_max: 64 * 1024 * 1024,
            change_count_max: 1_000_000,
            change_age_max: Duration::from_secs(7 * 86_400),
            idempotency_age_max: Duration::from_secs(86_400),
        }
    }
}
