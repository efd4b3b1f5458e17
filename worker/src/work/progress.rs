//! How a batch gets on, for who waits for it.

use std::{
    collections::HashMap,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering},
    },
};

use sungrid_primitives::UnitIndex;

use super::Computed;

/// How a batch gets on, for who waits for it.
#[derive(Debug, Default)]
pub struct Progress {
    fetching: AtomicUsize,
    /// Units whose inputs are here.
    ready: AtomicUsize,
    advanced: AtomicBool,
    /// Units that are finished, from the batch's first on.
    first: AtomicU32,
    /// The first unit whose input was not to be had.
    missing: Mutex<Option<UnitIndex>>,
}

impl Progress {
    /// Whether it waits for a peer: something is fetched, and nothing else can be done meanwhile.
    pub fn is_fetching(&self) -> bool {
        self.fetching.load(Ordering::Relaxed) > 0 && self.ready.load(Ordering::Relaxed) == 0
    }

    /// How a batch gets on of which a former run lacked the input of a unit.
    pub fn after(missing: Option<UnitIndex>) -> Self {
        Self {
            missing: Mutex::new(missing),
            ..Self::default()
        }
    }

    /// The first unit whose input was not to be had, and is not here since.
    pub fn missing(&self) -> Option<UnitIndex> {
        *self.missing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn note_missing(&self, unit: Option<UnitIndex>) {
        *self.missing.lock().unwrap_or_else(PoisonError::into_inner) = unit;
    }

    /// Whether a unit was finished before which all are, since this was last asked. What is finished behind a gap says nothing of who is
    /// to fill it.
    pub fn has_advanced(&self) -> bool {
        self.advanced.swap(false, Ordering::Relaxed)
    }

    /// Whether the first of its units is finished: then there is something to be sealed, should the batch be given back.
    pub fn has_first(&self) -> bool {
        self.first.load(Ordering::Relaxed) > 0
    }

    /// Counts the units from the first one on that are finished.
    pub(super) fn count_first(&self, first: UnitIndex, computed: &HashMap<UnitIndex, Computed>) {
        let units = self.first.load(Ordering::Relaxed);
        let beyond = first.saturating_add(units)..;
        let more = beyond.take_while(|unit| computed.contains_key(unit));
        let more = more.count() as u32;
        self.first.store(units + more, Ordering::Relaxed);
        if more > 0 {
            self.advanced.store(true, Ordering::Relaxed);
        }
    }

    /// Something is fetched as long as this lives.
    pub(super) fn fetch(&self) -> Counted<'_> {
        Counted::new(&self.fetching)
    }

    /// A unit has its inputs, and is computed and stored as long as this lives.
    pub(super) fn unit(&self) -> Counted<'_> {
        Counted::new(&self.ready)
    }
}

/// Counts as one as long as it lives.
pub(super) struct Counted<'a>(&'a AtomicUsize);

impl<'a> Counted<'a> {
    fn new(count: &'a AtomicUsize) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Self(count)
    }
}

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_waits_for_its_peers_only_while_nothing_else_can_be_done() {
        let progress = Progress::default();
        assert!(!progress.is_fetching());
        let (first, second) = (progress.fetch(), progress.fetch());
        assert!(progress.is_fetching());
        let unit = progress.unit();
        drop(first);
        assert!(!progress.is_fetching(), "a unit is computed meanwhile");
        drop(unit);
        assert!(progress.is_fetching());
        drop(second);
        assert!(!progress.is_fetching());
    }
}
