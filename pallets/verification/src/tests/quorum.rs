//! Quorums: who weighs how much, how many are asked, and that nobody knows whom it will be held against.

use frame_support::{assert_noop, assert_ok, traits::fungible::Inspect};
use pallet_market::{Error as MarketError, Outcome, Policy};
use sungrid_primitives::receipt::{self, BatchSummary};

use crate::{mock::*, *};

/// Blocks after which a summons has reached everybody.
const SUMMONED: u64 = 8 * pallet_market::SUMMONS_STEP as u64;

/// The draw takes place that the batch waits for, if it does, and reaches everybody.
fn draw(job: u32) {
    if let Some(Stage::Drawing { at }) = Verification::ballot(job, 0).map(|ballot| ballot.stage) {
        run_to(at + SUMMONED);
    }
}

/// A round: workers `from..` claim one after the other while any more are wanted, and seal; returns how many did.
fn seal_round(job: u32, from: u8, answer: impl Fn(u8) -> BatchSummary) -> u8 {
    draw(job);
    let mut n = from;
    while n <= WORKERS && Market::claimable(job, worker(n)) {
        claim(n, job);
        n += 1;
    }
    for at in from..n {
        commit(at, job, 0, &answer(at));
    }
    n - from
}

/// Rounds until nobody is wanted any more; returns how many sealed in each.
fn seal_rounds(job: u32, answer: impl Fn(u8) -> BatchSummary + Copy) -> Vec<u8> {
    let mut rounds = vec![];
    loop {
        match seal_round(job, 1 + rounds.iter().sum::<u8>(), answer) {
            0 => return rounds,
            some => rounds.push(some),
        }
    }
}

/// The draw takes place, and workers `from..` claim one after the other, so many of them.
fn claim_drawn(job: u32, from: u8, count: u8) {
    draw(job);
    for n in from..from + count {
        claim(n, job);
    }
    assert!(!Market::claimable(job, worker(from + count)));
}

fn open(job: u32, workers: impl IntoIterator<Item = u8>) {
    for n in workers {
        reveal(n, job, 0, &truth(0));
    }
}

#[test]
fn new_workers_are_asked_until_all_of_them_would_convince() {
    // 90 %: trust 10, weights of two: 2^4 = 16 > 9.
    for (policy, replicas) in [(10, 4), (100, 7), (1_000, 10)] {
        run(|| {
            let job = submit_under(Policy::Quorum(policy), 1);
            assert_eq!(seal_rounds(job, |_| truth(0)), [1, replicas - 1]);
            open(job, 1..=replicas);
            assert_eq!(outcome(job), Some(Outcome::Completed));
            let paid = u128::from(replicas) * BATCH_COST / 2;
            assert_eq!(Market::job(job).expect("kept").paid, paid);
            assert!((1..=replicas).all(|n| trust_of(n) == (1, 1)));
        });
    }
}

#[test]
fn workers_of_record_are_few_and_never_alone() {
    // Weights of 9 and 32: two are enough for 99 %.
    run(|| {
        trust(1, 0, 30);
        trust(2, 0, 99);
        let job = submit_under(Policy::Quorum(100), 1);
        assert_eq!(seal_rounds(job, |_| truth(0)), [1, 1]);
        open(job, 1..=2);
        assert_eq!(Market::job(job).expect("kept").paid, BATCH_COST);
        assert_eq!((trust_of(1), trust_of(2)), ((1, 31), (1, 100)));
    });
    // However high one's score, another one is asked.
    run(|| {
        trust(1, 0, u32::MAX);
        let job = submit_under(Policy::Quorum(2), 1);
        assert_eq!(seal_rounds(job, |_| truth(0)), [1, 1]);
        open(job, 1..=2);
        assert_eq!(outcome(job), Some(Outcome::Completed));
    });
}

#[test]
fn a_liar_costs_more_replicas_which_it_pays() {
    run(|| {
        // 90 %: four are asked, the second lies: 8 against 2 of 11 in all; 32 against 2 of 35 do.
        let job = submit_under(Policy::Quorum(10), 1);
        let answer = |n: u8| if n == 2 { lie(1) } else { truth(0) };
        assert_eq!(seal_round(job, 1, answer), 1);
        assert_eq!(seal_round(job, 2, answer), 3);
        assert_eq!(reveal_until(job, 0), None, "all of it is sealed yet");
        assert_eq!(seal_round(job, 5, answer), 2);
        open(job, [1, 3, 4, 5, 6]);
        assert_eq!(outcome(job), Some(Outcome::Completed));
        // The requester pays for four; all five share what the liar loses.
        assert_eq!(Market::job(job).expect("kept").paid, 2 * BATCH_COST);
        assert_eq!(bond(2), BOND - SLASH);
        assert_eq!(Balances::total_balance(&operator(6)), FUNDS + SLASH / 10);
        assert_eq!((trust_of(6), trust_of(2)), ((1, 1), (0, 0)));
    });
}

#[test]
fn a_fault_takes_a_third_of_the_score_and_the_streak() {
    run(|| {
        trust(2, 7, 10);
        let job = submit_under(Policy::Quorum(2), 1);
        let answer = |n: u8| if n == 2 { lie(1) } else { truth(0) };
        assert_eq!(seal_rounds(job, answer), [1, 1, 1]);
        open(job, [1, 3]);
        assert_eq!(trust_of(2), (0, 6));
        assert!(emitted(Event::<Test>::TrustChanged {
            worker: worker(2),
            environment: ENVIRONMENT,
            trust: sungrid_primitives::policy::Trust {
                streak: 0,
                score: 6
            },
        }));
    });
}

#[test]
fn when_the_quorum_is_out_of_reach_the_batch_is_refunded() {
    run(|| {
        let before = Balances::total_balance(&requester());
        // 99.9 %: ten are asked, half of them lie alike.
        let job = submit_under(Policy::Quorum(1_000), 1);
        let answer = |n: u8| {
            if n.is_multiple_of(2) {
                lie(1)
            } else {
                truth(0)
            }
        };
        assert_eq!(seal_rounds(job, answer), [1, 9]);
        assert_eq!(outcome(job), Some(Outcome::Completed));
        assert_eq!(Market::job(job).expect("kept").failed, 1);
        assert_eq!(Balances::total_balance(&requester()), before);
        assert!((1..=WORKERS).all(|n| bond(n) == BOND && trust_of(n) == (0, 0)));
    });
}

#[test]
fn a_copied_digest_weighs_nothing_once_it_does_not_open() {
    run(|| {
        let job = submit_under(Policy::Quorum(4), 1);
        assert_eq!(seal_round(job, 1, |_| truth(0)), 1);
        draw(job);
        claim(2, job);
        let copied = receipt::digest(job, 0, &truth(0));
        assert_ok!(Verification::commit(
            signed(worker(2)),
            job,
            0,
            2,
            copied,
            bundle(2)
        ));
        reveal(1, job, 0, &truth(0));
        wait(REVEAL_BLOCKS + 1);
        assert_eq!(outcome(job), None);
        assert_eq!(seal_round(job, 3, |_| truth(0)), 1);
        open(job, [3]);
        assert_eq!(outcome(job), Some(Outcome::Completed));
        assert_eq!((bond(2), bond(3)), (BOND - SLASH, BOND));
    });
}

#[test]
fn when_those_who_lead_do_not_open_the_others_can_be_right() {
    run(|| {
        trust(1, 0, 99);
        let job = submit_under(Policy::Quorum(2), 1);
        let answer = |n: u8| {
            if [1, 4].contains(&n) {
                lie(1)
            } else {
                truth(0)
            }
        };
        assert_eq!(seal_rounds(job, answer), [1, 1, 1, 1]);
        // 32 · 2 against 2 · 2.
        assert_noop!(try_reveal(2, job, 0, &truth(0)), Error::<Test>::Outvoted);
        wait(REVEAL_BLOCKS + 1);
        assert_eq!(ballot(job).wanted, 2);
        check_state();
        open(job, 2..=3);
        assert_eq!(outcome(job), Some(Outcome::Completed));
        assert_eq!((bond(1), bond(4)), (BOND - SLASH, BOND - SLASH));
        assert_eq!(trust_of(1), (0, 66));
    });
}

#[test]
fn the_escrow_covers_what_new_workers_would_cost() {
    run(|| {
        let job = submit_under(Policy::Quorum(1_000), 3);
        assert_eq!(Market::job(job).expect("open").escrow, 3 * 10 * BATCH_COST);
    });
}

#[test]
fn nobody_else_is_ordered_before_the_first_has_sealed_and_nobody_is_known_before_the_draw() {
    run(|| {
        let job = submit_under(Policy::Quorum(1_000), 1);
        claim(1, job);
        let all_but_the_first = || (2..=WORKERS).any(|n| Market::claimable(job, worker(n)));
        assert_eq!((ballot(job).wanted, record(job).wanted), (1, 0));
        assert!(!all_but_the_first());
        commit(1, job, 0, &lie(1));
        let at = System::block_number() + DRAW_DELAY;
        assert_eq!(ballot(job).stage, Stage::Drawing { at });
        assert!(!all_but_the_first());
        run_to(at);
        // Few are drawn at first, by a hash that was unknown when the first sealed.
        let seed = Verification::seed(job, 0);
        let summons = record(job).summons.expect("drawn");
        assert_eq!(
            (summons.seed, summons.from, ballot(job).wanted),
            (seed, at, 2)
        );
        assert!(!(2..=WORKERS).all(|n| Market::claimable(job, worker(n))));
        // Nobody who was drawn gives it back for its machine's sake.
        let second = answer_summons(job, &[2, 3, 4, 5, 6], 1)[0];
        assert_noop!(
            Verification::hand_back(signed(worker(second)), job, 0),
            Error::<Test>::DrawnForIt
        );
        assert_eq!((ballot(job).wanted, ballot(job).round), (3, 1));
    });
}

#[test]
fn however_heavy_records_are_a_quorum_of_99_9_percent_takes_five_operators() {
    run(|| {
        for n in 1..=5 {
            trust(n, u32::MAX, u32::MAX);
        }
        let job = submit_under(Policy::Quorum(1_000), 1);
        // GIVEN a liar of record, and two accomplices among the four who are drawn
        let answer = |n: u8| if n <= 3 { lie(1) } else { truth(0) };
        assert_eq!(seal_round(job, 1, answer), 1);
        claim_drawn(job, 2, 4);
        // WHEN the first two of them stand by the lie, which any two of that weight would have been enough for
        for n in 2..=3 {
            commit(n, job, 0, &answer(n));
        }
        let tally = Verification::tally(job, 0, &ENVIRONMENT, &ballot(job), false);
        assert_eq!(tally.expect("some").missing, 2, "they are three");
        // THEN nothing is opened until all have sealed, and whoever disagrees has others drawn, who outnumber them
        assert_eq!(reveal_until(job, 0), None);
        for n in 4..=5 {
            commit(n, job, 0, &truth(0));
        }
        assert_eq!(ballot(job).round, 1);
        for n in 6..=9 {
            trust(n, u32::MAX, u32::MAX);
        }
        // Until 32^5 are against 32^3.
        assert_eq!(seal_round(job, 6, answer), 2);
        assert_eq!(seal_round(job, 8, answer), 1);
        open(job, 4..=8);
        assert_eq!(outcome(job), Some(Outcome::Completed));
        assert!((1..=3).all(|n| bond(n) == BOND - SLASH));
        assert!((4..=8).all(|n| bond(n) == BOND));
    });
}

#[test]
fn colluders_of_record_who_lie_before_they_see_each_other_are_slashed() {
    run(|| {
        // GIVEN two accomplices who would be a quorum, and others who are as well
        for n in 1..=6 {
            trust(n, 99, 99);
        }
        let job = submit_under(Policy::Quorum(100), 1);
        claim(1, job);
        // WHEN the first lies, the accomplice standing ready, and somebody else is drawn
        assert!(!Market::claimable(job, worker(2)));
        commit(1, job, 0, &lie(1));
        draw(job);
        claim(3, job);
        assert!(
            !Market::claimable(job, worker(2)),
            "one is enough if it agrees"
        );
        commit(3, job, 0, &truth(0));
        // THEN two that weigh as much as those two are wanted, not new ones, of whom there would have to be seven
        assert_eq!(seal_round(job, 4, |_| truth(0)), 2);
        open(job, [3, 4, 5]);
        assert_eq!(outcome(job), Some(Outcome::Completed));
        assert_eq!((bond(1), trust_of(1)), (BOND - SLASH, (0, 66)));
    });
}

#[test]
fn colluders_drawn_together_do_not_outweigh_a_new_worker_by_themselves() {
    run(|| {
        // GIVEN a new worker that is right, and two accomplices of record who are drawn and see that
        for n in 2..=7 {
            trust(n, 99, 99);
        }
        let job = submit_under(Policy::Quorum(100), 1);
        let answer = |n| {
            if [2, 3].contains(&n) {
                lie(1)
            } else {
                truth(0)
            }
        };
        assert_eq!(
            (seal_round(job, 1, answer), seal_round(job, 2, answer)),
            (1, 2)
        );
        // WHEN they lie: 1,024 of 1,027 is more than 99 %
        let tally = Verification::tally(job, 0, &ENVIRONMENT, &ballot(job), false);
        assert_eq!(tally.expect("some").missing, 1, "but it is of one round");
        // THEN others are drawn, of whom they knew nothing, until the truth is as heavy
        assert_eq!(seal_round(job, 4, answer), 1);
        assert_eq!(seal_round(job, 5, answer), 1);
        assert_eq!(seal_round(job, 6, answer), 2);
        open(job, [1, 4, 5, 6, 7]);
        assert_eq!(outcome(job), Some(Outcome::Completed));
        assert_eq!((bond(2), bond(3)), (BOND - SLASH, BOND - SLASH));
    });
}

#[test]
fn each_round_is_drawn_anew() {
    run(|| {
        let job = submit_under(Policy::Quorum(2), 1);
        seal_round(job, 1, |_| truth(0));
        draw(job);
        let first = record(job).summons.expect("drawn").seed;
        seal_round(job, 2, |_| lie(1));
        draw(job);
        assert_eq!(ballot(job).round, 2);
        assert_ne!(record(job).summons.expect("drawn").seed, first);
    });
}

#[test]
fn a_young_chain_with_two_workers_has_quorums_of_two() {
    run(|| {
        let job = submit_under(Policy::Quorum(4), 1);
        claim(11, job);
        commit(11, job, 0, &truth(0));
        assert_eq!(answer_summons(job, &[12], 1), [12]);
        commit(12, job, 0, &truth(0));
        open(job, [11, 12]);
        assert_eq!(outcome(job), Some(Outcome::Completed));
    });
}

#[test]
fn who_is_drawn_and_does_not_come_is_replaced_by_who_is_drawn() {
    run(|| {
        let job = submit_under(Policy::Quorum(4), 1);
        seal_round(job, 1, |_| truth(0));
        draw(job);
        claim(2, job);
        wait(COMMIT_BLOCKS + 1);
        assert_eq!(
            (registered(2).missed, record(job).wanted, ballot(job).round),
            (1, 1, 1)
        );
        let third = answer_summons(job, &[3, 4, 5, 6], 1)[0];
        commit(third, job, 0, &truth(0));
        open(job, [1, third]);
        assert_eq!(outcome(job), Some(Outcome::Completed));
    });
}

#[test]
fn what_leaves_no_time_for_the_draw_is_refused_or_not_begun_and_never_ordered_at_once() {
    run(|| {
        let blocks = 2 * (COMMIT_BLOCKS + DRAW_DELAY + SUMMONED);
        let mut order = spec(2, 2);
        order.policy = Policy::Quorum(4);
        order.deadline = System::block_number() + blocks;
        assert_noop!(
            Market::submit(signed(requester()), order.clone()),
            MarketError::<Test>::DeadlineTooNear
        );
        let before = Balances::total_balance(&requester());
        order.deadline += 1;
        assert_ok!(Market::submit(signed(requester()), order));
        let started = claim(1, 0);
        let claim_until = Market::job(0).expect("open").claim_until;
        assert_eq!(claim_until, System::block_number() + 1);
        run_to(claim_until);
        // The other batch is not begun any more, the one that is goes on.
        assert_noop!(
            Market::claim(signed(worker(2)), 0),
            MarketError::<Test>::NothingToClaim
        );
        commit(1, 0, started, &truth(started));
        assert!(!Market::claimable(0, worker(2)));
        wait(DRAW_DELAY + SUMMONED);
        assert_eq!(claim(2, 0), started);
        commit(2, 0, started, &truth(started));
        for n in 1..=2 {
            reveal(n, 0, started, &truth(started));
        }
        run_to(Market::job(0).expect("open").spec.deadline + 1);
        assert_eq!(outcome(0), Some(Outcome::Expired));
        let job = Market::job(0).expect("kept");
        assert_eq!((job.settled, job.failed, job.paid), (1, 0, BATCH_COST));
        // A batch whose draw comes too late is refunded.
        let late = submit_under(Policy::Quorum(4), 1);
        claim(3, late);
        pallet_market::Jobs::<Test>::mutate_extant(late, |job| {
            job.spec.deadline = System::block_number() + DRAW_DELAY;
        });
        commit(3, late, 0, &truth(0));
        wait(DRAW_DELAY);
        let job = Market::job(late).expect("kept");
        assert_eq!((job.settled, job.failed, job.paid), (0, 1, 0));
        assert!(Balances::total_balance(&requester()) <= before);
    });
}

#[test]
fn the_first_may_cut_its_batch_and_each_part_is_drawn_for_by_itself() {
    run(|| {
        let job = submit_under(Policy::Quorum(4), 1);
        claim(1, job);
        let part = BatchSummary {
            charge: 1,
            fuel: 1,
            ..truth(0)
        };
        let digest = receipt::digest(job, 0, &part);
        assert_ok!(Verification::commit(
            signed(worker(1)),
            job,
            0,
            1,
            digest,
            seal(1, job, 0, &part)
        ));
        assert!(matches!(ballot(job).stage, Stage::Drawing { .. }));
        // The rest is ordered of one, as if it had been handed back.
        let rest = Verification::ballot(job, 1).expect("in flight");
        assert_eq!(
            (rest.wanted, rest.round, rest.stage),
            (1, 0, Stage::Sealing)
        );
        draw(job);
        let drawn = (3..=4).find(|n| claim(*n, job) == 0);
        // Whoever is drawn for the part cannot cut it further.
        let drawn = drawn.expect("one of the two has the rest");
        assert_noop!(
            Verification::commit(signed(worker(drawn)), job, 0, 0, digest, digest),
            Error::<Test>::DrawnForIt
        );
        let own = seal(drawn, job, 0, &part);
        assert_ok!(Verification::commit(
            signed(worker(drawn)),
            job,
            0,
            1,
            digest,
            own
        ));
        for n in [1, drawn] {
            reveal(n, job, 0, &part);
        }
        assert!(Results::<Test>::contains_key(job, 0));
    });
}
