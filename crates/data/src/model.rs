//! Catalog, policies and plan cache: one immutable whole.

use std::sync::Arc;

use quick_cache::sync::Cache;
use transom_policy::Policies;
use transom_ports::Database;
use transom_query::{
    Catalog,
    catalog::{Access, Column, Function, Returns},
};
use transom_sql::named;
use transom_types::{Code, Problem};

use crate::prepare::{PlanKey, Planned};

/// How many plans are kept; the least used go first.
const PLANS_COUNT_MAX: usize = 2_000;

/// The texts that a project adds to its schema.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    /// The path and text of `policies.sql`; an empty text grants nothing.
    pub policies: (String, String),
    /// The path and text of each file in `queries/`.
    pub queries: Vec<(String, String)>,
}

/// What requests are planned against.
pub struct Model {
    /// The schema as it is, before any role's narrowing.
    pub catalog: Arc<Catalog>,
    /// Who may do what.
    pub policies: Arc<Policies>,
    pub(crate) plans: Cache<PlanKey, Arc<Planned>>,
}

impl Model {
    pub(crate) async fn load(database: &dyn Database, sources: &Sources) -> Result<Self, Vec<Problem>> {
        let catalog = database.introspect().await.map_err(|error| vec![error.into_problem()])?;
        let functions = functions(database, &sources.queries).await?;
        let catalog = Arc::new(catalog.with_functions(functions));
        let (file, text) = &sources.policies;
        let policies = Arc::new(Policies::load(file, text, catalog.clone())?);
        Ok(Self { catalog, policies, plans: Cache::new(PLANS_COUNT_MAX) })
    }

    /// How many plans are kept.
    pub fn plans_count(&self) -> usize {
        self.plans.len()
    }
}

/// Parses every named query and asks the engine what it returns.
async fn functions(
    database: &dyn Database,
    files: &[(String, String)],
) -> Result<Vec<Function>, Vec<Problem>> {
    let mut functions = Vec::with_capacity(files.len());
    let mut problems = Vec::new();
    for (file, text) in files {
        match named::parse(file, text) {
            Ok(function) => match describe(database, file, function).await {
                Ok(function) => functions.push(function),
                Err(problem) => problems.push(problem),
            },
            Err(found) => problems.extend(found),
        }
    }
    if problems.is_empty() { Ok(functions) } else { Err(problems) }
}

async fn describe(database: &dyn Database, file: &str, mut function: Function) -> Result<Function, Problem> {
    let described =
        database.describe(&named::described_text(database.dialect(), &function)).await.map_err(|error| {
            Problem::new(Code::QueryFileInvalid, format!("{file}: {}", error.message)).caused_by(error)
        })?;
    function.read_only = described.read_only;
    function.columns = described
        .columns
        .into_iter()
        .map(|(name, data_type)| Column {
            name: name.into(),
            data_type,
            nullable: true,
            default: None,
            generated: false,
            identity: false,
            engine_type: None,
            collation: None,
            access: Access::ALL,
            comment: None,
        })
        .collect();
    let fits = match function.returns {
        Returns::Nothing => true,
        Returns::Scalar => function.columns.len() == 1,
        Returns::Rows | Returns::Row => !function.columns.is_empty(),
    };
    if !fits {
        let message = format!("{file}: the statement returns {} columns", function.columns.len());
        return Err(Problem::new(Code::QueryFileInvalid, message).with_hint(
            "-- returns rows|row need a result, scalar exactly one column; use -- returns nothing for none",
        ));
    }
    Ok(function)
}
