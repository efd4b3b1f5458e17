//! Cancelling in every phase.

use frame_support::{assert_noop, assert_ok, traits::fungible::Inspect};
use sungrid_primitives::traits::{BatchControl, Verdict};

use crate::{mock::*, *};

fn cancel(id: u32) {
    assert_ok!(Market::cancel(RuntimeOrigin::signed(REQUESTER), id));
}

#[test]
fn before_any_claim_everything_returns_at_once() {
    run(|| {
        let before = Balances::total_balance(&REQUESTER);
        let id = submit(100);
        cancel(id);
        assert_eq!(held(HoldReason::Escrow, REQUESTER), 0);
        assert_eq!(held(HoldReason::Deposit, REQUESTER), job(id).deposit);
        assert_eq!(Balances::total_balance(&REQUESTER), before);
        assert!(matches!(
            job(id).state,
            JobState::Ended {
                outcome: Outcome::Cancelled,
                ..
            }
        ));
        assert_noop!(
            Market::claim(RuntimeOrigin::signed(10), id),
            Error::<Test>::NotOpen
        );
    });
}

#[test]
fn what_was_started_completes_and_is_paid() {
    run(|| {
        let id = submit(100);
        let batch = claim(10, id);
        cancel(id);
        assert_eq!(job(id).state, JobState::Settling(Closing::Cancelled));
        assert_eq!(job(id).window.to_vec(), vec![batch]);
        assert!(market_events().contains(&Event::JobCancelled {
            job: id,
            in_flight: 1
        }));
        // The only batch to claim is the started one.
        assert_eq!(claim(11, id), batch);
        assert_noop!(
            Market::claim(RuntimeOrigin::signed(12), id),
            Error::<Test>::NothingToClaim
        );
        // A disagreement still gets its replica: cancelling does not help anyone out of paying.
        assert!(Market::want_replica(id, batch));
        assert_eq!(claim(12, id), batch);
        Market::conclude(id, batch, accepted(&[10, 12], &[11], BATCH_CHARGE));
        assert_eq!(Balances::balance(&POT), ED + 2 * BATCH_COST);
        assert!(matches!(
            job(id).state,
            JobState::Ended {
                outcome: Outcome::Cancelled,
                ..
            }
        ));
        assert_eq!(held(HoldReason::Escrow, REQUESTER), 0);
    });
}

#[test]
fn waiting_batches_stay_claimable() {
    run(|| {
        // GIVEN a fully claimed batch, and a full window
        let id = submit(2 * (WINDOW + 10));
        let mut worker = 10;
        let full = loop {
            let batch = claim(worker, id);
            if Market::batch(id, batch).expect("in flight").wanted == 0 {
                break batch;
            }
            worker = if worker == 29 { 10 } else { worker + 1 };
        };
        // WHEN it wants a replica and the job is cancelled
        assert!(Market::want_replica(id, full));
        assert_eq!(job(id).waiting, 1);
        cancel(id);
        // THEN it is in the window, which holds started batches only
        assert_eq!(job(id).waiting, 0);
        assert!(job(id).window.contains(&full));
        check_state();
        // AND at the deadline all of them fail, because nobody claimed
        run_to(120);
        assert!(matches!(
            job(id).state,
            JobState::Ended {
                outcome: Outcome::Cancelled,
                ..
            }
        ));
        assert!(InHand::get().is_empty(), "the verifier was told");
    });
}

#[test]
fn only_the_requester_and_only_once() {
    run(|| {
        let id = submit(10);
        claim(10, id);
        assert_noop!(
            Market::cancel(RuntimeOrigin::signed(POOR), id),
            Error::<Test>::NotRequester
        );
        assert_noop!(
            Market::cancel(RuntimeOrigin::signed(REQUESTER), id + 1),
            Error::<Test>::NoSuchJob
        );
        assert_noop!(
            Market::cancel(RuntimeOrigin::root(), id),
            sp_runtime::DispatchError::BadOrigin
        );
        cancel(id);
        assert_noop!(
            Market::cancel(RuntimeOrigin::signed(REQUESTER), id),
            Error::<Test>::NotOpen
        );
        Market::conclude(id, job(id).window[0], Verdict::Failed);
        assert_noop!(
            Market::cancel(RuntimeOrigin::signed(REQUESTER), id),
            Error::<Test>::NotOpen
        );
    });
}

#[test]
fn between_the_deadline_and_its_agenda_entry() {
    run(|| {
        let id = submit(10);
        claim(10, id);
        System::set_block_number(150);
        cancel(id);
        assert_eq!(job(id).state, JobState::Settling(Closing::Cancelled));
        assert_noop!(
            Market::claim(RuntimeOrigin::signed(11), id),
            Error::<Test>::NotOpen
        );
        next_block();
        assert!(job(id).has_ended());
    });
}
