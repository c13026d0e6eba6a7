//! Which ledger set is read, and by which definitions; a rebuild can swap both while the process runs.

use super::client::StoreError;
use super::facts::{QueryIds, Sources};
use crate::logic::device_plan as plan;
use clickhouse::Row;
use schemas::definitions::{CURRENT_TOML, Definitions, DefinitionsError};
use schemas::sets::SetName;
use schemas::time::Day;
use serde::Deserialize;
use std::sync::Arc;

/// What one swap put into force. A question takes one of these and keeps it, so an answer is never of two sets.
pub struct Readers {
    /// Number of the swap; 0: none yet.
    pub ver: u64,
    /// The set's tables, and what is kept of them.
    pub sources: Arc<Sources>,
    /// Parameters of its figures.
    pub definitions: Definitions,
}

/// The row of table `readers`.
#[derive(Row, Deserialize)]
pub struct SwapRow {
    set_name: String,
    definitions: String,
    ver: u64,
}

impl Readers {
    /// The live tables and the embedded definitions.
    ///
    /// # Errors
    /// The embedded definitions cannot be read.
    pub fn live(sources: Sources) -> Result<Readers, DefinitionsError> {
        Ok(Readers { ver: 0, sources: Arc::new(sources), definitions: Definitions::parse(CURRENT_TOML)? })
    }

    /// Fills the memory, so that the first question need not.
    ///
    /// # Errors
    /// A statement failed.
    pub async fn warm(&self, today: Day, ids: &QueryIds) -> Result<(), StoreError> {
        self.sources.memory.warm(&self.sources.store, today, ids).await
    }

    /// What is in force now: `self`, unless there was a swap since.
    ///
    /// # Errors
    /// The statement failed.
    pub async fn refresh(self: &Arc<Self>, query_id: &str) -> Result<Arc<Readers>, StoreError> {
        let rows = self.sources.store.fetch::<SwapRow>(&plan::readers(), query_id).await?;
        let swap = rows.into_iter().next().filter(|row| row.ver != self.ver);
        Ok(swap.and_then(|row| self.swapped(&row)).map_or_else(|| self.clone(), Arc::new))
    }

    /// A row that nobody wrote changes nothing.
    fn swapped(&self, row: &SwapRow) -> Option<Readers> {
        let set = SetName::parse(&row.set_name)?;
        match Definitions::parse(&row.definitions) {
            Ok(definitions) => {
                tracing::info!(%set, definitions = definitions.version, "readers swapped");
                Some(Readers { ver: row.ver, sources: Arc::new(self.sources.of_set(&set)), definitions })
            }
            Err(error) => {
                tracing::error!(%set, %error, "the readers' definitions cannot be read, the former set is read on");
                None
            }
        }
    }
}
