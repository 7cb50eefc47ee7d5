//! The one `check` of all specs: a text of requests and the replies they must get.
//!
//! ```text
//! # Anything after a hash is for the reader.
//! as user ada                         who asks from here on: `anon`, `role NAME`, `user SUBJECT`, `claims {…}`
//! POST /films?select=id               under /rest/v1, unless the path starts with two slashes
//! Prefer: return=representation
//! {"id": 7}                           a JSON body; `| text` for any other, line by line
//! => 201 PGRST100 "some words"        the status, perhaps the problem's code, perhaps words of the body
//! Content-Range: */*                  `~ part` for a part of the value, `-` for no such header
//! [{"id": 7}]                         the whole JSON; `~ {…}` for a part of it; `| text` for any other
//! ```
//!
//! A blank line ends an entry. `$name` in a request stands for what an earlier reply was told to keep:
//! `keep name = header etag`, `keep name = /0/id` (a JSON pointer). Every failing entry of a text is reported, not only the first.

use std::{collections::HashMap, fmt::Write as _};

use serde_json::Value as Json;
use transom_testkit::{Client, Reply, Server};

/// Sends the requests of a spec in order and compares the replies.
#[track_caller]
pub fn check(server: &Server, spec: &str) {
    let mut run =
        Run { server, client: server.client(), kept: HashMap::new(), failures: String::new(), count: 0 };
    let mut entry: Vec<&str> = Vec::new();
    for line in spec.lines().map(str::trim).chain([""]) {
        if line.starts_with('#') {
            continue;
        }
        if !line.is_empty() {
            entry.push(line);
        } else if !entry.is_empty() {
            run.entry(&entry);
            entry.clear();
        }
    }
    assert!(run.count > 0, "a spec without requests");
    assert!(run.failures.is_empty(), "{}", run.failures);
}

struct Run<'a> {
    server: &'a Server,
    client: Client,
    kept: HashMap<String, String>,
    failures: String,
    count: usize,
}

impl Run<'_> {
    fn entry(&mut self, lines: &[&str]) {
        let mut lines = lines.to_vec();
        while let Some(who) = lines.first().and_then(|line| line.strip_prefix("as ")) {
            self.client = client(self.server, who);
            lines.remove(0);
        }
        if lines.is_empty() {
            return;
        }
        self.count += 1;
        let at = lines
            .iter()
            .position(|line| line.starts_with("=> "))
            .unwrap_or_else(|| panic!("no reply: {lines:?}"));
        let request: Vec<String> = lines[..at].iter().map(|line| self.filled(line)).collect();
        let reply = send(&self.client, &request);
        let expected: Vec<String> = lines[at..].iter().map(|line| self.filled(line)).collect();
        for fault in self.faults(&reply, &expected) {
            let _ = writeln!(
                self.failures,
                "\n{}\n  {fault}\n  reply: {} {:?}\n  {}",
                request.join("\n"),
                reply.status,
                reply.headers,
                reply.text()
            );
        }
    }

    fn filled(&self, line: &str) -> String {
        let mut line = line.to_owned();
        for (name, value) in &self.kept {
            line = line.replace(&format!("${name}"), value);
        }
        line
    }

    fn faults(&mut self, reply: &Reply, expected: &[String]) -> Vec<String> {
        let mut faults = status_faults(reply, &expected[0]);
        let (mut json, mut text) = (String::new(), None::<String>);
        for line in &expected[1..] {
            if let Some(rest) = line.strip_prefix("keep ") {
                let (name, place) = rest.split_once(" = ").expect("keep name = place");
                match found(reply, place) {
                    Some(value) => drop(self.kept.insert(name.to_owned(), value)),
                    None => faults.push(format!("nothing to keep at {place}")),
                }
            } else if let Some(line) = line.strip_prefix('|') {
                let text = text.get_or_insert_default();
                *text += line.strip_prefix(' ').unwrap_or(line);
                text.push('\n');
            } else if json.is_empty() && is_header(line) {
                faults.extend(header_fault(reply, line));
            } else {
                json += line;
            }
        }
        if let Some(text) = text
            && reply.text().trim_end().replace("\r\n", "\n") != text.trim_end()
        {
            faults.push(format!("expected the text\n{text}"));
        }
        if !json.is_empty() {
            faults.extend(body_fault(reply, &json));
        }
        faults
    }
}

fn client(server: &Server, who: &str) -> Client {
    match who.split_once(' ').unwrap_or((who, "")) {
        ("anon", "") => server.client(),
        ("role", role) => server.role(role),
        ("user", subject) => server.user(subject),
        ("claims", claims) => server.claims(&serde_json::from_str(claims).expect("claims are JSON")),
        _ => panic!("nobody is called {who}"),
    }
}

/// Sends what the lines of a request say.
fn send(client: &Client, lines: &[String]) -> Reply {
    let (method, path) =
        lines[0].split_once(' ').unwrap_or_else(|| panic!("not a request line: {}", lines[0]));
    let path = target(path);
    let mut client = client.clone();
    let (mut body, mut typed) = (None::<String>, false);
    for line in &lines[1..] {
        if let Some(line) = line.strip_prefix('|') {
            let body = body.get_or_insert_default();
            *body += line.strip_prefix(' ').unwrap_or(line);
            body.push('\n');
        } else if body.is_none() && is_header(line) {
            let (name, value) = line.split_once(':').expect("a header");
            typed |= name.eq_ignore_ascii_case("content-type");
            client = client.with(name, value.trim());
        } else {
            *body.get_or_insert_default() += line;
        }
    }
    if body.is_some() && !typed {
        client = client.with("Content-Type", "application/json");
    }
    client.send(method, &path, body.as_deref().map(str::trim_end).map(str::as_bytes))
}

/// A request target as clients send it: what a URL cannot hold is percent-encoded, a percent sign stays as it is.
pub fn target(path: &str) -> String {
    let path = match path.strip_prefix("//") {
        Some(rest) => format!("/{rest}"),
        None => format!("/rest/v1{path}"),
    };
    let mut target = String::with_capacity(path.len());
    for byte in path.bytes() {
        match byte {
            b'"' | b'<' | b'>' | b'^' | b'`' | b'{' | b'|' | b'}' | b'\\' | b' ' | 0x80.. => {
                let _ = write!(target, "%{byte:02X}");
            }
            _ => target.push(char::from(byte)),
        }
    }
    target
}

fn is_header(line: &str) -> bool {
    line.split_once(':').is_some_and(|(name, _)| {
        !name.is_empty() && name.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '-')
    })
}

fn status_faults(reply: &Reply, line: &str) -> Vec<String> {
    let mut faults = Vec::new();
    let line = line.trim_start_matches("=> ");
    let (line, words) =
        line.split_once('"').map_or((line, None), |(line, words)| (line, Some(words.trim_end_matches('"'))));
    let mut parts = line.split_whitespace();
    if parts.next().and_then(|status| status.parse().ok()) != Some(reply.status) {
        faults.push(format!("expected {line}"));
    } else if let Some(code) = parts.next()
        && serde_json::from_slice::<Json>(&reply.body).ok().is_none_or(|body| body["code"] != code)
    {
        faults.push(format!("expected the code {code}"));
    }
    if let Some(words) = words
        && !reply.text().contains(words)
    {
        faults.push(format!("expected the words {words}"));
    }
    faults
}

fn header_fault(reply: &Reply, line: &str) -> Option<String> {
    let (name, expected) = line.split_once(':').expect("a header");
    let (name, expected) = (name.to_lowercase(), expected.trim());
    let actual = reply.header(&name);
    let right = match (expected, expected.strip_prefix("~ ")) {
        ("-", _) => actual.is_none(),
        (_, Some(part)) => actual.is_some_and(|actual| actual.contains(part)),
        _ => actual == Some(expected),
    };
    (!right).then(|| format!("expected {name}: {expected}, got {actual:?}"))
}

fn body_fault(reply: &Reply, expected: &str) -> Option<String> {
    let (partly, expected) =
        expected.strip_prefix("~ ").map_or((false, expected), |expected| (true, expected));
    let wanted: Json = serde_json::from_str(expected).unwrap_or_else(|error| panic!("{error}: {expected}"));
    let Ok(actual) = serde_json::from_slice::<Json>(&reply.body) else {
        return Some("the body is not JSON".into());
    };
    (!same(&actual, &wanted, partly)).then(|| format!("expected {expected}"))
}

/// Whether two replies say the same: every digit of a number counts, but not the zeros behind its fraction. `partly`: an
/// object may have more members than are wanted.
fn same(actual: &Json, wanted: &Json, partly: bool) -> bool {
    match (actual, wanted) {
        (Json::Object(actual), Json::Object(wanted)) => {
            let alike = |(name, wanted)| actual.get(name).is_some_and(|actual| same(actual, wanted, partly));
            (partly || actual.len() == wanted.len()) && wanted.iter().all(alike)
        }
        (Json::Array(actual), Json::Array(wanted)) => {
            actual.len() == wanted.len()
                && actual.iter().zip(wanted).all(|(actual, wanted)| same(actual, wanted, partly))
        }
        (Json::Number(actual), Json::Number(wanted)) => digits(actual.as_str()) == digits(wanted.as_str()),
        _ => actual == wanted,
    }
}

/// A number without the zeros behind its fraction.
fn digits(number: &str) -> &str {
    match number.contains('.') && !number.contains('e') {
        true => number.trim_end_matches('0').trim_end_matches('.'),
        false => number,
    }
}

/// What stands at a place of a reply.
fn found(reply: &Reply, place: &str) -> Option<String> {
    if let Some(name) = place.strip_prefix("header ") {
        return reply.header(name).map(str::to_owned);
    }
    if place == "next" {
        let link = reply.header("link")?;
        let url = link.split('>').next()?.trim_start_matches('<');
        return Some(url.trim_start_matches("/rest/v1").to_owned());
    }
    match serde_json::from_slice::<Json>(&reply.body).ok()?.pointer(place)? {
        Json::String(text) => Some(text.clone()),
        other => Some(other.to_string()),
    }
}
