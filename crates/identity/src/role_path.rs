//! Where the role stands in a token's claims: the path language of PostgREST's `jwt-role-claim-key`
//! (keys, array indexes and comparisons with array elements; no slices).

use serde_json::Value as Json;
use transom_types::{Code, Problem};

/// Most segments of a path.
const SEGMENTS_MAX: usize = 16;

/// A parsed path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RolePath(Vec<Segment>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Segment {
    Key(Box<str>),
    Index(usize),
    First(Test, Box<str>),
}

/// How an array element is compared; the first that passes is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Test {
    Equal,
    NotEqual,
    StartsWith,
    EndsWith,
    Contains,
}

/// Longer operators first: `^==` also ends in `==`.
const TESTS: [(&str, Test); 5] = [
    ("^==", Test::StartsWith),
    ("==^", Test::EndsWith),
    ("*==", Test::Contains),
    ("!=", Test::NotEqual),
    ("==", Test::Equal),
];

impl RolePath {
    /// Reads a path. The leading dot may be left out.
    pub(crate) fn parse(text: &str) -> Result<Self, Problem> {
        let refuse = |at: &str| {
            Problem::new(Code::ConfigInvalid, format!("The role claim path `{text}` is not valid"))
                .with_details(format!("It cannot be read from `{at}` on"))
                .with_hint("Write `role`, `.app_metadata.role`, `.roles[0]`, `.\"a key\"` or `.roles[?(@ == \"admin\")]`")
        };
        let dotted = if text.starts_with(['.', '[']) { text.to_owned() } else { format!(".{text}") };
        let (mut rest, mut segments) = (dotted.as_str(), Vec::new());
        while !rest.is_empty() {
            let (segment, after) = segment(rest).ok_or_else(|| refuse(rest))?;
            segments.push(segment);
            rest = after;
            if segments.len() > SEGMENTS_MAX {
                return Err(refuse(rest));
            }
        }
        Ok(Self(segments))
    }

    /// What stands there.
    pub(crate) fn find<'a>(&self, claims: &'a Json) -> Option<&'a Json> {
        self.0.iter().try_fold(claims, |at, segment| match segment {
            Segment::Key(key) => at.get(&**key),
            Segment::Index(index) => at.get(*index),
            Segment::First(test, text) => {
                at.as_array()?.iter().find(|element| element.as_str().is_some_and(|e| test.passes(e, text)))
            }
        })
    }
}

impl Test {
    fn passes(self, element: &str, text: &str) -> bool {
        match self {
            Self::Equal => element == text,
            Self::NotEqual => element != text,
            Self::StartsWith => element.starts_with(text),
            Self::EndsWith => element.ends_with(text),
            Self::Contains => element.contains(text),
        }
    }
}

fn segment(text: &str) -> Option<(Segment, &str)> {
    if let Some(rest) = text.strip_prefix(".\"") {
        let (key, rest) = rest.split_once('"')?;
        return Some((Segment::Key(key.into()), rest));
    }
    if let Some(rest) = text.strip_prefix('.') {
        let end = rest.find(|c: char| !(c.is_alphanumeric() || "_$@-".contains(c))).unwrap_or(rest.len());
        return (end > 0).then(|| (Segment::Key(rest[..end].into()), &rest[end..]));
    }
    if let Some(rest) = text.strip_prefix("[?(@") {
        let rest = rest.trim_start();
        let (operator, test) = TESTS.iter().find(|(operator, _)| rest.starts_with(operator))?;
        let rest = rest[operator.len()..].trim_start().strip_prefix('"')?;
        let (text, rest) = rest.split_once('"')?;
        return Some((Segment::First(*test, text.into()), rest.trim_start().strip_prefix(")]")?));
    }
    let (index, rest) = text.strip_prefix('[')?.split_once(']')?;
    Some((Segment::Index(index.parse().ok()?), rest))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use serde_json::json;

    use super::RolePath;

    fn check(path: &str, expected: Option<&str>) {
        let claims = json!({
            "role": "a", "app_metadata": {"role": "b"}, "roles": ["other", 7, "author"], "https://x.example/role": {"key": "c"},
        });
        let found =
            RolePath::parse(path).unwrap().find(&claims).and_then(|role| role.as_str().map(str::to_owned));
        assert_eq!(found.as_deref(), expected, "{path}");
    }

    #[test]
    fn finds_the_role() {
        check("role", Some("a"));
        check(".role", Some("a"));
        check(".app_metadata.role", Some("b"));
        check("app_metadata.role", Some("b"));
        check(".\"https://x.example/role\".key", Some("c"));
        check(".roles[2]", Some("author"));
        check(".roles[9]", None);
        check(".roles[?(@ == \"author\")]", Some("author"));
        check(".roles[?(@ != \"other\")]", Some("author"));
        check(".roles[?(@ ^== \"aut\")]", Some("author"));
        check(".roles[?(@ ==^ \"hor\")]", Some("author"));
        check(".roles[?(@ *== \"utho\")]", Some("author"));
        check(".role.deeper", None);
    }

    #[test]
    fn refuses_what_is_no_path() {
        for bad in ["", ".", "a..b", "a[", "a[x]", "a[0:1]", "a[?(@ ~ \"x\")]", ".\"open", "a b", "a[-1]"] {
            assert!(RolePath::parse(bad).is_err(), "{bad}");
        }
    }
}
