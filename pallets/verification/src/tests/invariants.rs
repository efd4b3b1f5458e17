//! Corrupt storage must not pass.

use frame_support::traits::Hooks;

use crate::{mock::*, *};

fn bites(expected: &str, corrupt: impl FnOnce(u32)) {
    new_test_ext().execute_with(|| {
        let done = one_batch(2, 2);
        for n in 1..=2 {
            commit(n, done, 0, &truth(0));
        }
        for n in 1..=2 {
            reveal(n, done, 0, &truth(0));
        }
        let job = one_batch(2, 2);
        commit(1, job, 0, &truth(0));
        check_state();
        corrupt(job);
        let error = Verification::do_try_state().expect_err(expected);
        let text = format!("{error:?}");
        assert!(text.contains(expected), "{text} instead of {expected}");
    });
}

fn change(job: u32, change: impl FnOnce(&mut BallotRecordOf<Test>)) {
    Ballots::<Test>::mutate(job, 0, |ballot| change(ballot.as_mut().expect("in flight")));
}

#[test]
fn every_invariant_bites() {
    bites("verification 1: a batch", |job| {
        Ballots::<Test>::remove(job, 0)
    });
    bites("verification 1: a ballot", |job| {
        let ballot = ballot(job);
        Ballots::<Test>::insert(job, 7, ballot);
    });
    bites("verification 2", |job| {
        change(job, |b| b.replicas[0].assignment.worker = worker(9))
    });
    bites("verification 2", |job| {
        change(job, |b| b.replicas[0] = b.replicas[1].clone())
    });
    bites("verification 2: a delivery", |job| {
        pallet_market::Batches::<Test>::mutate(job, 0, |record| {
            record.as_mut().expect("in flight").delivered = false
        })
    });
    bites("verification 2: a replica of a round", |job| {
        change(job, |b| b.replicas[1].round = 1)
    });
    bites("verification 2: a replica of a round", |job| {
        change(job, |b| b.round = 1)
    });
    bites("verification 3", |job| change(job, |b| b.wanted += 1));
    bites("verification 3", |job| {
        change(job, |b| {
            b.replicas.pop();
        })
    });
    bites("verification 4", |job| {
        change(job, |b| b.stage = Stage::Standing { since: 1, until: 3 })
    });
    bites("verification 4", |job| {
        commit(2, job, 0, &truth(0));
        change(job, |b| b.stage = Stage::Sealing);
    });
    bites("verification 1: a challenge", |job| {
        change(job, |b| b.jury_until = Some(3))
    });
    bites("verification 5", |job| {
        let at = 2 + COMMIT_BLOCKS;
        pallet_market::Agenda::<Test>::remove(at, (job, Some(0u32)));
    });
    bites("verification 6: a result without a job", |job| {
        let result = Results::<Test>::get(job - 1, 0).expect("done");
        Results::<Test>::insert(job + 1, 0, result);
    });
    bites("verification 6: a result of a batch", |job| {
        let result = Results::<Test>::get(job - 1, 0).expect("done");
        Results::<Test>::insert(job, 0, result);
    });
    bites("verification 6: a result without its quorum", |job| {
        Results::<Test>::mutate(job - 1, 0, |r| {
            r.as_mut().expect("done").winners.pop();
        })
    });
    bites("verification 6: a result that was paid", |job| {
        Results::<Test>::mutate(job - 1, 0, |r| r.as_mut().expect("done").paid = 3)
    });
    bites("verification 6: a result that was paid", |job| {
        Results::<Test>::mutate(job - 1, 0, |r| r.as_mut().expect("done").at = 99)
    });
    let witness = |n| Witness {
        assignment: sungrid_primitives::traits::Assignment {
            worker: worker(n),
            operator: operator(n),
        },
        testimony: Testimony::Awaited,
    };
    let called = |job: u32, change: &dyn Fn(&mut CallRecordOf<Test>)| {
        frame_support::assert_ok!(Verification::call_witnesses(
            signed(requester()),
            job - 1,
            0
        ));
        check_state();
        Calls::<Test>::mutate(job - 1, 0, |call| change(call.as_mut().expect("open")));
    };
    bites("verification 10: a bond", |job| {
        called(job, &|_| ());
        Calls::<Test>::remove(job - 1, 0);
    });
    bites("verification 10: a call that is", |job| {
        called(job, &|_| ());
        pallet_market::Doubts::<Test>::remove(job - 1, 0);
    });
    bites("verification 10: a call that is", |job| {
        called(job, &|_| ());
        Results::<Test>::mutate(job - 1, 0, |r| {
            r.as_mut().expect("done").outputs = Outputs::Withheld
        });
    });
    bites("verification 10: a call is not", |job| {
        called(job, &|call| call.stage = CallStage::Drawing { at: 77 })
    });
    bites("verification 11: a call waits", |job| {
        called(job, &|call| {
            call.witnesses.try_push(witness(4)).expect("room")
        })
    });
    bites("verification 11: a witness", |job| {
        called(job, &|call| {
            call.witnesses.try_push(witness(1)).expect("room")
        })
    });
    bites("verification 11: a witness", |job| {
        called(job, &|call| {
            for _ in 0..2 {
                call.witnesses.try_push(witness(4)).expect("room");
            }
        })
    });
    bites("verification 11: a call waits", |job| {
        called(job, &|call| {
            let CallStage::Drawing { at } = call.stage else {
                panic!("just called")
            };
            // No agenda entry, witness or seal is missing: nobody is waited for.
            call.stage = CallStage::Opening { until: at - 1 };
            for n in 4..=6 {
                call.witnesses.try_push(witness(n)).expect("room");
            }
        })
    });
    bites("verification 6: settled", |job| {
        Results::<Test>::remove(job - 1, 0)
    });
    let decliner = |n| Decliner {
        operator: operator(n),
        rests_until: 1,
        counts_until: Some(9),
        handed_back: 0,
    };
    bites("verification 7: declines without", |job| {
        Decliners::<Test>::try_append(job + 1, decliner(1)).expect("room")
    });
    bites("verification 7: an operator", |job| {
        for _ in 0..2 {
            Decliners::<Test>::try_append(job, decliner(1)).expect("room");
        }
    });
    bites("verification 7: a receipt", |job| {
        Received::<Test>::insert(job + 1, 1)
    });
    bites("verification 7: a rating", |job| {
        Rated::<Test>::insert(job + 1, operator(1), ())
    });
    bites("verification 9: an operator is audited", |_| {
        AuditedUntil::<Test>::insert(operator(1), 1_000)
    });
    bites("verification 8", |job| Received::<Test>::insert(job, 2));
    for (stars, count) in [(0, 0), (1, 2), (11, 2)] {
        bites("verification 9: stars", |_| {
            Ratings::<Test>::insert(operator(1), Rating { stars, count })
        });
    }
}

#[test]
fn the_mock_passes_the_integrity_tests() {
    new_test_ext().execute_with(|| {
        Verification::integrity_test();
        Market::integrity_test();
    });
}
