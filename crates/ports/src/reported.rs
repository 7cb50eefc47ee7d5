//! What an engine says in its own words, and the status that a caller is told with it.

use serde_json::Value as Json;
use transom_types::{Code, Problem};

/// A failure in an engine's own words.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reported {
    /// The engine's code: a SQLSTATE.
    pub code: String,
    /// What went wrong.
    pub message: String,
    /// More of it.
    pub details: Option<String>,
    /// What might help.
    pub hint: Option<String>,
}

impl Reported {
    /// The caller's problem, in the engine's words.
    pub fn into_problem(self) -> Problem {
        if self.code == "PGRST" {
            return self.raised();
        }
        let status = status(&self.code, &self.message);
        let mut problem = Problem::of_engine(self.code, status, self.message);
        if let Some(details) = self.details {
            problem = problem.with_details(details);
        }
        if let Some(hint) = self.hint {
            problem = problem.with_hint(hint);
        }
        problem
    }

    /// `RAISE SQLSTATE 'PGRST'`: the message says what the body is to be, the details the status and headers.
    fn raised(self) -> Problem {
        let Some((code, said, message)) = body(&self.message) else {
            return unparsable("MESSAGE", &format!("Invalid JSON value for MESSAGE: '{}'", self.message));
        };
        let Some(details) = self.details else {
            return unparsable("DETAIL", "DETAIL is missing in the RAISE statement");
        };
        let Some((status, head)) = head(&details) else {
            return unparsable("DETAIL", &format!("Invalid JSON value for DETAIL: '{details}'"));
        };
        let mut problem = Problem::of_engine(code, status, said);
        let text = |key: &str| message.get(key).and_then(Json::as_str);
        if let Some(more) = text("details") {
            problem = problem.with_details(more);
        }
        if let Some(hint) = text("hint") {
            problem = problem.with_hint(hint);
        }
        if let Some(reason) = head.get("status_text").and_then(Json::as_str) {
            problem = problem.with_reason(reason);
        }
        for (name, value) in head.get("headers").and_then(Json::as_object).into_iter().flatten() {
            problem = problem.with_header(name.clone(), value.as_str().unwrap_or_default());
        }
        problem
    }
}

/// The statuses that a reply can have: below them more is to come, and nothing would.
const STATUSES: std::ops::Range<u16> = 200..1_000;

type Object = serde_json::Map<String, Json>;

/// Code and message of a raised body, and the whole of it.
fn body(text: &str) -> Option<(String, String, Object)> {
    let object: Object = serde_json::from_str(text).ok()?;
    let text = |key: &str| object.get(key)?.as_str().map(str::to_owned);
    Some((text("code")?, text("message")?, object))
}

/// The status of a raised reply, and what else it says of its head.
fn head(text: &str) -> Option<(u16, Object)> {
    let object: Object = serde_json::from_str(text).ok()?;
    let status =
        u16::try_from(object.get("status")?.as_u64()?).ok().filter(|status| STATUSES.contains(status))?;
    let headers = object.get("headers")?.as_object()?;
    headers.values().all(Json::is_string).then_some((status, object))
}

fn unparsable(part: &str, details: &str) -> Problem {
    let keys = match part {
        "MESSAGE" => "'code', 'message' and optional keys: 'details', 'hint'.",
        _ => "'status', 'headers' and optional key: 'status_text'.",
    };
    Problem::new(Code::RaisedInvalid, "Could not parse JSON in the \"RAISE SQLSTATE 'PGRST'\" error")
        .with_details(details)
        .with_hint(format!("{part} must be a JSON object with obligatory keys: {keys}"))
}

/// The HTTP status of a SQLSTATE, as PostgREST documents it.
fn status(code: &str, message: &str) -> u16 {
    match code {
        "23503" | "23505" => return 409,
        "25006" => return 405,
        "21000" => return if message.ends_with("requires a WHERE clause") { 400 } else { 500 },
        "22023" => {
            let missing = message.starts_with("role") && message.ends_with("does not exist");
            return if missing { 401 } else { 400 };
        }
        "42883" if message.starts_with("function xmlagg(") => return 406,
        "42883" | "42P01" => return 404,
        "42P17" => return 500,
        "42501" => return 403,
        "53400" => return 500,
        "57P01" => return 503,
        "P0001" => return 400,
        _ => {}
    }
    if let Some(digits) = code.strip_prefix("PT") {
        return digits.parse().ok().filter(|status| STATUSES.contains(status)).unwrap_or(500);
    }
    match code.get(..2).unwrap_or_default() {
        "08" | "53" => 503,
        "0L" | "0P" | "28" => 403,
        "09" | "25" | "2D" | "38" | "39" | "3B" | "40" | "54" | "55" | "57" | "58" | "F0" | "HV" | "P0"
        | "XX" => 500,
        _ => 400,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn raised(message: &str, details: Option<&str>) -> Problem {
        let details = details.map(str::to_owned);
        Reported { code: "PGRST".into(), message: message.into(), details, hint: None }.into_problem()
    }

    #[test]
    fn a_raised_reply_is_as_it_says() {
        let message = r#"{"code": "123", "message": "ABC", "details": "DEF", "hint": null}"#;
        let problem =
            raised(message, Some(r#"{"status": 402, "status_text": "Pay", "headers": {"X-Header": "str"}}"#));
        assert_eq!((problem.status(), problem.code_text(), problem.message()), (402, "123", "ABC"));
        assert_eq!((problem.details(), problem.hint()), (Some("DEF"), None));
        assert_eq!((problem.reason(), problem.headers()[0].1.as_str()), (Some("Pay"), "str"));
    }

    #[test]
    fn what_cannot_be_read_of_it_is_named() {
        let message = r#"{"code": "123", "message": "ABC"}"#;
        let details = |problem: Problem| problem.details().map(str::to_owned).unwrap_or_default();
        assert_eq!(details(raised("INVALID", None)), "Invalid JSON value for MESSAGE: 'INVALID'");
        assert_eq!(details(raised(message, None)), "DETAIL is missing in the RAISE statement");
        assert_eq!(details(raised(message, Some("{}"))), "Invalid JSON value for DETAIL: '{}'");
        let early = r#"{"status": 100, "headers": {}}"#;
        assert!(details(raised(message, Some(early))).starts_with("Invalid JSON value for DETAIL"));
    }

    #[test]
    fn a_status_may_be_the_code_itself() {
        assert_eq!(status("PT402", ""), 402);
        assert_eq!(status("PT40A", ""), 500);
        assert_eq!((status("PT100", ""), status("PT199", ""), status("PT200", "")), (500, 500, 200));
    }
}
