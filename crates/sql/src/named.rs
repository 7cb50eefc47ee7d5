//! `queries/NAME.sql`: handwritten statements with named parameters, served under `/rpc/NAME`.
//!
//! Leading comments say what the statement takes and returns; the rest of them is the function's comment:
//!
//! ```sql
//! -- Products that sell best.
//! -- param since date default '2020-01-01'
//! -- param count integer default 10
//! -- returns rows
//! SELECT … WHERE placed_at >= :since LIMIT :count
//! ```

use transom_query::catalog::{Fragment, Function, FunctionParam, Returns};
use transom_types::{Code, DataType, Problem};

use crate::Dialect;

/// Reads one file. `file` is its path: the name without `.sql` is the function's.
/// Errors: every fault, with its line.
pub fn parse(file: &str, text: &str) -> Result<Function, Vec<Problem>> {
    let name = file.rsplit(['/', '\\']).next().unwrap_or(file).trim_end_matches(".sql");
    let mut reader = Reader { file, problems: Vec::new() };
    let head = reader.head(text);
    let body = reader.body(text, &head);
    if !reader.problems.is_empty() {
        return Err(reader.problems);
    }
    Ok(Function {
        name: name.into(),
        params: head.params,
        columns: Vec::new(),
        read_only: false,
        returns: head.returns,
        body,
        executable: true,
        comment: (!head.comment.is_empty()).then(|| head.comment.join("\n").into()),
        engine: None,
    })
}

/// The statement with numbered placeholders, for an engine to describe.
pub fn described_text(dialect: &dyn Dialect, function: &Function) -> String {
    let mut text = String::new();
    let mut claims = function.params.len();
    for fragment in &function.body {
        let (number, data_type) = match fragment {
            Fragment::Text(part) => {
                text.push_str(part);
                continue;
            }
            Fragment::Param(at) => {
                let of = function.params.get(usize::from(*at));
                (usize::from(*at) + 1, of.map_or(DataType::Any, |param| param.data_type))
            }
            Fragment::Claim(_) | Fragment::Role => {
                claims += 1;
                (claims, DataType::Text)
            }
        };
        let mut placeholder = String::new();
        dialect.placeholder(&mut placeholder, number);
        dialect.typed(&mut text, &placeholder, data_type);
    }
    text
}

struct Head {
    params: Vec<FunctionParam>,
    /// On which line each is declared.
    lines: Vec<usize>,
    returns: Returns,
    comment: Vec<String>,
    /// Where the statement begins, in bytes, and on which line.
    end: usize,
    line: usize,
}

struct Reader<'a> {
    file: &'a str,
    problems: Vec<Problem>,
}

impl Reader<'_> {
    fn fault(&mut self, line: usize, message: impl std::fmt::Display, hint: &str) {
        let problem = Problem::new(Code::QueryFileInvalid, format!("{}:{line}: {message}", self.file));
        self.problems.push(if hint.is_empty() { problem } else { problem.with_hint(hint) });
    }

    fn head(&mut self, text: &str) -> Head {
        let mut head = Head {
            params: Vec::new(),
            lines: Vec::new(),
            returns: Returns::Rows,
            comment: Vec::new(),
            end: 0,
            line: 1,
        };
        for line in text.split_inclusive('\n') {
            let trimmed = line.trim();
            if !trimmed.is_empty() {
                let Some(comment) = trimmed.strip_prefix("--") else { break };
                self.directive(comment.trim(), &mut head);
            }
            head.end += line.len();
            head.line += 1;
        }
        head
    }

    fn directive(&mut self, comment: &str, head: &mut Head) {
        let (word, rest) = comment.split_once(char::is_whitespace).unwrap_or((comment, ""));
        match word {
            "param" => {
                if let Some(param) = self.param(rest.trim(), head.line) {
                    if head.params.iter().any(|known| known.name == param.name) {
                        self.fault(head.line, format!("parameter '{}' is there twice", param.name), "");
                    }
                    head.params.push(param);
                    head.lines.push(head.line);
                }
            }
            "returns" => match rest.trim() {
                "rows" => head.returns = Returns::Rows,
                "row" => head.returns = Returns::Row,
                "scalar" => head.returns = Returns::Scalar,
                "nothing" => head.returns = Returns::Nothing,
                other => self.fault(
                    head.line,
                    format!("'{other}' is no form of a result"),
                    "rows, row, scalar or nothing",
                ),
            },
            _ => head.comment.push(comment.to_owned()),
        }
    }

    /// `NAME TYPE [default LITERAL]`
    fn param(&mut self, text: &str, line: usize) -> Option<FunctionParam> {
        let (declared, default) = match text.split_once(" default ") {
            Some((declared, default)) => (declared, Some(default.trim())),
            None => (text, None),
        };
        let (name, type_name) = declared.trim().split_once(char::is_whitespace).unwrap_or((declared, ""));
        let Some(data_type) = DataType::from_cast_name(type_name.trim()) else {
            self.fault(line, format!("parameter '{name}' has no known type: '{}'", type_name.trim()),
                "Write -- param NAME TYPE [default LITERAL], with a type such as integer, text, numeric, boolean, date, timestamp, json, uuid");
            return None;
        };
        if !name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') || !name.bytes().all(is_name) {
            self.fault(line, format!("'{name}' is no parameter name"), "Letters, digits and _");
            return None;
        }
        let default = match default {
            None => None,
            Some(null) if null.eq_ignore_ascii_case("null") => Some(None),
            Some(literal) => {
                let literal =
                    literal.strip_prefix('\'').and_then(|rest| rest.strip_suffix('\'')).unwrap_or(literal);
                let literal = literal.replace("''", "'");
                if data_type.parse(&literal).is_none() {
                    self.fault(
                        line,
                        format!("the default of '{name}' is not of type {}", data_type.name()),
                        "",
                    );
                }
                Some(Some(literal.into()))
            }
        };
        Some(FunctionParam { name: name.into(), data_type, default, engine: None })
    }

    /// Cuts parameters and `auth.…()` out of the statement; strings, quoted names and comments are left as they are.
    fn body(&mut self, text: &str, head: &Head) -> Vec<Fragment> {
        let (from, first_line, params) = (head.end, head.line, &head.params);
        let mut fragments = Vec::new();
        let mut used = vec![false; params.len()];
        let (mut plain, mut at, mut ended) = (from, from, false);
        let line_at = |at: usize| first_line + text[from..at].matches('\n').count();
        while at < text.len() {
            let rest = &text[at..];
            if let Some((length, closed)) = opaque(rest) {
                if !closed {
                    self.unclosed(rest, line_at(at));
                }
                at += length;
                continue;
            }
            let first = rest.chars().next().unwrap_or(' ');
            if ended && !first.is_whitespace() {
                self.fault(line_at(at), "there is more than one statement", "One statement a file");
                break;
            }
            let cut = match first {
                ';' => {
                    fragments.push(Fragment::Text(text[plain..at].into()));
                    (ended, plain) = (true, text.len());
                    at += 1;
                    continue;
                }
                ':' if rest.starts_with("::") => {
                    at += 2;
                    continue;
                }
                ':' => self.placeholder(rest, line_at(at), params, &mut used),
                '?' | '@' | '$' => {
                    self.foreign(rest, line_at(at));
                    None
                }
                'a' | 'A' if boundary(text, at) => claim(rest),
                _ => None,
            };
            match cut {
                Some((fragment, length)) => {
                    fragments.push(Fragment::Text(text[plain..at].into()));
                    fragments.push(fragment);
                    at += length;
                    plain = at;
                }
                None => at += first.len_utf8(),
            }
        }
        fragments.push(Fragment::Text(text[plain.min(text.len())..].trim_end().into()));
        fragments.retain(|fragment| !matches!(fragment, Fragment::Text(text) if text.is_empty()));
        for ((param, line), used) in params.iter().zip(&head.lines).zip(used) {
            if !used {
                self.fault(
                    *line,
                    format!("parameter '{}' is not used", param.name),
                    &format!("Write :{} in the statement", param.name),
                );
            }
        }
        if fragments.iter().all(|fragment| matches!(fragment, Fragment::Text(text) if text.trim().is_empty()))
        {
            self.fault(first_line, "there is no statement", "");
        }
        fragments
    }

    fn unclosed(&mut self, rest: &str, line: usize) {
        let opened: String = rest.chars().take(2).collect();
        self.fault(line, format!("what begins with {} is not closed", opened.trim_end()), "");
    }

    /// A parameter in an engine's own spelling, to which nothing would be bound.
    fn foreign(&mut self, rest: &str, line: usize) {
        let named = rest[1..].bytes().take_while(|byte| is_name(*byte)).count();
        if rest.starts_with('?') || named > 0 {
            self.fault(
                line,
                format!("'{}' is no parameter here", &rest[..1 + named]),
                "Declare it with -- param NAME TYPE, and write :NAME",
            );
        }
    }

    fn placeholder(
        &mut self,
        rest: &str,
        line: usize,
        params: &[FunctionParam],
        used: &mut [bool],
    ) -> Option<(Fragment, usize)> {
        let length = rest[1..].bytes().take_while(|byte| is_name(*byte)).count();
        let name = &rest[1..1 + length];
        if name.is_empty() {
            return None;
        }
        let Some(at) = params.iter().position(|param| &*param.name == name) else {
            self.fault(
                line,
                format!("parameter ':{name}' is not declared"),
                &format!("Add -- param {name} TYPE"),
            );
            return None;
        };
        used[at] = true;
        Some((Fragment::Param(at as u16), 1 + length))
    }
}

fn is_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

/// Whether a word may begin here.
fn boundary(text: &str, at: usize) -> bool {
    at == 0 || !text.as_bytes().get(at - 1).is_some_and(|byte| is_name(*byte) || *byte == b'.')
}

/// The length of a string, quoted name or comment that begins here, and whether it ends.
fn opaque(rest: &str) -> Option<(usize, bool)> {
    let until = |start: usize, end: &str| match rest[start..].find(end) {
        Some(at) => (start + at + end.len(), true),
        None => (rest.len(), false),
    };
    match rest.as_bytes() {
        // The last line needs no end.
        [b'-', b'-', ..] => Some((until(2, "\n").0, true)),
        [b'/', b'*', ..] => Some(until(2, "*/")),
        [b'\'', ..] => Some(until(1, "'")),
        [b'"', ..] => Some(until(1, "\"")),
        [b'`', ..] => Some(until(1, "`")),
        // `$$…$$` and `$name$…$name$`.
        [b'$', ..] => {
            let name = rest[1..].bytes().take_while(|byte| is_name(*byte)).count();
            let quote = rest.get(..name + 2).filter(|quote| quote.ends_with('$'))?;
            Some(until(quote.len(), quote))
        }
        _ => None,
    }
}

/// `auth.uid()`, `auth.role()`, `auth.email()`, `auth.jwt()`, the last with `->` and `->>` steps.
fn claim(rest: &str) -> Option<(Fragment, usize)> {
    let begins = |call: &str| rest.get(..call.len()).is_some_and(|start| start.eq_ignore_ascii_case(call));
    for (call, fragment) in [
        ("auth.uid()", Fragment::Claim(vec!["sub".into()])),
        ("auth.role()", Fragment::Role),
        ("auth.email()", Fragment::Claim(vec!["email".into()])),
    ] {
        if begins(call) {
            return Some((fragment, call.len()));
        }
    }
    if !begins("auth.jwt()") {
        return None;
    }
    let (mut path, mut length) = (Vec::new(), "auth.jwt()".len());
    loop {
        let after = &rest[length..];
        let spaces = after.len() - after.trim_start().len();
        let Some(step) = after.trim_start().strip_prefix("->") else { break };
        let marker = after.len() - spaces - step.len();
        let (step, more) = match step.strip_prefix('>') {
            Some(step) => (step, 1),
            None => (step, 0),
        };
        let inner = step.trim_start();
        let Some((key, _)) = inner.strip_prefix('\'').and_then(|inner| inner.split_once('\'')) else { break };
        length += spaces + marker + more + (step.len() - inner.len()) + key.len() + 2;
        path.push(key.into());
    }
    Some((Fragment::Claim(path), length))
}

#[cfg(test)]
mod tests;
