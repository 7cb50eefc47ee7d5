//! A PostgreSQL server of a test's own, which is gone with it.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::{
    os::unix::{fs::chown, process::CommandExt},
    path::PathBuf,
    process::{Command, Stdio},
    sync::Arc,
};

use tokio_postgres::{Client, NoTls};

use crate::changes::{Connect, drive, listen};
use crate::errors::{During, db_error};

/// A server that listens on a socket in a directory of its own.
pub(crate) struct Scratch {
    directory: tempfile::TempDir,
    programs: PathBuf,
    /// The server refuses to run as root.
    user: Option<(u32, u32)>,
}

impl Scratch {
    pub(crate) fn start() -> Self {
        let newest = || {
            let installed = std::fs::read_dir("/usr/lib/postgresql").expect("PostgreSQL is installed");
            installed.map(|entry| entry.unwrap().path().join("bin")).max().unwrap()
        };
        let named = std::env::var_os("TRANSOM_TEST_POSTGRES_PROGRAMS").map(PathBuf::from);
        let programs = named.unwrap_or_else(newest);
        let directory = tempfile::tempdir().unwrap();
        let passwd = std::fs::read_to_string("/etc/passwd").unwrap();
        let mut fields =
            passwd.lines().find(|line| line.starts_with("postgres:")).unwrap().split(':').skip(2);
        let mut id = || fields.next().unwrap().parse::<u32>().unwrap();
        let owner = (id(), id());
        let root =
            std::fs::metadata("/proc/self").map(|me| std::os::unix::fs::MetadataExt::uid(&me) == 0).unwrap();
        let user = root.then_some(owner);
        if let Some((uid, gid)) = user {
            chown(directory.path(), Some(uid), Some(gid)).unwrap();
        }
        let scratch = Self { directory, programs, user };
        scratch.run("initdb", &["-U", "postgres", "-A", "trust", "--no-sync", "-E", "UTF8"]);
        let options = format!("-k {} -c listen_addresses= -c fsync=off", scratch.directory.path().display());
        scratch.run("pg_ctl", &["-w", "-l", "/dev/null", "-o", &options, "start"]);
        scratch
    }

    fn run(&self, program: &str, arguments: &[&str]) {
        let mut command = Command::new(self.programs.join(program));
        command.arg("-D").arg(self.directory.path().join("data")).args(arguments).stdout(Stdio::null());
        command.current_dir(self.directory.path());
        if let Some((uid, gid)) = self.user {
            command.uid(uid).gid(gid);
        }
        assert!(command.status().unwrap().success(), "{program}");
    }

    pub(crate) fn restart(&self) {
        let options = format!("-k {} -c listen_addresses= -c fsync=off", self.directory.path().display());
        self.run("pg_ctl", &["-m", "immediate", "stop"]);
        self.run("pg_ctl", &["-w", "-l", "/dev/null", "-o", &options, "start"]);
    }

    fn url(&self) -> String {
        format!("host={} user=postgres dbname=postgres", self.directory.path().display())
    }

    pub(crate) async fn client(&self) -> Client {
        let (client, connection) = tokio_postgres::connect(&self.url(), NoTls).await.unwrap();
        tokio::spawn(connection);
        client
    }

    pub(crate) fn connect(&self) -> Connect {
        let url = self.url();
        Arc::new(move |wake| {
            let url = url.clone();
            Box::pin(async move {
                let connected = tokio_postgres::connect(&url, NoTls).await;
                let (client, connection) = connected.map_err(|error| db_error(&error, During::Read))?;
                tokio::spawn(drive(connection, wake));
                listen(&client).await?;
                Ok(client)
            })
        })
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        self.run("pg_ctl", &["-m", "immediate", "stop"]);
    }
}
