//! "Perhaps you meant": the nearest name to one that does not exist.

/// The candidate nearest to `name`, when one is near enough to be worth suggesting.
pub fn nearest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let wanted = name.to_lowercase();
    candidates
        .into_iter()
        .map(|candidate| (strsim::damerau_levenshtein(&wanted, &candidate.to_lowercase()), candidate))
        .filter(|(distance, candidate)| *distance <= 1 + name.len().min(candidate.len()) / 3)
        // Half of it must be right: short words are all near to each other.
        .filter(|(distance, candidate)| distance * 2 <= name.len().max(candidate.len()))
        .min_by_key(|(distance, candidate)| (*distance, candidate.len()))
        .map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn suggests_only_what_is_near() {
        let names = ["products", "orders", "order_lines"];
        assert_eq!(nearest("product", names), Some("products"));
        assert_eq!(nearest("Ordres", names), Some("orders"));
        assert_eq!(nearest("zebra", names), None);
        assert_eq!(nearest("eg", ["eq", "gt"]), Some("eq"));
        assert_eq!(nearest("bar", ["nxr", "eq", "is"]), None);
        assert_eq!(nearest("", ["d"]), None);
        assert_eq!(nearest("x", []), None);
    }
}
