//! A policy file with every name looked up: roles, grants and policies.

use std::{collections::BTreeSet, sync::Arc};

use sqlparser::ast;
use transom_query::{Catalog, Expr, TableId};

use crate::{
    compile,
    fault::{Checked, Fault},
    names,
    privileges::Privileges,
    read::{Command, PolicyText, Statement},
    roles::Roles,
    template::Pool,
};

/// A policy, its conditions compiled.
#[derive(Debug)]
pub(crate) struct Policy {
    pub name: Box<str>,
    pub table: TableId,
    pub permissive: bool,
    pub command: Command,
    pub roles: BTreeSet<Box<str>>,
    pub using: Option<Expr>,
    pub check: Option<Expr>,
    pub line: u64,
}

/// A policy file with every name looked up.
#[derive(Debug)]
pub(crate) struct Model {
    pub roles: Roles,
    pub privileges: Privileges,
    pub policies: Vec<Policy>,
    /// Tables whose grants alone decide.
    pub unguarded: BTreeSet<TableId>,
    pub pool: Pool,
}

impl Model {
    /// Looks every name up. Whatever can be is done despite faults, so that all of them are found.
    pub fn new(statements: &[Statement], catalog: &Arc<Catalog>, faults: &mut Vec<Fault>) -> Self {
        let mut model = Self {
            roles: Roles::built_in(),
            privileges: Privileges::default(),
            policies: Vec::new(),
            unguarded: BTreeSet::new(),
            pool: Pool::default(),
        };
        // A role may be declared below its first use: the file is one declaration, not a script.
        for statement in statements {
            if let Statement::Role { name, bypass, inherits } = statement {
                faults.extend(model.roles.create(name, *bypass, *inherits).err());
            }
        }
        for statement in statements {
            model.apply(statement, catalog, faults);
        }
        model
    }

    fn apply(&mut self, statement: &Statement, catalog: &Catalog, faults: &mut Vec<Fault>) {
        match statement {
            Statement::Role { .. } | Statement::Nothing => {}
            Statement::Membership { grant, roles, members } => {
                for role in roles {
                    for member in members {
                        faults.extend(self.roles.set_member(role, member, *grant).err());
                    }
                }
            }
            Statement::Privileges { grant, privileges, objects, roles } => {
                let mut found = Vec::new();
                for role in roles {
                    match self.roles.find(role) {
                        Ok(role) => found.push(role),
                        Err(fault) => faults.push(fault),
                    }
                }
                self.privileges.apply(catalog, *grant, (privileges, objects), &found, faults);
            }
            Statement::Security { table, enabled } => match names::table(catalog, table) {
                Ok(table) if *enabled => {
                    self.unguarded.remove(&table);
                }
                Ok(table) => {
                    self.unguarded.insert(table);
                }
                Err(fault) => faults.push(fault),
            },
            Statement::Policy(text) => {
                let within = format!("policy \"{}\"", text.name.text);
                let mut found = Vec::new();
                self.policy(text, catalog, &mut found);
                faults.extend(found.into_iter().map(|fault| fault.within(&within)));
            }
        }
    }

    fn policy(&mut self, text: &PolicyText, catalog: &Catalog, faults: &mut Vec<Fault>) {
        let mut roles = BTreeSet::new();
        for role in &text.roles {
            match self.roles.find(role) {
                Ok(role) => {
                    roles.insert(role);
                }
                Err(fault) => faults.push(fault),
            }
        }
        let table = match names::table(catalog, &text.table) {
            Ok(table) => table,
            Err(fault) => return faults.push(fault),
        };
        let named = |policy: &&Policy| policy.table == table && *policy.name == *text.name.text;
        if let Some(other) = self.policies.iter().find(named) {
            let message = format!("the table has a policy of this name already, on line {}", other.line);
            faults.push(Fault::at(text.name.line, message).hint("Rename one of the two"));
        }
        let mut compiled = |at: &Option<ast::Expr>, what: &str| -> Checked<Option<Expr>> {
            let Some(at) = at else { return Ok(None) };
            compile::condition(catalog, &mut self.pool, table, at, what, text.name.line).map(Some)
        };
        let (using, check) = (compiled(&text.using, "USING"), compiled(&text.check, "WITH CHECK"));
        let mut kept = |result: Checked<Option<Expr>>| match result {
            Ok(condition) => condition,
            Err(fault) => {
                faults.push(fault);
                None
            }
        };
        let (using, check) = (kept(using), kept(check));
        self.policies.push(Policy {
            name: text.name.text.as_str().into(),
            table,
            permissive: text.permissive,
            command: text.command,
            roles,
            using,
            check,
            line: text.name.line,
        });
    }
}
