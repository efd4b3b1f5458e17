//! In which order the units of a batch get their lanes.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use sungrid_primitives::UnitIndex;
use tokio::sync::oneshot;

use super::WorkError;

/// So many units of a batch run at a time, and of those that wait the first in the batch is next, whichever had its inputs first. So the units before
/// a finished one are finished or run: should the batch be given back, few that are finished lie behind a gap. What others finish while one runs
/// for long cannot be helped: to leave their lanes empty would lose as much each time, and nobody knows beforehand which one it is.
pub(super) struct Turns(Mutex<Row>);

struct Row {
    /// Units that may run besides those that do; 0 while any waits.
    free: usize,
    waiting: BTreeMap<UnitIndex, oneshot::Sender<Turn>>,
}

/// A unit runs as long as this lives.
pub(super) struct Turn(Arc<Turns>);

impl Turns {
    pub(super) fn new(at_once: usize) -> Arc<Self> {
        Arc::new(Self(Mutex::new(Row {
            free: at_once.max(1),
            waiting: BTreeMap::new(),
        })))
    }

    fn row(&self) -> MutexGuard<'_, Row> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for a unit's turn.
    pub(super) async fn take(self: &Arc<Self>, unit: UnitIndex) -> Result<Turn, WorkError> {
        let called = {
            let mut row = self.row();
            if row.free > 0 {
                row.free -= 1;
                return Ok(Turn(self.clone()));
            }
            let (call, called) = oneshot::channel();
            row.waiting.insert(unit, call);
            called
        };
        called.await.map_err(|_| WorkError::Stopped)
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let mut row = self.0.row();
        let Some((_, next)) = row.waiting.pop_first() else {
            row.free += 1;
            return;
        };
        drop(row);
        // Who has left gives it back at once, to the next.
        drop(next.send(Turn(self.0.clone())));
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::*;

    fn now<T>(future: impl Future<Output = T>) -> Option<T> {
        future.now_or_never()
    }

    #[tokio::test]
    async fn of_those_that_wait_the_first_in_the_batch_is_next() {
        let turns = Turns::new(1);
        let running = turns.take(7).await;
        let order = Mutex::new(Vec::new());
        let all = [8, 3, 5].map(|unit| {
            let (turns, order) = (&turns, &order);
            async move {
                let _turn = turns.take(unit).await.expect("a turn");
                order.lock().expect("no panic").push(unit);
            }
        });
        // All of them wait before it ends.
        futures::join!(futures::future::join_all(all), async { drop(running) });
        assert_eq!(*order.lock().expect("no panic"), [3, 5, 8]);
        assert_eq!(turns.row().free, 1);
    }

    #[test]
    fn who_leaves_the_row_holds_up_nobody() {
        let turns = Turns::new(1);
        let running = now(turns.take(0)).expect("free");
        let mut leaves = Box::pin(turns.take(1));
        let mut called = Box::pin(turns.take(2));
        let mut stays = Box::pin(turns.take(3));
        for turn in [&mut leaves, &mut called, &mut stays] {
            assert!(now(turn.as_mut()).is_none());
        }
        drop(leaves);
        drop(running);
        // Called, and gone before it heard.
        drop(called);
        assert!(now(stays.as_mut()).is_some_and(|turn| turn.is_ok()));
        drop(stays);
        assert_eq!(turns.row().free, 1);
    }
}
