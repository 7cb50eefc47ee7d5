//! What differs between engines.

use transom_query::{
    catalog::Table,
    plan::{BinaryOp, Body, Comparison, ElementTest, EngineOperator, Function, Pattern},
    request::{Account, FullTextKind, JsonStep},
};
use transom_types::{Code, DataType, Problem, Value};

/// The engines' names in files' names, the embedded one first.
pub const ENGINES: [&str; 2] = ["sqlite", "postgres"];

/// How one engine writes things. Each method appends to the text.
pub trait Dialect: Send + Sync {
    /// The engine's name in messages.
    fn name(&self) -> &'static str;

    /// The engine's name in files' names: one of [`ENGINES`].
    fn tag(&self) -> &'static str;

    /// A script after which a table's counted keys go on behind those that its rows were given; nothing where they do
    /// so by themselves.
    fn go_on(&self, text: &mut String, table: &Table) {
        let _ = (text, table);
    }

    /// A quoted name.
    fn identifier(&self, text: &mut String, name: &str);

    /// A table, with its schema where there are several.
    fn table(&self, text: &mut String, table: &Table) {
        self.identifier(text, &table.name);
    }

    /// Whether the engine itself reads a value of any of its types from text, whatever the type.
    fn reads_text(&self) -> bool {
        false
    }

    /// An operator of arrays and ranges. Errors: [`transom_types::Code::Unsupported`] where there are none.
    fn engine_operator(
        &self,
        text: &mut String,
        operator: EngineOperator,
        left: &str,
        right: &str,
    ) -> Result<(), Problem> {
        let _ = (text, operator, left, right);
        Err(Problem::new(Code::Unsupported, "this database has no arrays and no ranges"))
    }

    /// Whether the operand is what the function makes of one of a list's elements.
    /// Errors: [`transom_types::Code::Unsupported`] where there are no such functions.
    fn in_called(&self, text: &mut String, operand: &str, function: &str, list: &str) -> Result<(), Problem> {
        let _ = (text, operand, function, list);
        Err(Problem::new(Code::Unsupported, "this database has no functions of its own"))
    }

    /// Whether words are in a text, a document, or a vector that was made of one.
    /// Errors: [`transom_types::Code::Unsupported`] where only an index can be searched.
    fn search(
        &self,
        text: &mut String,
        (operand, vector): (&str, bool),
        (kind, language): (FullTextKind, Option<&str>),
        words: &str,
    ) -> Result<(), Problem> {
        let _ = (text, operand, vector, kind, language, words);
        Err(Problem::new(Code::Unsupported, "this database searches by an index alone"))
    }

    /// Whether the engine tells how many rows it expects of a statement ([`Dialect::expected_rows`]).
    fn expects_rows(&self) -> bool {
        false
    }

    /// A statement whose one value is a JSON account of how another would run, its expected rows included.
    fn expected_rows(&self, text: &mut String, statement: &str) {
        let _ = (text, statement);
    }

    /// What is made of all rows, as one value; whether it is that of one row alone and no aggregate.
    /// Errors: [`transom_types::Code::Unsupported`] where the protocol gives rows their form.
    fn whole(&self, text: &mut String, made: &Made<'_>) -> Result<bool, Problem> {
        let _ = (text, made);
        Err(Problem::new(Code::Unsupported, "this database gives rows alone"))
    }

    /// Rows of this alias as a line of values each, in the engine's own way.
    /// Errors: [`transom_types::Code::Unsupported`] where the protocol gives rows their form.
    fn line(&self, text: &mut String, rows: &str) -> Result<(), Problem> {
        let _ = (text, rows);
        Err(Problem::new(Code::Unsupported, "this database gives rows alone"))
    }

    /// A statement that gives an account of how another would run.
    /// Errors: [`transom_types::Code::Unsupported`] where accounts are asked for in another way.
    fn accounted(&self, text: &mut String, statement: &str, account: &Account) -> Result<(), Problem> {
        let _ = (text, statement, account);
        Err(Problem::new(Code::Unsupported, "this database gives no such account"))
    }

    /// A document in the engine's own form of documents.
    fn document_value(&self, text: &mut String, inner: &str) {
        text.push_str(inner);
    }

    /// A JSON document as a value of the engine's type. Errors: [`transom_types::Code::Unsupported`] where it has none.
    fn engine_value(&self, text: &mut String, document: &str, engine_type: &str) -> Result<(), Problem> {
        let _ = (text, document, engine_type);
        Err(Problem::new(Code::Unsupported, "this database has no types of its own"))
    }

    /// A string literal.
    fn string(&self, text: &mut String, value: &str);

    /// The parameter of this number, from 1.
    fn placeholder(&self, text: &mut String, number: usize);

    /// Whether a parameter that is used in several places has one number. An engine that infers a parameter's type
    /// from its place needs one for each.
    fn shares_parameters(&self) -> bool;

    /// A parameter of a known type in a place that tells none.
    fn typed(&self, text: &mut String, placeholder: &str, data_type: DataType);

    /// A constant.
    fn value(&self, text: &mut String, value: &Value) -> Result<(), Problem>;

    /// Wraps `inner` so that it is shown in JSON as its type is.
    fn json_value(&self, text: &mut String, data_type: DataType, inner: &str);

    /// A JSON object: members are (key, value as an expression). `grouped`: some value may be an aggregate.
    fn json_object(&self, text: &mut String, members: &[(&str, String)], grouped: bool);

    /// Whether a subquery's row is a value that can be shown as JSON as a whole ([`Dialect::record`]).
    fn has_records(&self) -> bool;

    /// The row of this alias as a JSON object of its columns.
    fn record(&self, text: &mut String, alias: &str) {
        let _ = (text, alias);
    }

    /// Related rows of this alias as a document of the engine's own: the one row's object, or a list of all.
    fn related(&self, text: &mut String, alias: &str, list: bool) {
        let _ = (text, alias, list);
    }

    /// A JSON array of values.
    fn json_array(&self, text: &mut String, values: &[String]);

    /// The aggregate that makes a JSON array of a value, in an order if one is given (without `ORDER BY`).
    fn json_aggregate(&self, text: &mut String, value: &str, order: &str);

    /// A value that already is JSON, whatever the engine forgot about it on the way.
    fn as_json(&self, text: &mut String, inner: &str);

    /// Any value as JSON text, from which [`Dialect::as_json`] makes the same value again.
    fn json_text(&self, text: &mut String, inner: &str);

    /// A way into JSON; `document`: the base is a document by its type.
    fn json_path(
        &self,
        text: &mut String,
        base: &str,
        steps: &[JsonStep],
        document: bool,
    ) -> Result<(), Problem>;

    /// A document as a value that compares and orders as documents do.
    fn json_key(&self, text: &mut String, inner: &str);

    /// A document as its text, which is no longer taken for a document.
    fn document_text(&self, text: &mut String, inner: &str);

    /// `CAST`.
    fn cast(&self, text: &mut String, inner: &str, to: DataType);

    /// A comparison operator.
    fn comparison(&self, comparison: Comparison) -> &'static str;

    /// A pattern match.
    fn pattern(&self, text: &mut String, pattern: Pattern, operand: &str, with: &str);

    /// One JSON value contains the other.
    fn json_contains(&self, text: &mut String, whole: &str, part: &str);

    /// Two JSON arrays share an element.
    fn json_overlaps(&self, text: &mut String, left: &str, right: &str);

    /// Whether an operand is equal to an element of a list parameter.
    fn in_list(&self, text: &mut String, operand: &str, list: &str, data_type: DataType);

    /// Whether an operand compares so (`=`, `>`, …) with any or all elements of a list parameter; `false` where the
    /// engine has no words for it, and it is spelled out.
    fn any_or_all(
        &self,
        text: &mut String,
        (operand, test): (&str, ElementTest),
        list: (&str, DataType),
        all: bool,
    ) -> bool {
        let _ = (text, operand, test, list, all);
        false
    }

    /// The rows of a JSON text, for `FROM`: its members as columns of these names and types.
    /// Errors: [`transom_types::Code::Unsupported`] where the engine does not read documents itself.
    fn given_rows(&self, text: &mut String, given: &GivenRows<'_>) -> Result<(), Problem> {
        let _ = (text, given);
        Err(Problem::new(Code::Unsupported, format!("{} does not read bodies itself", self.name())))
    }

    /// A condition on the rows that a merge changes which always holds and counts them; `false` where there is none.
    fn count_merged(&self, text: &mut String) -> bool {
        let _ = text;
        false
    }

    /// How many rows [`Dialect::count_merged`] has counted, so far.
    fn merged_count(&self) -> &'static str {
        "0"
    }

    /// The source of a rows or list parameter, for `FROM`.
    fn rows_source(&self, text: &mut String, rows: &str, alias: &str);

    /// The element that a row of [`Dialect::rows_source`] holds.
    fn element(&self, text: &mut String, alias: &str, data_type: DataType);

    /// The cell at this place of a row of [`Dialect::rows_source`]; `engine_type` is [`Column::engine_type`].
    fn cell(&self, text: &mut String, alias: &str, at: usize, of: (DataType, Option<&str>));

    /// A value as one of an engine's own type, in a place that tells none.
    fn as_engine_type(&self, text: &mut String, inner: &str, engine_type: Option<&str>) {
        let _ = engine_type;
        text.push_str(inner);
    }

    /// Makes a value compare as a column of this type and collation does.
    fn like_column(&self, text: &mut String, inner: &str, data_type: DataType, collation: Option<&str>);

    /// Whether that cell is missing.
    fn cell_missing(&self, text: &mut String, alias: &str, at: usize);

    /// The place of a row of [`Dialect::rows_source`], from 0.
    fn row_place(&self, text: &mut String, alias: &str);

    /// The place of a key, an array as [`Dialect::json_array`] writes it, among an array of such keys, from 0.
    fn place(&self, text: &mut String, keys: &str, key: &str);

    /// Whether rows match a full-text search.
    fn full_text(&self, text: &mut String, search: &Search<'_>);

    /// The words of a full-text search as the engine reads them, restricted to these columns (empty: all).
    /// Errors: nothing to search for.
    fn search_words(&self, text: &str, kind: FullTextKind, columns: &[Box<str>]) -> Result<String, Problem>;

    /// Arithmetic and concatenation.
    fn binary(&self, operator: BinaryOp) -> &'static str;

    /// A scalar function of these arguments.
    fn call(&self, text: &mut String, function: Function, arguments: &[String]);

    /// True or false where a predicate is expected.
    fn truth(&self, truth: bool) -> &'static str;

    /// Where NULLs stand, given direction; empty where the engine's own rule is meant.
    fn nulls(&self, descending: bool, nulls_first: bool) -> &'static str;

    /// `LIMIT` and `OFFSET`, each as an expression.
    fn bounds(&self, text: &mut String, limit: Option<&str>, offset: Option<&str>);

    /// What follows the `ORDER BY` of an unbounded subquery, so that its order survives a join with a single row.
    fn keeps_order(&self) -> &'static str;

    /// What an insert that gives no column says instead.
    fn default_values(&self) -> &'static str;

    /// An insert of rows from a source needs a word before `ON CONFLICT` on some engines.
    fn before_conflict(&self) -> &'static str;

    /// Whether a row that an insert returns is new, and was not there before: a predicate on the row of this alias.
    fn was_inserted(&self, text: &mut String, alias: &str) -> bool {
        let _ = (text, alias);
        false
    }

    /// Whether a predicate holds, as a value; where the engine can, the statement itself fails when not.
    fn holds(&self, text: &mut String, predicate: &str);

    /// A handwritten statement that may write and returns columns: its rows as JSON objects, where the engine can say
    /// so. `false`: its columns are returned as they are.
    fn returned_rows(&self, text: &mut String, statement: &str) -> bool {
        let _ = (text, statement);
        false
    }
}

/// The rows of a JSON text.
#[derive(Debug)]
pub struct GivenRows<'a> {
    /// The text, as an expression.
    pub document: &'a str,
    /// Whether it is a list of objects, not one object.
    pub list: bool,
    /// The members that are read.
    pub members: &'a [GivenMember<'a>],
    /// What the rows are called.
    pub alias: &'a str,
}

/// A member of the rows of a JSON text.
#[derive(Debug)]
pub struct GivenMember<'a> {
    /// Its name, and the column's.
    pub name: &'a str,
    /// Its type.
    pub engine_type: Option<&'a str>,
    /// What a row takes that does not have it (else NULL).
    pub default: Option<&'a str>,
    /// The function that makes a value of it; with a default it is called at once, so that both are of one type.
    pub read: Option<&'a str>,
}

/// A full-text search.
#[derive(Debug)]
pub struct Search<'a> {
    /// The column that equals the index's row id.
    pub row_id: &'a str,
    /// The index's own table.
    pub index: &'a str,
    /// The searched columns with their types.
    pub columns: &'a [(String, Option<&'a str>)],
    /// How the words are read.
    pub kind: FullTextKind,
    /// The words.
    pub words: &'a str,
}

/// What is made of all rows of a reply.
#[derive(Debug)]
pub struct Made<'a> {
    /// What.
    pub body: &'a Body,
    /// What the rows are called.
    pub rows: &'a str,
    /// Their columns' names.
    pub names: &'a [&'a str],
}
