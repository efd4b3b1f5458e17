//! Whether whoever is caught with one lie is paid for another that stands: seen from outside, by what is announced.
//!
//! The pallet keeps a block number by operator. Here is kept what was said in events: who lost a batch, whose results a keeper
//! exposed, who withheld outputs. A single result that stood sealed must be announced as that of a suspect if its operator was
//! one since, and be opened if it was not.

use std::collections::{BTreeMap, BTreeSet};

use pallet_verification::{Ballots, Event, Finding as Outputs, ReplicaState, Results, Stage};
use sungrid_primitives::{BatchIndex, JobId};
use sungrid_runtime::{AccountId, BlockNumber, Runtime, RuntimeEvent, System};

use crate::finding::Finding;

type Batch = (JobId, BatchIndex);

/// What was announced so far.
#[derive(Default)]
pub(crate) struct Suspects {
    /// The last block in which an operator was caught.
    caught: BTreeMap<AccountId, BlockNumber>,
    /// Operators of those who found the results that were accepted.
    found: BTreeMap<Batch, Vec<AccountId>>,
    /// Single results that stood sealed at the end of the last block: since when, whose worker and operator.
    standing: BTreeMap<Batch, (BlockNumber, AccountId, AccountId)>,
}

impl Suspects {
    /// Looks at the block that has just ended.
    pub(crate) fn check_block(&mut self) -> Result<(), Finding> {
        let now = System::block_number();
        let mut decided = BTreeSet::new();
        for record in System::read_events_no_consensus() {
            match record.event {
                RuntimeEvent::Market(pallet_market::Event::BatchSettled { job, batch, .. }) => {
                    let result = Results::<Runtime>::get(job, batch).unwrap_or_else(|| {
                        panic!("what was settled in this block has a result: {job}/{batch}")
                    });
                    let operators = result.winners.into_iter().map(|winner| winner.operator);
                    self.found.insert((job, batch), operators.collect());
                }
                RuntimeEvent::Market(pallet_market::Event::Slashed { operator, .. }) => {
                    self.caught.insert(operator, now);
                }
                RuntimeEvent::Canaries(pallet_canaries::Event::Exposed {
                    job,
                    batch,
                    right: false,
                    ..
                }) => {
                    for operator in self.found.get(&(job, batch)).into_iter().flatten() {
                        self.caught.insert(operator.clone(), now);
                    }
                }
                // Once: nothing is held against those who are slashed for it already.
                RuntimeEvent::Verification(Event::Witnessed {
                    job,
                    batch,
                    finding: Outputs::Withheld,
                    ..
                }) => {
                    for operator in self.found.remove(&(job, batch)).into_iter().flatten() {
                        self.caught.insert(operator, now);
                    }
                }
                RuntimeEvent::Verification(Event::Suspected { job, batch, worker }) => {
                    decided.insert((job, batch));
                    self.check((job, batch), Some(&worker))?;
                }
                RuntimeEvent::Verification(Event::RevealOpened { job, batch, .. })
                    if self.standing.contains_key(&(job, batch))
                        && decided.insert((job, batch)) =>
                {
                    self.check((job, batch), None)?;
                }
                _ => {}
            }
        }
        self.look(&decided)
    }

    /// A result stands no longer, because its worker is suspected or because its time is over.
    fn check(&self, batch: Batch, suspected: Option<&AccountId>) -> Result<(), Finding> {
        let Some((since, worker, operator)) = self.standing.get(&batch) else {
            return Err(Finding::new(
                "somebody is suspected whose result did not stand",
                format!("{batch:?}"),
            ));
        };
        let was_caught = self.caught.get(operator).is_some_and(|at| at >= since);
        match suspected {
            Some(suspect) if suspect != worker || !was_caught => Err(Finding::new(
                "somebody is suspected who was not caught",
                format!("{batch:?}: {suspect}, since {since}"),
            )),
            None if was_caught => Err(Finding::new(
                "the result of a suspect is opened as if nothing were known of it",
                format!("{batch:?}: {worker}, since {since}"),
            )),
            _ => Ok(()),
        }
    }

    /// Notes what stands now. What stood and does not was opened, or is suspected, or its batch is over.
    fn look(&mut self, decided: &BTreeSet<Batch>) -> Result<(), Finding> {
        let before = std::mem::take(&mut self.standing);
        for (job, batch, ballot) in Ballots::<Runtime>::iter() {
            let place = (job, batch);
            let Stage::Standing { since, .. } = ballot.stage else {
                if before.contains_key(&place) && !decided.contains(&place) {
                    return Err(Finding::new(
                        "a result stands no longer, and nobody says why",
                        format!("{place:?}"),
                    ));
                }
                continue;
            };
            let sealed = ballot.replicas.iter().find_map(|replica| {
                let is_sealed = matches!(replica.state, ReplicaState::Committed { .. });
                is_sealed.then(|| replica.assignment.clone())
            });
            if let Some(by) = sealed {
                self.standing.insert(place, (since, by.worker, by.operator));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use pallet_verification::{BallotRecord, Bar, Phase, Replica};
    use sp_core::H256;
    use sp_io::TestExternalities;
    use sungrid_primitives::traits::Assignment;

    use super::*;

    const PLACE: Batch = (3, 1);
    const SINCE: BlockNumber = 20;

    fn account(n: u8) -> AccountId {
        AccountId::new([n; 32])
    }

    fn set(stage: Stage<BlockNumber>) {
        let replica = Replica {
            assignment: Assignment {
                worker: account(1),
                operator: account(2),
            },
            state: ReplicaState::Committed {
                digest: H256::zero(),
                commitment: H256::zero(),
            },
            round: 0,
        };
        let ballot = BallotRecord {
            bar: Bar::Agree(2),
            wanted: 1,
            stage,
            jury_until: None,
            round: 0,
            replicas: frame_support::BoundedVec::truncate_from(vec![replica]),
        };
        Ballots::<Runtime>::insert(PLACE.0, PLACE.1, ballot);
    }

    fn slashed(operator: u8) -> RuntimeEvent {
        pallet_market::Event::Slashed {
            job: 9,
            batch: 0,
            worker: account(8),
            operator: account(operator),
            total: 0,
            to_honest: 0,
        }
        .into()
    }

    fn opened() -> RuntimeEvent {
        Event::RevealOpened {
            job: PLACE.0,
            batch: PLACE.1,
            until: 99,
            digest: H256::zero(),
        }
        .into()
    }

    fn suspected() -> RuntimeEvent {
        let (job, batch) = PLACE;
        let worker = account(1);
        Event::Suspected { job, batch, worker }.into()
    }

    /// What is found if a result stands from block 20 on, this is announced in that and in a later one, and it does not stand
    /// after that.
    fn rule(first: &[RuntimeEvent], then: &[RuntimeEvent]) -> Option<String> {
        TestExternalities::default().execute_with(|| {
            let mut suspects = Suspects::default();
            let mut block = |number, stage, events: &[RuntimeEvent]| {
                System::reset_events();
                System::set_block_number(number);
                set(stage);
                for event in events {
                    System::deposit_event(event.clone());
                }
                suspects.check_block()
            };
            let stands = Stage::Standing {
                since: SINCE,
                until: 50,
            };
            block(SINCE - 1, Stage::Sealing, first).expect("nothing stands yet");
            block(SINCE, stands, &[]).expect("it stands");
            let found = block(51, Stage::Sealing, then);
            found.err().map(|finding| finding.rule)
        })
    }

    #[test]
    fn who_is_caught_must_be_suspected_and_nobody_else() {
        assert_eq!(rule(&[], &[opened()]), None);
        assert_eq!(rule(&[], &[slashed(2), suspected()]), None);
        // Before it was sealed, after it was opened, or somebody else.
        assert_eq!(rule(&[slashed(2)], &[opened()]), None);
        assert_eq!(rule(&[], &[opened(), slashed(2)]), None);
        assert_eq!(rule(&[], &[slashed(7), opened()]), None);
    }

    #[test]
    fn whatever_else_is_announced_is_a_finding() {
        let found = |first: &[_], then: &[_]| rule(first, then).expect("a finding");
        let paid = found(&[], &[slashed(2), opened()]);
        assert!(paid.contains("opened as if nothing"), "{paid}");
        let framed = "somebody is suspected who was not caught";
        assert_eq!(found(&[], &[suspected()]), framed);
        assert_eq!(found(&[slashed(2)], &[suspected()]), framed);
        assert_eq!(found(&[], &[slashed(7), suspected()]), framed);
        let silent = "a result stands no longer, and nobody says why";
        assert_eq!(found(&[], &[]), silent);
        let missed = Event::Missed {
            job: PLACE.0,
            batch: PLACE.1,
            worker: account(1),
            phase: Phase::Reveal,
        };
        assert_eq!(found(&[], &[missed.into()]), silent);
    }
}
