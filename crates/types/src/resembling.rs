//! The name that most resembles one that does not exist, as PostgREST judges it: by the groups of letters that two names
//! share, three letters long or else two, and the best of those by how many edits lie between them.

use std::collections::BTreeMap;

/// Groups of this length are looked at first, then those of one letter less.
const GROUP_LENGTH_MAX: usize = 3;
const GROUP_LENGTH_MIN: usize = 2;

/// How many candidates are compared letter by letter.
const COMPARED_MAX: usize = 50;

/// How much a name must resemble the one that was asked for, from 0 to 1, to be suggested.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Likeness {
    /// Somewhat: among names that the caller knows already.
    Rough,
    /// Three quarters of it: a guess that is further off would only tell the caller what else there is.
    Close,
}

impl Likeness {
    fn min(self) -> f64 {
        match self {
            Self::Rough => 0.33,
            Self::Close => 0.75,
        }
    }
}

/// The candidate that most resembles `name`, if any does so much.
pub fn resembling<'a>(
    name: &str,
    candidates: impl IntoIterator<Item = &'a str>,
    wanted_likeness: Likeness,
) -> Option<&'a str> {
    let wanted = name.to_lowercase();
    let mut candidates: Vec<(String, &str)> =
        candidates.into_iter().map(|candidate| (candidate.to_lowercase(), candidate)).collect();
    // Of two that resemble it alike, the one without capitals, then by the alphabet.
    candidates.sort_unstable_by(|one, other| ((one.0 != one.1), one.1).cmp(&((other.0 != other.1), other.1)));
    if let Some((_, same)) = candidates.iter().find(|(lower, _)| *lower == wanted) {
        return Some(same);
    }
    let likeness_min = wanted_likeness.min();
    let lengths = (GROUP_LENGTH_MIN..=GROUP_LENGTH_MAX).rev();
    lengths.filter_map(|length| by_groups(&wanted, &candidates, length, likeness_min)).next()
}

/// The best of the candidates that share a group of letters with `wanted`.
fn by_groups<'a>(
    wanted: &str,
    candidates: &[(String, &'a str)],
    length: usize,
    likeness_min: f64,
) -> Option<&'a str> {
    let own = groups(wanted, length);
    let mut shared: Vec<(f64, &(String, &str))> = candidates
        .iter()
        .map(|candidate| (likeness(&own, &groups(&candidate.0, length)), candidate))
        .filter(|(likeness, _)| *likeness > 0.0)
        .collect();
    shared.sort_by(|one, other| other.0.total_cmp(&one.0));
    let edits = |(_, candidate): &(f64, &(String, &'a str))| {
        (strsim::normalized_levenshtein(wanted, &candidate.0), candidate.1)
    };
    let mut best: Option<(f64, &str)> = None;
    for (likeness, candidate) in shared.iter().take(COMPARED_MAX).map(edits) {
        if likeness >= likeness_min && best.is_none_or(|(most, _)| likeness > most) {
            best = Some((likeness, candidate));
        }
    }
    best.map(|(_, candidate)| candidate)
}

/// How often each group of so many letters occurs. A hyphen stands for the beginning and the end.
fn groups(name: &str, length: usize) -> BTreeMap<String, f64> {
    let kept = name.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | ','));
    let mut letters: Vec<char> = std::iter::once('-').chain(kept).chain(std::iter::once('-')).collect();
    while letters.len() < length {
        letters.push('-');
    }
    let mut groups = BTreeMap::new();
    for group in letters.windows(length) {
        *groups.entry(group.iter().collect()).or_insert(0.0) += 1.0;
    }
    groups
}

/// The cosine of the angle between two counts.
fn likeness(one: &BTreeMap<String, f64>, other: &BTreeMap<String, f64>) -> f64 {
    let product: f64 = one.iter().filter_map(|(group, count)| Some(count * other.get(group)?)).sum();
    let length =
        |groups: &BTreeMap<String, f64>| groups.values().map(|count| count * count).sum::<f64>().sqrt();
    product / (length(one) * length(other))
}

#[cfg(test)]
mod tests {
    use super::{Likeness, resembling};

    #[test]
    fn finds_what_shares_letters() {
        let names = ["sayhello", "add_them", "unnamed_text_param"];
        assert_eq!(resembling("sayhell", names, Likeness::Rough), Some("sayhello"));
        assert_eq!(resembling("ADD_THEM", names, Likeness::Rough), Some("add_them"));
        assert_eq!(resembling("zzz", names, Likeness::Rough), None);
        assert_eq!(resembling("(nam)", ["(name)"], Likeness::Rough), Some("(name)"));
        assert_eq!(resembling("(wrong)", ["()", "(a, b)"], Likeness::Rough), None);
        assert_eq!(resembling("foozle", ["Foo", "foo"], Likeness::Rough), Some("foo"));
        assert_eq!(resembling("x", [], Likeness::Rough), None);
    }

    #[test]
    fn finds_only_what_is_close() {
        let tables = ["projects", "factories", "articles", "foo", "car_model_sales", "private_table"];
        let near = |name| resembling(name, tables, Likeness::Close);
        assert_eq!(near("projectx"), Some("projects"));
        assert_eq!(near("projecxx"), Some("projects"));
        for far in ["projxxxx", "fakefake", "garlic", "foozle", "faketable", "car_model_sales_202101"] {
            assert_eq!(near(far), None, "{far}");
            assert!(resembling(far, tables, Likeness::Rough).is_some(), "{far}");
        }
    }
}
