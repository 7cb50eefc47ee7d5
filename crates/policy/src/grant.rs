//! What a role may do, worked out once per role.

use std::sync::Arc;

use ahash::AHashMap;
use transom_query::Catalog;
use transom_types::{Principal, Problem};

use crate::{fault::Fault, model::Model, overloads, read, recursion, rights::Rights, roles::SERVICE};

/// The stack that a file is parsed and compiled on.
const LOAD_STACK_BYTES: usize = 64 << 20;

/// `policies.sql`, checked against a catalog: every role's rights, worked out.
#[derive(Debug)]
pub struct Policies {
    roles: AHashMap<Box<str>, Arc<Rights>>,
    /// Shared by every role that the file does not know.
    unknown: Arc<Rights>,
    system: Arc<Rights>,
}

/// What one role may do. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Grant {
    role: Arc<str>,
    pub(crate) rights: Arc<Rights>,
}

impl Policies {
    /// Parses and checks `text` (the contents of `policies.sql`, named `file` in messages) against a catalog.
    /// Errors: every fault found, each with file, line and remedy.
    pub fn load(file: &str, text: &str, catalog: Arc<Catalog>) -> Result<Self, Vec<Problem>> {
        // Parsing recurses with generous frames, and this may be called on a small stack.
        std::thread::scope(|scope| {
            let builder = std::thread::Builder::new().stack_size(LOAD_STACK_BYTES);
            let loaded = builder.spawn_scoped(scope, || Self::load_here(file, text, catalog));
            let unexpected = |what: &str| vec![Fault::at(1, what).into_problem(file)];
            match loaded.map(std::thread::ScopedJoinHandle::join) {
                Ok(Ok(loaded)) => loaded,
                Ok(Err(_)) => Err(unexpected("the file cannot be read: an error inside the server")),
                Err(error) => Err(unexpected(&format!("no thread to read the file with: {error}"))),
            }
        })
    }

    fn load_here(file: &str, text: &str, catalog: Arc<Catalog>) -> Result<Self, Vec<Problem>> {
        let mut faults = Vec::new();
        let statements = read::statements(text, &mut faults);
        let mut model = Model::new(&statements, &catalog, &mut faults);
        let pool = Arc::new(std::mem::take(&mut model.pool));
        let mut roles = AHashMap::new();
        for role in model.roles.names().filter(|role| *role != SERVICE) {
            roles.insert(role.into(), Arc::new(Rights::of(role, &model, &catalog, &pool)));
        }
        recursion::check(roles.values().map(|rights: &Arc<Rights>| &**rights), &model, &catalog, &mut faults);
        overloads::check(&model, &catalog, &mut faults);
        if !faults.is_empty() {
            return Err(problems(file, faults));
        }
        let unknown = Arc::new(Rights::nothing(&catalog));
        let system = Arc::new(Rights::everything(catalog));
        roles.insert(SERVICE.into(), system.clone());
        Ok(Self { roles, unknown, system })
    }

    /// Everything for every role: the engine's own privileges and row-level security decide.
    /// An escape hatch: its callers are listed by the tidy check.
    pub fn native(catalog: Arc<Catalog>) -> Self {
        let everything = Arc::new(Rights::everything(catalog));
        Self { roles: AHashMap::new(), unknown: everything.clone(), system: everything }
    }

    /// What the principal's role may do; a role that `policies.sql` does not know may do nothing.
    pub fn authorize(&self, principal: &Principal) -> Result<Grant, Problem> {
        let rights = self.roles.get(&*principal.role).unwrap_or(&self.unknown);
        Ok(Grant { role: principal.role.clone(), rights: rights.clone() })
    }

    /// Everything, without policies: for the command line's own `explain`, and the role `service_role`.
    /// An escape hatch: its callers are listed by the tidy check.
    pub fn system(&self) -> Grant {
        Grant { role: SERVICE.into(), rights: self.system.clone() }
    }
}

impl Grant {
    /// The role.
    pub fn role(&self) -> &Arc<str> {
        &self.role
    }

    /// The catalog as this role sees it: what it may not use has no name there.
    pub fn catalog(&self) -> &Arc<Catalog> {
        &self.rights.catalog
    }
}

/// In the order of the file, each once.
fn problems(file: &str, mut faults: Vec<Fault>) -> Vec<Problem> {
    faults.sort_by(|left, right| (left.line, &left.message).cmp(&(right.line, &right.message)));
    faults.dedup_by(|left, right| left.line == right.line && left.message == right.message);
    faults.into_iter().map(|fault| fault.into_problem(file)).collect()
}
