//! What a caller asked, in names: the part every protocol parses into.
//!
//! A request is a [`Shape`] and the values cut out of it. Requests that differ only in values share a
//! shape, so everything after parsing (plan, guard, SQL text) is worked out once per shape and role.

use serde_json::Value as Json;

mod media;

pub use media::{Account, Detail, Media};

/// One request to the data.
#[derive(Clone, Debug, PartialEq)]
pub struct DataRequest {
    /// Everything but the values.
    pub shape: Shape,
    /// The values that the shape's slots stand for.
    pub values: Values,
}

/// The values cut out of a [`Shape`].
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Values {
    /// By [`Slot`].
    pub literals: Vec<Literal>,
    /// The body of a write or call.
    pub payload: Payload,
    /// What state the row must be in for a write of [`Resource::Row`] to happen.
    pub precondition: Option<transom_types::Precondition>,
}

/// A place in [`Values::literals`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Slot(pub u16);

/// A value as the caller wrote it; the planner gives it the type of what it is compared with.
#[derive(Clone, Debug, PartialEq)]
pub enum Literal {
    /// One value.
    Text(Box<str>),
    /// The elements of `in.(…)`, `any`, `all` or an array literal.
    List(Vec<Box<str>>),
    /// `{a,b}` behind `cs`, `cd` or `ov`.
    Listed {
        /// As it came: engines with lists and ranges of their own read it.
        written: Box<str>,
        /// The same as a JSON array.
        json: Box<str>,
    },
    /// A number that the protocol itself understands: limit, offset.
    Integer(i64),
    /// A value that an earlier operation of the same batch returns.
    Earlier(Earlier),
}

/// A value of the first row that an earlier operation of the same batch returns.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Earlier {
    /// The operation's place in the batch, from 0.
    pub operation: u16,
    /// The column of its table.
    pub column: Box<str>,
}

/// The rows of a write, or the arguments of a call (one row).
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Payload {
    /// The keys, in the order of [`Payload::rows`]'s cells; the shape holds the same list.
    pub columns: Vec<Box<str>>,
    /// One cell per column.
    pub rows: Vec<Vec<Cell>>,
    /// The body as it came, for an engine that reads it itself; then there are no rows.
    pub document: Option<Box<str>>,
}

/// A cell of a [`Payload`].
#[derive(Clone, Debug, PartialEq)]
pub enum Cell {
    /// The row does not have the key.
    Missing,
    /// A JSON value; CSV and form bodies yield strings (and null).
    Json(Json),
    /// A value that an earlier operation of the same batch returns.
    Earlier(Earlier),
}

/// A request without its values. Compared and hashed on the hot path: keep it small.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Shape {
    /// What is read or written.
    pub resource: Resource,
    /// What is done with it.
    pub action: Action,
    /// Which rows, and what of them is returned.
    pub select: Select,
    /// What a write returns (reads always return rows).
    pub returning: Returning,
    /// Whether the total is counted, and how.
    pub count: Option<Count>,
    /// What the number of rows must be, else nothing is done.
    pub expect: Expect,
    /// In what forms the caller takes the reply, best first; empty where the protocol alone gives it its form.
    pub accepts: Vec<Media>,
}

/// What a request is about.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Resource {
    /// A table or view.
    Table(Box<str>),
    /// A row by its key: values for the primary key's columns, in order.
    Row(Box<str>, Vec<Slot>),
    /// A named query.
    Function(Box<str>),
}

/// What is done.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Action {
    /// Read rows; of a function: call it where it cannot write.
    Read,
    /// Insert the payload's rows.
    Insert(Insert),
    /// Set these columns of the filtered rows to the payload's one row.
    Update {
        /// The payload's columns.
        columns: Vec<Box<str>>,
        /// Whether a column that the row does not have takes its default and not NULL.
        missing_default: bool,
    },
    /// Insert or replace the one row whose key the filter gives.
    Put {
        /// The payload's columns.
        columns: Vec<Box<str>>,
    },
    /// Delete the filtered rows.
    Delete,
    /// Call a function with the payload's one row as arguments.
    Call {
        /// The arguments' names.
        arguments: Vec<Box<str>>,
        /// Whether the protocol forbids writing (GET and HEAD).
        read_only: bool,
        /// In what form the arguments came.
        given: Given,
    },
}

/// In what form the arguments of a call came. An engine's own function may have no name for its one parameter and take
/// all that came, which then stands in the payload's row behind the named arguments.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Given {
    /// As members of a JSON object.
    #[default]
    Json,
    /// As texts, in a query string or form: each a string, or a list of strings where a name was repeated.
    Texts,
    /// As the first line of a table.
    Table,
    /// As one text without names.
    Text,
    /// As one XML document.
    Xml,
    /// As bytes.
    Bytes,
}

/// How rows are inserted.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Insert {
    /// The payload's columns.
    pub columns: Vec<Box<str>>,
    /// Whether the body was one object and not a list.
    pub single: bool,
    /// What happens to a row that exists already.
    pub conflict: Option<Conflict>,
    /// Whether a cell that a row does not have takes the column's default and not NULL.
    pub missing_default: bool,
    /// The places of columns that hold an object in some row: a document, or the row that a foreign key is to refer to.
    pub objects: Vec<u16>,
}

/// What happens to an inserted row that exists already.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Conflict {
    /// The unique columns; empty means the primary key.
    pub columns: Vec<Box<str>>,
    /// What to do.
    pub resolution: Resolution,
}

/// What to do with a row that exists already.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Resolution {
    /// Change it to the new values.
    Merge,
    /// Leave it.
    Ignore,
}

/// What a write returns.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Returning {
    /// Only how many rows.
    Minimal,
    /// The key of a single inserted row, for `Location`.
    Key,
    /// The rows, as `select` shapes them, and the key of a single inserted row.
    Rows,
}

/// How a total is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Count {
    /// By counting.
    Exact,
    /// By the engine's statistics.
    Planned,
    /// Exact up to a bound, by statistics above it.
    Estimated,
}

/// What the number of rows must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Expect {
    /// Anything.
    Any,
    /// One (`Accept: application/vnd.pgrst.object+json`, a resource by key).
    One,
    /// At most so many rows affected (`Prefer: max-affected`).
    AtMost(u32),
    /// The one value of a function that returns one (`Accept: text/plain` and its kin).
    Scalar,
}

/// What of a resource is returned. The root's filter chooses the rows of an update or delete.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Select {
    /// Empty means every column.
    pub items: Vec<Item>,
    /// Which rows.
    pub filter: Option<Filter>,
    /// Which groups; conditions name aggregates.
    pub having: Option<Filter>,
    /// In which order.
    pub order: Vec<Order>,
    /// At most so many rows ([`Literal::Integer`]).
    pub limit: Option<Slot>,
    /// After skipping so many ([`Literal::Integer`]).
    pub offset: Option<Slot>,
    /// After the row this cursor names; an empty cursor stands before the first row and asks for the next one.
    pub cursor: Option<Cursor>,
}

/// Keyset pagination: the order's values of the last row seen.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Cursor {
    /// One value per order term, then per primary key column that the order does not name; `None` on the first page.
    /// Each is a [`Literal::Text`] holding a JSON scalar.
    pub after: Option<Vec<Slot>>,
}

/// An element of `select`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Item {
    /// Every column the caller may read.
    All,
    /// A column, a JSON path into one, or an aggregate.
    Field(Field),
    /// Rows of a related resource.
    Embed(Embed),
}

/// A column, a JSON path into one, or an aggregate.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Field {
    /// The key in the result.
    pub alias: Option<Box<str>>,
    /// `None` only for `count()`.
    pub path: Option<Path>,
    /// `column::type`
    pub cast: Option<Box<str>>,
    /// `column.sum()`
    pub aggregate: Option<Aggregate>,
    /// `column.sum()::type`
    pub aggregate_cast: Option<Box<str>>,
}

/// A column, and a way into its JSON.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Path {
    /// The column.
    pub column: Box<str>,
    /// `->` and `->>` steps.
    pub json: Vec<JsonStep>,
}

/// A step into JSON.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct JsonStep {
    /// Where to.
    pub key: JsonKey,
    /// `->>`: the result is text.
    pub as_text: bool,
}

/// Where a [`JsonStep`] leads.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum JsonKey {
    /// A member of an object.
    Member(Box<str>),
    /// An element of an array; negative counts from the end.
    Index(i64),
}

/// An aggregate function.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Aggregate {
    /// Rows, or values that are not NULL.
    Count,
    /// Sum.
    Sum,
    /// Arithmetic mean.
    Avg,
    /// Greatest.
    Max,
    /// Least.
    Min,
}

/// A related resource inside `select`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Embed {
    /// The key in the result, and the prefix of its filters.
    pub alias: Option<Box<str>>,
    /// The related table, or the foreign key (column or constraint) that leads to it.
    pub resource: Box<str>,
    /// `!hint`: the foreign key's name, its column, or the junction.
    pub hint: Option<Box<str>>,
    /// `!inner`: rows without a match are left out.
    pub inner: bool,
    /// `...`: its columns stand in the parent's object.
    pub spread: bool,
    /// `None` of its columns: `resource()`, used to filter only.
    pub select: Select,
    /// Whether the parentheses were empty, so that nothing of it is returned.
    pub empty: bool,
}

/// A condition tree.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Filter {
    /// All hold.
    And(Vec<Filter>),
    /// One holds.
    Or(Vec<Filter>),
    /// It does not hold (and is not unknown).
    Not(Box<Filter>),
    /// A leaf.
    Condition(Condition),
}

/// A leaf of a [`Filter`].
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Condition {
    /// The column; or an embedded resource's name, with `is.null` or `not.is.null` only; `None` only for `count()` in `having`.
    pub path: Option<Path>,
    /// In `having` only.
    pub aggregate: Option<Aggregate>,
    /// The comparison.
    pub test: Test,
}

/// A comparison and what it compares with.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Test {
    /// `eq.x`, `like(any).{a,b}`, …: the slot holds [`Literal::Text`], or [`Literal::List`] with a quantifier.
    Compare(Operator, Option<Quantifier>, Slot),
    /// `in.(…)`: the slot holds [`Literal::List`].
    In(Slot),
    /// `is.…`
    Is(IsValue),
    /// `fts.…` and its kin: the slot holds [`Literal::Text`].
    FullText {
        /// How the words are read.
        kind: FullTextKind,
        /// `fts(english)`.
        language: Option<Box<str>>,
        /// The words.
        query: Slot,
    },
}

/// A comparison with one value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs, reason = "each is named after the operator it stands for")]
pub enum Operator {
    Eq,
    Neq,
    Gt,
    Gte,
    Lt,
    Lte,
    /// `*` stands for `%`: the protocol has already replaced it.
    Like,
    /// Without regard to case.
    Ilike,
    /// POSIX regular expression.
    Match,
    /// Without regard to case.
    Imatch,
    IsDistinct,
    /// `cs`
    Contains,
    /// `cd`
    ContainedIn,
    /// `ov`
    Overlaps,
    /// `sl`
    StrictlyLeft,
    /// `sr`
    StrictlyRight,
    /// `nxr`
    NotRightOf,
    /// `nxl`
    NotLeftOf,
    /// `adj`
    Adjacent,
}

/// `any` or `all` of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Quantifier {
    /// One of the values satisfies.
    Any,
    /// Each of the values satisfies.
    All,
}

/// What `is` compares with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs, reason = "each is the word it stands for")]
pub enum IsValue {
    Null,
    NotNull,
    True,
    False,
    Unknown,
}

/// How the words of a full-text search are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FullTextKind {
    /// `fts`: operators `&`, `|`, `!`, `<->`, `:*`.
    Query,
    /// `plfts`: all words.
    Plain,
    /// `phfts`: the words in a row.
    Phrase,
    /// `wfts`: as in a web search: quotes, `or`, `-`.
    Web,
}

/// An order term.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Order {
    /// An embedded to-one resource whose column it is.
    pub embed: Option<Box<str>>,
    /// The column; `None` only for `count()`.
    pub path: Option<Path>,
    /// Ordering of groups by an aggregate.
    pub aggregate: Option<Aggregate>,
    /// Whether the greatest comes first.
    pub descending: bool,
    /// Whether NULLs come first; by default they count as greatest, as in PostgreSQL.
    pub nulls_first: Option<bool>,
}

impl Shape {
    /// A read of every row and column of a table.
    pub fn read(table: &str) -> Self {
        Self {
            resource: Resource::Table(table.into()),
            action: Action::Read,
            select: Select::default(),
            returning: Returning::Rows,
            count: None,
            expect: Expect::Any,
            accepts: Vec::new(),
        }
    }
}
