//! The database as the planner sees it: tables, columns, keys, relationships and named queries.
//!
//! A catalog is immutable and shared. The policy room derives one per role, with the same ids but
//! only the names that role may use, so that what a role may not see cannot be found or suggested.

use std::{collections::BTreeSet, ops::Index, sync::Arc};

use ahash::AHashMap;
use transom_types::DataType;

mod function;
mod handler;
mod relationship;

pub use function::{
    Callable, EngineFunction, EngineParam, Fragment, Function, FunctionParam, Returns, Rival,
};
pub use handler::{Handler, Handlers};
pub use relationship::{Relationship, RelationshipKind};

use crate::notes::Notes;

/// A table or view of one [`Catalog`], and of every catalog derived from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TableId(pub u32);

/// A column's place in its table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ColumnId(pub u32);

/// A named query of one [`Catalog`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct FunctionId(pub u32);

/// Everything that can be named in a request.
#[derive(Clone, Debug, Default)]
pub struct Catalog {
    tables: Vec<Table>,
    table_names: AHashMap<Box<str>, TableId>,
    functions: Vec<Function>,
    /// What the engine could take for one of the functions.
    rivals: Arc<[Rival]>,
    /// Several functions may share a name: those with fewer parameters first.
    function_names: AHashMap<Box<str>, Vec<FunctionId>>,
    relationships: AHashMap<TableId, Vec<Relationship>>,
    /// The schema that requests are about, where there are several.
    schema: Option<Box<str>>,
    notes: Arc<Notes>,
    handlers: Arc<Handlers>,
    /// The time zones that the engine knows, where it shows times in any.
    time_zones: Arc<BTreeSet<Box<str>>>,
}

/// A table or view.
#[derive(Clone, Debug)]
pub struct Table {
    /// The name in the database and in URLs.
    pub name: Box<str>,
    /// The schema that holds it, where the engine has several.
    pub schema: Option<Box<str>>,
    /// Whether rows are stored or derived.
    pub kind: TableKind,
    /// In declaration order; hidden columns of the engine are left out.
    pub columns: Vec<Column>,
    /// The primary key; for a view, the key it shows of its base table. Empty when there is none.
    pub primary_key: Vec<ColumnId>,
    /// Every other set of columns that a unique constraint or full unique index covers.
    pub unique_keys: Vec<Vec<ColumnId>>,
    /// Foreign keys from this table; through a view, those of the columns it shows.
    pub foreign_keys: Vec<ForeignKey>,
    /// Leading columns of every index, the primary key's included; for `explain`'s advice.
    pub indexes: Vec<Vec<ColumnId>>,
    /// A full-text index over some columns of this table.
    pub full_text: Option<FullTextIndex>,
    /// Which operations the role of this catalog may attempt on the table as a whole.
    pub access: Access,
    /// The table's comment.
    pub comment: Option<Box<str>>,
}

/// Whether rows are stored or derived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TableKind {
    /// Stored rows.
    Table,
    /// Derived rows: read-only unless the engine says otherwise.
    View {
        /// Whether the engine accepts writes (`INSTEAD OF` triggers, say).
        writable: bool,
    },
}

/// A column.
#[derive(Clone, Debug)]
pub struct Column {
    /// The name in the database and in URLs.
    pub name: Box<str>,
    /// The type that values are read and written as.
    pub data_type: DataType,
    /// The engine's own name of the type, as SQL text; trusted, for it comes from the schema. `None` where values have
    /// no type but `data_type`.
    pub engine_type: Option<Box<str>>,
    /// Whether NULL is a possible value.
    pub nullable: bool,
    /// The default as the engine's own SQL text; trusted, for it comes from the schema.
    pub default: Option<Box<str>>,
    /// Whether the engine computes the value, so that none may be written.
    pub generated: bool,
    /// Whether the engine assigns the value when none is written (rowid, identity).
    pub identity: bool,
    /// By what name the engine compares the column's text, where not by its bytes.
    pub collation: Option<Box<str>>,
    /// How values of the column's own type are shown and read, where the schema says.
    pub representation: Option<Box<Representation>>,
    /// Whether it holds what a text was prepared to for being searched.
    pub vector: bool,
    /// Whether it is a function of the row that goes by a column's name: it is there for those who name it, and stands
    /// behind the table's own.
    pub computed: bool,
    /// Which operations the role of this catalog may attempt on the column.
    pub access: Access,
    /// The column's comment.
    pub comment: Option<Box<str>>,
}

/// How values of a type of the schema's own are shown and read: functions of the engine, by their names as SQL text, that
/// casts of the type name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Representation {
    /// Makes JSON of a value.
    pub to_json: Option<Box<str>>,
    /// Makes a value of JSON.
    pub from_json: Option<Box<str>>,
    /// Makes a value of text, as filters have it.
    pub from_text: Option<Box<str>>,
}

/// What a role may attempt; rows are the policies' matter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Access {
    /// May be read.
    pub select: bool,
    /// May be given in an insert.
    pub insert: bool,
    /// May be changed.
    pub update: bool,
    /// Rows may be deleted (always false on columns).
    pub delete: bool,
}

impl Access {
    /// Everything: the catalog as introspected.
    pub const ALL: Self = Self { select: true, insert: true, update: true, delete: true };
    /// Nothing.
    pub const NONE: Self = Self { select: false, insert: false, update: false, delete: false };

    /// Whether any operation is possible.
    pub fn any(self) -> bool {
        self.select || self.insert || self.update || self.delete
    }
}

/// A foreign key constraint.
#[derive(Clone, Debug)]
pub struct ForeignKey {
    /// The constraint's name, or `table_columns_fkey` where the engine keeps none.
    pub name: Box<str>,
    /// The referencing columns.
    pub columns: Vec<ColumnId>,
    /// The referenced table.
    pub table: TableId,
    /// The referenced columns, in the same order.
    pub referenced: Vec<ColumnId>,
}

/// A full-text index.
#[derive(Clone, Debug)]
pub struct FullTextIndex {
    /// The index's own table.
    pub name: Box<str>,
    /// The columns it covers.
    pub columns: Vec<ColumnId>,
    /// The column of the indexed table that equals the index's row id.
    pub row_id: ColumnId,
}

impl Table {
    /// The column of this name, whatever the role may do with it.
    pub fn column(&self, name: &str) -> Option<ColumnId> {
        self.columns.iter().position(|column| &*column.name == name).map(|at| ColumnId(at as u32))
    }

    /// The columns that rows hold: all but what is computed of them. They come first.
    pub fn stored(&self) -> impl Iterator<Item = &Column> {
        self.columns.iter().filter(|column| !column.computed)
    }

    /// Whether `columns` hold a unique key, so that fixing them leaves at most one row.
    pub fn fixes_one_row(&self, columns: &[ColumnId]) -> bool {
        let keys = std::iter::once(&self.primary_key).chain(&self.unique_keys);
        keys.filter(|key| !key.is_empty()).any(|key| key.iter().all(|column| columns.contains(column)))
    }
}

impl Index<ColumnId> for Table {
    type Output = Column;

    fn index(&self, id: ColumnId) -> &Column {
        &self.columns[id.0 as usize]
    }
}

impl Catalog {
    /// A catalog of these tables and functions; relationships follow from the foreign keys.
    pub fn new(tables: Vec<Table>, functions: Vec<Function>) -> Self {
        let table_names = (0u32..).zip(&tables).map(|(id, t)| (t.name.clone(), TableId(id))).collect();
        let function_names = function::by_name(&functions, |_| true);
        let relationships = relationship::of_keys(&tables);
        Self { tables, table_names, functions, function_names, relationships, ..Self::default() }
    }

    /// The same ids with access narrowed by `change`; tables and functions left without any access lose their names.
    pub fn narrowed(&self, mut change: impl FnMut(&mut [Table], &mut [Function])) -> Self {
        let mut narrowed = self.clone();
        change(&mut narrowed.tables, &mut narrowed.functions);
        let (tables, functions) = (&narrowed.tables, &narrowed.functions);
        narrowed.table_names.retain(|_, id| tables[id.0 as usize].access.any());
        narrowed.function_names = function::by_name(functions, |function| function.executable);
        let visible = |id: TableId| tables[id.0 as usize].access.select;
        for from in narrowed.relationships.values_mut() {
            from.retain(|way| {
                let junction_visible = match &way.kind {
                    RelationshipKind::ManyToMany { junction, .. } => visible(*junction),
                    _ => true,
                };
                visible(way.to) && junction_visible
            });
        }
        narrowed
    }

    /// The same ids as requests to one schema see them: only what is in it has a name, and no way leads out of it but
    /// through a junction.
    pub fn in_schema(&self, schema: &str) -> Self {
        let mut seen = self.clone();
        let within = |of: &Option<Box<str>>| of.as_deref() == Some(schema);
        seen.schema = Some(schema.into());
        seen.table_names = (0u32..)
            .zip(&self.tables)
            .filter(|(_, table)| within(&table.schema))
            .map(|(id, table)| (table.name.clone(), TableId(id)))
            .collect();
        let of_schema =
            |function: &Function| function.engine.as_ref().is_none_or(|engine| *engine.schema == *schema);
        seen.function_names = function::by_name(&self.functions, of_schema);
        for from in seen.relationships.values_mut() {
            from.retain(|way| within(&self[way.to].schema));
        }
        seen
    }

    /// The schema that requests are about, by the name that messages use.
    pub fn schema(&self) -> &str {
        self.schema.as_deref().unwrap_or("public")
    }

    /// The same catalog with these functions in place of its own.
    pub fn with_functions(self, functions: Vec<Function>) -> Self {
        let function_names = function::by_name(&functions, |_| true);
        Self { functions, function_names, ..self }
    }

    /// The same catalog with these rivals of its functions.
    pub fn with_rivals(self, rivals: Vec<Rival>) -> Self {
        Self { rivals: rivals.into(), ..self }
    }

    /// What cannot be called, but the engine could take for a function that can.
    pub fn rivals(&self) -> &[Rival] {
        &self.rivals
    }

    /// The same catalog with these ways too.
    pub fn with_relationships(mut self, ways: impl IntoIterator<Item = Relationship>) -> Self {
        for way in ways {
            self.relationships.entry(way.from).or_default().push(way);
        }
        self
    }

    /// The same catalog with these remarks.
    pub fn with_notes(self, notes: Notes) -> Self {
        Self { notes: Arc::new(notes), ..self }
    }

    /// What else the engine told of its schema.
    pub fn notes(&self) -> &Notes {
        &self.notes
    }

    /// The same catalog with these handlers of media types.
    pub fn with_handlers(self, handlers: Handlers) -> Self {
        Self { handlers: Arc::new(handlers), ..self }
    }

    /// What makes bodies of media types that the schema has of its own.
    pub fn handlers(&self) -> &Handlers {
        &self.handlers
    }

    /// The same catalog with these time zones.
    pub fn with_time_zones(self, names: impl Iterator<Item = Box<str>>) -> Self {
        Self { time_zones: Arc::new(names.collect()), ..self }
    }

    /// The time zones that the engine knows, where it shows times in any.
    pub fn time_zones(&self) -> &BTreeSet<Box<str>> {
        &self.time_zones
    }

    /// The table or view of this name.
    pub fn table(&self, name: &str) -> Option<TableId> {
        self.table_names.get(name).copied()
    }

    /// The function of this name; of several, the first.
    pub fn function(&self, name: &str) -> Option<FunctionId> {
        self.overloads(name).first().copied()
    }

    /// Every function of this name.
    pub fn overloads(&self, name: &str) -> &[FunctionId] {
        self.function_names.get(name).map_or(&[], Vec::as_slice)
    }

    /// What can be called by this name, if anything.
    pub fn callable(&self, name: &str) -> Option<Callable> {
        let overloads = self.overloads(name);
        let params = overloads.iter().flat_map(|function| &self[*function].params);
        (!overloads.is_empty()).then(|| Callable {
            parameters: params.map(|param| param.name.clone()).collect(),
            of_engine: overloads.iter().any(|function| self[*function].engine.is_some()),
        })
    }

    /// Every name of a table or view that may be used.
    pub fn table_names(&self) -> impl Iterator<Item = &str> {
        self.table_names.keys().map(|name| &**name)
    }

    /// Every name of a function that may be called.
    pub fn function_names(&self) -> impl Iterator<Item = &str> {
        self.function_names.keys().map(|name| &**name)
    }

    /// Every table, by id.
    pub fn tables(&self) -> impl Iterator<Item = (TableId, &Table)> {
        (0u32..).map(TableId).zip(&self.tables)
    }

    /// Every function, by id.
    pub fn functions(&self) -> impl Iterator<Item = (FunctionId, &Function)> {
        (0u32..).map(FunctionId).zip(&self.functions)
    }

    /// The ways out of a table.
    pub fn relationships(&self, from: TableId) -> &[Relationship] {
        self.relationships.get(&from).map_or(&[], Vec::as_slice)
    }
}

impl Index<TableId> for Catalog {
    type Output = Table;

    fn index(&self, id: TableId) -> &Table {
        &self.tables[id.0 as usize]
    }
}

impl Index<FunctionId> for Catalog {
    type Output = Function;

    fn index(&self, id: FunctionId) -> &Function {
        &self.functions[id.0 as usize]
    }
}
