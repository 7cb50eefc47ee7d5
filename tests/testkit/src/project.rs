//! A project in a temporary folder.

use std::{
    cell::OnceCell,
    fs,
    path::{Path, PathBuf},
};

use tempfile::TempDir;
use transom_pgkit::Database;

use crate::{SECRET, Server, engine};

/// A project in a temporary folder, gone when dropped.
pub struct Project {
    folder: TempDir,
    /// Its database, where that is not in the folder.
    server_database: OnceCell<Database>,
}

impl Project {
    /// An empty project with a secret of the tests' own and quiet logs.
    pub fn empty() -> Self {
        let folder = tempfile::Builder::new().prefix("transom-test-").tempdir().expect("a temporary folder");
        let project = Self { folder, server_database: OnceCell::new() };
        project.write("transom.toml", &format!("[auth]\nsecret = \"{SECRET}\"\n\n[log]\nlevel = \"warn\"\n"));
        project
    }

    /// A project of one migration and one policy file.
    pub fn of(migration: &str, policies: &str) -> Self {
        let project = Self::empty();
        project.write("migrations/0001_test.sql", migration);
        project.write("policies.sql", policies);
        project
    }

    /// A copy of an example.
    pub fn example(name: &str) -> Self {
        let project = Self::empty();
        copy(&root().join("examples").join(name), project.dir());
        project
    }

    /// Its folder.
    pub fn dir(&self) -> &Path {
        self.folder.path()
    }

    /// Writes a file.
    pub fn write(&self, name: &str, text: &str) -> &Self {
        let file = self.dir().join(name);
        fs::create_dir_all(file.parent().expect("a parent")).expect("a folder");
        fs::write(file, text).expect("a file");
        self
    }

    /// Adds lines to `transom.toml`.
    pub fn configure(&self, lines: &str) -> &Self {
        let file = self.dir().join("transom.toml");
        let text = fs::read_to_string(&file).unwrap_or_default();
        fs::write(file, format!("{text}\n{lines}\n")).expect("a file");
        self
    }

    /// The database file.
    pub fn database(&self) -> PathBuf {
        self.dir().join("data/app.db")
    }

    /// Serves it, from the engine that this run is about.
    pub fn serve(&self) -> Server {
        if !engine::is_server() {
            return Server::start(self.dir(), &[]);
        }
        let database = self.server_database.get_or_init(|| {
            for (path, text) in self.migrations() {
                fs::write(path, engine::translated(&text)).expect("a file");
            }
            Database::create()
        });
        Server::start(self.dir(), &["--database-url", &database.url()])
    }

    /// Serves it from a database server, whatever engine this run is about; its schema is in that server's own words.
    pub fn on_a_server(self) -> (Self, Database, Server) {
        let database = Database::create();
        let server = Server::start(self.dir(), &["--database-url", &database.url()]);
        (self, database, server)
    }

    /// Serves a database as PostgREST would, by this configuration. Errors: what it printed when it did not start.
    pub fn serve_as_postgrest(&self, configuration: &str, flags: &[&str]) -> Result<Server, String> {
        let file = self.write("postgrest.conf", configuration).dir().join("postgrest.conf");
        let file = file.to_str().expect("a name that is text");
        Server::try_start(self.dir(), &[&["--postgrest-config", file], flags].concat())
    }

    fn migrations(&self) -> Vec<(PathBuf, String)> {
        let files = fs::read_dir(self.dir().join("migrations")).into_iter().flatten();
        let paths = files.map(|entry| entry.expect("an entry").path());
        paths.map(|path| (path.clone(), fs::read_to_string(path).expect("a file"))).collect()
    }
}

/// The repository's root.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Copies the files of a folder, but for databases made by running it.
fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder");
    for entry in fs::read_dir(from).expect("the example is there") {
        let path = entry.expect("an entry").path();
        let name = path.file_name().expect("a name");
        match (path.is_dir(), name.to_str()) {
            (true, Some("data")) => {}
            (true, _) => copy(&path, &to.join(name)),
            (false, _) => {
                fs::copy(&path, to.join(name)).expect("a copy");
            }
        }
    }
}
