//! What the engine itself makes of rows: a body of a media type, by an aggregate or a function that gives one.

use std::sync::Arc;

use ahash::AHashMap;

/// What makes a body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Handler {
    /// The schema of the aggregate or type.
    pub schema: Box<str>,
    /// The name of the aggregate or type.
    pub name: Box<str>,
    /// Whether it is an aggregate over rows; else it is the type that a function gives its one value as.
    pub aggregate: bool,
    /// What the body is said to be.
    pub produces: Box<str>,
}

/// Schema and name of a table or function, and a media type.
type Own = (Box<str>, Box<str>, Box<str>);

/// Every handler, by what it takes and what it gives.
#[derive(Clone, Debug, Default)]
pub struct Handlers {
    /// Of a table or function.
    own: AHashMap<Own, Arc<Handler>>,
    /// By media type, of any rows.
    any: AHashMap<Box<str>, Arc<Handler>>,
}

impl Handlers {
    /// Adds one: of this relation's rows, or of any rows.
    pub fn add(&mut self, of: Option<(&str, &str)>, media: &str, handler: Handler) {
        let handler = Arc::new(handler);
        match of {
            Some((schema, name)) => self.own.insert((schema.into(), name.into(), media.into()), handler),
            None => self.any.insert(media.into(), handler),
        };
    }

    /// The one of this relation's rows as they are.
    pub fn own(&self, (schema, name): (&str, &str), media: &str) -> Option<&Arc<Handler>> {
        match self.own.is_empty() {
            true => None,
            false => self.own.get(&(schema.into(), name.into(), media.into())),
        }
    }

    /// The one of any rows.
    pub fn any(&self, media: &str) -> Option<&Arc<Handler>> {
        self.any.get(media)
    }
}
