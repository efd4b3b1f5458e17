//! Inputs that are not to be had: workers that say so, and everyone who would profit from saying so, or from
//! withholding.

use frame_support::{
    assert_noop, assert_ok,
    dispatch::CheckIfFeeless,
    traits::fungible::{Inspect, InspectHold},
};
use pallet_market::{Error as MarketError, HoldReason, Outcome, Policy};
use sp_runtime::DispatchError;

use crate::{mock::*, *};

const PAUSE_FEE: u128 = 3 * CLAIM_FEE;

fn decline(n: u8, job: u32, batch: u32) {
    assert_ok!(Verification::decline(signed(worker(n)), job, batch));
}

fn claim_and_decline(n: u8, job: u32) {
    let batch = claim(n, job);
    decline(n, job, batch);
}

fn resume(job: u32) {
    assert_ok!(Verification::resume(signed(requester()), job));
}

fn refuses(n: u8, job: u32) {
    assert_noop!(
        Market::claim(signed(worker(n)), job),
        MarketError::<Test>::InputMissing
    );
}

fn paused(job: u32) -> bool {
    Verification::decliners(job).0
}

fn deposit(job: u32) -> u128 {
    Market::job(job).expect("the job exists").deposit
}

/// A job of so many batches, replicated twice, that three operators have paused.
fn paused_job(batches: u32) -> u32 {
    let job = submit(batches, 2);
    for n in 1..=3 {
        claim_and_decline(n, job);
    }
    assert!(paused(job));
    job
}

#[test]
fn a_decline_in_time_is_on_record_and_costs_nothing_but_the_claim() {
    run(|| {
        let job = one_batch(2, 2);
        wait(COMMIT_BLOCKS);
        let call = RuntimeCall::from(Call::decline { job, batch: 0 });
        assert!(call.is_feeless(&signed(worker(1))));
        assert!(!call.is_feeless(&signed(worker(3))));
        decline(1, job, 0);
        assert!(emitted(Event::<Test>::Declined {
            job,
            batch: 0,
            worker: worker(1),
            operator: operator(1),
        }));
        let record = registered(1);
        assert_eq!((record.declined, record.missed, record.faults), (1, 0, 0));
        assert_eq!((record.committed, record.bond), (0, BOND));
        assert_eq!(trust_of(1), (0, 0));
        // Its bond answers like that of everybody who ever got the batch.
        assert_eq!(record.in_flight, 1);
        // AND another operator gets its replica
        assert_noop!(
            Verification::decline(signed(worker(1)), job, 0),
            Error::<Test>::NotAssigned
        );
        assert_eq!(claim(3, job), 0);
        for n in [2, 3] {
            commit(n, job, 0, &truth(0));
        }
        for n in [2, 3] {
            reveal(n, job, 0, &truth(0));
        }
        assert_eq!(outcome(job), Some(Outcome::Completed));
        assert_eq!((bond(1), registered(1).in_flight), (BOND, 0));
    });
}

#[test]
fn who_declines_late_or_after_the_fact_does_not() {
    run(|| {
        let call = |n, job| Verification::decline(signed(worker(n)), job, 0);
        assert_noop!(call(1, 7), Error::<Test>::NotInFlight);
        let job = one_batch(2, 2);
        assert_noop!(call(3, job), Error::<Test>::NotAssigned);
        assert_noop!(
            Verification::decline(RuntimeOrigin::root(), job, 0),
            DispatchError::BadOrigin
        );
        commit(1, job, 0, &truth(0));
        assert_noop!(call(1, job), Error::<Test>::AlreadyCommitted);
        // The agenda may lag: the block number decides.
        System::set_block_number(2 + COMMIT_BLOCKS);
        assert_noop!(call(2, job), Error::<Test>::CommitTooLate);
        next_block();
        assert_eq!((registered(2).missed, registered(2).declined), (1, 0));
    });
}

#[test]
fn a_requester_that_withholds_its_input_pays_and_no_worker_is_punished() {
    run(|| {
        let before = Balances::total_balance(&requester());
        let job = submit(5, 2);
        let full = deposit(job);
        for n in 1..=2 {
            claim_and_decline(n, job);
        }
        assert!(!paused(job));
        assert_eq!(deposit(job), full);
        claim_and_decline(3, job);
        assert!(emitted(Event::<Test>::Paused {
            job,
            fee: PAUSE_FEE
        }));
        // THEN it pays for the claims, to nobody who declined
        assert_eq!(deposit(job), full - PAUSE_FEE);
        assert_eq!(Balances::total_balance(&treasury()), FUNDS + PAUSE_FEE);
        assert_eq!(Balances::total_balance(&requester()), before - PAUSE_FEE);
        for n in 1..=3 {
            assert_eq!((registered(n).missed, bond(n)), (0, BOND));
            assert_eq!(Balances::total_balance(&operator(n)), FUNDS);
        }
        // AND nobody wastes another claim for a while
        wait(PAUSE_LENGTH - 1);
        (1..=WORKERS).for_each(|n| refuses(n, job));
        // AND it ends by itself; what was never delivered is never paid
        wait(LIFE + 1);
        assert_eq!(outcome(job), Some(Outcome::Expired));
        assert_eq!(Market::job(job).expect("kept").paid, 0);
        wait(RETENTION);
        assert_ok!(Market::clean_up(signed(stranger()), job));
        assert_eq!(Balances::total_balance_on_hold(&requester()), 0);
        assert_eq!(Balances::total_balance(&requester()), before - PAUSE_FEE);
    });
}

#[test]
fn a_resumed_job_goes_on_with_everybody_who_declined() {
    run(|| {
        let job = paused_job(2);
        let full = deposit(job) + PAUSE_FEE;
        wait(1);
        assert_noop!(
            Verification::resume(signed(stranger()), job),
            MarketError::<Test>::NotRequester
        );
        resume(job);
        assert!(emitted(Event::<Test>::Resumed { job }));
        assert_eq!((paused(job), deposit(job)), (false, full));
        assert_noop!(
            Verification::resume(signed(requester()), job),
            Error::<Test>::NothingDeclined
        );
        // Of two batches everybody has declined one, and takes the other.
        let mut n = 1;
        while outcome(job).is_none() {
            if Market::claimable(job, worker(n)) {
                let batch = claim(n, job);
                commit(n, job, batch, &truth(batch));
            }
            for batch in 0..2 {
                for n in 1..=WORKERS {
                    let _ = try_reveal(n, job, batch, &truth(batch));
                }
            }
            n += 1;
        }
        assert_eq!(outcome(job), Some(Outcome::Completed));
        assert_eq!(Market::job(job).expect("kept").settled, 2);
    });
}

#[test]
fn resuming_needs_a_live_job_and_what_the_deposit_lacks() {
    run(|| {
        assert_noop!(
            Verification::resume(signed(requester()), 7),
            MarketError::<Test>::NoSuchJob
        );
        let job = submit(5, 2);
        assert_noop!(
            Verification::resume(signed(requester()), job),
            Error::<Test>::NothingDeclined
        );
        let job = paused_job(5);
        let free = Balances::balance(&requester());
        assert_ok!(Balances::transfer_allow_death(
            signed(requester()),
            stranger(),
            free - ED
        ));
        assert_noop!(
            Verification::resume(signed(requester()), job),
            sp_runtime::TokenError::FundsUnavailable
        );
        assert_ok!(Market::cancel(signed(requester()), job));
        wait(LIFE + 1);
        assert_noop!(
            Verification::resume(signed(requester()), job),
            MarketError::<Test>::NotOpen
        );
    });
}

#[test]
fn an_operator_with_many_workers_is_one_voice() {
    run(|| {
        // GIVEN an operator with four workers
        for n in 21..=23 {
            register(n, operator(1));
        }
        let job = submit(40, 2);
        // WHEN they have all claimed before the first declines
        let batches: Vec<_> = [1, 21, 22, 23].map(|n| (n, claim(n, job))).into();
        for (n, batch) in batches {
            decline(n, job, batch);
        }
        // THEN that is one decline, and none of them gets anything else for a while
        assert!(!paused(job));
        assert_eq!(Verification::decliners(job).1, [operator(1)]);
        [1, 21, 22, 23].into_iter().for_each(|n| refuses(n, job));
        assert!(Market::claimable(job, worker(2)));
    });
}

#[test]
fn who_declines_everything_loses_its_claims_and_gains_nothing() {
    run(|| {
        let job = submit(5, 2);
        let full = deposit(job);
        // WHEN it declines as often as it may
        for _ in 0..4 {
            claim_and_decline(1, job);
            wait(DECLINE_REST - 1);
            refuses(1, job);
            wait(1);
        }
        // THEN that is on record, pauses nothing and pays nothing
        assert_eq!(registered(1).declined, 4);
        assert_eq!((paused(job), deposit(job)), (false, full));
        assert_eq!(Balances::total_balance(&operator(1)), FUNDS);
        // AND honest workers finish the job
        for n in 2..=3 {
            while Market::claimable(job, worker(n)) {
                let batch = claim(n, job);
                commit(n, job, batch, &truth(batch));
            }
        }
        for batch in 0..5 {
            for n in 2..=3 {
                reveal(n, job, batch, &truth(batch));
            }
        }
        assert_eq!(outcome(job), Some(Outcome::Completed));
    });
}

#[test]
fn three_who_conspire_pause_a_job_once_unless_they_work_for_it() {
    run(|| {
        let job = paused_job(30);
        let deposit_before = deposit(job) + PAUSE_FEE;
        resume(job);
        // WHEN they decline again, as often as they like
        for _ in 0..3 {
            for n in 1..=3 {
                claim_and_decline(n, job);
            }
            wait(DECLINE_REST);
        }
        // THEN they are not heard a second time
        assert_eq!((paused(job), deposit(job)), (false, deposit_before));
        // AND a fourth is one voice only
        claim_and_decline(4, job);
        assert!(!paused(job));
        // BUT who has delivered since is heard again: its line may have been cut anew
        wait(DECLINE_REST);
        for n in 1..=2 {
            let batch = claim(n, job);
            commit(n, job, batch, &truth(batch));
            claim_and_decline(n, job);
        }
        assert!(paused(job));
    });
}

#[test]
fn a_pause_ends_by_itself_whether_or_not_the_requester_watches() {
    run(|| {
        // GIVEN declines some time apart, the last of which pauses the job
        let job = submit(30, 2);
        for n in 1..=3 {
            wait(PAUSE_LENGTH / 4);
            claim_and_decline(n, job);
        }
        let charged = deposit(job);
        wait(PAUSE_LENGTH - 1);
        refuses(4, job);
        // THEN a pause's length later it goes on
        wait(1);
        assert!(!paused(job));
        assert!(Market::claimable(job, worker(4)));
        // AND those who made it count for no other, one more or less
        for n in 1..=5 {
            claim_and_decline(n, job);
        }
        assert_eq!((paused(job), deposit(job)), (false, charged));
        assert!(Market::claimable(job, worker(6)));
    });
}

#[test]
fn declines_long_apart_are_no_pause() {
    run(|| {
        let job = submit(30, 2);
        for n in 1..=6 {
            claim_and_decline(n, job);
            wait(PAUSE_LENGTH / 2);
            assert!(!paused(job));
        }
    });
}

#[test]
fn three_who_conspire_take_nobody_s_pay_for_what_is_sealed() {
    run(|| {
        // GIVEN a sealed result that lacks its second replica when they pause the job
        let job = submit(30, 2);
        let sealed = claim(1, job);
        commit(1, job, sealed, &truth(sealed));
        for n in 2..=4 {
            claim_and_decline(n, job);
        }
        assert!(paused(job));
        // THEN who has the input finishes that batch, and starts no other
        assert_eq!(claim(5, job), sealed);
        commit(5, job, sealed, &truth(sealed));
        refuses(6, job);
        for n in [1, 5] {
            reveal(n, job, sealed, &truth(sealed));
        }
        assert_eq!(Market::job(job).expect("open").settled, 1);
    });
}

#[test]
fn an_operator_that_delivers_after_all_takes_its_decline_back() {
    run(|| {
        let job = submit(5, 2);
        let other = claim(1, job);
        for n in 1..=3 {
            claim_and_decline(n, job);
        }
        assert!(paused(job));
        commit(1, job, other, &truth(other));
        assert!(emitted(Event::<Test>::Resumed { job }));
        assert!(!paused(job));
        assert!(Market::claimable(job, worker(4)));
    });
}

#[test]
fn accomplices_of_a_liar_cannot_keep_its_jury_away() {
    run(|| {
        // GIVEN a lie that stands, in a job that three accomplices have paused
        let job = submit_under(Policy::Optimistic, 4);
        let lied = claim(1, job);
        for n in 2..=4 {
            claim_and_decline(n, job);
        }
        commit(1, job, lied, &lie(1));
        reveal(1, job, lied, &lie(1));
        assert!(paused(job));
        // WHEN it is challenged
        assert_ok!(Verification::challenge(signed(stranger()), job, lied));
        // THEN a jury comes all the same
        let jurors = answer_summons(job, &[5, 6, 7, 8], 2);
        for n in &jurors {
            commit(*n, job, lied, &truth(lied));
        }
        for n in &jurors {
            reveal(*n, job, lied, &truth(lied));
        }
        assert_eq!(bond(1), BOND - SLASH);
        assert!(paused(job));
    });
}

#[test]
fn when_everybody_declines_the_batch_fails_and_is_refunded() {
    run(|| {
        let before = Balances::total_balance(&requester());
        let job = submit(1, 2);
        let mut n = 0;
        while outcome(job).is_none() {
            n += 1;
            claim_and_decline(n, job);
            if paused(job) {
                resume(job);
            }
        }
        assert_eq!(Market::job(job).expect("kept").failed, 1);
        let pauses = u128::from(n / 3);
        assert_eq!(
            Balances::total_balance(&requester()),
            before - pauses * PAUSE_FEE
        );
    });
}

#[test]
fn a_pause_takes_no_more_than_the_deposit_has() {
    run(|| {
        let job = submit(5, 2);
        Market::charge_deposit(job, deposit(job) - 7);
        for n in 1..=3 {
            claim_and_decline(n, job);
        }
        assert!(emitted(Event::<Test>::Paused { job, fee: 7 }));
        assert_eq!(deposit(job), 0);
        resume(job);
        assert_eq!(
            Balances::balance_on_hold(&HoldReason::Deposit.into(), &requester()),
            deposit(job)
        );
    });
}

#[test]
fn a_job_remembers_so_many_decliners_and_forgets_who_counts_least() {
    run(|| {
        let job = submit(40, 2);
        let stranger_of = |n: u8| AccountId::new([n; 32]);
        // GIVEN a full list of operators whom a resumption has forgiven, but one
        let mut full = DeclinersOf::<Test>::default();
        for n in 0..MAX_DECLINERS as u8 {
            let decliner = Decliner {
                operator: stranger_of(n),
                rests_until: 1,
                counts_until: Some(if n == 0 { PAUSE_LENGTH } else { 1 }),
                handed_back: 0,
            };
            full.try_push(decliner).expect("within the bound");
        }
        Decliners::<Test>::insert(job, full.clone());
        claim_and_decline(1, job);
        let remembered = Verification::decliners(job).1;
        assert!(remembered.contains(&stranger_of(0)) && remembered.contains(&operator(1)));
        assert!(!remembered.contains(&stranger_of(1)));
        // AND if all of them count, one more changes nothing
        full.iter_mut()
            .for_each(|decliner| decliner.counts_until = Some(PAUSE_LENGTH));
        Decliners::<Test>::remove(job);
        let batch = claim(2, job);
        Decliners::<Test>::insert(job, full.clone());
        decline(2, job, batch);
        assert_eq!(Decliners::<Test>::get(job), full);
    });
}
