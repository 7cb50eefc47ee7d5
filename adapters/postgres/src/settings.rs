//! What a transaction is told before its first statement: its settings, by name and value, and the role it runs as.
//!
//! Statements of fixed widths that are prepared with the connection set them, each so many at once. What is to be set is
//! never part of a statement's text, so these few serve every session; and a plain list of calls is a third of the work
//! that taking arrays apart is to the server.

use std::ops::Range;

use transom_sql::{Dialect, postgres::Postgres};
use transom_types::Session;

/// How many settings a statement sets, the widest first: together they make up any number.
pub(crate) const WIDTHS: [usize; 4] = [8, 4, 2, 1];

/// Sets so many settings, their names and values in turn, until the transaction ends. The one value that comes back is
/// without meaning: the settings themselves need not make the way.
pub(crate) fn statement(width: usize) -> String {
    let set = |at: usize| format!("pg_catalog.set_config(${}, ${}, true)", 2 * at + 1, 2 * at + 2);
    let all: Vec<String> = (0..width).map(set).collect();
    format!("SELECT pg_catalog.num_nulls({})", all.join(", "))
}

/// A session's settings in their order. Its role comes last: it may not be allowed to set what stands before it.
pub(crate) fn of(session: &Session) -> impl Iterator<Item = (&str, &str)> {
    let settings = session.settings.iter().map(|(name, value)| (&**name, &**value));
    settings.chain(session.role.as_deref().map(|role| ("role", role)))
}

/// Which statements, by their place in [`WIDTHS`], set so many settings, and which of them each sets.
pub(crate) fn shares(count: usize) -> impl Iterator<Item = (usize, Range<usize>)> {
    let mut from = 0;
    std::iter::from_fn(move || {
        let at = WIDTHS.iter().position(|width| *width <= count - from)?;
        let share = from..from + WIDTHS[at];
        from = share.end;
        Some((at, share))
    })
}

/// Role and settings as one statement, where none are kept.
pub(crate) fn at_once(session: &Session) -> String {
    let mut text = String::from("SELECT ");
    for (at, (name, value)) in of(session).enumerate() {
        text.push_str(if at == 0 { "set_config(" } else { ", set_config(" });
        Postgres.string(&mut text, name);
        text.push_str(", ");
        Postgres.string(&mut text, value);
        text.push_str(", true)");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_number_is_made_up_of_few_statements() {
        for count in 0..100 {
            let shares: Vec<_> = shares(count).collect();
            let mut next = 0;
            for (at, share) in &shares {
                assert_eq!((share.start, share.len()), (next, WIDTHS[*at]), "{count}");
                next = share.end;
            }
            assert_eq!(next, count);
            assert!(shares.len() <= count / WIDTHS[0] + 3, "{count} takes {} statements", shares.len());
        }
    }

    #[test]
    fn a_statement_sets_as_many_as_it_is_wide() {
        assert_eq!(
            statement(2),
            "SELECT pg_catalog.num_nulls(pg_catalog.set_config($1, $2, true), pg_catalog.set_config($3, $4, true))"
        );
    }

    #[test]
    fn the_role_is_set_last() {
        let settings = [("a'b".into(), "c".into())].into();
        let session = Session { role: Some("web".into()), settings, ..Session::default() };
        assert_eq!(
            at_once(&session),
            "SELECT set_config('a''b', 'c', true), set_config('role', 'web', true)"
        );
    }
}
