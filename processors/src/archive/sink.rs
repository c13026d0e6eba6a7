//! Where archive rows go.

use crate::tables;
use clickhouse::Client;
use runtime::config::ClickHouseConfig;
use schemas::rows::EventRawRow;

/// Takes rows; `Ok` means that they are durable.
pub(super) trait RawSink: Send {
    /// Why rows were not taken.
    type Error: std::error::Error + Send;

    /// Writes rows, all or not surely any.
    fn write(&self, rows: &[EventRawRow]) -> impl Future<Output = Result<(), Self::Error>> + Send;
}

/// The table `events_raw`.
pub(super) struct EventsRaw(Client);

impl EventsRaw {
    pub(super) fn new(config: &ClickHouseConfig) -> EventsRaw {
        EventsRaw(tables::client(config))
    }
}

impl RawSink for EventsRaw {
    type Error = clickhouse::error::Error;

    async fn write(&self, rows: &[EventRawRow]) -> Result<(), Self::Error> {
        tables::insert(&self.0, "events_raw", rows).await
    }
}
