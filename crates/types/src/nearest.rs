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

/// The candidates nearest to `name`, as the engine of PostgREST finds them for a column: at most three letters are other, at
/// most half of them, and more than two that are equally near are none.
pub fn nearest_few<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Vec<&'a str> {
    let mut most = 3.min(name.chars().count() / 2);
    let mut near = Vec::new();
    for candidate in candidates {
        let distance = strsim::levenshtein(name, candidate);
        if distance > most {
            continue;
        }
        if distance < most {
            near.clear();
        }
        most = distance;
        near.push(candidate);
    }
    if near.len() > 2 { Vec::new() } else { near }
}

#[cfg(test)]
mod tests {
    use super::{nearest, nearest_few};

    #[test]
    fn suggests_one_column_or_two() {
        let columns = ["username", "user_name", "status"];
        assert_eq!(nearest_few("usernam", columns), ["username"]);
        assert_eq!(nearest_few("userrname", columns), ["username", "user_name"]);
        assert_eq!(nearest_few("stat", columns), ["status"]);
        assert_eq!(nearest_few("id", columns), [""; 0]);
        assert_eq!(nearest_few("a", ["b", "c"]), [""; 0]);
        assert_eq!(nearest_few("abc", ["abd", "abe", "abf"]), [""; 0]);
    }

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
