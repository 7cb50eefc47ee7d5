//! Which row images a principal may see. The engine is the only judge: one statement, the policy of the role inside it,
//! the images as its values (HOUSE: two judges of one predicate would disagree some day).

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use ahash::AHashMap;
use serde_json::{Map, Value as Json};
use transom_policy::{Grant, Policies, guard};
use transom_ports::{Database, DbError};
use transom_query::{
    QueryId, TableId,
    catalog::{Catalog, Table},
    plan::{Cost, Judge, ParamId, ParamKind, ParamSource, Parameter, Plan, Step},
    request::{Earlier, Values},
};
use transom_sql::{Bound, Rendered, Statement, bind, render};
use transom_types::{Code, Principal, Problem, Value};

use crate::show;

/// The rows parameter of a judge plan; the policies' own come after it.
const ROWS: ParamId = ParamId(0);
/// Most row images judged by one statement.
const IMAGES_MAX: usize = 256;
/// Most prepared judges; roles come from tokens, so that their number is not ours to choose.
const JUDGES_MAX: usize = 1_000;
const TIMEOUT: Duration = Duration::from_secs(10);

/// One role's view of one table.
pub(crate) struct RoleView {
    grant: Grant,
    table: TableId,
    /// `None` where no policy restricts the role's rows.
    statement: Option<Rendered>,
}

/// The views in use, made when first needed and made anew when the policies change.
#[derive(Default)]
pub(crate) struct Judges {
    current: Mutex<Views>,
}

#[derive(Default)]
struct Views {
    policies: Option<Arc<Policies>>,
    by_role_and_table: AHashMap<(Arc<str>, Box<str>), Arc<RoleView>>,
}

impl Judges {
    /// The view of this principal's role on a table.
    /// Errors: `TableMissing` when the role may not select from it.
    pub(crate) fn view(
        &self,
        database: &dyn Database,
        policies: &Arc<Policies>,
        principal: &Principal,
        table: &str,
    ) -> Result<Arc<RoleView>, Problem> {
        let key = (principal.role.clone(), Box::from(table));
        {
            let mut views = self.lock();
            if !views.policies.as_ref().is_some_and(|known| Arc::ptr_eq(known, policies)) {
                *views = Views { policies: Some(policies.clone()), ..Views::default() };
            }
            if let Some(view) = views.by_role_and_table.get(&key) {
                return Ok(view.clone());
            }
        }
        let view = Arc::new(RoleView::new(database, policies.authorize(principal)?, table)?);
        let mut views = self.lock();
        // Policies may have changed meanwhile: this view is then for one batch only.
        if views.policies.as_ref().is_some_and(|known| Arc::ptr_eq(known, policies)) {
            if views.by_role_and_table.len() >= JUDGES_MAX {
                views.by_role_and_table.clear();
            }
            views.by_role_and_table.insert(key, view.clone());
        }
        Ok(view)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Views> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl RoleView {
    fn new(database: &dyn Database, grant: Grant, name: &str) -> Result<Self, Problem> {
        let catalog = grant.catalog().clone();
        let table = selectable(&catalog, name)?;
        let guarded = guard(judge_plan(&catalog, table), &grant)?;
        let restricted =
            matches!(guarded.plan().steps.first(), Some(Step::Judge(judge)) if judge.guard.is_some());
        let statement = match restricted {
            true => Some(render(database.dialect(), Arc::new(guarded))?),
            false => None,
        };
        Ok(Self { grant, table, statement })
    }

    /// The table as the role sees it.
    pub(crate) fn table(&self) -> &Table {
        &self.grant.catalog()[self.table]
    }

    /// For each row image, whether the principal may see it.
    pub(crate) async fn visible(
        &self,
        database: &dyn Database,
        principal: &Principal,
        images: &[&Map<String, Json>],
    ) -> Result<Vec<bool>, Problem> {
        let Some(rendered) = &self.statement else { return Ok(vec![true; images.len()]) };
        let mut visible = Vec::with_capacity(images.len());
        for images in images.chunks(IMAGES_MAX) {
            visible.extend(self.judged(rendered, database, principal, images).await?);
        }
        Ok(visible)
    }

    async fn judged(
        &self,
        rendered: &Rendered,
        database: &dyn Database,
        principal: &Principal,
        images: &[&Map<String, Json>],
    ) -> Result<Vec<bool>, Problem> {
        let broken =
            |what: &str| Problem::new(Code::Internal, format!("Changes could not be judged: {what}"));
        let rows: Vec<Json> =
            images.iter().map(|image| Json::Array(show::cells(self.table(), image))).collect();
        let no_batch = |_: &Earlier| Err(broken("a policy refers to a batch"));
        let mut params =
            bind(database.dialect(), rendered.plan.plan(), &Values::default(), principal, &no_batch, 0)?
                .to_vec();
        let slot = params.get_mut(usize::from(ROWS.0)).ok_or_else(|| broken("no place for the rows"))?;
        *slot = Bound::Value(Value::Json(Json::Array(rows).to_string().into()));
        let prepared = rendered.steps.first().ok_or_else(|| broken("no statement"))?.clone();
        let statement = Statement { prepared, params: params.into(), timeout: TIMEOUT };
        let body = database.read(statement).await.map_err(|error| error.into_problem())?;
        let json = body.json.into_bytes().map_err(DbError::into_problem)?;
        let places: Vec<usize> =
            serde_json::from_slice(&json).map_err(|error| broken("reply").caused_by(error))?;
        let mut visible = vec![false; images.len()];
        for place in places {
            *visible.get_mut(place).ok_or_else(|| broken("a place that was not asked about"))? = true;
        }
        Ok(visible)
    }
}

/// The table of this name, where the role may select from it; what it may not see does not exist.
pub(crate) fn selectable(catalog: &Catalog, name: &str) -> Result<TableId, Problem> {
    let found = catalog.table(name).filter(|id| catalog[*id].access.select);
    found.ok_or_else(|| {
        let visible = catalog
            .table_names()
            .filter(|name| catalog.table(name).is_some_and(|id| catalog[id].access.select));
        Problem::new(Code::TableMissing, format!("Could not find the table '{name}' in the schema cache"))
            .suggesting(name, visible)
    })
}

fn judge_plan(catalog: &Catalog, table: TableId) -> Plan {
    let types = catalog[table].stored().map(|column| column.data_type).collect();
    Plan {
        steps: vec![Step::Judge(Judge { id: QueryId(0), table, rows: ROWS, guard: None })],
        reply: Some(0),
        // The value stands in until each batch's rows take its place.
        params: vec![Parameter {
            source: ParamSource::Constant(Value::Json("[]".into())),
            kind: ParamKind::Rows(types),
            name: "changes".into(),
        }],
        cost: Cost::Scan,
        cacheable: true,
        query_ids: 1,
        form: Default::default(),
    }
}
