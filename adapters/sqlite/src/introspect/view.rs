//! Views: the engine tells which column of which table each column shows; types, keys and foreign keys follow from that.

use ahash::AHashSet;
use rusqlite::Connection;
use transom_query::{
    ColumnId, TableId,
    catalog::{ForeignKey, Table, TableKind},
};

use super::{
    Names, folded,
    tokens::{Token, tokens},
};

/// A column of the view, and the table's column that it shows.
type Origin = (ColumnId, TableId, ColumnId);

pub(super) fn follow(
    connection: &Connection,
    tables: &mut [Table],
    at: usize,
    sql: &str,
    names: &Names,
) -> rusqlite::Result<()> {
    let name = tables[at].name.replace('"', "\"\"");
    let Ok(statement) = connection.prepare(&format!("SELECT * FROM \"{name}\"")) else { return Ok(()) };
    let origin = |(at, column): (usize, rusqlite::ColumnMetadata<'_>)| -> Option<Origin> {
        let table = *names.get(&folded(column.table_name()?))?;
        let of = tables[table.0 as usize].column(column.origin_name()?)?;
        Some((ColumnId(at as u32), table, of))
    };
    let origins: Vec<Origin> = statement.columns_with_metadata().enumerate().filter_map(origin).collect();
    drop(statement);
    let query = Query::read(sql, tables, names);
    let keys = keys(tables, &origins, &query);
    let foreign_keys = foreign_keys(tables, &origins);
    let traced: Vec<_> = origins
        .iter()
        .map(|(at, table, of)| {
            (*at, tables[table.0 as usize][*of].data_type, tables[table.0 as usize][*of].nullable)
        })
        .collect();
    let view = &mut tables[at];
    for (column, data_type, nullable) in traced {
        let column = &mut view.columns[column.0 as usize];
        column.data_type = data_type;
        column.nullable = nullable || query.may_add_nulls;
    }
    // Two tables' keys in one view mean that neither alone names a row.
    if let [key] = keys.as_slice() {
        view.primary_key = key.clone();
    }
    view.foreign_keys = foreign_keys;
    Ok(())
}

/// What a view's text says of its rows.
struct Query {
    /// Every table that it names, in subqueries too.
    reads: AHashSet<TableId>,
    /// The columns after GROUP BY.
    grouped_by: Vec<String>,
    /// Rows of several queries, which may be the same.
    compound: bool,
    /// The table after the first FROM: the one that a left join keeps every row of.
    first: Option<TableId>,
    /// Outer joins show NULL where a table has none; so do rows of several queries.
    may_add_nulls: bool,
}

impl Query {
    fn read(sql: &str, tables: &[Table], names: &Names) -> Self {
        let tokens = tokens(sql);
        let has = |words: &[&str]| tokens.iter().any(|token| words.iter().any(|word| token.is(word)));
        let compound = has(&["UNION", "INTERSECT", "EXCEPT"]);
        // A view within might do anything.
        let named = tokens.iter().filter_map(|token| names.get(&folded(token.name()?)).copied());
        let reads: AHashSet<TableId> = named.collect();
        let from = tokens.windows(2).find(|pair| pair[0].is("FROM"));
        let first = from.and_then(|pair| names.get(&folded(pair[1].name()?)).copied());
        let views = reads.iter().filter(|table| tables[table.0 as usize].kind != TableKind::Table).count();
        Self {
            grouped_by: grouped_by(&tokens),
            // Its own name is among them.
            may_add_nulls: compound || views > 1 || has(&["LEFT", "RIGHT", "FULL", "OUTER"]),
            first,
            compound,
            reads,
        }
    }
}

/// The last names of the terms after the outermost GROUP BY, if they are plain columns.
fn grouped_by(tokens: &[Token]) -> Vec<String> {
    let mut depth = 0;
    let mut terms: Vec<String> = Vec::new();
    let mut within = false;
    for (at, token) in tokens.iter().enumerate() {
        match token {
            Token::Sign('(') if within => return Vec::new(),
            Token::Sign('(') => depth += 1,
            Token::Sign(')') => depth -= 1,
            _ if within && ["HAVING", "ORDER", "LIMIT", "WINDOW"].iter().any(|word| token.is(word)) => break,
            Token::Sign(',') if within => terms.push(String::new()),
            Token::Sign(_) => {}
            _ if within => {
                if let (Some(term), Some(name)) = (terms.last_mut(), token.name()) {
                    *term = folded(name);
                }
            }
            _ if depth == 0 && token.is("BY") && at > 0 && tokens[at - 1].is("GROUP") => {
                within = true;
                terms.push(String::new());
            }
            _ => {}
        }
    }
    terms
}

/// The view's column that shows this column.
fn shown(origins: &[Origin], table: TableId, column: ColumnId) -> Option<ColumnId> {
    origins.iter().find(|(_, of, origin)| *of == table && *origin == column).map(|(shown, _, _)| *shown)
}

fn bases(origins: &[Origin]) -> Vec<TableId> {
    let mut bases: Vec<TableId> = origins.iter().map(|(_, table, _)| *table).collect();
    bases.sort_unstable();
    bases.dedup();
    bases
}

/// Primary keys that are shown whole and still name one row.
fn keys(tables: &[Table], origins: &[Origin], query: &Query) -> Vec<Vec<ColumnId>> {
    if query.compound {
        return Vec::new();
    }
    let mut keys = Vec::new();
    for base in bases(origins) {
        let table = &tables[base.0 as usize];
        let key: Option<Vec<ColumnId>> =
            table.primary_key.iter().map(|column| shown(origins, base, *column)).collect();
        let Some(key) = key.filter(|key| !key.is_empty()) else { continue };
        let names: Vec<String> =
            table.primary_key.iter().map(|column| folded(&table[*column].name)).collect();
        let grouped = !query.grouped_by.is_empty()
            && query.grouped_by.len() == names.len()
            && names.iter().all(|name| query.grouped_by.contains(name));
        // A table that refers to this one is joined to it with many rows for one.
        let multiplied = query.reads.iter().any(|other| {
            *other != base && tables[other.0 as usize].foreign_keys.iter().any(|key| key.table == base)
        });
        // Where a join has no row to show, the key is NULL, and not only once.
        let whole = !query.may_add_nulls || query.first == Some(base);
        if whole && (grouped || (query.grouped_by.is_empty() && !multiplied)) {
            keys.push(key);
        }
    }
    keys
}

fn foreign_keys(tables: &[Table], origins: &[Origin]) -> Vec<ForeignKey> {
    let mut found = Vec::new();
    for base in bases(origins) {
        for key in &tables[base.0 as usize].foreign_keys {
            let columns: Option<Vec<ColumnId>> =
                key.columns.iter().map(|column| shown(origins, base, *column)).collect();
            if let Some(columns) = columns {
                found.push(ForeignKey { columns, ..key.clone() });
            }
        }
    }
    found
}
