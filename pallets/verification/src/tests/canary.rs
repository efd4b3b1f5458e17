//! Accepted results that an answer known before is held against.

use frame_support::assert_ok;
use pallet_market::{Outcome, Policy};
use sungrid_primitives::{
    receipt::BatchSummary,
    traits::{Checked, KnownAnswers},
};

use super::witnesses::{called, outputs, same, say};
use crate::mock::*;

/// A job of one batch that these workers have settled with this result.
fn settled(policy: Policy, workers: &[u8], result: &BatchSummary) -> u32 {
    let job = submit_under(policy, 1);
    settle(job, policy, workers, result);
    job
}

fn settle(job: u32, policy: Policy, workers: &[u8], result: &BatchSummary) {
    for n in workers {
        claim(*n, job);
    }
    for n in workers {
        commit(*n, job, 0, result);
    }
    for n in workers {
        reveal(*n, job, 0, result);
    }
    if policy == Policy::Optimistic {
        wait(CHALLENGE_BLOCKS + 1);
    }
    assert_eq!(outcome(job), Some(Outcome::Completed));
}

fn held_against(job: u32, answer: &BatchSummary) -> Option<bool> {
    Verification::hold_against(job, 0, answer).map(|checked| checked.right)
}

#[test]
fn a_single_result_that_is_right_is_confirmed_and_a_lie_refuted() {
    run(|| {
        trust(1, 10, 10);
        trust(2, 10, 10);
        let honest = settled(Policy::Optimistic, &[1], &truth(0));
        let lied = settled(Policy::Optimistic, &[2], &lie(1));
        assert_eq!((trust_of(1), trust_of(2)), ((10, 10), (10, 10)));
        let checked = Verification::hold_against(honest, 0, &truth(0));
        assert_eq!(
            checked,
            Some(Checked {
                right: true,
                requester: requester(),
                price: BATCH_COST / 2,
            })
        );
        assert_eq!(held_against(lied, &truth(0)), Some(false));
        assert_eq!((trust_of(1), trust_of(2)), ((11, 11), (0, 6)));
        assert_eq!(bond(2), BOND, "nobody is slashed by a keeper's word");
    });
}

/// The requester has its money back, and whoever found the result has lost its trust already.
#[test]
fn a_result_whose_outputs_were_withheld_costs_nothing_and_earns_no_trust() {
    for (result, right) in [(truth(0), true), (lie(1), false)] {
        run(|| {
            trust(1, 10, 10);
            let job = settled(Policy::Optimistic, &[1], &result);
            let panel = called(job);
            say(job, &same(&panel, None));
            assert_eq!(outputs(job), crate::Outputs::Withheld);
            let after = trust_of(1);
            let checked = Verification::hold_against(job, 0, &truth(0)).expect("the first time");
            assert_eq!((checked.right, checked.price), (right, 0));
            assert_eq!(trust_of(1), after);
            assert_eq!(held_against(job, &truth(0)), None);
        });
    }
}

#[test]
fn a_result_costs_what_its_raised_bid_made_it_cost() {
    run(|| {
        let job = submit_under(Policy::Optimistic, 1);
        let price = 2 * spec(1, 2).price;
        assert_ok!(Market::raise(signed(requester()), job, price));
        settle(job, Policy::Optimistic, &[1], &truth(0));
        let checked = Verification::hold_against(job, 0, &truth(0));
        assert_eq!(checked.map(|checked| checked.price), Some(BATCH_COST));
    });
}

/// Two that collude pass every comparison; an answer from outside shows them.
#[test]
fn colluders_are_refuted_and_honest_replicas_gain_nothing_more() {
    run(|| {
        let honest = settled(Policy::Replicate(2), &[1, 2], &truth(0));
        let lied = settled(Policy::Replicate(2), &[3, 4], &lie(1));
        assert_eq!(held_against(honest, &truth(0)), Some(true));
        assert_eq!(held_against(lied, &truth(0)), Some(false));
        for n in [1, 2] {
            assert_eq!(trust_of(n), (1, 1), "they confirmed each other already");
        }
        for n in [3, 4] {
            assert_eq!(trust_of(n), (0, 0));
        }
    });
}

#[test]
fn a_result_is_checked_once_and_must_be_there() {
    run(|| {
        let job = settled(Policy::Optimistic, &[1], &truth(0));
        assert_eq!(held_against(job, &truth(0)), Some(true));
        let after = trust_of(1);
        assert_eq!(held_against(job, &truth(0)), None);
        assert_eq!(held_against(job, &lie(1)), None);
        assert_eq!(trust_of(1), after);

        let open = submit_under(Policy::Optimistic, 1);
        claim(2, open);
        commit(2, open, 0, &truth(0));
        assert_eq!(
            held_against(open, &truth(0)),
            None,
            "it is not accepted yet"
        );
        assert_eq!(
            held_against(open + 1, &truth(0)),
            None,
            "there is no such job"
        );
        assert_eq!(Verification::next_job(), open + 1);
    });
}
