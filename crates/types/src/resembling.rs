//! The name that most resembles one that does not exist, as PostgREST judges it: by the groups of letters that two names
//! share, three letters long or else two, and the best of those by how many edits lie between them.

use std::collections::BTreeMap;

/// Groups of this length are looked at first, then those of one letter less.
const GROUP_LENGTH_MAX: usize = 3;
const GROUP_LENGTH_MIN: usize = 2;

/// How many candidates are compared letter by letter.
const COMPARED_MAX: usize = 50;

/// What resembles less is not worth suggesting.
const LIKENESS_MIN: f64 = 0.33;

/// The candidate that most resembles `name`, if any does.
pub fn resembling<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let wanted = name.to_lowercase();
    let mut candidates: Vec<(String, &str)> =
        candidates.into_iter().map(|candidate| (candidate.to_lowercase(), candidate)).collect();
    // Of two that resemble it alike, the one without capitals, then by the alphabet.
    candidates.sort_unstable_by(|one, other| ((one.0 != one.1), one.1).cmp(&((other.0 != other.1), other.1)));
    if let Some((_, same)) = candidates.iter().find(|(lower, _)| *lower == wanted) {
        return Some(same);
    }
    let lengths = (GROUP_LENGTH_MIN..=GROUP_LENGTH_MAX).rev();
    lengths.filter_map(|length| by_groups(&wanted, &candidates, length)).next()
}

/// The best of the candidates that share a group of letters with `wanted`.
fn by_groups<'a>(wanted: &str, candidates: &[(String, &'a str)], length: usize) -> Option<&'a str> {
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
        if likeness > LIKENESS_MIN && best.is_none_or(|(most, _)| likeness > most) {
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
    use super::resembling;

    #[test]
    fn finds_what_shares_letters() {
        let names = ["sayhello", "add_them", "unnamed_text_param"];
        assert_eq!(resembling("sayhell", names), Some("sayhello"));
        assert_eq!(resembling("ADD_THEM", names), Some("add_them"));
        assert_eq!(resembling("zzz", names), None);
        assert_eq!(resembling("(nam)", ["(name)"]), Some("(name)"));
        assert_eq!(resembling("(wrong)", ["()", "(a, b)"]), None);
        assert_eq!(resembling("foozle", ["Foo", "foo"]), Some("foo"));
        assert_eq!(resembling("x", []), None);
    }
}
