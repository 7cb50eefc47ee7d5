//! `transom check`: every fault of a project, with nothing changed. Migrations are tried on a database of its own in memory.

use crate::{cli::Project as Flags, commands, faults::Faults, migrations, project::Project, wiring};

pub fn run(flags: &Flags) -> anyhow::Result<()> {
    let project = Project::open(&flags.dir, &flags.overrides()?)?;
    let files = migrations::files(project.migrations()?).map_err(Faults::from)?;
    commands::block_on(async {
        let scratch = wiring::scratch_database()?;
        let absent = project.database_path().is_some_and(|path| !path.exists());
        if files.is_empty() && !absent {
            say!("no migrations: policies and queries are checked against the database itself");
            let database = wiring::database(&project).await?;
            wiring::data(&project, database).await?;
        } else {
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
