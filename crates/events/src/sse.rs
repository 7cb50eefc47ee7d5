//! Server-sent events (the HTML standard, section 9.2): framing only, pure.

use bytes::Bytes;
use serde_json::json;
use transom_ports::ChangeKind;
use transom_types::{ChangePosition, Code, Problem};

use crate::{Event, event_json};

/// The media type of a stream.
pub const MEDIA_TYPE: &str = "text/event-stream";

/// What a stream begins with: a comment, so that proxies pass the head on at once, and how long clients wait before they
/// connect again.
pub fn opening(retry_ms: u32) -> Bytes {
    Bytes::from(format!(": changes\nretry: {retry_ms}\n\n"))
}

/// One event. Its name is the kind of change; the data is one line, for JSON has no raw line breaks.
pub fn event(event: &Event) -> Bytes {
    let name = match event.kind {
        ChangeKind::Insert => "INSERT",
        ChangeKind::Update => "UPDATE",
        ChangeKind::Delete => "DELETE",
    };
    Bytes::from(format!("id: {}\nevent: {name}\ndata: {}\n\n", event.id.0, event_json(event)))
}

/// Sent when nothing has happened for a while: keeps the connection open and, having an id but no data, moves the
/// client's `Last-Event-ID` past changes that were not for it without raising an event.
pub fn keep_alive(position: ChangePosition) -> Bytes {
    Bytes::from(format!(": keep-alive\nid: {}\n\n", position.0))
}

/// Why the stream ends. Without an id, so that the client resumes where it stood. Not named `error`: browsers use that name themselves.
pub fn problem(problem: &Problem) -> Bytes {
    let body = json!({
        "code": problem.code().as_str(),
        "message": problem.message(),
        "details": problem.details(),
        "hint": problem.hint(),
    });
    Bytes::from(format!("event: problem\ndata: {body}\n\n"))
}

/// Reads a `Last-Event-ID` (or its query parameter).
pub fn position(text: &str) -> Result<ChangePosition, Problem> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let position = digits.then(|| text.parse().ok()).flatten().map(ChangePosition);
    position.ok_or_else(|| {
        Problem::new(Code::CursorInvalid, "The position to resume after is not one that this server gave")
            .with_hint("Send the `id` of the last event received, or leave it out to begin now")
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn check(frame: &Bytes, expected: &str) {
        assert_eq!(std::str::from_utf8(frame).unwrap(), expected);
    }

    #[test]
    fn frames() {
        let mut after = serde_json::Map::new();
        after.insert("note".to_owned(), "two\nlines\r".into());
        let inserted = Event {
            id: ChangePosition(12),
            table: "orders".into(),
            kind: ChangeKind::Insert,
            key: serde_json::Map::new(),
            before: None,
            after: Some(after),
            at: "2026-01-02T03:04:05.678Z".to_owned(),
        };
        check(
            &event(&inserted),
            "id: 12\nevent: INSERT\ndata: {\"id\":12,\"table\":\"orders\",\"kind\":\"INSERT\",\"key\":{},\
             \"after\":{\"note\":\"two\\nlines\\r\"},\"at\":\"2026-01-02T03:04:05.678Z\"}\n\n",
        );
        check(&opening(2_000), ": changes\nretry: 2000\n\n");
        check(&keep_alive(ChangePosition(3)), ": keep-alive\nid: 3\n\n");
        check(
            &problem(&Problem::new(Code::ShuttingDown, "bye\nbye")),
            "event: problem\ndata: {\"code\":\"TR107\",\"message\":\"bye\\nbye\",\"details\":null,\"hint\":null}\n\n",
        );
    }

    #[test]
    fn positions() {
        assert_eq!(position("0").unwrap(), ChangePosition(0));
        assert_eq!(position("18446744073709551615").unwrap(), ChangePosition(u64::MAX));
        for bad in ["", "-1", "+1", " 1", "1.0", "18446744073709551616", "x", "١"] {
            assert_eq!(position(bad).unwrap_err().code(), Code::CursorInvalid, "{bad}");
        }
    }
}
