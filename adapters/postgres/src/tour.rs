//! Goes from one place where a database may be to the next, until one is what is wanted.

use std::{collections::VecDeque, error::Error as _, io};

use tokio_postgres::{Config, Error, config::SslMode, error::SqlState};

use crate::{
    address::{Address, Place, Wanted},
    tls::Tls,
};

/// One attempt.
pub(crate) struct Stop {
    /// Everything that it takes to connect there.
    pub(crate) config: Config,
    /// What the server must be.
    pub(crate) wanted: Wanted,
    /// Whether the next attempt is the same place, encrypted otherwise.
    again: bool,
}

/// Why an attempt failed.
pub(crate) struct Refusal {
    text: String,
    /// Whether another way of encryption may be what is missing.
    otherwise: bool,
}

impl Refusal {
    /// It said nothing.
    pub(crate) fn silent() -> Self {
        Self { text: "the database server did not answer in time".to_owned(), otherwise: false }
    }

    /// It takes writes, or not, and the other was wanted.
    pub(crate) fn other_kind() -> Self {
        Self { text: "the database server is not of the kind that is wanted".to_owned(), otherwise: false }
    }

    /// It let us in, and then not.
    pub(crate) fn closed() -> Self {
        Self { text: "the database server closed the connection".to_owned(), otherwise: false }
    }
}

impl From<Error> for Refusal {
    /// Nothing was applied; where the server has a rule for who may come encrypted and who not, the rule decides.
    fn from(error: Error) -> Self {
        let said = error.as_db_error().map(|error| error.code().clone());
        let mut text = error.to_string();
        if let Some(source) = error.source() {
            text.push_str(": ");
            text.push_str(&source.to_string());
        }
        Self {
            text,
            otherwise: said.is_none_or(|code| code == SqlState::INVALID_AUTHORIZATION_SPECIFICATION),
        }
    }
}

impl From<io::Error> for Refusal {
    fn from(error: io::Error) -> Self {
        Self { text: error.to_string(), otherwise: true }
    }
}

/// The attempts of one connection, in order.
pub(crate) struct Tour<'a> {
    address: &'a Address,
    tls: &'a Tls,
    places: VecDeque<(Wanted, &'a Place)>,
    stops: VecDeque<Stop>,
    /// Whether the attempt that was made last has another of its place behind it.
    again: bool,
    failed: Option<String>,
}

impl<'a> Tour<'a> {
    /// Every place, in the address's order or in one of its own.
    pub(crate) fn new(address: &'a Address, tls: &'a Tls) -> Self {
        let mut places: Vec<&Place> = address.places.iter().collect();
        if address.random {
            // The order need not be secret: a map's hasher is another one each time.
            let hasher = std::collections::hash_map::RandomState::new();
            places
                .sort_by_cached_key(|place| std::hash::BuildHasher::hash_one(&hasher, format!("{place:?}")));
        }
        let rounds = address.wanted.rounds().into_iter();
        let places =
            rounds.flat_map(|wanted| places.iter().map(move |place| (wanted, *place)).collect::<Vec<_>>());
        Self { address, tls, places: places.collect(), stops: VecDeque::new(), again: false, failed: None }
    }

    /// The next attempt; names are looked up when it is their turn.
    pub(crate) async fn next(&mut self) -> Option<Stop> {
        loop {
            if let Some(stop) = self.stops.pop_front() {
                self.again = stop.again;
                return Some(stop);
            }
            let (wanted, place) = self.places.pop_front()?;
            let found = tokio::time::timeout(self.address.connect_timeout, place.addresses()).await;
            match found.unwrap_or_else(|_| Err("the host's name could not be looked up in time".to_owned())) {
                Ok(addresses) => self.stops = self.stops_at(wanted, place, &addresses),
                Err(error) => self.failed = Some(error),
            }
        }
    }

    fn stops_at(&self, wanted: Wanted, place: &Place, addresses: &[std::net::IpAddr]) -> VecDeque<Stop> {
        let stop = |configure: &dyn Fn(&mut Config), mode: SslMode, again: bool| {
            let mut config = self.address.config.clone();
            configure(&mut config);
            config.ssl_mode(mode);
            Stop { config, wanted, again }
        };
        match place {
            // Nobody listens in between, and no server encrypts there.
            Place::Socket(folder, port) => {
                let configure = |config: &mut Config| {
                    config.host_path(folder).port(*port);
                };
                [stop(&configure, SslMode::Disable, false)].into()
            }
            Place::Host(name, _, port) => {
                let tries = self.tls.tries(name);
                let last = tries.len() - 1;
                let stops = addresses.iter().flat_map(|address| {
                    let configure = |config: &mut Config| {
                        config.host(name.as_str()).hostaddr(*address).port(*port);
                    };
                    let stops = tries.iter().enumerate();
                    stops.map(|(at, mode)| stop(&configure, *mode, at < last)).collect::<Vec<_>>()
                });
                stops.collect()
            }
        }
    }

    /// The attempt that was made last has failed.
    pub(crate) fn refused(&mut self, refusal: Refusal) {
        if self.again && !refusal.otherwise {
            self.stops.pop_front();
        }
        self.failed = Some(refusal.text);
    }

    /// Why there is no connection.
    pub(crate) fn failed(self) -> String {
        self.failed.unwrap_or_else(|| "there is no host".to_owned())
    }
}
