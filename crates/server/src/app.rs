//! Handles to everything a request can need. No behaviour of its own.

use std::sync::Arc;

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
    pub telemetry: Telemetry,
    /// What the API says of itself, by role.
    pub documents: Documents,
    /// Makes names for requests.
    pub request_ids: RequestIds,
    /// Which web pages may call.
    pub cors: Cors,
    /// The open connections.
    pub connections: Connections,
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
            telemetry: Telemetry { access_log: settings.access_log, ..Telemetry::default() },
            settings,
            data,
            identity,
            changes,
            documents: Documents::default(),
            request_ids: RequestIds::default(),
            connections: Connections::default(),
        }
    }
}
