//! Trust in workers who have gone.

use frame_support::{assert_noop, assert_ok, dispatch::Pays};
use sp_core::H256;
use sungrid_primitives::policy::Trust;

use crate::{mock::*, *};

fn withdraw(n: u8) {
    assert_ok!(Workers::leave(signed(operator(n)), worker(n)));
    wait(11);
    assert_ok!(Workers::withdraw(signed(operator(n)), worker(n)));
}

fn forget(n: u8) -> frame_support::dispatch::DispatchResultWithPostInfo {
    Verification::forget_trust(signed(stranger()), worker(n))
}

#[test]
fn anyone_has_the_trust_in_a_departed_worker_forgotten() {
    run(|| {
        // GIVEN workers of record in two environments, of whom one withdraws
        for n in [1, 2] {
            trust(n, 12, 12);
            let known = Trust {
                streak: 3,
                score: 4,
            };
            Trusts::<Test>::insert(worker(n), H256::repeat_byte(9), known);
        }
        withdraw(1);
        assert_eq!(trust_of(1), (12, 12), "it may come back");
        // WHEN a stranger has it forgotten
        let done = forget(1).expect("nothing is in the way");
        // THEN it is, without a fee, and the other one's stays
        assert_eq!(done.pays_fee, Pays::No);
        assert!(emitted(Event::TrustForgotten {
            worker: worker(1),
            environments: 2
        }));
        assert_eq!(Trusts::<Test>::iter_prefix(worker(1)).count(), 0);
        assert_eq!(trust_of(2), (12, 12));
        assert_noop!(forget(1), Error::<Test>::NothingToForget);
    });
}

#[test]
fn nobody_takes_the_trust_of_a_worker_that_is_there() {
    run(|| {
        trust(1, 12, 12);
        assert_noop!(forget(1), Error::<Test>::StillRegistered);
        // Nor of one that is leaving: its results may still be judged.
        assert_ok!(Workers::leave(signed(operator(1)), worker(1)));
        assert_noop!(forget(1), Error::<Test>::StillRegistered);
        assert_noop!(
            Verification::forget_trust(RuntimeOrigin::root(), worker(1)),
            sp_runtime::DispatchError::BadOrigin
        );
    });
}

#[test]
fn a_long_history_goes_a_bounded_part_at_a_time() {
    run(|| {
        for environment in 0..FORGOTTEN_AT_ONCE + 3 {
            let environment = H256::from_low_u64_be(environment.into());
            Trusts::<Test>::insert(worker(1), environment, Trust::default());
        }
        withdraw(1);
        assert_ok!(forget(1));
        assert_eq!(Trusts::<Test>::iter_prefix(worker(1)).count(), 3);
        assert_ok!(forget(1));
        assert_eq!(Trusts::<Test>::iter().count(), 0);
    });
}

#[test]
fn the_ratings_of_an_operator_go_when_its_last_worker_has_gone() {
    run(|| {
        // GIVEN an operator with two workers, that was rated
        register(30, operator(1));
        let job = one_batch(2, 2);
        for n in 1..=2 {
            commit(n, job, 0, &truth(0));
        }
        for n in 1..=2 {
            reveal(n, job, 0, &truth(0));
        }
        assert_ok!(Verification::rate(
            signed(requester()),
            job,
            0,
            operator(1),
            2
        ));
        let forget = || Verification::forget_rating(signed(stranger()), operator(1));
        let leave = |n| {
            assert_ok!(Workers::leave(signed(operator(1)), worker(n)));
            wait(LIABILITY);
            assert_ok!(Workers::withdraw(signed(operator(1)), worker(n)));
        };
        // WHEN one of them goes
        leave(1);
        assert_noop!(forget(), Error::<Test>::StillRegistered);
        // AND then the other
        leave(30);
        let paid = assert_ok_and_pays(forget());
        // THEN anyone has them forgotten, once, for nothing
        assert_eq!(paid, Pays::No);
        assert!(emitted(Event::<Test>::RatingForgotten {
            operator: operator(1)
        }));
        assert_eq!(Ratings::<Test>::iter().count(), 0);
        assert_noop!(forget(), Error::<Test>::NothingToForget);
        // AND the job's mark stays until it is cleaned up: nobody is rated twice for it.
        assert_noop!(
            Verification::rate(signed(requester()), job, 0, operator(1), 2),
            Error::<Test>::AlreadyRated
        );
        assert_noop!(
            Verification::forget_rating(RuntimeOrigin::root(), operator(1)),
            sp_runtime::DispatchError::BadOrigin
        );
    });
}

#[test]
fn an_operator_at_work_keeps_its_ratings() {
    run(|| {
        Ratings::<Test>::insert(operator(1), Rating { stars: 1, count: 1 });
        assert_ok!(Workers::leave(signed(operator(1)), worker(1)));
        wait(5);
        // Its bond is still held.
        assert_noop!(
            Verification::forget_rating(signed(operator(1)), operator(1)),
            Error::<Test>::StillRegistered
        );
        assert_noop!(
            Verification::forget_rating(signed(stranger()), stranger()),
            Error::<Test>::NothingToForget
        );
    });
}

fn assert_ok_and_pays(result: frame_support::dispatch::DispatchResultWithPostInfo) -> Pays {
    result.expect("something was forgotten").pays_fee
}
