//! Where the database is, and the one type of its URL that hides a password.

use std::{fmt, time::Duration};

use serde_json::{Value as Json, json};

use crate::{
    ByteSize,
    kinds::{Misfit, Setting, choice, misfit, quoted, text_of},
    raw::Raw,
    secret::MASK,
};

choice! {
    /// What a commit waits for.
    Synchronous {
        /// The disk has it: an acknowledged write survives a loss of power.
        Full = "full",
        /// The operating system has it: a loss of power may lose the last acknowledged writes.
        Normal = "normal",
    }
}

/// Where the database is: `sqlite:PATH` or `postgresql://USER@HOST/NAME`. A password in it is never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct DatabaseUrl(Box<str>);

impl DatabaseUrl {
    /// The whole URL, password included: for the adapter, never for a message.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// The engine's part: `sqlite`, `postgresql`.
    pub fn scheme(&self) -> &str {
        self.0.split_once(':').map_or("", |(scheme, _)| scheme)
    }

    /// The path of a `sqlite:` URL, relative to the project's directory, `sqlite://x` and `sqlite:x` being the same; `None`
    /// where the database is a server.
    pub fn path(&self) -> Option<&str> {
        let rest = self.0.strip_prefix("sqlite:")?;
        Some(rest.strip_prefix("//").unwrap_or(rest))
    }
}

/// Schemes that this build has an adapter for.
const SCHEMES: [&str; 3] = ["sqlite", "postgresql", "postgres"];

impl fmt::Display for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some((start, rest)) = self.0.split_once("://") else { return f.write_str(&self.0) };
        let (place, parameters) = rest.split_once('?').map_or((rest, None), |(at, rest)| (at, Some(rest)));
        match place.rsplit_once('@') {
            Some((user, host)) => {
                let name = user.split_once(':').map_or(user, |(name, _)| name);
                write!(f, "{start}://{name}:{MASK}@{host}")?;
            }
            None => write!(f, "{start}://{place}")?,
        }
        let Some(parameters) = parameters else { return Ok(()) };
        for (at, parameter) in parameters.split('&').enumerate() {
            let shown = match parameter.split_once('=') {
                Some((name @ ("password" | "sslpassword"), _)) => format!("{name}={MASK}"),
                _ => parameter.to_owned(),
            };
            write!(f, "{}{shown}", if at == 0 { '?' } else { '&' })?;
        }
        Ok(())
    }
}

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Setting for DatabaseUrl {
    fn expected() -> String {
        "a database URL such as \"sqlite:data/app.db\" or \"postgresql://app@localhost/shop\"".to_owned()
    }

    fn read(raw: &Raw) -> Result<Self, Misfit> {
        let Some(text) = text_of(raw) else { return misfit(raw) };
        let url = Self(text.into());
        // The text itself stays out of the message: it may hold a password.
        let wrong = |what: String| Err(Misfit { at: raw.at, what, remedy: None });
        match url.scheme() {
            "" => wrong("without a scheme".to_owned()),
            scheme if !SCHEMES.contains(&scheme) => {
                wrong(format!("of the scheme `{scheme}:`, which this build has no adapter for"))
            }
            _ if url.path() == Some("") => wrong("without a path".to_owned()),
            _ => Ok(url),
        }
    }

    fn show(&self) -> String {
        quoted(&self.to_string())
    }

    fn schema() -> Json {
        json!({ "type": "string", "pattern": "^(sqlite:.+|postgres(ql)?://.*)" })
    }
}

section! {
    /// Where the data is and what it may cost.
    Database at "database" {
        /// Where the database is. A relative path starts at the project's directory; the file and its directory are created when
        /// missing. The default needs no other server.
        url: DatabaseUrl = "sqlite:data/app.db";
        /// The schemas of a PostgreSQL database whose tables are served; a name is looked up in this order.
        schemas: Vec<String> = ["public"];
        /// A PEM file with the certificate authorities that a database server's certificate may be signed by. None means the system's own.
        ca_file: Option<String> = none;
        /// Connections to a database server that requests of one quick statement share; each sends many at once. 0 is one per processor core.
        shared_connections: u32 = 0, within 0..=64;
        /// Connections to a database server that inserts and other writes of one statement share, opened as they are needed. So many
        /// commits wait for the server's disk together, which is what makes many small writes fast.
        write_connections: u32 = 16, within 1..=1_000;
        /// Connections to a database server for transactions, and as many for reads that turn out dear: each has one to itself while it runs.
        transaction_connections: u32 = 8, within 1..=1_000;
        /// Whether a pooler that gives each transaction another session, such as PgBouncer in transaction mode, stands before the
        /// database server. Nothing is then kept in a session: settings are sent with each transaction, statements are not prepared,
        /// connections not shared, and messages of `NOTIFY` not heard. Where such a pooler is found and this is not set, Transom does not start.
        pooled: bool = false;
        /// How many threads run reads that turn out dear; cheap ones run where the request is. 0 is one per processor core, but at least 2.
        reader_threads: u32 = 0, within 0..=256;
        /// Most writes that wait for the one writer. Beyond it a write is refused with 503 at once rather than after a long wait.
        write_queue_max: u32 = 10_000, within 1..=1_000_000;
        /// Most writes that share one commit, and so one wait for the disk. More adds delay for the first of them, not throughput.
        group_units_max: u32 = 256, within 1..=100_000;
        /// How long a statement may run before it is interrupted. Shorter than `server.limits.request_timeout`, so that the caller learns of it.
        statement_timeout: Duration = "10s", within 10..=3_600_000;
        /// Page cache of each connection. Small, because the operating system caches the same pages for all of them.
        cache_size: ByteSize = "8MiB", within 65_536..=17_179_869_184;
        /// What a commit waits for: `full` survives a loss of power; `normal` is faster alone, but group commit makes the difference
        /// small under load. Production refuses `normal`.
        synchronous: Synchronous = "full";
        /// Largest reply of one request; beyond it the answer is a clear error. Its first MiB is held in memory, the rest in a file in
        /// the temporary folder (`TMPDIR`) until it is sent.
        reply_bytes_max: ByteSize = "64MiB", within 1024..=4_294_967_296;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_never_shown() {
        let url = DatabaseUrl("engine://shop:pa:ss@w0rd@host/db".into());
        assert_eq!(url.to_string(), "engine://shop:••••@host/db");
        assert_eq!(format!("{url:?}"), "engine://shop:••••@host/db");
        let url = DatabaseUrl("engine:///db?host=/run&password=a@b&sslmode=require".into());
        assert_eq!(url.to_string(), "engine:///db?host=/run&password=••••&sslmode=require");
    }

    #[test]
    fn both_spellings_name_the_same_path() {
        assert_eq!(DatabaseUrl("sqlite:data/app.db".into()).path(), Some("data/app.db"));
        assert_eq!(DatabaseUrl("sqlite:///var/app.db".into()).path(), Some("/var/app.db"));
        assert_eq!(DatabaseUrl("postgresql://app@host/shop".into()).path(), None);
    }
}
