//! What the tests need beside Rust: found, or installed by package, or named in a failure; never skipped.

use std::{fs, path::Path};

use anyhow::bail;

use crate::process;

/// A program, how to see that it is there, and the Debian package that brings it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Need {
    /// The program.
    pub program: &'static str,
    /// Arguments with which it succeeds when it is usable.
    pub probe: &'static [&'static str],
    /// The Debian package.
    pub package: &'static str,
    /// What it is for.
    pub why: &'static str,
}

const COMPILER: Need = Need {
    program: "cc",
    probe: &["--version"],
    package: "build-essential",
    why: "the embedded database is compiled from C",
};
const NODE: Need = Need {
    program: "node",
    probe: &["--version"],
    package: "nodejs",
    why: "published JavaScript clients are run against the server",
};
const NPM: Need =
    Need { program: "npm", probe: &["--version"], package: "npm", why: "it fetches the published clients" };
const PYTHON: Need = Need {
    program: "python3",
    probe: &["-c", "import ensurepip, venv"],
    package: "python3-venv",
    why: "published programs judge the API's description",
};
const KILL: Need = Need {
    program: "kill",
    probe: &["-l"],
    package: "procps",
    why: "servers are stopped as an operator stops them",
};
const LIMITS: Need = Need {
    program: "prlimit",
    probe: &["--version"],
    package: "util-linux",
    why: "a full disk is played by a limit on the size of files",
};
const SERVER: Need = Need {
    program: "sh",
    probe: &["-c", "ls /usr/lib/postgresql/*/bin/initdb || command -v initdb"],
    package: "postgresql",
    why: "the database port is tested on a real server",
};
const POOLER: Need = Need {
    program: "sh",
    probe: &["-c", "PATH=$PATH:/usr/sbin pgbouncer --version"],
    package: "pgbouncer",
    why: "the database port is tested behind a pooler",
};
const FORMATTER: Need = Need {
    program: "cargo",
    probe: &["fmt", "--version"],
    package: "rustfmt",
    why: "the formatting is checked",
};
const LINTER: Need = Need {
    program: "cargo",
    probe: &["clippy", "--version"],
    package: "rust-clippy",
    why: "warnings are denied",
};

/// What `cargo xtask test` needs.
pub const TEST: &[Need] = &[COMPILER, FORMATTER, LINTER, NODE, NPM, PYTHON, KILL, LIMITS, SERVER];
/// What `cargo xtask test` uses where it is there, or can be installed.
pub const TEST_MAY: &[Need] = &[POOLER];
/// What `cargo xtask bench` needs.
pub const BENCH: &[Need] = &[COMPILER, NODE, NPM];

/// How missing packages can be installed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Installer {
    /// As root.
    Direct,
    /// With sudo that asks nothing.
    Sudo,
    /// Not at all.
    None,
}

/// Sees that everything needed is there. Errors: what is missing and how to install it.
pub async fn provide(root: &Path, needs: &[Need]) -> anyhow::Result<()> {
    let found = |need: &Need| process::succeeds(need.program, need.probe);
    let missing: Vec<Need> = needs.iter().filter(|need| !found(need)).copied().collect();
    if missing.is_empty() {
        return Ok(());
    }
    // Components of the toolchain come with the toolchain's own installer where that is in use.
    let (components, packages): (Vec<Need>, Vec<Need>) = missing
        .into_iter()
        .partition(|need| need.program == "cargo" && process::succeeds("rustup", &["--version"]));
    for component in &components {
        println!("Installing the Rust component {} ({})", component.probe[0], component.why);
        let name = if component.probe[0] == "fmt" { "rustfmt" } else { "clippy" };
        process::run(root, "rustup", &["component", "add", name]).await?;
    }
    install(root, &packages).await?;
    let still: Vec<Need> = components.iter().chain(&packages).filter(|need| !found(need)).copied().collect();
    if still.is_empty() { Ok(()) } else { bail!(explain(&still)) }
}

/// Sees whether what is not needed but used can be there too; says what is not.
pub async fn try_to_provide(root: &Path, needs: &[Need]) {
    if let Err(error) = provide(root, needs).await {
        println!("Some tests will say that they are not run: {error:#}");
    }
}

async fn install(root: &Path, needs: &[Need]) -> anyhow::Result<()> {
    if needs.is_empty() {
        return Ok(());
    }
    let names: Vec<&str> = needs.iter().map(|need| need.package).collect();
    let mut words = match installer() {
        Installer::None => bail!(explain(needs)),
        Installer::Sudo => vec!["sudo", "-n", "apt-get"],
        Installer::Direct => vec!["apt-get"],
    };
    println!("Installing by apt-get: {}", names.join(", "));
    let [program, start @ ..] = words.as_slice() else { return Ok(()) };
    process::run(root, program, &[start, &["update"]].concat()).await?;
    words.extend(["install", "--yes", "--no-install-recommends"]);
    words.extend(names);
    process::run_with(root, words[0], &words[1..], &[("DEBIAN_FRONTEND", "noninteractive")]).await
}

fn installer() -> Installer {
    let root = fs::read_to_string("/proc/self/status")
        .unwrap_or_default()
        .lines()
        .any(|line| line.strip_prefix("Uid:").is_some_and(|ids| ids.split_whitespace().nth(1) == Some("0")));
    match process::succeeds("apt-get", &["--version"]) {
        true if root => Installer::Direct,
        true if process::succeeds("sudo", &["-n", "true"]) => Installer::Sudo,
        _ => Installer::None,
    }
}

fn explain(needs: &[Need]) -> String {
    let mut text = "the tests need what is not here, and it cannot be installed by this program:".to_owned();
    for need in needs {
        text += &format!("\n  {} {}: {}", need.program, need.probe.join(" "), need.why);
    }
    let names: Vec<&str> = needs.iter().map(|need| need.package).collect();
    text + &format!("\nOn Debian or Ubuntu: sudo apt-get install {}", names.join(" "))
}

/// Fetches the published clients that tests use: every `package.json` under `tests/`, at the versions of its lock file.
pub async fn clients(root: &Path) -> anyhow::Result<()> {
    let mut folders = Vec::new();
    package_folders(&root.join("tests"), &mut folders);
    for folder in folders {
        let newer = |name: &str| folder.join(name).metadata().and_then(|found| found.modified()).ok();
        // npm writes this file last, so an interrupted installation is begun again.
        let installed = newer("node_modules/.package-lock.json");
        let wanted = newer("package-lock.json").max(newer("package.json"));
        if installed.is_none() || installed < wanted {
            println!("Fetching the clients of {}", folder.strip_prefix(root).unwrap_or(&folder).display());
            let verb = if folder.join("package-lock.json").exists() { "ci" } else { "install" };
            process::run(&folder, "npm", &[verb, "--no-audit", "--no-fund", "--loglevel=error"]).await?;
        }
    }
    python_clients(root).await
}

/// Installs `tests/e2e/requirements.txt` into an environment of its own under `target/`.
async fn python_clients(root: &Path) -> anyhow::Result<()> {
    let wanted = fs::read_to_string(root.join("tests/e2e/requirements.txt"))?;
    let environment = root.join("target/python-clients");
    // Written last, so an interrupted installation is begun again.
    let note = environment.join("installed.txt");
    if fs::read_to_string(&note).is_ok_and(|installed| installed == wanted) {
        return Ok(());
    }
    println!("Fetching the clients of tests/e2e/requirements.txt");
    process::run(root, "python3", &["-m", "venv", "target/python-clients"]).await?;
    let pip = ["install", "--quiet", "--disable-pip-version-check", "-r", "tests/e2e/requirements.txt"];
    process::run(root, "target/python-clients/bin/pip", &pip).await?;
    Ok(fs::write(note, wanted)?)
}

fn package_folders(folder: &Path, found: &mut Vec<std::path::PathBuf>) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() && entry.file_name() != "node_modules" {
            package_folders(&path, found);
        } else if entry.file_name() == "package.json" {
            found.push(folder.to_path_buf());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_named_with_its_package_and_reason() {
        let absent =
            Need { program: "no-such-program", probe: &["--version"], package: "no-such", why: "a test" };
        assert!(!process::succeeds(absent.program, absent.probe));
        let text = explain(&[absent, NODE]);
        for part in ["no-such-program --version: a test", "sudo apt-get install no-such nodejs"] {
            assert!(text.contains(part), "{text}");
        }
    }
}
