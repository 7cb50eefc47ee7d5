//! Which token a request carries, if any.

use transom_types::Problem;

use crate::refusal;

/// The token of a request: the bearer token, else the `apikey` header. Another scheme than Bearer is not ours to judge
/// (a proxy's Basic, say) and counts as no token.
pub(crate) fn token_of<'a>(
    authorization: Option<&'a str>,
    apikey: Option<&'a str>,
) -> Result<Option<&'a str>, Problem> {
    match authorization.and_then(bearer) {
        Some("") => Err(refusal::invalid("Empty JWT is sent in Authorization header")),
        Some(token) => Ok(Some(token)),
        None => Ok(apikey.map(str::trim).filter(|key| !key.is_empty())),
    }
}

fn bearer(header: &str) -> Option<&str> {
    let header = header.trim();
    let (scheme, rest) = header.split_once([' ', '\t']).unwrap_or((header, ""));
    scheme.eq_ignore_ascii_case("bearer").then(|| rest.trim())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::token_of;

    fn check(authorization: Option<&str>, apikey: Option<&str>, expected: Option<&str>) {
        assert_eq!(token_of(authorization, apikey).unwrap(), expected, "{authorization:?} {apikey:?}");
    }

    #[test]
    fn bearer_wins_over_apikey() {
        check(None, None, None);
        check(Some("Bearer a.b.c"), None, Some("a.b.c"));
        check(Some("bearer  a.b.c "), Some("k"), Some("a.b.c"));
        check(Some("BEARER\ta.b.c"), Some("a.b.c"), Some("a.b.c"));
        check(None, Some("a.b.c"), Some("a.b.c"));
        check(None, Some(" "), None);
        check(Some("Basic dTpw"), None, None);
        check(Some("Basic dTpw"), Some("a.b.c"), Some("a.b.c"));
        check(Some("Bearera.b.c"), None, None);
        check(Some(""), Some("k"), Some("k"));
        for empty in ["Bearer", "Bearer ", " bearer  "] {
            assert!(token_of(Some(empty), Some("k")).is_err(), "{empty:?}");
        }
    }
}
