//! Files of schools and devices, by their codes: the same file again changes nothing, so an import that was cut off is
//! sent again.

mod devices;
mod export;
mod schools;

use super::change::Change;
use super::{Actor, Store, StoreError};
use crate::logic::import::devices::DeviceLine;
use crate::logic::import::schools::SchoolLine;
use crate::logic::import::{Line, LineResult, Mode, Outcome};

/// A kind of file.
trait Importable: Sized {
    /// Lines of one transaction where each stands alone: other changes get their turn in between.
    const TOGETHER: usize;

    /// Takes lines below an area; those that are refused leave no trace.
    async fn take(change: &mut Change<'_>, area: u32, lines: &[Line<Self>]) -> Result<Vec<LineResult>, StoreError>;
}

impl Store {
    /// Adds and changes the schools of a file below an area.
    ///
    /// # Errors
    /// The store cannot be written; what was committed until then stands.
    pub async fn import_schools(
        &self,
        actor: &Actor,
        area: u32,
        lines: &[Line<SchoolLine>],
        mode: Mode,
    ) -> Result<Vec<LineResult>, StoreError> {
        self.import(actor, area, lines, mode).await
    }

    /// Adds and changes the devices of a file, in schools below an area. A new one is enrolled from then on, as if it had
    /// joined; it has no token yet.
    ///
    /// # Errors
    /// The store cannot be written; what was committed until then stands.
    pub async fn import_devices(
        &self,
        actor: &Actor,
        area: u32,
        lines: &[Line<DeviceLine>],
        mode: Mode,
    ) -> Result<Vec<LineResult>, StoreError> {
        self.import(actor, area, lines, mode).await
    }

    async fn import<W: Importable>(
        &self,
        actor: &Actor,
        area: u32,
        lines: &[Line<W>],
        mode: Mode,
    ) -> Result<Vec<LineResult>, StoreError> {
        let together = if mode == Mode::BestEffort { W::TOGETHER } else { lines.len().max(1) };
        let mut results = Vec::with_capacity(lines.len());
        for part in lines.chunks(together) {
            let mut change = self.change(actor).await?;
            results.append(&mut W::take(&mut change, area, part).await?);
            let whole = results.iter().all(|result| result.outcome != Outcome::Refused);
            match mode {
                Mode::BestEffort => change.commit().await?,
                Mode::AllOrNothing if whole => change.commit().await?,
                Mode::AllOrNothing | Mode::DryRun => results.iter_mut().for_each(LineResult::undo),
            }
        }
        Ok(results)
    }
}
