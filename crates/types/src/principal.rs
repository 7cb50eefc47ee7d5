//! Who is asking: what identity establishes and policy judges.

use std::sync::Arc;

use serde_json::Value as Json;

/// The caller of one request. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Principal {
    /// The database role, such as `anon`, `authenticated`, `service_role`.
    pub role: Arc<str>,
    /// The verified token's claims; an empty object for an anonymous caller.
    pub claims: Arc<Json>,
    /// Whether no token was presented.
    pub anonymous: bool,
}

impl Principal {
    /// A caller without a token.
    pub fn anonymous(role: &str) -> Self {
        Self { role: role.into(), claims: Arc::new(Json::Object(serde_json::Map::new())), anonymous: true }
    }

    /// A caller with verified claims.
    pub fn with_claims(role: &str, claims: Json) -> Self {
        Self { role: role.into(), claims: Arc::new(claims), anonymous: false }
    }

    /// The claim at `path`, when it is there and not JSON null.
    pub fn claim(&self, path: &[Box<str>]) -> Option<&Json> {
        let found = path.iter().try_fold(&*self.claims, |at, key| at.get(&**key))?;
        (!found.is_null()).then_some(found)
    }
}
