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
        let parsed = |text: Option<&str>| {
            let parsed: Option<serde_json::Map<String, Json>> =
                text.and_then(|text| serde_json::from_str(text).ok());
            parsed
        };
        let message = parsed(Some(&self.message));
        let details = parsed(self.details.as_deref());
        let status = details.as_ref().and_then(|details| details.get("status")?.as_u64());
        let (Some(message), Some(details), Some(status)) = (message, details, status) else {
            return unparsable(&self);
        };
        let text = |key: &str| message.get(key).and_then(Json::as_str).map(str::to_owned);
        let (Some(code), Some(said)) = (text("code"), text("message")) else { return unparsable(&self) };
        let mut problem = Problem::of_engine(code, u16::try_from(status).unwrap_or(500), said);
        if let Some(more) = text("details") {
            problem = problem.with_details(more);
        }
        if let Some(hint) = text("hint") {
            problem = problem.with_hint(hint);
        }
        let headers = details.get("headers").and_then(Json::as_object).into_iter().flatten();
        for (name, value) in headers {
            if let Some(value) = value.as_str() {
                problem = problem.with_header(name.clone(), value);
            }
        }
        problem
    }
}

fn unparsable(reported: &Reported) -> Problem {
    let part = match serde_json::from_str::<Json>(&reported.message) {
        Ok(_) => "DETAIL",
        Err(_) => "MESSAGE",
    };
    let given = if part == "MESSAGE" {
        reported.message.clone()
    } else {
        reported.details.clone().unwrap_or_default()
    };
    Problem::new(Code::RaisedInvalid, "Could not parse JSON in the \"RAISE SQLSTATE 'PGRST'\" error")
        .with_details(format!("Invalid JSON value for {part}: '{given}'"))
        .with_hint(format!(
            "{part} must be a JSON object with obligatory keys: {}",
            match part {
                "MESSAGE" => "'code', 'message' and optional keys: 'details', 'hint'.",
                _ => "'status', 'headers' and optional key: 'status_text'.",
            }
        ))
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
    if let Some(status) = code.strip_prefix("PT").and_then(|digits| digits.parse().ok()) {
        return status;
    }
    match code.get(..2).unwrap_or_default() {
        "08" | "53" => 503,
        "0L" | "0P" | "28" => 403,
        "09" | "25" | "2D" | "38" | "39" | "3B" | "40" | "54" | "55" | "57" | "58" | "F0" | "HV" | "P0"
        | "XX" => 500,
        _ => 400,
    }
}
