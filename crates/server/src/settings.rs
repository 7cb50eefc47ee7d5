//! What a deployment may tune about the server. The configuration room maps into this; nothing here reads a file.

use std::time::Duration;

/// Every tunable bound and switch of the server. The defaults are the safe choice.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Most connections open at once; the one above it is answered 503 and closed.
    pub connections_max: usize,
    /// Most requests in work at once; the one above it is answered 503 and may be tried again.
    pub requests_max: usize,
    /// Longest request target, in bytes; a longer one is answered 414.
    pub uri_bytes_max: usize,
    /// Largest request head (request line and header lines), in bytes; a larger one is answered 431.
    pub headers_bytes_max: usize,
    /// Largest request body, in bytes; a larger one is answered 413, before it is read where its length is declared.
    pub body_bytes_max: usize,
    /// How long a request's head may take, from its first byte to its last; then 408.
    pub header_timeout: Duration,
    /// How long a kept connection may stay silent between requests.
    pub idle_timeout: Duration,
    /// How long a request's body may take to arrive; then 408.
    pub body_timeout: Duration,
    /// How long a client may take none of its reply; then the connection is closed.
    pub write_timeout: Duration,
    /// How long one request may take from its head to its reply; streams are not bound by it once they began.
    pub request_timeout: Duration,
    /// How long the database may take for one request; below [`Self::request_timeout`], so that the clearer error wins.
    pub statement_timeout: Duration,
    /// How long a stopping server waits for what is running.
    pub drain_timeout: Duration,
    /// Whether HTTP/2 with prior knowledge is spoken on the same port. Costs one look at a connection's first bytes.
    pub http2: bool,
    /// Most rows of one reply, as the data room was told: a page of so many rows may not be the last.
    pub rows_max: Option<u32>,
    /// How far clocks may differ, as the identity room was told: change streams end so long after their token expires.
    pub clock_skew_seconds: u32,
    /// How often a silent change stream gets a comment, so that nothing on the way closes it.
    pub stream_keep_alive: Duration,
    /// Whether `Accept: application/vnd.pgrst.plan` is answered; it shows the schema.
    pub plan: bool,
    /// Whether callers may choose the time zone of their request.
    pub time_zones: bool,
    /// Whether replies carry `Server-Timing`; off, for it costs a clock reading per stage and helps an attacker.
    pub server_timing: bool,
    /// Whether each request is logged at level info; failures of the server are logged in any case.
    pub access_log: bool,
    /// Which web pages may call.
    pub cors: Cors,
    /// What transactions are told, where the engine decides who may do what.
    pub native: Option<Native>,
    /// Whether the API stands at the root and says all that PostgREST says, as PostgREST says it.
    pub compatible: bool,
    /// A request header that the reply repeats.
    pub trace_header: Option<Box<str>>,
}

/// What transactions are told, where the engine decides who may do what.
#[derive(Clone, Debug, Default)]
pub struct Native {
    /// The schemas that are served; the first where a request names none.
    pub schemas: Vec<String>,
    /// Schemas that are searched after the one that a request is about.
    pub search_path: Vec<String>,
    /// Settings of every transaction.
    pub settings: Vec<(String, String)>,
    /// A function that runs first in every transaction, as the engine writes its name.
    pub before: Option<String>,
    /// Whether everything is undone at the end of a transaction, unless the request says otherwise.
    pub rollback: bool,
    /// Whether a request may say how its transaction ends.
    pub rollback_override: bool,
    /// What the root tells of.
    pub described: Described,
    /// Whether it tells that tokens go into a header.
    pub describes_security: bool,
    /// Where it says that the API is reached.
    pub address: String,
    /// The path of a function that answers at the root instead: `rpc/name`.
    pub root: Option<String>,
}

/// What an API's description tells of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Described {
    /// What the caller may use.
    #[default]
    Usable,
    /// Everything that is there.
    Everything,
    /// Nothing: there is no description.
    Nothing,
}

/// Which web pages may call the API from a browser.
#[derive(Clone, Debug, Default)]
pub struct Cors {
    /// Origins such as `https://app.example.com`; `*` is every origin. Empty: none.
    pub origins: Vec<String>,
    /// How long a browser may remember the answer to a preflight request.
    pub preflight_max_age: Duration,
}

impl Settings {
    /// What the paths of tables begin with.
    pub fn base(&self) -> &'static str {
        if self.compatible { "" } else { transom_protocols::rest::BASE }
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            connections_max: 10_000,
            requests_max: 4_096,
            uri_bytes_max: 8 * 1024,
            headers_bytes_max: 32 * 1024,
            body_bytes_max: 10 * 1024 * 1024,
            header_timeout: Duration::from_secs(10),
            idle_timeout: Duration::from_secs(75),
            body_timeout: Duration::from_secs(30),
            write_timeout: Duration::from_secs(30),
            request_timeout: Duration::from_secs(30),
            statement_timeout: Duration::from_secs(25),
            drain_timeout: Duration::from_secs(25),
            http2: true,
            rows_max: None,
            clock_skew_seconds: 30,
            stream_keep_alive: Duration::from_secs(15),
            plan: false,
            time_zones: false,
            server_timing: false,
            access_log: false,
            cors: Cors::default(),
            native: None,
            compatible: false,
            trace_header: None,
        }
    }
}
