//! Rust files as text, with comments, strings and test modules blanked out where a check asks for it.

use std::{fs, path::Path};

use anyhow::Context;

/// A Rust file.
#[derive(Debug)]
pub struct Source {
    /// Relative to the workspace, with `/`.
    pub path: String,
    /// As written.
    pub text: String,
    /// Without comments and test modules: same lines, same columns in bytes. Strings are kept.
    pub code: String,
    /// Without strings too.
    pub bare: String,
}

impl Source {
    /// Reads a file's text.
    pub fn new(path: impl Into<String>, text: impl Into<String>) -> Self {
        let (path, text) = (path.into(), text.into());
        let (code, bare) = (blank(&text, false), blank(&text, true));
        let tests = test_modules(&bare);
        Self { code: without(code, &tests), bare: without(bare, &tests), path, text }
    }

    /// Whether the whole file is test code.
    pub fn is_test(&self) -> bool {
        let in_tests = |part: &str| {
            self.path.starts_with(&format!("{part}/")) || self.path.contains(&format!("/{part}/"))
        };
        in_tests("tests")
            || in_tests("benches")
            || self.path.ends_with("/tests.rs")
            || self.path.contains("/test_")
    }

    /// The line of a byte.
    pub fn line_of(&self, at: usize) -> usize {
        self.text.as_bytes()[..at.min(self.text.len())].iter().filter(|byte| **byte == b'\n').count() + 1
    }

    /// Every place of `pattern` in `within`, as lines.
    pub fn lines_with(&self, within: &str, pattern: &str) -> Vec<usize> {
        within.match_indices(pattern).map(|(at, _)| self.line_of(at)).collect()
    }
}

/// Every Rust file of the workspace.
pub fn load(root: &Path) -> anyhow::Result<Vec<Source>> {
    let mut sources = Vec::new();
    for folder in ["crates", "adapters", "tools", "tests", "benches"] {
        walk(root, &root.join(folder), &mut sources)?;
    }
    sources.sort_by(|a: &Source, b| a.path.cmp(&b.path));
    Ok(sources)
}

fn walk(root: &Path, folder: &Path, sources: &mut Vec<Source>) -> anyhow::Result<()> {
    let Ok(entries) = fs::read_dir(folder) else { return Ok(()) };
    for entry in entries {
        let (path, name) = entry.map(|entry| (entry.path(), entry.file_name()))?;
        if path.is_dir()
            && name != "target"
            && name != "node_modules"
            && !name.to_string_lossy().starts_with('.')
        {
            walk(root, &path, sources)?;
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text =
                fs::read_to_string(&path).with_context(|| format!("{} cannot be read", path.display()))?;
            let relative = path.strip_prefix(root).unwrap_or(&path).to_string_lossy().replace('\\', "/");
            sources.push(Source::new(relative, text));
        }
    }
    Ok(())
}

/// Replaces comments (and strings) by spaces; lines stay where they are.
fn blank(text: &str, strings: bool) -> String {
    let bytes = text.as_bytes();
    let mut out = bytes.to_vec();
    let mut at = 0;
    while at < bytes.len() {
        let (end, hide) = match bytes[at] {
            b'/' if bytes.get(at + 1) == Some(&b'/') => (line_end(bytes, at), true),
            b'/' if bytes.get(at + 1) == Some(&b'*') => (comment_end(bytes, at), true),
            b'"' => (string_end(bytes, at), strings),
            b'r' if !continues_name(bytes, at) && raw_start(bytes, at).is_some() => {
                (raw_end(bytes, at), strings)
            }
            b'\'' => (char_end(bytes, at), strings),
            _ => (at + 1, false),
        };
        if hide {
            out[at..end].iter_mut().filter(|byte| **byte != b'\n').for_each(|byte| *byte = b' ');
        }
        at = end;
    }
    String::from_utf8_lossy(&out).into_owned()
}

fn continues_name(bytes: &[u8], at: usize) -> bool {
    let before = at.checked_sub(1).map(|before| bytes[before]);
    // `br"…"` is a raw string too.
    before.is_some_and(|byte| (byte.is_ascii_alphanumeric() && byte != b'b') || byte == b'_')
}

fn line_end(bytes: &[u8], at: usize) -> usize {
    bytes[at..].iter().position(|byte| *byte == b'\n').map_or(bytes.len(), |length| at + length)
}

fn comment_end(bytes: &[u8], at: usize) -> usize {
    let (mut depth, mut now) = (0, at);
    while now < bytes.len() {
        match bytes[now..] {
            [b'/', b'*', ..] => (depth, now) = (depth + 1, now + 2),
            [b'*', b'/', ..] if depth == 1 => return now + 2,
            [b'*', b'/', ..] => (depth, now) = (depth - 1, now + 2),
            _ => now += 1,
        }
    }
    bytes.len()
}

fn string_end(bytes: &[u8], at: usize) -> usize {
    let mut now = at + 1;
    while now < bytes.len() {
        match bytes[now] {
            b'\\' => now += 2,
            b'"' => return now + 1,
            _ => now += 1,
        }
    }
    bytes.len()
}

/// How many `#` open the raw string at `at`.
fn raw_start(bytes: &[u8], at: usize) -> Option<usize> {
    let hashes = bytes[at + 1..].iter().take_while(|byte| **byte == b'#').count();
    (bytes.get(at + 1 + hashes) == Some(&b'"')).then_some(hashes)
}

fn raw_end(bytes: &[u8], at: usize) -> usize {
    let hashes = raw_start(bytes, at).unwrap_or(0);
    let close = [b"\"".as_slice(), &b"#".repeat(hashes)].concat();
    let start = at + hashes + 2;
    let found =
        bytes.get(start..).and_then(|rest| rest.windows(close.len()).position(|window| window == close));
    found.map_or(bytes.len(), |length| start + length + close.len())
}

/// A character's end; a lifetime is one byte of code.
fn char_end(bytes: &[u8], at: usize) -> usize {
    match bytes.get(at + 1) {
        Some(b'\\') => bytes[at + 3..]
            .iter()
            .position(|byte| *byte == b'\'')
            .map_or(bytes.len(), |length| at + length + 4),
        Some(first) => {
            let width = match first {
                0..0x80 => 1,
                0x80..0xe0 => 2,
                0xe0..0xf0 => 3,
                _ => 4,
            };
            if bytes.get(at + 1 + width) == Some(&b'\'') { at + width + 2 } else { at + 1 }
        }
        None => at + 1,
    }
}

/// The end of the block whose opening brace is the first after `at`; `None` when a `;` comes first.
pub fn block_end(bare: &str, at: usize) -> Option<usize> {
    let bytes = bare.as_bytes();
    let open = at + bytes[at..].iter().position(|byte| *byte == b'{' || *byte == b';')?;
    if bytes[open] == b';' {
        return None;
    }
    let mut depth = 0usize;
    for (offset, byte) in bytes[open..].iter().enumerate() {
        match byte {
            b'{' => depth += 1,
            b'}' if depth == 1 => return Some(open + offset + 1),
            b'}' => depth -= 1,
            _ => {}
        }
    }
    None
}

/// The places of `#[cfg(test)]` items with a body.
fn test_modules(bare: &str) -> Vec<(usize, usize)> {
    let starts = bare.match_indices("#[cfg(test)]").map(|(at, _)| at);
    starts.filter_map(|at| Some((at, block_end(bare, at)?))).collect()
}

fn without(text: String, ranges: &[(usize, usize)]) -> String {
    let mut bytes = text.into_bytes();
    for (start, end) in ranges {
        let end = (*end).min(bytes.len());
        bytes[*start..end].iter_mut().filter(|byte| **byte != b'\n').for_each(|byte| *byte = b' ');
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
