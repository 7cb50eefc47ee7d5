//! `transom migrate`.

use crate::{
    cli::{Folder, Migrate, Project as Flags},
    commands,
    faults::Faults,
    migrations, moving,
    project::Project,
    wiring,
};

pub fn run(flags: &Flags, to: Option<String>, action: Option<Migrate>) -> anyhow::Result<()> {
    if let Some(url) = to {
        anyhow::ensure!(action.is_none(), "--to moves the project: leave the action away");
        return move_to(flags, url);
    }
    let action = action.unwrap_or_else(|| Migrate::Up(Folder::default()));
    let flags = flags.within(action.folder());
    let project = Project::open(&flags.dir, &flags.overrides()?)?;
    let files = migrations::files(project.migrations()?, wiring::engine(&project)).map_err(Faults::from)?;
    match action {
        Migrate::New { name, .. } => start(&project, &files, &name),
        Migrate::Up(_) => commands::block_on(async {
            let database = wiring::database(&project).await?;
            let count =
                migrations::up(&*database, &files, |file| say!("applied {}", file.migration.name)).await?;
            say!("{count} applied, {} in all", files.len());
            database.close().await;
            Ok(())
        }),
        Migrate::Status(_) => commands::block_on(async {
            // To look is not to make: where there is no file yet, nothing was applied.
            let absent = project.database_path().is_some_and(|path| !path.exists());
            let database =
                if absent { wiring::scratch_database()? } else { wiring::database(&project).await? };
            let applied =
                database.applied_migrations().await.map_err(|error| Faults::from(error.into_problem()))?;
            let pending = migrations::pending(&files, &applied).map_err(Faults::from)?;
            applied.iter().for_each(|past| say!("applied  {}", past.name));
            pending.iter().for_each(|file| say!("pending  {}", file.migration.name));
            database.close().await;
            Ok(())
        }),
    }
}

/// The same project, opened on both databases.
fn move_to(flags: &Flags, url: String) -> anyhow::Result<()> {
    let from = Project::open(&flags.dir, &flags.overrides()?)?;
    let to = Project::open(&flags.dir, &flags.at(url).overrides()?)?;
    commands::block_on(moving::run(&from, &to))
}

fn start(project: &Project, files: &[migrations::File], name: &str) -> anyhow::Result<()> {
    let words: Vec<String> = name
        .to_lowercase()
        .split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(str::to_owned)
        .collect();
    anyhow::ensure!(
        !words.is_empty(),
        "'{name}' has no letters: say what the migration does, such as add_reviews"
    );
    let number = files.last().map_or(1, |file| file.migration.number + 1);
    let folder = project.dir.join("migrations");
    std::fs::create_dir_all(&folder)?;
    let file = folder.join(format!("{number:04}_{}.sql", words.join("_")));
    std::fs::write(
        &file,
        "-- Applied once, in one transaction. Never change it afterwards: make a new one.\n",
    )?;
    say!("{}", file.display());
    Ok(())
}
