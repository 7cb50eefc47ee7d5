//! Catalog, policies and plan cache: one immutable whole.

use std::sync::Arc;

use quick_cache::sync::Cache;
use transom_policy::{Grant, Policies};
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
    /// The schemas that are served where the engine decides who may do what; empty where the policies do.
    pub native_schemas: Vec<Box<str>>,
}

/// What requests are planned against.
pub struct Model {
    /// The schema as it is, before any role's narrowing.
    pub catalog: Arc<Catalog>,
    /// Who may do what.
    pub policies: Arc<Policies>,
    /// Where the engine decides who may do what: each served schema, as requests to it see the catalog.
    faces: Vec<(Arc<str>, Arc<Policies>)>,
    pub(crate) plans: Cache<PlanKey, Arc<Planned>>,
}

impl Model {
    pub(crate) async fn load(database: &dyn Database, sources: &Sources) -> Result<Self, Vec<Problem>> {
        let catalog = database.introspect().await.map_err(|error| vec![error.into_problem()])?;
        let queries = functions(database, &sources.queries).await?;
        if !sources.native_schemas.is_empty() {
            return Ok(Self::native(catalog, &sources.native_schemas));
        }
        let functions = beside(&catalog, queries)?;
        let catalog = Arc::new(catalog.with_functions(functions));
        let (file, text) = &sources.policies;
        let policies = Arc::new(Policies::load(file, text, catalog.clone())?);
        Ok(Self { catalog, policies, faces: Vec::new(), plans: Cache::new(PLANS_COUNT_MAX) })
    }

    /// The engine's own privileges and policies decide; each schema is a catalog of its own.
    fn native(catalog: Catalog, schemas: &[Box<str>]) -> Self {
        let face = |schema: &str| {
            let of_schema = Arc::new(catalog.in_schema(schema));
            (Arc::from(schema), Arc::new(Policies::native(of_schema)))
        };
        let faces: Vec<_> = schemas.iter().map(|schema| face(schema)).collect();
        let policies = faces[0].1.clone();
        Self { catalog: Arc::new(catalog), policies, faces, plans: Cache::new(PLANS_COUNT_MAX) }
    }

    /// Who may do what in this schema; the first where none is named.
    /// Errors: [`Code::SchemaUnknown`].
    pub fn policies_of(&self, schema: Option<&str>) -> Result<&Arc<Policies>, Problem> {
        let Some(schema) = schema else { return Ok(&self.policies) };
        if let Some((_, policies)) = self.faces.iter().find(|(name, _)| **name == *schema) {
            return Ok(policies);
        }
        let known: Vec<&str> = match self.faces.is_empty() {
            true if schema == "public" => return Ok(&self.policies),
            true => vec!["public"],
            false => self.faces.iter().map(|(name, _)| &**name).collect(),
        };
        Err(Problem::new(Code::SchemaUnknown, format!("Invalid schema: {schema}"))
            .with_hint(format!("Only the following schemas are exposed: {}", known.join(", "))))
    }

    /// What plans of this grant are kept under: they differ by role, or by schema where every role has the same.
    pub(crate) fn scope(&self, grant: &Grant, schema: Option<&str>) -> Arc<str> {
        let face = |(name, _): &&(Arc<str>, Arc<Policies>)| schema.is_none_or(|schema| **name == *schema);
        self.faces.iter().find(face).map_or_else(|| grant.role().clone(), |(name, _)| name.clone())
    }

    /// The schemas that are served, where there may be several.
    pub fn schemas(&self) -> impl Iterator<Item = &str> {
        self.faces.iter().map(|(name, _)| &**name)
    }

    /// How many plans are kept.
    pub fn plans_count(&self) -> usize {
        self.plans.len()
    }
}

/// The named queries beside the functions that the engine itself has. Errors: one name for both.
fn beside(catalog: &Catalog, queries: Vec<(&str, Function)>) -> Result<Vec<Function>, Vec<Problem>> {
    let mut problems = Vec::new();
    for (file, query) in &queries {
        if let Some((_, other)) = catalog.functions().find(|(_, other)| other.name == query.name) {
            let schema = other.engine.as_ref().map_or("public", |engine| &*engine.schema);
            let name = &query.name;
            let message = format!("{file}: the database has a function {schema}.{name} of the same name");
            let problem = Problem::new(Code::QueryFileInvalid, message);
            problems.push(problem.with_hint("Rename one of the two: both are called at /rpc/NAME"));
        }
    }
    let own = catalog.functions().map(|(_, function)| function.clone());
    let all = own.chain(queries.into_iter().map(|(_, query)| query)).collect();
    if problems.is_empty() { Ok(all) } else { Err(problems) }
}

/// Parses every named query and asks the engine what it returns.
async fn functions<'f>(
    database: &dyn Database,
    files: &'f [(String, String)],
) -> Result<Vec<(&'f str, Function)>, Vec<Problem>> {
    let mut functions = Vec::with_capacity(files.len());
    let mut problems = Vec::new();
    for (file, text) in files {
        match named::parse(file, text) {
            Ok(function) => match describe(database, file, function).await {
                Ok(function) => functions.push((file.as_str(), function)),
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
            vector: false,
            computed: false,
            representation: None,
            access: Access::ALL,
            comment: None,
        })
        .collect();
    let fits = match function.returns {
        Returns::Nothing => true,
        Returns::Scalar | Returns::Scalars { .. } => function.columns.len() == 1,
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
