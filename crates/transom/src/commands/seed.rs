//! `transom seed`: sample data through the ordinary write path.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Map, Value as Json};
use transom_data::{Context, Data, Spent};
use transom_query::{
    DataRequest,
    request::{Action, Cell, Insert, Payload, Resource, Returning, Shape, Values},
};
use transom_types::{Code, Principal, Problem, RequestId};

use crate::{
    cli, commands, counters,
    faults::Faults,
    migrations,
    project::Project,
    seed::{self, SeedSpec},
    wiring,
};

pub fn run(flags: &cli::Seed) -> anyhow::Result<()> {
    let project = Project::open(&flags.project.dir, &flags.overrides()?)?;
    anyhow::ensure!(
        !project.config.production(),
        "sample data has no place in production: server.mode is \"production\""
    );
    let nothing = project.read("seed.toml")?.is_none() && project.read("seed.sql")?.is_none();
    anyhow::ensure!(
        !nothing,
        "there is nothing to seed from: {} has neither seed.toml nor seed.sql\n    `transom new NAME --template shop` makes a project with a seed.toml to look at",
        project.dir.display()
    );
    commands::block_on(async {
        let database = wiring::database(&project).await?;
        let files =
            migrations::files(project.migrations()?, wiring::engine(&project)).map_err(Faults::from)?;
        migrations::up(&*database, &files, |_| {}).await?;
        let data = wiring::data(&project, database.clone()).await?;
        let rows = fill(&project, &data, project.config.seed.scale).await?;
        say!("{rows} rows");
        database.close().await;
        Ok(())
    })
}

/// Fills a database from `seed.toml` and `seed.sql`, where they are; returns how many rows were generated.
pub async fn fill(project: &Project, data: &Data, scale: u32) -> anyhow::Result<u64> {
    let mut rows = 0;
    if let Some(text) = project.read("seed.toml")? {
        let file = project.dir.join("seed.toml");
        let faults = |faults: Vec<String>| anyhow::anyhow!(faults.join("\n"));
        let spec = SeedSpec::parse(&file.display().to_string(), &text).map_err(faults)?;
        spec.check(&data.model().catalog).map_err(faults)?;
        rows = generate(project, data, &spec, scale).await?;
    }
    if let Some(sql) = project.read("seed.sql")? {
        data.database().run_script(&sql).await.map_err(|error| {
            let message = error.message.clone();
            anyhow::anyhow!("{}: {message}", project.dir.join("seed.sql").display())
        })?;
    }
    let counted = counters::go_on(&**data.database(), &data.model().catalog).await;
    counted.map_err(|error| Faults::from(error.into_problem()))?;
    Ok(rows)
}

async fn generate(project: &Project, data: &Data, spec: &SeedSpec, scale: u32) -> anyhow::Result<u64> {
    let total = spec.row_count(scale);
    let bar = ProgressBar::new(total);
    bar.set_style(ProgressStyle::with_template(
        "seeding {bar:30} {human_pos} of {human_len} rows, {eta} left",
    )?);
    let author = Principal::with_claims("service_role", Json::Object(Map::new()));
    let context = Context {
        request_id: RequestId("seed".into()),
        timeout: Duration::from_secs(300),
        idempotency: None,
        rollback: false,
        schema: None,
        session: None,
    };
    for batch in seed::generate(spec, scale) {
        let count = batch.rows.len() as u64;
        let table = batch.table.clone();
        data.execute(request(batch), &author, &context, &mut Spent::default())
            .await
            .map_err(|problem| refused(project, &table, bar.position(), problem))?;
        bar.inc(count);
    }
    bar.finish_and_clear();
    Ok(total)
}

/// Why a table cannot be filled. Rows that are there already are the usual reason, and the one with a remedy.
fn refused(project: &Project, table: &str, written: u64, problem: Problem) -> anyhow::Error {
    let kept = match written {
        0 => "nothing was written".to_owned(),
        rows => format!("the {rows} rows before it were written and stay"),
    };
    if problem.code() != Code::Unique {
        return anyhow::anyhow!("seeding {table}: {}\n    {kept}", Faults::from(problem));
    }
    let clash = problem.details().unwrap_or("A row with the same key exists already.");
    anyhow::anyhow!(
        "seeding {table}: there are rows already, perhaps from an earlier seed; {kept}\n    {clash}\n    Seed an empty database: empty {} first, or name another with --database-url",
        project.config.database.url
    )
}

fn request(batch: seed::Batch) -> DataRequest {
    let mut columns: Vec<Box<str>> = Vec::new();
    for name in batch.rows.iter().flat_map(Map::keys) {
        if !columns.iter().any(|known| **known == *name) {
            columns.push(name.as_str().into());
        }
    }
    let row = |mut row: Map<String, Json>| {
        let mut cell = |name: &str| row.remove(name).map_or(Cell::Missing, Cell::Json);
        columns.iter().map(|name| cell(name)).collect()
    };
    let rows = batch.rows.into_iter().map(row).collect();
    let insert = Insert {
        columns: columns.clone(),
        single: false,
        conflict: None,
        missing_default: true,
        objects: vec![],
    };
    let shape = Shape {
        resource: Resource::Table(batch.table.into()),
        action: Action::Insert(insert),
        returning: Returning::Minimal,
        ..Shape::read("")
    };
    DataRequest {
        shape,
        values: Values { payload: Payload { columns, rows, ..Default::default() }, ..Values::default() },
    }
}
