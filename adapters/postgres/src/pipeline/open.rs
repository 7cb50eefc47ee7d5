//! Opens a connection for sessions. The client library knows how to be let in, so it does that; then the stream, which was
//! lent to it, is taken back.

use std::{
    io,
    pin::{Pin, pin},
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll},
    time::Duration,
};

use bytes::BytesMut;
use futures_util::future::{Either, select};
use postgres_protocol::message::frontend;
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf},
    net::{TcpStream, UnixStream},
};
use tokio_postgres::{
    NoTls, SimpleQueryMessage,
    config::{Host, SslMode, SslNegotiation, TargetSessionAttrs},
};

use super::line::Line;
use crate::connect::{CONNECT_TIMEOUT, Connector, Purpose};

/// Bytes to and from a server.
pub(super) trait Bytes: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Bytes for T {}

/// A stream of some kind.
pub(super) type Wire = Box<dyn Bytes>;

/// A connection to the first host that takes it; no statement on it runs longer than `timeout`.
pub(super) async fn open(connector: &Connector, timeout: Duration) -> Result<Line, String> {
    let config = connector.config();
    let count = config.get_hosts().len().max(config.get_hostaddrs().len());
    let mut failed = "there is no host".to_owned();
    for at in 0..count {
        let opened = tokio::time::timeout(2 * CONNECT_TIMEOUT, host(connector, at, timeout)).await;
        match opened.unwrap_or_else(|_| Err("it takes too long".to_owned())) {
            Ok(wire) => {
                let line = Line::new(wire, connector.statement_count_max()).await;
                return line.ok_or_else(|| "what every session needs cannot be prepared".to_owned());
            }
            Err(error) => failed = error,
        }
    }
    Err(failed)
}

async fn host(connector: &Connector, at: usize, timeout: Duration) -> Result<Wire, String> {
    let config = connector.config();
    let wire = wire(connector, at).await.map_err(|error| error.to_string())?;
    let lent = Lent(Arc::new(Mutex::new(Some(wire))));
    let mut plain = config.clone();
    // Where it is to be encrypted, it is already.
    plain.ssl_mode(SslMode::Disable);
    let (client, connection) =
        plain.connect_raw(lent.clone(), NoTls).await.map_err(|error| error.to_string())?;
    let begin = async {
        let shown = client.simple_query("SHOW transaction_read_only").await?;
        client.batch_execute(&Connector::settings(Purpose::Read, timeout, "SESSION")).await?;
        Ok::<_, tokio_postgres::Error>(shown)
    };
    let shown = match select(pin!(begin), connection).await {
        Either::Left((shown, _)) => shown.map_err(|error| error.to_string())?,
        Either::Right(_) => return Err("it was closed".to_owned()),
    };
    let read_only = shown
        .iter()
        .any(|message| matches!(message, SimpleQueryMessage::Row(row) if row.get(0) == Some("on")));
    let wanted = match config.get_target_session_attrs() {
        TargetSessionAttrs::ReadWrite => !read_only,
        TargetSessionAttrs::ReadOnly => read_only,
        _ => true,
    };
    match lent.back() {
        Some(wire) if wanted => Ok(wire),
        _ => Err("it is not the kind of server that is wanted".to_owned()),
    }
}

/// The stream to a host, encrypted as the address wants it.
async fn wire(connector: &Connector, at: usize) -> io::Result<Wire> {
    let config = connector.config();
    let ports = config.get_ports();
    let port = ports.get(at).or(ports.first()).copied().unwrap_or(5432);
    let name = match config.get_hosts().get(at) {
        Some(Host::Unix(path)) => {
            return Ok(Box::new(UnixStream::connect(path.join(format!(".s.PGSQL.{port}"))).await?));
        }
        Some(Host::Tcp(name)) => Some(name.as_str()),
        None => None,
    };
    let stream = match (config.get_hostaddrs().get(at), name) {
        (Some(address), _) => TcpStream::connect((*address, port)).await?,
        (None, name) => TcpStream::connect((name.unwrap_or_default(), port)).await?,
    };
    stream.set_nodelay(true)?;
    encrypted(connector, stream, name).await
}

async fn encrypted(connector: &Connector, mut stream: TcpStream, name: Option<&str>) -> io::Result<Wire> {
    let config = connector.config();
    let mode = config.get_ssl_mode();
    if mode == SslMode::Disable {
        return Ok(Box::new(stream));
    }
    if config.get_ssl_negotiation() == SslNegotiation::Postgres {
        let mut request = BytesMut::new();
        frontend::ssl_request(&mut request);
        stream.write_all(&request).await?;
        if stream.read_u8().await? != b'S' {
            return match mode {
                SslMode::Prefer => Ok(Box::new(stream)),
                _ => Err(io::Error::other("the server does not encrypt")),
            };
        }
    }
    Ok(Box::new(connector.tls().over(name.unwrap_or_default(), stream).await?))
}

/// A stream that is lent.
#[derive(Clone)]
struct Lent(Arc<Mutex<Option<Wire>>>);

impl Lent {
    fn back(&self) -> Option<Wire> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    fn with<T>(&self, run: impl FnOnce(Pin<&mut Wire>) -> Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        match self.0.lock().unwrap_or_else(PoisonError::into_inner).as_mut() {
            Some(wire) => run(Pin::new(wire)),
            None => Poll::Ready(Err(io::ErrorKind::NotConnected.into())),
        }
    }
}

impl AsyncRead for Lent {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.with(|wire| wire.poll_read(context, buffer))
    }
}

impl AsyncWrite for Lent {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.with(|wire| wire.poll_write(context, bytes))
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.with(|wire| wire.poll_flush(context))
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.with(|wire| wire.poll_shutdown(context))
    }
}
