//! A user's project on disk: its configuration, migrations, policies and queries, read once.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::Context;
use transom_config::{Config, Origin, Postgrest};
use transom_data::Sources;

use crate::faults::Faults;

/// Keys, their values as text, and who gave them.
type Overrides = Vec<(String, String, Origin)>;

/// A project, as read.
pub struct Project {
    /// Its folder.
    pub dir: PathBuf,
    /// Its configuration, complete and checked.
    pub config: Config,
    /// What a PostgREST configuration says besides, where it is served by one.
    pub postgrest: Option<Postgrest>,
    /// The file of that configuration, and the flags given with it.
    again: Option<(PathBuf, Overrides)>,
}

impl Project {
    /// Reads the configuration. A folder without `transom.toml` has every default.
    /// Errors: every fault of the file, the environment and the flags.
    pub fn open(dir: &Path, overrides: &[(String, String, Origin)]) -> anyhow::Result<Self> {
        anyhow::ensure!(!dir.is_file(), "'{}' is a file: name the project's folder", dir.display());
        anyhow::ensure!(
            dir.is_dir(),
            "there is no folder '{dir}': `transom new {dir}` makes a project",
            dir = dir.display()
        );
        let file = dir.join("transom.toml");
        let text = read_optional(&file)?;
        let env = |name: &str| std::env::var(name).ok();
        let config = transom_config::load(&file.display().to_string(), text.as_deref(), &env, overrides)
            .map_err(Faults::from)?;
        Ok(Self { dir: dir.to_owned(), config, postgrest: None, again: None })
    }

    /// A database as a PostgREST configuration describes it: its roles and policies decide, and nothing else is read.
    /// Errors: every fault of the file, the environment and the flags.
    pub fn postgrest(
        file: &Path,
        overrides: &[(String, String, Origin)],
        in_database: &[(String, String)],
    ) -> anyhow::Result<Self> {
        let text = fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
        let env = |name: &str| std::env::var(name).ok();
        let variables: Vec<(String, String)> =
            std::env::vars().filter(|(name, _)| name.starts_with("PGRST_")).collect();
        let dir = file.parent().unwrap_or(Path::new(".")).to_owned();
        let of_file = |name: &str| fs::read_to_string(dir.join(name)).ok();
        let name = file.display().to_string();
        let postgrest =
            transom_config::postgrest::read((&name, &text), &variables, in_database, &env, &of_file)
                .map_err(Faults::from)?;
        let all = [&postgrest.overrides, overrides].concat();
        let config = transom_config::load(&name, None, &env, &all).map_err(Faults::from)?;
        let again = Some((file.to_owned(), overrides.to_vec()));
        Ok(Self { dir, config, postgrest: Some(postgrest), again })
    }

    /// The same project as its PostgREST configuration describes it now, with what the database says of it.
    pub fn read_again(&self, in_database: &[(String, String)]) -> anyhow::Result<Self> {
        let (file, overrides) = self.again.as_ref().context("there is no such configuration")?;
        Self::postgrest(file, overrides, in_database)
    }

    /// `policies.sql` and `queries/*.sql`.
    pub fn sources(&self) -> anyhow::Result<Sources> {
        if let Some(postgrest) = &self.postgrest {
            let native_schemas = postgrest.schemas.iter().map(|schema| schema.as_str().into()).collect();
            return Ok(Sources { native_schemas, ..Sources::default() });
        }
        sources(&self.dir)
    }

    /// Whether the project has migrations, be it an empty folder: then what the database says was applied has to have its file.
    pub fn has_migrations(&self) -> bool {
        self.postgrest.is_none() && self.dir.join("migrations").is_dir()
    }

    /// The texts of `migrations/*.sql`, by file name.
    pub fn migrations(&self) -> anyhow::Result<Vec<(String, String)>> {
        sql_files(&self.dir.join("migrations"))
    }

    /// The database file of an embedded database.
    pub fn database_path(&self) -> Option<PathBuf> {
        self.config.database.url.path().map(|path| self.dir.join(path))
    }

    /// A file of the project, if it is there.
    pub fn read(&self, name: &str) -> anyhow::Result<Option<String>> {
        read_optional(&self.dir.join(name))
    }
}

/// `policies.sql` and `queries/*.sql` of a folder.
pub fn sources(dir: &Path) -> anyhow::Result<Sources> {
    let file = dir.join("policies.sql");
    let policies = (file.display().to_string(), read_optional(&file)?.unwrap_or_default());
    Ok(Sources { policies, queries: sql_files(&dir.join("queries"))?, ..Sources::default() })
}

/// Every `.sql` file of a folder, in the order of their names; none where there is no folder.
fn sql_files(folder: &Path) -> anyhow::Result<Vec<(String, String)>> {
    if !folder.is_dir() {
        return Ok(Vec::new());
    }
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))? {
        let path = entry?.path();
        if path.extension().is_some_and(|end| end == "sql") {
            files.push(path);
        }
    }
    files.sort();
    let read = |path: PathBuf| {
        let text = fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
        Ok((path.display().to_string(), text))
    };
    files.into_iter().map(read).collect()
}

fn read_optional(file: &Path) -> anyhow::Result<Option<String>> {
    match fs::read_to_string(file) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).with_context(|| format!("cannot read {}", file.display())),
    }
}
