//! A TCP proxy between the server and its database, which cuts connections at the worst moment.

use std::{
    io::{Read, Write},
    net::{Shutdown, SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread,
};

/// What is cut: the confirmation of a statement or of a transaction, or of a transaction alone.
const CONFIRMED: usize = 1;
const COMMITTED: usize = 2;

/// Passes bytes on until it is told to cut.
pub struct Proxy {
    address: SocketAddr,
    cuts: Arc<AtomicUsize>,
}

impl Proxy {
    /// A proxy to this port of this machine.
    pub fn to(port: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let cuts = Arc::new(AtomicUsize::new(0));
        let shared = cuts.clone();
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let cuts = shared.clone();
                thread::spawn(move || {
                    if let Ok(server) = TcpStream::connect(("127.0.0.1", port)) {
                        pass(&client, &server, &cuts);
                    }
                });
            }
        });
        Self { address, cuts }
    }

    /// Where it listens.
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// The next time that the database confirms a write, its answer is thrown away and the connection is closed.
    pub fn cut_next_confirmation(&self) {
        self.cuts.store(CONFIRMED, Ordering::SeqCst);
    }

    /// The same, but only where a transaction of several statements is confirmed.
    pub fn cut_next_commit(&self) {
        self.cuts.store(COMMITTED, Ordering::SeqCst);
    }

    /// Whether it has cut.
    pub fn has_cut(&self) -> bool {
        self.cuts.load(Ordering::SeqCst) == 0
    }
}

fn pass(client: &TcpStream, server: &TcpStream, cuts: &AtomicUsize) {
    // Only connections that speak of notes: the bookkeeping has its own.
    let speaks = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            copy(client, server, |bytes| {
                if contains(bytes, b"\"public\".\"notes\"") {
                    speaks.store(true, Ordering::SeqCst);
                }
                false
            });
        });
        scope.spawn(|| {
            copy(server, client, |bytes| {
                // The tags of a finished insert that stands alone, and of a finished transaction.
                let wanted = cuts.load(Ordering::SeqCst);
                let inserted = wanted == CONFIRMED && contains(bytes, b"INSERT 0 1\0");
                let confirms = inserted || contains(bytes, b"COMMIT\0");
                let cut = || cuts.compare_exchange(wanted, 0, Ordering::SeqCst, Ordering::SeqCst).is_ok();
                wanted > 0 && confirms && speaks.load(Ordering::SeqCst) && cut()
            });
        });
    });
}

/// Passes bytes on until either side ends, or `cut` says so.
fn copy(mut from: &TcpStream, mut to: &TcpStream, cut: impl Fn(&[u8]) -> bool) {
    let mut buffer = [0; 64 * 1024];
    loop {
        match from.read(&mut buffer) {
            Ok(read) if read > 0 && !cut(&buffer[..read]) => {
                if to.write_all(&buffer[..read]).is_err() {
                    break;
                }
            }
            _ => break,
        }
    }
    let _ = (from.shutdown(Shutdown::Both), to.shutdown(Shutdown::Both));
}

fn contains(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}
