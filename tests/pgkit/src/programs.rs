//! Where PostgreSQL's programs are, and as whom they run.

use std::{
    env, fs,
    os::unix::{fs::MetadataExt, process::CommandExt},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

/// Debian keeps each version's programs in a folder of its own, outside of `PATH`.
const DEBIAN: &str = "/usr/lib/postgresql";

/// Names the folder of another PostgreSQL's programs. What is not there, such as `psql`, is taken from the installed one.
pub const PROGRAMS: &str = "TRANSOM_TEST_POSTGRES_PROGRAMS";

/// Users that the server may run as where we are root, which it refuses.
const USERS: [&str; 2] = ["postgres", "nobody"];

/// The folder of `initdb`, `pg_ctl` and the others, and the user they run as.
#[derive(Clone, Debug)]
pub struct Programs {
    folder: PathBuf,
    /// Where the programs are that the folder does not have.
    installed: Option<PathBuf>,
    /// User and group, where it is not ourselves.
    pub(crate) user: Option<(u32, u32)>,
}

/// Whether PostgreSQL is not installed.
pub fn missing() -> bool {
    folder().is_none()
}

fn folder() -> Option<PathBuf> {
    env::var_os(PROGRAMS).map(PathBuf::from).or_else(installed)
}

fn installed() -> Option<PathBuf> {
    let versions = fs::read_dir(DEBIAN).ok().into_iter().flatten().filter_map(Result::ok);
    let version = |path: &Path| -> u32 {
        path.file_name().and_then(|name| name.to_str()).and_then(|name| name.parse().ok()).unwrap_or(0)
    };
    let newest = versions.map(|entry| entry.path()).max_by_key(|path| version(path));
    let path = env::var_os("PATH").unwrap_or_default();
    let mut folders = newest.map(|path| path.join("bin")).into_iter().chain(env::split_paths(&path));
    folders.find(|folder| folder.join("initdb").is_file() && folder.join("pg_ctl").is_file())
}

impl Programs {
    /// Those named by [`PROGRAMS`], else the newest installed. Panics, naming the package, when there is none.
    pub fn find() -> Self {
        let folder = folder().expect("PostgreSQL is needed: install the package `postgresql`");
        let root = fs::metadata("/proc/self").is_ok_and(|own| own.uid() == 0);
        Self { folder, installed: installed(), user: root.then(unprivileged) }
    }

    /// Those of a folder; what it does not have is the installed one's.
    pub fn of(folder: PathBuf) -> Self {
        Self { folder, ..Self::find() }
    }

    /// A program, ready for its arguments; silent.
    pub fn command(&self, program: &str) -> Command {
        let own = self.folder.join(program);
        match self.installed.as_ref().filter(|_| !own.is_file()) {
            Some(installed) => self.any_command(&installed.join(program)),
            None => self.any_command(&own),
        }
    }

    /// Starts a process that does this in the shell when its input ends: when it is closed, and when this process ends in
    /// any way. `$1` is the folder of the programs, `$2` the argument.
    pub(crate) fn at_the_end(&self, script: &str, argument: &Path) -> Child {
        let mut command = self.any_command(Path::new("sh"));
        command.args(["-c", &format!("cat >/dev/null; {script}"), "sh"]).arg(&self.folder).arg(argument);
        // What interrupts a test run must not reach it.
        command.stdin(Stdio::piped()).stderr(Stdio::null()).process_group(0).spawn().expect("a shell starts")
    }

    pub(crate) fn any_command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command.stdin(Stdio::null()).stdout(Stdio::null()).current_dir("/");
        if let Some((uid, gid)) = self.user {
            command.uid(uid).gid(gid);
        }
        command
    }

    /// Runs a program that must succeed.
    pub(crate) fn run(&self, program: &str, arguments: &[&str]) {
        let done = self.command(program).args(arguments).stderr(Stdio::piped()).output().expect("it starts");
        assert!(done.status.success(), "{program} {arguments:?}: {}", String::from_utf8_lossy(&done.stderr));
    }
}

fn unprivileged() -> (u32, u32) {
    let passwd = fs::read_to_string("/etc/passwd").expect("there are users");
    let find = |name: &&str| {
        let line = passwd.lines().find(|line| line.split(':').next() == Some(*name))?;
        let mut fields = line.split(':').skip(2);
        Some((fields.next()?.parse().ok()?, fields.next()?.parse().ok()?))
    };
    USERS
        .iter()
        .find_map(find)
        .expect("the server refuses to run as root, and there is no other user to run as")
}
