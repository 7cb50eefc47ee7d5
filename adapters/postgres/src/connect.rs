//! Opens connections, each with the statements that were prepared on it.

use std::{
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use futures_util::future::{Either, select, try_join, try_join_all};
use tokio_postgres::{Client, Error, Socket, Statement, types::Kind};
use transom_ports::{DbError, Fault};
use transom_sql::Prepared;

use crate::{
    address::Address,
    by_statement::ByStatement,
    errors::{During, db_error},
    options::Options,
    session, settings,
    tls::{Beside, Stream as TlsStream, Tls},
    tour::{Refusal, Stop, Tour},
};

/// What the client and the server say to each other; whoever opens it drives it.
pub(crate) type Driven = tokio_postgres::Connection<Socket, TlsStream<Socket>>;

/// Opens connections to one database.
pub(crate) struct Connector {
    address: Address,
    tls: Tls,
    statement_count_max: usize,
    prepares: bool,
    /// Whether a session is another one in each transaction.
    pub(crate) pooled: bool,
    /// Whether units run in sessions: what each of them needs is prepared with the connection.
    sessions: bool,
    /// How old a connection may get, and how long it may have nothing to do.
    pub(crate) lifetimes: (Option<Duration>, Option<Duration>),
    closed: AtomicBool,
}

/// What a connection is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// Reads alone: the engine refuses a write, whatever a statement hides in it.
    Read,
    /// Anything.
    Write,
}

/// A connection and what was prepared on it.
pub(crate) struct Connection {
    pub(crate) client: Client,
    /// Whether statements are kept here, or each is sent whole.
    pub(crate) prepares: bool,
    /// Whether the statements sent whole are those of sessions, which wait for no answer before them.
    pub(crate) sessions: bool,
    /// What a transaction sets for itself where the session is another one each time: behind its `BEGIN`.
    pub(crate) local: String,
    statements: ByStatement<Statement>,
    /// What every session begins and ends with, where statements are kept.
    pub(crate) around: Option<Around>,
}

/// What every session begins and ends with.
pub(crate) struct Around {
    /// Each sets as many settings as [`settings::WIDTHS`] says at its place.
    pub(crate) settings: Vec<Statement>,
    /// What the transaction asks of the reply.
    pub(crate) asked: Statement,
}

/// Behind a `BEGIN`: the server may be told to end sessions that are idle in a transaction sooner than ours goes on.
pub(crate) const UNHURRIED: &str = "; SET LOCAL idle_in_transaction_session_timeout = '60s'";

impl Connector {
    /// Reads the address. Errors: [`Fault::Unavailable`] for an address that is none; the password is never in the message.
    pub(crate) fn new(options: &Options) -> Result<Self, DbError> {
        let wrong =
            |error: String| DbError::new(Fault::Unavailable, format!("the database's address: {error}"));
        let address = Address::read(&options.url).map_err(wrong)?;
        let home = std::env::home_dir().filter(|_| options.native);
        let beside =
            Beside { ca_file: options.ca_file.as_deref(), native: options.native, home: home.as_deref() };
        Ok(Self {
            tls: Tls::new(&address.ssl, beside).map_err(wrong)?,
            address,
            statement_count_max: options.statement_count_max,
            prepares: options.prepares && !options.pooled,
            pooled: options.pooled,
            sessions: options.native,
            lifetimes: (options.connection_age_max, options.connection_idle_max),
            closed: AtomicBool::new(false),
        })
    }

    /// From now on no connection is opened.
    pub(crate) fn close(&self) {
        self.closed.store(true, Ordering::Release);
    }

    /// For cancelling what runs.
    pub(crate) fn tls(&self) -> Tls {
        self.tls.clone()
    }

    /// Whether no connection is opened any more.
    pub(crate) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Acquire)
    }

    /// A bare connection, for bookkeeping.
    pub(crate) async fn client(&self) -> Result<Client, DbError> {
        let (client, connection) = self.raw().await?;
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "a database connection ended");
            }
        });
        Ok(client)
    }

    /// A connection that the caller drives.
    pub(crate) async fn raw(&self) -> Result<(Client, Driven), DbError> {
        let unreachable = |text| DbError::new(Fault::Unavailable, text);
        if self.closed.load(Ordering::Acquire) {
            return Err(unreachable("the database is closed".to_owned()));
        }
        let mut tour = Tour::new(&self.address, &self.tls);
        while let Some(stop) = tour.next().await {
            // A server that takes the connection and then says nothing must not keep us from the next one.
            match tokio::time::timeout(self.address.connect_timeout, self.enter(&stop)).await {
                Ok(Ok(connected)) => return Ok(connected),
                Ok(Err(refusal)) => tour.refused(refusal),
                Err(_) => tour.refused(Refusal::silent()),
            }
        }
        Err(unreachable(tour.failed()))
    }

    async fn enter(&self, stop: &Stop) -> Result<(Client, Driven), Refusal> {
        let (client, mut connection) = stop.config.connect(self.tls.clone()).await?;
        match select(pin!(stop.wanted.is_met(&client)), &mut connection).await {
            Either::Left((met, _)) => met?.then_some(()).ok_or_else(Refusal::other_kind)?,
            Either::Right(_) => return Err(Refusal::closed()),
        }
        Ok((client, connection))
    }

    /// Where to connect, and as whom.
    pub(crate) fn address(&self) -> &Address {
        &self.address
    }

    /// Whether statements are prepared and kept.
    pub(crate) fn prepares(&self) -> bool {
        self.prepares
    }

    /// Most statements prepared on one connection.
    pub(crate) fn statement_count_max(&self) -> usize {
        self.statement_count_max
    }

    /// What every connection for statements sets, `SESSION` or, behind a `BEGIN`, `LOCAL`: each statement behind a semicolon.
    pub(crate) fn settings(purpose: Purpose, timeout: Duration, scope: &str) -> String {
        let read_only = if purpose == Purpose::Read { "on" } else { "off" };
        let (timeout, idle) = (timeout.as_millis().to_string(), (2 * timeout.as_millis()).to_string());
        let settings = [
            ("statement_timeout", timeout.as_str()),
            ("default_transaction_read_only", read_only),
            ("timezone", "'UTC'"),
            ("idle_in_transaction_session_timeout", &idle),
            ("standard_conforming_strings", "on"),
        ];
        settings.map(|(name, value)| format!("; SET {scope} {name} = {value}")).concat()
    }

    /// A connection for statements; none runs longer than `timeout`.
    pub(crate) async fn open(&self, purpose: Purpose, timeout: Duration) -> Result<Connection, DbError> {
        let client = self.client().await?;
        let local = match self.pooled {
            true => Self::settings(purpose, timeout, "LOCAL"),
            false => {
                let settings = Self::settings(purpose, timeout, "SESSION");
                client.batch_execute(&settings).await.map_err(|error| db_error(&error, During::Read))?;
                String::new()
            }
        };
        let around = match self.sessions && self.prepares && purpose == Purpose::Write {
            true => Some(self.around(&client).await.map_err(|error| db_error(&error, During::Read))?),
            false => None,
        };
        let statements = ByStatement::new(self.statement_count_max);
        let (prepares, sessions) = (self.prepares, self.sessions);
        Ok(Connection { client, prepares, sessions, local, statements, around })
    }

    async fn around(&self, client: &Client) -> Result<Around, Error> {
        let texts = settings::WIDTHS.map(settings::statement);
        let settings = try_join_all(texts.iter().map(|text| client.prepare(text)));
        let (settings, asked) = try_join(settings, client.prepare(session::ASKED)).await?;
        Ok(Around { settings, asked })
    }
}

impl Connection {
    /// The statement, prepared on this connection: at its first use, then from the cache.
    pub(crate) async fn prepared(&self, prepared: &Arc<Prepared>) -> Result<Statement, Error> {
        if let Some(statement) = self.statements.get(prepared) {
            return Ok(statement);
        }
        let statement = self.client.prepare(&prepared.text).await?;
        self.statements.insert(prepared, statement.clone());
        Ok(statement)
    }

    /// Whether it can be sent without an answer before it: it is prepared already, or never is.
    pub(crate) fn knows(&self, prepared: &Arc<Prepared>) -> bool {
        !self.prepares || self.statements.get(prepared).is_some()
    }

    /// Which parameters of a statement that is prepared here are arrays.
    pub(crate) fn arrays(&self, prepared: &Arc<Prepared>) -> Arc<[bool]> {
        let statement = self.statements.get(prepared);
        let types = statement.iter().flat_map(|statement| statement.params());
        types.map(|data_type| matches!(data_type.kind(), Kind::Array(_))).collect()
    }

    /// Forgets every prepared statement: the schema has changed under them.
    pub(crate) fn forget(&self) {
        self.statements.clear();
    }

    /// How many statements are prepared.
    pub(crate) fn statements(&self) -> usize {
        self.statements.len()
    }
}
