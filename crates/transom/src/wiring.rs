//! Brings the rooms together: the one place that names adapters, and that maps the configuration to what each room wants.

use std::{
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use transom_config::{Auth, OpenApiMode, Postgrest, Synchronous};
use transom_data::{Data, PlanOptions};
use transom_events::{ChangeFeed, FeedSettings, Observer as FeedObserver};
use transom_identity::{Identity, Observation as KeyObservation, Secret, Settings as IdentitySettings};
use transom_ports::Database;
use transom_server::{App, Cors, Described, LogFormat, LogSettings, Native, Settings};
use transom_sql::Dialect;
use transom_sqlite::{Location, Options, Sqlite, Synchronous as Durability};
use transom_types::Problem;

use crate::{descriptors, faults::Faults, project::Project};

/// A verified token and what is kept beside it, in bytes.
const TOKEN_BYTES: u64 = 2 * 1024;

/// Opens the project's database.
pub async fn database(project: &Project) -> anyhow::Result<Arc<dyn Database>> {
    match project.database_path() {
        Some(path) => sqlite(project, path),
        None => postgres(project).await,
    }
}

/// Which of [`transom_sql::ENGINES`] keeps the project's data.
pub fn engine(project: &Project) -> &'static str {
    let dialect: &dyn Dialect = match project.database_path() {
        Some(_) => &transom_sql::sqlite::Sqlite,
        None => &transom_sql::postgres::Postgres,
    };
    dialect.tag()
}

async fn postgres(project: &Project) -> anyhow::Result<Arc<dyn Database>> {
    let opened = transom_postgres::Postgres::open(postgres_options(project)).await;
    Ok(Arc::new(opened.map_err(|error| Faults::from(error.into_problem()))?))
}

fn postgres_options(project: &Project) -> transom_postgres::Options {
    let config = &project.config;
    let database = &config.database;
    let cores = std::thread::available_parallelism().map_or(2, usize::from);
    let defaults = transom_postgres::Options::url(database.url.reveal());
    let postgrest = project.postgrest.as_ref();
    let seconds = |seconds: u32| Some(Duration::from_secs(seconds.into()));
    transom_postgres::Options {
        ca_file: database.ca_file.as_ref().map(|file| project.dir.join(file)),
        schemas: project.postgrest.as_ref().map_or(&database.schemas, |p| &p.schemas).clone(),
        native: project.postgrest.is_some(),
        hoisted: project.postgrest.as_ref().map(|p| p.hoisted.clone()).unwrap_or_default(),
        search_path: project.postgrest.as_ref().map(|p| p.search_path.clone()).unwrap_or_default(),
        shared_connections: match database.shared_connections {
            0 => cores,
            connections => connections as usize,
        },
        write_connections: database.write_connections as usize,
        read_connections: database.transaction_connections as usize,
        transaction_connections: database.transaction_connections as usize,
        statement_timeout_max: database.statement_timeout,
        reply_bytes_max: database.reply_bytes_max.0 as usize,
        change_count_max: config.changes.retention_count.into(),
        change_age_max: config.changes.retention_age,
        idempotency_age_max: config.rest.idempotency_age,
        prepares: postgrest.is_none_or(|p| p.prepares),
        // Who asks for statements that are not kept does so for a pooler.
        pooled: database.pooled || postgrest.is_some_and(|p| !p.prepares),
        connection_age_max: postgrest.and_then(|p| seconds(p.connection_age)),
        connection_idle_max: postgrest.and_then(|p| seconds(p.connection_idle)),
        connection_wait_max: postgrest
            .and_then(|p| seconds(p.connection_wait?))
            .unwrap_or(defaults.connection_wait_max),
        ..defaults
    }
}

/// A PostgREST configuration with what the database says for the role that connects.
pub async fn with_role_settings(project: Project) -> anyhow::Result<Project> {
    let Some(asked) = project.postgrest.as_ref().and_then(|postgrest| postgrest.in_database.as_ref()) else {
        return Ok(project);
    };
    let wanted = (asked.function.as_deref(), transom_config::postgrest::IN_DATABASE);
    let settings = transom_postgres::role_settings(&postgres_options(&project), "pgrst", wanted).await;
    let settings = settings.map_err(|error| Faults::from(error.into_problem()))?;
    if settings.is_empty() { Ok(project) } else { project.read_again(&settings) }
}

fn sqlite(project: &Project, path: std::path::PathBuf) -> anyhow::Result<Arc<dyn Database>> {
    let config = &project.config;
    let cores = std::thread::available_parallelism().map_or(2, |cores| cores.get() as u32);
    let options = Options {
        reader_threads: match config.database.reader_threads {
            0 => cores.max(2),
            threads => threads,
        },
        write_queue_max: config.database.write_queue_max as usize,
        group_units_max: config.database.group_units_max as usize,
        cache_bytes: config.database.cache_size.0,
        synchronous: match config.database.synchronous {
            Synchronous::Full => Durability::Full,
            Synchronous::Normal => Durability::Normal,
        },
        reply_bytes_max: config.database.reply_bytes_max.0 as usize,
        change_count_max: config.changes.retention_count.into(),
        change_age_max: config.changes.retention_age,
        idempotency_age_max: config.rest.idempotency_age,
        ..Options::file(path)
    };
    Ok(Arc::new(Sqlite::open(options).map_err(|error| Faults::from(error.into_problem()))?))
}

/// A database in memory of its own, gone with the process.
pub fn scratch_database() -> anyhow::Result<Arc<dyn Database>> {
    let options = Options { location: Location::Memory("scratch".to_owned()), ..Options::memory("scratch") };
    Ok(Arc::new(Sqlite::open(options).map_err(|error| Faults::from(error.into_problem()))?))
}

/// The data line over a database, with the project's policies and queries.
pub async fn data(project: &Project, database: Arc<dyn Database>) -> anyhow::Result<Data> {
    let options = PlanOptions {
        rows_max: project.config.rest.rows_max,
        aggregates: project.config.rest.aggregates,
        accounts: project.config.rest.plan,
        ..PlanOptions::default()
    };
    Ok(Data::open(database, &project.sources()?, options).await.map_err(Faults::from)?)
}

/// The secret that tokens are signed with, if there is one.
pub fn secret(auth: &Auth) -> anyhow::Result<Option<Secret>> {
    let Some(secret) = &auth.secret else { return Ok(None) };
    let secret = match auth.secret_is_base64 {
        true => Secret::from_base64(secret.reveal()),
        false => Secret::from_text(secret.reveal()),
    };
    Ok(Some(secret.map_err(Faults::from)?))
}

/// The keys of a PostgREST configuration: a secret, or the text of a key or key set.
fn postgrest_keys(postgrest: &Postgrest) -> anyhow::Result<(Option<Secret>, Vec<String>)> {
    let Some(secret) = &postgrest.secret else { return Ok((None, Vec::new())) };
    if secret.reveal().trim_start().starts_with('{') {
        return Ok((None, vec![secret.reveal().to_owned()]));
    }
    let secret = match postgrest.secret_is_base64 {
        // There, a dot may stand for the padding.
        true => Secret::from_base64(&secret.reveal().replace('.', "=")),
        false => Secret::from_text(secret.reveal()),
    };
    Ok((Some(secret.map_err(Faults::from)?), Vec::new()))
}

/// Who is asking.
pub async fn identity(project: &Project) -> anyhow::Result<Identity> {
    let auth = &project.config.auth;
    let (secret, jwks) = match &project.postgrest {
        Some(postgrest) => postgrest_keys(postgrest)?,
        None => (secret(auth)?, Vec::new()),
    };
    let defaults = IdentitySettings::default();
    let settings = IdentitySettings {
        secret,
        jwks,
        compatible: project.postgrest.is_some(),
        token_bytes_max: match project.postgrest {
            Some(_) => project.config.limits.header_bytes_max.0 as usize,
            None => defaults.token_bytes_max,
        },
        public_keys: auth.public_keys.clone(),
        jwks_files: auth.jwks_files.iter().map(|file| project.dir.join(file)).collect(),
        jwks_urls: auth.jwks_urls.clone(),
        jwks_ca_file: auth.jwks_ca_file.as_ref().map(|file| project.dir.join(file)),
        audiences: auth.audience.iter().cloned().collect(),
        issuer: auth.issuer.clone(),
        role_claim: auth.role_claim.clone(),
        anonymous_role: auth.anonymous_role.clone(),
        clock_skew_seconds: seconds(auth.skew),
        cache_bytes_max: u64::from(auth.token_cache_max) * TOKEN_BYTES,
        jwks_age_seconds_max: seconds(auth.jwks_max_age),
        observer: Some(Arc::new(|observation| match observation {
            KeyObservation::KeysFetched { .. } => tracing::info!("{observation}"),
            KeyObservation::KeysNotFetched { .. } => tracing::warn!("{observation}"),
        })),
        ..defaults
    };
    let identity = Identity::new(settings).map_err(Faults::from)?;
    identity.warm(SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs()).await;
    Ok(identity)
}

fn seconds(duration: Duration) -> u32 {
    u32::try_from(duration.as_secs()).unwrap_or(u32::MAX)
}

/// Everything that serves.
pub async fn app(project: &Project, data: Arc<Data>) -> anyhow::Result<App> {
    let identity = Arc::new(identity(project).await?);
    let changes = changes(project, &data).await.map_err(Faults::from)?;
    Ok(App::new(settings(project), data, identity, changes))
}

async fn changes(project: &Project, data: &Arc<Data>) -> Result<Option<ChangeFeed>, Problem> {
    let tables: Vec<Box<str>> =
        project.config.changes.tables.iter().map(|name| name.as_str().into()).collect();
    if tables.is_empty() {
        return Ok(None);
    }
    let policies = data.clone();
    let source = Arc::new(move || policies.model().policies.clone());
    let observer: FeedObserver = Arc::new(|observation| tracing::warn!("{observation}"));
    let settings = FeedSettings { tables, observer: Some(observer), ..FeedSettings::default() };
    ChangeFeed::start(data.database().clone(), source, settings).await.map(Some)
}

fn settings(project: &Project) -> Settings {
    let config = &project.config;
    let limits = &config.limits;
    Settings {
        connections_max: descriptors::connections_max(limits.connections_max),
        uri_bytes_max: limits.uri_bytes_max.0 as usize,
        headers_bytes_max: limits.header_bytes_max.0 as usize,
        body_bytes_max: limits.body_bytes_max.0 as usize,
        header_timeout: limits.header_read_timeout,
        body_timeout: limits.body_read_timeout,
        request_timeout: limits.request_timeout,
        statement_timeout: config.database.statement_timeout,
        drain_timeout: limits.drain_timeout,
        plan: config.rest.plan,
        time_zones: project.postgrest.is_some() || config.rest.time_zones,
        server_timing: config.server.server_timing,
        rows_max: config.rest.rows_max,
        clock_skew_seconds: seconds(config.auth.skew),
        access_log: true,
        cors: Cors { origins: config.cors.origins.clone(), preflight_max_age: config.cors.preflight_max_age },
        native: project.postgrest.as_ref().map(|postgrest| native(postgrest, project)),
        compatible: project.postgrest.is_some(),
        trace_header: project.postgrest.as_ref().and_then(|p| p.trace_header.as_deref().map(Into::into)),
        ..Settings::default()
    }
}

fn native(postgrest: &Postgrest, project: &Project) -> Native {
    let listens = || format!("http://{}", project.config.server.listen);
    Native {
        schemas: postgrest.schemas.clone(),
        search_path: postgrest.search_path.clone(),
        settings: postgrest.settings.clone(),
        before: postgrest.before.clone(),
        rollback: postgrest.end.rollback,
        rollback_override: postgrest.end.may_override,
        described: match postgrest.openapi {
            OpenApiMode::FollowPrivileges => Described::Usable,
            OpenApiMode::IgnorePrivileges => Described::Everything,
            OpenApiMode::Disabled => Described::Nothing,
        },
        describes_security: postgrest.openapi_security,
        address: postgrest.openapi_address.clone().unwrap_or_else(listens),
        root: postgrest.root.as_deref().map(|function| {
            let name = function.rsplit('.').next().unwrap_or(function);
            format!("rpc/{}", name.replace('%', "%25").replace('/', "%2F"))
        }),
    }
}

/// How log lines are written.
pub fn log_settings(project: &Project) -> LogSettings {
    let log = &project.config.log;
    LogSettings {
        format: match log.format {
            transom_config::LogFormat::Pretty => LogFormat::Pretty,
            transom_config::LogFormat::Json => LogFormat::Json,
        },
        filter: match log.level {
            transom_config::Level::Error => "error",
            transom_config::Level::Warn => "warn",
            transom_config::Level::Info => "info",
            transom_config::Level::Debug => "debug",
            transom_config::Level::Trace => "trace",
        }
        .to_owned(),
        colours: std::io::IsTerminal::is_terminal(&std::io::stderr()),
    }
}
