//! `Accept: application/vnd.pgrst.plan`: how a request would run, in place of its rows.

use http::HeaderValue;
use serde_json::json;
use transom_data::Context;
use transom_protocols::rest::PlanForm;
use transom_query::DataRequest;
use transom_types::{Principal, Problem};

use crate::{
    app::App,
    endpoints::data::plans_hidden,
    reply::{self, Reply},
};

/// Explains the request, unless the deployment hides plans.
pub async fn explain(
    app: &App,
    request: &DataRequest,
    form: &PlanForm,
    principal: &Principal,
    context: &Context,
) -> Result<Reply, Problem> {
    if !app.settings.plan {
        return Err(plans_hidden());
    }
    let explained = app.data.explain(request, principal, context).await?;
    let body = match form.json {
        true => {
            let statement = |one: &transom_data::Explained| {
                let warnings: Vec<String> = one.warnings.iter().map(ToString::to_string).collect();
                json!({"statement": one.statement, "plan": one.plan, "warnings": warnings})
            };
            explained.iter().map(statement).collect::<serde_json::Value>().to_string()
        }
        false => {
            let mut text = String::new();
            for one in &explained {
                text.push_str(&one.statement);
                text.push('\n');
                for line in &one.plan {
                    text.push_str(&format!("  {line}\n"));
                }
                for warning in &one.warnings {
                    text.push_str(&format!("  warning: {warning}\n"));
                }
            }
            text
        }
    };
    let content_type = match form.json {
        true => "application/vnd.pgrst.plan+json; charset=utf-8",
        false => "application/vnd.pgrst.plan+text; charset=utf-8",
    };
    Ok(reply::ok(HeaderValue::from_static(content_type), body))
}
