//! One module per command.

pub mod check;
pub mod config;
pub mod explain;
pub mod migrate;
pub mod new;
pub mod reload;
pub mod seed;
pub mod serve;
pub mod token;

use serde_json::{Map, Value as Json};

/// `name=value` pairs as claims; a value that is JSON is taken as JSON.
fn claims(pairs: &[String]) -> anyhow::Result<Map<String, Json>> {
    let pair = |pair: &String| {
        let (name, value) = pair.split_once('=').ok_or_else(|| {
            anyhow::anyhow!("--claim {pair}: write NAME=VALUE, such as --claim tenant=acme")
        })?;
        let value = serde_json::from_str(value).unwrap_or_else(|_| Json::String(value.to_owned()));
        Ok((name.to_owned(), value))
    };
    pairs.iter().map(pair).collect()
}

/// Runs one asynchronous command on a runtime of its own.
fn block_on<T>(command: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?.block_on(command)
}
