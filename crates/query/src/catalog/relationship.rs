//! Ways between tables: what `select` can embed.

use ahash::AHashMap;

use super::{ColumnId, ForeignKey, Table, TableId};

/// A way from one table to another that `select` can embed.
#[derive(Clone, Debug)]
pub struct Relationship {
    /// The foreign key's name; for many-to-many, the junction's two names joined by `:`.
    pub name: Box<str>,
    /// The table it starts at.
    pub from: TableId,
    /// The table it leads to.
    pub to: TableId,
    /// How many rows stand at the other end, and by which columns they are found.
    pub kind: RelationshipKind,
}

/// The cardinality of a [`Relationship`] and the columns that join it.
#[derive(Clone, Debug)]
pub enum RelationshipKind {
    /// `from` holds the foreign key: pairs (column of `from`, column of `to`).
    ToOne(Vec<(ColumnId, ColumnId)>),
    /// `to` holds the foreign key: pairs (column of `from`, column of `to`).
    ToMany(Vec<(ColumnId, ColumnId)>),
    /// `to` holds the foreign key and it is unique there: pairs (column of `from`, column of `to`).
    OneToOne(Vec<(ColumnId, ColumnId)>),
    /// A junction holds a foreign key to each side, both within its primary key.
    ManyToMany {
        /// The table between.
        junction: TableId,
        /// Pairs (column of `from`, column of the junction).
        near: Vec<(ColumnId, ColumnId)>,
        /// Pairs (column of the junction, column of `to`).
        far: Vec<(ColumnId, ColumnId)>,
    },
    /// A function of the engine's own makes the rows of `to` of a row of `from`.
    Computed {
        /// The schema of the function, whose name is the relationship's.
        schema: Box<str>,
        /// Whether it makes at most one.
        single: bool,
    },
}

impl RelationshipKind {
    /// Whether at most one row stands at the other end.
    pub fn to_one(&self) -> bool {
        matches!(self, Self::ToOne(_) | Self::OneToOne(_) | Self::Computed { single: true, .. })
    }
}

/// Those that follow from the tables' foreign keys.
pub(super) fn of_keys(tables: &[Table]) -> AHashMap<TableId, Vec<Relationship>> {
    let mut ways: AHashMap<TableId, Vec<Relationship>> = AHashMap::new();
    let mut add = |way: Relationship| ways.entry(way.from).or_default().push(way);
    for (id, table) in (0u32..).map(TableId).zip(tables) {
        for key in &table.foreign_keys {
            let pairs: Vec<_> = key.columns.iter().copied().zip(key.referenced.iter().copied()).collect();
            let back: Vec<_> = pairs.iter().map(|(near, far)| (*far, *near)).collect();
            let kind = match table.fixes_one_row(&key.columns) {
                true => RelationshipKind::OneToOne(back),
                false => RelationshipKind::ToMany(back),
            };
            add(Relationship { name: key.name.clone(), from: key.table, to: id, kind });
            let kind = RelationshipKind::ToOne(pairs);
            add(Relationship { name: key.name.clone(), from: id, to: key.table, kind });
        }
        for way in through_junction(id, table) {
            add(way);
        }
    }
    ways
}

/// A junction's primary key holds two foreign keys: each joins the tables at both ends.
fn through_junction(id: TableId, table: &Table) -> Vec<Relationship> {
    let within_key = |key: &&ForeignKey| key.columns.iter().all(|c| table.primary_key.contains(c));
    let ends: Vec<&ForeignKey> = table.foreign_keys.iter().filter(within_key).collect();
    let mut ways = Vec::new();
    for (at, near) in ends.iter().enumerate() {
        for (other, far) in ends.iter().enumerate() {
            if at == other || near.columns == far.columns {
                continue;
            }
            ways.push(Relationship {
                name: format!("{}:{}", near.name, far.name).into(),
                from: near.table,
                to: far.table,
                kind: RelationshipKind::ManyToMany {
                    junction: id,
                    near: near.referenced.iter().copied().zip(near.columns.iter().copied()).collect(),
                    far: far.columns.iter().copied().zip(far.referenced.iter().copied()).collect(),
                },
            });
        }
    }
    ways
}
