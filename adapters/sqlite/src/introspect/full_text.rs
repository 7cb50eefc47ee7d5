//! Full-text tables (FTS5). One whose content is another table is that table's index and no table of its own; any other is searched
//! as itself, by its row id.

use rusqlite::Connection;
use transom_query::{
    ColumnId,
    catalog::{FullTextIndex, Table},
};

use super::{
    Names, Object, column, folded, table,
    tokens::{Token, option, tokens},
};

/// An index over another table.
pub(super) struct Index {
    name: String,
    content: String,
    row_id: Option<String>,
    columns: Vec<Box<str>>,
}

fn is_full_text(tokens: &[Token]) -> bool {
    let virtual_table =
        matches!(tokens, [create, virtual_word, ..] if create.is("CREATE") && virtual_word.is("VIRTUAL"));
    virtual_table && tokens.windows(2).any(|pair| pair[0].is("USING") && pair[1].is("fts5"))
}

/// Takes the indexes over other tables out of the objects.
pub(super) fn take_indexes(
    connection: &Connection,
    objects: &mut Vec<Object>,
) -> rusqlite::Result<Vec<Index>> {
    let names: Vec<String> = objects.iter().map(|object| folded(&object.name)).collect();
    let mut indexes = Vec::new();
    let mut kept = Vec::with_capacity(objects.len());
    for object in objects.drain(..) {
        let tokens = tokens(&object.sql);
        let content = option(&tokens, "content").filter(|content| names.contains(&folded(content)));
        match content {
            Some(content) if is_full_text(&tokens) => {
                let columns = table::read(connection, &object)?.columns;
                let columns = columns.into_iter().map(|column| column.name).collect();
                let row_id = option(&tokens, "content_rowid");
                indexes.push(Index { name: object.name, content, row_id, columns });
            }
            _ => kept.push(object),
        }
    }
    *objects = kept;
    Ok(indexes)
}

/// Gives each searched table its index.
pub(super) fn attach(tables: &mut [Table], objects: &[Object], indexes: &[Index], names: &Names) {
    for index in indexes {
        let Some(content) = names.get(&folded(&index.content)) else { continue };
        let table = &mut tables[content.0 as usize];
        let row_id = match &index.row_id {
            Some(name) => column(table, name),
            None => table.primary_key.first().copied().filter(|key| table[*key].identity),
        };
        let columns = index.columns.iter().filter_map(|name| column(table, name)).collect();
        if let Some(row_id) = row_id {
            table.full_text = Some(FullTextIndex { name: index.name.as_str().into(), columns, row_id });
        }
    }
    for (table, object) in tables.iter_mut().zip(objects) {
        if is_full_text(&tokens(&object.sql)) {
            itself(table);
        }
    }
}

fn itself(table: &mut Table) {
    let columns = (0..table.columns.len()).map(|at| ColumnId(at as u32)).collect();
    let row_id = ColumnId(table.columns.len() as u32);
    table.columns.push(table::row_id());
    table.primary_key = vec![row_id];
    table.indexes.push(vec![row_id]);
    table.full_text = Some(FullTextIndex { name: table.name.clone(), columns, row_id });
}
