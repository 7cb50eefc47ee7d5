//! The load: keep-alive connections that each send the next request when the last one is answered.
//!
//! One thread, plain sockets and the least parsing that finds a reply's end: whatever the generator costs is taken
//! from the server beside it on the same cores.

use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use hdrhistogram::Histogram;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    runtime::Runtime,
    task::JoinSet,
};

/// The requests of one work: a function of a running number.
pub type Requests = fn(u64, &mut Vec<u8>, &Target) -> Kind;

/// Which latencies a request counts to.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Read,
    Write,
    /// A read that is meant to be slow.
    Dear,
}

/// A server and what its requests need.
#[derive(Clone)]
pub struct Target {
    pub port: u16,
    pub rows: u32,
    pub token: Option<String>,
}

/// What one run found: latencies in microseconds.
pub struct Figures {
    pub per_second: f64,
    pub answered: f64,
    pub reads: Histogram<u64>,
    pub dear: Histogram<u64>,
}

/// Open connections to one server, used by run after run.
pub struct Session {
    runtime: Runtime,
    clients: Vec<Client>,
}

/// One connection and where its sequence of requests stands.
struct Client {
    stream: TcpStream,
    number: u64,
    reply: Vec<u8>,
}

/// Latencies by [`Kind`].
type Latencies = [Histogram<u64>; 3];

impl Session {
    /// Opens so many connections.
    pub fn open(port: u16, connections: u32) -> anyhow::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let clients = runtime.block_on(async {
            let mut clients = Vec::new();
            for connection in 0..connections {
                let stream = TcpStream::connect(("127.0.0.1", port)).await?;
                stream.set_nodelay(true)?;
                let number = u64::from(connection).wrapping_mul(0x9E37_79B9_7F4A_7C15);
                clients.push(Client { stream, number, reply: vec![0; 64 * 1024] });
            }
            anyhow::Ok(clients)
        })?;
        Ok(Self { runtime, clients })
    }

    /// Runs `requests` for so long, and `dear` on the last so many connections.
    pub fn run(
        &mut self,
        target: &Target,
        requests: Requests,
        (dear, dear_clients): (Requests, u32),
        seconds: f64,
    ) -> anyhow::Result<Figures> {
        let clients = std::mem::take(&mut self.clients);
        let cheap = clients.len().saturating_sub(dear_clients as usize);
        let mut counts = latencies()?;
        let mut elapsed = 0.0;
        self.clients = self.runtime.block_on(async {
            let started = Instant::now();
            let until = started + Duration::from_secs_f64(seconds);
            let mut tasks = JoinSet::new();
            for (at, client) in clients.into_iter().enumerate() {
                let requests = if at < cheap { requests } else { dear };
                tasks.spawn(client.run(target.clone(), requests, until));
            }
            let mut clients = Vec::new();
            while let Some(done) = tasks.join_next().await {
                let (client, found) = done??;
                for (count, found) in counts.iter_mut().zip(found) {
                    count.add(found)?;
                }
                clients.push(client);
            }
            elapsed = started.elapsed().as_secs_f64();
            anyhow::Ok(clients)
        })?;
        let [reads, writes, dear] = counts;
        let answered = (reads.len() + writes.len()) as f64;
        Ok(Figures { per_second: answered / elapsed, answered, reads, dear })
    }
}

fn latencies() -> anyhow::Result<Latencies> {
    Ok([Histogram::new(3)?, Histogram::new(3)?, Histogram::new(3)?])
}

impl Client {
    async fn run(
        mut self,
        target: Target,
        requests: Requests,
        until: Instant,
    ) -> anyhow::Result<(Self, Latencies)> {
        let mut found = latencies()?;
        let mut request = Vec::with_capacity(1024);
        loop {
            let sent = Instant::now();
            if sent >= until {
                return Ok((self, found));
            }
            self.number = mix(self.number);
            request.clear();
            let kind = requests(self.number, &mut request, &target);
            self.stream.write_all(&request).await?;
            receive(&mut self.stream, &mut self.reply).await?;
            found[kind as usize].record(sent.elapsed().as_micros() as u64)?;
        }
    }
}

/// One reply, which must be a success with a length.
async fn receive(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> anyhow::Result<()> {
    let mut filled = 0;
    loop {
        let count = stream.read(&mut buffer[filled..]).await?;
        ensure!(count > 0, "the server closed the connection");
        filled += count;
        let Some(head) = memchr::memmem::find(&buffer[..filled], b"\r\n\r\n") else { continue };
        if !buffer.starts_with(b"HTTP/1.1 2") {
            bail!("unexpected reply: {}", String::from_utf8_lossy(&buffer[..filled]));
        }
        let whole = head + 4 + content_length(&buffer[..head])?;
        if whole > buffer.len() {
            buffer.resize(whole, 0);
        }
        while filled < whole {
            let count = stream.read(&mut buffer[filled..whole]).await?;
            ensure!(count > 0, "the server closed the connection within a reply");
            filled += count;
        }
        return Ok(());
    }
}

fn content_length(head: &[u8]) -> anyhow::Result<usize> {
    for line in head.split(|byte| *byte == b'\n') {
        if line.len() > 15 && line[..15].eq_ignore_ascii_case(b"content-length:") {
            return Ok(std::str::from_utf8(&line[15..])?.trim().parse()?);
        }
    }
    Err(anyhow::anyhow!("{}", String::from_utf8_lossy(head))).context("the reply has no Content-Length")
}

/// SplitMix64: the same requests on every run.
fn mix(state: u64) -> u64 {
    let z = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}
