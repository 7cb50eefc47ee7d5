//! The `transom` binary: parses the command line and dispatches.

#![allow(clippy::print_stdout, reason = "what a command finds goes to standard output")]

#[macro_use]
mod say;
mod cli;
mod commands;
mod counters;
mod descriptors;
mod faults;
mod migrations;
mod moving;
mod project;
mod seed;
mod wiring;

use std::process::ExitCode;

use clap::Parser;
use cli::{Cli, Command};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let outcome = match Cli::parse().command {
        Command::Serve(serve) => commands::serve::run(&serve),
        Command::New { name, template } => commands::new::run(&name, template),
        Command::Migrate { project, to, action } => commands::migrate::run(&project, to, action),
        Command::Check(project) => commands::check::run(&project),
        Command::Config { project, action } => commands::config::run(&project, action),
        Command::Seed(seed) => commands::seed::run(&seed),
        Command::Token(token) => commands::token::run(&token),
        Command::Explain { project, url, role, claims, method, body } => {
            commands::explain::run(&project, &commands::explain::Asked { url, role, claims, method, body })
        }
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
