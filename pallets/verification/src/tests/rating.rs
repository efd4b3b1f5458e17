//! Ratings: who may give them, for what, and what they do not change.

use frame_support::{assert_noop, assert_ok};
use pallet_market::Error as MarketError;
use sp_runtime::{DispatchError, DispatchResult};

use crate::{mock::*, *};

fn rate(job: u32, n: u8, stars: u8) -> DispatchResult {
    Verification::rate(signed(requester()), job, 0, operator(n), stars)
}

/// A job of one batch that workers 1 and 2 have completed.
fn completed() -> u32 {
    let job = one_batch(2, 2);
    for n in 1..=2 {
        commit(n, job, 0, &truth(0));
    }
    for n in 1..=2 {
        reveal(n, job, 0, &truth(0));
    }
    job
}

fn rating(n: u8) -> (u64, u64) {
    let Rating { stars, count } = Verification::rating(operator(n));
    (stars, count)
}

#[test]
fn a_requester_rates_each_operator_that_served_it_once_and_nothing_else_changes() {
    run(|| {
        let job = completed();
        let (trust, worker) = (trust_of(1), registered(1));
        assert_ok!(rate(job, 1, 5));
        assert_ok!(rate(job, 2, 1));
        assert!(emitted(Event::<Test>::Rated {
            job,
            operator: operator(1),
            stars: 5,
        }));
        assert_noop!(rate(job, 1, 5), Error::<Test>::AlreadyRated);
        assert_eq!((rating(1), rating(2)), ((5, 1), (1, 1)));
        assert_eq!((trust_of(1), registered(1)), (trust, worker));
        // Once for each job.
        let job = completed();
        assert_ok!(rate(job, 1, 2));
        assert_eq!(rating(1), (7, 2));
    });
}

#[test]
fn nobody_else_rates_and_nobody_else_is_rated() {
    run(|| {
        assert_noop!(rate(7, 1, 3), MarketError::<Test>::NoSuchJob);
        let open = one_batch(2, 1);
        assert_noop!(rate(open, 1, 3), Error::<Test>::NotRatable);
        let job = completed();
        for who in [operator(1), worker(1), stranger()] {
            assert_noop!(
                Verification::rate(signed(who), job, 0, operator(2), 5),
                MarketError::<Test>::NotRequester
            );
        }
        assert_noop!(
            Verification::rate(RuntimeOrigin::root(), job, 0, operator(1), 5),
            DispatchError::BadOrigin
        );
        assert_noop!(rate(job, 3, 5), Error::<Test>::NotServed);
        for stars in [0, MOST_STARS + 1, u8::MAX] {
            assert_noop!(rate(job, 1, stars), Error::<Test>::BadRating);
        }
        assert_noop!(
            Verification::rate(signed(requester()), job, 1, operator(1), 5),
            Error::<Test>::NotServed
        );
    });
}

#[test]
fn who_declined_or_lied_did_not_serve() {
    run(|| {
        let job = one_batch(2, 2);
        assert_ok!(Verification::decline(signed(worker(1)), job, 0));
        claim(3, job);
        commit(2, job, 0, &lie(1));
        commit(3, job, 0, &truth(0));
        claim(4, job);
        commit(4, job, 0, &truth(0));
        for n in 3..=4 {
            reveal(n, job, 0, &truth(0));
        }
        for n in 1..=2 {
            assert_noop!(rate(job, n, 1), Error::<Test>::NotServed);
        }
        assert_ok!(rate(job, 3, 5));
    });
}

#[test]
fn nobody_rates_itself() {
    run(|| {
        // GIVEN a requester with a worker of its own
        register(30, requester());
        let job = submit(1, 2);
        for n in [30, 1] {
            claim(n, job);
            commit(n, job, 0, &truth(0));
        }
        for n in [30, 1] {
            reveal(n, job, 0, &truth(0));
        }
        assert_noop!(
            Verification::rate(signed(requester()), job, 0, requester(), 5),
            Error::<Test>::SelfRating
        );
        assert_ok!(rate(job, 1, 5));
    });
}

#[test]
fn cancelled_jobs_are_not_rated() {
    run(|| {
        let job = submit(40, 2);
        for n in 1..=2 {
            claim(n, job);
        }
        assert_ok!(Market::cancel(signed(requester()), job));
        wait(LIFE + 1);
        assert_noop!(rate(job, 1, 1), Error::<Test>::NotRatable);
    });
}

#[test]
fn marks_go_with_the_job_and_ratings_stay() {
    run(|| {
        // The limit is ten batches per call.
        let job = submit(12, 1 + 1);
        for n in 1..=2 {
            for _ in 0..12 {
                let batch = claim(n, job);
                commit(n, job, batch, &truth(batch));
            }
        }
        for batch in 0..12 {
            for n in 1..=2 {
                reveal(n, job, batch, &truth(batch));
            }
        }
        assert_ok!(rate(job, 1, 4));
        wait(RETENTION);
        assert_ok!(Market::clean_up(signed(stranger()), job));
        assert!(Market::job(job).is_some(), "in parts");
        // With the first of the records the marks go: nobody is rated twice through what is left.
        assert_eq!(Rated::<Test>::iter().count(), 0);
        assert_noop!(
            Verification::rate(signed(requester()), job, 11, operator(1), 4),
            Error::<Test>::NotRatable
        );
        assert_ok!(Market::clean_up(signed(stranger()), job));
        assert_eq!(rating(1), (4, 1));
    });
}
