//! The database's address as libpq reads it: an URL or `key=value` pairs; what it leaves out is the environment's.

use transom_types::address;

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

/// The whole address, as an URL. Errors: what is wrong with it.
pub(super) fn filled(text: &str, env: &dyn Fn(&str) -> Option<String>) -> Result<String, String> {
    let given = address::parameters(text)?;
    let mut url = match address::place(text.trim()) {
        Some(_) => text.trim().to_owned(),
        None => {
            let mut url = "postgresql:///".to_owned();
            given.iter().for_each(|(key, value)| add(&mut url, key, value));
            url
        }
    };
    let mut said: Vec<&str> = given.iter().map(|(key, _)| key.as_str()).collect();
    for (variable, key) in VARIABLES {
        let value = env(variable).filter(|value| !value.is_empty());
        if let Some(value) = value.filter(|_| !said.contains(&key)) {
            add(&mut url, key, &value);
            said.push(key);
        }
    }
    if !said.contains(&"host") && !said.contains(&"hostaddr") {
        add(&mut url, "host", "localhost");
    }
    Ok(url)
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
        assert_eq!(filled(text, &env).as_deref(), Ok(expected), "{text}");
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
            filled("postgresql://db/x?sslmode=verify-ca", &encrypted).as_deref(),
            Ok(
                "postgresql://db/x?sslmode=verify-ca&sslrootcert=/etc/ca.pem&sslcert=/etc/me.pem&sslkey=/etc/me.key"
            )
        );
        check("", "postgresql:///?user=app&password=a%20b%26c&dbname=shop&host=localhost");
    }
}
