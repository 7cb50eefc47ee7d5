//! `transom check`: every fault of a project, with nothing changed. Migrations are tried on a database of its own in memory.

use crate::{cli::Project as Flags, commands, faults::Faults, migrations, project::Project, wiring};

pub fn run(flags: &Flags) -> anyhow::Result<()> {
    let project = Project::open(&flags.dir, &flags.overrides()?)?;
    let files = migrations::files(project.migrations()?, wiring::engine(&project)).map_err(Faults::from)?;
    commands::block_on(async {
        let absent = project.database_path().is_some_and(|path| !path.exists());
        if files.is_empty() && !absent {
            say!("no migrations: policies and queries are checked against the database itself");
            let database = wiring::database(&project).await?;
            wiring::data(&project, database).await?;
        } else if project.database_path().is_none() {
            on_a_server(&project, &files).await?;
        } else {
            let scratch = wiring::scratch_database()?;
            migrations::up(&*scratch, &files, |_| {}).await?;
            wiring::data(&project, scratch).await?;
        }
        let count = match files.len() {
            1 => "1 migration".to_owned(),
            count => format!("{count} migrations"),
        };
        say!("no faults: {count}, policies and queries agree");
        Ok(())
    })
}

/// A server has no database in memory to try migrations on: what is applied there has to do.
async fn on_a_server(project: &Project, files: &[migrations::File]) -> anyhow::Result<()> {
    let database = wiring::database(project).await?;
    let applied = database.applied_migrations().await.map_err(|error| Faults::from(error.into_problem()))?;
    let pending = migrations::pending(files, &applied).map_err(Faults::from)?;
    if !pending.is_empty() {
        say!("{} migrations are not applied yet, and are not tried here", pending.len());
    }
    wiring::data(project, database).await?;
    Ok(())
}
