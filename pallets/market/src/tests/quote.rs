//! What is to be expected of a job: its cost and its start.

use frame_support::{assert_noop, assert_ok};
use sungrid_primitives::{explain::Quote, policy::Trust};

use crate::{mock::*, *};

/// A batch of it pays one planck: a worker that exposes 100 is trusted as far as its record goes.
fn cheap() -> JobSpecOf<Test> {
    let mut spec = spec(2_000);
    (spec.policy, spec.price) = (Policy::Adaptive, PRICE / 1_000);
    spec
}

/// Two workers with these streaks and capacities.
fn two(streaks: [u32; 2], capacities: [u64; 2]) {
    let mut register = Register::get();
    register.retain(|key, _| *key < 12);
    Register::set(&register);
    for ((key, streak), capacity) in (10..).zip(streaks).zip(capacities) {
        change_worker(key, |worker| {
            worker.trust = Trust { streak, score: 0 };
            worker.capacity = capacity;
        });
    }
}

fn quote(spec: &JobSpecOf<Test>) -> Quote {
    Market::quote(spec).expect("priced")
}

#[test]
fn the_cost_is_that_of_the_bid_with_as_many_results_as_the_fleet_needs() {
    run(|| {
        // A thousand batches at a planck each, of which every second is computed twice.
        two([2_000, 2_000], [1_000_000; 2]);
        let offer = quote(&cheap());
        assert_eq!((offer.results, offer.expected), (1_500_000, 1_500));
        assert_eq!((offer.escrow, offer.replicas), (2_000, 2));
        // The spot price is 2,000 times this bid.
        assert_eq!(offer.at_spot, 3_000_000);
        // Three quarters of the capacity are audited one time in ten, the rest always.
        two([18_000, 9], [3_000_000, 1_000_000]);
        let offer = quote(&cheap());
        assert_eq!((offer.results, offer.expected), (1_325_000, 1_325));
        // Other policies ask nobody's record.
        let mut other = cheap();
        other.policy = Policy::Optimistic;
        assert_eq!(quote(&other).expected, 1_000);
        other.policy = Policy::Replicate(3);
        assert_eq!(quote(&other).expected, 3_000);
        // Ten new workers make a quorum of 99.9 %.
        other.policy = Policy::Quorum(1_000);
        assert_eq!(quote(&other).expected, 10_000);
    });
}

#[test]
fn nobody_is_trusted_alone_with_what_is_worth_a_lie_or_cannot_be_audited_in_time() {
    run(|| {
        two([18_000; 2], [1_000_000; 2]);
        assert_eq!(quote(&cheap()).results, 1_100_000);
        // A batch that pays 1,000 where a lie costs 100.
        let mut dear = cheap();
        dear.price = PRICE;
        assert_eq!(quote(&dear).results, 2_000_000);
        let mut soon = cheap();
        soon.deadline = System::block_number() + AUDIT_BLOCKS;
        assert_eq!(quote(&soon).results, 2_000_000);
        soon.deadline += 1;
        assert_eq!(quote(&soon).results, 1_100_000);
    });
}

#[test]
fn what_nobody_could_take_costs_the_worst_case() {
    run(|| {
        two([18_000; 2], [1_000_000; 2]);
        let mut abroad = cheap();
        abroad.constraints.jurisdictions = vec![*b"CH"].try_into().expect("few");
        let offer = quote(&abroad);
        assert_eq!((offer.wait, offer.results), (None, 2_000_000));
        assert_eq!(offer.expected, offer.escrow);
    });
}

#[test]
fn jobs_that_bid_as_much_go_first() {
    run(|| {
        // GIVEN two workers with room for two units each, and a queue of ten batches of two seconds, twice each
        two([0; 2], [2 * RATE; 2]);
        assert_eq!((quote(&spec(2)).wait, quote(&spec(2)).ahead), (Some(0), 0));
        let id = submit(20);
        // THEN 20 claims of 0.125 SUNS for two seconds keep half a SUNS busy for ten
        assert_eq!(
            (quote(&spec(2)).wait, quote(&spec(2)).ahead),
            (Some(10), 20)
        );
        // A higher bid passes it, one that was raised goes first again.
        let mut dearer = spec(2);
        dearer.price = PRICE + 1;
        assert_eq!((quote(&dearer).wait, quote(&dearer).ahead), (Some(0), 0));
        assert_ok!(Market::raise(
            RuntimeOrigin::signed(REQUESTER),
            id,
            PRICE + 1
        ));
        assert_eq!(quote(&dearer).wait, Some(10));
        // WHEN one batch has one of its workers, 19 claims are left
        claim(10, id);
        assert_eq!(quote(&spec(2)).ahead, 19);
        // Whatever takes no claims, or none of these workers, is no competition.
        assert_ok!(Market::cancel(RuntimeOrigin::signed(REQUESTER), id));
        assert_eq!(quote(&spec(2)).ahead, 1);
        let mut abroad = spec(20);
        abroad.constraints.jurisdictions = vec![*b"CH"].try_into().expect("few");
        submit_spec(abroad);
        assert_eq!(quote(&spec(2)).ahead, 1);
        System::set_block_number(job(id).spec.deadline);
        assert_eq!(quote(&spec(2)).ahead, 0);
    });
}

#[test]
fn a_queue_that_fits_beside_it_delays_nothing() {
    run(|| {
        submit(20);
        // 20 claims of 0.125 SUNS, and two of its own, where 20 workers have a SUNS each.
        let offer = quote(&spec(2));
        assert_eq!((offer.wait, offer.ahead), (Some(0), 20));
    });
}

#[test]
fn a_quorum_starts_with_one_operator_where_there_are_as_many_as_it_takes() {
    run(|| {
        let mut order = spec(2);
        order.policy = Policy::Quorum(100);
        // GIVEN two workers, of which the smaller one is busy for two seconds
        two([0; 2], [RATE, 8 * RATE]);
        submit(2);
        claim(10, 0);
        // WHEN they are new, seven operators are missing five
        assert_eq!(
            (quote(&order).results, quote(&order).wait),
            (7_000_000, None)
        );
        // WHEN both are of record, they are enough, and the other one begins
        for key in [10, 11] {
            change_worker(key, |worker| worker.trust.score = 99);
        }
        assert_eq!(
            (quote(&order).results, quote(&order).wait),
            (2_000_000, Some(0))
        );
        // At 99.9 % no record spares the other three of five.
        order.policy = Policy::Quorum(1_000);
        assert_eq!(
            (quote(&order).results, quote(&order).wait),
            (5_000_000, None)
        );
        order.policy = Policy::Replicate(2);
        assert_eq!(quote(&order).wait, Some(2));
    });
}

#[test]
fn a_quote_says_how_far_away_the_deadline_must_be() {
    run(|| {
        let mut order = spec(2);
        assert_eq!(quote(&order).least_blocks, 0);
        order.policy = Policy::Optimistic;
        let least = quote(&order).least_blocks;
        order.deadline = System::block_number() + least;
        assert_noop!(
            Market::submit(RuntimeOrigin::signed(REQUESTER), order.clone()),
            Error::<Test>::DeadlineTooNear
        );
        order.deadline += 1;
        assert_ok!(Market::submit(RuntimeOrigin::signed(REQUESTER), order));
    });
}

#[test]
fn a_settlement_is_expected_by_the_capacity_of_who_may_be_first() {
    run(|| {
        // A batch of two seconds; the second worker's results take 100 seconds longer.
        two([0; 2], [3_000_000, 1_000_000]);
        assert_eq!(quote(&cheap()).settled, Some(2 + 25));
        two([0; 2], [1_000_000, 2_000_000]);
        assert_eq!(quote(&cheap()).settled, Some(2 + 67), "rounded up");
        // After the wait, if there is one; never, if nobody begins.
        two([0; 2], [2 * RATE; 2]);
        submit(20);
        let offer = quote(&spec(2));
        assert_eq!((offer.wait, offer.settled), (Some(10), Some(10 + 2 + 50)));
        let mut abroad = cheap();
        abroad.constraints.jurisdictions = vec![*b"CH"].try_into().expect("few");
        assert_eq!(quote(&abroad).settled, None);
    });
}
