//! Opening seals: what fits, when it is time.

use frame_support::{assert_noop, assert_ok, dispatch::CheckIfFeeless};
use pallet_market::Outcome;
use sungrid_primitives::receipt::{self, BatchSummary};

use crate::{mock::*, *};

fn feeless(n: u8, job: u32, summary: &BatchSummary) -> bool {
    let call = RuntimeCall::Verification(Call::reveal {
        job,
        batch: 0,
        summary: *summary,
        salt: salt(n),
        bundle: bundle(n),
    });
    call.is_feeless(&signed(worker(n)))
}

fn refuses(n: u8, job: u32, summary: &BatchSummary, error: Error<Test>) {
    assert_noop!(try_reveal(n, job, 0, summary), error);
    assert!(
        !feeless(n, job, summary),
        "no free space for calls that fail"
    );
}

#[test]
fn not_before_every_replica_has_committed() {
    run(|| {
        let job = one_batch(2, 1);
        refuses(1, job, &truth(0), Error::NotCommitted);
        commit(1, job, 0, &truth(0));
        refuses(1, job, &truth(0), Error::RevealNotOpen);
        claim(2, job);
        refuses(1, job, &truth(0), Error::RevealNotOpen);
        refuses(2, job, &truth(0), Error::NotCommitted);
        refuses(3, job, &truth(0), Error::NotAssigned);
        refuses(1, job + 1, &truth(0), Error::NotInFlight);
        commit(2, job, 0, &truth(0));
        assert!(feeless(1, job, &truth(0)));
        reveal(1, job, 0, &truth(0));
        refuses(1, job, &truth(0), Error::AlreadyRevealed);
        reveal(2, job, 0, &truth(0));
        refuses(2, job, &truth(0), Error::NotInFlight);
    });
}

#[test]
fn nothing_but_what_was_sealed() {
    run(|| {
        let job = one_batch(2, 2);
        for n in 1..=2 {
            commit(n, job, 0, &truth(0));
        }
        // Another summary, another fuel, another charge.
        refuses(1, job, &lie(1), Error::SealMismatch);
        let mut other = truth(0);
        other.fuel += 1;
        refuses(1, job, &other, Error::SealMismatch);
        let mut other = truth(0);
        other.charge += 1;
        refuses(1, job, &other, Error::SealMismatch);
        // Another salt.
        assert_noop!(
            Verification::reveal(signed(worker(1)), job, 0, truth(0), [0; 32], bundle(1)),
            Error::<Test>::SealMismatch
        );
        reveal(1, job, 0, &truth(0));
    });
}

#[test]
fn whoever_is_outvoted_has_nothing_to_reveal() {
    run(|| {
        let job = one_batch(2, 2);
        commit(1, job, 0, &truth(0));
        commit(2, job, 0, &lie(1));
        // Nothing opens while nobody agrees, so the third has nothing to copy.
        refuses(1, job, &truth(0), Error::RevealNotOpen);
        claim(3, job);
        commit(3, job, 0, &truth(0));
        refuses(2, job, &lie(1), Error::Outvoted);
        // Nor does it open as what the others found: too late to change one's mind.
        refuses(2, job, &truth(0), Error::Outvoted);
        reveal(1, job, 0, &truth(0));
        reveal(3, job, 0, &truth(0));
        assert_eq!((bond(2), registered(2).missed), (BOND - SLASH, 0));
    });
}

#[test]
fn a_copied_commitment_opens_for_nobody_else() {
    run(|| {
        // GIVEN a worker that copies another's seal
        let job = one_batch(2, 2);
        commit(1, job, 0, &truth(0));
        assert_ok!(Verification::commit(
            signed(worker(2)),
            job,
            0,
            2,
            receipt::digest(job, 0, &truth(0)),
            seal(1, job, 0, &truth(0))
        ));
        // WHEN the other reveals, summary and salt included
        reveal(1, job, 0, &truth(0));
        // THEN the copy does not open, with either salt
        refuses(2, job, &truth(0), Error::SealMismatch);
        assert_noop!(
            Verification::reveal(signed(worker(2)), job, 0, truth(0), salt(1), bundle(2)),
            Error::<Test>::SealMismatch
        );
        // AND costs its bond once a replacement has confirmed the truth
        wait(REVEAL_BLOCKS + 1);
        claim(3, job);
        commit(3, job, 0, &truth(0));
        reveal(3, job, 0, &truth(0));
        assert_eq!(outcome(job), Some(Outcome::Completed));
        assert_eq!(bond(2), BOND - SLASH);
    });
}

#[test]
fn a_seal_does_not_move_to_another_batch() {
    run(|| {
        let job = submit(2, 2);
        // Worker 1 has both batches and seals them swapped.
        let batches = [claim(1, job), claim(1, job)];
        assert_ne!(batches[0], batches[1]);
        for (at, batch) in batches.iter().enumerate() {
            let sealed = seal(1, job, batches[1 - at], &truth(batches[1 - at]));
            let digest = receipt::digest(job, *batch, &truth(*batch));
            let call = Verification::commit(signed(worker(1)), job, *batch, 2, digest, sealed);
            assert_ok!(call);
        }
        let mut others = vec![];
        for n in 2..=3 {
            let batch = claim(n, job);
            commit(n, job, batch, &truth(batch));
            others.push(batch);
        }
        for batch in others {
            if reveal_until(job, batch).is_some() {
                assert_noop!(
                    try_reveal(1, job, batch, &truth(batch)),
                    Error::<Test>::SealMismatch
                );
            }
        }
    });
}

#[test]
fn no_more_than_the_worst_case() {
    run(|| {
        for (fuel, charge) in [
            (BATCH_FUEL + 1, BATCH_CHARGE),
            (BATCH_FUEL, BATCH_CHARGE + 1),
            (u128::MAX, u128::MAX),
        ] {
            let job = one_batch(2, 2);
            let mut greedy = truth(0);
            (greedy.fuel, greedy.charge) = (fuel, charge);
            // Both collude, and still cannot be paid more than the batch was sold for.
            commit(1, job, 0, &greedy);
            commit(2, job, 0, &greedy);
            refuses(1, job, &greedy, Error::ExceedsTerms);
            refuses(2, job, &greedy, Error::ExceedsTerms);
        }
        let job = one_batch(2, 2);
        let mut full = truth(0);
        (full.fuel, full.charge) = (BATCH_FUEL, BATCH_CHARGE);
        for n in 1..=2 {
            commit(n, job, 0, &full);
        }
        for n in 1..=2 {
            reveal(n, job, 0, &full);
        }
        assert_eq!(Market::job(job).expect("kept").paid, 2 * BATCH_COST);
    });
}

#[test]
fn the_window_closes() {
    run(|| {
        let job = one_batch(2, 2);
        for n in 1..=2 {
            commit(n, job, 0, &truth(0));
        }
        run_to(1 + REVEAL_BLOCKS);
        reveal(1, job, 0, &truth(0));
        // The agenda may lag: the block number decides.
        System::set_block_number(2 + REVEAL_BLOCKS);
        refuses(2, job, &truth(0), Error::RevealTooLate);
        next_block();
        refuses(2, job, &truth(0), Error::RevealTooLate);
    });
}

#[test]
fn unsigned_and_root_are_no_workers() {
    run(|| {
        let job = one_batch(2, 2);
        for origin in [RuntimeOrigin::root(), RuntimeOrigin::none()] {
            assert_noop!(
                Verification::reveal(origin, job, 0, truth(0), [0; 32], bundle(1)),
                sp_runtime::DispatchError::BadOrigin
            );
        }
    });
}

#[test]
fn a_reveal_is_weighed_as_a_crowd_s_verdict_and_gives_back_what_it_was_not() {
    run(|| {
        let weight = |n: u8, job| {
            let done =
                Verification::reveal(signed(worker(n)), job, 0, truth(0), salt(n), bundle(n));
            done.expect("in time").actual_weight
        };
        // GIVEN two who agree, and two who agree after as many others as there can be have declined
        let pair = one_batch(2, 2);
        let crowd = submit(1, 2);
        for n in 1..=WORKERS {
            claim(n, crowd);
            if n < WORKERS - 1 {
                frame_support::assert_ok!(Verification::decline(signed(worker(n)), crowd, 0));
                Decliners::<Test>::remove(crowd);
            }
        }
        for (job, [first, second]) in [(pair, [1, 2]), (crowd, [WORKERS - 1, WORKERS])] {
            for n in [first, second] {
                commit(n, job, 0, &truth(0));
            }
            let open = <() as WeightInfo>::reveal_open();
            assert_eq!(weight(first, job), Some(open));
            // THEN the verdict is on a few, or on a crowd
            let few = <() as WeightInfo>::reveal_few(2, 0);
            assert_eq!(weight(second, job), (job == pair).then_some(few));
            assert_eq!(outcome(job), Some(pallet_market::Outcome::Completed));
            assert!(<() as WeightInfo>::reveal().all_gt(few) && few.all_gt(open));
        }
    });
}

#[test]
fn a_verdict_gives_back_what_pools_would_have_taken_that_are_not_there() {
    run(|| {
        for pools in 0..=2u8 {
            for n in 1..=2 {
                pallet_workers::Workers::<Test>::mutate_extant(worker(n), |record| {
                    record.delegated.stake = u128::from(n <= pools);
                });
            }
            let job = one_batch(2, 2);
            for n in 1..=2 {
                commit(n, job, 0, &truth(0));
            }
            reveal(1, job, 0, &truth(0));
            let done =
                Verification::reveal(signed(worker(2)), job, 0, truth(0), salt(2), bundle(2));
            let spent = <() as WeightInfo>::reveal_few(2, pools.into());
            assert_eq!(done.expect("in time").actual_weight, Some(spent));
        }
        let weight = |pools| <() as WeightInfo>::reveal_few(2, pools);
        assert!(weight(2).all_gt(weight(1)) && weight(1).all_gt(weight(0)));
        for n in 1..=2 {
            pallet_workers::Workers::<Test>::mutate_extant(worker(n), |record| {
                record.delegated = Default::default();
            });
        }
    });
}

#[test]
fn a_deadline_that_is_moot_weighs_next_to_nothing() {
    run(|| {
        let job = one_batch(2, 2);
        let (moot, due) = (
            <() as WeightInfo>::deadline_moot(),
            // Of all that a deadline can do the heaviest.
            <() as WeightInfo>::reveal(),
        );
        assert!(due.all_gt(moot.saturating_mul(10)));
        for n in 1..=2 {
            commit(n, job, 0, &truth(0));
        }
        // Reveals are awaited, and not overdue.
        let deadline = |job| {
            <Verification as sungrid_primitives::traits::Verifier<AccountId>>::deadline(job, 0)
        };
        assert_eq!(deadline(job), moot);
        frame_system::Pallet::<Test>::set_block_number(reveal_until(job, 0).expect("open") + 1);
        assert_eq!(deadline(job), due);
        assert_eq!(deadline(job + 1), moot, "there is no such batch");
    });
}
