//! In which form the rows of a plan's reply leave the engine.

use std::sync::Arc;

use crate::{
    catalog::Handler,
    request::{Account, Media},
};

/// In which form the reply is. Nothing is said where the protocol itself gives the rows their form.
#[derive(Clone, Debug, Default)]
pub struct Form {
    /// What was chosen of what the caller takes.
    pub media: Option<Media>,
    /// What the engine makes of all rows, as one value; else each row is a JSON object.
    pub body: Option<Body>,
    /// An account of the statement is wanted in place of what it gives.
    pub account: Option<Account>,
    /// Whether related rows are written as the engine writes documents of its own, white space and all.
    pub documents: bool,
}

/// What an engine makes of all rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Body {
    /// What.
    pub kind: BodyKind,
    /// The rows are those of a relation as it is: its schema and name, and the type that they are.
    pub rows_of: Option<(Box<str>, Box<str>)>,
    /// The rows are values in this one column.
    pub value: Option<Box<str>>,
    /// There is one row at most, and it is not a list's.
    pub single: bool,
}

/// The kinds of bodies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BodyKind {
    /// A JSON array, or the object of the one row.
    Json {
        /// Whether the one row is the body.
        object: bool,
        /// Whether members that are null are left out.
        strip_nulls: bool,
    },
    /// Lines of values as the engine writes rows, below their names.
    Csv,
    /// A collection of features.
    GeoJson,
    /// What the schema's own aggregate or type gives.
    Handled(Arc<Handler>),
}
