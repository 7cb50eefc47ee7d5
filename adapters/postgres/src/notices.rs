//! Messages of a channel, heard on a connection of its own. When that is lost it is opened again; what was said meanwhile is
//! not known, so the listener is told that it may have missed something.

use std::{future::poll_fn, pin::pin, sync::Arc, time::Duration};

use futures_util::future::{Either, select};
use tokio::sync::mpsc;
use tokio_postgres::AsyncMessage;
use transom_ports::{DbError, Fault, Notice};
use transom_sql::{Dialect, postgres::Postgres};

use crate::connect::Connector;

/// Pauses between attempts to open the connection again: the first, doubled each time, and the longest.
const PAUSE_MIN: Duration = Duration::from_millis(100);
const PAUSE_MAX: Duration = Duration::from_secs(30);

/// Messages that wait to be heard; what is said beyond that is lost, and what waits is heard all the same.
const WAITING_MAX: usize = 16;

/// Begins to listen, until the receiver is dropped or the database closed.
pub(crate) fn listen(connector: Arc<Connector>, channel: &str) -> mpsc::Receiver<Notice> {
    let (told, heard) = mpsc::channel(WAITING_MAX);
    let mut ask = String::from("LISTEN ");
    Postgres.identifier(&mut ask, channel);
    let channel = channel.to_owned();
    tokio::spawn(async move {
        let mut pause = PAUSE_MIN;
        while !told.is_closed() && !connector.is_closed() {
            let ended = hear(&connector, &ask, &told, &mut pause).await;
            let error = ended.err().map_or_else(|| "it ended".to_owned(), |error| error.message);
            if told.is_closed() || connector.is_closed() {
                return;
            }
            tracing::warn!(channel, error, "the connection that listens was lost, and is opened again");
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(PAUSE_MAX);
        }
    });
    heard
}

/// Listens on one connection until it is lost or nobody wants to know any more.
async fn hear(
    connector: &Connector,
    ask: &str,
    told: &mpsc::Sender<Notice>,
    pause: &mut Duration,
) -> Result<(), DbError> {
    let lost = |error: tokio_postgres::Error| DbError::new(Fault::Unavailable, error.to_string());
    let (client, mut connection) = connector.raw().await?;
    let messages = async {
        loop {
            match poll_fn(|context| connection.poll_message(context)).await {
                Some(Ok(AsyncMessage::Notification(said))) => {
                    let _ = told.try_send(Notice::Said(said.payload().to_owned()));
                }
                Some(Ok(_)) => {}
                Some(Err(error)) => return Err(lost(error)),
                None => return Ok(()),
            }
        }
    };
    let listening = async {
        client.batch_execute(ask).await.map_err(lost)?;
        *pause = PAUSE_MIN;
        // The first time too: what was said since the caller last looked was said to nobody.
        let _ = told.try_send(Notice::Missed);
        told.closed().await;
        Ok(())
    };
    match select(pin!(messages), pin!(listening)).await {
        Either::Left((ended, _)) | Either::Right((ended, _)) => ended,
    }
}
