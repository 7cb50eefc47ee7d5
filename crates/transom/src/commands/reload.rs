//! Reads the schema or the configuration again while requests are served: on a signal, or when the database says so on a
//! channel. What is wrong is logged, and what was good before keeps serving; no request waits.

use std::{io, sync::Arc, time::Duration};

use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    sync::mpsc::Receiver,
};
use transom_data::Data;
use transom_ports::Notice;
use transom_server::App;

use crate::{faults::Faults, project::Project, wiring};

/// The channel that PostgREST listens on.
const CHANNEL: &str = "pgrst";

/// How long requests that began with the former configuration may still use its connections.
const FAREWELL: Duration = Duration::from_secs(60);

/// What is to be read again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Wish {
    /// The schema, and what the project says of it.
    Schema,
    /// The configuration, and with it the schema.
    Configuration,
}

/// The signals that ask for it: SIGHUP and SIGUSR1 for the schema, SIGUSR2 for the configuration. One that comes before
/// anybody waits for it is kept.
pub struct Signals([Signal; 3]);

impl Signals {
    /// Listens from the call on: until then such a signal ends the process. Errors: the system takes no handler.
    pub fn listen() -> io::Result<Self> {
        let (schema, configuration) = (SignalKind::hangup(), SignalKind::user_defined2());
        Ok(Self([signal(schema)?, signal(SignalKind::user_defined1())?, signal(configuration)?]))
    }
}

/// Reads again what a signal, or what is said on the channel, asks for.
pub async fn whenever_asked(signals: Signals, project: Arc<Project>, app: Arc<App>, data: Arc<Data>) {
    let (mut project, mut data) = (project, data);
    let Signals([mut hangup, mut first, mut second]) = signals;
    let mut notices = notices(&project, &data).await;
    loop {
        let wish = next([&mut hangup, &mut first, &mut second], &mut notices).await;
        if wish == Wish::Configuration && project.postgrest.is_some() {
            if let Some((project_now, data_now)) = configure(&project, &app).await {
                let former = std::mem::replace(&mut data, data_now);
                project = project_now;
                notices = self::notices(&project, &data).await;
                tokio::spawn(async move {
                    tokio::time::sleep(FAREWELL).await;
                    former.database().close().await;
                });
            }
        } else {
            read_schema(&project, &data).await;
        }
    }
}

async fn notices(project: &Project, data: &Data) -> Option<Receiver<Notice>> {
    let channel = match &project.postgrest {
        Some(postgrest) => postgrest.channel.as_deref()?,
        None => CHANNEL,
    };
    data.database().notices(channel).await
}

/// What is wished next; wishes that came at once are one.
async fn next([hangup, first, second]: [&mut Signal; 3], notices: &mut Option<Receiver<Notice>>) -> Wish {
    loop {
        let heard = async {
            match notices {
                Some(notices) => notices.recv().await,
                None => std::future::pending().await,
            }
        };
        let wish = tokio::select! {
            _ = hangup.recv() => Some(Wish::Schema),
            _ = first.recv() => Some(Wish::Schema),
            _ = second.recv() => Some(Wish::Configuration),
            notice = heard => match notice {
                Some(notice) => wished(&notice),
                None => {
                    *notices = None;
                    continue;
                }
            },
        };
        let waiting = notices.iter_mut().flat_map(|notices| std::iter::from_fn(|| notices.try_recv().ok()));
        let wishes = waiting.filter_map(|notice| wished(&notice)).chain(wish);
        if let Some(wish) = wishes.max() {
            return wish;
        }
    }
}

/// What a notice asks for, if it is one of those that PostgREST knows.
fn wished(notice: &Notice) -> Option<Wish> {
    match notice {
        Notice::Missed => Some(Wish::Schema),
        Notice::Said(payload) => match payload.as_str() {
            "" | "reload schema" => Some(Wish::Schema),
            "reload config" => Some(Wish::Configuration),
            _ => None,
        },
    }
}

async fn read_schema(project: &Project, data: &Data) {
    let sources = match project.sources() {
        Ok(sources) => sources,
        Err(error) => {
            tracing::error!(%error, "the project cannot be read; the last good model keeps serving");
            return;
        }
    };
    match data.reload(&sources).await {
        Ok(()) => tracing::info!("schema, policies and queries were read again"),
        Err(problems) => {
            tracing::error!(faults = %Faults::from(problems), "the last good model keeps serving");
        }
    }
}

/// Everything anew, with connections of its own; what listens stays.
async fn configure(project: &Project, app: &App) -> Option<(Arc<Project>, Arc<Data>)> {
    let anew = async {
        let project = Arc::new(wiring::with_role_settings(project.read_again(&[])?).await?);
        let database = wiring::database(&project).await?;
        let data = Arc::new(wiring::data(&project, database).await?);
        anyhow::Ok((project.clone(), data.clone(), wiring::app(&project, data).await?))
    };
    match anew.await {
        Ok((project, data, successor)) => {
            app.succeeded_by(successor);
            tracing::info!("the configuration was read again");
            Some((project, data))
        }
        Err(error) => {
            tracing::error!(%error, "the last good configuration keeps serving");
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_known_words_are_wishes() {
        let said = |payload: &str| wished(&Notice::Said(payload.to_owned()));
        assert_eq!(said("reload schema"), Some(Wish::Schema));
        assert_eq!(said("reload config"), Some(Wish::Configuration));
        assert_eq!(said("reload"), None);
        assert_eq!(wished(&Notice::Missed), Some(Wish::Schema));
        assert!(Wish::Configuration > Wish::Schema);
    }
}
