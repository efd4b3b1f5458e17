//! Batches that a worker hands back for a reason of its own, and whoever would use that to get another one, to stall a job, or
//! to be rid of what it was drawn for.

use frame_support::{assert_noop, assert_ok, dispatch::CheckIfFeeless};
use pallet_market::{Error as MarketError, Outcome, Policy};

use crate::{mock::*, *};

fn hand_back(n: u8, job: u32, batch: u32) {
    assert_ok!(Verification::hand_back(signed(worker(n)), job, batch));
}

#[test]
fn what_is_handed_back_in_time_is_nobody_s_fault() {
    run(|| {
        let before = Market::job(submit(1, 2)).expect("open").deposit;
        let job = one_batch(2, 2);
        wait(COMMIT_BLOCKS);
        let call = RuntimeCall::from(Call::hand_back { job, batch: 0 });
        assert!(call.is_feeless(&signed(worker(1))));
        assert!(!call.is_feeless(&signed(worker(3))));
        hand_back(1, job, 0);
        assert!(emitted(Event::<Test>::HandedBack {
            job,
            batch: 0,
            worker: worker(1),
            operator: operator(1),
        }));
        let record = registered(1);
        assert_eq!(
            (record.handed_back, record.declined, record.missed),
            (1, 0, 0)
        );
        assert_eq!(
            (record.committed, record.bond, trust_of(1)),
            (0, BOND, (0, 0))
        );
        // Its bond answers like that of everybody who ever got the batch.
        assert_eq!(record.in_flight, 1);
        assert_eq!(Verification::decliners(job), (false, vec![]));
        assert_eq!(Market::job(job).expect("open").deposit, before);
        // AND another operator gets its replica
        assert_noop!(
            Verification::hand_back(signed(worker(1)), job, 0),
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
        assert_eq!(registered(1).in_flight, 0);
    });
}

#[test]
fn it_is_too_late_after_the_deadline_or_the_seal() {
    run(|| {
        let call = |n, job| Verification::hand_back(signed(worker(n)), job, 0);
        assert_noop!(call(1, 7), Error::<Test>::NotInFlight);
        let job = one_batch(2, 2);
        assert_noop!(call(3, job), Error::<Test>::NotAssigned);
        assert_noop!(
            Verification::hand_back(RuntimeOrigin::root(), job, 0),
            sp_runtime::DispatchError::BadOrigin
        );
        commit(1, job, 0, &truth(0));
        assert_noop!(call(1, job), Error::<Test>::AlreadyCommitted);
        System::set_block_number(2 + COMMIT_BLOCKS);
        assert_noop!(call(2, job), Error::<Test>::CommitTooLate);
        next_block();
        assert_eq!((registered(2).missed, registered(2).handed_back), (1, 0));
    });
}

#[test]
fn nobody_claims_and_hands_back_until_it_has_the_batch_that_it_wants() {
    run(|| {
        register(20, operator(1));
        let job = submit(8, 2);
        let batch = claim(1, job);
        hand_back(1, job, batch);
        // Neither it nor another machine of its operator gets anything of that job for a while,
        for n in [1, 20] {
            assert_noop!(
                Market::claim(signed(worker(n)), job),
                MarketError::<Test>::InputMissing
            );
        }
        // of others at once,
        let other = submit(1, 2);
        let elsewhere = claim(1, other);
        hand_back(1, other, elsewhere);
        // AND that batch never.
        for _ in 0..8 {
            wait(DECLINE_REST);
            let next = claim(1, job);
            assert_ne!(next, batch);
            hand_back(1, job, next);
            if (0..8).filter(|b| Market::batch(job, *b).is_some()).count() == 8 {
                break;
            }
        }
    });
}

#[test]
fn many_who_hand_back_pause_no_job_and_whoever_declines_then_counts() {
    run(|| {
        let job = submit(8, 2);
        for n in 1..=5 {
            let batch = claim(n, job);
            hand_back(n, job, batch);
        }
        assert_eq!(Verification::decliners(job), (false, vec![]));
        claim(6, job);
        wait(DECLINE_REST);
        // An operator that handed back before is as good a witness of a missing input as any.
        for n in 1..=3 {
            let batch = claim(n, job);
            assert_ok!(Verification::decline(signed(worker(n)), job, batch));
        }
        assert!(Verification::decliners(job).0);
        // Nor does one that declined get rid of that by handing back.
        assert_ok!(Verification::resume(signed(requester()), job));
        let batch = claim(1, job);
        hand_back(1, job, batch);
        assert_eq!(Verification::decliners(job).1.len(), 3);
    });
}

#[test]
fn who_never_delivers_hands_back_so_often_and_no_more() {
    run(|| {
        let job = submit(40, 2);
        let once = |job| {
            let batch = claim(1, job);
            let done = Verification::hand_back(signed(worker(1)), job, batch);
            Decliners::<Test>::mutate(job, |all| all.iter_mut().for_each(|d| d.rests_until = 0));
            done.map(|()| batch)
        };
        for _ in 0..MAX_HANDED_BACK {
            assert_ok!(once(job));
        }
        let batch = claim(1, job);
        assert_noop!(
            Verification::hand_back(signed(worker(1)), job, batch),
            Error::<Test>::HandedBackTooOften
        );
        let call = RuntimeCall::from(Call::hand_back { job, batch });
        assert!(!call.is_feeless(&signed(worker(1))));
        // It delivers, and has its say again.
        commit(1, job, batch, &truth(batch));
        assert_ok!(once(job));
    });
}

#[test]
fn whoever_was_drawn_for_an_audit_or_a_jury_does_not_hand_it_back() {
    run(|| {
        // A jury
        let job = submit_under(Policy::Optimistic, 1);
        claim(1, job);
        commit(1, job, 0, &lie(1));
        reveal(1, job, 0, &lie(1));
        assert_ok!(Verification::challenge(signed(stranger()), job, 0));
        let jurors = answer_summons(job, &[2, 3, 4, 5], 2);
        assert_noop!(
            Verification::hand_back(signed(worker(jurors[0])), job, 0),
            Error::<Test>::DrawnForIt
        );
        // whose members decline, or do it; so does who replaces one.
        assert_ok!(Verification::decline(signed(worker(jurors[0])), job, 0));
        let next = answer_summons(job, &[6, 7, 8, 9], 1)[0];
        assert_noop!(
            Verification::hand_back(signed(worker(next)), job, 0),
            Error::<Test>::DrawnForIt
        );
    });
    run(|| {
        // An audit
        let audited = loop {
            trust(1, 10, 10);
            let job = submit_under(Policy::Adaptive, 1);
            claim(1, job);
            // Before it has sealed anything it may: nothing is drawn.
            let call = RuntimeCall::from(Call::hand_back { job, batch: 0 });
            assert!(call.is_feeless(&signed(worker(1))));
            commit(1, job, 0, &lie(1));
            wait(DRAW_DELAY);
            if ballot(job).wanted == 2 {
                break job;
            }
        };
        let n = answer_summons(audited, &[2, 3, 4, 5], 1)[0];
        assert_noop!(
            Verification::hand_back(signed(worker(n)), audited, 0),
            Error::<Test>::DrawnForIt
        );
    });
}

#[test]
fn when_everybody_hands_it_back_the_batch_fails_and_is_refunded() {
    run(|| {
        let before = Balances::free_balance(requester());
        let job = submit(1, 2);
        let mut n = 0;
        while outcome(job).is_none() {
            n += 1;
            claim(n, job);
            hand_back(n, job, 0);
        }
        let record = Market::job(job).expect("kept");
        assert_eq!((record.failed, record.paid), (1, 0));
        assert_eq!(Balances::free_balance(requester()), before - record.deposit);
    });
}

#[test]
fn nobody_is_forgotten_for_those_who_hand_back_while_others_are_done_resting() {
    run(|| {
        let job = submit(4, 2);
        let now = System::block_number();
        let entry = |at: u8, rests: u64, counted: bool, handed_back| Decliner {
            operator: AccountId::new([150 + at; 32]),
            rests_until: now + rests,
            counts_until: counted.then_some(now),
            handed_back,
        };
        let last = u8::try_from(MAX_DECLINERS - 1).expect("few");
        // The first are those whom it pays to be forgotten: at the end of their patience, resting, counted for a pause before.
        let list = (0..=last).map(|at| match at {
            0 => entry(at, 0, false, 16),
            1 => entry(at, 5, false, 0),
            2 => entry(at, 0, true, 0),
            at if at == last => entry(at, 0, false, 0),
            at => entry(at, 5, true, 1),
        });
        let list = list.collect::<Vec<_>>();
        Decliners::<Test>::insert(job, DeclinersOf::<Test>::truncate_from(list.clone()));
        let batch = claim(1, job);
        hand_back(1, job, batch);
        let kept = Decliners::<Test>::get(job);
        assert_eq!(kept[..list.len() - 1], list[..list.len() - 1]);
        assert_eq!(kept[list.len() - 1].operator, operator(1));
    });
}
