//! Garbage collection on demand.
//!
//! The store collects on a timer and asks a callback before each run. The callback here waits until
//! somebody wants a run, so nothing is ever deleted behind a caller's back.

use std::{
    collections::HashSet,
    ops::Deref,
    sync::{
        Arc, Mutex, PoisonError, Weak,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use iroh_blobs::{
    Hash,
    store::{GcConfig, ProtectCb, ProtectOutcome},
};
use tokio::{sync::watch, time::timeout};

use crate::StoreError;

/// Pause between a run and the next question. Only the cost of one wake-up hangs on it.
const PAUSE: Duration = Duration::from_millis(1);

/// How often a waiting caller looks whether the store's task is still there.
const CHECK: Duration = Duration::from_millis(200);

/// Starts runs and waits for their end.
#[derive(Debug)]
pub(crate) struct Collector {
    wanted: watch::Sender<u64>,
    finished: watch::Receiver<u64>,
    keep: Keep,
    /// One run at a time: each has its own idea of what to keep.
    turn: tokio::sync::Mutex<()>,
    /// Shared with the store's task, which ends for good when a run fails. The store keeps other
    /// copies, so the task is known to be there by the count.
    copies: Weak<Ask>,
    expected: usize,
}

/// What the store calls between runs; see [`ProtectCb`].
type Ask = <ProtectCb as Deref>::Target;

/// What the next run keeps beside what is pinned and held.
type Keep = Arc<Mutex<HashSet<Hash>>>;

struct Gate {
    wanted: watch::Receiver<u64>,
    started: AtomicU64,
    finished: watch::Sender<u64>,
    keep: Keep,
}

impl Gate {
    /// Called by the store between runs: reports the end of the last one, waits for a new wish.
    async fn next(&self, live: &mut HashSet<Hash>) -> ProtectOutcome {
        let started = self.started.load(Ordering::Acquire);
        self.finished.send_replace(started);
        let mut wanted = self.wanted.clone();
        match wanted
            .wait_for(|wanted| *wanted > started)
            .await
            .map(|wanted| *wanted)
        {
            Ok(wanted) => {
                self.started.store(wanted, Ordering::Release);
                live.extend(
                    self.keep
                        .lock()
                        .unwrap_or_else(PoisonError::into_inner)
                        .drain(),
                );
                ProtectOutcome::Continue
            }
            // The data plane is gone. The store offers no way to end its task, so it waits for the end
            // of the process.
            Err(_) => std::future::pending().await,
        }
    }
}

impl Collector {
    /// Opens a store with the configuration that ties it to a new collector.
    pub(crate) async fn attach<S, E>(
        open: impl AsyncFnOnce(GcConfig) -> Result<S, E>,
    ) -> Result<(Self, S), E> {
        let (wanted, wanted_rx) = watch::channel(0);
        let (finished_tx, finished) = watch::channel(0);
        let keep = Keep::default();
        let gate = Arc::new(Gate {
            wanted: wanted_rx,
            started: AtomicU64::new(0),
            finished: finished_tx,
            keep: keep.clone(),
        });
        let ask: ProtectCb = Arc::new(move |live| {
            let gate = gate.clone();
            Box::pin(async move { gate.next(live).await })
        });
        let copies = Arc::downgrade(&ask);
        let store = open(GcConfig {
            interval: PAUSE,
            add_protected: Some(ask),
        })
        .await?;
        let expected = copies.strong_count();
        Ok((
            Self {
                wanted,
                finished,
                keep,
                turn: tokio::sync::Mutex::new(()),
                copies,
                expected,
            },
            store,
        ))
    }

    /// Runs one collection that begins after this call and waits for its end. Beside what is pinned and held it spares
    /// what is to be kept.
    pub(crate) async fn run(&self, keep: HashSet<Hash>) -> Result<(), StoreError> {
        let _turn = self.turn.lock().await;
        *self.keep.lock().unwrap_or_else(PoisonError::into_inner) = keep;
        let mut run = 0;
        self.wanted.send_modify(|wanted| {
            *wanted += 1;
            run = *wanted;
        });
        let mut finished = self.finished.clone();
        while self.copies.strong_count() >= self.expected {
            let end = finished.wait_for(|finished| *finished >= run);
            match timeout(CHECK, end).await {
                Ok(Ok(_)) => return Ok(()),
                Ok(Err(_)) => break,
                Err(_) => {}
            }
        }
        Err(StoreError::Stopped("collecting garbage failed".into()))
    }
}
