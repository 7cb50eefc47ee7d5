//! Which relationship an embedded resource means: by the related table's name, the foreign key's, or its column's; narrowed by a hint.

use transom_types::{Code, Problem};

use super::{Planner, relation::Relation};
use crate::{
    Catalog,
    catalog::{Relationship, RelationshipKind, TableKind},
    request::Embed,
};

impl Planner<'_> {
    pub(super) fn relationship(&self, relation: Relation, embed: &Embed) -> Result<Relationship, Problem> {
        let Some(from) = relation.rows_of(self.catalog) else {
            return Err(self.unrelated(relation, embed));
        };
        if self.options.native {
            return self.way(from, embed);
        }
        let ways = self.catalog.relationships(from);
        // A table that refers to itself is entered downwards by its own name, upwards by its column's.
        let upwards =
            |way: &Relationship| way.from == way.to && matches!(way.kind, RelationshipKind::ToOne(_));
        let by_table = |way: &&Relationship| self.catalog[way.to].name == embed.resource && !upwards(way);
        let mut found: Vec<&Relationship> = match ways.iter().any(|way| by_table(&way)) {
            true => ways.iter().filter(by_table).collect(),
            false => self.by_keys(ways, &embed.resource),
        };
        if let Some(hint) = &embed.hint {
            found.retain(|way| self.by_hint(way, hint));
        }
        match found.as_slice() {
            [way] => Ok((*way).clone()),
            [] => Err(self.unrelated(relation, embed)),
            several => Err(self.ambiguous(relation, embed, several)),
        }
    }

    /// The ways of a key. It leads to the table it refers to, and to a view of that only where there is no other.
    fn by_keys<'w>(&self, ways: &'w [Relationship], name: &str) -> Vec<&'w Relationship> {
        let mut found: Vec<&Relationship> = ways.iter().filter(|way| self.by_key(way, name)).collect();
        let to_table = |way: &&Relationship| self.catalog[way.to].kind == TableKind::Table;
        if found.iter().any(to_table) {
            found.retain(to_table);
        }
        found
    }

    /// The embedded name is a foreign key, or the one column of it on this side.
    fn by_key(&self, way: &Relationship, name: &str) -> bool {
        match &way.kind {
            RelationshipKind::ToOne(pairs) => {
                let column = || matches!(pairs.as_slice(), [(near, _)] if &*self.catalog[way.from][*near].name == name);
                &*way.name == name || column()
            }
            // A table that refers to itself is entered by its column upwards, by its constraint downwards.
            RelationshipKind::ToMany(_) | RelationshipKind::OneToOne(_) => {
                &*way.name == name && way.from != way.to
            }
            RelationshipKind::ManyToMany { .. } | RelationshipKind::Computed { .. } => false,
        }
    }

    fn by_hint(&self, way: &Relationship, hint: &str) -> bool {
        match &way.kind {
            RelationshipKind::ToOne(pairs) => {
                let column =
                    matches!(pairs.as_slice(), [(near, _)] if &*self.catalog[way.from][*near].name == hint);
                column || &*way.name == hint
            }
            RelationshipKind::ToMany(pairs) | RelationshipKind::OneToOne(pairs) => {
                let column =
                    matches!(pairs.as_slice(), [(_, far)] if &*self.catalog[way.to][*far].name == hint);
                column || &*way.name == hint
            }
            RelationshipKind::ManyToMany { junction, far, .. } => {
                // Of a junction between a table and itself, the column that leads to the embedded rows.
                let column = || matches!(far.as_slice(), [(through, _)] if &*self.catalog[*junction][*through].name == hint);
                &*self.catalog[*junction].name == hint || &*way.name == hint || column()
            }
            RelationshipKind::Computed { .. } => false,
        }
    }

    fn unrelated(&self, relation: Relation, embed: &Embed) -> Problem {
        let from = relation.name(self.catalog);
        let message = format!(
            "Could not find a relationship between '{from}' and '{}' in the schema cache",
            embed.resource
        );
        let using = embed.hint.as_ref().map_or(String::new(), |hint| format!(" using the hint '{hint}'"));
        let details = format!(
            "Searched for a foreign key relationship between '{from}' and '{}'{using} in the schema '{}', but no matches were found.",
            embed.resource,
            self.catalog.schema()
        );
        let problem = Problem::new(Code::RelationshipMissing, message).with_details(details);
        if embed.empty && AGGREGATES.contains(&&*embed.resource) {
            return problem
                .with_hint(format!("As an aggregate, {0}() needs a column: column.{0}()", embed.resource));
        }
        let Some(from) = relation.rows_of(self.catalog) else { return problem };
        let ways = self.catalog.relationships(from).iter();
        match &embed.hint {
            Some(hint) => problem.suggesting(hint, ways.map(|way| hint_for(self.catalog, way))),
            None => problem.suggesting(&embed.resource, ways.map(|way| &*self.catalog[way.to].name)),
        }
    }

    fn ambiguous(&self, relation: Relation, embed: &Embed, ways: &[&Relationship]) -> Problem {
        let from = relation.name(self.catalog);
        let message = format!(
            "Could not embed because more than one relationship was found for '{from}' and '{}'",
            embed.resource
        );
        let described: Vec<_> = ways.iter().map(|way| describe(self.catalog, from, way)).collect();
        let choice = |way: &&Relationship| {
            let hint = hint_for(self.catalog, way);
            let alone = ways.iter().filter(|other| hint_for(self.catalog, other) == hint).count() == 1;
            let hint = if alone { hint } else { end_of(self.catalog, way).unwrap_or(hint) };
            format!("'{}!{hint}'", embed.resource)
        };
        let choices: Vec<_> = ways.iter().map(choice).collect();
        Problem::new(Code::RelationshipAmbiguous, message).with_details(described.join("; ")).with_hint(
            format!("Try changing '{}' to one of the following: {}", embed.resource, choices.join(", ")),
        )
    }
}

/// What is written like an embedded resource of nothing. `count()` needs no column.
const AGGREGATES: [&str; 4] = ["sum", "avg", "max", "min"];

/// The hint that chooses this relationship among its rivals.
fn hint_for<'c>(catalog: &'c Catalog, way: &'c Relationship) -> &'c str {
    match &way.kind {
        RelationshipKind::ManyToMany { junction, .. } => &catalog[*junction].name,
        _ => &way.name,
    }
}

/// The junction's column that leads to the embedded rows.
fn end_of<'c>(catalog: &'c Catalog, way: &'c Relationship) -> Option<&'c str> {
    match &way.kind {
        RelationshipKind::ManyToMany { junction, far, .. } => {
            far.first().map(|(through, _)| &*catalog[*junction][*through].name)
        }
        _ => None,
    }
}

/// `from`: what the caller has named, which may be a function that returns a table's rows.
fn describe(catalog: &Catalog, from: &str, way: &Relationship) -> String {
    let cardinality = match &way.kind {
        RelationshipKind::ToOne(_) => "many-to-one",
        RelationshipKind::ToMany(_) => "one-to-many",
        RelationshipKind::OneToOne(_) => "one-to-one",
        RelationshipKind::ManyToMany { .. } => "many-to-many",
        RelationshipKind::Computed { .. } => "computed",
    };
    format!("{cardinality}: {from} with {} using {}", catalog[way.to].name, way.name)
}
