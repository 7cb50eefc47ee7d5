//! Addresses, limits and origins of the server.

use std::{net::SocketAddr, time::Duration};

use crate::{ByteSize, kinds::choice};

choice! {
    /// How strict the server is with its own configuration.
    Mode {
        /// A developer's machine: works without any configuration.
        Development = "development",
        /// Unsafe shortcuts are refused.
        Production = "production",
    }
}

section! {
    /// Where and how requests are accepted.
    Server at "server" {
        /// How strict the server is: in production unsafe shortcuts are faults and some defaults are stricter. The default lets a
        /// new project run with no configuration at all.
        mode: Mode = "development";
        /// Where the API listens. The default is this machine alone, so that nothing is exposed by accident; port 0 picks a free one.
        listen: SocketAddr = "127.0.0.1:8080";
        /// Where health, metrics and administration listen: apart from the API, so that a rule in front of one cannot open the other.
        admin_listen: SocketAddr = "127.0.0.1:8081";
        /// Allows `admin_listen` to be an address that other machines reach. Off, because the admin listener asks nobody who they are:
        /// turn it on where a private network protects it.
        admin_remote: bool = false;
        /// How many threads answer requests; 0 is one per processor core, which is what a server that does not wait needs.
        worker_threads: u32 = 0, within 0..=1024;
        /// Sends `Server-Timing` with the time each stage took. Off in production, where timings help an attacker more than a reader.
        server_timing: bool = true, production false;
    }
}

section! {
    /// What one caller may cost. Beyond a limit the answer is a clear 4xx or 503.
    Limits at "server.limits" {
        /// Largest request body. Ample for JSON rows; a bulk load of more goes in several requests.
        body_bytes_max: ByteSize = "10MiB", within 1024..=1_073_741_824;
        /// Longest request target. Browsers and proxies stop at about the same length.
        uri_bytes_max: ByteSize = "16KiB", within 256..=1_048_576;
        /// Largest request head: all header lines and the request line together. Tokens with many claims fit.
        header_bytes_max: ByteSize = "64KiB", within 1024..=1_048_576;
        /// Most connections open at once; further ones wait in the system's queue. Bounds memory: an idle connection costs a few KiB.
        connections_max: u32 = 10_000, within 1..=1_000_000;
        /// How long a request's head may take to arrive, and how long a kept connection may stay silent: a slow-loris client is cut off.
        header_read_timeout: Duration = "15s", within 100..=600_000;
        /// How long a request's body may take to arrive.
        body_read_timeout: Duration = "30s", within 100..=3_600_000;
        /// How long a request may take from its head to its reply; streams (changes) are not bound by it.
        request_timeout: Duration = "30s", within 100..=3_600_000;
        /// How long a stopping server waits for what is running. Slightly below the 30 s that orchestrators usually allow.
        drain_timeout: Duration = "25s", within 0..=3_600_000;
    }
}

section! {
    /// Which web pages may call the API from a browser.
    Cors at "server.cors" {
        /// Origins such as `https://app.example.com`; `*` is every origin. Credentials are tokens in a header and never cookies, so
        /// any origin is harmless in development; production names its own.
        origins: Vec<String> = ["*"], production [];
        /// How long a browser may remember the answer to a preflight request: each costs a round trip.
        preflight_max_age: Duration = "1h", within 0..=86_400_000;
    }
}
