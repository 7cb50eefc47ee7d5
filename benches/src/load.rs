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
    task::JoinSet,
};

/// The requests of one work: a function of a running number.
pub type Requests = fn(u64, &mut Vec<u8>, &Target) -> Kind;

/// Which latencies a request counts to.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Read,
    Write,
}

/// A server and what its requests need.
#[derive(Clone)]
pub struct Target {
    pub port: u16,
    pub rows: u32,
    pub token: Option<String>,
}

/// What one run found.
pub struct Figures {
    pub per_second: f64,
    pub reads: Histogram<u64>,
}

impl Figures {
    /// The 99th percentile of reads, in microseconds.
    pub fn read_p99_us(&self) -> f64 {
        self.reads.value_at_quantile(0.99) as f64
    }
}

/// Runs `requests` against `target` for so long on so many connections.
pub fn run(target: &Target, requests: Requests, connections: u32, seconds: f64) -> anyhow::Result<Figures> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let started = Instant::now();
        let until = started + Duration::from_secs_f64(seconds);
        let mut tasks = JoinSet::new();
        for connection in 0..connections {
            tasks.spawn(one(target.clone(), requests, u64::from(connection), until));
        }
        let mut reads = Histogram::new(3)?;
        let mut writes = Histogram::new(3)?;
        while let Some(done) = tasks.join_next().await {
            let (read, written) = done??;
            reads.add(read)?;
            writes.add(written)?;
        }
        let answered = (reads.len() + writes.len()) as f64;
        Ok(Figures { per_second: answered / started.elapsed().as_secs_f64(), reads })
    })
}

async fn one(
    target: Target,
    requests: Requests,
    seed: u64,
    until: Instant,
) -> anyhow::Result<(Histogram<u64>, Histogram<u64>)> {
    let mut stream = TcpStream::connect(("127.0.0.1", target.port)).await?;
    stream.set_nodelay(true)?;
    let (mut reads, mut writes) = (Histogram::new(3)?, Histogram::new(3)?);
    let mut number = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    let (mut request, mut reply) = (Vec::with_capacity(1024), vec![0; 64 * 1024]);
    loop {
        let sent = Instant::now();
        if sent >= until {
            return Ok((reads, writes));
        }
        number = mix(number);
        request.clear();
        let kind = requests(number, &mut request, &target);
        stream.write_all(&request).await?;
        receive(&mut stream, &mut reply).await?;
        let micros = sent.elapsed().as_micros() as u64;
        match kind {
            Kind::Read => reads.record(micros)?,
            Kind::Write => writes.record(micros)?,
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
