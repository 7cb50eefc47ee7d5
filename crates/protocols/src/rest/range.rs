//! Which of the rows: `Range` and limit/offset on the way in, `Content-Range` on the way out.

use std::fmt::Write as _;

use transom_query::request::Action;
use transom_types::{Code, Problem};

/// Which rows of the whole were asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Window {
    /// Rows skipped.
    pub offset: u64,
    /// Rows returned at most.
    pub limit: Option<u64>,
}

/// How a request ended, in words; the server gives each its HTTP status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReplyKind {
    /// The rows, or the result.
    Ok,
    /// Something was created.
    Created,
    /// Some of the rows, and it is known that there are more.
    Partial,
    /// Done, and nothing to return.
    NoContent,
}

/// What the window and the `Range` header together ask for.
/// Errors: [`Code::RangeInvalid`]. A `Range` in another unit than items is ignored (RFC 9110, section 14.2).
pub(super) fn window(
    offset: Option<u64>,
    limit: Option<u64>,
    range: Option<&str>,
    unit: Option<&str>,
) -> Result<Window, Problem> {
    let mut window = Window { offset: offset.unwrap_or(0), limit };
    let Some((first, last)) = range.and_then(|range| items(range, unit)) else { return Ok(window) };
    if last.is_some_and(|last| last < first) {
        return Err(Problem::new(Code::RangeInvalid, "Requested range not satisfiable").with_details(
            "The lower boundary must be lower than or equal to the upper boundary in the Range header.",
        ));
    }
    // Both given: what lies in both.
    let end = window.limit.map(|limit| window.offset.saturating_add(limit));
    let range_end = last.map(|last| last.saturating_add(1));
    window.offset = window.offset.max(first);
    let end = match (end, range_end) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    };
    window.limit = end.map(|end| end.saturating_sub(window.offset));
    Ok(window)
}

fn items(range: &str, unit: Option<&str>) -> Option<(u64, Option<u64>)> {
    if unit.is_some_and(|unit| !unit.trim().eq_ignore_ascii_case("items")) {
        return None;
    }
    let range = range.trim();
    let (first, last) = range.strip_prefix("items=").unwrap_or(range).split_once('-')?;
    let number = |text: &str| text.parse::<u64>().ok().filter(|number| i64::try_from(*number).is_ok());
    let first = number(first.trim())?;
    match last.trim() {
        "" => Some((first, None)),
        last => Some((first, Some(number(last)?))),
    }
}

impl Window {
    /// How a read of `rows` rows ended, and its `Content-Range`.
    /// Errors: [`Code::RangeInvalid`] when the offset lies beyond a known total.
    pub fn read(&self, rows: u64, total: Option<u64>) -> Result<(ReplyKind, String), Problem> {
        let range = content_range(self.offset, rows, total);
        let Some(total) = total else { return Ok((ReplyKind::Ok, range)) };
        if self.offset > total {
            let details =
                format!("An offset of {} was requested, but there are only {total} rows.", self.offset);
            return Err(Problem::new(Code::RangeInvalid, "Requested range not satisfiable")
                .with_details(details)
                .with_header("content-range", range));
        }
        let kind = if rows < total { ReplyKind::Partial } else { ReplyKind::Ok };
        Ok((kind, range))
    }
}

/// How a write ended, and its `Content-Range`. `affected` counts rows changed, `inserted` those that are new;
/// `returned` says whether rows are in the reply, `counted` whether a count was asked for.
pub fn write_reply(
    action: &Action,
    affected: u64,
    inserted: u64,
    returned: bool,
    counted: bool,
) -> (ReplyKind, String) {
    let total = counted.then_some(affected);
    let bare = || content_range(0, 0, total);
    match action {
        Action::Insert(_) => {
            // An upsert that only changed rows created nothing.
            let created = inserted > 0 || affected == 0;
            (if created { ReplyKind::Created } else { ReplyKind::Ok }, bare())
        }
        Action::Put { .. } if inserted > 0 => (ReplyKind::Created, bare()),
        Action::Update { .. } => {
            let kind = if returned { ReplyKind::Ok } else { ReplyKind::NoContent };
            (kind, content_range(0, affected, total))
        }
        Action::Put { .. } | Action::Delete if !returned => (ReplyKind::NoContent, bare()),
        Action::Put { .. } | Action::Delete | Action::Read | Action::Call { .. } => (ReplyKind::Ok, bare()),
    }
}

/// `0-9/100`; `*` for what is empty or not known.
pub fn content_range(offset: u64, rows: u64, total: Option<u64>) -> String {
    let mut text = String::with_capacity(16);
    let mut number = itoa::Buffer::new();
    if rows == 0 {
        text.push('*');
    } else {
        text.push_str(number.format(offset));
        text.push('-');
        text.push_str(number.format(offset.saturating_add(rows - 1)));
    }
    text.push('/');
    match total {
        // Writing to a String cannot fail.
        Some(total) => drop(write!(text, "{total}")),
        None => text.push('*'),
    }
    text
}
