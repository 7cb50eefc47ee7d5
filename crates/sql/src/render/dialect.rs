//! What differs between engines.

use transom_query::{
    plan::{BinaryOp, Comparison, Function, Pattern},
    request::JsonStep,
};
use transom_types::{DataType, Problem, Value};

/// How one engine writes things. Each method appends to the text.
pub trait Dialect: Send + Sync {
    /// The engine's name in messages.
    fn name(&self) -> &'static str;

    /// A quoted name.
    fn identifier(&self, text: &mut String, name: &str);

    /// A string literal.
    fn string(&self, text: &mut String, value: &str);

    /// The parameter of this number, from 1.
    fn placeholder(&self, text: &mut String, number: usize);

    /// A constant.
    fn value(&self, text: &mut String, value: &Value) -> Result<(), Problem>;

    /// Wraps `inner` so that it is shown in JSON as its type is.
    fn json_value(&self, text: &mut String, data_type: DataType, inner: &str);

    /// A JSON object: members are (key as a literal, value as an expression).
    fn json_object(&self, text: &mut String, members: &[(String, String)]);

    /// A JSON array of values.
    fn json_array(&self, text: &mut String, values: &[String]);

    /// The aggregate that makes a JSON array of a value, in an order if one is given (without `ORDER BY`).
    fn json_aggregate(&self, text: &mut String, value: &str, order: &str);

    /// A value that already is JSON, whatever the engine forgot about it on the way.
    fn as_json(&self, text: &mut String, inner: &str);

    /// Any value as JSON text, from which [`Dialect::as_json`] makes the same value again.
    fn json_text(&self, text: &mut String, inner: &str);

    /// A way into JSON.
    fn json_path(&self, text: &mut String, base: &str, steps: &[JsonStep]) -> Result<(), Problem>;

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

    /// A query over the elements of a list parameter: `SELECT element`.
    fn list_elements(&self, text: &mut String, list: &str, data_type: DataType);

    /// The source of a rows or list parameter, for `FROM`.
    fn rows_source(&self, text: &mut String, rows: &str, alias: &str);

    /// The element that a row of [`Dialect::rows_source`] holds.
    fn element(&self, text: &mut String, alias: &str, data_type: DataType);

    /// The cell at this place of a row of [`Dialect::rows_source`].
    fn cell(&self, text: &mut String, alias: &str, at: usize, data_type: DataType);

    /// Makes a value compare as a column of this type and collation does.
    fn like_column(&self, text: &mut String, inner: &str, data_type: DataType, collation: Option<&str>);

    /// Whether that cell is missing.
    fn cell_missing(&self, text: &mut String, alias: &str, at: usize);

    /// The place of a row of [`Dialect::rows_source`], from 0.
    fn row_place(&self, text: &mut String, alias: &str);

    /// Whether rows match a full-text search: key column, index name, words.
    fn full_text(&self, text: &mut String, row_id: &str, index: &str, words: &str);

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
}
