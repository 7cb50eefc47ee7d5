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
    if let Some(path) = project.database_path() {
        anyhow::ensure!(
            path.exists(),
            "there is no database at {}: run `transom migrate {}` first",
            path.display(),
            project.dir.display()
        );
    }
    commands::block_on(async {
        let database = wiring::database(&project).await?;
        let data = wiring::data(&project, database.clone()).await?;
        let mut claims = commands::claims(&asked.claims)?;
        claims.insert("role".to_owned(), asked.role.clone().into());
        let principal = Principal::with_claims(&asked.role, claims.into());
        let (path, query) = target(&asked.url);
        let method = http::Method::from_bytes(asked.method.to_uppercase().as_bytes()).map_err(|_| {
            anyhow::anyhow!("--method {:?}: write GET, POST, PATCH, PUT or DELETE", asked.method)
        })?;
        let headers = Headers { content_type: Some("application/json"), ..Headers::default() };
        let head = Head { method, path, query, headers, ..Head::default() };
        let params = |name: &str| data.callable(&principal, None, name);
        let request =
            rest::parse(&head, asked.body.as_deref().map(str::as_bytes), &params).map_err(Faults::from)?;
        let context = Context {
            request_id: RequestId("explain".into()),
            timeout: Duration::from_secs(60),
            idempotency: None,
            rollback: false,
            schema: None,
            session: None,
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

/// Path below `/rest/v1` and query of a request, however much of the address was pasted before them.
fn target(url: &str) -> (&str, &str) {
    let (before, query) = url.split_once('?').unwrap_or((url, ""));
    let path = match before.split_once("://") {
        Some((_, rest)) => rest.split_once('/').map_or("", |(_, path)| path),
        None => before.trim_start_matches('/'),
    };
    let below = path.strip_prefix("rest/v1").filter(|rest| rest.is_empty() || rest.starts_with('/'));
    (below.unwrap_or(path).trim_start_matches('/'), query)
}

#[cfg(test)]
mod tests {
    use super::target;

    #[test]
    fn a_pasted_address_is_as_good_as_a_path() {
        for url in
            ["notes", "/notes", "rest/v1/notes", "/rest/v1/notes", "http://127.0.0.1:8080/rest/v1/notes"]
        {
            assert_eq!(
                target(&format!("{url}?id=eq.1&url=like.*://*")),
                ("notes", "id=eq.1&url=like.*://*"),
                "{url}"
            );
            assert_eq!(target(url), ("notes", ""), "{url}");
        }
        assert_eq!(target("rest/v1"), ("", ""));
        assert_eq!(target("rest/v1s/7"), ("rest/v1s/7", ""));
    }
}
