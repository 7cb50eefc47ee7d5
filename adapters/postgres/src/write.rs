//! Runs units. One statement that decides everything by itself needs no transaction around it and shares a connection
//! with others; anything else has a transaction on a connection of its own, sent ahead as far as no step waits for another.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use futures_util::future::{OptionFuture, join};
use transom_ports::{Committed, DbError, Fault, Outcome, Visible};
use transom_query::plan::{Expect, Step as PlanStep};
use transom_sql::{Prepared, Step, Unit};
use transom_types::Session;

use crate::{
    books::Books,
    connect::{Connection, Connector},
    errors::{During, collided, db_error, of_statement, outdated, reported},
    idempotency, params,
    pipeline::Pipelines,
    pool::{self, Held, Lease, Pool},
    read::ATTEMPTS_MAX,
    rows,
    session::{self, InSession},
    settings,
    shared::Shared,
    visible,
};

/// After its deadline a statement on a shared connection is ended by the server; only a server that does not answer
/// keeps us longer.
const GRACE: Duration = Duration::from_secs(1);

/// The end of a unit whose session has its own limit. A request ends before: then what runs is stopped.
const OWN_MAX: Duration = Duration::from_secs(3_600);

/// How long a question for a role's privileges waits for a connection.
const VISIBLE_WAIT: Duration = Duration::from_secs(10);

/// Pause before a unit that collided with another is run again; doubled each time.
const COLLISION_PAUSE: Duration = Duration::from_millis(2);

/// Runs units.
pub(crate) struct Writes {
    connector: Arc<Connector>,
    shared: Shared,
    pool: Arc<Pool>,
    books: Arc<Books>,
    /// Where quick reads in sessions run.
    pipelines: Pipelines,
    bytes_max: usize,
}

/// Why a unit did not happen.
pub(crate) struct Failure {
    pub(crate) error: DbError,
    /// Whether it may well succeed when it is run again; nothing of it has stayed.
    pub(crate) again: bool,
}

impl Writes {
    pub(crate) fn new(
        connector: Arc<Connector>,
        (shared, pool, pipelines): (Shared, Arc<Pool>, Pipelines),
        books: Arc<Books>,
        bytes_max: usize,
    ) -> Self {
        Self { connector, shared, pool, books, pipelines, bytes_max }
    }

    /// Runs every step or none; again where another unit stood in the way, until the deadline.
    pub(crate) async fn write(&self, unit: &Unit) -> Result<Committed, DbError> {
        let deadline = Instant::now() + unit.timeout;
        if let Some(plain) = self.pipelines.takes(unit)
            && let Some(ended) = self.pipelines.run(plain, deadline).await
        {
            return ended.map_err(|failure| failure.error);
        }
        // Where the session has a limit of its own, or says that it has none, the engine holds it, statement by statement.
        let own = unit.session.as_deref().and_then(session::own_timeout);
        let deadline = if own.is_some() { Instant::now() + OWN_MAX } else { deadline };
        let mut pause = COLLISION_PAUSE;
        // What only reads is lost with its connection without a trace.
        let reads = unit.session.as_ref().is_some_and(|session| session.read_only);
        let mut attempt = 0;
        loop {
            let failure = match self.stands_alone(unit) {
                Some(step) => self.single(step, deadline).await,
                // Opening a connection is a large state to keep: room for it is made only where it may be needed.
                None => Box::pin(self.transaction(unit, deadline)).await,
            };
            let failure = match failure {
                Ok(committed) => {
                    self.books.committed();
                    return Ok(committed);
                }
                Err(failure) => failure,
            };
            attempt += 1;
            let lost = reads && failure.error.fault == Fault::Unavailable && attempt < ATTEMPTS_MAX;
            if !(failure.again || lost) || Instant::now() + pause >= deadline {
                return Err(failure.error);
            }
            tokio::time::sleep(pause).await;
            pause *= 2;
        }
    }

    /// The step of a unit whose one statement decides by itself whether it happens.
    fn stands_alone<'u>(&self, unit: &'u Unit) -> Option<&'u Step> {
        let [step] = unit.steps.as_slice() else { return None };
        let prepared = &step.statement.prepared;
        let insert = matches!(prepared.plan.plan().steps.get(prepared.step), Some(PlanStep::Insert(_)));
        let simple = unit.idempotency.is_none()
            && unit.session.is_none()
            && !unit.rollback
            && step.expect == Expect::Any
            && step.precondition.is_none()
            // What comes back of an insert is no larger than what was sent; of other statements it may be too large, and then
            // nothing must have happened.
            && (insert || !prepared.layout.body)
            && !self.books.tracks()
            && !self.connector.pooled;
        simple.then_some(step)
    }

    async fn single(&self, step: &Step, deadline: Instant) -> Result<Committed, Failure> {
        let prepared = &step.statement.prepared;
        let connection = self.shared.get().await.map_err(Failure::last)?;
        let run = async {
            let rows = rows::start(&connection, prepared, &step.statement.params, &[]).await?;
            rows::outcome(rows, prepared, usize::MAX, (b",", false)).await
        };
        let left = deadline.saturating_duration_since(Instant::now()) + GRACE;
        let ended = tokio::time::timeout(left, run).await;
        if params::bloat(&step.statement) {
            self.shared.give_up(&connection);
        }
        match ended {
            Ok(Ok(outcome)) => Ok(committed(vec![outcome.map_err(Failure::last)?])),
            Ok(Err(error)) => {
                if outdated(&error) {
                    connection.forget();
                }
                Err(Failure::of_statement(&error, During::Write, prepared))
            }
            Err(_) => Err(Failure::last(DbError::new(Fault::Unknown, "the server did not answer in time"))),
        }
    }

    /// What a session's role may use of a schema.
    pub(crate) async fn visible(&self, schema: &str, session: &Session) -> Result<Visible, DbError> {
        let lease = Lease::new(self.pool.get(VISIBLE_WAIT).await?, self.connector.tls());
        let visible = visible::visible(lease.connection()?, schema, session).await;
        match visible {
            Ok(_) => drop(lease.ended()),
            Err(_) => pool::undo(lease).await,
        }
        visible
    }

    async fn transaction(&self, unit: &Unit, deadline: Instant) -> Result<Committed, Failure> {
        let left = || deadline.saturating_duration_since(Instant::now());
        let held = self.pool.get(left()).await.map_err(Failure::last)?;
        let lease = Lease::new(held, self.connector.tls());
        let committing = AtomicBool::new(false);
        let connection = lease.connection().map_err(Failure::last)?;
        let run = async {
            match session::deciding(unit) {
                Some(session) => self.in_session(connection, unit, session, &committing).await,
                None => self.run(connection, unit, &committing).await,
            }
        };
        match tokio::time::timeout(left(), run).await {
            Ok(Ok(committed)) => {
                let held = lease.ended();
                if unit.steps.iter().any(|step| params::bloat(&step.statement)) {
                    drop(held.map(Held::take));
                }
                Ok(committed)
            }
            Ok(Err(failure)) => {
                pool::undo(lease).await;
                Err(failure)
            }
            Err(_) => {
                drop(lease);
                let fault = if committing.into_inner() { Fault::Unknown } else { Fault::Deadline };
                Err(Failure::last(DbError::new(fault, "the deadline has passed")))
            }
        }
    }

    async fn in_session(
        &self,
        connection: &Connection,
        unit: &Unit,
        session: &Session,
        committing: &AtomicBool,
    ) -> Result<Committed, Failure> {
        let plain = self.pipelines.takes(unit).map(|(_, step)| &step.statement.prepared);
        // The first time a statement is also prepared, which says nothing of its own cost.
        let timed = plain.filter(|prepared| connection.knows(prepared)).map(|plain| (plain, Instant::now()));
        let bytes_max = self.bytes_max;
        let committed = InSession { connection, unit, session, bytes_max, committing }.run().await?;
        if let Some((prepared, began)) = timed {
            self.pipelines.remember(prepared, began.elapsed(), || connection.arrays(prepared));
        }
        Ok(committed)
    }

    async fn run(
        &self,
        connection: &Connection,
        unit: &Unit,
        committing: &AtomicBool,
    ) -> Result<Committed, Failure> {
        for (at, step) in (0u16..).zip(&unit.steps).filter(|_| connection.prepares) {
            let prepared = connection.prepared(&step.statement.prepared).await;
            prepared.map_err(|error| Failure::of(&error, During::Read, at))?;
        }
        let (begin, told) =
            (self.beginning(unit, connection), unit.session.as_deref().map(settings::at_once));
        let begin = async {
            let client = &connection.client;
            // A message of its own: should it be refused as a whole, a transaction that has failed is open, and what stands
            // behind does not run by itself.
            let told: OptionFuture<_> = told.as_ref().map(|told| client.batch_execute(told)).into();
            let (begun, told) = join(client.batch_execute(&begin), told).await;
            begun.and(told.unwrap_or(Ok(())))
        };
        if let Some(key) = &unit.idempotency {
            self.books.install().await.map_err(Failure::last)?;
            begin.await.map_err(|error| Failure::of(&error, During::Read, 0))?;
            let age_max = self.books.idempotency_age_max();
            if let Some(outcomes) = idempotency::earlier(&connection.client, key, age_max).await? {
                connection.client.batch_execute("ROLLBACK").await.ok();
                return Ok(Committed { replayed: true, ..committed(outcomes) });
            }
            return self.steps(connection, unit, async { Ok(()) }, committing).await;
        }
        self.steps(connection, unit, begin, committing).await
    }

    /// The statements that begin a unit's transaction; every encoding has the letters of this text.
    fn beginning(&self, unit: &Unit, connection: &Connection) -> String {
        // What a condition has looked at must be what the write finds: else the engine refuses, and all is done again.
        let looks = unit.steps.iter().any(|step| step.precondition.is_some());
        let mut begin = String::from(if looks { "BEGIN ISOLATION LEVEL REPEATABLE READ" } else { "BEGIN" });
        let level = unit.session.as_ref().and_then(|session| session.isolation.as_deref());
        if let Some(level) = level.filter(|_| !looks) {
            begin.push_str(" ISOLATION LEVEL ");
            begin.push_str(level);
        }
        if unit.session.as_ref().is_some_and(|session| session.read_only) {
            begin.push_str(" READ ONLY");
        }
        if self.books.tracks() {
            begin.push_str("; SET LOCAL transom.cause = '");
            begin.push_str(&unit.cause.0.replace('\'', "''"));
            begin.push('\'');
        }
        begin.push_str(&connection.local);
        begin
    }

    async fn steps(
        &self,
        connection: &Connection,
        unit: &Unit,
        begin: impl Future<Output = Result<(), tokio_postgres::Error>>,
        committing: &AtomicBool,
    ) -> Result<Committed, Failure> {
        let mut begin = Some(begin);
        let mut outcomes: Vec<Outcome> = Vec::with_capacity(unit.steps.len());
        let last = unit.steps.len().saturating_sub(1);
        let mut ended = false;
        for (at, step) in unit.steps.iter().enumerate() {
            let place = at as u16;
            // With the commit on its way behind it, a lost answer says nothing of what was applied.
            let ends = at == last && connection.prepares && ends_with(unit, step);
            let during = if ends { During::Write } else { During::Read };
            let run = self.step(connection, (unit, step), &outcomes, during);
            let run = async {
                match begin.take() {
                    // Both are on their way before either is answered.
                    Some(begin) => {
                        let (begun, outcome) = join(begin, run).await;
                        begun.map_err(|error| Failure::of(&error, during, place))?;
                        outcome
                    }
                    None => run.await,
                }
            };
            let outcome = match ends {
                true => {
                    committing.store(true, Ordering::Release);
                    ended = true;
                    let (outcome, end) = join(run, connection.client.batch_execute("COMMIT")).await;
                    let outcome = outcome.map_err(|failure| failure.at(place))?;
                    end.map_err(|error| Failure::of(&error, During::Write, place))?;
                    outcome
                }
                false => run.await.map_err(|failure| failure.at(place))?,
            };
            if !ended {
                outcome.meets(step).map_err(|error| Failure::last(DbError { step: Some(place), ..error }))?;
            }
            outcomes.push(outcome);
        }
        let mut committed = committed(outcomes);
        if !ended {
            if unit.steps.iter().any(|step| step.statement.prepared.calls) {
                let asked = session::asked(connection).await;
                committed.session = asked.map_err(|error| Failure::of(&error, During::Read, 0))?;
            }
            self.end(connection, unit, &committed.outcomes, committing).await?;
        }
        Ok(committed)
    }

    async fn end(
        &self,
        connection: &Connection,
        unit: &Unit,
        outcomes: &[Outcome],
        committing: &AtomicBool,
    ) -> Result<(), Failure> {
        if let Some(key) = &unit.idempotency {
            idempotency::remember(&connection.client, key, outcomes).await?;
        }
        // What only reads leaves nothing that could be unknown.
        let reads = unit.session.as_ref().is_some_and(|session| session.read_only);
        let during = if reads { During::Read } else { During::Write };
        committing.store(!reads, Ordering::Release);
        let end = if unit.rollback { "ROLLBACK" } else { "COMMIT" };
        connection.client.batch_execute(end).await.map_err(|error| Failure::of(&error, during, 0))
    }

    async fn step(
        &self,
        connection: &Connection,
        (unit, step): (&Unit, &Step),
        outcomes: &[Outcome],
        during: During,
    ) -> Result<Outcome, Failure> {
        let prepared = &step.statement.prepared;
        let run = async {
            let rows = rows::start(connection, prepared, &step.statement.params, outcomes).await?;
            let stores = session::only_reads(unit, step);
            let mut outcome = rows::outcome(rows, prepared, self.bytes_max, (b",", stores)).await?;
            if let (Ok(outcome), Some(_)) = (&mut outcome, &prepared.estimate) {
                outcome.total = rows::estimated(connection, &step.statement, outcome.total).await?;
            }
            Ok(outcome)
        };
        match run.await {
            Ok(outcome) => outcome.map_err(Failure::last),
            Err(error) => {
                if outdated(&error) {
                    connection.forget();
                }
                let failure = Failure::of_statement(&error, during, prepared);
                Err(match prepared.calls {
                    true => failure.in_words(&error),
                    false => failure,
                })
            }
        }
    }

    /// The connections that sessions share.
    pub(crate) fn pipelines(&self) -> &Pipelines {
        &self.pipelines
    }

    /// The connections that single statements share.
    pub(crate) fn connections(&self) -> &Shared {
        &self.shared
    }
}

/// Whether the end of the transaction may be sent behind a unit's last step, before that is answered.
fn ends_with(unit: &Unit, step: &Step) -> bool {
    unit.idempotency.is_none()
        && !unit.rollback
        && step.expect == Expect::Any
        && step.precondition.is_none()
        && !step.statement.prepared.layout.body
}

fn committed(outcomes: Vec<Outcome>) -> Committed {
    Committed { outcomes, replayed: false, session: Default::default() }
}

impl From<idempotency::Failed> for Failure {
    fn from(failed: idempotency::Failed) -> Self {
        match failed {
            idempotency::Failed::Engine(error) => Self::of(&error, During::Read, 0),
            // The key was given up between two looks: it is free now.
            idempotency::Failed::Refused(error) => Self { again: error.fault == Fault::Collided, error },
        }
    }
}

impl Failure {
    pub(crate) fn last(error: DbError) -> Self {
        Self { error, again: false }
    }

    pub(crate) fn of(error: &tokio_postgres::Error, during: During, step: u16) -> Self {
        let again = collided(error) || outdated(error);
        Self { error: DbError { step: Some(step), ..db_error(error, during) }, again }
    }

    fn of_statement(error: &tokio_postgres::Error, during: During, prepared: &Prepared) -> Self {
        Self { error: of_statement(error, during, prepared), ..Self::of(error, during, 0) }.at(0)
    }

    /// The same in the engine's own words.
    pub(crate) fn in_words(self, error: &tokio_postgres::Error) -> Self {
        Self { error: DbError { reported: reported(error), ..self.error }, ..self }
    }

    pub(crate) fn at(self, step: u16) -> Self {
        Self { error: DbError { step: Some(step), ..self.error }, ..self }
    }
}
