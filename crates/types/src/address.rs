//! How the address of a database server is written, an URL or `key=value` pairs, as parameters. What is wrong is told without
//! any value: it may be a password that stands in the wrong place.

/// A parameter's name and its value.
type Parameter = (String, String);

/// What an address says, in its order; of several values of one name the last counts. Errors: what is wrong with it.
pub fn parameters(text: &str) -> Result<Vec<Parameter>, String> {
    let text = text.trim();
    match place(text) {
        Some(place) => of_url(place),
        None => of_pairs(text),
    }
}

/// What stands behind an URL's scheme; `None` of anything else.
pub fn place(text: &str) -> Option<&str> {
    let (scheme, place) = text.split_once("://")?;
    scheme.bytes().all(|letter| letter.is_ascii_alphabetic()).then_some(place)
}

/// `user:password@host:port,host:port/dbname?key=value&…`.
fn of_url(rest: &str) -> Result<Vec<Parameter>, String> {
    let mut parameters = Vec::new();
    let (place, query) = rest.split_once('?').unwrap_or((rest, ""));
    let (authority, database) = place.split_once('/').unwrap_or((place, ""));
    let (credentials, hosts) = authority.rsplit_once('@').unwrap_or(("", authority));
    let (user, password) = credentials.split_once(':').unwrap_or((credentials, ""));
    let (hosts, ports) = hosts_of(hosts)?;
    let parts =
        [("user", user), ("password", password), ("host", &*hosts), ("port", &*ports), ("dbname", database)];
    for (key, value) in parts.into_iter().filter(|(_, value)| !value.is_empty()) {
        parameters.push((key.to_owned(), decoded(key, value)?));
    }
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (key, value) =
            pair.split_once('=').ok_or("a parameter behind its `?` has no `=`: write key=value")?;
        let key = decoded("the name of a parameter", key)?;
        parameters.push(match (key.as_str(), value) {
            // What other drivers call it.
            ("ssl", "true") => ("sslmode".to_owned(), "require".to_owned()),
            _ => (key.clone(), decoded(&key, value)?),
        });
    }
    Ok(parameters)
}

/// The hosts and the ports of `one:5432,[::1],two`, each separated by commas.
fn hosts_of(text: &str) -> Result<(String, String), String> {
    let (mut hosts, mut ports) = (Vec::new(), Vec::new());
    for place in text.split(',') {
        let (host, port) = match place.strip_prefix('[') {
            Some(rest) => {
                let (host, port) =
                    rest.split_once(']').ok_or("host: an address that begins with `[` ends with `]`")?;
                (host, port.strip_prefix(':').unwrap_or(port))
            }
            None => place.split_once(':').unwrap_or((place, "")),
        };
        hosts.push(host);
        ports.push(port);
    }
    let none = |list: &[&str]| list.iter().all(|part| part.is_empty());
    let joined = |list: &[&str]| if none(list) { String::new() } else { list.join(",") };
    Ok((joined(&hosts), joined(&ports)))
}

fn decoded(name: &str, text: &str) -> Result<String, String> {
    let wrong =
        || format!("{name}: `%` is followed by two hexadecimal digits, and `%` itself is written %25");
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let mut digit = || rest.next().and_then(|digit| char::from(digit).to_digit(16));
        let (high, low) = (digit().ok_or_else(wrong)?, digit().ok_or_else(wrong)?);
        bytes.push((high * 16 + low) as u8);
    }
    String::from_utf8(bytes).map_err(|_| format!("{name}: this is not UTF-8"))
}

/// `key = value` pairs; a value with spaces stands in single quotes, and a backslash takes the next letter as it is.
fn of_pairs(text: &str) -> Result<Vec<Parameter>, String> {
    let mut parameters = Vec::new();
    let mut letters = text.chars().peekable();
    loop {
        while letters.next_if(|letter| letter.is_whitespace()).is_some() {}
        if letters.peek().is_none() {
            return Ok(parameters);
        }
        let mut key = String::new();
        while let Some(letter) = letters.next_if(|letter| *letter != '=' && !letter.is_whitespace()) {
            key.push(letter);
        }
        while letters.next_if(|letter| letter.is_whitespace()).is_some() {}
        if letters.next() != Some('=') {
            return Err("it is neither an URL, scheme://user@host/dbname, nor key=value pairs".to_owned());
        }
        while letters.next_if(|letter| letter.is_whitespace()).is_some() {}
        let value = value(&mut letters).ok_or_else(|| format!("{key}: its quote is not closed"))?;
        parameters.push((key, value));
    }
}

fn value(letters: &mut std::iter::Peekable<std::str::Chars<'_>>) -> Option<String> {
    let quoted = letters.next_if_eq(&'\'').is_some();
    let mut value = String::new();
    while let Some(letter) = letters.next() {
        match letter {
            '\\' => value.extend(letters.next()),
            '\'' if quoted => return Some(value),
            letter if !quoted && letter.is_whitespace() => return Some(value),
            letter => value.push(letter),
        }
    }
    (!quoted).then_some(value)
}
