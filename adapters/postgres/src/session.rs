//! Units that run as a role of the engine's own. The transaction, its settings, the statements and its end are on their
//! way before the first answer, as far as no answer decides about the next: one round trip.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use futures_util::future::{OptionFuture, join, join3, join4, try_join_all};
use tokio_postgres::{Error, SimpleQueryMessage};
use transom_ports::{Committed, DbError, Outcome};
use transom_query::plan::Expect;
use transom_sql::{Step, Unit};
use transom_types::{Session, SessionReply};

use crate::{
    connect::Connection,
    errors::{During, outdated},
    rows, settings,
    write::Failure,
};

/// What a transaction's statements asked of the reply; asked for last.
pub(crate) const ASKED: &str =
    "SELECT current_setting('response.headers', true), current_setting('response.status', true)";

/// How the engine joins the elements of an array of rows.
pub(crate) const BETWEEN_ROWS: &[u8] = b", \n ";

/// One unit's way through its transaction.
pub(crate) struct InSession<'a> {
    pub(crate) connection: &'a Connection,
    pub(crate) unit: &'a Unit,
    pub(crate) session: &'a Session,
    pub(crate) bytes_max: usize,
    pub(crate) committing: &'a AtomicBool,
}

impl InSession<'_> {
    pub(crate) async fn run(&self) -> Result<Committed, Failure> {
        // Statements are prepared as the role, for only it may know the schema: the first time nothing can be sent ahead.
        let known = |step: &Step| self.connection.knows(&step.statement.prepared);
        match self.unit.steps.as_slice() {
            [only] if known(only) && decides_nothing(self.session, only) => self.at_once(only).await,
            steps => self.in_turn(steps).await,
        }
    }

    /// Everything is sent before anything is answered.
    async fn at_once(&self, step: &Step) -> Result<Committed, Failure> {
        let client = &self.connection.client;
        let during = self.ends();
        let opening = self.opening();
        let (ending, asked) = (self.ending(), self.asked());
        let opened = async {
            let before = self.session.before.as_ref().map(|function| format!("SELECT {function}()"));
            let before: OptionFuture<_> = before.as_ref().map(|call| client.batch_execute(call)).into();
            let (begun, set, before) = join3(client.batch_execute(&opening), self.set(), before).await;
            begun.and(set).and(before.unwrap_or(Ok(())))
        };
        let (opened, outcome, asked, ended) =
            join4(opened, self.step(step, &[]), asked, client.batch_execute(ending)).await;
        opened.map_err(|error| self.failed(&error, during, 0))?;
        let outcome = outcome?;
        let reply = asked.map_err(|error| self.failed(&error, during, 0))?;
        ended.map_err(|error| self.failed(&error, during, 0))?;
        outcome.meets(step).map_err(|error| Failure::last(DbError { step: Some(0), ..error }))?;
        Ok(Committed { outcomes: vec![outcome], replayed: false, session: reply })
    }

    /// Each step is answered before the next is sent.
    async fn in_turn(&self, steps: &[Step]) -> Result<Committed, Failure> {
        let client = &self.connection.client;
        let read = |error: Error, at| self.failed(&error, During::Read, at);
        let opening = self.opening();
        let (begun, set) = join(client.batch_execute(&opening), self.set()).await;
        begun.and(set).map_err(|error| read(error, 0))?;
        if let Some(function) = &self.session.before {
            let call = format!("SELECT {function}()");
            client.batch_execute(&call).await.map_err(|error| read(error, 0))?;
        }
        let mut outcomes: Vec<Outcome> = Vec::with_capacity(steps.len());
        for (at, step) in (0u16..).zip(steps) {
            let outcome = self.step(step, &outcomes).await.map_err(|failure| failure.at(at))?;
            outcome.meets(step).map_err(|error| Failure::last(DbError { step: Some(at), ..error }))?;
            outcomes.push(outcome);
        }
        let during = self.ends();
        let (asked, ended) = join(self.asked(), client.batch_execute(self.ending())).await;
        let reply = asked.map_err(|error| read(error, 0))?;
        ended.map_err(|error| self.failed(&error, during, 0))?;
        Ok(Committed { outcomes, replayed: false, session: reply })
    }

    /// The end is about to be on its way: what is lost with it from here on.
    fn ends(&self) -> During {
        self.committing.store(!self.session.read_only, Ordering::Release);
        if self.session.read_only { During::Read } else { During::Write }
    }

    /// Role and settings. A message of its own after the beginning: should it be refused as a whole, a transaction that
    /// has failed is open.
    async fn set(&self) -> Result<(), Error> {
        let client = &self.connection.client;
        let Some(around) = &self.connection.around else {
            return client.batch_execute(&settings::at_once(self.session)).await;
        };
        let values: Vec<&str> = settings::of(self.session).flat_map(|(name, value)| [name, value]).collect();
        let set = settings::shares(values.len() / 2).map(|(at, share)| {
            let values = values[2 * share.start..2 * share.end].iter();
            client.execute_raw(&around.settings[at], values)
        });
        try_join_all(set).await.map(|_| ())
    }

    async fn asked(&self) -> Result<SessionReply, Error> {
        let client = &self.connection.client;
        let Some(around) = &self.connection.around else { return asked(self.connection).await };
        let row = client.query_one(&around.asked, &[]).await?;
        let cell = |at| {
            let text: Result<Option<&str>, Error> = row.try_get(at);
            text.map(|text| text.filter(|text| !text.is_empty()).map(Into::into))
        };
        Ok(SessionReply { headers: cell(0)?, status: cell(1)? })
    }

    async fn step(&self, step: &Step, outcomes: &[Outcome]) -> Result<Outcome, Failure> {
        let prepared = &step.statement.prepared;
        let run = async {
            let rows = rows::start(self.connection, prepared, &step.statement.params, outcomes).await?;
            let stores = only_reads(self.unit, step);
            let mut outcome = rows::outcome(rows, prepared, self.bytes_max, (BETWEEN_ROWS, stores)).await?;
            if let (Ok(outcome), Some(_)) = (&mut outcome, &prepared.estimate) {
                outcome.total = rows::estimated(self.connection, &step.statement, outcome.total).await?;
            }
            Ok(outcome)
        };
        match run.await {
            Ok(outcome) => outcome.map_err(Failure::last),
            Err(error) => {
                if outdated(&error) {
                    self.connection.forget();
                }
                Err(self.failed(&error, During::Read, 0))
            }
        }
    }

    fn opening(&self) -> String {
        let mode = if self.session.read_only { "READ ONLY" } else { "READ WRITE" };
        let local = &self.connection.local;
        match &self.session.isolation {
            Some(level) => format!("BEGIN ISOLATION LEVEL {level} {mode}{local}"),
            None => format!("BEGIN {mode}{local}"),
        }
    }

    fn ending(&self) -> &'static str {
        match self.unit.rollback || self.session.rollback {
            // What would have been refused at the commit is refused all the same.
            true => "SET CONSTRAINTS ALL IMMEDIATE; ROLLBACK",
            false => "COMMIT",
        }
    }

    fn failed(&self, error: &Error, during: During, step: u16) -> Failure {
        Failure::of(error, during, step).in_words(error)
    }
}

/// Whether a step's answer changes nothing about the transaction's end.
pub(crate) fn decides_nothing(session: &Session, step: &Step) -> bool {
    // A count that is asked for after the rows belongs into their transaction.
    step.statement.prepared.estimate.is_none()
        && (session.read_only || (step.expect == Expect::Any && step.precondition.is_none()))
}

/// How long a statement may run that the session itself says, as its role or its function was given it; `None` without an end.
pub(crate) fn own_timeout(session: &Session) -> Option<Option<Duration>> {
    let mut settings = session.settings.iter().rev();
    let (_, value) = settings.find(|(name, _)| &**name == "statement_timeout")?;
    // What cannot be read is the engine's to refuse.
    let timeout = duration(value).unwrap_or_default();
    Some(Some(timeout).filter(|timeout| !timeout.is_zero()))
}

/// A time as the engine writes it: `25s`, `1.5 min`; milliseconds without a unit.
fn duration(text: &str) -> Option<Duration> {
    let text = text.trim();
    let end = text.find(|letter: char| letter.is_ascii_alphabetic()).unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    let seconds = match unit {
        "us" => 1e-6,
        "" | "ms" => 1e-3,
        "s" => 1.0,
        "min" => 60.0,
        "h" => 3_600.0,
        "d" => 86_400.0,
        _ => return None,
    };
    Duration::try_from_secs_f64(number.trim().parse::<f64>().ok()? * seconds).ok()
}

/// Whether the step is all there is, and nobody looks into what it returns.
pub(crate) fn only_reads(unit: &Unit, step: &Step) -> bool {
    let alone = unit.steps.len() == 1 && unit.idempotency.is_none();
    alone && step.precondition.is_none() && rows::is_read(&step.statement.prepared)
}

/// The session of a unit that runs as a role of the engine's own.
pub(crate) fn deciding(unit: &Unit) -> Option<&Session> {
    unit.session.as_deref().filter(|session| session.role.is_some())
}

/// What the transaction asks of the reply, where nothing is kept to ask with.
pub(crate) async fn asked(connection: &Connection) -> Result<SessionReply, Error> {
    connection.client.simple_query(ASKED).await.map(|reply| asked_of(&reply))
}

fn asked_of(messages: &[SimpleQueryMessage]) -> SessionReply {
    let row = messages.iter().find_map(|message| match message {
        SimpleQueryMessage::Row(row) => Some(row),
        _ => None,
    });
    let cell = |at| row.and_then(|row| row.get(at)).filter(|text| !text.is_empty()).map(Into::into);
    SessionReply { headers: cell(0), status: cell(1) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_read_as_the_engine_writes_it() {
        let read = |text: &str| duration(text).map(|duration| duration.as_millis());
        for (text, expected) in
            [("25s", 25_000), ("250", 250), ("1.5 min", 90_000), ("2h", 7_200_000), ("0", 0), ("500us", 0)]
        {
            assert_eq!(read(text), Some(expected), "{text}");
        }
        assert_eq!((read("soon"), read("-1s"), read("5 parsecs"), read("")), (None, None, None, None));
    }
}
