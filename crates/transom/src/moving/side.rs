//! One of the two databases, through the ordinary path.

use std::{sync::Arc, time::Duration};

use serde_json::{Map, Value as Json};
use transom_data::{Context, Data, DataReply, Model, PlanOptions, Sources, Spent};
use transom_ports::{Database, DbError};
use transom_query::{
    Catalog, DataRequest,
    request::{Aggregate, Field, Item, Select, Shape, Values},
};
use transom_types::{Principal, Problem, RequestId};

use crate::faults::Faults;

/// How long one page may take on either side: a table without a key is one page.
const PAGE_TIMEOUT: Duration = Duration::from_secs(600);

/// A database and its schema as it was when it was opened.
pub(super) struct Side {
    pub(super) database: Arc<dyn Database>,
    /// Its address, for messages.
    pub(super) place: String,
    data: Data,
    model: Arc<Model>,
    everybody: Principal,
}

impl Side {
    /// Without the project's policies and queries: everything is moved.
    pub(super) async fn open(database: Arc<dyn Database>, place: String) -> anyhow::Result<Self> {
        let data = Data::open(database.clone(), &Sources::default(), PlanOptions::default()).await;
        let data = data.map_err(Faults::from)?;
        let everybody = Principal::with_claims("service_role", Json::Object(Map::new()));
        Ok(Self { database, place, model: data.model(), data, everybody })
    }

    pub(super) fn catalog(&self) -> &Catalog {
        &self.model.catalog
    }

    /// Runs one request.
    pub(super) async fn read(&self, shape: Shape, values: Values) -> Result<DataReply, Problem> {
        let request = DataRequest { shape, values };
        self.data.execute(request, &self.everybody, &context(), &mut Spent::default()).await
    }

    /// Runs all of them, or none.
    pub(super) async fn write(&self, requests: Vec<DataRequest>) -> Result<(), Problem> {
        self.data.batch(requests, &self.everybody, &context()).await.map(|_| ())
    }

    /// How many rows a table has.
    pub(super) async fn count(&self, table: &str) -> Result<u64, Problem> {
        let count = Field {
            alias: None,
            path: None,
            cast: None,
            aggregate: Some(Aggregate::Count),
            aggregate_cast: None,
        };
        let select = Select { items: vec![Item::Field(count)], ..Select::default() };
        let reply = self.read(Shape { select, ..Shape::read(table) }, Values::default()).await?;
        let rows: Json = serde_json::from_slice(&reply.json.into_bytes().map_err(DbError::into_problem)?)
            .unwrap_or_default();
        Ok(rows.pointer("/0/count").and_then(Json::as_u64).unwrap_or_default())
    }
}

fn context() -> Context {
    Context {
        request_id: RequestId("move".into()),
        timeout: PAGE_TIMEOUT,
        idempotency: None,
        rollback: false,
        schema: None,
        session: None,
    }
}
