#![allow(clippy::unwrap_used)]

use std::{collections::BTreeMap, fs, path::Path};

use super::{lists::*, source::Source, *};
use crate::metadata::{Metadata, Package};

/// What the checks of text find in one file, as `line: what`.
fn check(path: &str, text: &str, lists: &Lists, expected: &[&str]) {
    let sources = [Source::new(path, text)];
    let mut findings = lengths::check(&sources, lists);
    findings.extend(places::check(&sources, lists));
    findings.extend(docs::check(&sources));
    findings.sort();
    let found: Vec<String> =
        findings.iter().map(|finding| format!("{}: {}", finding.line, finding.what)).collect();
    assert_eq!(found, expected, "{path}");
    assert!(findings.iter().all(|finding| !finding.why.is_empty()));
}

const DOC: &str = "//! Says what it is for.\n";

fn code(text: &str) -> String {
    format!("{DOC}{text}")
}

#[test]
fn comments_strings_and_test_modules_are_told_apart() {
    let source = Source::new(
        "crates/x/src/lib.rs",
        "let a = \"// not a comment .unwrap()\"; // .unwrap()\n/* .unwrap() /* nested */ */ let b = 'x'; let c: &'static str = r#\"\".unwrap()\"#;\nlet d = '\\''; d.unwrap();\n#[cfg(test)]\nmod tests { fn f() { x.unwrap() } }\n",
    );
    assert_eq!(source.lines_with(&source.bare, ".unwrap()"), [3]);
    assert_eq!(source.lines_with(&source.code, ".unwrap()"), [1, 2, 3]);
    assert_eq!(source.bare.lines().count(), source.text.lines().count());
}

#[test]
fn panics_are_found_unless_allowed_with_a_reason() {
    let text = code("fn f() {\n    a.unwrap();\n    b.expect(\"x\");\n}\n");
    check("crates/x/src/a.rs", &text, &Lists::default(), &["3: 2 places can panic; 0 are allowed"]);
    check("tests/x/src/a.rs", &text, &Lists::default(), &[]);
    let parser = code("fn f() { scanner.expect(b')', &(a, b))?; cursor.expect(\"ON\").map_err(g)?; }\n");
    check("crates/x/src/a.rs", &parser, &Lists::default(), &[]);
    let allow = |at_most, reason: &str| Lists {
        panics: BTreeMap::from([(
            "crates/x/src/a.rs".to_owned(),
            Allowance { at_most, reason: reason.to_owned() },
        )]),
        ..Lists::default()
    };
    check("crates/x/src/a.rs", &text, &allow(2, "cannot fail"), &[]);
    check("crates/x/src/a.rs", &text, &allow(1, "cannot fail"), &["4: 2 places can panic; 1 are allowed"]);
    check(
        "crates/x/src/a.rs",
        &text,
        &allow(3, "cannot fail"),
        &["0: `crates/x/src/a.rs` has 2 places, not 3"],
    );
    check("crates/x/src/a.rs", &text, &allow(2, ""), &["3: 2 places can panic; 0 are allowed"]);
}

#[test]
fn engines_are_named_only_at_home() {
    let text = code("/// SQLite does this.\nconst A: &str = \"PostgREST\";\nconst B: &str = \"sqlite:x\";\n");
    check("crates/server/src/a.rs", &text, &Lists::default(), &["4: names an engine"]);
    check("crates/sql/src/a.rs", &text, &Lists::default(), &[]);
    check("adapters/x/src/a.rs", &text, &Lists::default(), &[]);
    let lists = Lists {
        engine_names: BTreeMap::from([("crates/server/src/a.rs".to_owned(), "why".to_owned())]),
        ..Lists::default()
    };
    check("crates/server/src/a.rs", &text, &lists, &[]);
    check("crates/server/src/b.rs", DOC, &lists, &["0: `crates/server/src/a.rs` is no longer an exception"]);
}

#[test]
fn statuses_are_written_only_by_the_reply() {
    let text = code("fn f() { StatusCode::NOT_FOUND; }\n");
    check("crates/server/src/edge.rs", &text, &Lists::default(), &["2: writes an HTTP status"]);
    check("crates/server/src/reply/mod.rs", &text, &Lists::default(), &[]);
}

#[test]
fn escape_hatches_have_listed_callers_and_the_list_only_shrinks() {
    let text = code("fn f() { p.system(); p.system(); }\n");
    let hatch = |uses| Lists {
        hatches: vec![Hatch {
            pattern: ".system()".to_owned(),
            reason: "no policies".to_owned(),
            callers: BTreeMap::from([("crates/x/src/a.rs".to_owned(), uses)]),
        }],
        ..Lists::default()
    };
    check("crates/x/src/a.rs", &text, &hatch(2), &[]);
    check(
        "crates/x/src/a.rs",
        &text,
        &hatch(1),
        &["2: uses `.system()` 2 times; 1 are listed (no policies)"],
    );
    check("crates/x/src/a.rs", &text, &hatch(3), &["0: `crates/x/src/a.rs` uses `.system()` 2 times, not 3"]);
    let tests = code("#[cfg(test)]\nmod tests { fn f() { p.system(); } }\n");
    check("crates/x/src/b.rs", &tests, &Lists::default(), &[]);
}

#[test]
fn long_files_and_functions_want_a_reason() {
    let long = code(&format!("fn short() {{}}\nfn long() {{\n{}}}\n", "    a();\n".repeat(80)));
    check("crates/x/src/a.rs", &long, &Lists::default(), &["3: `long` has 82 lines, more than 70"]);
    let longer = code(&"const A: u8 = 1;\n".repeat(600));
    check("crates/x/src/a.rs", &longer, &Lists::default(), &["0: 601 lines, more than 500"]);
    let allow = |at_most| Lists {
        long_files: BTreeMap::from([(
            "crates/x/src/a.rs".to_owned(),
            Allowance { at_most, reason: "a table".to_owned() },
        )]),
        ..Lists::default()
    };
    check("crates/x/src/a.rs", &longer, &allow(601), &[]);
    check(
        "crates/x/src/a.rs",
        &longer,
        &allow(600),
        &["0: 601 lines, more than 500 (and than the 600 that were allowed)"],
    );
    check("crates/x/src/a.rs", DOC, &allow(601), &["0: `crates/x/src/a.rs` is no longer too long"]);
}

#[test]
fn modules_say_what_they_are_for() {
    check("crates/x/src/a.rs", "fn f() {}\n", &Lists::default(), &["1: does not say what it is for"]);
    check("crates/x/src/a.rs", "//! .\n", &Lists::default(), &["1: does not say what it is for"]);
    check("crates/x/src/tests.rs", "fn f() {}\n", &Lists::default(), &[]);
}

fn package(folder: &str, name: &str, floor: Option<u64>, needs: &[&str]) -> Package {
    let metadata =
        floor.map_or(serde_json::Value::Null, |floor| serde_json::json!({ "transom": { "floor": floor } }));
    let needs: Vec<_> = needs
        .iter()
        .map(|need| match need.strip_prefix("dev ") {
            Some(name) => serde_json::json!({ "name": name, "kind": "dev" }),
            None => serde_json::json!({ "name": need, "kind": null }),
        })
        .collect();
    serde_json::from_value(serde_json::json!({
        "name": name, "manifest_path": format!("/w/{folder}/{name}/Cargo.toml"), "dependencies": needs, "metadata": metadata,
    }))
    .unwrap()
}

#[test]
fn crates_stand_on_lower_floors_alone() {
    let packages = vec![
        package("crates", "a", Some(0), &["serde", "tokio"]),
        package("crates", "b", Some(1), &["a", "c"]),
        package("crates", "c", Some(1), &["a", "dev server"]),
        package("crates", "d", Some(3), &["b", "e", "adapter"]),
        package("crates", "e", Some(3), &["b", "server"]),
        package("adapters", "adapter", Some(2), &["b"]),
        package("crates", "server", Some(4), &["d", "tokio"]),
        package("crates", "top", Some(5), &["server", "adapter"]),
        package("crates", "none", None, &[]),
        package("tests", "kit", Some(6), &["adapter"]),
        package("tests", "spec", Some(6), &["kit"]),
    ];
    let workspace = Metadata { packages, target_directory: "target".into() };
    let found: Vec<String> =
        floors::check(Path::new("/w"), &workspace).iter().map(|f| format!("{} {}", f.path, f.what)).collect();
    let expected = [
        "crates/a/Cargo.toml floor 0 depends on `tokio`",
        "crates/d/Cargo.toml floor 3 depends on `e` of floor 3",
        "crates/d/Cargo.toml names the adapter `adapter`",
        "crates/e/Cargo.toml floor 3 depends on `server` of floor 4",
        "crates/none/Cargo.toml has no floor: add `[package.metadata.transom] floor = N`",
    ];
    assert_eq!(found, expected);
    let sources = [
        Source::new(
            "crates/a/src/lib.rs",
            "fn f() { Instant::now(); }\n#[cfg(test)]\nmod tests { fn g() { std::fs::read(); } }",
        ),
        Source::new("crates/server/src/lib.rs", "fn f() { Instant::now(); }"),
    ];
    let impure = purity::check(Path::new("/w"), &workspace, &sources);
    assert_eq!(
        impure.iter().map(|f| (f.path.as_str(), f.line)).collect::<Vec<_>>(),
        [("crates/a/src/lib.rs", 1)]
    );
}

#[test]
fn files_are_found_in_a_tree_and_lists_are_read() {
    let tree = tempfile::tempdir().unwrap();
    for (path, text) in [
        ("crates/x/src/lib.rs", DOC),
        ("crates/x/target/no.rs", ""),
        ("tests/e2e/node_modules/no.rs", ""),
        ("docs/no.rs", ""),
        (
            "tools/xtask/long_files.toml",
            "\"crates/x/src/lib.rs\" = { at_most = 600, reason = \"a table\" }\n",
        ),
        (
            "tools/xtask/escape_hatches.toml",
            "[[hatch]]\npattern = \".system()\"\nreason = \"r\"\ncallers = { \"a.rs\" = 1 }\n",
        ),
    ] {
        let path = tree.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    let paths: Vec<String> =
        source::load(tree.path()).unwrap().into_iter().map(|source| source.path).collect();
    assert_eq!(paths, ["crates/x/src/lib.rs"]);
    let lists = lists::load(&tree.path().join("tools/xtask")).unwrap();
    assert_eq!((lists.long_files.len(), lists.hatches.len(), lists.panics.len()), (1, 1, 0));
}
