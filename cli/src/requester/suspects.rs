//! Single results that stood sealed and do not stand any more: their operator was caught with another one.

use std::collections::BTreeMap;

use sungrid_chain_client::{AccountId, Batch, ReplicaState};
use sungrid_primitives::BatchIndex;

use super::report::Update;

/// Looks at the chain for which a result must have stood. Another fork may have drawn that it does not stand at all, and that is
/// no suspicion; a look comes with each block.
const SETTLED: u32 = 6;

/// The single results that stand sealed, by batch: whose, and at how many looks so far.
#[derive(Debug, Default)]
pub(super) struct Suspects(BTreeMap<BatchIndex, (AccountId, u32)>);

/// Whose sealed result is the only one, if one is.
fn sealed(batch: &Batch) -> Option<&AccountId> {
    let mut sealed = batch
        .replicas
        .iter()
        .filter(|replica| matches!(replica.state, ReplicaState::Committed(_)));
    let only = sealed.next()?;
    sealed.next().is_none().then_some(&only.worker)
}

impl Suspects {
    /// What a look at the batches in flight shows: a result that stood is neither opened nor stands, so others find it, too.
    pub(super) fn look<'a>(
        &mut self,
        in_flight: impl IntoIterator<Item = (BatchIndex, &'a Batch)>,
    ) -> Vec<Update> {
        let before = std::mem::take(&mut self.0);
        let mut updates = Vec::new();
        for (at, batch) in in_flight {
            let Some(worker) = sealed(batch) else {
                continue;
            };
            let looks = before
                .get(&at)
                .filter(|(whose, _)| whose == worker)
                .map_or(0, |(_, looks)| *looks);
            if batch.standing.is_some() {
                let looks = looks.saturating_add(1);
                self.0.insert(at, (worker.clone(), looks));
            } else if batch.revealing.is_none() && looks >= SETTLED {
                updates.push(Update::Suspected {
                    batch: at,
                    worker: worker.clone(),
                });
            }
        }
        updates
    }
}

#[cfg(test)]
mod tests {
    use sp_core::H256;
    use sungrid_chain_client::Replica;

    use super::*;

    const LIAR: AccountId = AccountId::new([1; 32]);

    fn batch(standing: Option<u32>, revealing: bool, state: ReplicaState) -> Batch {
        let replica = Replica {
            worker: LIAR,
            operator: AccountId::new([2; 32]),
            state,
            due: None,
        };
        Batch {
            replicas: vec![replica],
            revealing: revealing.then(|| H256::repeat_byte(3)),
            standing,
        }
    }

    const SEALED: ReplicaState = ReplicaState::Committed(H256::repeat_byte(4));
    const OPENED: ReplicaState = ReplicaState::Revealed {
        bundle: H256::repeat_byte(5),
    };

    /// What is told of a batch that was seen so often in one state, and then once in another.
    fn told(looks: u32, first: &Batch, then: &Batch) -> Vec<Update> {
        let mut suspects = Suspects::default();
        for _ in 0..looks {
            assert!(suspects.look([(7, first)]).is_empty());
        }
        let updates = suspects.look([(7, then)]);
        assert!(suspects.look([(7, then)]).is_empty(), "it is said once");
        updates
    }

    #[test]
    fn a_result_that_stands_no_longer_unopened_is_a_suspect_s() {
        let stands = batch(Some(90), false, SEALED);
        let updates = told(SETTLED, &stands, &batch(None, false, SEALED));
        let [Update::Suspected { batch: 7, worker }] = &updates[..] else {
            panic!("{updates:?}");
        };
        assert_eq!(*worker, LIAR);
    }

    #[test]
    fn nobody_is_a_suspect_for_what_the_chain_asks_of_everybody() {
        let stands = batch(Some(90), false, SEALED);
        // Its time is over, and it is opened; or its worker had it open from the beginning, and it is challenged.
        for (first, then) in [
            (&stands, batch(None, true, SEALED)),
            (&stands, batch(None, false, OPENED)),
            (&batch(Some(90), false, OPENED), batch(None, false, OPENED)),
            (&stands, batch(Some(91), false, SEALED)),
            // It was never seen to stand: it was drawn for an audit.
            (&batch(None, false, SEALED), batch(None, false, SEALED)),
        ] {
            assert!(told(SETTLED, first, &then).is_empty(), "{then:?}");
        }
        // Another fork drew otherwise.
        let then = batch(None, false, SEALED);
        assert!(told(SETTLED - 1, &stands, &then).is_empty());
        // Somebody else's, after the block was given up with its claim.
        let mut other = then.clone();
        other.replicas[0].worker = AccountId::new([9; 32]);
        assert!(told(SETTLED, &stands, &other).is_empty());
    }
}
