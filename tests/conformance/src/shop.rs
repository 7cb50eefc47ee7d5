//! A database with the fixture in it, and requests run on it as the data room would.

use std::{sync::Arc, time::Duration};

use serde_json::{Value as Json, json};
use transom_policy::{Grant, Policies, guard};
use transom_ports::{Body, Committed, Database, DbError, Fault, Migration, Outcome};
use transom_query::{
    Catalog, Plan,
    catalog::Function,
    plan,
    planner::{self, Options},
};
use transom_sql::{Rendered, Statement, Step, Unit, bind, render};
use transom_types::{Principal, Problem, RequestId};

use crate::{
    Factory,
    factory::{Keep, Opened},
    fixture,
    json::assert_same,
    request::Request,
};

/// Long enough for everything that is not meant to be slow.
pub const TIMEOUT: Duration = Duration::from_secs(20);

/// A database with the fixture in it.
pub struct Shop {
    pub database: Arc<dyn Database>,
    pub catalog: Arc<Catalog>,
    pub policies: Policies,
    /// Dropped last.
    pub keep: Keep,
}

/// A request made ready: its steps, and which of them is the reply.
pub struct Ready {
    pub steps: Vec<Step>,
    pub reply: Option<usize>,
}

impl Shop {
    /// A new database with the fixture's schema, without rows.
    pub async fn empty(factory: &dyn Factory) -> Self {
        let opened = factory.open().await;
        let migration = Migration { number: 1, name: "0001_fixture".into(), checksum: "0".repeat(64).into() };
        let applied = opened.database.apply_migration(&migration, &factory.schema(), 0).await;
        assert!(applied.expect("the schema applies"));
        Self::over(opened, Vec::new()).await
    }

    /// A database with this schema and these policies; one without SQL has its schema from the beginning.
    pub(crate) async fn of(opened: Opened, schema: &str, policies: &str) -> Result<Self, String> {
        if !schema.is_empty() {
            opened.database.run_script(schema).await.map_err(|error| format!("{schema}{error}"))?;
        }
        let catalog = opened.database.introspect().await.map_err(|error| error.to_string())?;
        let catalog = Arc::new(catalog);
        let policies = Policies::load("policies.sql", policies, catalog.clone())
            .map_err(|problems| format!("{schema}{policies}{problems:?}"))?;
        Ok(Self { database: opened.database, catalog, policies, keep: opened.keep })
    }

    /// A database that has the fixture's schema already, with these handwritten statements.
    pub async fn over(opened: Opened, functions: Vec<Function>) -> Self {
        let catalog = opened.database.introspect().await.expect("the schema can be read");
        let catalog = Arc::new(catalog.with_functions(functions));
        let policies = Policies::load("policies.sql", fixture::POLICIES, catalog.clone());
        let policies = policies.expect("the policies are valid");
        Self { database: opened.database, catalog, policies, keep: opened.keep }
    }

    /// A new database with the fixture's schema and rows.
    pub async fn open(factory: &dyn Factory) -> Self {
        let shop = Self::empty(factory).await;
        let mut steps = Vec::new();
        for (table, rows) in fixture::ROWS {
            let rows = serde_json::from_str(rows).expect("the fixture is JSON");
            steps.push(crate::request::insert(table, rows));
        }
        shop.write(steps).await.expect("the fixture goes in");
        if let Some(script) = factory.count_keys_from(1) {
            shop.database.run_script(&script).await.expect("the script runs");
        }
        shop
    }

    /// Who bypasses every policy.
    pub fn everyone(&self) -> (Grant, Principal) {
        (self.policies.system(), Principal::anonymous("service_role"))
    }

    /// The role the fixture's policies are for.
    pub fn author(&self, subject: &str) -> (Grant, Principal) {
        let principal = Principal::with_claims("author", json!({ "sub": subject, "role": "author" }));
        (self.policies.authorize(&principal).expect("the role is known"), principal)
    }

    /// Plans, guards, renders and binds; `base` is the unit's number of steps before.
    pub fn ready(
        &self,
        request: Request,
        (grant, principal): &(Grant, Principal),
        base: usize,
    ) -> Result<Ready, Problem> {
        let request = request.build();
        let plan = planner::plan(grant.catalog(), &request.shape, &request.values, &Options::default())?;
        let rendered = self.rendered(plan, grant)?;
        let plan = rendered.plan.plan();
        let earlier = |_: &transom_query::request::Earlier| {
            Err(Problem::new(transom_types::Code::BatchInvalid, "no case refers to an earlier operation"))
        };
        let params =
            bind::bind(self.database.dialect(), plan, &request.values, principal, &earlier, base as u16)?;
        let statement = |prepared: &Arc<transom_sql::Prepared>| Step {
            statement: Statement { prepared: prepared.clone(), params: params.clone(), timeout: TIMEOUT },
            expect: prepared.expect,
            precondition: None,
        };
        let reply = plan.reply.map(|reply| base + usize::from(reply));
        Ok(Ready { steps: rendered.steps.iter().map(statement).collect(), reply })
    }

    pub fn rendered(&self, plan: Plan, grant: &Grant) -> Result<Rendered, Problem> {
        render(self.database.dialect(), Arc::new(guard(plan, grant)?))
    }

    /// One statement that reads.
    pub fn statement(&self, request: Request) -> Statement {
        self.ready(request, &self.everyone(), 0).expect("the request is planned").steps.remove(0).statement
    }

    pub async fn read(&self, request: Request) -> Result<Body, DbError> {
        self.read_as(request, &self.everyone()).await
    }

    pub async fn read_as(&self, request: Request, who: &(Grant, Principal)) -> Result<Body, DbError> {
        let mut ready = self.ready(request, who, 0).expect("the request is planned");
        let statement = ready.steps.remove(0).statement;
        let prepared = statement.prepared.clone();
        let mut body = self.database.read(statement).await?;
        if let Some(plan::Step::Read(read)) = prepared.plan.plan().steps.get(prepared.step) {
            body.total = read.total(body.total, body.rows);
        }
        Ok(body)
    }

    /// A unit of these requests.
    pub fn unit(&self, requests: Vec<Request>) -> Unit {
        self.unit_as(requests, &self.everyone()).0
    }

    /// A unit of these requests, and the step that is the last one's reply.
    pub fn unit_as(&self, requests: Vec<Request>, who: &(Grant, Principal)) -> (Unit, Option<usize>) {
        let (mut steps, mut reply) = (Vec::new(), None);
        for request in requests {
            let ready = self.ready(request, who, steps.len()).expect("the request is planned");
            reply = ready.reply;
            steps.extend(ready.steps);
        }
        (self.unit_of(steps), reply)
    }

    /// A unit of these steps.
    pub(crate) fn unit_of(&self, steps: Vec<Step>) -> Unit {
        let cause = RequestId("conformance".into());
        Unit { steps, timeout: TIMEOUT, cause, idempotency: None, rollback: false, session: None }
    }

    pub async fn write(&self, requests: Vec<Request>) -> Result<Committed, DbError> {
        transom_ports::write(&*self.database, self.unit(requests)).await
    }

    /// Writes one request; the outcome of the step that is its reply, or of its first.
    pub async fn write_one(&self, request: Request) -> Result<Outcome, DbError> {
        self.write_one_as(request, &self.everyone()).await
    }

    pub async fn write_one_as(&self, request: Request, who: &(Grant, Principal)) -> Result<Outcome, DbError> {
        let (unit, reply) = self.unit_as(vec![request], who);
        let mut committed = transom_ports::write(&*self.database, unit).await?;
        Ok(committed.outcomes.swap_remove(reply.unwrap_or(0)))
    }

    /// Stops when a read does not return these rows.
    pub async fn check(&self, what: &str, request: Request, expected: Json) {
        self.check_as(what, request, &self.everyone(), expected).await;
    }

    pub async fn check_as(&self, what: &str, request: Request, who: &(Grant, Principal), expected: Json) {
        let body = self.read_as(request, who).await.unwrap_or_else(|error| panic!("{what}: {error}"));
        let json = body.json.into_bytes().expect("kept");
        let rows: Json = serde_json::from_slice(&json)
            .unwrap_or_else(|error| panic!("{what}: {error} in {}", String::from_utf8_lossy(&json)));
        assert_same(what, &rows, &expected);
        assert_eq!(Some(body.rows as usize), rows.as_array().map(Vec::len), "{what}: rows are counted");
    }

    /// Stops when a write does not return these rows.
    pub async fn check_write(&self, what: &str, request: Request, expected: Json) {
        let outcome = self.write_one(request).await.unwrap_or_else(|error| panic!("{what}: {error}"));
        assert_same(what, &returned(&outcome), &expected);
    }

    /// Stops when a write is not refused with this fault.
    pub async fn check_refused(&self, what: &str, request: Request, expected: impl Fn(&Fault) -> bool) {
        match self.write_one(request).await {
            Ok(outcome) => panic!("{what}: not refused, but {outcome:?}"),
            Err(error) => assert!(expected(&error.fault), "{what}: {error}"),
        }
    }
}

/// The rows that a step returned; nothing is an empty list.
pub fn returned(outcome: &Outcome) -> Json {
    match outcome.json.is_empty() {
        true => json!([]),
        false => {
            serde_json::from_str(&outcome.json).unwrap_or_else(|error| panic!("{error} in {}", outcome.json))
        }
    }
}
