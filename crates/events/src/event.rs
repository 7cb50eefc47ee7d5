//! A change as one subscriber may see it.

use serde::Serialize;
use serde_json::{Map, Value as Json};
use transom_ports::ChangeKind;
use transom_types::ChangePosition;

/// A change as one subscriber may see it: without rows it may not see, and without columns it may not select.
///
/// The kind is told from where the subscriber stands: an update that takes a row out of its sight is a delete, one that
/// brings a row into its sight an insert.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Event {
    /// The change's place in the log, and where to resume after it.
    pub id: ChangePosition,
    /// The table.
    pub table: Box<str>,
    /// What happened, for this subscriber.
    pub kind: ChangeKind,
    /// The primary key, by column.
    pub key: Map<String, Json>,
    /// The row before. Not there when the row came into sight or went out of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub before: Option<Map<String, Json>>,
    /// The row after. Not there for a delete.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after: Option<Map<String, Json>>,
    /// When it was committed: ISO 8601 in UTC with milliseconds.
    pub at: String,
}

/// The event as one line of JSON.
pub fn event_json(event: &Event) -> String {
    // Maps with text keys and finite numbers always have a JSON form.
    serde_json::to_string(event).unwrap_or_default()
}

/// ISO 8601 in UTC with milliseconds.
pub(crate) fn time_text(at_ms: i64) -> String {
    let at = jiff::Timestamp::from_millisecond(at_ms).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    at.strftime("%Y-%m-%dT%H:%M:%S.%3fZ").to_string()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn times_and_absent_images() {
        assert_eq!(time_text(0), "1970-01-01T00:00:00.000Z");
        assert_eq!(time_text(1_767_323_045_678), "2026-01-02T03:04:05.678Z");
        assert_eq!(time_text(i64::MIN), "1970-01-01T00:00:00.000Z");
        let event = Event {
            id: ChangePosition(7),
            table: "orders".into(),
            kind: ChangeKind::Delete,
            key: json!({"id": 1}).as_object().cloned().unwrap_or_default(),
            before: None,
            after: None,
            at: time_text(0),
        };
        let expected =
            r#"{"id":7,"table":"orders","kind":"DELETE","key":{"id":1},"at":"1970-01-01T00:00:00.000Z"}"#;
        assert_eq!(event_json(&event), expected);
    }
}
