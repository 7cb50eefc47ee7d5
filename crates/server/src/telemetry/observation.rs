//! The closed list of what can be observed.

use std::time::Duration;

use http::Method;
use transom_types::Problem;

use crate::telemetry::Trace;

/// Something that happened in the server.
#[derive(Debug)]
pub enum Observation<'a> {
    /// A client connected.
    ConnectionOpened,
    /// A connection has ended.
    ConnectionClosed,
    /// A client was turned away because too many are connected.
    ConnectionRefused,
    /// No connection could be accepted: descriptors or memory are short.
    AcceptFailed(&'a std::io::Error),
    /// A request was answered.
    Answered(&'a Answered<'a>),
    /// A request's handler panicked; it was answered 500.
    Panicked {
        /// Which request.
        request_id: &'a str,
        /// The panic's message.
        message: &'a str,
    },
    /// A change stream began.
    StreamOpened,
    /// A change stream ended.
    StreamClosed,
    /// The server stops accepting.
    Draining {
        /// Connections still open.
        connections: usize,
    },
    /// The server has stopped.
    Drained {
        /// Connections that did not finish in time and were cut off.
        cut_off: usize,
    },
}

/// One request and its answer. No query string, header or body: they may hold personal data.
#[derive(Debug)]
pub struct Answered<'a> {
    /// What kind of place it went to.
    pub route: Route,
    /// Its method.
    pub verb: Verb,
    /// Its path, as sent, without the query.
    pub path: &'a str,
    /// The status of the answer.
    pub status: u16,
    /// From the whole head to the head of the answer.
    pub elapsed: Duration,
    /// Its name in the log and the change log.
    pub request_id: &'a str,
    /// Its place in a distributed trace, when the caller named one.
    pub trace: Option<&'a Trace>,
    /// Why it was refused.
    pub problem: Option<&'a Problem>,
}

macro_rules! labels {
    ($(#[$doc:meta])* $name:ident { $($variant:ident = $label:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[allow(missing_docs, reason = "each is its label")]
        pub enum $name { $($variant,)* }

        impl $name {
            /// Every one, in the order of their numbers.
            pub const ALL: &[Self] = &[$(Self::$variant,)*];
            /// How many there are.
            pub const COUNT: usize = Self::ALL.len();

            /// The label in metrics and logs.
            pub fn label(self) -> &'static str {
                match self { $(Self::$variant => $label,)* }
            }
        }
    };
}

labels! {
    /// What kind of place a request went to: the metrics' label, so a closed list however many tables there are.
    Route {
        Root = "rest/root",
        Table = "rest/table",
        Row = "rest/row",
        Rpc = "rest/rpc",
        Batch = "rest/batch",
        Changes = "realtime/changes",
        StreamToken = "realtime/token",
        Unknown = "unknown",
        Refused = "refused",
    }
}

labels! {
    /// A request's method, unknown ones taken together.
    Verb {
        Get = "GET",
        Head = "HEAD",
        Post = "POST",
        Patch = "PATCH",
        Put = "PUT",
        Delete = "DELETE",
        Options = "OPTIONS",
        Other = "OTHER",
    }
}

impl From<&Method> for Verb {
    fn from(method: &Method) -> Self {
        match *method {
            Method::GET => Self::Get,
            Method::HEAD => Self::Head,
            Method::POST => Self::Post,
            Method::PATCH => Self::Patch,
            Method::PUT => Self::Put,
            Method::DELETE => Self::Delete,
            Method::OPTIONS => Self::Options,
            _ => Self::Other,
        }
    }
}
