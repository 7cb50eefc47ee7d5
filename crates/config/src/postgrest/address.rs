//! The database's address as libpq reads it: an URL or `key=value` pairs; what it leaves out is the environment's.

/// The environment's names for what an address may say, and where the address itself says it.
const VARIABLES: [(&str, &str); 21] = [
    ("PGHOST", "host"),
    ("PGPORT", "port"),
    ("PGUSER", "user"),
    ("PGPASSWORD", "password"),
    ("PGDATABASE", "dbname"),
    ("PGHOSTADDR", "hostaddr"),
    ("PGOPTIONS", "options"),
    ("PGCONNECT_TIMEOUT", "connect_timeout"),
    ("PGCLIENTENCODING", "client_encoding"),
    ("PGCHANNELBINDING", "channel_binding"),
    ("PGGSSENCMODE", "gssencmode"),
    ("PGSSLMODE", "sslmode"),
    ("PGSSLNEGOTIATION", "sslnegotiation"),
    ("PGSSLROOTCERT", "sslrootcert"),
    ("PGSSLCERT", "sslcert"),
    ("PGSSLKEY", "sslkey"),
    ("PGSSLMINPROTOCOLVERSION", "ssl_min_protocol_version"),
    ("PGSSLMAXPROTOCOLVERSION", "ssl_max_protocol_version"),
    ("PGAPPNAME", "application_name"),
    ("PGTARGETSESSIONATTRS", "target_session_attrs"),
    ("PGLOADBALANCEHOSTS", "load_balance_hosts"),
];

/// The whole address, as an URL.
pub(super) fn filled(text: &str, env: &dyn Fn(&str) -> Option<String>) -> String {
    let (mut url, mut said) = match text.split_once("://") {
        Some((_, rest)) => (text.to_owned(), said_in_url(rest)),
        None => {
            let pairs = pairs(text);
            let said = pairs.iter().map(|(key, _)| key.clone()).collect();
            let mut url = "postgresql:///".to_owned();
            pairs.iter().for_each(|(key, value)| add(&mut url, key, value));
            (url, said)
        }
    };
    for (variable, key) in VARIABLES {
        let given = env(variable).filter(|value| !value.is_empty());
        if let Some(value) = given.filter(|_| !said.iter().any(|said| said == key)) {
            add(&mut url, key, &value);
            said.push(key.to_owned());
        }
    }
    if !said.iter().any(|said| said == "host" || said == "hostaddr") {
        add(&mut url, "host", "localhost");
    }
    url
}

fn add(url: &mut String, key: &str, value: &str) {
    // A place without a path needs one before its parameters.
    let place = url.split_once("://").map_or("", |(_, rest)| rest);
    if !place.contains(['/', '?']) {
        url.push('/');
    }
    url.push(if url.contains('?') { '&' } else { '?' });
    url.push_str(key);
    url.push('=');
    for byte in value.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b',' | b'/' => {
                url.push(char::from(byte));
            }
            _ => url.push_str(&format!("%{byte:02X}")),
        }
    }
}

/// What an URL says: `user:password@host:port/dbname?key=value`.
fn said_in_url(rest: &str) -> Vec<String> {
    let (place, parameters) = rest.split_once('?').unwrap_or((rest, ""));
    let (authority, database) = place.split_once('/').unwrap_or((place, ""));
    let (user, host) = authority.rsplit_once('@').unwrap_or(("", authority));
    let (user, password) = user.split_once(':').unwrap_or((user, ""));
    let port = host.rsplit_once(':').map_or("", |(_, port)| port.trim_end_matches(']'));
    let host = if host.starts_with(':') { "" } else { host };
    let parts =
        [("user", user), ("password", password), ("host", host), ("port", port), ("dbname", database)];
    let said = parts.into_iter().filter(|(_, value)| !value.is_empty()).map(|(key, _)| key);
    let parameters = parameters.split('&').filter_map(|pair| Some(pair.split_once('=')?.0));
    said.chain(parameters).map(str::to_owned).collect()
}

/// `key = value` pairs; a value with spaces stands in single quotes, and a backslash takes the next letter as it is.
fn pairs(text: &str) -> Vec<(String, String)> {
    let mut pairs = Vec::new();
    let mut rest = text.trim();
    while let Some((key, after)) = rest.split_once('=') {
        let after = after.trim_start();
        let (mut value, mut letters) = (String::new(), after.char_indices().peekable());
        let quoted = letters.next_if(|(_, letter)| *letter == '\'').is_some();
        let mut end = after.len();
        while let Some((at, letter)) = letters.next() {
            match letter {
                '\\' => value.extend(letters.next().map(|(_, letter)| letter)),
                '\'' if quoted => {
                    end = at + 1;
                    break;
                }
                letter if !quoted && letter.is_whitespace() => {
                    end = at;
                    break;
                }
                letter => value.push(letter),
            }
        }
        pairs.push((key.trim().to_owned(), value));
        rest = after[end..].trim_start();
    }
    pairs
}

#[cfg(test)]
mod tests {
    use super::filled;

    fn check(text: &str, expected: &str) {
        let env = |name: &str| match name {
            "PGUSER" => Some("app".to_owned()),
            "PGPASSWORD" => Some("a b&c".to_owned()),
            "PGDATABASE" => Some("shop".to_owned()),
            _ => None,
        };
        assert_eq!(filled(text, &env), expected, "{text}");
    }

    #[test]
    fn the_environment_fills_what_is_left_out() {
        check("postgresql://", "postgresql:///?user=app&password=a%20b%26c&dbname=shop&host=localhost");
        check("postgresql://u:p@db:5433/other", "postgresql://u:p@db:5433/other");
        check("postgres://db", "postgres://db/?user=app&password=a%20b%26c&dbname=shop");
        check("postgresql:///x?host=/run/pg", "postgresql:///x?host=/run/pg&user=app&password=a%20b%26c");
        check(
            r"host=db user='a \' b' dbname=x",
            "postgresql:///?host=db&user=a%20%27%20b&dbname=x&password=a%20b%26c",
        );
        let encrypted = |name: &str| match name {
            "PGSSLMODE" => Some("verify-full".to_owned()),
            "PGSSLROOTCERT" => Some("/etc/ca.pem".to_owned()),
            "PGSSLCERT" => Some("/etc/me.pem".to_owned()),
            "PGSSLKEY" => Some("/etc/me.key".to_owned()),
            _ => None,
        };
        assert_eq!(
            filled("postgresql://db/x?sslmode=verify-ca", &encrypted),
            "postgresql://db/x?sslmode=verify-ca&sslrootcert=/etc/ca.pem&sslcert=/etc/me.pem&sslkey=/etc/me.key"
        );
        check("", "postgresql:///?user=app&password=a%20b%26c&dbname=shop&host=localhost");
    }
}
