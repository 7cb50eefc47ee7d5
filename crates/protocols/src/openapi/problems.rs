//! Failures: the problem's schema (RFC 9457), and one response for every status with the stable codes it can carry.

use serde_json::{Map, Value as Json, json};
use transom_types::Code;

use super::reference;

/// Statuses that every operation can end with.
const ALWAYS: &[u16] = &[400, 401, 403, 404, 405, 406, 408, 413, 414, 431, 500, 503, 504];
/// Those of reads besides: an ambiguous embedding, a range beyond the rows.
pub(super) const READ: &[u16] = &[300, 416];
/// Those of writes besides.
pub(super) const WRITE: &[u16] = &[300, 409, 412, 415, 416, 422, 428, 507];

/// Adds the responses of failures to those of an operation.
pub(super) fn add(responses: &mut Map<String, Json>, besides: &[u16]) {
    for status in ALWAYS.iter().chain(besides) {
        responses.insert(status.to_string(), reference("responses", &name(*status)));
    }
}

fn name(status: u16) -> String {
    format!("Problem{status}")
}

/// The failure responses, by name. `native`: in the form that PostgREST gives them.
pub(super) fn responses(native: bool) -> Map<String, Json> {
    let mut statuses: Vec<u16> = Code::ALL.iter().map(|code| code.status()).collect();
    statuses.sort_unstable();
    statuses.dedup();
    statuses.into_iter().map(|status| (name(status), response(status, native))).collect()
}

fn response(status: u16, native: bool) -> Json {
    let media = if native { "application/json" } else { "application/problem+json" };
    let codes: Vec<Code> = Code::ALL.iter().copied().filter(|code| code.status() == status).collect();
    let list: Vec<String> =
        codes.iter().map(|code| format!("- `{}`: {}", code.as_str(), code.title())).collect();
    let mut response = json!({
        "description": format!("A problem with one of these codes:\n{}", list.join("\n")),
        "content": {media: {"schema": reference("schemas", "Problem")}},
    });
    if let Some(code) = codes.first() {
        response["content"][media]["example"] = example(*code, native);
    }
    response
}

fn example(code: Code, native: bool) -> Json {
    if native {
        return json!({"code": code.as_str(), "message": code.title(), "details": null, "hint": null});
    }
    json!({
        "code": code.as_str(),
        "message": code.title(),
        "details": null,
        "hint": null,
        "type": format!("urn:transom:problem:{}", code.as_str()),
        "title": code.title(),
        "status": code.status(),
    })
}

/// The body of every failure.
pub(super) fn schema(native: bool) -> Json {
    if native {
        return json!({
            "type": "object",
            "description": "What went wrong.",
            "required": ["code", "message", "details", "hint"],
            "properties": {
                "code": {"type": "string", "description": "PostgREST's, or the engine's own."},
                "message": {"type": "string"},
                "details": {},
                "hint": {"type": ["string", "null"]},
            },
        });
    }
    let codes: Vec<&str> = Code::ALL.iter().map(|code| code.as_str()).collect();
    json!({
        "type": "object",
        "description": "What went wrong (RFC 9457), with the members that clients of PostgREST read.",
        "required": ["code", "message", "details", "hint", "type", "title", "status"],
        "properties": {
            "code": {"type": "string", "enum": codes, "description": "Stable: never reused, never renamed."},
            "message": {"type": "string"},
            "details": {"type": ["string", "null"]},
            "hint": {"type": ["string", "null"]},
            "type": {"type": "string", "pattern": "^urn:transom:problem:"},
            "title": {"type": "string"},
            "status": {"type": "integer", "minimum": 300, "maximum": 599},
        },
    })
}
