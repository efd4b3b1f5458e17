//! Whole lives of jobs, from submission to the operator's purse.

use frame_support::{assert_ok, traits::fungible::Inspect};
use pallet_market::{HoldReason, Outcome};
use sungrid_primitives::traits::Income;

use crate::{mock::*, *};

#[test]
fn a_batch_is_claimed_sealed_revealed_paid_and_the_round_is_split() {
    run(|| {
        let before = Balances::total_balance(&requester());
        let pot = Rewards::pot();
        let pot_before = Balances::balance(&pot);
        // GIVEN a job of one batch, replicated twice
        let job = one_batch(2, 2);
        assert_eq!(
            ballot(job).replicas[0].state,
            ReplicaState::Working {
                until: 1 + COMMIT_BLOCKS
            }
        );
        // WHEN both seal
        commit(1, job, 0, &truth(0));
        assert_eq!(reveal_until(job, 0), None);
        assert_eq!(registered(1).committed, 0, "free for the next batch");
        assert_eq!(registered(1).in_flight, 1, "the bond answers");
        commit(2, job, 0, &truth(0));
        assert_eq!(reveal_until(job, 0), Some(1 + REVEAL_BLOCKS));
        // AND reveal
        reveal(1, job, 0, &truth(0));
        reveal(2, job, 0, &truth(0));
        // THEN the batch is settled in the same block and the job complete
        assert_eq!(outcome(job), Some(Outcome::Completed));
        assert_eq!(Balances::balance(&pot), pot_before + BATCH_COST);
        assert_eq!(
            Balances::total_balance(&requester()),
            before - BATCH_COST,
            "half of the worst case, twice"
        );
        let results = Verification::results(job, 0, 10);
        assert_eq!(results.len(), 1);
        assert_eq!(results[0].1.summary, truth(0));
        assert_eq!(
            results[0].1.winners.to_vec(),
            vec![
                Winner {
                    worker: worker(1),
                    operator: operator(1),
                    bundle: bundle(1)
                },
                Winner {
                    worker: worker(2),
                    operator: operator(2),
                    bundle: bundle(2)
                }
            ]
        );
        assert_eq!(registered(1).accepted_units, 2);
        // AND when the round ends everybody can take a share
        run_to(60);
        assert_eq!(emission(), BATCH_COST * 8 / 100);
        let income = BATCH_COST + emission();
        for who in [operator(1), operator(2), developer()] {
            assert_ok!(Rewards::claim_rewards(signed(who)));
        }
        assert_eq!(
            Balances::total_balance(&operator(1)),
            FUNDS + income * 60 / 100 / 2
        );
        assert_eq!(
            Balances::total_balance(&developer()),
            FUNDS + income * 20 / 100
        );
        assert_eq!(Balances::total_balance(&treasury()), FUNDS + income / 10);
    });
}

#[test]
fn a_job_of_many_batches_is_done_by_few_one_lane_machines() {
    run(|| {
        // GIVEN three workers of one lane each
        for n in 1..=3 {
            let one_lane = sungrid_primitives::suns::Resources {
                fuel_per_second: 1_000_000_000,
                memory: 1 << 40,
                storage: 1 << 50,
                bandwidth: 1 << 40,
                ..Default::default()
            };
            assert_ok!(Workers::set_capacity(
                signed(operator(n)),
                worker(n),
                one_lane
            ));
        }
        let job = submit(40, 2);
        // WHEN they claim, seal and reveal as fast as they can
        let mut sealed: Vec<(u8, u32)> = Vec::new();
        while outcome(job).is_none() {
            for n in 1..=3 {
                if Market::claimable(job, worker(n)) {
                    let batch = claim(n, job);
                    assert!(!Market::claimable(job, worker(n)), "one lane, one batch");
                    commit(n, job, batch, &truth(batch));
                    sealed.push((n, batch));
                }
            }
            sealed.retain(|(n, batch)| {
                let open = reveal_until(job, *batch).is_some();
                if open {
                    reveal(*n, job, *batch, &truth(*batch));
                }
                !open
            });
            check_state();
            next_block();
            assert!(
                System::block_number() < LIFE,
                "nothing waits for a deadline"
            );
        }
        // THEN all is done, and paid exactly
        let record = Market::job(job).expect("not cleaned up yet");
        assert_eq!((record.settled, record.failed), (40, 0));
        assert_eq!(record.paid, 40 * BATCH_COST);
        assert_eq!(Verification::results(job, 0, 100).len(), 40);
        assert_eq!(Verification::results(job, 30, 5).len(), 5);
        // AND cleaning up leaves nothing behind
        wait(RETENTION);
        for _ in 0..4 {
            assert_ok!(Market::clean_up(signed(stranger()), job));
        }
        assert_eq!(Market::job(job), None);
        assert_eq!(Results::<Test>::iter().count(), 0);
    });
}

#[test]
fn a_bond_cannot_leave_before_the_verdict() {
    run(|| {
        let job = one_batch(2, 2);
        commit(1, job, 0, &truth(0));
        // GIVEN a liar that seals, has its capacity back, and leaves at once
        commit(2, job, 0, &lie(1));
        assert_ok!(Workers::leave(signed(operator(2)), worker(2)));
        wait(20);
        // THEN it cannot withdraw although the cool-down is over
        assert_eq!(registered(2).committed, 0);
        frame_support::assert_noop!(
            Workers::withdraw(signed(operator(2)), worker(2)),
            pallet_workers::Error::<Test>::WorkInFlight
        );
        // AND is slashed when a third replica decides
        claim(3, job);
        commit(3, job, 0, &truth(0));
        reveal(3, job, 0, &truth(0));
        reveal(1, job, 0, &truth(0));
        assert_eq!(bond(2), BOND - SLASH);
        // AND takes nothing to another worker before it has rested
        wait(MAX_MISS_REST - 1);
        frame_support::assert_noop!(
            Workers::withdraw(signed(operator(2)), worker(2)),
            pallet_workers::Error::<Test>::Resting
        );
        next_block();
        assert_ok!(Workers::withdraw(signed(operator(2)), worker(2)));
        assert_eq!(
            Balances::total_balance(&operator(2)),
            FUNDS - SLASH,
            "the rest of the bond is back"
        );
    });
}

#[test]
fn a_requester_that_votes_with_its_escrow_pays_all_the_same() {
    use frame_support::traits::{LockableCurrency, WithdrawReasons};
    run(|| {
        let job = one_batch(2, 2);
        Balances::set_lock(
            *b"democrac",
            &requester(),
            u128::MAX,
            WithdrawReasons::all(),
        );
        for n in 1..=2 {
            commit(n, job, 0, &truth(0));
        }
        for n in 1..=2 {
            reveal(n, job, 0, &truth(0));
        }
        assert_eq!(Market::job(job).expect("kept").paid, BATCH_COST);
    });
}

#[test]
fn a_retired_image_still_earns_for_running_jobs() {
    run(|| {
        let job = one_batch(2, 2);
        assert_ok!(Images::retire(signed(developer()), IMAGE));
        for n in 1..=2 {
            commit(n, job, 0, &truth(0));
        }
        for n in 1..=2 {
            reveal(n, job, 0, &truth(0));
        }
        assert_eq!(outcome(job), Some(Outcome::Completed));
        run_to(60);
        assert!(Rewards::pending(developer()) > 0);
    });
}

#[test]
fn escrow_and_deposit_are_on_hold_and_nothing_else() {
    use frame_support::traits::fungible::InspectHold;
    run(|| {
        let job = submit(3, 3);
        let held = |reason: HoldReason| Balances::balance_on_hold(&reason.into(), &requester());
        assert_eq!(held(HoldReason::Escrow), 9 * BATCH_COST);
        assert_eq!(held(HoldReason::Deposit), 530);
        assert_eq!(Market::job(job).expect("open").escrow, 9 * BATCH_COST);
    });
}
