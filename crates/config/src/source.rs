//! Where values come from: the file, then environment variables, then flags; and the faults found on the way.

use std::collections::{BTreeMap, BTreeSet};

use toml::{
    Spanned,
    de::{DeTable, DeValue},
};
use transom_types::nearest::nearest;

use crate::{
    Fault, Mode, Origin, SECTIONS,
    interpolate::{Interpolated, InterpolationFault, interpolate},
    kinds::Setting,
    raw::{Place, Raw, RawKind, integer_of, named},
    section::Key,
};

/// Values by key, and faults.
pub struct Source<'a> {
    file: &'a str,
    text: Option<&'a str>,
    env: &'a dyn Fn(&str) -> Option<String>,
    given: BTreeMap<String, (Raw, Origin)>,
    faults: Vec<Fault>,
    /// Keys whose value is not the one that was meant: what depends on them is not checked.
    faulty: BTreeSet<String>,
    origins: BTreeMap<&'static str, Origin>,
    production: bool,
}

impl<'a> Source<'a> {
    /// Nothing given yet.
    pub(crate) fn new(file: &'a str, text: Option<&'a str>, env: &'a dyn Fn(&str) -> Option<String>) -> Self {
        let (given, faults, faulty) = Default::default();
        Self { file, text, env, given, faults, faulty, origins: BTreeMap::new(), production: false }
    }

    /// Every value of the file. Faults of syntax do not hide the others.
    pub(crate) fn add_file(&mut self) {
        let Some(text) = self.text else { return };
        let (table, errors) = DeTable::parse_recoverable(text);
        let mut broken_lines = BTreeSet::new();
        for error in errors {
            let at = self.place(error.span().map_or(0, |span| span.start));
            broken_lines.insert(at.line);
            let message = format!("this is not TOML: {}", error.message());
            self.fault(at, message, "Correct the syntax; the format is described at toml.io");
        }
        let before = self.faults.len();
        self.add_table("", table.get_ref());
        // What the parser guessed on a broken line says nothing about what was meant.
        let found = self.faults.split_off(before);
        self.faults.extend(found.into_iter().filter(|fault| !broken_lines.contains(&fault.line)));
    }

    fn add_table(&mut self, prefix: &str, table: &DeTable<'_>) {
        for (name, value) in table {
            let path = match prefix {
                "" => name.get_ref().to_string(),
                _ => format!("{prefix}.{}", name.get_ref()),
            };
            let at = self.place(name.span().start);
            if find(&path).is_some() {
                let raw = self.raw(&path, value);
                let origin = Origin::File { file: self.file.to_owned(), line: at.line };
                self.given.insert(path, (raw, origin));
            } else if is_section(&path) {
                match value.get_ref() {
                    DeValue::Table(inner) => self.add_table(&path, inner),
                    _ => self.fault(
                        at,
                        format!("`{path}` is a section, not a value"),
                        format!("Write [{path}] and its keys below it"),
                    ),
                }
            } else {
                let remedy = unknown_key_remedy(prefix, &path);
                self.fault(at, format!("there is no key `{path}`"), remedy);
            }
        }
    }

    fn raw(&mut self, path: &str, value: &Spanned<DeValue<'_>>) -> Raw {
        let at = self.place(value.span().start);
        let kind = match value.get_ref() {
            DeValue::String(text) => self.filled(path, text, at),
            DeValue::Integer(integer) => integer_of(integer.as_str(), integer.radix())
                .map_or(RawKind::Other("too large a number"), RawKind::Integer),
            DeValue::Boolean(value) => RawKind::Bool(*value),
            DeValue::Array(items) => RawKind::List(items.iter().map(|item| self.raw(path, item)).collect()),
            other => RawKind::Other(named(other)),
        };
        Raw { kind, at }
    }

    fn filled(&mut self, path: &str, text: &str, at: Place) -> RawKind {
        let (message, remedy) = match interpolate(text, self.env) {
            Ok(Interpolated::Plain(text)) => return RawKind::Text(text),
            Ok(Interpolated::Filled(text)) => return RawKind::Open(text),
            Err(InterpolationFault::Missing(name)) => (
                format!("`{path}` needs the environment variable {name}, which is not set or empty"),
                format!("Set {name}, or give a default: \"${{{name}:-default}}\""),
            ),
            Err(InterpolationFault::Unclosed) => (
                format!("`{path}` has a `${{` without its `}}`"),
                "Close it, or write `$${` for the characters themselves".to_owned(),
            ),
            Err(InterpolationFault::NotAName(name)) => (
                format!("`{path}` names the environment variable {name:?}, which cannot exist"),
                "Use letters, digits and `_`, or write `$${` for the characters themselves".to_owned(),
            ),
        };
        self.fault(at, message, remedy);
        self.faulty.insert(path.to_owned());
        RawKind::Broken
    }

    /// Variables that override a key; an empty one counts as not set.
    pub(crate) fn add_environment(&mut self) {
        for key in keys() {
            let name = key.variable();
            if let Some(value) = (self.env)(&name).filter(|value| !value.is_empty()) {
                let raw = Raw { kind: RawKind::Open(value), at: Place::default() };
                self.replace(key.path, raw, Origin::Environment(name));
            }
        }
    }

    /// Flags.
    pub(crate) fn add_overrides(&mut self, overrides: &[(String, String, Origin)]) {
        for (path, value, origin) in overrides {
            match find(path) {
                Some(_) => {
                    let raw = Raw { kind: RawKind::Open(value.clone()), at: Place::default() };
                    self.replace(path, raw, origin.clone());
                }
                None => {
                    let prefix = path.rsplit_once('.').map_or("", |(prefix, _)| prefix);
                    let message = format!("there is no key `{path}`");
                    self.fault_from(origin, Place::default(), message, unknown_key_remedy(prefix, path));
                }
            }
        }
    }

    /// An override makes the value it replaces of no account, and the fault in it too.
    fn replace(&mut self, path: &str, raw: Raw, origin: Origin) {
        if self.faulty.remove(path) {
            let about = format!("`{path}` ");
            self.faults.retain(|fault| !fault.message.starts_with(&about));
        }
        self.given.insert(path.to_owned(), (raw, origin));
    }

    /// The mode decides defaults, so it is read before everything else; its own faults are reported in its turn.
    pub(crate) fn settle_mode(&mut self) {
        let mode = self.given.get("server.mode").and_then(|(raw, _)| Mode::read(raw).ok());
        self.production = mode == Some(Mode::Production);
    }

    /// The value of a key; after a fault, its default stands in so that the others can still be checked.
    pub(crate) fn take<T: Setting>(&mut self, path: &'static str) -> Option<T> {
        let key = find(path)?;
        let Some((raw, origin)) = self.given.get(path).cloned() else {
            self.origins.insert(path, Origin::Default);
            return self.default(key);
        };
        self.origins.insert(path, origin.clone());
        if contains_broken(&raw) {
            return self.default(key);
        }
        let misfit = match T::read(&raw) {
            Ok(value) => match out_of_range(key, &value) {
                None => return Some(value),
                Some(message) => (raw.at, message, None),
            },
            Err(misfit) => {
                (misfit.at, format!("`{path}` is {}, not {}", misfit.what, (key.expected)()), misfit.remedy)
            }
        };
        let (at, message, remedy) = misfit;
        self.faulty.insert(path.to_owned());
        let remedy = remedy.unwrap_or_else(|| match key.default {
            "none" => format!("Give {}", key.expectation()),
            default => format!("Give {}; the default is {default}", key.expectation()),
        });
        self.fault_from(&origin, at, message, remedy);
        self.default(key)
    }

    fn default<T: Setting>(&mut self, key: &'static Key) -> Option<T> {
        let text = key.default_in(self.production);
        let kind = RawKind::Open(text.trim_matches('"').to_owned());
        let value = T::read(&Raw { kind, at: Place::default() }).ok();
        if value.is_none() {
            self.fault_at(
                key.path,
                format!("the default of `{}` is not valid", key.path),
                "This is a mistake in Transom",
            );
        }
        value
    }

    /// Reports a fault of a checked value at its key, unless a key it depends on has a fault already.
    pub(crate) fn fault_of(&mut self, keys: &[&str], message: impl Into<String>, remedy: impl Into<String>) {
        if keys.iter().all(|key| !self.faulty.contains(*key)) {
            let first = keys.iter().find(|key| self.given.contains_key(**key)).or(keys.first());
            self.fault_at(first.copied().unwrap_or_default(), message, remedy);
        }
    }

    fn fault_at(&mut self, key: &str, message: impl Into<String>, remedy: impl Into<String>) {
        let start = if self.text.is_some() { Place { line: 1, column: 1 } } else { Place::default() };
        match self.given.get(key).cloned() {
            Some((raw, origin)) => self.fault_from(&origin, raw.at, message, remedy),
            None => self.fault(start, message, remedy),
        }
    }

    fn fault_from(
        &mut self,
        origin: &Origin,
        at: Place,
        message: impl Into<String>,
        remedy: impl Into<String>,
    ) {
        let file = match origin {
            Origin::Default | Origin::File { .. } => self.file.to_owned(),
            Origin::Environment(name) => name.clone(),
            Origin::Flag(flag) => flag.clone(),
        };
        let (message, remedy) = (message.into(), remedy.into());
        self.faults.push(Fault { file, line: at.line, column: at.column, message, remedy });
    }

    fn fault(&mut self, at: Place, message: impl Into<String>, remedy: impl Into<String>) {
        self.fault_from(&Origin::Default, at, message, remedy);
    }

    fn place(&self, offset: usize) -> Place {
        let before = self.text.and_then(|text| text.get(..offset)).unwrap_or_default();
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        let line = before.bytes().filter(|byte| *byte == b'\n').count() as u32 + 1;
        Place { line, column: before[line_start..].chars().count() as u32 + 1 }
    }

    /// The faults, in the order of the file.
    pub(crate) fn into_faults(mut self) -> Vec<Fault> {
        self.faults.sort_by_key(|fault| (fault.line, fault.column));
        self.faults
    }

    /// Where every value came from, when nothing is wrong.
    pub(crate) fn finish(self) -> Result<BTreeMap<&'static str, Origin>, Vec<Fault>> {
        match self.faults.is_empty() {
            true => Ok(self.origins),
            false => Err(self.into_faults()),
        }
    }
}

fn contains_broken(raw: &Raw) -> bool {
    match &raw.kind {
        RawKind::Broken => true,
        RawKind::List(items) => items.iter().any(contains_broken),
        _ => false,
    }
}

fn out_of_range<T: Setting>(key: &Key, value: &T) -> Option<String> {
    let ((least, greatest), number) = (key.range?, value.magnitude()?);
    let show = key.show_magnitude;
    match () {
        _ if number < least => {
            Some(format!("`{}` is {}, below its least value {}", key.path, show(number), show(least)))
        }
        _ if number > greatest => {
            Some(format!("`{}` is {}, above its greatest value {}", key.path, show(number), show(greatest)))
        }
        _ => None,
    }
}

/// Every key.
pub(crate) fn keys() -> impl Iterator<Item = &'static Key> {
    SECTIONS.iter().flat_map(|section| section.keys)
}

fn find(path: &str) -> Option<&'static Key> {
    keys().find(|key| key.path == path)
}

fn is_section(path: &str) -> bool {
    SECTIONS.iter().any(|section| section.path == path)
}

/// The nearest name in the same section, else the same name in another section, else what there is.
fn unknown_key_remedy(prefix: &str, path: &str) -> String {
    let name = path.rsplit('.').next().unwrap_or(path);
    let within = |full: &'static str| match prefix {
        "" => Some(full).filter(|full| !full.contains('.')),
        _ => full.strip_prefix(prefix)?.strip_prefix('.').filter(|rest| !rest.contains('.')),
    };
    let siblings: Vec<&str> = SECTIONS
        .iter()
        .map(|section| section.path)
        .chain(keys().map(|key| key.path))
        .filter_map(within)
        .collect();
    if let Some(near) = nearest(name, siblings.iter().copied()) {
        return format!("Perhaps you meant `{near}`");
    }
    if let Some(key) = keys().find(|key| key.name == name) {
        let section = key.path.trim_end_matches(name).trim_end_matches('.');
        return format!("`{name}` belongs in [{section}]");
    }
    match siblings.is_empty() {
        true => format!("There is no section [{prefix}]; see docs/reference/config.md"),
        false => format!("Here are: {}", siblings.join(", ")),
    }
}
