//! The notation that the engine keeps queries in: `{KIND :field value …}`, `(item item …)` and words, where a backslash
//! takes its meaning from the next character. Nothing is built: what is asked for is looked up in the text.

/// The items of a list, or the words and nodes of a node.
pub(super) struct Items<'a>(&'a str);

impl<'a> Iterator for Items<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<&'a str> {
        let rest = self.0.trim_ascii_start();
        let (item, after) =
            rest.split_at_checked(end(rest.as_bytes())).filter(|(item, _)| !item.is_empty())?;
        self.0 = after;
        Some(item)
    }
}

/// Where the first item ends.
fn end(bytes: &[u8]) -> usize {
    let (mut depth, mut at) = (0_u32, 0);
    while at < bytes.len() {
        match bytes[at] {
            b'\\' => at += 1,
            b'{' | b'(' => depth += 1,
            b'}' | b')' if depth <= 1 => return at + 1,
            b'}' | b')' => depth -= 1,
            byte if depth == 0 && byte.is_ascii_whitespace() => return at,
            _ => {}
        }
        at += 1;
    }
    bytes.len()
}

/// What stands between the brackets of a node or list; nothing where it is a word, `<>` for one.
pub(super) fn items(text: &str) -> Items<'_> {
    let within = |open, close| text.strip_prefix(open)?.strip_suffix(close);
    Items(within('{', '}').or_else(|| within('(', ')')).unwrap_or_default())
}

/// The kind of a node.
pub(super) fn kind(node: &str) -> &str {
    items(node).next().unwrap_or_default()
}

/// The first item of a field, which is named without its colon.
pub(super) fn field<'a>(node: &'a str, name: &str) -> Option<&'a str> {
    let mut rest = items(node).skip(1).peekable();
    while let Some(found) = rest.next() {
        // What follows a name is its value even if it looks like a name.
        let value = rest.next()?;
        if found.strip_prefix(':') == Some(name) {
            return Some(value);
        }
        while rest.next_if(|item| !item.starts_with(':')).is_some() {}
    }
    None
}

/// The number in a field.
pub(super) fn number<T: std::str::FromStr>(node: &str, name: &str) -> Option<T> {
    field(node, name)?.parse().ok()
}
