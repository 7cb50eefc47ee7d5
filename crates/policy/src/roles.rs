//! The roles of a policy file and who is a member of whom.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    fault::{Checked, Fault},
    read::Name,
};

/// Everybody.
pub(crate) const PUBLIC: &str = "public";
/// The built-in role with every right, which policies do not concern.
pub(crate) const SERVICE: &str = "service_role";
/// Roles that exist without being declared.
const BUILT_IN: [&str; 3] = ["anon", "authenticated", SERVICE];

#[derive(Debug)]
struct Role {
    bypass: bool,
    /// Whether it has the rights of the roles it is a member of.
    inherits: bool,
    /// The roles whose rights it has as well.
    member_of: BTreeSet<Box<str>>,
}

impl Role {
    fn new(bypass: bool, inherits: bool) -> Self {
        Self { bypass, inherits, member_of: BTreeSet::new() }
    }
}

/// Every known role.
#[derive(Debug)]
pub(crate) struct Roles(BTreeMap<Box<str>, Role>);

/// A role's name as PostgreSQL reads it: without quotes its case does not count.
fn folded(name: &Name) -> String {
    if name.quoted { name.text.clone() } else { name.text.to_lowercase() }
}

impl Roles {
    pub fn built_in() -> Self {
        let role = |name: &str| (name.into(), Role::new(name == SERVICE, true));
        Self(BUILT_IN.into_iter().map(role).collect())
    }

    /// `CREATE ROLE`; the built-in roles may be declared again, for scripts that do.
    pub fn create(&mut self, name: &Name, bypass: bool, inherits: bool) -> Checked<()> {
        let text = folded(name);
        if text == PUBLIC {
            return Err(
                Fault::at(name.line, "role name 'public' stands for everybody").hint("Choose another name")
            );
        }
        let built_in = BUILT_IN.contains(&text.as_str());
        match self.0.get_mut(text.as_str()) {
            Some(role) if built_in => {
                role.bypass |= bypass;
                role.inherits &= inherits;
            }
            Some(_) => {
                let message = format!("role '{text}' is created twice");
                return Err(Fault::at(name.line, message).hint("Remove one of the two"));
            }
            None => {
                self.0.insert(text.into(), Role::new(bypass, inherits));
            }
        }
        Ok(())
    }

    /// The role (or `public`) of this name.
    pub fn find(&self, name: &Name) -> Checked<Box<str>> {
        let text = folded(name);
        if text == PUBLIC || self.0.contains_key(text.as_str()) {
            return Ok(text.into());
        }
        let fault = Fault::at(name.line, format!("role '{text}' does not exist"));
        let known = self.0.keys().map(|name| &**name).chain([PUBLIC]);
        Err(fault.suggest(&text, known, format!("Declare it first: CREATE ROLE {text};")))
    }

    /// `GRANT role TO member` or `REVOKE role FROM member`.
    pub fn set_member(&mut self, role: &Name, member: &Name, grant: bool) -> Checked<()> {
        let (of, name) = (self.find(role)?, self.find(member)?);
        if &*of == PUBLIC || &*name == PUBLIC {
            return Err(Fault::at(role.line, "'public' can neither be a member nor have members"));
        }
        if grant && self.memberships(&of, false).contains(&name) {
            let message = format!("role '{name}' is a member of role '{of}' already the other way round");
            return Err(Fault::at(role.line, message).hint("Remove one of the two grants"));
        }
        if let Some(member) = self.0.get_mut(&name) {
            if grant {
                member.member_of.insert(of);
            } else {
                member.member_of.remove(&of);
            }
        }
        Ok(())
    }

    /// The role, those whose rights it inherits, and `public`: whose grants and policies concern it.
    pub fn of(&self, name: &str) -> BTreeSet<Box<str>> {
        self.memberships(name, true)
    }

    fn memberships(&self, name: &str, inherited_only: bool) -> BTreeSet<Box<str>> {
        let mut found = BTreeSet::from([Box::from(PUBLIC)]);
        let mut pending: Vec<Box<str>> = vec![name.into()];
        while let Some(next) = pending.pop() {
            if found.insert(next.clone())
                && let Some(role) = self.0.get(&next)
                && (role.inherits || !inherited_only)
            {
                pending.extend(role.member_of.iter().cloned());
            }
        }
        found
    }

    /// Whether policies do not concern it. As in PostgreSQL, members do not inherit this.
    pub fn bypasses(&self, name: &str) -> bool {
        self.0.get(name).is_some_and(|role| role.bypass)
    }

    /// Every role's name.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(|name| &**name)
    }
}
