//! `transom migrate --to URL`: a project's rows, moved to another database.
//!
//! The target gets the project's migrations, the two schemas are compared, every table is copied in pages down the
//! ordinary write path, and both sides are read once more and compared. What was copied is noted in the transaction
//! that wrote it, so that a move that was interrupted goes on exactly where it stopped.

mod compare;
mod copy;
mod digest;
mod ledger;
mod order;
mod pages;
mod side;
mod verify;

#[cfg(test)]
mod tests;

use transom_ports::DbError;

use crate::{counters, faults::Faults, migrations, project::Project, wiring};
use ledger::Ledger;
use side::Side;

/// Moves the rows of `from` to the database of `to`: the same project, with another `database.url`.
pub async fn run(from: &Project, to: &Project) -> anyhow::Result<()> {
    let source = source(from).await?;
    let (target, ledger) = target(from, to).await?;
    let differences = compare::differences(source.catalog(), target.catalog());
    anyhow::ensure!(
        differences.is_empty(),
        "the schema of {} does not hold what {} holds; nothing was copied\n    {}\n    Mend the migrations for \
         that engine, drop what was made there, and begin again",
        target.place,
        source.place,
        differences.join("\n    ")
    );
    // What the project adds to its schema has to agree with the new one too.
    wiring::data(to, target.database.clone()).await?;
    let steps = order::steps(source.catalog(), target.catalog())?;
    if ledger.started(&source.place)? {
        say!("going on where the earlier move stopped");
    } else {
        ledger.start(&target, &source.place, &steps).await?;
    }
    copy::all(&source, &target, &ledger, &steps).await?;
    counters::go_on(&*target.database, target.catalog()).await.map_err(fault)?;
    let same = verify::all(&source, &target, &steps).await?;
    anyhow::ensure!(
        same,
        "{} does not hold the same rows: do not serve from it\n    Was {} written to meanwhile, does a trigger of \
         the target change rows, or is there a value that it cannot keep exactly? Drop that database, make it anew, \
         and begin again",
        target.place,
        source.place
    );
    ledger::remove(&target).await?;
    say!("\nEverything is there. Serve from it: set database.url to {} in transom.toml", target.place);
    source.database.close().await;
    target.database.close().await;
    Ok(())
}

async fn source(project: &Project) -> anyhow::Result<Side> {
    let url = &project.config.database.url;
    if let Some(path) = project.database_path().filter(|path| !path.exists()) {
        anyhow::bail!("there is nothing to move: no database at {}", path.display());
    }
    let database = wiring::database(project).await?;
    let files = migrations::files(project.migrations()?, wiring::engine(project)).map_err(Faults::from)?;
    let applied = database.applied_migrations().await.map_err(fault)?;
    let pending = migrations::pending(&files, &applied).map_err(Faults::from)?;
    anyhow::ensure!(
        pending.is_empty(),
        "{} of this project's migrations are not applied to {url} yet: run `transom migrate {}` first",
        pending.len(),
        project.dir.display()
    );
    Side::open(database, url.to_string()).await
}

/// The target with the project's schema.
async fn target(from: &Project, to: &Project) -> anyhow::Result<(Side, Ledger)> {
    let (url, source) = (&to.config.database.url, &from.config.database.url);
    anyhow::ensure!(url.reveal() != source.reveal(), "{url} is where the project's rows are already");
    let files = migrations::files(to.migrations()?, wiring::engine(to)).map_err(Faults::from)?;
    anyhow::ensure!(
        !files.is_empty(),
        "{} has no migrations to make a schema from in {url}",
        to.dir.join("migrations").display()
    );
    let database = wiring::database(to).await?;
    ledger::begin(&*database, &url.to_string()).await?;
    migrations::up(&*database, &files, |file| say!("applied {}", file.migration.name)).await?;
    let side = Side::open(database, url.to_string()).await?;
    let ledger = Ledger::read(&side).await?;
    Ok((side, ledger))
}

fn fault(error: DbError) -> Faults {
    error.into_problem().into()
}
