//! What counts as an URI, where PostgREST wants one.

/// Whether a token's audience can be that: any text, but with a colon in it an URI.
pub(super) fn is_audience(text: &str) -> bool {
    !text.contains(':') || parts(text).is_some()
}

/// Whether it is an address that clients can be sent to.
pub(super) fn is_web_address(text: &str) -> bool {
    let Some((scheme, rest)) = parts(text) else { return false };
    let Some(rest) = rest.strip_prefix("//") else { return false };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let place = authority.rsplit('@').next().unwrap_or_default();
    let (host, port) = match place.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => (host, port),
        _ => (place, ""),
    };
    let web = ["http", "https"].iter().any(|known| scheme.eq_ignore_ascii_case(known));
    web && !host.is_empty() && (port.is_empty() || port.parse::<u16>().is_ok()) && !rest.contains('?')
}

/// The scheme, and what follows it.
fn parts(text: &str) -> Option<(&str, &str)> {
    let (scheme, rest) = text.split_once(':')?;
    let letters = |byte: u8| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte);
    let named = scheme.starts_with(|first: char| first.is_ascii_alphabetic()) && scheme.bytes().all(letters);
    let mut bytes = rest.bytes();
    while let Some(byte) = bytes.next() {
        let sound = match byte {
            b'%' => bytes.by_ref().take(2).filter(u8::is_ascii_hexdigit).count() == 2,
            _ => byte.is_ascii_alphanumeric() || b"-._~:/?#[]@!$&'()*+,;=".contains(&byte),
        };
        if !sound {
            return None;
        }
    }
    named.then_some((scheme, rest))
}
