//! `cargo xtask`: everything that is done to the project itself. `test` is what continuous integration runs.

#![allow(clippy::print_stdout, reason = "a command line program")]

mod build;
mod codegen;
mod metadata;
mod needs;
mod process;
mod test;
mod tidy;
mod versions;

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

const USAGE: &str = "Usage: cargo xtask COMMAND

  test               formatting, clippy, tidy, and every test
  postgres-versions [MAJOR...]
                     what concerns a database server, on PostgreSQL 14 to 18 or those named
  tidy               the house rules alone
  codegen [--check]  writes the generated reference pages, or says which are out of date
  bench [ARGS]       measures, with the shipping profile: prints the performance table
  release            builds what ships and prints its size
";

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match run(&arguments).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("\nerror: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: &[String]) -> anyhow::Result<()> {
    let (command, rest) =
        arguments.split_first().map_or(("", &[][..]), |(first, rest)| (first.as_str(), rest));
    let root = root();
    match (command, rest) {
        ("test", []) => test::run(&root).await,
        ("postgres-versions", majors) => versions::run(&root, majors).await,
        ("tidy", []) => tidy::run(&root),
        ("codegen", []) => codegen::write(&root),
        ("codegen", [flag]) if flag == "--check" => codegen::check(&root),
        ("bench", rest) => build::bench(&root, rest).await,
        ("release", []) => build::release(&root).await,
        _ => anyhow::bail!("{USAGE}"),
    }
}

/// The workspace this program was built in.
fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.ancestors().nth(2).unwrap_or(here).to_path_buf()
}
