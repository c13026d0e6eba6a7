//! Which ledger set is read, and by which definitions; a rebuild can swap both while the process runs.

use super::client::{Store, StoreError};
use super::sets::SetBook;
use crate::logic::device_plan as plan;
use clickhouse::Row;
use schemas::definitions::{CURRENT_TOML, Definitions, DefinitionsError};
use schemas::sets::SetName;
use serde::Deserialize;
use std::sync::Arc;

/// What one swap put into force. A question takes one of these and keeps it, so an answer is never of two sets.
pub struct Readers {
    /// Number of the swap; 0: none yet.
    pub ver: u64,
    /// Reads the set's tables.
    pub store: Store,
    /// Parameters of its figures.
    pub definitions: Definitions,
    /// Sets of devices, of its rows.
    pub sets: SetBook,
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
    pub fn live(store: &Store) -> Result<Readers, DefinitionsError> {
        let definitions = Definitions::parse(CURRENT_TOML)?;
        Ok(Readers { ver: 0, store: store.of_set(&SetName::live()), definitions, sets: SetBook::default() })
    }

    /// What is in force now: `self`, unless there was a swap since.
    ///
    /// # Errors
    /// The statement failed.
    pub async fn refresh(self: &Arc<Self>, query_id: &str) -> Result<Arc<Readers>, StoreError> {
        let rows = self.store.fetch::<SwapRow>(&plan::readers(), query_id).await?;
        let swap = rows.into_iter().next().filter(|row| row.ver != self.ver);
        Ok(swap.and_then(|row| self.swapped(&row)).map_or_else(|| self.clone(), Arc::new))
    }

    /// A row that nobody wrote changes nothing.
    fn swapped(&self, row: &SwapRow) -> Option<Readers> {
        let set = SetName::parse(&row.set_name)?;
        match Definitions::parse(&row.definitions) {
            Ok(definitions) => {
                tracing::info!(%set, definitions = definitions.version, "readers swapped");
                Some(Readers { ver: row.ver, store: self.store.of_set(&set), definitions, sets: SetBook::default() })
            }
            Err(error) => {
                tracing::error!(%set, %error, "the readers' definitions cannot be read, the former set is read on");
                None
            }
        }
    }
}
