//! `Prefer` (RFC 7240): what the caller would like, and what of it was done.

use std::collections::BTreeSet;

use transom_query::request::{Count, Resolution};
use transom_types::{Code, Problem};

/// What a write returns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Return {
    /// Nothing.
    Minimal,
    /// `Location` and `Content-Range` only.
    HeadersOnly,
    /// The rows.
    Representation,
}

/// How the transaction ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transaction {
    /// As always.
    Commit,
    /// Nothing is kept: a trial.
    Rollback,
}

/// What the caller would like.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Preferences {
    /// `return`
    pub returning: Option<Return>,
    /// `count`
    pub count: Option<Count>,
    /// `resolution`
    pub resolution: Option<Resolution>,
    /// `missing=default`: `Some(false)` for `missing=null`.
    pub missing_default: Option<bool>,
    /// `handling`: strict or not.
    pub strict: Option<bool>,
    /// `max-affected`
    pub max_affected: Option<u32>,
    /// `tx`
    pub transaction: Option<Transaction>,
    /// `timezone`
    pub timezone: Option<Box<str>>,
    applied: Vec<Box<str>>,
}

impl Preferences {
    /// Adds to `Preference-Applied` what the server did besides (`tx=rollback`, `timezone=…`).
    pub fn note_applied(&mut self, preference: &str) {
        self.applied.push(preference.into());
    }

    /// The value of `Preference-Applied`, when any was.
    pub fn applied(&self) -> Option<String> {
        (!self.applied.is_empty()).then(|| self.applied.join(", "))
    }

    /// A merge that could not be: nothing of it is applied.
    pub fn without_resolution(&mut self) {
        self.applied.retain(|preference| !preference.starts_with("resolution="));
    }

    /// Notes which of the preferences this kind of request honours.
    pub(super) fn apply(&mut self, honoured: &Honoured) {
        let mut applied = |preference: Option<&str>| {
            if let Some(preference) = preference {
                self.applied.push(preference.into());
            }
        };
        applied(self.resolution.filter(|_| honoured.insert).map(resolution_name));
        applied(self.missing_default.filter(|_| honoured.missing).map(missing_name));
        applied(self.returning.filter(|_| honoured.write).map(return_name));
        applied(self.count.map(count_name));
        applied(self.transaction.filter(|_| honoured.compatible).map(transaction_name));
        applied(self.strict.map(|strict| if strict { "handling=strict" } else { "handling=lenient" }));
        if let Some(zone) = &self.timezone {
            self.applied.push(format!("timezone={zone}").into());
        }
        if let Some(rows) = self.max_affected.filter(|_| honoured.max_affected) {
            self.applied.push(format!("max-affected={rows}").into());
        }
        if let Some(transaction) = self.transaction.filter(|_| !honoured.compatible) {
            self.applied.push(transaction_name(transaction).into());
        }
    }
}

/// What a kind of request can honour.
pub(super) struct Honoured {
    pub insert: bool,
    pub write: bool,
    pub missing: bool,
    pub max_affected: bool,
    /// What is applied is said in PostgREST's order.
    pub compatible: bool,
}

/// What of the preferences a deployment can honour.
#[derive(Clone, Copy, Debug)]
pub struct Allowed<'a> {
    /// The time zones that the engine knows; `None` where times are in UTC always.
    pub time_zones: Option<&'a BTreeSet<Box<str>>>,
    /// Whether a request may say how its transaction ends.
    pub transaction: bool,
}

impl Default for Allowed<'_> {
    fn default() -> Self {
        Self { time_zones: None, transaction: true }
    }
}

/// Reads every `Prefer` header. The first of a repeated preference counts (RFC 7240, section 2).
/// Errors: [`Code::PreferInvalid`] with `handling=strict`.
pub fn preferences(headers: &[&str], allowed: &Allowed<'_>) -> Result<Preferences, Problem> {
    let mut preferences = Preferences::default();
    let mut invalid = Vec::new();
    for header in headers {
        for preference in header.split(',').map(str::trim).filter(|preference| !preference.is_empty()) {
            if !read(preference, &mut preferences, allowed) {
                invalid.push(preference);
            }
        }
    }
    if preferences.strict == Some(true) && !invalid.is_empty() {
        let details = format!("Invalid preferences: {}", super::scanner::clip(&invalid.join(", ")));
        return Err(Problem::new(Code::PreferInvalid, "Invalid preferences given with handling=strict")
            .with_details(details)
            .with_hint("Leave them out, or give handling=lenient so that they are ignored"));
    }
    if !allowed.transaction {
        preferences.transaction = None;
    }
    Ok(preferences)
}

/// Whether the preference is one that is known.
fn read(preference: &str, into: &mut Preferences, allowed: &Allowed<'_>) -> bool {
    let Some((name, value)) = preference.split_once('=') else { return false };
    // Parameters after ';' belong to no preference that is known here.
    let value = value.split(';').next().unwrap_or_default().trim().trim_matches('"');
    match name.trim().to_ascii_lowercase().as_str() {
        "return" => first(&mut into.returning, &RETURNS, value),
        "count" => first(&mut into.count, &COUNTS, value),
        "resolution" => first(&mut into.resolution, &RESOLUTIONS, value),
        "missing" => first(&mut into.missing_default, &[("default", true), ("null", false)], value),
        "handling" => first(&mut into.strict, &[("strict", true), ("lenient", false)], value),
        "tx" => first(&mut into.transaction, &TRANSACTIONS, value),
        "max-affected" => match value.parse() {
            Ok(rows) => {
                into.max_affected.get_or_insert(rows);
                true
            }
            Err(_) => false,
        },
        "timezone" => {
            let known = match allowed.time_zones {
                Some(zones) => zones.contains(value),
                None => TIME_ZONES.contains(&value),
            };
            if known {
                into.timezone.get_or_insert_with(|| value.into());
            }
            known
        }
        _ => false,
    }
}

fn first<T: Copy>(place: &mut Option<T>, known: &[(&str, T)], value: &str) -> bool {
    let found = known.iter().find(|(name, _)| *name == value);
    if let Some((_, value)) = found {
        place.get_or_insert(*value);
    }
    found.is_some()
}

/// Times are shown in UTC: where the engine does not do otherwise, no other zone can be had.
const TIME_ZONES: [&str; 3] = ["UTC", "Etc/UTC", "GMT"];

const RETURNS: [(&str, Return); 3] = [
    ("minimal", Return::Minimal),
    ("headers-only", Return::HeadersOnly),
    ("representation", Return::Representation),
];
const COUNTS: [(&str, Count); 3] =
    [("exact", Count::Exact), ("planned", Count::Planned), ("estimated", Count::Estimated)];
const RESOLUTIONS: [(&str, Resolution); 2] =
    [("merge-duplicates", Resolution::Merge), ("ignore-duplicates", Resolution::Ignore)];
const TRANSACTIONS: [(&str, Transaction); 2] =
    [("commit", Transaction::Commit), ("rollback", Transaction::Rollback)];

fn return_name(value: Return) -> &'static str {
    match value {
        Return::Minimal => "return=minimal",
        Return::HeadersOnly => "return=headers-only",
        Return::Representation => "return=representation",
    }
}

fn count_name(value: Count) -> &'static str {
    match value {
        Count::Exact => "count=exact",
        Count::Planned => "count=planned",
        Count::Estimated => "count=estimated",
    }
}

fn resolution_name(value: Resolution) -> &'static str {
    match value {
        Resolution::Merge => "resolution=merge-duplicates",
        Resolution::Ignore => "resolution=ignore-duplicates",
    }
}

fn missing_name(default: bool) -> &'static str {
    if default { "missing=default" } else { "missing=null" }
}

/// How the end of a transaction is said.
pub fn transaction_name(value: Transaction) -> &'static str {
    match value {
        Transaction::Commit => "tx=commit",
        Transaction::Rollback => "tx=rollback",
    }
}
