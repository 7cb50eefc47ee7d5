//! Addresses in replies: `Link` to the next page, `Location` of a new row.

use serde_json::Value as Json;

use super::print::encode;

/// Where the REST protocol lives.
pub const BASE: &str = "/rest/v1";

/// The value of `Link` for the next page: the request's own path (below [`BASE`]) and query with the cursor replaced.
pub fn next_link(path: &str, raw_query: &str, token: &str) -> String {
    let mut link = format!("<{BASE}/{}?", quoted(path.trim_start_matches('/')));
    for part in raw_query.split('&').filter(|part| !part.is_empty() && !is_cursor(part)) {
        link.push_str(&quoted(part));
        link.push('&');
    }
    link.push_str("cursor=");
    link.push_str(token);
    link.push_str(">; rel=\"next\"");
    link
}

fn is_cursor(part: &str) -> bool {
    part.strip_prefix("cursor=").is_some_and(|value| !super::filter::begins_with_operator(value))
        || part == "cursor"
}

/// The bytes that would end the link early, or that a header cannot hold, are encoded; the rest is already.
fn quoted(part: &str) -> String {
    let mut text = String::with_capacity(part.len());
    for character in part.chars() {
        match character {
            '<' | '>' | '"' | ' ' | '\\' | '^' | '`' | '{' | '|' | '}' => {
                text.push_str(&format!("%{:02X}", character as u32))
            }
            c if c.is_ascii_graphic() => text.push(c),
            c => encode(c.encode_utf8(&mut [0; 4]), &mut text),
        }
    }
    text
}

/// The value of `Content-Location`: the request's own address with its parameters in the order of their names, so that
/// what is the same has one address.
pub fn content_location(path: &str, raw_query: &str) -> String {
    let mut parts: Vec<&str> = raw_query.split('&').filter(|part| !part.is_empty()).collect();
    parts.sort_by_key(|part| part.split('=').next().unwrap_or_default());
    match parts.is_empty() {
        true => path.to_owned(),
        false => format!("{path}?{}", parts.join("&")),
    }
}

/// The value of `Location`: the new row by its key. `None` without one.
/// `base`: what the paths of tables begin with.
pub fn location(base: &str, table: &str, key: &[(Box<str>, Json)]) -> Option<String> {
    let mut location = format!("{base}/");
    encode(table, &mut location);
    for (at, (column, value)) in key.iter().enumerate() {
        location.push(if at == 0 { '?' } else { '&' });
        encode(&super::print::name(column), &mut location);
        match value {
            Json::Null => location.push_str("=is.null"),
            Json::String(text) => {
                location.push_str("=eq.");
                encode(text, &mut location);
            }
            other => {
                location.push_str("=eq.");
                encode(&other.to_string(), &mut location);
            }
        }
    }
    (!key.is_empty()).then_some(location)
}
