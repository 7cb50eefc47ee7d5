//! The database's address, its parameters as libpq defines them. What is not understood is refused by its name: a parameter
//! that is passed over in silence may be the one that was to protect something.

mod places;
mod ssl;
#[cfg(test)]
mod tests;

use std::{collections::BTreeMap, fmt::Display, str::FromStr, time::Duration};

use tokio_postgres::{
    Config,
    config::{ChannelBinding, SslNegotiation},
};

pub(crate) use places::{Place, Wanted};
pub(crate) use ssl::{Mode, Roots, Ssl};
use transom_types::address;

/// The parameters by name.
type Parameters = BTreeMap<String, String>;

/// How long opening a connection to one host may take where the address does not say.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// What is understood, and refused all the same: with what to do instead.
const REFUSED: [(&str, &str); 12] = [
    ("krbsrvname", "Kerberos is not spoken: log in with a password or a client certificate"),
    ("gsslib", "Kerberos is not spoken: log in with a password or a client certificate"),
    ("gssdelegation", "Kerberos is not spoken: log in with a password or a client certificate"),
    ("passfile", "give the password in the address, or in the variable PGPASSWORD"),
    ("service", "write what the service stands for into the address"),
    ("servicefile", "write what the service stands for into the address"),
    ("sslpassword", "give a key without a passphrase in sslkey"),
    ("sslcrl", "lists of revoked certificates are not read"),
    ("sslcrldir", "lists of revoked certificates are not read"),
    ("sslcertmode", "a client certificate is sent where sslcert and sslkey name one"),
    ("requirepeer", "the owner of a socket is not looked at: protect the folder that it is in"),
    ("require_auth", "any method but Kerberos is used; channel_binding=require wants the safest one"),
];

/// Where a database is, and how it is reached.
#[derive(Clone, Debug)]
pub(crate) struct Address {
    /// Everything but the place and its encryption.
    pub(crate) config: Config,
    /// Where to connect, in this order.
    pub(crate) places: Vec<Place>,
    /// Whether the order is drawn for each connection.
    pub(crate) random: bool,
    /// What a server must be.
    pub(crate) wanted: Wanted,
    /// How long opening a connection to one of them may take.
    pub(crate) connect_timeout: Duration,
    /// What is encrypted, and who is believed.
    pub(crate) ssl: Ssl,
}

impl Address {
    /// Reads an address. Errors: what is wrong with it, by the parameter's name, and never with a password.
    pub(crate) fn read(text: &str) -> Result<Self, String> {
        let mut parameters: Parameters = address::parameters(text)?.into_iter().collect();
        parameters.retain(|_, value| !value.is_empty());
        let parameters = &mut parameters;
        let mut config = Config::new();
        who(&mut config, parameters);
        keepalives(&mut config, parameters)?;
        let places = places::places(parameters)?;
        let random = one_of(parameters, "load_balance_hosts", &[("disable", false), ("random", true)])?;
        let wanted = one_of(parameters, "target_session_attrs", &Wanted::NAMES)?;
        let bindings = [
            ("prefer", ChannelBinding::Prefer),
            ("disable", ChannelBinding::Disable),
            ("require", ChannelBinding::Require),
        ];
        config.channel_binding(one_of(parameters, "channel_binding", &bindings)?.unwrap_or(bindings[0].1));
        let seconds = number::<i64>(parameters, "connect_timeout")?.filter(|seconds| *seconds > 0);
        let connect_timeout = seconds.map_or(CONNECT_TIMEOUT, |seconds| Duration::from_secs(seconds as u64));
        config.connect_timeout(connect_timeout);
        let ssl = ssl::ssl(parameters)?;
        if ssl.direct {
            config.ssl_negotiation(SslNegotiation::Direct);
        }
        one_of(parameters, "gssencmode", &[("prefer", ()), ("disable", ())])
            .map_err(|error| format!("{error}: Kerberos is not spoken, sslmode encrypts"))?;
        encoding(parameters)?;
        match parameters.keys().next() {
            Some(unknown) => Err(refused(unknown)),
            None => Ok(Self {
                config,
                places,
                random: random.unwrap_or_default(),
                wanted: wanted.unwrap_or_default(),
                connect_timeout,
                ssl,
            }),
        }
    }
}

fn who(config: &mut Config, parameters: &mut Parameters) {
    if let Some(user) = parameters.remove("user") {
        config.user(user);
    }
    if let Some(password) = parameters.remove("password") {
        config.password(password);
    }
    if let Some(dbname) = parameters.remove("dbname") {
        config.dbname(dbname);
    }
    if let Some(options) = parameters.remove("options") {
        config.options(options);
    }
    let fallback = parameters.remove("fallback_application_name");
    let name = parameters.remove("application_name").or(fallback);
    config.application_name(name.unwrap_or_else(|| "transom".to_owned()));
}

fn keepalives(config: &mut Config, parameters: &mut Parameters) -> Result<(), String> {
    let seconds = |seconds: u32| Duration::from_secs(seconds.into());
    config.keepalives_idle(Duration::from_secs(30));
    if let Some(on) = number::<i64>(parameters, "keepalives")? {
        config.keepalives(on != 0);
    }
    if let Some(idle) = number(parameters, "keepalives_idle")?.filter(|idle| *idle > 0) {
        config.keepalives_idle(seconds(idle));
    }
    if let Some(interval) = number(parameters, "keepalives_interval")?.filter(|interval| *interval > 0) {
        config.keepalives_interval(seconds(interval));
    }
    let retries = number(parameters, "keepalives_retries")?;
    if let Some(count) = number(parameters, "keepalives_count")?.or(retries).filter(|count| *count > 0) {
        config.keepalives_retries(count);
    }
    if let Some(wait) = number::<u32>(parameters, "tcp_user_timeout")?.filter(|wait| *wait > 0) {
        config.tcp_user_timeout(Duration::from_millis(wait.into()));
    }
    Ok(())
}

fn encoding(parameters: &mut Parameters) -> Result<(), String> {
    let Some(encoding) = parameters.remove("client_encoding") else { return Ok(()) };
    let plain: String = encoding.chars().filter(char::is_ascii_alphanumeric).collect();
    match plain.to_ascii_lowercase().as_str() {
        "utf8" | "unicode" | "auto" => Ok(()),
        _ => Err(format!("client_encoding={encoding}: only UTF8 is spoken")),
    }
}

fn refused(name: &str) -> String {
    match REFUSED.iter().find(|(refused, _)| *refused == name) {
        Some((_, instead)) => format!("the parameter {name} cannot be followed: {instead}"),
        None => format!("there is no parameter {name}; those of libpq are understood, sslmode for example"),
    }
}

/// The meaning of the parameter's value, if it is given.
fn one_of<T: Copy>(
    parameters: &mut Parameters,
    name: &str,
    meanings: &[(&str, T)],
) -> Result<Option<T>, String> {
    let Some(value) = parameters.remove(name) else { return Ok(None) };
    let found = meanings.iter().find(|(meaning, _)| *meaning == value);
    let names = || meanings.iter().map(|(meaning, _)| *meaning).collect::<Vec<_>>().join(", ");
    found
        .map(|(_, meaning)| Some(*meaning))
        .ok_or_else(|| format!("{name}={value}: it is one of {}", names()))
}

fn number<T: FromStr + Display>(parameters: &mut Parameters, name: &str) -> Result<Option<T>, String> {
    let value = parameters.remove(name).map(|value| value.trim().parse());
    value.transpose().map_err(|_| format!("{name}: it is a whole number"))
}
