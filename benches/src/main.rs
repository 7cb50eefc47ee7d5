//! Prints the performance table: Transom beside the bare HTTP library and beside Express with better-sqlite3, in one run.
//!
//! Every figure is a ratio within a round; rounds are interleaved and the median of the ratios is the result.

mod ceiling;
mod data;
mod load;
mod machine;
mod measure;
mod pairs;
mod served;
mod servers;
mod table;
mod turns;

use std::path::PathBuf;

use clap::Parser;

#[derive(Parser)]
#[command(about = "Measures Transom beside its ceiling and its peers")]
enum Command {
    /// Measures and prints the table.
    Run(Run),
    /// Measures and prints the table of the works on a database server.
    Served(Run),
    /// The ceiling: serves one file's bytes from memory with the bare HTTP library.
    Ceiling {
        /// Port on the loopback address.
        port: u16,
        /// The body.
        body: PathBuf,
    },
}

/// What is measured, and how long.
#[derive(clap::Args)]
pub struct Run {
    /// The binary under test.
    #[arg(long, default_value = "target/dist/transom")]
    pub transom: PathBuf,
    /// Where databases and peers are put.
    #[arg(long, default_value = "target/bench")]
    pub work: PathBuf,
    /// Rounds; each runs every work on every server.
    #[arg(long, default_value_t = 9)]
    pub rounds: u32,
    /// Seconds of each run.
    #[arg(long, default_value_t = 2.5)]
    pub seconds: f64,
    /// Comparisons of four short slices in each round, for what differs by a few per cent.
    #[arg(long, default_value_t = 10)]
    pub fours: u32,
    /// Keep-alive connections.
    #[arg(long, default_value_t = 64)]
    pub connections: u32,
    /// Rows of the table that is read.
    #[arg(long, default_value_t = 100_000)]
    pub rows: u32,
    /// Also writes the table to this file.
    #[arg(long)]
    pub write: Option<PathBuf>,
}

fn main() -> anyhow::Result<()> {
    match Command::parse() {
        Command::Ceiling { port, body } => ceiling::serve(port, &body),
        Command::Run(run) => shown(&run, measure::run(&run)?),
        Command::Served(run) => shown(&run, served::run(&run)?),
    }
}

#[allow(clippy::print_stdout, reason = "the table is this program's output")]
fn shown(run: &Run, table: String) -> anyhow::Result<()> {
    println!("{table}");
    if let Some(file) = &run.write {
        std::fs::write(file, table)?;
    }
    Ok(())
}
