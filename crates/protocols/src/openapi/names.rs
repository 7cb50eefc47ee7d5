//! Names as the document needs them: component keys, paths.

use std::fmt::Write as _;

/// The key of a component: names beyond `A-Z a-z 0-9 _ -` are told apart by their number.
pub(super) fn component(name: &str, number: u32) -> String {
    let plain = |character: char| character.is_ascii_alphanumeric() || "_-".contains(character);
    if !name.is_empty() && name.chars().all(plain) {
        return name.to_owned();
    }
    let kept: String = name.chars().map(|c| if plain(c) { c } else { '_' }).collect();
    format!("{kept}.{number}")
}

/// A segment of a path: percent-encoded, and so without the braces that mean a parameter.
pub(super) fn segment(name: &str) -> String {
    let mut text = String::with_capacity(name.len());
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            text.push(char::from(byte));
        } else {
            // Writing to a string cannot fail.
            let _ = write!(text, "%{byte:02X}");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn odd_names_are_told_apart() {
        assert_eq!(component("order_lines", 3), "order_lines");
        assert_eq!(component("a.b", 1), "a_b.1");
        assert_ne!(component("größe", 1), component("gräße", 2));
        assert_eq!(segment("a {b}/c"), "a%20%7Bb%7D%2Fc");
    }
}
