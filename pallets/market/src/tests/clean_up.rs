//! Records go, deposits return.

use frame_support::{assert_noop, assert_ok, traits::fungible::Inspect};

use crate::{mock::*, *};

#[test]
fn a_stranger_may_clean_up_and_the_requester_gets_the_deposit() {
    run(|| {
        let before = Balances::total_balance(&REQUESTER);
        let id = submit(10);
        run_to(101);
        assert!(job(id).has_ended());
        run_to(101 + RETENTION);
        let poor = Balances::balance(&POOR);
        assert_ok!(Market::clean_up(RuntimeOrigin::signed(POOR), id));
        assert_eq!(Balances::balance(&POOR), poor, "nothing for the stranger");
        assert_eq!(Balances::balance(&REQUESTER), before);
        assert_eq!(held(HoldReason::Deposit, REQUESTER), 0);
        assert_eq!(Market::job(id), None);
        assert_eq!(
            Forgotten::get(),
            (0..5).map(|b| (id, b)).collect::<Vec<_>>()
        );
        assert!(market_events().contains(&Event::CleanedUp {
            job: id,
            batches: 5,
            deposit: 550,
        }));
        assert_noop!(
            Market::clean_up(RuntimeOrigin::signed(POOR), id),
            Error::<Test>::NoSuchJob
        );
    });
}

#[test]
fn not_before_the_retention_is_over() {
    run(|| {
        let id = submit(10);
        let clean_up = || Market::clean_up(RuntimeOrigin::signed(REQUESTER), id);
        assert_noop!(clean_up(), Error::<Test>::NotEnded);
        claim(10, id);
        assert_ok!(Market::cancel(RuntimeOrigin::signed(REQUESTER), id));
        assert_noop!(clean_up(), Error::<Test>::NotEnded);
        run_to(101);
        assert!(job(id).has_ended());
        assert_noop!(clean_up(), Error::<Test>::RetentionNotOver);
        run_to(100 + RETENTION);
        assert_noop!(clean_up(), Error::<Test>::RetentionNotOver);
        run_to(101 + RETENTION);
        assert_noop!(
            Market::clean_up(RuntimeOrigin::root(), id),
            sp_runtime::DispatchError::BadOrigin
        );
        assert_ok!(clean_up());
    });
}

#[test]
fn large_jobs_go_in_parts_and_the_deposit_with_the_last() {
    run(|| {
        // 32 batches were opened of 500; the limit is 10 per call.
        let id = submit(1_000);
        run_to(101 + RETENTION);
        for part in [10, 10, 10] {
            let before = Forgotten::get().len();
            assert_ok!(Market::clean_up(RuntimeOrigin::signed(POOR), id));
            assert_eq!(Forgotten::get().len() - before, part);
            assert_eq!(held(HoldReason::Deposit, REQUESTER), job(id).deposit);
            check_state();
        }
        assert_ok!(Market::clean_up(RuntimeOrigin::signed(POOR), id));
        assert_eq!(Forgotten::get().len(), 32);
        assert_eq!(held(HoldReason::Deposit, REQUESTER), 0);
    });
}

#[test]
fn other_jobs_keep_their_deposits() {
    run(|| {
        let gone = submit(10);
        assert_ok!(Market::cancel(RuntimeOrigin::signed(REQUESTER), gone));
        run_to(1 + RETENTION);
        let stays = submit(20);
        assert_ok!(Market::clean_up(RuntimeOrigin::signed(POOR), gone));
        assert_eq!(held(HoldReason::Deposit, REQUESTER), job(stays).deposit);
        assert_eq!(held(HoldReason::Escrow, REQUESTER), job(stays).escrow);
    });
}

#[test]
fn what_its_requester_has_received_it_need_not_keep() {
    run(|| {
        let id = submit(10);
        assert_ok!(Market::cancel(RuntimeOrigin::signed(REQUESTER), id));
        let clean_up = || Market::clean_up(RuntimeOrigin::signed(REQUESTER), id);
        Received::set(&[(id, 4)].into());
        assert_noop!(clean_up(), Error::<Test>::RetentionNotOver);
        Received::set(&[(id, 5)].into());
        // Nobody else ends its time to rate those who served it, or to have the outputs read once more.
        assert_noop!(
            Market::clean_up(RuntimeOrigin::signed(POOR), id),
            Error::<Test>::RetentionNotOver
        );
        assert_ok!(clean_up());
        assert_eq!(ForgottenJobs::get(), [id]);
    });
}
