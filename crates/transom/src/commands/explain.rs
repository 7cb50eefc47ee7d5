//! `transom explain`: the statement of a request, the database's own plan, and the index that is missing.

use std::time::Duration;

use transom_data::Context;
use transom_protocols::rest::{self, Head, Headers};
use transom_types::{Principal, RequestId};

use crate::{cli::Project as Flags, commands, faults::Faults, project::Project, wiring};

/// The request to explain, and who would send it.
pub struct Asked {
    pub url: String,
    pub role: String,
    pub claims: Vec<String>,
    pub method: String,
    pub body: Option<String>,
}

pub fn run(flags: &Flags, asked: &Asked) -> anyhow::Result<()> {
    let project = Project::open(&flags.dir, &flags.overrides()?)?;
    anyhow::ensure!(
        project.database_path().exists(),
        "there is no database at {}: run `transom migrate {}` first",
        project.database_path().display(),
        project.dir.display()
    );
    commands::block_on(async {
        let database = wiring::database(&project)?;
        let data = wiring::data(&project, database.clone()).await?;
        let mut claims = commands::claims(&asked.claims)?;
        claims.insert("role".to_owned(), asked.role.clone().into());
        let principal = Principal::with_claims(&asked.role, claims.into());
        let url = asked.url.trim_start_matches('/').trim_start_matches("rest/v1").trim_start_matches('/');
        let (path, query) = url.split_once('?').unwrap_or((url, ""));
        let method = http::Method::from_bytes(asked.method.to_uppercase().as_bytes())?;
        let headers = Headers { content_type: Some("application/json"), ..Headers::default() };
        let head = Head { method, path, query, headers };
        let params = |name: &str| data.function_params(&principal, name);
        let request =
            rest::parse(&head, asked.body.as_deref().map(str::as_bytes), &params).map_err(Faults::from)?;
        let context = Context {
            request_id: RequestId("explain".into()),
            timeout: Duration::from_secs(60),
            idempotency: None,
            rollback: false,
        };
        let explained = data.explain(&request.request, &principal, &context).await.map_err(Faults::from)?;
        for statement in explained {
            say!("{}\n", statement.statement);
            statement.plan.iter().for_each(|line| say!("  {line}"));
            statement.warnings.iter().for_each(|warning| say!("\n  warning: {warning}"));
            say!();
        }
        database.close().await;
        Ok(())
    })
}
