//! Disagreement: who wins, who loses, when it is given up. Nothing is revealed before enough agree.

use frame_support::{assert_noop, assert_ok, traits::fungible::Inspect};
use pallet_market::{NextJobId, Outcome};
use sp_core::H256;
use sungrid_primitives::{merkle::UnitLeaf, receipt::BatchSummary, suns::CPU_1};

use crate::{mock::*, *};

/// One more replica claims and seals.
fn join(n: u8, job: u32, summary: &BatchSummary) {
    assert_eq!(claim(n, job), 0);
    commit(n, job, 0, summary);
}

/// The workers `1..` seal.
fn seal_all(job: u32, summaries: &[BatchSummary]) {
    for (at, summary) in summaries.iter().enumerate() {
        commit(at as u8 + 1, job, 0, summary);
    }
}

fn open(job: u32, workers: &[u8], summary: &BatchSummary) {
    for n in workers {
        reveal(*n, job, 0, summary);
    }
}

#[test]
fn a_third_replica_decides_and_the_liar_pays_the_honest() {
    run(|| {
        let job = one_batch(2, 2);
        seal_all(job, &[truth(0), lie(1)]);
        // Undecided: one more is wanted, at once and claimable, and everything is still sealed.
        assert_eq!((ballot(job).wanted, record(job).wanted), (3, 1));
        assert_eq!(ballot(job).stage, Stage::Sealing);
        assert!(emitted(Event::<Test>::Undecided {
            job,
            batch: 0,
            sealed: 2,
            wanted: 3
        }));
        assert_eq!((bond(1), bond(2)), (BOND, BOND));

        join(3, job, &truth(0));
        open(job, &[1, 3], &truth(0));
        assert_eq!(outcome(job), Some(Outcome::Completed));
        assert_eq!(Verification::results(job, 0, 1)[0].1.summary, truth(0));
        assert_eq!(Market::job(job).expect("kept").paid, BATCH_COST);
        assert_eq!(bond(2), BOND - SLASH);
        assert_eq!(registered(2).faults, 1);
        assert_eq!(registered(2).accepted_units, 0);
        for n in [1, 3] {
            assert_eq!(bond(n), BOND);
            assert_eq!(registered(n).accepted_units, 2);
            assert_eq!(Balances::total_balance(&operator(n)), FUNDS + SLASH / 4);
        }
        assert_eq!(Balances::total_balance(&treasury()), FUNDS + SLASH / 2);
        assert!(emitted(pallet_market::Event::<Test>::Slashed {
            job,
            batch: 0,
            worker: worker(2),
            operator: operator(2),
            total: SLASH,
            to_honest: SLASH / 2,
        }));
    });
}

#[test]
fn agreement_is_about_everything_that_is_paid() {
    // Same root, other charge or fuel: a replica that pads its bill is a liar.
    for pad in [
        |summary: &mut BatchSummary| summary.charge += 1,
        |summary: &mut BatchSummary| summary.fuel += 1,
    ] {
        run(|| {
            let job = one_batch(2, 2);
            let mut padded = truth(0);
            pad(&mut padded);
            seal_all(job, &[truth(0), padded]);
            join(3, job, &truth(0));
            open(job, &[1, 3], &truth(0));
            assert_eq!(bond(2), BOND - SLASH);
        });
    }
}

#[test]
fn who_states_more_bytes_than_there_are_is_outvoted() {
    // Half a Gfuel of each unit takes its lane as long as 156,250 bytes take.
    let found = |bytes_out| {
        let unit = |unit| UnitLeaf {
            unit,
            output: H256::repeat_byte(1),
            fuel: 500_000_000,
            peak_memory: 1 << 20,
            bytes_in: 1_000,
            bytes_out,
            exit: 0,
        };
        BatchSummary::of(&[unit(0), unit(1)], &CPU_1).expect("a CPU task")
    };
    let honest = found(2_000);
    // Whether they cost more or not; more than the limit would be refused.
    for (padded, charge) in [(100_000, honest.charge), (299_000, 240_000)] {
        run(|| {
            let (job, padded) = (one_batch(2, 2), found(padded));
            assert_eq!(padded.charge, charge);
            seal_all(job, &[honest, padded]);
            join(3, job, &honest);
            open(job, &[1, 3], &honest);
            assert_eq!(Verification::results(job, 0, 1)[0].1.summary, honest);
            assert_eq!((bond(1), bond(2), bond(3)), (BOND, BOND - SLASH, BOND));
        });
    }
}

#[test]
fn when_all_differ_up_to_the_bound_the_batch_is_refunded() {
    run(|| {
        let before = Balances::total_balance(&requester());
        let job = one_batch(2, 2);
        seal_all(job, &[lie(1), lie(2)]);
        join(3, job, &lie(3));
        join(4, job, &lie(4));
        assert_eq!(outcome(job), None);
        join(5, job, &truth(0));
        // Nobody can tell who is right: nobody is paid, nobody is slashed.
        assert_eq!(outcome(job), Some(Outcome::Completed));
        let record = Market::job(job).expect("kept");
        assert_eq!((record.failed, record.paid), (1, 0));
        assert!((1..=5).all(|n| bond(n) == BOND));
        assert_eq!(Balances::total_balance(&requester()), before);
        assert!(Verification::results(job, 0, 1).is_empty());
    });
}

#[test]
fn several_liars_all_lose() {
    run(|| {
        let job = one_batch(2, 2);
        seal_all(job, &[lie(1), lie(2)]);
        join(3, job, &lie(3));
        join(4, job, &truth(0));
        join(5, job, &truth(0));
        open(job, &[4, 5], &truth(0));
        assert_eq!(outcome(job), Some(Outcome::Completed));
        assert!((1..=3).all(|n| bond(n) == BOND - SLASH));
        // Three slashes, of each half to two operators.
        for n in 4..=5 {
            assert_eq!(Balances::total_balance(&operator(n)), FUNDS + 3 * SLASH / 4);
        }
    });
}

#[test]
fn three_replicas_ask_for_as_many_more_as_agreement_lacks() {
    // Two agree: one more.
    run(|| {
        let job = one_batch(3, 3);
        seal_all(job, &[truth(0), lie(1), truth(0)]);
        assert_eq!((ballot(job).wanted, record(job).wanted), (4, 1));
        join(4, job, &truth(0));
        open(job, &[1, 3, 4], &truth(0));
        assert_eq!(outcome(job), Some(Outcome::Completed));
        assert_eq!(Market::job(job).expect("kept").paid, 3 * BATCH_COST / 2);
        assert_eq!(bond(2), BOND - SLASH);
    });
    // None agree: two more.
    run(|| {
        let job = one_batch(3, 3);
        seal_all(job, &[truth(0), lie(1), lie(2)]);
        assert_eq!((ballot(job).wanted, record(job).wanted), (5, 2));
        for n in 4..=5 {
            join(n, job, &truth(0));
        }
        open(job, &[1, 4, 5], &truth(0));
        assert_eq!(outcome(job), Some(Outcome::Completed));
        assert_eq!((bond(2), bond(3)), (BOND - SLASH, BOND - SLASH));
    });
    // Two against two against one: given up.
    run(|| {
        let job = one_batch(3, 3);
        seal_all(job, &[truth(0), lie(1), truth(0)]);
        join(4, job, &lie(1));
        assert_eq!(ballot(job).wanted, 5);
        join(5, job, &lie(2));
        assert_eq!(Market::job(job).expect("kept").failed, 1);
        assert!((1..=5).all(|n| bond(n) == BOND));
    });
}

#[test]
fn colluding_replicas_on_one_batch_do_win() {
    // What replication cannot see: `k` operators who collude and whom the draw put on one batch.
    run(|| {
        let job = one_batch(2, 2);
        seal_all(job, &[lie(1), lie(1)]);
        open(job, &[1, 2], &lie(1));
        assert_eq!(outcome(job), Some(Outcome::Completed));
        assert_eq!(Market::job(job).expect("kept").paid, 2 * BATCH_COST);
    });
    // And a majority of liars has an honest replica slashed.
    run(|| {
        let job = one_batch(2, 2);
        seal_all(job, &[truth(0), lie(1)]);
        join(3, job, &lie(1));
        open(job, &[2, 3], &lie(1));
        assert_eq!(bond(1), BOND - SLASH);
        assert_eq!((bond(2), bond(3)), (BOND, BOND));
    });
}

/// Root, fuel and charge of what was accepted are on chain, and the same order comes to the same.
#[test]
fn whoever_copies_from_an_equal_order_pays_for_what_was_wrong_in_it() {
    run(|| {
        // GIVEN a wrong result of two who colluded
        let first = one_batch(2, 2);
        seal_all(first, &[lie(1), lie(1)]);
        open(first, &[1, 2], &lie(1));
        let known = Verification::results(first, 0, 1)[0].1.summary;
        // WHEN the same is ordered again, and somebody commits to that instead of computing
        let again = submit(1, 2);
        join(3, again, &known);
        join(4, again, &truth(0));
        join(5, again, &truth(0));
        open(again, &[4, 5], &truth(0));
        // THEN it loses as if it had lied by itself
        assert_eq!(outcome(again), Some(Outcome::Completed));
        assert_eq!(Verification::results(again, 0, 1)[0].1.summary, truth(0));
        assert_eq!(bond(3), BOND - SLASH);
        assert_eq!(registered(3).faults, 1);
        assert_eq!((bond(4), bond(5)), (BOND, BOND));
    });
}

#[test]
fn a_replacement_for_a_dissenter_may_miss_and_is_replaced_in_turn() {
    run(|| {
        let job = one_batch(2, 2);
        seal_all(job, &[truth(0), lie(1)]);
        // The third never commits, the fourth agrees and never reveals, the fifth decides.
        claim(3, job);
        wait(COMMIT_BLOCKS + 1);
        join(4, job, &truth(0));
        open(job, &[1], &truth(0));
        wait(REVEAL_BLOCKS + 1);
        join(5, job, &truth(0));
        open(job, &[5], &truth(0));
        assert_eq!(outcome(job), Some(Outcome::Completed));
        assert_eq!((bond(2), bond(4)), (BOND - SLASH, BOND - SLASH));
        assert_eq!((bond(3), registered(3).missed), (BOND, 1));
        assert_eq!((bond(1), bond(5)), (BOND, BOND));
    });
}

#[test]
fn a_slashed_worker_below_its_minimum_claims_no_more() {
    run(|| {
        // Four SUNS need 4,000; a bond worn down to below that is refused.
        let mut slashes = 0;
        while registered(2).bond >= 4_000 {
            pallet_workers::Workers::<Test>::mutate(worker(2), |record| {
                record.as_mut().expect("registered").in_flight += 1;
            });
            <Workers as sungrid_primitives::traits::Workers<AccountId>>::slash(
                &worker(2),
                &[operator(1)],
            );
            <Workers as sungrid_primitives::traits::Workers<AccountId>>::resolved(&worker(2));
            slashes += 1;
            assert!(slashes < 100);
        }
        let job = submit(1, 2);
        frame_support::assert_noop!(
            Market::claim(signed(worker(2)), job),
            pallet_market::Error::<Test>::WorkerUnavailable
        );
    });
}

#[test]
fn a_fault_ends_the_streak_that_a_job_asks_for() {
    run(|| {
        let demanding = || {
            let mut spec = spec(1, 2);
            spec.constraints.min_streak = 5;
            let job = NextJobId::<Test>::get();
            assert_ok!(Market::submit(signed(requester()), spec));
            job
        };
        let refuses = |n: u8, job| {
            assert_noop!(
                Market::claim(signed(worker(n)), job),
                pallet_market::Error::<Test>::StreakTooShort
            );
        };
        // GIVEN a record of thousands of results, and one of four
        trust(1, LONG, LONG);
        trust(2, 4, 4);
        let job = demanding();
        refuses(2, job);
        claim(1, job);
        // WHEN the one is caught with a lie, and the other one is right
        let disputed = submit(1, 2);
        for n in [1, 2] {
            claim(n, disputed);
        }
        commit(1, disputed, 0, &lie(1));
        commit(2, disputed, 0, &truth(0));
        join(3, disputed, &truth(0));
        open(disputed, &[2, 3], &truth(0));
        assert_eq!(outcome(disputed), Some(Outcome::Completed));
        wait(MAX_MISS_REST);
        // THEN nothing of the long record counts any more, and five in a row do
        let next = demanding();
        refuses(1, next);
        claim(2, next);
    });
}
