//! Orders bundles of those who have them, and keeps what comes.

use sungrid_chain_client::{AccountId, ChainError};
use sungrid_data_plane::PeerAddress;
use sungrid_primitives::BatchIndex;

use super::{
    DeliverError, Requester, Update, Work,
    deliver::{self, Delivery, Order},
    state::{self, Outcome},
};
use crate::Error;

impl Requester {
    pub(super) async fn peer(&self, worker: &AccountId) -> Result<Option<PeerAddress>, ChainError> {
        let worker = self.chain.worker(worker).await?;
        Ok(worker.and_then(|w| PeerAddress::from_bytes(&w.endpoint).ok()))
    }

    /// Workers that have the same outputs as another winner of a batch, or have fetched them as witnesses.
    async fn others(&self, batch: BatchIndex, worker: &AccountId) -> Vec<PeerAddress> {
        let accepted = self.record.accepted.get(&batch);
        let winners = accepted.into_iter().flat_map(|accepted| &accepted.winners);
        let witnesses = self.witnesses.get(&batch).into_iter().flatten();
        let mut others = Vec::new();
        for other in witnesses.chain(winners.map(|(winner, _)| winner)) {
            if other != worker
                && let Ok(Some(peer)) = self.peer(other).await
            {
                others.push(peer);
            }
        }
        others
    }

    /// Starts the fetches that are due.
    pub(super) async fn send_orders(&mut self, work: &mut Work) {
        for (batch, worker, bundle) in self.batches.due() {
            // If the node is away, the order stays and is due again at the next block.
            let Ok(peer) = self.peer(&worker).await else {
                continue;
            };
            let others = self.others(batch, &worker).await;
            self.batches.sent(batch, &worker);
            let order = Order {
                batch,
                worker,
                bundle,
                peer,
                others,
            };
            let task = deliver::deliver(self.plane.clone(), self.terms.clone(), order);
            work.push(Box::pin(task));
        }
    }

    pub(super) async fn delivered(
        &mut self,
        delivery: Delivery,
        on: &mut (dyn FnMut(&Update) + Send),
    ) -> Result<(), Error> {
        let Delivery {
            batch,
            worker,
            outcome,
        } = delivery;
        let goods = match outcome {
            Ok(goods) => goods,
            // Trouble of this machine, such as a full disk, is not the worker's fault.
            Err(DeliverError::Store(error)) => return Err(error.into()),
            Err(error) if error.is_final() => {
                self.batches.close(batch, &worker, Outcome::Rejected);
                on(&Update::Rejected {
                    batch,
                    worker,
                    reason: error.to_string(),
                });
                return Ok(());
            }
            Err(error) => {
                let last = self.batches.failed(batch, &worker, error.to_string());
                on(&Update::Unreachable {
                    batch,
                    worker,
                    reason: error.to_string(),
                    last,
                });
                return Ok(());
            }
        };
        let accepted = self.record.accepted.get(&batch);
        if let Some(accepted) = accepted {
            let wins = accepted.winners.iter().any(|(winner, _)| *winner == worker);
            if !wins || accepted.summary() != goods.summary {
                self.batches.close(batch, &worker, Outcome::Rejected);
                let reason = "its results are not among the accepted ones".into();
                on(&Update::Rejected {
                    batch,
                    worker,
                    reason,
                });
                return Ok(());
            }
        }
        self.folder.save_bundle(batch, &worker, &goods.bytes)?;
        let root = goods.summary.root;
        if self.batches.needs_export(batch, &root, accepted.is_some()) {
            let (plane, folder) = (&self.plane, &self.folder);
            match deliver::export(plane, folder, &self.terms, batch, &goods).await {
                Ok(()) => self.batches.exported(batch, root),
                // Its address says what it is, so another try brings the same.
                Err(error @ Error::Unopened { .. }) => {
                    state::remove(&self.folder, batch, &worker)?;
                    self.batches.failed(batch, &worker, error.to_string());
                    self.batches.close(batch, &worker, Outcome::Rejected);
                    on(&Update::Rejected {
                        batch,
                        worker,
                        reason: error.to_string(),
                    });
                    return Ok(());
                }
                Err(error) => return Err(error),
            }
        }
        let units = self.record.range(batch).map_or(0, |(_, count)| count);
        let verified = self
            .batches
            .keep(batch, &worker, goods.summary, accepted.is_some());
        match verified {
            Some(true) => on(&Update::Verified { batch, units }),
            Some(false) => on(&Update::Received {
                batch,
                worker,
                units,
            }),
            None => {}
        }
        self.share_batch(batch);
        if let Some(progress) = self.progress() {
            on(&Update::Progress(progress));
        }
        Ok(())
    }
}
