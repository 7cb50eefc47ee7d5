//! `${NAME}` and `${NAME:-default}` in strings; `$${` stands for `${` itself.

/// What became of a string.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Interpolated {
    /// It named no variable.
    Plain(String),
    /// At least one variable is in it.
    Filled(String),
}

/// Why a string cannot be filled in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum InterpolationFault {
    /// A variable that is not set, or empty, and has no default.
    Missing(String),
    /// A `${` without its `}`.
    Unclosed,
    /// What stands between the braces is not a variable's name.
    NotAName(String),
}

/// Fills in variables. An empty variable counts as one that is not set, as `:-` does in a shell: an empty secret is none.
pub fn interpolate(
    text: &str,
    env: &dyn Fn(&str) -> Option<String>,
) -> Result<Interpolated, InterpolationFault> {
    let mut filled = String::with_capacity(text.len());
    let mut rest = text;
    let mut variables = 0;
    while let Some(at) = rest.find("${") {
        if let Some(before) = rest[..at].strip_suffix('$') {
            filled.push_str(before);
            filled.push_str("${");
            rest = &rest[at + 2..];
            continue;
        }
        filled.push_str(&rest[..at]);
        let inside = &rest[at + 2..];
        let end = inside.find('}').ok_or(InterpolationFault::Unclosed)?;
        filled.push_str(&variable(&inside[..end], env)?);
        variables += 1;
        rest = &inside[end + 1..];
    }
    filled.push_str(rest);
    Ok(if variables == 0 { Interpolated::Plain(filled) } else { Interpolated::Filled(filled) })
}

fn variable(inside: &str, env: &dyn Fn(&str) -> Option<String>) -> Result<String, InterpolationFault> {
    let (name, default) = match inside.split_once(":-") {
        Some((name, default)) => (name, Some(default)),
        None => (inside, None),
    };
    let starts_well = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    if !starts_well || !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') {
        return Err(InterpolationFault::NotAName(name.to_owned()));
    }
    let given = env(name).filter(|value| !value.is_empty());
    given.or(default.map(str::to_owned)).ok_or_else(|| InterpolationFault::Missing(name.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: Result<Interpolated, InterpolationFault>) {
        let env = |name: &str| match name {
            "HOST" => Some("db".to_owned()),
            "EMPTY" => Some(String::new()),
            _ => None,
        };
        assert_eq!(interpolate(text, &env), expected, "{text}");
    }

    #[test]
    fn fills_in_variables() {
        let filled = |text: &str| Ok(Interpolated::Filled(text.to_owned()));
        let plain = |text: &str| Ok(Interpolated::Plain(text.to_owned()));
        check("plain", plain("plain"));
        check("${HOST}", filled("db"));
        check("a ${HOST} and ${HOST}!", filled("a db and db!"));
        check("${NONE:-there}", filled("there"));
        check("${EMPTY:-there}", filled("there"));
        check("${NONE:-}", filled(""));
        check("$${HOST}", plain("${HOST}"));
        check("$5 and $HOST", plain("$5 and $HOST"));
        check("ünï${HOST}çode", filled("ünïdbçode"));
        check("${EMPTY}", Err(InterpolationFault::Missing("EMPTY".into())));
        check("${NONE}", Err(InterpolationFault::Missing("NONE".into())));
        check("${HOST", Err(InterpolationFault::Unclosed));
        check("${}", Err(InterpolationFault::NotAName(String::new())));
        check("${a b}", Err(InterpolationFault::NotAName("a b".into())));
    }
}
