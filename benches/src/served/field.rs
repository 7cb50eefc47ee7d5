//! The servers: a database server of the run's own, Transom twice, and the peers.

use std::{path::Path, process::Command};

use anyhow::{Context, ensure};
use transom_pgkit::{Durability, Programs, Server as Database};

use crate::{
    Run, data,
    load::Target,
    measure::{SECRET, mint, project, transom},
    servers::{self, Server},
};

/// Everything that runs during the measurement.
pub struct Field {
    pub transom: Server,
    native: Server,
    express: Server,
    graphile: Server,
    rows: u32,
    /// What the database server calls itself.
    pub version: String,
    /// The versions of what the peers are made of.
    pub peers: String,
    /// A token that may do everything.
    pub token: String,
    // Dropped last: the others would complain of its end.
    database: Database,
}

/// Roles of the database server's own, as row-level security wants them.
const ROLES: &str = "DO $$ BEGIN IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'anon') THEN CREATE ROLE anon; END IF; END $$; \
GRANT SELECT ON categories, products TO anon; GRANT SELECT, INSERT ON events TO anon; \
ALTER TABLE products ENABLE ROW LEVEL SECURITY; CREATE POLICY everyone ON products FOR SELECT TO anon USING (true);";

impl Field {
    pub fn start(run: &Run) -> anyhow::Result<Self> {
        let database = Database::start(Durability::Full);
        let url = database.url("postgres");
        let project = project(run)?;
        let log = |name: &str| run.work.join(format!("served-{name}.log"));
        let (port, admin) = (servers::free_port()?, servers::free_port()?);
        let mut command = transom(run, &project, port, admin)?;
        command.args(["--database-url", &url]);
        for set in ["rest.rows_max=none", "rest.write_rows_max=100000", "server.limits.body_bytes_max=64MiB"]
        {
            command.args(["--set", set]);
        }
        let transom = Server::start(command, port, "/rest/v1/products?limit=1", &log("transom"))?;
        let token = mint(run, &project, "service_role", &[])?;
        eprintln!("filling {} rows", run.rows);
        for (table, body) in data::batches(run.rows) {
            let reply = servers::answer(port, "POST", &format!("/rest/v1/{table}"), Some(&token), &body)?;
            ensure!(reply.starts_with("HTTP/1.1 201"), "filling {table}: {reply}");
        }
        asked(&url, &format!("{ROLES} ANALYZE"))?;
        let version = asked(&url, "SELECT 'PostgreSQL ' || current_setting('server_version')")?;
        Ok(Self {
            native: native(run, &url, "native", "/products?limit=1")?,
            express: peer(run, "express-pg.js", &[&url], "/products/1", &log("express"))?,
            graphile: graphile(run, &url, &log("graphile"))?,
            transom,
            rows: run.rows,
            version,
            peers: servers::versions(&run.work, &["express", "pg", "postgraphile"]),
            token,
            database,
        })
    }

    /// The address of one of the database server's databases.
    pub fn url(&self, database: &str) -> String {
        self.database.url(database)
    }

    /// The database server's process.
    pub fn database_id(&self) -> Option<u32> {
        self.database.id()
    }

    /// Transom guarded and native, Express, PostGraphile.
    pub fn targets(&self) -> [Target; 4] {
        [&self.transom, &self.native, &self.express, &self.graphile].map(|server| Target {
            port: server.port,
            rows: self.rows,
            token: None,
        })
    }
}

/// Transom as the database's own roles see it, up to its first answer to `path`.
pub fn native(run: &Run, url: &str, name: &str, path: &str) -> anyhow::Result<Server> {
    let port = servers::free_port()?;
    let config = run.work.join(format!("{name}.conf"));
    let text = format!(
        "db-uri = \"{url}\"\ndb-schemas = \"public\"\ndb-anon-role = \"anon\"\njwt-secret = \"{SECRET}\"\n\
         server-host = \"127.0.0.1\"\nserver-port = {port}\nlog-level = \"error\"\n"
    );
    std::fs::write(&config, text)?;
    let mut command = Command::new(std::fs::canonicalize(&run.transom)?);
    command.arg("serve").arg("--postgrest-config").arg(&config);
    Server::start(command, port, path, &run.work.join(format!("served-{name}.log")))
}

fn peer(run: &Run, script: &str, before: &[&str], path: &str, log: &Path) -> anyhow::Result<Server> {
    let port = servers::free_port()?;
    let mut command = servers::node(&run.work)?;
    command.arg(script).args(before).arg(port.to_string()).arg("2");
    Server::start(command, port, path, log)
}

fn graphile(run: &Run, url: &str, log: &Path) -> anyhow::Result<Server> {
    let port = servers::free_port()?;
    let mut command = servers::node(&run.work)?;
    command.args(["node_modules/postgraphile/cli.js", "-c", url, "--port", &port.to_string()]);
    command.args([
        "--host",
        "127.0.0.1",
        "--cluster-workers",
        "2",
        "--disable-graphiql",
        "--disable-query-log",
    ]);
    let question = "/graphql?query=%7B__typename%7D";
    // It answers questions by POST alone; that it says so is a sign of life.
    Server::start_until(command, port, question, "HTTP/1.1 405", log)
}

/// What the database answers to a script's last statement.
pub fn asked(url: &str, sql: &str) -> anyhow::Result<String> {
    let mut psql = Programs::find().command("psql");
    let output = psql
        .args(["-At", "-q", "-v", "ON_ERROR_STOP=1", "-c", sql, url])
        .stdout(std::process::Stdio::piped());
    let output = output.output().context("psql")?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}
