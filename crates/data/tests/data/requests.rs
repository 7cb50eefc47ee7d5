//! Whatever is read from a URL and planned is a statement that the engine prepares and runs; what is refused is the
//! caller's fault and never ours.

use proptest::{collection::vec, prelude::*, test_runner::TestRunner};
use transom_query::{Catalog, TableId, catalog::RelationshipKind};

use crate::harness::{Project, Said, said};

const CASES: u32 = 1_500;

#[rustfmt::skip]
const VALUES: &[&str] = &[
    "1", "0", "-7", "2.5", "", "null", "true", "Hammer", "a,b", "{1,2}", "{\"a\":1}", "[1,\"x\"]", "\"q\"", "'", "'; DROP TABLE labels; --",
    "\\", "\\x00ff", "%", "*a*", "(", ")", "^[a-z]+$", "0b0e8400-e29b-41d4-a716-446655440000", "2026-01-01", "2026-01-01T00:00:00Z",
    "9223372036854775808", "1e400", "NaN", "\u{1F600}", "\u{0}", "a b & !c", "\"a b", "a:*", "?1", "ü", "{}", "{", "10", "\"10\"",
];
#[rustfmt::skip]
const OPERATORS: &[&str] = &[
    "eq", "neq", "gt", "gte", "lt", "lte", "like", "ilike", "match", "imatch", "isdistinct", "cs", "cd", "ov", "fts", "plfts", "phfts", "wfts",
    "eq(any)", "gt(all)", "like(any)", "ilike(all)", "not.eq", "not.like", "sl", "adj",
];
const IS: &[&str] = &["null", "not_null", "true", "false", "unknown"];
#[rustfmt::skip]
const CASTS: &[&str] = &["text", "int", "numeric", "float", "bool", "json", "bytea", "date", "time", "timestamp", "uuid", "nope"];
const AGGREGATES: &[&str] = &["sum", "avg", "min", "max", "count"];
const STEPS: &[&str] = &["->a", "->>a", "->tags->0", "->deep->b->-1->>c", "->'", "->>\"x\"", "->9"];

/// Decisions, simplest first: where they run out, everything is the simplest.
struct Choices<'a> {
    numbers: &'a [u16],
    catalog: &'a Catalog,
}

impl Choices<'_> {
    fn below(&mut self, bound: usize) -> usize {
        let Some((first, rest)) = self.numbers.split_first() else { return 0 };
        self.numbers = rest;
        usize::from(*first) % bound.max(1)
    }

    fn one_in(&mut self, times: usize) -> bool {
        self.below(times) == times - 1
    }

    fn of<'t>(&mut self, texts: &[&'t str]) -> &'t str {
        texts[self.below(texts.len())]
    }

    fn table(&mut self) -> TableId {
        let tables = self.catalog.tables().count();
        TableId(self.below(tables) as u32)
    }

    fn column(&mut self, table: TableId) -> String {
        let columns = &self.catalog[table].columns;
        let at = self.below(columns.len().min(14));
        if self.one_in(40) { "nope".into() } else { columns[at].name.to_string() }
    }

    fn path(&mut self, table: TableId) -> String {
        let column = quoted(&self.column(table));
        if self.one_in(6) { column + self.of(STEPS) } else { column }
    }

    fn value(&mut self) -> String {
        self.of(VALUES).to_owned()
    }

    /// `operator.value`
    fn test(&mut self, inside: bool) -> String {
        let value = self.value();
        let shown = if inside { format!("\"{}\"", escaped(&value)) } else { value };
        match self.below(6) {
            0 => format!("is.{}", self.of(IS)),
            1 => {
                let other = self.value();
                format!("in.(\"{}\",\"{}\")", escaped(&shown), escaped(&other))
            }
            2 => {
                let (first, other) = (self.value(), self.value());
                let operator = self.of(&["eq(any)", "gt(all)", "like(any)", "not.ilike(all)", "lte(any)"]);
                format!("{operator}.{{\"{}\",\"{}\"}}", escaped(&first), escaped(&other))
            }
            _ => format!("{}.{shown}", self.of(OPERATORS)),
        }
    }

    fn field(&mut self, table: TableId) -> String {
        let mut field = String::new();
        if self.one_in(6) {
            field = format!("{}:", quoted(self.of(&["alias", "a b", "'\"--"])));
        }
        if self.one_in(12) {
            return field + "count()";
        }
        field += &self.path(table);
        if self.one_in(5) {
            field += &format!("::{}", self.of(CASTS));
        }
        if self.one_in(6) {
            field += &format!(".{}()", self.of(AGGREGATES));
        }
        field
    }

    /// Items of a level; filters of what is embedded go to `params`.
    fn items(&mut self, table: TableId, depth: u32, prefix: &str, params: &mut Vec<String>) -> String {
        let mut items = Vec::new();
        for _ in 0..self.below(4) {
            let ways = self.catalog.relationships(table);
            match (self.below(4), ways.is_empty() || depth == 0) {
                (0, _) => items.push("*".to_owned()),
                (1 | 2, false) => {
                    let way = &ways[self.below(ways.len())];
                    items.push(self.embed(way, depth, prefix, params));
                }
                _ => items.push(self.field(table)),
            }
        }
        items.join(",")
    }

    fn embed(
        &mut self,
        way: &transom_query::catalog::Relationship,
        depth: u32,
        prefix: &str,
        params: &mut Vec<String>,
    ) -> String {
        let hint = match &way.kind {
            RelationshipKind::ManyToMany { junction, .. } => &self.catalog[*junction].name,
            _ => &way.name,
        };
        let name = &self.catalog[way.to].name;
        let alias = format!("e{}", params.len());
        let spread = self.one_in(4);
        let inner = if self.one_in(4) { "!inner" } else { "" };
        let below = format!("{prefix}{alias}.");
        let items = self.items(way.to, depth - 1, &below, params);
        self.restrictions(way.to, &below, params);
        let head = if spread { "...".to_owned() } else { String::new() };
        format!("{head}{alias}:{}!{}{inner}({items})", quoted(name), quoted(hint))
    }

    fn restrictions(&mut self, table: TableId, prefix: &str, params: &mut Vec<String>) {
        for _ in 0..self.below(3) {
            let (path, test) = (self.path(table), self.test(false));
            match self.below(4) {
                0 => {
                    let (first, other) = (self.test(true), self.test(true));
                    let word = self.of(&["or", "and", "not.or"]);
                    let column = self.path(table);
                    params.push(parameter(
                        &format!("{prefix}{word}"),
                        &format!("({path}.{first},not.and({column}.{other}))"),
                    ));
                }
                _ => params.push(parameter(&format!("{prefix}{path}"), &test)),
            }
        }
        if self.one_in(3) {
            let terms: Vec<String> = (0..=self.below(3))
                .map(|_| {
                    format!(
                        "{}{}",
                        self.path(table),
                        self.of(&["", ".desc", ".asc.nullsfirst", ".desc.nullslast"])
                    )
                })
                .collect();
            params.push(parameter(&format!("{prefix}order"), &terms.join(",")));
        }
        if self.one_in(4) {
            params.push(parameter(&format!("{prefix}limit"), self.of(&["1", "0", "3"])));
        }
        if self.one_in(5) {
            params.push(parameter(&format!("{prefix}offset"), self.of(&["1", "0"])));
        }
    }

    fn url(&mut self) -> String {
        let table = self.table();
        let mut params = Vec::new();
        let items = self.items(table, 3, "", &mut params);
        if !items.is_empty() {
            params.push(parameter("select", &items));
        }
        self.restrictions(table, "", &mut params);
        if self.one_in(8) {
            params.push(parameter("cursor", ""));
        }
        if self.one_in(8) {
            let (path, aggregate, test) = (self.path(table), self.of(AGGREGATES), self.test(false));
            params.push(parameter("having", &format!("{path}.{aggregate}().{test}")));
        }
        format!("{}?{}", encoded(&self.catalog[table].name), params.join("&"))
    }

    fn body(&mut self, table: TableId) -> String {
        let columns: Vec<String> = (0..=self.below(4)).map(|_| self.column(table)).collect();
        let rows: Vec<serde_json::Value> = (0..=self.below(3))
            .map(|_| {
                let cell = |choices: &mut Self| match choices.below(6) {
                    0 => serde_json::Value::Null,
                    1 => true.into(),
                    2 => 7.into(),
                    3 => serde_json::json!({"a": [1, "'"]}),
                    _ => choices.value().into(),
                };
                columns
                    .iter()
                    .map(|column| (column.clone(), cell(self)))
                    .collect::<serde_json::Map<_, _>>()
                    .into()
            })
            .collect();
        match rows.as_slice() {
            [row] if self.one_in(2) => row.to_string(),
            rows => serde_json::Value::from(rows.to_vec()).to_string(),
        }
    }

    /// Method, URL, preferences and body.
    fn write(&mut self) -> (&'static str, String, String, String) {
        let table = self.table();
        let name = encoded(&self.catalog[table].name);
        let mut params = Vec::new();
        let items = self.items(table, 2, "", &mut params);
        if !items.is_empty() {
            params.push(parameter("select", &items));
        }
        let mut prefer = vec![self.of(&["return=representation", "return=minimal", "return=headers-only"])];
        let method = self.of(&["POST", "PATCH", "DELETE", "PUT"]);
        match method {
            "POST" => {
                prefer.push(self.of(&[
                    "missing=null",
                    "missing=default",
                    "resolution=merge-duplicates",
                    "resolution=ignore-duplicates",
                ]));
                if self.one_in(3) {
                    params.push(parameter(
                        "columns",
                        &format!("{},{}", quoted(&self.column(table)), quoted(&self.column(table))),
                    ));
                }
            }
            _ => {
                let (column, value) = (self.column(table), self.value());
                params.push(parameter(&quoted(&column), &format!("eq.{value}")));
            }
        }
        let body = self.body(table);
        (method, format!("{name}?{}", params.join("&")), prefer.join(","), body)
    }
}

fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"")
}

fn quoted(name: &str) -> String {
    match name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') {
        true => name.to_owned(),
        false => format!("\"{}\"", escaped(name)),
    }
}

pub fn encoded(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte.is_ascii_alphanumeric() || byte == b'_' {
            true => char::from(byte).to_string(),
            false => format!("%{byte:02X}"),
        })
        .collect()
}

fn parameter(name: &str, value: &str) -> String {
    format!("{}={}", encoded(name), encoded(value))
}

fn runner(cases: u32) -> TestRunner {
    TestRunner::new(ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() })
}

/// Runs a request; whether it was answered, or why that is nobody's fault but ours.
fn run(project: &Project, method: &str, url: &str, said_too: Said, body: &str) -> Result<bool, String> {
    match project.run(method, url, said_too, body) {
        Ok(reply) if reply.json.is_empty() => Ok(true),
        Ok(reply) => {
            match serde_json::from_slice::<Vec<serde_json::Value>>(crate::harness::text(&reply).as_bytes()) {
                Ok(rows) if method != "GET" || rows.len() as u64 == reply.rows => Ok(true),
                Ok(rows) => Err(format!("{} rows are {}: {url}", rows.len(), reply.rows)),
                Err(error) => Err(format!("{error}: {url}\n{}", crate::harness::text(&reply))),
            }
        }
        Err(problem) if problem.code().status() < 500 => Ok(false),
        Err(problem) => Err(format!("{method} {url} {body}\n{}\n{:?}", said(&problem), problem.private())),
    }
}

#[test]
fn every_read_that_is_planned_runs() {
    let project = Project::new();
    let catalog = project.data.model().catalog.clone();
    let answered = std::cell::Cell::new(0u32);
    runner(CASES)
        .run(&vec(any::<u16>(), 0..80), |numbers| {
            let url = Choices { numbers: &numbers, catalog: &catalog }.url();
            let prefer = if numbers.len() % 5 == 0 { "count=exact" } else { "" };
            let ran =
                run(&project, "GET", &url, Said { prefer, accept: None }, "").map_err(TestCaseError::fail)?;
            answered.set(answered.get() + u32::from(ran));
            Ok(())
        })
        .unwrap_or_else(|error| panic!("{error}"));
    assert!(answered.get() > CASES / 8, "only {} of {CASES} were answered", answered.get());
}

#[test]
fn every_write_that_is_planned_runs() {
    let mut project = Project::new();
    project.rollback = true;
    let catalog = project.data.model().catalog.clone();
    let answered = std::cell::Cell::new(0u32);
    runner(CASES)
        .run(&vec(any::<u16>(), 0..60), |numbers| {
            let (method, url, prefer, body) = Choices { numbers: &numbers, catalog: &catalog }.write();
            let said_too = Said { prefer: &prefer, accept: None };
            let ran = run(&project, method, &url, said_too, &body).map_err(TestCaseError::fail)?;
            answered.set(answered.get() + u32::from(ran));
            Ok(())
        })
        .unwrap_or_else(|error| panic!("{error}"));
    assert!(answered.get() > CASES / 16, "only {} of {CASES} were answered", answered.get());
}
