//! A database of a test's own.

use std::env;

use crate::{Durability, Programs, SHARED, Server};

/// A database; dropped with it, whoever is still connected.
pub struct Database {
    admin: String,
    name: String,
    programs: Programs,
    /// Only where no server is shared.
    _server: Option<Server>,
}

impl Database {
    /// A new, empty database on the shared server, or on one of its own.
    pub fn create() -> Self {
        match env::var(SHARED) {
            Ok(admin) => Self::on(admin, None, &[]),
            Err(_) => Self::alone(&[]),
        }
    }

    /// The same in another encoding than UTF-8, `LATIN1`, on a server of its own.
    pub fn encoded(encoding: &str) -> Self {
        Self::alone(&["--encoding", encoding, "--locale", "C", "--template", "template0"])
    }

    fn alone(options: &[&str]) -> Self {
        let server = Server::start(Durability::None);
        Self::on(server.url("postgres"), Some(server), options)
    }

    fn on(admin: String, server: Option<Server>, options: &[&str]) -> Self {
        let programs = Programs::find();
        let name = format!("test_{}", uuid::Uuid::new_v4().simple());
        programs.run("createdb", &[&["--maintenance-db", &admin, &name], options].concat());
        Self { admin, name, programs, _server: server }
    }

    /// Its address.
    pub fn url(&self) -> String {
        self.admin.replacen("/postgres?", &format!("/{}?", self.name), 1)
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        let mut drop = self.programs.command("dropdb");
        drop.args(["--force", "--if-exists", "--maintenance-db", &self.admin, &self.name]);
        let _ = drop.stderr(std::process::Stdio::null()).status();
    }
}
