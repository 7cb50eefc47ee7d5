//! Where a database may be: hosts, their addresses and ports.

use std::{
    net::{IpAddr, SocketAddr},
    path::PathBuf,
};

use tokio_postgres::Client;

use super::Parameters;

/// The port of an address that names none.
const PORT: u16 = 5432;

/// Most addresses of one name that are tried.
const ADDRESSES_MAX: usize = 8;

/// One place to connect to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// A socket of this machine, in this folder.
    Socket(PathBuf, u16),
    /// A host by its name, and by its address where that is given.
    Host(String, Option<IpAddr>, u16),
}

impl Place {
    /// The addresses that the host's name stands for; none of a socket.
    pub(crate) async fn addresses(&self) -> Result<Vec<IpAddr>, String> {
        match self {
            Self::Socket(..) => Ok(Vec::new()),
            Self::Host(_, Some(address), _) => Ok(vec![*address]),
            Self::Host(name, None, port) => {
                let found = tokio::net::lookup_host((name.as_str(), *port)).await;
                let found = found.map_err(|error| format!("the host {name}: {error}"))?;
                Ok(found.map(|address: SocketAddr| address.ip()).take(ADDRESSES_MAX).collect())
            }
        }
    }
}

/// What a server must be to be taken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Wanted {
    /// Anything.
    #[default]
    Any,
    /// Takes writes.
    ReadWrite,
    /// Takes none.
    ReadOnly,
    /// Follows nobody.
    Primary,
    /// Follows another.
    Standby,
    /// Follows another, if there is one that does.
    PreferStandby,
}

impl Wanted {
    pub(super) const NAMES: [(&str, Self); 6] = [
        ("any", Self::Any),
        ("read-write", Self::ReadWrite),
        ("read-only", Self::ReadOnly),
        ("primary", Self::Primary),
        ("standby", Self::Standby),
        ("prefer-standby", Self::PreferStandby),
    ];

    /// What is looked for, one round over all places after the other.
    pub(crate) fn rounds(self) -> Vec<Self> {
        match self {
            Self::PreferStandby => vec![Self::Standby, Self::Any],
            wanted => vec![wanted],
        }
    }

    /// Whether the server is what is wanted.
    pub(crate) async fn is_met(self, client: &Client) -> Result<bool, tokio_postgres::Error> {
        let (question, yes) = match self {
            Self::Any | Self::PreferStandby => return Ok(true),
            Self::ReadWrite => ("SHOW transaction_read_only", "off"),
            Self::ReadOnly => ("SHOW transaction_read_only", "on"),
            Self::Primary => ("SELECT pg_catalog.pg_is_in_recovery()", "f"),
            Self::Standby => ("SELECT pg_catalog.pg_is_in_recovery()", "t"),
        };
        let rows = client.simple_query(question).await?;
        Ok(rows.iter().any(|message| {
            matches!(message, tokio_postgres::SimpleQueryMessage::Row(row) if row.get(0) == Some(yes))
        }))
    }
}

/// The places that the parameters name; lists are separated by commas.
pub(super) fn places(parameters: &mut Parameters) -> Result<Vec<Place>, String> {
    let mut list = |name: &str| -> Vec<String> {
        let value = parameters.remove(name);
        value.map(|value| value.split(',').map(|part| part.trim().to_owned()).collect()).unwrap_or_default()
    };
    let (hosts, addresses, ports) = (list("host"), list("hostaddr"), list("port"));
    let count = hosts.len().max(addresses.len());
    if count == 0 {
        return Err("it names no host".to_owned());
    }
    for (name, list) in [("host", &hosts), ("hostaddr", &addresses)] {
        if !list.is_empty() && list.len() != count {
            return Err(format!("{name}: there are {} of them, and {count} places", list.len()));
        }
    }
    if ports.len() > 1 && ports.len() != count {
        return Err(format!("port: there are {} of them, and {count} hosts", ports.len()));
    }
    let place = |at: usize| {
        let port = match ports.get(at).or(ports.first()).map(String::as_str).unwrap_or_default() {
            "" => PORT,
            port => port.parse().map_err(|_| "port: it is a number up to 65535".to_owned())?,
        };
        let address: Option<IpAddr> = match addresses.get(at).map(String::as_str).unwrap_or_default() {
            "" => None,
            address => Some(address.parse().map_err(|_| "hostaddr: it is an IP address".to_owned())?),
        };
        let host = hosts.get(at).map(String::as_str).unwrap_or_default();
        Ok(match (host, address) {
            (folder, None) if folder.starts_with('/') => Place::Socket(folder.into(), port),
            ("", Some(address)) => Place::Host(address.to_string(), Some(address), port),
            ("", None) => Place::Host("localhost".to_owned(), None, port),
            (name, address) => Place::Host(name.to_owned(), address, port),
        })
    };
    (0..count).map(place).collect()
}
