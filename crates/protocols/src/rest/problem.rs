//! Problems on the wire: what PostgREST's clients read (`code`, `message`, `details`, `hint`) in an RFC 9457 document.

use bytes::Bytes;
use serde::Serialize;
use transom_types::{Code, Problem};

/// The media type of a problem. Clients of PostgREST look for JSON, which `+json` is.
pub const PROBLEM_CONTENT_TYPE: &str = "application/problem+json; charset=utf-8";

#[derive(Serialize)]
struct Wire<'a> {
    code: &'a str,
    message: &'a str,
    details: Option<&'a str>,
    hint: Option<&'a str>,
    r#type: String,
    title: &'a str,
    status: u16,
}

/// The body of a problem's reply.
pub fn problem_body(problem: &Problem) -> Bytes {
    problem_body_as(problem, problem.status())
}

/// The body of a problem's reply that has another status than the code's own: what is forbidden to a caller without a token.
pub fn problem_body_as(problem: &Problem, status: u16) -> Bytes {
    let code = problem.code();
    let wire = Wire {
        code: problem.code_text(),
        message: problem.message(),
        details: problem.details(),
        hint: problem.hint(),
        r#type: format!("urn:transom:problem:{}", problem.code_text()),
        title: code.title(),
        status,
    };
    // Texts and a number always become JSON.
    serde_json::to_vec(&wire).unwrap_or_default().into()
}

#[derive(Serialize)]
#[serde(untagged)]
enum Details<'a> {
    Text(&'a str),
    List(&'a [serde_json::Value]),
}

#[derive(Serialize)]
struct Plain<'a> {
    code: &'a str,
    details: Option<Details<'a>>,
    hint: Option<&'a str>,
    message: &'a str,
}

/// Whether PostgREST gives details, and whether it gives a hint, with a problem of its own; ours have more to say.
/// What the engine said, and what PostgREST has no code for, is passed on whole.
fn said_there(code: Code) -> (bool, bool) {
    let text = code.as_str();
    match text.strip_prefix("PGRST").unwrap_or_default() {
        "100" | "103" | "116" | "118" | "122" | "124" | "127" | "301" => (true, false),
        "106" | "108" | "203" | "205" => (false, true),
        "121" | "200" | "201" | "202" => (true, true),
        "" => (true, true),
        _ => (false, false),
    }
}

/// The body of a problem's reply as PostgREST writes it: four members and nothing else.
pub fn problem_body_plain(problem: &Problem) -> Bytes {
    let (details, hint) = said_there(problem.code());
    let plain = Plain {
        code: problem.code_text(),
        details: match problem.listed_details() {
            [] => problem.details().filter(|_| details).map(Details::Text),
            listed => Some(Details::List(listed)),
        },
        hint: problem.hint().filter(|_| hint),
        message: problem.message(),
    };
    serde_json::to_vec(&plain).unwrap_or_default().into()
}

/// A singular reply was asked for and there are not exactly so many rows.
pub fn singular_expected(rows: u64) -> Problem {
    Problem::new(Code::SingularExpected, "Cannot coerce the result to a single JSON object")
        .with_details(format!("The result contains {rows} rows"))
        .with_hint("Filter by a unique key, or accept application/json")
}

/// The row that `TABLE/KEY` names is not there, or not for this caller.
pub fn resource_missing(table: &str) -> Problem {
    Problem::new(Code::ResourceMissing, format!("no such row in '{table}', or none that you may see"))
}
