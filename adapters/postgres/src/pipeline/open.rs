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
use futures_util::future::{Either, Ready, ready, select};
use postgres_protocol::message::frontend;
use socket2::{SockRef, TcpKeepalive};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf},
    net::{TcpStream, UnixStream},
};
use tokio_postgres::{
    Config,
    config::{Host, SslMode, SslNegotiation},
    tls::{ChannelBinding, TlsConnect, TlsStream},
};

use super::line::Line;
use crate::{
    connect::{Connector, Purpose},
    tls::Tls,
    tour::{Refusal, Stop, Tour},
};

/// Bytes to and from a server.
pub(super) trait Bytes: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Bytes for T {}

/// A stream of some kind.
pub(super) type Wire = Box<dyn Bytes>;

/// A connection to the first host that takes it; no statement on it runs longer than `timeout`.
pub(super) async fn open(connector: &Connector, timeout: Duration) -> Result<Line, String> {
    let (address, tls) = (connector.address(), connector.tls());
    let mut tour = Tour::new(address, &tls);
    while let Some(stop) = tour.next().await {
        match tokio::time::timeout(address.connect_timeout, enter(&stop, &tls, timeout)).await {
            Ok(Ok(wire)) => {
                let line = Line::new(wire, connector.statement_count_max()).await;
                return line.ok_or_else(|| "what every session needs cannot be prepared".to_owned());
            }
            Ok(Err(refusal)) => tour.refused(refusal),
            Err(_) => tour.refused(Refusal::silent()),
        }
    }
    Err(tour.failed())
}

async fn enter(stop: &Stop, tls: &Tls, timeout: Duration) -> Result<Wire, Refusal> {
    let (wire, end_point) = wire(stop, tls).await?;
    let lent = Lent { wire: Arc::new(Mutex::new(Some(wire))), end_point };
    let mut config = stop.config.clone();
    // Where it is to be encrypted, it is already: the library is only told what binds the log-in to that.
    match lent.end_point {
        Some(_) => config.ssl_mode(SslMode::Require).ssl_negotiation(SslNegotiation::Direct),
        None => config.ssl_mode(SslMode::Disable),
    };
    let (client, connection) = config.connect_raw(lent.clone(), Bound).await?;
    let begin = async {
        client.batch_execute(&Connector::settings(Purpose::Read, timeout, "SESSION")).await?;
        stop.wanted.is_met(&client).await
    };
    let met = match select(pin!(begin), connection).await {
        Either::Left((met, _)) => met?,
        Either::Right(_) => return Err(Refusal::closed()),
    };
    match lent.back() {
        Some(wire) if met => Ok(wire),
        _ => Err(Refusal::other_kind()),
    }
}

/// The stream to a host, encrypted as the address wants it, and what binds a log-in to the server's certificate.
async fn wire(stop: &Stop, tls: &Tls) -> io::Result<(Wire, Option<Vec<u8>>)> {
    let config = &stop.config;
    let port = config.get_ports().first().copied().unwrap_or_default();
    let name = match config.get_hosts().first() {
        Some(Host::Unix(path)) => {
            let stream = UnixStream::connect(path.join(format!(".s.PGSQL.{port}"))).await?;
            return Ok((Box::new(stream), None));
        }
        Some(Host::Tcp(name)) => name.as_str(),
        None => "",
    };
    let stream = match config.get_hostaddrs().first() {
        Some(address) => TcpStream::connect((*address, port)).await?,
        None => TcpStream::connect((name, port)).await?,
    };
    stream.set_nodelay(true)?;
    keep_alive(config, &stream)?;
    encrypted(config, tls, stream, name).await
}

/// What the address says of connections on which nothing is heard; the library does the same for its own.
fn keep_alive(config: &Config, stream: &TcpStream) -> io::Result<()> {
    let socket = SockRef::from(stream);
    socket.set_tcp_user_timeout(config.get_tcp_user_timeout().copied())?;
    if !config.get_keepalives() {
        return Ok(());
    }
    let mut probes = TcpKeepalive::new().with_time(config.get_keepalives_idle());
    if let Some(interval) = config.get_keepalives_interval() {
        probes = probes.with_interval(interval);
    }
    if let Some(count) = config.get_keepalives_retries() {
        probes = probes.with_retries(count);
    }
    socket.set_tcp_keepalive(&probes)
}

async fn encrypted(
    config: &Config,
    tls: &Tls,
    mut stream: TcpStream,
    name: &str,
) -> io::Result<(Wire, Option<Vec<u8>>)> {
    let mode = config.get_ssl_mode();
    if mode == SslMode::Disable {
        return Ok((Box::new(stream), None));
    }
    if config.get_ssl_negotiation() == SslNegotiation::Postgres {
        let mut request = BytesMut::new();
        frontend::ssl_request(&mut request);
        stream.write_all(&request).await?;
        if stream.read_u8().await? != b'S' {
            return match mode {
                SslMode::Prefer => Ok((Box::new(stream), None)),
                _ => Err(io::Error::other("the server does not encrypt")),
            };
        }
    }
    let stream = tls.over(name, stream).await?;
    let end_point = stream.end_point();
    Ok((Box::new(stream), end_point))
}

/// Hands a stream over that is encrypted already.
struct Bound;

impl TlsConnect<Lent> for Bound {
    type Stream = Lent;
    type Error = io::Error;
    type Future = Ready<io::Result<Lent>>;

    fn connect(self, stream: Lent) -> Self::Future {
        ready(Ok(stream))
    }
}

impl TlsStream for Lent {
    fn channel_binding(&self) -> ChannelBinding {
        self.end_point.clone().map_or_else(ChannelBinding::none, ChannelBinding::tls_server_end_point)
    }
}

/// A stream that is lent.
#[derive(Clone)]
struct Lent {
    wire: Arc<Mutex<Option<Wire>>>,
    end_point: Option<Vec<u8>>,
}

impl Lent {
    fn back(&self) -> Option<Wire> {
        self.wire.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    fn with<T>(&self, run: impl FnOnce(Pin<&mut Wire>) -> Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        match self.wire.lock().unwrap_or_else(PoisonError::into_inner).as_mut() {
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;
    use crate::tls::tests::Encrypted;

    #[tokio::test]
    async fn sessions_are_encrypted_as_everything_else() {
        let encrypted = Encrypted::start("db.internal");
        let parameters = "host=db.internal&sslmode=verify-full&sslrootcert=ours.pem";
        for (user, binding) in [("postgres", "prefer"), ("scrammed", "require"), ("only_plain", "prefer")] {
            let parameters = match user {
                "only_plain" => "host=db.internal&sslmode=prefer".to_owned(),
                _ => format!("{parameters}&channel_binding={binding}"),
            };
            let connector = encrypted.connector(user, &parameters, true).unwrap();
            let opened = open(&connector, Duration::from_secs(5)).await;
            assert!(opened.is_ok(), "{user} {parameters} {:?}", opened.err());
        }
        let connector = encrypted.connector("only_plain", parameters, true).unwrap();
        let refused = open(&connector, Duration::from_secs(5)).await.err().unwrap();
        assert!(refused.contains("rejects"), "{refused}");
    }

    #[tokio::test]
    async fn the_address_says_how_a_silent_connection_is_probed() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let stream = || async { TcpStream::connect(listener.local_addr().unwrap()).await.unwrap() };
        let address = |text: &str| crate::address::Address::read(text).unwrap();
        let wanted =
            "host=h keepalives_idle=7 keepalives_interval=3 keepalives_count=4 tcp_user_timeout=1500";
        let probed = stream().await;
        keep_alive(&address(wanted).config, &probed).unwrap();
        let socket = SockRef::from(&probed);
        assert!(socket.keepalive().unwrap());
        assert_eq!(socket.tcp_keepalive_time().unwrap(), Duration::from_secs(7));
        assert_eq!(socket.tcp_keepalive_interval().unwrap(), Duration::from_secs(3));
        assert_eq!(socket.tcp_keepalive_retries().unwrap(), 4);
        assert_eq!(socket.tcp_user_timeout().unwrap(), Some(Duration::from_millis(1_500)));
        let left = stream().await;
        keep_alive(&address("host=h keepalives=0").config, &left).unwrap();
        assert!(!SockRef::from(&left).keepalive().unwrap());
    }

    #[tokio::test]
    async fn a_host_that_says_nothing_has_its_own_time() {
        let server = transom_pgkit::Server::start(transom_pgkit::Durability::None);
        let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let (taken, port) = (silent.local_addr().unwrap().port(), server.port());
        let url = format!(
            "host=127.0.0.1,127.0.0.1 port={taken},{port} user=postgres connect_timeout=2 sslmode=disable"
        );
        let connector = Connector::new(&crate::options::Options::url(url)).unwrap();
        let (alone, sessions) = tokio::join!(connector.client(), open(&connector, Duration::from_secs(5)));
        assert!(alone.is_ok(), "{:?}", alone.err());
        assert!(sessions.is_ok(), "{:?}", sessions.err());
    }
}
