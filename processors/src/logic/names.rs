//! App ids are few and occur in every ledger: each is kept once.

use hashbrown::HashSet;
use std::borrow::Borrow;
use std::ops::Deref;
use std::sync::Arc;

/// A shared app id. One pointer wide, for every ledger holds a few; the text is one step further away.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AppId(Arc<Box<str>>);

impl Deref for AppId {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl Borrow<str> for AppId {
    fn borrow(&self) -> &str {
        self
    }
}

/// Shares equal ids. Ids that no ledger holds any more are dropped from time to time, so hostile ids do not pile up.
#[derive(Debug, Default)]
pub struct Names {
    ids: HashSet<AppId, ahash::RandomState>,
    sweep_at: usize,
}

const SMALLEST_SWEEP: usize = 4096;

impl Names {
    /// The shared copy of an id.
    pub fn share(&mut self, id: &str) -> AppId {
        if let Some(shared) = self.ids.get(id) {
            return shared.clone();
        }
        if self.ids.len() >= self.sweep_at {
            self.ids.retain(|shared| Arc::strong_count(&shared.0) > 1);
            self.sweep_at = (self.ids.len() * 2).max(SMALLEST_SWEEP);
        }
        let shared = AppId(Arc::new(id.into()));
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
        assert!(Arc::ptr_eq(&kept.0, &names.share("ppt").0));
    }
}
