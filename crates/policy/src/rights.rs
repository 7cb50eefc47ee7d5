//! What one role may do, worked out once when the file is loaded.

use std::{collections::BTreeSet, sync::Arc};

use ahash::AHashMap;
use transom_query::{Catalog, Expr, TableId, plan::ParamSource};
use transom_types::Value;

use crate::{
    model::{Model, Policy},
    read::Command,
    roles::SERVICE,
    simplify::{is_true, simplify},
    template::Pool,
    tree,
};

/// What policy demands; `None` demands nothing.
pub(crate) type Rule = Option<Expr>;

/// What policy demands of one table's rows, as templates.
#[derive(Debug, Default)]
pub(crate) struct Rules {
    /// Of a row that is read.
    pub select: Rule,
    /// Of a new row.
    pub insert: Rule,
    /// Of an existing row that is changed.
    pub update: Rule,
    /// Of what it is changed to.
    pub update_check: Rule,
    /// Of a row that is deleted.
    pub delete: Rule,
}

/// What one role may do.
#[derive(Debug)]
pub(crate) struct Rights {
    /// What it can name and touch.
    pub catalog: Arc<Catalog>,
    /// By table; a table that is not here is not guarded.
    pub rules: AHashMap<TableId, Rules>,
    /// What the templates in `rules` are numbered by.
    pub pool: Arc<Pool>,
}

impl Rights {
    /// Everything, unguarded.
    pub fn everything(catalog: Arc<Catalog>) -> Self {
        Self { catalog, rules: AHashMap::new(), pool: Arc::default() }
    }

    /// Nothing: no table has a name, and should one be reached all the same, none of its rows is let through.
    pub fn nothing(catalog: &Catalog) -> Self {
        let rules = catalog.tables().map(|(table, _)| (table, refused())).collect();
        let narrowed = catalog.narrowed(|tables, functions| {
            crate::privileges::Privileges::default().narrow(std::iter::empty(), tables, functions);
        });
        Self { catalog: Arc::new(narrowed), rules, pool: Arc::default() }
    }

    /// What `role` may do by the file.
    pub fn of(role: &str, model: &Model, catalog: &Catalog, pool: &Arc<Pool>) -> Self {
        let grantees = model.roles.of(role);
        let everything = grantees.contains(SERVICE);
        let narrowed = catalog.narrowed(|tables, functions| {
            if everything {
                return;
            }
            model.privileges.narrow(grantees.iter().map(|name| &**name), tables, functions);
        });
        let rules = if model.roles.bypasses(role) {
            AHashMap::new()
        } else {
            let guarded = catalog.tables().map(|(id, _)| id).filter(|id| !model.unguarded.contains(id));
            guarded.map(|table| (table, rules(role, &grantees, table, model, pool))).collect()
        };
        Self { catalog: Arc::new(narrowed), rules, pool: pool.clone() }
    }
}

fn refused() -> Rules {
    let never = || Some(Expr::Value(Value::Bool(false)));
    Rules { select: never(), insert: never(), update: never(), update_check: never(), delete: never() }
}

/// The policies that concern these grantees and this command.
fn applicable<'a>(
    model: &'a Model,
    grantees: &'a BTreeSet<Box<str>>,
    table: TableId,
    command: Command,
) -> impl Iterator<Item = &'a Policy> + Clone {
    model.policies.iter().filter(move |policy| {
        policy.table == table
            && (policy.command == Command::All || policy.command == command)
            && !policy.roles.is_disjoint(grantees)
    })
}

fn rules(role: &str, grantees: &BTreeSet<Box<str>>, table: TableId, model: &Model, pool: &Pool) -> Rules {
    let rule = |command, condition: fn(&Policy) -> Option<&Expr>| {
        combined(role, pool, applicable(model, grantees, table, command), condition)
    };
    let using: fn(&Policy) -> Option<&Expr> = |policy| policy.using.as_ref();
    let check: fn(&Policy) -> Option<&Expr> = |policy| policy.check.as_ref().or(policy.using.as_ref());
    Rules {
        select: rule(Command::Select, using),
        insert: rule(Command::Insert, check),
        update: rule(Command::Update, using),
        update_check: rule(Command::Update, check),
        delete: rule(Command::Delete, using),
    }
}

/// One permissive policy must hold, and every restrictive one.
fn combined<'a>(
    role: &str,
    pool: &Pool,
    policies: impl Iterator<Item = &'a Policy> + Clone,
    condition: fn(&Policy) -> Option<&Expr>,
) -> Rule {
    let conditions = |permissive: bool| {
        let some = policies.clone().filter(move |policy| policy.permissive == permissive);
        some.filter_map(condition).cloned().collect::<Vec<Expr>>()
    };
    let mut parts = vec![Expr::Or(conditions(true))];
    parts.extend(conditions(false));
    let mut rule = Expr::And(parts);
    tree::walk(&mut rule, &mut |part| know_role(part, role, pool));
    let rule = simplify(rule);
    (!is_true(&rule)).then_some(rule)
}

/// The role is known here, so what asks for it can be decided now.
fn know_role(part: &mut Expr, role: &str, pool: &Pool) {
    if let Expr::Param(id) = part
        && pool.get(*id).is_some_and(|param| param.source == ParamSource::Role)
    {
        *part = Expr::Value(Value::text(role));
    }
}
