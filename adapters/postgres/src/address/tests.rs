#![allow(clippy::unwrap_used, reason = "tests")]

use super::*;

fn host(name: &str, port: u16) -> Place {
    Place::Host(name.to_owned(), None, port)
}

#[test]
fn places_are_read_from_each_way_of_writing_them() {
    let cases = [
        ("postgresql://u:p@one:1,two/db", vec![host("one", 1), host("two", 5432)]),
        ("postgres://u@[::1]:7/db", vec![host("::1", 7)]),
        ("postgresql:///db?host=one,two&port=1,2", vec![host("one", 1), host("two", 2)]),
        ("postgresql:///db?host=one,two&port=9", vec![host("one", 9), host("two", 9)]),
        ("postgresql://%2Frun%2Fpg:6/db", vec![Place::Socket("/run/pg".into(), 6)]),
        ("postgresql://u@/db?host=/run/pg", vec![Place::Socket("/run/pg".into(), 5432)]),
        ("host=one hostaddr=10.0.0.1", vec![Place::Host("one".into(), Some([10, 0, 0, 1].into()), 5432)]),
        ("hostaddr=10.0.0.1", vec![Place::Host("10.0.0.1".into(), Some([10, 0, 0, 1].into()), 5432)]),
    ];
    for (text, expected) in cases {
        assert_eq!(Address::read(text).unwrap().places, expected, "{text}");
    }
}

#[test]
fn who_connects_is_read_as_it_was_written() {
    let both = [
        "postgresql://a%40b:p%25w@h/the%20db?application_name=me&options=-c%20a%3Db",
        r"host=h user=a@b password='p%w' dbname = 'the db' application_name=me options='-c a=b'",
    ];
    for text in both {
        let config = Address::read(text).unwrap().config;
        assert_eq!(config.get_user(), Some("a@b"), "{text}");
        assert_eq!(config.get_password(), Some(&b"p%w"[..]), "{text}");
        assert_eq!(config.get_dbname(), Some("the db"), "{text}");
        assert_eq!(config.get_application_name(), Some("me"), "{text}");
        assert_eq!(config.get_options(), Some("-c a=b"), "{text}");
    }
    // An `@` among the parameters is no user's.
    let config = Address::read("postgresql://h/db?user=a@b&password=c@d").unwrap().config;
    assert_eq!((config.get_user(), config.get_password()), (Some("a@b"), Some(&b"c@d"[..])));
    let named = |text: &str| Address::read(text).unwrap().config.get_application_name().map(str::to_owned);
    assert_eq!(named("postgresql://h/d?fallback_application_name=f").as_deref(), Some("f"));
    assert_eq!(
        named("postgresql://h/d?application_name=a&fallback_application_name=f").as_deref(),
        Some("a")
    );
    assert_eq!(named("postgresql://h/d").as_deref(), Some("transom"));
}

#[test]
fn times_have_the_units_of_libpq() {
    let address = Address::read(
        "host=h connect_timeout=2 tcp_user_timeout=1500 keepalives=1 keepalives_idle=7 keepalives_interval=3 keepalives_count=4",
    )
    .unwrap();
    assert_eq!(address.connect_timeout, Duration::from_secs(2));
    assert_eq!(address.config.get_tcp_user_timeout(), Some(&Duration::from_millis(1500)));
    assert_eq!(address.config.get_keepalives_idle(), Duration::from_secs(7));
    assert_eq!(address.config.get_keepalives_interval(), Some(Duration::from_secs(3)));
    assert_eq!(address.config.get_keepalives_retries(), Some(4));
    assert!(!Address::read("host=h keepalives=0").unwrap().config.get_keepalives());
    assert_eq!(Address::read("host=h connect_timeout=0").unwrap().connect_timeout, CONNECT_TIMEOUT);
}

#[test]
fn what_means_nothing_here_is_passed_over() {
    for parameter in [
        "gssencmode=disable",
        "gssencmode=prefer",
        "client_encoding=UTF8",
        "client_encoding=utf-8",
        "sslcompression=0",
        "channel_binding=disable",
        "target_session_attrs=primary",
        "load_balance_hosts=random",
        "ssl=true",
    ] {
        assert!(Address::read(&format!("postgresql://h/db?{parameter}")).is_ok(), "{parameter}");
    }
    assert_eq!(Address::read("postgresql://h/db?ssl=true").unwrap().ssl.mode, Some(Mode::Require));
}

#[test]
fn what_is_refused_is_named_and_no_password_shown() {
    let cases = [
        ("sslmode=maybe", "sslmode=maybe: it is one of disable, allow, prefer, require"),
        ("gssencmode=require", "gssencmode=require: it is one of prefer, disable"),
        ("client_encoding=LATIN1", "client_encoding=LATIN1: only UTF8"),
        ("passfile=/x", "passfile cannot be followed"),
        ("sslcrl=/x", "sslcrl cannot be followed"),
        ("shopmode=1", "there is no parameter shopmode"),
        ("port=many", "port: "),
        ("connect_timeout=soon", "connect_timeout: "),
        ("sslcert=/x", "sslcert: its key is missing"),
        ("sslrootcert=system&sslmode=require", "sslrootcert=system: it needs sslmode=verify-full"),
        ("sslnegotiation=direct", "sslnegotiation=direct: it needs sslmode=require"),
        ("hostaddr=1.2.3.4,1.2.3.5", "host: there are 1"),
        ("novalue", "has no `=`"),
        ("user=%zz", "user: `%`"),
    ];
    for (parameter, expected) in cases {
        let refused = Address::read(&format!("postgresql://u:secret@h/db?{parameter}")).unwrap_err();
        assert!(refused.contains(expected) && !refused.contains("secret"), "{parameter}: {refused}");
    }
    for text in ["postgresql://u:sec/ret@h/db", "no address", "postgresql:///db", "host='h", "host=h port"] {
        let refused = Address::read(text).unwrap_err();
        assert!(!refused.contains("sec"), "{text}: {refused}");
    }
}
