//! What a path below `/rest/v1` names.

use transom_types::{Code, Problem, limits::NAME_BYTES_MAX};

use super::decode::{In, decode};

/// Most columns of a key in `TABLE/KEY`.
const KEY_COLUMNS_MAX: usize = 32;

/// What a path names. Whether it exists is the planner's question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// The root: the API's own description.
    Root,
    /// `TABLE`
    Table(Box<str>),
    /// `TABLE/KEY`: the key's columns, separated by commas.
    Row(Box<str>, Vec<Box<str>>),
    /// `rpc/NAME`
    Function(Box<str>),
    /// `$batch`
    Batch,
}

impl Target {
    /// The methods that make sense here, as the value of `Allow`; whether a role may use them is another question.
    pub fn methods(&self) -> &'static str {
        match self {
            Self::Table(_) => "OPTIONS, GET, HEAD, POST, PATCH, PUT, DELETE",
            Self::Row(..) => "OPTIONS, GET, HEAD, PATCH, PUT, DELETE",
            Self::Function(_) => "OPTIONS, GET, HEAD, POST",
            Self::Batch => "OPTIONS, POST",
            Self::Root => "OPTIONS, GET, HEAD",
        }
    }
}

/// Reads a path below `/rest/v1`, still percent-encoded, with or without its leading slash.
/// Errors: [`Code::PathInvalid`], and [`Code::QuerySyntax`] for what is not percent-encoded UTF-8.
pub fn target(path: &str) -> Result<Target, Problem> {
    let path = path.strip_prefix('/').unwrap_or(path);
    let path = path.strip_suffix('/').unwrap_or(path);
    if path.is_empty() {
        return Ok(Target::Root);
    }
    let mut segments = path.split('/');
    let (first, second, third) = (segments.next().unwrap_or_default(), segments.next(), segments.next());
    match (first, second, third) {
        ("$batch" | "%24batch", None, _) => Ok(Target::Batch),
        ("rpc", Some(function), None) => Ok(Target::Function(name(function, path)?)),
        ("rpc", ..) | (_, _, Some(_)) => Err(nothing(path)),
        (table, None, _) => Ok(Target::Table(name(table, path)?)),
        (table, Some(key), None) => {
            // Split before decoding: an encoded comma belongs to a value.
            let parts = key
                .split(',')
                .map(|part| Ok(decode(part, In::Path)?.into()))
                .collect::<Result<Vec<_>, Problem>>()?;
            if parts.len() > KEY_COLUMNS_MAX {
                return Err(Problem::new(Code::ResourceKeyInvalid, "the resource key has too many columns")
                    .with_details(format!(
                        "{} values were given, at most {KEY_COLUMNS_MAX} are possible",
                        parts.len()
                    )));
            }
            Ok(Target::Row(name(table, path)?, parts))
        }
    }
}

fn name(segment: &str, path: &str) -> Result<Box<str>, Problem> {
    let name = decode(segment, In::Path)?;
    if name.is_empty() || name.len() > NAME_BYTES_MAX {
        return Err(nothing(path));
    }
    Ok(name.into())
}

#[cold]
fn nothing(path: &str) -> Problem {
    Problem::new(Code::PathInvalid, "Invalid path specified in request URL")
        .with_details(format!("'{}' is not the path of a resource", super::scanner::clip(path)))
        .with_hint("Paths are TABLE, TABLE/KEY, rpc/FUNCTION and $batch")
}
