//! App ids are few and occur in every ledger: each is kept once.

use hashbrown::HashSet;
use std::sync::Arc;

/// Shares equal ids. Ids that no ledger holds any more are dropped from time to time, so hostile ids do not pile up.
#[derive(Debug, Default)]
pub struct Names {
    ids: HashSet<Arc<str>, ahash::RandomState>,
    sweep_at: usize,
}

const SMALLEST_SWEEP: usize = 4096;

impl Names {
    /// The shared copy of an id.
    pub fn share(&mut self, id: &str) -> Arc<str> {
        if let Some(shared) = self.ids.get(id) {
            return shared.clone();
        }
        if self.ids.len() >= self.sweep_at {
            self.ids.retain(|shared| Arc::strong_count(shared) > 1);
            self.sweep_at = (self.ids.len() * 2).max(SMALLEST_SWEEP);
        }
        let shared: Arc<str> = id.into();
        self.ids.insert(shared.clone());
        shared
    }

    /// Ids kept now.
    #[must_use]
    pub fn len(&self) -> usize {
        self.ids.len()
    }

    /// None is kept.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ids.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_that_nobody_holds_do_not_pile_up() {
        let mut names = Names::default();
        let kept = names.share("ppt");
        for n in 0..50_000 {
            names.share(&format!("hostile-{n}"));
        }
        assert!(names.len() <= SMALLEST_SWEEP + 1, "{}", names.len());
        assert!(Arc::ptr_eq(&kept, &names.share("ppt")));
    }
}
