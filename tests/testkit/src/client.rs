//! A plain HTTP/1.1 client: one request per connection, nothing hidden.

use std::{
    io::{BufRead, BufReader, Write},
    net::{SocketAddr, TcpStream},
    time::Duration,
};

use serde_json::Value as Json;

/// Sends requests to one server, with the same headers on each.
#[derive(Clone, Debug)]
pub struct Client {
    address: SocketAddr,
    headers: Vec<(String, String)>,
}

/// A reply, whole.
#[derive(Clone, Debug)]
pub struct Reply {
    /// The status code.
    pub status: u16,
    /// Names in lower case, as they came.
    pub headers: Vec<(String, String)>,
    /// The body, decoded from chunks.
    pub body: Vec<u8>,
}

impl Client {
    /// A client of the server at this address.
    pub fn new(address: SocketAddr) -> Self {
        Self { address, headers: Vec::new() }
    }

    /// The same client with one more header on every request.
    pub fn with(&self, name: &str, value: &str) -> Self {
        let mut client = self.clone();
        client.headers.push((name.to_owned(), value.to_owned()));
        client
    }

    /// The same client with a bearer token.
    pub fn bearer(&self, token: &str) -> Self {
        self.with("Authorization", &format!("Bearer {token}"))
    }

    /// GET.
    pub fn get(&self, path: &str) -> Reply {
        self.send("GET", path, None)
    }

    /// POST of JSON.
    pub fn post(&self, path: &str, body: &Json) -> Reply {
        self.json("POST", path, body)
    }

    /// PATCH of JSON.
    pub fn patch(&self, path: &str, body: &Json) -> Reply {
        self.json("PATCH", path, body)
    }

    /// PUT of JSON.
    pub fn put(&self, path: &str, body: &Json) -> Reply {
        self.json("PUT", path, body)
    }

    /// DELETE.
    pub fn delete(&self, path: &str) -> Reply {
        self.send("DELETE", path, None)
    }

    /// A request with a JSON body.
    pub fn json(&self, method: &str, path: &str, body: &Json) -> Reply {
        self.with("Content-Type", "application/json").send(method, path, Some(body.to_string().as_bytes()))
    }

    /// Any request. The path goes onto the wire as it is, but for spaces.
    pub fn send(&self, method: &str, path: &str, body: Option<&[u8]>) -> Reply {
        let mut head = format!("{method} {} HTTP/1.1\r\nConnection: close\r\n", path.replace(' ', "%20"));
        if !self.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("host")) {
            head += "Host: test\r\n";
        }
        for (name, value) in &self.headers {
            head += &format!("{name}: {value}\r\n");
        }
        if let Some(body) = body {
            head += &format!("Content-Length: {}\r\n", body.len());
        }
        head += "\r\n";
        let mut bytes = head.into_bytes();
        bytes.extend_from_slice(body.unwrap_or_default());
        self.raw(&bytes, method == "HEAD")
    }

    /// Sends bytes as they are and reads one reply.
    pub fn raw(&self, bytes: &[u8], head_only: bool) -> Reply {
        let mut stream = self.connect();
        // A server that refuses early may close before it has read everything.
        let _ = stream.write_all(bytes);
        Reply::read(&mut BufReader::new(stream), head_only).expect("a reply")
    }

    /// A connection, if the server takes one.
    pub fn try_connect(&self) -> Option<TcpStream> {
        let stream = TcpStream::connect(self.address).ok()?;
        stream.set_read_timeout(Some(Duration::from_secs(30))).ok()?;
        Some(stream)
    }

    /// A connection of one's own, with a time limit on reads.
    pub fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address).expect("the server accepts connections");
        stream.set_read_timeout(Some(Duration::from_secs(30))).expect("a read timeout");
        stream
    }
}

impl Reply {
    /// Reads one reply from a connection; `None` when the server closed it without one.
    pub fn read(stream: &mut impl BufRead, head_only: bool) -> Option<Self> {
        let mut line = String::new();
        stream.read_line(&mut line).ok()?;
        let status = line.split(' ').nth(1)?.trim().parse().ok()?;
        let mut headers = Vec::new();
        loop {
            line.clear();
            stream.read_line(&mut line).ok()?;
            let Some((name, value)) = line.trim_end().split_once(':') else { break };
            headers.push((name.to_lowercase(), value.trim().to_owned()));
        }
        let mut reply = Self { status, headers, body: Vec::new() };
        if head_only || status == 204 || status == 304 {
            return Some(reply);
        }
        if reply.header("transfer-encoding").is_some_and(|coding| coding.contains("chunked")) {
            reply.body = chunks(stream)?;
        } else if let Some(length) = reply.header("content-length").and_then(|length| length.parse().ok()) {
            reply.body = vec![0; length];
            stream.read_exact(&mut reply.body).ok()?;
        } else {
            stream.read_to_end(&mut reply.body).ok()?;
        }
        Some(reply)
    }

    /// The value of a header; the name in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON.
    pub fn json(&self) -> Json {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("{error}: {self:?}\n{}", self.text()))
    }

    /// The problem's code, for replies that refuse.
    pub fn code(&self) -> String {
        self.json()["code"].as_str().unwrap_or_default().to_owned()
    }

    /// Fails the test, showing the reply, unless it has this status.
    #[track_caller]
    pub fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}", self.text());
        self
    }
}

fn chunks(stream: &mut impl BufRead) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let mut line = String::new();
        stream.read_line(&mut line).ok()?;
        let length = usize::from_str_radix(line.trim(), 16).ok()?;
        let mut chunk = vec![0; length + 2];
        stream.read_exact(&mut chunk).ok()?;
        if length == 0 {
            return Some(body);
        }
        body.extend_from_slice(&chunk[..length]);
    }
}
