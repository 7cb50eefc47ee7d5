//! Which relationship an embedded resource means where PostgREST is spoken, chosen and refused as PostgREST does.

use std::collections::HashSet;

use serde_json::json;
use transom_types::{Code, Likeness, Problem, resembling};

use super::Planner;
use crate::{
    Catalog, TableId,
    catalog::{ColumnId, Relationship, RelationshipKind, TableKind},
    request::{Embed, Item, Select},
};

impl Planner<'_> {
    /// Every resource that is embedded must be there, before anything else is looked at, and under a name of its own.
    pub(super) fn check_embeds(&self, from: TableId, select: &Select) -> Result<(), Problem> {
        self.check_ways(from, select)?;
        self.check_keys(from, select, self.depth + 1)
    }

    fn check_ways(&self, from: TableId, select: &Select) -> Result<(), Problem> {
        for item in &select.items {
            if let Item::Embed(embed) = item {
                let way = self.way(from, embed)?;
                self.check_ways(way.to, &embed.select)?;
            }
        }
        Ok(())
    }

    /// The engine would refuse two sources of one name: this is what PostgREST calls them.
    fn check_keys(&self, from: TableId, select: &Select, depth: usize) -> Result<(), Problem> {
        let mut keys = HashSet::new();
        for item in &select.items {
            let Item::Embed(embed) = item else { continue };
            self.check_keys(self.way(from, embed)?.to, &embed.select, depth + 1)?;
            let key = embed.alias.as_ref().unwrap_or(&embed.resource);
            if !keys.insert(key) {
                let source = format!("{}_{key}_{depth}", self.catalog[from].name);
                let message = format!("table name \"{source}\" specified more than once");
                return Err(Problem::of_engine("42712", 400, message));
            }
        }
        Ok(())
    }

    pub(super) fn way(&self, from: TableId, embed: &Embed) -> Result<Relationship, Problem> {
        let ways = self.catalog.relationships(from);
        // A computed relationship stands in the place of every other that leads to a table of its name.
        let computed = |way: &&Relationship| is_computed(way) && way.name == embed.resource;
        if let Some(way) = ways.iter().find(computed) {
            return Ok(way.clone());
        }
        let hint = embed.hint.as_deref();
        let meant = |way: &&Relationship| !is_computed(way) && self.is_meant(way, &embed.resource, hint);
        let mut found: Vec<&Relationship> = ways.iter().filter(meant).collect();
        match found.as_slice() {
            [way] => Ok((*way).clone()),
            [] => Err(self.no_way(from, embed)),
            _ => {
                found.sort_by_key(|way| rank(way));
                Err(self.several_ways(from, embed, &found))
            }
        }
    }

    fn is_meant(&self, way: &Relationship, name: &str, hint: Option<&str>) -> bool {
        let (from, to) = (&self.catalog[way.from], &self.catalog[way.to]);
        let to_table = *to.name == *name;
        let by_near = |name: &str| near(way).is_some_and(|column| *from[column].name == *name);
        let by_far = |name: &str| far(way).is_some_and(|column| *to[column].name == *name);
        let by_name = |name: &str| direct(way) && *way.name == *name;
        let upwards = matches!(way.kind, RelationshipKind::ToOne(_));
        if way.from == way.to {
            // Downwards by the table's name, upwards by the column's: one key leads both ways, so that its name says neither.
            let down = to_table && !upwards;
            return match hint {
                None => down || (upwards && (by_near(name) || by_name(name))),
                Some(hint) => down && (by_far(hint) || self.by_junction(way, hint)),
            };
        }
        // Keys and columns lead to tables alone: a view is embedded by its own name.
        let to_one = upwards || matches!(way.kind, RelationshipKind::OneToOne(_));
        let by_key = to.kind == TableKind::Table && (by_name(name) || (to_one && by_near(name)));
        let hinted = |hint: &str| {
            let column = match way.kind {
                RelationshipKind::ToOne(_) => by_near(hint) || (self.is_unique(way) && by_far(hint)),
                RelationshipKind::OneToOne(_) => by_near(hint) || by_far(hint),
                _ => by_far(hint),
            };
            column || by_name(hint) || self.by_junction(way, hint)
        };
        (to_table || by_key) && hint.is_none_or(hinted)
    }

    fn by_junction(&self, way: &Relationship, name: &str) -> bool {
        matches!(&way.kind, RelationshipKind::ManyToMany { junction, .. } if *self.catalog[*junction].name == *name)
    }

    /// Whether the key of a way upwards is there once.
    fn is_unique(&self, way: &Relationship) -> bool {
        let RelationshipKind::ToOne(pairs) = &way.kind else { return false };
        let columns: Vec<ColumnId> = pairs.iter().map(|(near, _)| *near).collect();
        self.catalog[way.from].fixes_one_row(&columns)
    }

    fn no_way(&self, from: TableId, embed: &Embed) -> Problem {
        let (parent, child) = (&*self.catalog[from].name, &*embed.resource);
        let message =
            format!("Could not find a relationship between '{parent}' and '{child}' in the schema cache");
        let using = embed.hint.as_ref().map_or(String::new(), |hint| format!(" using the hint '{hint}'"));
        let details = format!(
            "Searched for a foreign key relationship between '{parent}' and '{child}'{using} in the schema '{}', but no matches were found.",
            self.catalog.schema()
        );
        let problem = Problem::new(Code::RelationshipMissing, message).with_details(details);
        let mut names: Vec<&str> =
            self.catalog.relationships(from).iter().map(|way| &*self.catalog[way.to].name).collect();
        names.sort_unstable();
        names.dedup();
        let near = resembling(child, names, Likeness::Rough).filter(|near| *near != child);
        match near {
            Some(near) => problem.with_hint(format!("Perhaps you meant '{near}' instead of '{child}'.")),
            None => problem,
        }
    }

    fn several_ways(&self, from: TableId, embed: &Embed, ways: &[&Relationship]) -> Problem {
        let (parent, child) = (&*self.catalog[from].name, &*embed.resource);
        let message = format!(
            "Could not embed because more than one relationship was found for '{parent}' and '{child}'"
        );
        let described = ways.iter().map(|way| {
            json!({
                "cardinality": self.cardinality(way),
                "embedding": format!("{parent} with {}", self.catalog[way.to].name),
                "relationship": self.using(way),
            })
        });
        let choice = |way: &&Relationship| match &way.kind {
            RelationshipKind::ManyToMany { junction, .. } => {
                format!("'{child}!{}'", self.catalog[*junction].name)
            }
            _ => format!("'{child}!{}'", way.name),
        };
        let choices: Vec<String> = ways.iter().map(choice).collect();
        let hint = format!(
            "Try changing '{child}' to one of the following: {}. Find the desired relationship in the 'details' key.",
            choices.join(", ")
        );
        Problem::new(Code::RelationshipAmbiguous, message)
            .with_listed_details(described.collect())
            .with_hint(hint)
    }

    fn cardinality(&self, way: &Relationship) -> &'static str {
        match &way.kind {
            RelationshipKind::ToOne(_) if self.is_unique(way) => "one-to-one",
            RelationshipKind::ToOne(_) => "many-to-one",
            RelationshipKind::ToMany(_) | RelationshipKind::Computed { .. } => "one-to-many",
            RelationshipKind::OneToOne(_) => "one-to-one",
            RelationshipKind::ManyToMany { .. } => "many-to-many",
        }
    }

    /// By which key and which columns the two are joined.
    fn using(&self, way: &Relationship) -> String {
        let catalog = self.catalog;
        match &way.kind {
            RelationshipKind::ToOne(pairs)
            | RelationshipKind::ToMany(pairs)
            | RelationshipKind::OneToOne(pairs) => {
                let near = named(catalog, way.from, pairs.iter().map(|(near, _)| *near));
                let far = named(catalog, way.to, pairs.iter().map(|(_, far)| *far));
                let (from, to) = (&catalog[way.from].name, &catalog[way.to].name);
                format!("{} using {from}({near}) and {to}({far})", way.name)
            }
            RelationshipKind::ManyToMany { junction, near, far } => {
                let (near_key, far_key) = way.name.split_once(':').unwrap_or((&way.name, ""));
                let near = named(catalog, *junction, near.iter().map(|(_, through)| *through));
                let far = named(catalog, *junction, far.iter().map(|(through, _)| *through));
                format!("{} using {near_key}({near}) and {far_key}({far})", catalog[*junction].name)
            }
            RelationshipKind::Computed { .. } => way.name.to_string(),
        }
    }
}

fn is_computed(way: &Relationship) -> bool {
    matches!(way.kind, RelationshipKind::Computed { .. })
}

/// In which order ways that are mistaken for each other are told.
fn rank(way: &Relationship) -> u8 {
    match way.kind {
        RelationshipKind::ToMany(_) => 0,
        RelationshipKind::ToOne(_) | RelationshipKind::OneToOne(_) => 1,
        RelationshipKind::ManyToMany { .. } | RelationshipKind::Computed { .. } => 2,
    }
}

/// Whether one key joins the two.
fn direct(way: &Relationship) -> bool {
    joined_by(way).is_some()
}

fn joined_by(way: &Relationship) -> Option<&[(ColumnId, ColumnId)]> {
    match &way.kind {
        RelationshipKind::ToOne(pairs)
        | RelationshipKind::ToMany(pairs)
        | RelationshipKind::OneToOne(pairs) => Some(pairs),
        RelationshipKind::ManyToMany { .. } | RelationshipKind::Computed { .. } => None,
    }
}

/// The one column on this side.
fn near(way: &Relationship) -> Option<ColumnId> {
    match joined_by(way)? {
        [(near, _)] => Some(*near),
        _ => None,
    }
}

/// The one column on the other side.
fn far(way: &Relationship) -> Option<ColumnId> {
    match joined_by(way)? {
        [(_, far)] => Some(*far),
        _ => None,
    }
}

fn named(catalog: &Catalog, of: TableId, columns: impl Iterator<Item = ColumnId>) -> String {
    let names: Vec<&str> = columns.map(|column| &*catalog[of][column].name).collect();
    names.join(", ")
}

#[cfg(test)]
mod tests {
    use serde_json::Value as Json;

    use super::super::{Options, Planner};
    use crate::{
        Catalog, TableId,
        catalog::{Access, Column, ColumnId, ForeignKey, Relationship, RelationshipKind, Table, TableKind},
        request::{Embed, Select, Values},
    };

    fn table(name: &str, columns: &[&str], keys: &[(&str, u32, u32)]) -> Table {
        let column = |name: &&str| Column {
            name: (*name).into(),
            data_type: transom_types::DataType::Any,
            engine_type: None,
            nullable: true,
            default: None,
            generated: false,
            identity: false,
            collation: None,
            representation: None,
            vector: false,
            computed: false,
            access: Access::ALL,
            comment: None,
        };
        let key = |(name, column, to): &(&str, u32, u32)| ForeignKey {
            name: (*name).into(),
            columns: vec![ColumnId(*column)],
            table: TableId(*to),
            referenced: vec![ColumnId(0)],
        };
        Table {
            name: name.into(),
            schema: None,
            kind: TableKind::Table,
            columns: columns.iter().map(column).collect(),
            primary_key: vec![ColumnId(0)],
            unique_keys: Vec::new(),
            foreign_keys: keys.iter().map(key).collect(),
            indexes: Vec::new(),
            full_text: None,
            access: Access::ALL,
            comment: None,
        }
    }

    /// People, who may have a parent, and letters from one to another; a function finds the newest of each.
    fn catalog() -> Catalog {
        let people = table("people", &["id", "parent"], &[("descent", 1, 0)]);
        let letters = table("letters", &["id", "sender", "reader"], &[("sent", 1, 0), ("read", 2, 0)]);
        let newest = Relationship {
            name: "newest".into(),
            from: TableId(0),
            to: TableId(1),
            kind: RelationshipKind::Computed { schema: "public".into(), single: true },
        };
        Catalog::new(vec![people, letters], Vec::new()).with_relationships([newest])
    }

    fn check(
        from: u32,
        (resource, hint): (&str, Option<&str>),
        expected: Result<(&str, bool), (&str, usize)>,
    ) {
        let (catalog, values) = (catalog(), Values::default());
        let options = Options { native: true, ..Options::default() };
        let planner = Planner::new(&catalog, &values, &options);
        let embed = Embed {
            alias: None,
            resource: resource.into(),
            hint: hint.map(Into::into),
            inner: false,
            spread: false,
            select: Select::default(),
            empty: false,
        };
        match (planner.way(TableId(from), &embed), expected) {
            (Ok(way), Ok((name, one))) => {
                assert_eq!((&*way.name, way.kind.to_one()), (name, one), "{resource}")
            }
            (Err(problem), Err((hint, listed))) => {
                assert_eq!(problem.hint().unwrap_or_default(), hint, "{resource}");
                assert_eq!(problem.listed_details().len(), listed, "{resource}");
                assert!(problem.listed_details().iter().all(Json::is_object), "{resource}");
            }
            (found, _) => panic!("{resource}: {found:?}"),
        }
    }

    #[test]
    fn a_way_is_found_by_table_key_column_and_hint() {
        check(1, ("sender", None), Ok(("sent", true)));
        check(1, ("read", None), Ok(("read", true)));
        check(1, ("people", Some("reader")), Ok(("read", true)));
        check(0, ("letters", Some("sender")), Ok(("sent", false)));
        check(0, ("letters", Some("sent")), Ok(("sent", false)));
        check(0, ("parent", None), Ok(("descent", true)));
        check(0, ("people", None), Ok(("descent", false)));
        check(0, ("newest", None), Ok(("newest", true)));
        let several = "Try changing 'people' to one of the following: 'people!sent', 'people!read'. Find the desired relationship in the 'details' key.";
        check(1, ("people", None), Err((several, 2)));
        check(0, ("leters", None), Err(("Perhaps you meant 'letters' instead of 'leters'.", 0)));
        check(0, ("letters", Some("x")), Err(("", 0)));
    }
}
