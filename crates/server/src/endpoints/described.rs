//! `/`, where PostgREST is spoken: the OpenAPI document of a schema, as far as the caller may use it. 2.0, unless 3.1 is asked for.

use std::time::Instant;

use http::{HeaderValue, request::Parts};
use transom_protocols::{
    described::{self, Version},
    openapi as three,
    rest::{self, Preferences},
    swagger::{self, Description},
};
use transom_types::{Code, Principal, Problem};

use super::{data, headers, openapi};
use crate::{
    app::App,
    pipeline::Passage,
    reply::{self, Reply},
    session,
    settings::{Described, Native},
    telemetry::Stage,
};

/// `GET /`. Errors: [`Code::RootDisabled`], [`Code::MediaTypeUnacceptable`], [`Code::SchemaUnknown`].
pub async fn root(
    app: &App,
    native: &Native,
    (head, principal): (&Parts, &Principal),
    passage: &mut Passage,
) -> Result<Reply, Problem> {
    if native.described == Described::Nothing {
        return Err(Problem::new(Code::RootDisabled, "Root endpoint metadata is disabled"));
    }
    let request = headers::head(head, app.settings.base())?;
    let chosen = described::choose(request.headers.accept, Version::Two)?;
    let schema = rest::schema(&request);
    let model = app.data.model();
    let grant = model.policies_of(schema)?.authorize(principal)?;
    passage.stages.pass(Stage::Plan);
    let started = Instant::now();
    let visible = match native.described {
        Described::Usable => {
            let caller = (principal, model.catalog.notes().role(&principal.role));
            let session = session::of(native, head, caller, schema, &Preferences::default());
            let visible = app.data.database().visible(grant.catalog().schema(), &session).await;
            Some(visible.map_err(|error| error.into_problem())?)
        }
        _ => None,
    };
    passage.stages.measured(&[(Stage::Database, started.elapsed().as_nanos() as u64)]);
    let description = Description {
        schema: grant.catalog().schema(),
        info: None,
        address: &native.address,
        security: native.describes_security,
        tables: visible.as_ref().map(|visible| &*visible.tables),
        functions: visible.as_ref().map(|visible| &*visible.functions),
    };
    let document = match chosen.version {
        Version::Two => swagger::document(grant.catalog(), &description),
        Version::Three => three::document(grant.catalog(), &openapi::info(), Some(&description)),
    };
    let mut reply = reply::ok(HeaderValue::from_static(chosen.content_type), document.to_string());
    data::say_schema(app, schema, &mut reply);
    Ok(reply)
}
