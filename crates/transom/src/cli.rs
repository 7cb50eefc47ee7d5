//! The command line: what can be said, nothing of what is done.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use transom_config::Origin;

/// The whole back end of an application in one binary.
#[derive(Parser)]
#[command(name = "transom", version, about, arg_required_else_help = true)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Subcommand)]
pub enum Command {
    /// Serves a project, or a database that already exists.
    Serve(Serve),
    /// Makes a new project.
    New {
        /// The folder to make.
        name: PathBuf,
        /// What it starts with.
        #[arg(long, value_enum, default_value = "blank")]
        template: Template,
    },
    /// Applies migrations, shows which are applied, starts a new one, or moves the project to another database.
    Migrate {
        #[command(flatten)]
        project: Project,
        /// Moves all rows to this empty database; nothing may write meanwhile. An interrupted move goes on.
        #[arg(long, value_name = "URL")]
        to: Option<String>,
        /// What to do with them.
        #[command(subcommand)]
        action: Option<Migrate>,
    },
    /// Reports every fault of a project: configuration, migrations, policies and queries. Changes nothing.
    Check(Project),
    /// Shows the configuration, its schema or its reference.
    Config {
        #[command(flatten)]
        project: Project,
        /// What to show.
        #[command(subcommand)]
        action: Option<ConfigAction>,
    },
    /// Fills the database with sample data.
    Seed(Seed),
    /// Mints a token for development.
    Token(Token),
    /// Shows the statement of a REST request, how the database would run it, and which index is missing.
    Explain {
        /// The request: `/rest/v1/products?price=gt.10`, or `products?price=gt.10`.
        url: String,
        #[command(flatten)]
        project: Project,
        /// Who asks.
        #[arg(long, default_value = "anon")]
        role: String,
        /// A claim of the caller's token: `sub=42`.
        #[arg(long = "claim", value_name = "NAME=VALUE")]
        claims: Vec<String>,
        /// The method.
        #[arg(long, default_value = "GET")]
        method: String,
        /// The body of a write, as JSON.
        #[arg(long)]
        body: Option<String>,
    },
}

/// Where the project is, and what overrides its file.
#[derive(Args, Clone, Default)]
pub struct Project {
    /// The project's folder.
    #[arg(default_value = ".")]
    pub dir: PathBuf,
    /// Overrides `database.url`.
    #[arg(long, value_name = "URL", global = true)]
    pub database_url: Option<String>,
    /// Overrides any key: `--set rest.rows_max=100`.
    #[arg(long, value_name = "KEY=VALUE", global = true)]
    pub set: Vec<String>,
}

/// The project's folder, said after the action instead of before it.
#[derive(Args, Clone, Default)]
pub struct Folder {
    /// The project's folder.
    dir: Option<PathBuf>,
}

/// `transom serve`.
#[derive(Args, Clone)]
pub struct Serve {
    #[command(flatten)]
    pub project: Project,
    /// Overrides `server.listen`.
    #[arg(long, value_name = "ADDR")]
    pub listen: Option<String>,
    /// Overrides `server.admin_listen`.
    #[arg(long, value_name = "ADDR")]
    pub admin_listen: Option<String>,
    /// Serves a database as PostgREST does, by its configuration file and `PGRST_…` variables; there is no project then.
    #[arg(long, value_name = "FILE")]
    pub postgrest_config: Option<PathBuf>,
}

/// `transom seed`.
#[derive(Args)]
pub struct Seed {
    #[command(flatten)]
    pub project: Project,
    /// How much: 1 is what the project calls one. Overrides `seed.scale`.
    #[arg(long, value_name = "N")]
    pub scale: Option<String>,
}

/// `transom token`.
#[derive(Args)]
pub struct Token {
    #[command(flatten)]
    pub project: Project,
    /// The role.
    #[arg(long, default_value = "authenticated")]
    pub role: String,
    /// The subject (`auth.uid()`).
    #[arg(long)]
    pub sub: Option<String>,
    /// A further claim; a value that is JSON is taken as JSON.
    #[arg(long = "claim", value_name = "NAME=VALUE")]
    pub claims: Vec<String>,
    /// Valid for so many seconds; 0 is for ever.
    #[arg(long, default_value_t = 86_400)]
    pub lifetime: u64,
}

/// `transom migrate …`
#[derive(Subcommand)]
pub enum Migrate {
    /// Applies what is not applied yet (the default).
    Up(Folder),
    /// Shows which are applied.
    Status(Folder),
    /// Starts a new migration.
    New {
        /// What it does, in a few words.
        name: String,
        #[command(flatten)]
        folder: Folder,
    },
}

/// `transom config …`
#[derive(Subcommand)]
pub enum ConfigAction {
    /// Every effective value and where it came from (the default); secrets are masked.
    Show(Folder),
    /// The JSON Schema of `transom.toml`, for editors.
    Schema,
    /// The reference page.
    Reference,
}

/// What a new project starts with.
#[derive(Clone, Copy, clap::ValueEnum)]
pub enum Template {
    /// A shop: tables, views, policies, queries and sample data.
    Shop,
    /// One empty migration.
    Blank,
}

impl Migrate {
    /// The project's folder, where it stands after the action.
    pub fn folder(&self) -> &Folder {
        match self {
            Self::Up(folder) | Self::Status(folder) | Self::New { folder, .. } => folder,
        }
    }
}

impl Project {
    /// The same, with another database.
    #[must_use]
    pub fn at(&self, url: String) -> Self {
        Self { database_url: Some(url), ..self.clone() }
    }

    /// The same, in this folder if it is given.
    #[must_use]
    pub fn within(&self, folder: &Folder) -> Self {
        let dir = folder.dir.clone().unwrap_or_else(|| self.dir.clone());
        Self { dir, ..self.clone() }
    }

    /// What the flags override, by key.
    pub fn overrides(&self) -> anyhow::Result<Vec<(String, String, Origin)>> {
        let mut overrides = Vec::new();
        if let Some(url) = &self.database_url {
            overrides.push(flag("database.url", url.clone(), "--database-url"));
        }
        for pair in &self.set {
            let (key, value) = pair.split_once('=').ok_or_else(|| {
                anyhow::anyhow!("--set {pair}: write KEY=VALUE, such as --set rest.rows_max=100")
            })?;
            overrides.push(flag(key, value.to_owned(), "--set"));
        }
        Ok(overrides)
    }
}

impl Serve {
    /// What the flags override, by key.
    pub fn overrides(&self) -> anyhow::Result<Vec<(String, String, Origin)>> {
        let mut overrides = self.project.overrides()?;
        for (key, address, name) in [
            ("server.listen", &self.listen, "--listen"),
            ("server.admin_listen", &self.admin_listen, "--admin-listen"),
        ] {
            if let Some(address) = address {
                overrides.push(flag(key, address.clone(), name));
            }
        }
        Ok(overrides)
    }
}

impl Seed {
    /// What the flags override, by key.
    pub fn overrides(&self) -> anyhow::Result<Vec<(String, String, Origin)>> {
        let mut overrides = self.project.overrides()?;
        if let Some(scale) = &self.scale {
            overrides.push(flag("seed.scale", scale.clone(), "--scale"));
        }
        Ok(overrides)
    }
}

fn flag(key: &str, value: String, name: &str) -> (String, String, Origin) {
    (key.to_owned(), value, Origin::Flag(name.to_owned()))
}
