//! The file: `key = value` lines; texts in quotes, numbers, truth values; `#` begins a comment; `$(NAME)` is a variable.

use std::collections::BTreeMap;

use crate::{Fault, Origin};

/// A value and where it stands.
pub(super) type Given = BTreeMap<String, (String, Origin)>;

/// Every value of the file.
pub(super) fn values(
    file: &str,
    text: &str,
    env: &dyn Fn(&str) -> Option<String>,
    faults: &mut Vec<Fault>,
) -> Given {
    let mut given = Given::new();
    for (number, line) in (1u32..).zip(text.lines()) {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let mut fault = |message: String, remedy: &str| {
            faults.push(Fault {
                file: file.to_owned(),
                line: number,
                column: 1,
                message,
                remedy: remedy.to_owned(),
            });
        };
        let Some((key, value)) = line.split_once('=') else {
            fault("this line has no `=`".to_owned(), "Write key = \"value\"");
            continue;
        };
        match value_of(value.trim(), env) {
            Some(value) => {
                let origin = Origin::File { file: file.to_owned(), line: number };
                given.insert(key.trim().to_owned(), (value, origin));
            }
            None => fault(
                format!("the value of `{}` is not closed", key.trim()),
                "Texts stand in double quotes, on one line",
            ),
        }
    }
    given
}

fn value_of(text: &str, env: &dyn Fn(&str) -> Option<String>) -> Option<String> {
    let Some(inner) = text.strip_prefix('"') else {
        let plain = text.split('#').next().unwrap_or_default();
        return Some(plain.trim().to_owned());
    };
    let mut value = String::new();
    let mut rest = inner.chars();
    loop {
        match rest.next()? {
            '"' => return Some(filled(&value, env)),
            '\\' => match rest.next()? {
                'n' => value.push('\n'),
                't' => value.push('\t'),
                'r' => value.push('\r'),
                other => value.push(other),
            },
            other => value.push(other),
        }
    }
}

/// `$(NAME)` becomes the variable; an unknown one is nothing.
fn filled(text: &str, env: &dyn Fn(&str) -> Option<String>) -> String {
    let mut filled = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("$(") {
        filled.push_str(before);
        match after.split_once(')') {
            Some((name, after)) => {
                filled.push_str(&env(name).unwrap_or_default());
                rest = after;
            }
            None => {
                filled.push_str("$(");
                rest = after;
            }
        }
    }
    filled.push_str(rest);
    filled
}
