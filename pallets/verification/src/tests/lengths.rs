//! Batches of different lengths: a liar that sees that it will be caught with a long one, and would lie in short ones until then.

use frame_support::{assert_noop, assert_ok};
use pallet_market::{Outcome, Policy};
use sungrid_primitives::receipt::BatchSummary;

use crate::{mock::*, *};

/// A batch of 300 seconds stands for the window and twice a hundred blocks.
const LONG_STANDING: u64 = STANDING_WINDOW + 200;
/// To commit, to draw, and to have everybody summoned, twice; see `audit_blocks`.
const SHORT_AUDIT: u64 =
    2 * COMMIT_BLOCKS + DRAW_DELAY + 2 * 8 * pallet_market::SUMMONS_STEP as u64;

fn order(n: u8, streak: u32, seconds: u64, lasts: u64) -> u32 {
    trust(n, streak, 10);
    let job = pallet_market::NextJobId::<Test>::get();
    let mut order = spec(1, 2);
    order.policy = Policy::Adaptive;
    // Two units.
    order.fuel_limit = seconds * 500_000_000;
    order.deadline = System::block_number() + lasts;
    assert_ok!(Market::submit(signed(requester()), order));
    claim(n, job);
    job
}

/// A long job of which worker `n` has sealed a result that is audited from now on.
fn audited(n: u8, answer: &BatchSummary) -> u32 {
    for _ in 0..20 {
        let job = order(n, 10, 300, 900);
        commit(n, job, 0, answer);
        wait(DRAW_DELAY);
        if ballot(job).wanted == 2 {
            return job;
        }
    }
    panic!("two thousand of 2,010 are audited");
}

/// A short one of which the result of worker `n` stands: the job, and until when.
fn standing(n: u8, answer: &BatchSummary) -> (u32, u64) {
    for _ in 0..300 {
        let job = order(n, LONG, 2, 600);
        commit(n, job, 0, answer);
        wait(DRAW_DELAY);
        if let Stage::Standing { until, .. } = ballot(job).stage {
            return (job, until);
        }
    }
    panic!("the draw always says the same");
}

/// Others find the truth of a batch that wants another replica.
fn others_find(job: u32, pool: [u8; 5], count: usize) {
    let mut found: Vec<u8> = vec![];
    for _ in 0..count {
        let rest: Vec<u8> = pool.into_iter().filter(|n| !found.contains(n)).collect();
        let n = answer_summons(job, &rest, 1)[0];
        commit(n, job, 0, &truth(0));
        found.push(n);
    }
    for n in found {
        reveal(n, job, 0, &truth(0));
    }
}

#[test]
fn who_sees_that_it_will_be_caught_is_paid_for_no_lie_in_shorter_batches() {
    run(|| {
        let long = audited(1, &lie(1));
        let drawn = System::block_number();
        let (short, until) = standing(1, &lie(1));
        assert_eq!(until, drawn + LONG_STANDING);
        // By itself it would be opened now, and the long one is still being computed.
        wait(STANDING_BLOCKS + 1);
        assert!(System::block_number() < until);
        assert_noop!(
            try_reveal(1, short, 0, &lie(1)),
            Error::<Test>::RevealNotOpen
        );
        others_find(long, [2, 3, 4, 5, 6], 3);
        assert_eq!(outcome(long), Some(Outcome::Completed));
        assert!(System::block_number() <= until, "the time is long enough");
        run_to(until + 1);
        others_find(short, [2, 3, 4, 5, 6], 3);
        let (_, result) = &Verification::results(short, 0, 1)[0];
        assert_eq!(result.summary, truth(0));
    });
}

#[test]
fn another_machine_of_its_operator_waits_too_and_nobody_else_does() {
    run(|| {
        register(20, operator(1));
        audited(1, &lie(1));
        let drawn = System::block_number();
        assert_eq!(standing(20, &lie(20)).1, drawn + LONG_STANDING);
        let (_, until) = standing(7, &truth(0));
        assert_eq!(until, System::block_number() + STANDING_BLOCKS);
    });
}

#[test]
fn whoever_is_right_waits_and_is_paid() {
    run(|| {
        let long = audited(1, &truth(0));
        let (short, until) = standing(1, &truth(0));
        let other = answer_summons(long, &[2, 3, 4, 5, 6], 1)[0];
        commit(other, long, 0, &truth(0));
        for n in [1, other] {
            reveal(n, long, 0, &truth(0));
        }
        run_to(until + 1);
        reveal(1, short, 0, &truth(0));
        assert_eq!(outcome(short), Some(Outcome::Completed));
        // That is over; what it seals later stands for its own time.
        let (_, until) = standing(1, &truth(0));
        assert_eq!(until, System::block_number() + STANDING_BLOCKS);
    });
}

#[test]
fn audits_of_batches_that_are_no_longer_keep_nobody_waiting() {
    run(|| {
        for _ in 0..20 {
            let job = order(1, 10, 2, 600);
            commit(1, job, 0, &truth(0));
        }
        wait(DRAW_DELAY);
        assert!(AuditedUntil::<Test>::contains_key(operator(1)));
        let (_, until) = standing(1, &truth(0));
        assert_eq!(until, System::block_number() + STANDING_BLOCKS);
    });
}

#[test]
fn what_could_not_wait_before_its_deadline_is_audited_itself() {
    run(|| {
        audited(1, &lie(1));
        for _ in 0..30 {
            let job = order(1, LONG, 2, SHORT_AUDIT + 1);
            assert_eq!(ballot(job).wanted, 1);
            commit(1, job, 0, &lie(1));
            wait(DRAW_DELAY);
            assert_eq!(ballot(job).wanted, 2);
        }
    });
}

#[test]
fn a_receipt_ends_this_wait_as_well() {
    run(|| {
        audited(1, &truth(0));
        let (short, _) = standing(1, &truth(0));
        assert_ok!(Verification::acknowledge(signed(requester()), short, 1));
        next_block();
        reveal(1, short, 0, &truth(0));
        assert_eq!(outcome(short), Some(Outcome::Completed));
    });
}
