//! The configuration of a PostgREST deployment: its file and its `PGRST_…` variables, as they are, become ours.

mod address;
mod file;
mod keys;
mod uri;

use crate::{Fault, Origin, Secret};

pub use keys::{IN_DATABASE, KEYS};

/// What a transaction's end is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TransactionEnd {
    /// Everything is undone unless the request says otherwise.
    pub rollback: bool,
    /// Requests may say otherwise.
    pub may_override: bool,
}

/// Whose privileges the API's description goes by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OpenApiMode {
    /// The caller's.
    #[default]
    FollowPrivileges,
    /// Nobody's: everything is described.
    IgnorePrivileges,
    /// There is no description.
    Disabled,
}

/// What a PostgREST configuration says beyond what every Transom has a key for.
#[derive(Clone, Debug)]
pub struct Postgrest {
    /// The keys that ours have a counterpart of, as flags would set them.
    pub overrides: Vec<(String, String, Origin)>,
    /// `db-schemas`
    pub schemas: Vec<String>,
    /// `db-extra-search-path`
    pub search_path: Vec<String>,
    /// `db-anon-role`
    pub anonymous_role: Option<String>,
    /// `db-pre-request`, as the engine writes the name.
    pub before: Option<String>,
    /// `db-root-spec`: a function that answers at the root, as it is called in a path.
    pub root: Option<String>,
    /// `db-tx-end`
    pub end: TransactionEnd,
    /// `db-max-rows`
    pub rows_max: Option<u32>,
    /// `db-prepared-statements`
    pub prepares: bool,
    /// `db-pool-acquisition-timeout`, in seconds.
    pub connection_wait: Option<u32>,
    /// `db-pool-max-lifetime`, in seconds.
    pub connection_age: u32,
    /// `db-pool-max-idletime`, in seconds.
    pub connection_idle: u32,
    /// `db-config`: whether the database has settings for its role, and `db-pre-config`, a function that makes more of them.
    pub in_database: Option<InDatabase>,
    /// `db-hoisted-tx-settings`
    pub hoisted: Vec<String>,
    /// `db-channel`, unless `db-channel-enabled` is off.
    pub channel: Option<String>,
    /// `jwt-secret`: a secret, a JSON Web Key or a set of them.
    pub secret: Option<Secret>,
    /// `jwt-secret-is-base64`
    pub secret_is_base64: bool,
    /// `app.settings.*`
    pub settings: Vec<(String, String)>,
    /// `openapi-mode`
    pub openapi: OpenApiMode,
    /// `openapi-security-active`
    pub openapi_security: bool,
    /// `openapi-server-proxy-uri`
    pub openapi_address: Option<String>,
    /// `server-cors-allowed-origins`; `None` allows every origin.
    pub origins: Option<Vec<String>>,
    /// `server-trace-header`
    pub trace_header: Option<String>,
}

/// How settings that the database holds for its role are asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct InDatabase {
    /// A function that makes settings, as the engine writes its name.
    pub function: Option<String>,
}

/// Reads a PostgREST configuration; variables win over the file, and what the database says over both. `variables` are all of
/// the environment's that begin with `PGRST_`, `in_database` the settings `pgrst.…` of its role; `read_file` gives the text of
/// `@file` values.
/// Errors: every fault found.
pub fn read(
    (file_name, text): (&str, &str),
    variables: &[(String, String)],
    in_database: &[(String, String)],
    env: &dyn Fn(&str) -> Option<String>,
    read_file: &dyn Fn(&str) -> Option<String>,
) -> Result<Postgrest, Vec<Fault>> {
    let mut faults = Vec::new();
    let mut given = file::values(file_name, text, env, &mut faults);
    keys::add_variables(&mut given, variables);
    keys::add_in_database(&mut given, in_database);
    let read = keys::Reader { given: &given, env, read_file, faults: &mut faults }.read();
    if faults.is_empty() { Ok(read) } else { Err(faults) }
}

#[cfg(test)]
mod tests;
