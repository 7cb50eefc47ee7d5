//! `/rest/v1/`: the OpenAPI document of the caller's role, written once for each role of a model and each version.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use bytes::Bytes;
use http::{HeaderValue, header, request::Parts};
use serde_json::Value as Json;
use transom_protocols::{
    described::{self, Chosen, Version},
    openapi::{self, Info},
    rest,
    swagger::{self, Description},
};
use transom_query::catalog::Catalog;
use transom_types::{Code, Digest, Principal, Problem};

use super::headers;
use crate::{
    app::App,
    reply::{self, Reply, etag::Etag},
};

/// Most documents kept at once; roles beyond that have theirs written for each request.
const DOCUMENTS_COUNT_MAX: usize = 32;

/// The documents that were written, each with the catalog it was written from.
#[derive(Debug, Default)]
pub struct Documents(Mutex<Vec<Kept>>);

/// The catalog that a document was written from, its version, and the document.
type Kept = (Weak<Catalog>, Version, Document);

/// A document and the digest of its bytes.
#[derive(Clone, Debug)]
struct Document {
    body: Bytes,
    digest: Digest,
}

impl Documents {
    fn lock(&self) -> MutexGuard<'_, Vec<Kept>> {
        // Entries are whole at every moment, so a poisoned lock protects nothing.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The document of this catalog. A role's catalog lives as long as its model, so a new model has new documents;
    /// the weak handle keeps another catalog from taking the address.
    fn of(&self, catalog: &Arc<Catalog>, version: Version) -> Document {
        let same =
            |(kept, of, _): &&Kept| *of == version && std::ptr::eq(kept.as_ptr(), Arc::as_ptr(catalog));
        if let Some((_, _, document)) = self.lock().iter().find(same) {
            return document.clone();
        }
        // Without the lock: others need not wait. Two that come at once write the same twice.
        let body = Bytes::from(written(catalog, version).to_string());
        let document = Document { digest: Digest::of(&body), body };
        let mut kept = self.lock();
        kept.retain(|(catalog, ..)| catalog.strong_count() > 0);
        if kept.len() < DOCUMENTS_COUNT_MAX && !kept.iter().any(|entry| same(&entry)) {
            kept.push((Arc::downgrade(catalog), version, document.clone()));
        }
        document
    }
}

fn written(catalog: &Catalog, version: Version) -> Json {
    let info = info();
    match version {
        Version::Three => openapi::document(catalog, &info, None),
        Version::Two => {
            let project = Description {
                info: Some(&info),
                address: rest::BASE,
                security: true,
                ..Description::default()
            };
            swagger::document(catalog, &project)
        }
    }
}

/// What is said of every API.
pub fn info() -> Info {
    Info {
        title: "REST API".to_owned(),
        description: "Tables, views and functions, as far as the caller may use them.".to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
    }
}

/// `GET /rest/v1/`. Errors: [`Code::MediaTypeUnacceptable`], [`Code::PreconditionFailed`].
pub fn root(app: &App, head: &Parts, principal: &Principal) -> Result<Reply, Problem> {
    let chosen = described::choose(headers::text(&head.headers, header::ACCEPT)?, Version::Three)?;
    let grant = app.data.model().policies.authorize(principal)?;
    let document = app.documents.of(grant.catalog(), chosen.version);
    let etag = Etag::of(document.digest);
    let wanted = rest::conditions(
        headers::text(&head.headers, header::IF_MATCH)?,
        headers::text(&head.headers, header::IF_NONE_MATCH)?,
    );
    if wanted.within.as_ref().is_some_and(|states| !states.has(Some(document.digest))) {
        return Err(Problem::new(Code::PreconditionFailed, "The resource has changed")
            .with_header("etag", etag.as_str()));
    }
    let mut reply = reply::ok(HeaderValue::from_static(content_type(chosen)), document.body);
    reply::varies(&mut reply);
    if wanted.without.is_some_and(|states| states.has(Some(document.digest))) {
        return Ok(reply::not_modified(reply, etag.header()));
    }
    reply.headers_mut().insert(header::ETAG, etag.header());
    Ok(reply)
}

/// The document's own media type also for those who asked for any JSON.
fn content_type(chosen: Chosen) -> &'static str {
    match chosen.content_type.starts_with("application/json") {
        true => described::CONTENT_TYPE,
        false => chosen.content_type,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_is_written_once_and_goes_with_its_catalog() {
        let documents = Documents::default();
        let catalog = Arc::new(Catalog::default());
        let of = |catalog: &Arc<Catalog>| documents.of(catalog, Version::Three).body;
        let first = of(&catalog);
        assert_eq!(first.as_ptr(), of(&catalog).as_ptr());
        assert_ne!(first, documents.of(&catalog, Version::Two).body);
        drop(catalog);
        for _ in 0..3 {
            of(&Arc::new(Catalog::default()));
        }
        assert_eq!(documents.lock().len(), 1);
        let held: Vec<_> = (0..DOCUMENTS_COUNT_MAX + 5).map(|_| Arc::new(Catalog::default())).collect();
        for catalog in &held {
            of(catalog);
        }
        assert_eq!(documents.lock().len(), DOCUMENTS_COUNT_MAX);
    }
}
