//! `transom serve`: migrates, seeds what is new, and serves until it is asked to stop.

use std::{sync::Arc, time::Duration};

use anyhow::Context;
use tokio::{
    net::TcpListener,
    signal::unix::{SignalKind, signal},
};
use transom_config::{DEVELOPMENT_SECRET, DatabaseUrl};
use transom_data::Data;
use transom_identity::MintedToken;
use transom_ports::Database;
use transom_query::{Catalog, catalog::Table};
use transom_types::Principal;

use crate::{
    cli,
    commands::{self, reload},
    faults::Faults,
    migrations,
    project::Project,
    wiring,
};

pub fn run(flags: &cli::Serve) -> anyhow::Result<()> {
    let project = match &flags.postgrest_config {
        Some(file) => {
            let project = Project::postgrest(file, &flags.overrides()?, &[])?;
            commands::block_on(wiring::with_role_settings(project))?
        }
        None => Project::open(&flags.project.dir, &flags.overrides()?)?,
    };
    transom_server::start_logging(&wiring::log_settings(&project));
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    if project.config.server.worker_threads > 0 {
        runtime.worker_threads(project.config.server.worker_threads as usize);
    }
    runtime.enable_all().build()?.block_on(serve(&project.into()))
}

async fn serve(project: &Arc<Project>) -> anyhow::Result<()> {
    survive_file_size_limit();
    // Whoever starts it may ask at once, while the schema is still being made.
    let signals = reload::Signals::listen()?;
    let (listener, admin) = listeners(project).await?;
    something_to_serve(project)?;
    let database = wiring::database(project).await?;
    // Empty, and not merely without our migrations: what somebody else has put there is theirs.
    let created =
        project.postgrest.is_none() && project.config.seed.on_create && is_empty(&*database).await?;
    migrate(project, &*database).await?;
    let data = Arc::new(wiring::data(project, database.clone()).await?);
    if created {
        let rows = commands::seed::fill(project, &data, project.config.seed.scale).await?;
        if rows > 0 {
            tracing::info!(rows, "the new database was filled with sample data");
        }
    }
    let app = Arc::new(wiring::app(project, data.clone()).await?);
    tokio::spawn(reload::whenever_asked(signals, project.clone(), app.clone(), data.clone()));
    // From here on a signal stops in order: whoever reads the address may send one at once.
    let stop = stop_signal();
    announce(project, &data, &listener, &admin)?;
    // It logs by itself how it stopped.
    transom_server::serve(app.clone(), listener, Some(admin), stop).await;
    let stopping = app.current();
    stopping.data.database().close().await;
    Ok(())
}

async fn listeners(project: &Project) -> anyhow::Result<(TcpListener, TcpListener)> {
    let bind = async |key: &str, address| {
        TcpListener::bind(address).await.with_context(|| {
            format!("cannot listen on {address} ({key}): choose another with --set {key}=ADDR")
        })
    };
    let server = &project.config.server;
    Ok((bind("server.listen", server.listen).await?, bind("server.admin_listen", server.admin_listen).await?))
}

async fn is_empty(database: &dyn Database) -> anyhow::Result<bool> {
    let catalog = database.introspect().await.map_err(|error| Faults::from(error.into_problem()))?;
    Ok(catalog.tables().next().is_none())
}

/// Where there is neither a schema to make nor a database, an empty one would only hide a mistyped name.
fn something_to_serve(project: &Project) -> anyhow::Result<()> {
    let Some(path) = project.database_path() else { return Ok(()) };
    anyhow::ensure!(
        path.exists() || project.has_migrations(),
        "there is nothing to serve: no database at {}, and no folder {} to make one from\n    `transom new NAME` makes a project; --database-url names a database that exists",
        path.display(),
        project.dir.join("migrations").display()
    );
    Ok(())
}

async fn migrate(project: &Project, database: &dyn Database) -> anyhow::Result<()> {
    let files = migrations::files(project.migrations()?, wiring::engine(project)).map_err(Faults::from)?;
    if !project.has_migrations() {
        // A database that already exists keeps its schema to itself.
        return Ok(());
    }
    migrations::up(database, &files, |file| {
        tracing::info!(name = &*file.migration.name, "migration applied")
    })
    .await?;
    Ok(())
}

/// SIGTERM or SIGINT; listened for from the call on, not only once it is awaited.
fn stop_signal() -> impl Future<Output = ()> {
    let signals = (signal(SignalKind::terminate()), signal(SignalKind::interrupt()));
    async move {
        let (Ok(mut terminate), Ok(mut interrupt)) = signals else {
            // Without signals the process is stopped from outside.
            return std::future::pending().await;
        };
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    }
}

/// SIGXFSZ: a write beyond the process's file size limit fails like one on a full disk, which is answered, instead of ending the process.
const FILE_SIZE_EXCEEDED: i32 = 25;

fn survive_file_size_limit() {
    // A handler is enough; nobody has to listen. Where there can be none, the process ends as it would have.
    let _ = signal(SignalKind::from_raw(FILE_SIZE_EXCEEDED));
}

fn announce(project: &Project, data: &Data, api: &TcpListener, admin: &TcpListener) -> anyhow::Result<()> {
    let api = api.local_addr()?;
    say!("transom {} serves {}", env!("CARGO_PKG_VERSION"), shown(&project.config.database.url));
    let base = if project.postgrest.is_some() { "" } else { "/rest/v1" };
    say!("  api    http://{api}{base}/");
    say!("  admin  http://{}/metrics", admin.local_addr()?);
    if project.config.production() || project.postgrest.is_some() {
        return Ok(());
    }
    let minted = MintedToken {
        role: Some("service_role".to_owned()),
        lifetime_seconds: Some(Duration::from_secs(86_400).as_secs()),
        ..MintedToken::default()
    };
    let Ok(token) = commands::token::mint(project, minted) else { return Ok(()) };
    say!("\nDevelopment mode: unsafe shortcuts are on, and production mode refuses them.");
    if project.config.auth.secret.as_ref().is_some_and(|secret| secret.reveal() == DEVELOPMENT_SECRET) {
        say!("Tokens are signed with a secret that everybody knows.");
    }
    say!("A token that may do everything, for a day (transom token mints others):\n\n{token}\n\nTry:\n");
    for line in suggestions(data, &api.to_string(), &token) {
        say!("  {line}");
    }
    say!();
    Ok(())
}

fn shown(url: &DatabaseUrl) -> String {
    url.to_string()
}

/// Two `curl` lines that work as printed: one as anybody, one with the token.
fn suggestions(data: &Data, api: &str, token: &str) -> Vec<String> {
    let model = data.model();
    let anybody = model.policies.authorize(&Principal::anonymous("anon"));
    let Ok(whole) = model.policies.authorize(&Principal::with_claims("service_role", serde_json::json!({})))
    else {
        return Vec::new();
    };
    let open = |table: &Table| {
        let role = anybody.as_ref().ok();
        role.is_some_and(|grant| grant.catalog().table(&table.name).is_some())
    };
    let mut lines = Vec::new();
    if let Some(url) = anybody.as_ref().ok().and_then(|grant| suggestion(grant.catalog(), api, |_| true)) {
        lines.push(format!("curl {url}"));
    }
    let hidden = suggestion(whole.catalog(), api, |table| !open(table));
    if let Some(url) = hidden.or_else(|| suggestion(whole.catalog(), api, |_| true)) {
        lines.push(format!("curl {url} -H 'Authorization: Bearer {token}'"));
    }
    lines
}

/// A few columns of the table that others refer to most: it is what the project is about.
fn suggestion(catalog: &Catalog, api: &str, wanted: impl Fn(&Table) -> bool) -> Option<String> {
    let tables = catalog.tables().filter(|(_, table)| table.access.select && wanted(table));
    let (_, table) = tables.max_by_key(|(id, _)| catalog.relationships(*id).len())?;
    let columns = table.columns.iter().filter(|column| column.access.select).take(4);
    let columns: Vec<&str> = columns.map(|column| &*column.name).collect();
    Some(format!("'http://{api}/rest/v1/{}?select={}&limit=3'", table.name, columns.join(",")))
}
