//! Handles to everything a request can need. No behaviour of its own.

use std::sync::Arc;

use arc_swap::ArcSwapOption;
use transom_data::Data;
use transom_events::ChangeFeed;
use transom_identity::Identity;

use crate::{
    cors::Cors,
    endpoints::openapi::Documents,
    listener::connections::Connections,
    settings::Settings,
    telemetry::{RequestIds, Telemetry},
};

/// One server's handles.
pub struct App {
    /// Bounds and switches.
    pub settings: Settings,
    /// The data of the project.
    pub data: Arc<Data>,
    /// Who is asking.
    pub identity: Arc<Identity>,
    /// Committed changes, if any tables' are tracked.
    pub changes: Option<ChangeFeed>,
    /// Metrics and log.
    pub telemetry: Arc<Telemetry>,
    /// What the API says of itself, by role.
    pub documents: Documents,
    /// Makes names for requests.
    pub request_ids: RequestIds,
    /// Which web pages may call.
    pub cors: Cors,
    /// The open connections.
    pub connections: Arc<Connections>,
    /// What answers requests in place of this, since it was configured anew.
    successor: ArcSwapOption<Self>,
}

impl App {
    /// Brings the handles together.
    pub fn new(
        settings: Settings,
        data: Arc<Data>,
        identity: Arc<Identity>,
        changes: Option<ChangeFeed>,
    ) -> Self {
        Self {
            cors: Cors::new(&settings.cors, settings.compatible),
            telemetry: Arc::new(Telemetry { access_log: settings.access_log, ..Telemetry::default() }),
            settings,
            data,
            identity,
            changes,
            documents: Documents::default(),
            request_ids: RequestIds::default(),
            connections: Arc::default(),
            successor: ArcSwapOption::empty(),
        }
    }

    /// Lets another configuration answer from the next request on. What listens, and how, stays as it is.
    pub fn succeeded_by(&self, mut successor: Self) {
        successor.telemetry = self.telemetry.clone();
        successor.connections = self.connections.clone();
        self.successor.store(Some(Arc::new(successor)));
    }

    /// What answers requests now.
    pub fn current(self: &Arc<Self>) -> Arc<Self> {
        self.successor.load().as_ref().unwrap_or(self).clone()
    }
}
