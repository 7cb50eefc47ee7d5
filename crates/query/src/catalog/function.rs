//! Functions: handwritten statements, and those of an engine's own.

use ahash::AHashMap;
use transom_types::DataType;

use super::{Column, FunctionId, TableId};

/// A handwritten, parameterised statement served under `/rpc/NAME`.
#[derive(Clone, Debug)]
pub struct Function {
    /// The name in URLs.
    pub name: Box<str>,
    /// What it takes.
    pub params: Vec<FunctionParam>,
    /// The columns it returns; empty when it returns nothing.
    pub columns: Vec<Column>,
    /// Whether it may be called with GET: it cannot write.
    pub read_only: bool,
    /// What its result looks like on the wire.
    pub returns: Returns,
    /// The SQL text with its parameters cut out.
    pub body: Vec<Fragment>,
    /// Whether the role of this catalog may call it.
    pub executable: bool,
    /// The first comment of its file.
    pub comment: Option<Box<str>>,
    /// What it is in the engine, where it is one of the engine's own; then there is no body.
    pub engine: Option<Box<EngineFunction>>,
}

/// A function of the engine's own.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EngineFunction {
    /// The schema that holds it.
    pub schema: Box<str>,
    /// The table or view whose rows it returns: they can be filtered and embedded as the table's are.
    pub rows_of: Option<TableId>,
    /// The table or view of whose row it is a function: it can be named as a column there.
    pub of_row: Option<TableId>,
    /// Whether it returns values and not rows of named columns: they are in the one column of [`Function::columns`].
    pub scalar: bool,
    /// The name of the type it returns, without its schema.
    pub result: Box<str>,
    /// Names and values of settings that its transaction is to have from its beginning.
    pub settings: Vec<(Box<str>, Box<str>)>,
    /// The isolation level that its transaction is to have.
    pub isolation: Option<Box<str>>,
}

/// A function of the engine's own that is not among a catalog's functions, but has the name of one in the same schema: the
/// engine, which is told of no more than a name and arguments, could take it for the other.
#[derive(Clone, Debug)]
pub struct Rival {
    /// The schema that holds both.
    pub schema: Box<str>,
    /// The name of both.
    pub name: Box<str>,
    /// What it takes.
    pub params: Vec<FunctionParam>,
}

/// What can be called by one name, as far as reading a call's arguments needs it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Callable {
    /// The names of all their parameters.
    pub parameters: Vec<Box<str>>,
    /// Whether they are functions of the engine's own.
    pub of_engine: bool,
}

/// A parameter of an engine's own function.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EngineParam {
    /// The type by the name that the engine gives it.
    pub shown: Box<str>,
    /// The type that an argument is cast to, as SQL text; trusted, for it comes from the schema.
    pub cast: Box<str>,
    /// Whether a JSON value is more to it than its text: documents, lists and composites.
    pub structured: bool,
    /// Whether it takes all arguments that are left.
    pub variadic: bool,
}

/// The wire form of a function's result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Returns {
    /// Any number of rows: a JSON array.
    Rows,
    /// Exactly one row: a JSON object.
    Row,
    /// One column of one row: a bare JSON value.
    Scalar,
    /// One column of any number of rows: a JSON array of bare values.
    Scalars {
        /// Whether they are of a type that has parts: arrays and records, each of which is shown in a line of its own.
        parts: bool,
    },
    /// Nothing: 204.
    Nothing,
}

/// A parameter of a [`Function`].
#[derive(Clone, Debug)]
pub struct FunctionParam {
    /// The name in the URL or body.
    pub name: Box<str>,
    /// What it is read as.
    pub data_type: DataType,
    /// The text used when the caller gives none; `None` makes the parameter required.
    pub default: Option<Option<Box<str>>>,
    /// What it is in the engine, where the function is one of the engine's own.
    pub engine: Option<Box<EngineParam>>,
}

/// A piece of a handwritten statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fragment {
    /// SQL text, as written.
    Text(Box<str>),
    /// The parameter at this place in [`Function::params`].
    Param(u16),
    /// `auth.uid()`, `auth.role()` or a claim, by its path; the role is the path `role` of one element.
    Claim(Vec<Box<str>>),
    /// `auth.role()`.
    Role,
}

impl Function {
    /// Whether there is a way to call it by its name: a row that has no name is nothing that a caller can give.
    pub fn is_callable(&self) -> bool {
        let of_row = self.engine.as_ref().is_some_and(|engine| engine.of_row.is_some());
        !(of_row && self.params.iter().any(|param| param.name.is_empty()))
    }
}

/// The functions of each name that can be called: those with fewer parameters first, then by what distinguishes them.
pub(super) fn by_name(
    functions: &[Function],
    named: impl Fn(&Function) -> bool,
) -> AHashMap<Box<str>, Vec<FunctionId>> {
    let mut names: AHashMap<Box<str>, Vec<FunctionId>> = AHashMap::new();
    let listed = |function: &Function| function.is_callable() && named(function);
    for (id, function) in (0u32..).zip(functions).filter(|(_, function)| listed(function)) {
        names.entry(function.name.clone()).or_default().push(FunctionId(id));
    }
    let key = |id: &FunctionId| {
        let function = &functions[id.0 as usize];
        let shown = |param: &FunctionParam| {
            (param.name.clone(), param.engine.as_ref().map(|engine| engine.shown.clone()))
        };
        let params: Vec<_> = function.params.iter().map(shown).collect();
        (params.len(), function.comment.clone(), params)
    };
    for overloads in names.values_mut().filter(|overloads| overloads.len() > 1) {
        overloads.sort_by_cached_key(key);
    }
    names
}
