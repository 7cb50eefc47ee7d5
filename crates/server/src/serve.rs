//! Starts both listeners, and stops them in order.

use std::{future::Future, sync::Arc};

use tokio::{net::TcpListener, sync::watch};

use crate::{admin, app::App, listener};

/// How a server stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stopped {
    /// Connections that did not finish within the drain timeout and were cut off.
    pub cut_off: usize,
}

/// Serves the API on `listener`, and health and metrics on `admin`, until `shutdown` is ready. Then it stops accepting, lets
/// what runs finish within [`crate::Settings::drain_timeout`], and returns. The admin listener answers until the very end, so
/// that `/readyz` can say that the server is stopping.
pub async fn serve(
    app: Arc<App>,
    listener: TcpListener,
    admin: Option<TcpListener>,
    shutdown: impl Future<Output = ()>,
) -> Stopped {
    let (stop_admin, stopped) = watch::channel(());
    let admin = admin.map(|listener| tokio::spawn(admin::run(app.clone(), listener, stopped)));
    let cut_off = listener::run(&app, listener, shutdown).await;
    drop(stop_admin);
    if let Some(admin) = admin {
        // Only a panic could make it fail, and there is nothing left to serve.
        let _ = admin.await;
    }
    Stopped { cut_off }
}
