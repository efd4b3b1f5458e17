//! Holding runs where they stand: their owner wants the processor back for a while.

use std::{
    sync::{
        Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use crate::task::Cancel;

/// How often a run that is held looks whether it was cancelled. Oftener, and holding costs something.
const LOOK: Duration = Duration::from_millis(100);

/// What every run of an engine passes between its slices.
#[derive(Default)]
pub(crate) struct Gate {
    /// For whoever passes: the lock is taken only when it is closed.
    closed: AtomicBool,
    state: Mutex<State>,
    opened: Condvar,
}

#[derive(Default)]
struct State {
    since: Option<Instant>,
    before: Duration,
    held: usize,
}

impl Gate {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn close(&self) {
        self.state().since.get_or_insert_with(Instant::now);
        self.closed.store(true, Ordering::Release);
    }

    pub(crate) fn open(&self) {
        let mut state = self.state();
        if let Some(since) = state.since.take() {
            state.before += since.elapsed();
        }
        self.closed.store(false, Ordering::Release);
        self.opened.notify_all();
    }

    /// Blocks while it is closed, until the run is cancelled.
    pub(crate) fn pass(&self, cancel: &Cancel) {
        if !self.closed.load(Ordering::Acquire) {
            return;
        }
        let mut state = self.state();
        state.held += 1;
        while state.since.is_some() && !cancel.is_cancelled() {
            let waited = self.opened.wait_timeout(state, LOOK);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        state.held -= 1;
    }

    /// Runs that stand still.
    pub(crate) fn held(&self) -> usize {
        self.state().held
    }

    /// For how long it was closed, all in all.
    pub(crate) fn closed_for(&self) -> Duration {
        let state = self.state();
        state.before + state.since.map_or(Duration::ZERO, |since| since.elapsed())
    }
}
