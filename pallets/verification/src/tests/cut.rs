//! Batches that are cut because a machine is needed: what was finished is paid, the rest is another's, and nobody gains anything else by
//! it.

use frame_support::{
    assert_noop, assert_ok,
    dispatch::{CheckIfFeeless, GetDispatchInfo},
    storage::with_storage_layer,
};
use pallet_market::{Error as MarketError, MAX_CUTS, Outcome, Policy, SMALLEST_PART};
use sp_core::H256;
use sp_runtime::{
    DispatchError,
    traits::{BlakeTwo256, Hash},
};
use sungrid_primitives::{
    merkle::UnitLeaf,
    receipt::{self, BatchSummary},
    suns::CPU_1,
    traits::{Checked, CheckedPart, KnownAnswers},
};

use crate::{mock::*, *};

const UNIT_CHARGE: u128 = BATCH_CHARGE / 2;
const UNIT_FUEL: u128 = BATCH_FUEL / 2;

/// An order of batches of eight units.
fn order(policy: Policy, batches: u32) -> u32 {
    let job = pallet_market::NextJobId::<Test>::get();
    let mut order = spec(4 * batches, 2);
    (order.policy, order.batch_size) = (policy, 8);
    assert_ok!(Market::submit(signed(requester()), order));
    job
}

/// What an honest worker finds of so many units: half of the worst case.
fn found(batch: u32, units: u32) -> BatchSummary {
    BatchSummary {
        root: BlakeTwo256::hash_of(&("truth", batch, units)),
        fuel: UNIT_FUEL / 2 * u128::from(units),
        charge: UNIT_CHARGE / 2 * u128::from(units),
    }
}

fn call(n: u8, job: u32, batch: u32, units: u32, summary: &BatchSummary) -> Call<Test> {
    Call::commit {
        job,
        batch,
        units,
        digest: receipt::digest(job, batch, summary),
        commitment: seal(n, job, batch, summary),
    }
}

/// Worker `n` seals so many units; it costs no fee exactly if it succeeds.
fn try_seal(
    n: u8,
    job: u32,
    batch: u32,
    units: u32,
    summary: &BatchSummary,
) -> Result<(), DispatchError> {
    use sp_runtime::traits::Dispatchable;
    let call = RuntimeCall::from(call(n, job, batch, units, summary));
    let is_free = call.is_feeless(&signed(worker(n)));
    let done = call.dispatch(signed(worker(n)));
    assert_eq!(done.is_ok(), is_free, "{done:?}");
    done.map(|_| ()).map_err(|refused| refused.error)
}

fn seal_units(n: u8, job: u32, batch: u32, units: u32) {
    assert_ok!(try_seal(n, job, batch, units, &found(batch, units)));
}

fn open_units(n: u8, job: u32, batch: u32, units: u32) {
    reveal(n, job, batch, &found(batch, units));
}

fn range(job: u32, batch: u32) -> Option<(u32, u32)> {
    Market::job(job).expect("kept").layout().range(batch)
}

/// Nobody rests any more.
fn refresh(job: u32) {
    Decliners::<Test>::mutate(job, |all| all.iter_mut().for_each(|d| d.rests_until = 0));
}

/// One of the workers claims until it, or another one, has this batch; returns who.
fn claim_this(job: u32, batch: u32, workers: impl IntoIterator<Item = u8>) -> u8 {
    for n in workers {
        refresh(job);
        if Market::claimable(job, worker(n)) && claim(n, job) == batch {
            return n;
        }
    }
    panic!("nobody drew batch {batch}");
}

#[test]
fn what_was_finished_is_paid_and_the_rest_is_another_worker_s() {
    run(|| {
        let before = Balances::free_balance(requester());
        let job = order(Policy::Optimistic, 1);
        claim(1, job);
        // WHEN it has finished three of eight units and its owner comes
        seal_units(1, job, 0, 3);
        // THEN these are a batch, the others another one,
        assert_eq!((range(job, 0), range(job, 1)), (Some((0, 3)), Some((3, 5))));
        assert_eq!(range(job, 2), None);
        let record = registered(1);
        assert_eq!(
            (record.handed_back, record.missed, record.committed),
            (1, 0, 0)
        );
        // for which its bond answers, but which it never gets,
        assert_eq!(record.in_flight, 2);
        assert_noop!(
            Market::claim(signed(worker(1)), job),
            MarketError::<Test>::InputMissing
        );
        refresh(job);
        assert_noop!(
            Market::claim(signed(worker(1)), job),
            MarketError::<Test>::NothingToClaim
        );
        // AND each is opened, stands and is paid by itself.
        open_units(1, job, 0, 3);
        assert_eq!(claim(2, job), 1);
        seal_units(2, job, 1, 5);
        open_units(2, job, 1, 5);
        wait(CHALLENGE_BLOCKS + 1);
        assert_eq!(outcome(job), Some(Outcome::Completed));
        let record = Market::job(job).expect("kept");
        assert!(record.is_complete());
        assert_eq!((record.settled, record.paid), (2, 4 * BATCH_COST / 2));
        let credit = |n| registered(n).accepted_units;
        assert_eq!((credit(1), credit(2)), (3, 5));
        // The escrow of the whole is released but for what was paid, and nothing stays behind after clean-up.
        assert_eq!(
            Balances::free_balance(requester()),
            before - record.deposit - record.paid
        );
        wait(RETENTION);
        assert_ok!(Market::clean_up(signed(stranger()), job));
        assert_eq!(Results::<Test>::iter().count(), 0);
        assert_eq!(Balances::free_balance(requester()), before - record.paid);
    });
}

#[test]
fn parts_never_cost_more_than_the_whole_whatever_the_price_and_the_cuts() {
    for (extra, cuts) in [
        (0, [1, 1, 1]),
        (1, [3, 1, 2]),
        (7, [1, 2, 4]),
        (999_999, [5, 1, 1]),
    ] {
        run(|| {
            let job = pallet_market::NextJobId::<Test>::get();
            let mut order = spec(4, 2);
            (order.policy, order.batch_size) = (Policy::Optimistic, 8);
            order.price = PRICE / 7 + extra;
            assert_ok!(Market::submit(signed(requester()), order));
            let whole = Market::job(job).expect("open").escrow;
            // Each finds all that its limits allow.
            let most = |batch, units: u32| BatchSummary {
                fuel: UNIT_FUEL * u128::from(units),
                charge: UNIT_CHARGE * u128::from(units),
                ..found(batch, units)
            };
            let mut left = 8;
            let pieces = cuts.iter().copied().chain([8 - cuts.iter().sum::<u32>()]);
            for (batch, (n, units)) in (1..).zip(pieces).enumerate() {
                let batch = batch as u32;
                assert_eq!(claim(n, job), batch);
                assert_ok!(try_seal(n, job, batch, units, &most(batch, units)));
                reveal(n, job, batch, &most(batch, units));
                left -= units;
                check_state();
            }
            assert_eq!(left, 0);
            wait(CHALLENGE_BLOCKS + 1);
            let record = Market::job(job).expect("kept");
            assert_eq!(record.settled, 4);
            assert!(record.paid <= whole, "{} of {whole}", record.paid);
            // Each part loses less than a planck to that.
            assert!(record.paid + 4 > whole, "{} of {whole}", record.paid);
        });
    }
}

#[test]
fn a_part_stands_as_long_as_the_whole_would_since_its_audit_may_take_as_long() {
    run(|| {
        for _ in 0..200 {
            trust(1, LONG, 10);
            let job = order(Policy::Adaptive, 1);
            claim(1, job);
            seal_units(1, job, 0, 1);
            wait(DRAW_DELAY);
            if let Stage::Standing { until, .. } = ballot(job).stage {
                // Twice the eight seconds of the whole, in blocks of three.
                assert_eq!(until, System::block_number() + STANDING_WINDOW + 6);
                return;
            }
        }
        panic!("the draw always says the same");
    });
}

#[test]
fn others_who_compute_it_have_both_parts_and_lose_nothing() {
    run(|| {
        let job = order(Policy::Replicate(2), 1);
        claim(1, job);
        claim(2, job);
        let rate = registered(2).committed;
        let due = ballot(job).replicas[1].state;
        seal_units(1, job, 0, 3);
        // It has both, by the deadline that it had; its capacity is taken once.
        for batch in [0, 1] {
            let ballot = Verification::ballot(job, batch).expect("in flight");
            let own = ballot
                .replicas
                .iter()
                .find(|r| r.assignment.worker == worker(2));
            assert_eq!(own.expect("it has it").state, due);
        }
        assert_eq!(registered(2).committed, rate);
        // A seal over the whole would be a wrong one: it is refused, and costs it nothing.
        assert_eq!(
            try_seal(2, job, 0, 8, &found(0, 8)),
            Err(Error::<Test>::OfOtherUnits.into())
        );
        seal_units(2, job, 0, 3);
        assert_eq!(registered(2).committed, rate);
        seal_units(2, job, 1, 5);
        assert_eq!(registered(2).committed, 0);
        for n in [1, 2] {
            open_units(n, job, 0, 3);
        }
        assert_eq!(claim(3, job), 1);
        seal_units(3, job, 1, 5);
        for n in [2, 3] {
            open_units(n, job, 1, 5);
        }
        assert_eq!(outcome(job), Some(Outcome::Completed));
        let units = [1, 2, 3].map(|n| registered(n).accepted_units);
        assert_eq!(units, [3, 8, 5]);
        assert_eq!(Market::job(job).expect("kept").paid, 2 * 4 * BATCH_COST / 2);
    });
}

#[test]
fn nobody_is_made_late_by_a_cut_in_the_last_moment() {
    run(|| {
        let job = order(Policy::Replicate(2), 1);
        claim(1, job);
        claim(2, job);
        let ReplicaState::Working { until } = ballot(job).replicas[1].state else {
            panic!("it works");
        };
        run_to(until);
        seal_units(1, job, 0, 3);
        // What it sends in the same block is refused, and it has time for what is asked of it now.
        assert_eq!(
            try_seal(2, job, 0, 8, &found(0, 8)),
            Err(Error::<Test>::OfOtherUnits.into())
        );
        run_to(until + SLACK);
        seal_units(2, job, 0, 3);
        seal_units(2, job, 1, 5);
        wait(2);
        assert_eq!(registered(2).missed, 0);
    });
}

#[test]
fn whoever_is_late_with_one_part_misses_that_one() {
    run(|| {
        let job = order(Policy::Replicate(2), 1);
        claim(1, job);
        claim(2, job);
        seal_units(1, job, 0, 3);
        seal_units(2, job, 0, 3);
        for n in [1, 2] {
            open_units(n, job, 0, 3);
        }
        wait(COMMIT_BLOCKS + 10);
        let record = registered(2);
        assert_eq!((record.missed, record.committed), (1, 0));
        assert_eq!(record.accepted_units, 3);
        // The rest wants two others.
        let rest = Market::batch(job, 1).expect("in flight");
        assert_eq!((rest.wanted, rest.assignments.len()), (2, 2));
    });
}

#[test]
fn nobody_cuts_what_others_have_sealed_or_what_it_was_drawn_for() {
    run(|| {
        let job = order(Policy::Replicate(2), 1);
        claim(1, job);
        claim(2, job);
        seal_units(1, job, 0, 8);
        assert_eq!(
            try_seal(2, job, 0, 3, &found(0, 3)),
            Err(MarketError::<Test>::NotToBeCut.into())
        );
        assert_ok!(Verification::hand_back(signed(worker(2)), job, 0));
    });
    run(|| {
        // A part that was cut off can be cut again, one that was kept cannot.
        let job = order(Policy::Replicate(3), 1);
        for n in [1, 2, 3] {
            claim(n, job);
        }
        seal_units(1, job, 0, 3);
        assert_eq!(
            try_seal(2, job, 0, 1, &found(0, 1)),
            Err(MarketError::<Test>::NotToBeCut.into())
        );
        seal_units(2, job, 1, 2);
        assert_eq!(
            [0, 1, 2].map(|batch| range(job, batch)),
            [(0, 3), (3, 2), (5, 3)].map(Some)
        );
        // The third has all three.
        assert_eq!(registered(3).in_flight, 3);
    });
    run(|| {
        // An audit
        let audited = loop {
            trust(1, 10, 10);
            let job = order(Policy::Adaptive, 1);
            claim(1, job);
            commit(1, job, 0, &lie(1));
            wait(DRAW_DELAY);
            if ballot(job).wanted == 2 {
                break job;
            }
        };
        let n = answer_summons(audited, &[2, 3, 4, 5], 1)[0];
        assert_eq!(
            try_seal(n, audited, 0, 3, &found(0, 3)),
            Err(Error::<Test>::DrawnForIt.into())
        );
    });
    run(|| {
        // A jury
        let job = order(Policy::Optimistic, 1);
        claim(1, job);
        commit(1, job, 0, &lie(1));
        reveal(1, job, 0, &lie(1));
        assert_ok!(Verification::challenge(signed(stranger()), job, 0));
        let n = answer_summons(job, &[2, 3, 4, 5], 2)[0];
        assert_eq!(
            try_seal(n, job, 0, 3, &found(0, 3)),
            Err(Error::<Test>::DrawnForIt.into())
        );
    });
    run(|| {
        let job = order(Policy::Optimistic, 1);
        claim(1, job);
        let none = try_seal(2, job, 0, 3, &found(0, 3));
        assert_eq!(none, Err(Error::<Test>::NotAssigned.into()));
        System::set_block_number(100);
        let late = try_seal(1, job, 0, 3, &found(0, 3));
        assert_eq!(late, Err(Error::<Test>::CommitTooLate.into()));
        next_block();
    });
}

#[test]
fn nobody_makes_crumbs() {
    run(|| {
        let job = pallet_market::NextJobId::<Test>::get();
        let mut order = spec(8, 2);
        (order.policy, order.batch_size) = (Policy::Optimistic, 2 * SMALLEST_PART);
        assert_ok!(Market::submit(signed(requester()), order));
        claim(1, job);
        for units in [0, 1] {
            assert_eq!(
                try_seal(1, job, 0, units, &found(0, units)),
                Err(MarketError::<Test>::BadCut.into())
            );
        }
        for units in [17, u32::MAX] {
            assert_eq!(
                try_seal(1, job, 0, units, &found(0, 17)),
                Err(Error::<Test>::OfOtherUnits.into())
            );
        }
        seal_units(1, job, 0, 2);
    });
    run(|| {
        // A job is cut so often and no more, whoever cuts it.
        let job = order(Policy::Optimistic, MAX_CUTS + 1);
        for cut in 0..MAX_CUTS {
            refresh(job);
            let n = 1 + (cut % 2) as u8;
            let batch = claim(n, job);
            seal_units(n, job, batch, 1);
        }
        refresh(job);
        let batch = claim(3, job);
        assert_eq!(
            try_seal(3, job, batch, 1, &found(batch, 1)),
            Err(MarketError::<Test>::TooManyCuts.into())
        );
        // It is handed back like before.
        assert_ok!(Verification::hand_back(signed(worker(3)), job, batch));
        assert_eq!(Market::job(job).expect("open").made(), MAX_CUTS);
    });
}

#[test]
fn a_part_is_no_delivery_so_nobody_hands_back_forever() {
    run(|| {
        let job = order(Policy::Optimistic, 40);
        for at in 0..MAX_HANDED_BACK {
            refresh(job);
            let batch = claim(1, job);
            if at % 2 == 0 {
                seal_units(1, job, batch, 1);
            } else {
                assert_ok!(Verification::hand_back(signed(worker(1)), job, batch));
            }
        }
        refresh(job);
        let batch = claim(1, job);
        assert_eq!(
            try_seal(1, job, batch, 1, &found(batch, 1)),
            Err(Error::<Test>::HandedBackTooOften.into())
        );
        seal_units(1, job, batch, units_of(job, batch));
        let batch = claim(1, job);
        seal_units(1, job, batch, 1);
    });
}

#[test]
fn nobody_is_rid_of_its_batch_mates_or_chooses_others() {
    run(|| {
        let job = order(Policy::Replicate(3), 1);
        claim(1, job);
        claim(2, job);
        seal_units(1, job, 0, 4);
        let of = |batch| {
            let record = Market::batch(job, batch).expect("in flight");
            let workers = record.assignments.iter().map(|a| a.worker.clone());
            (record.wanted, workers.collect::<Vec<_>>())
        };
        // The seat that was open is so in both, its own is open in the rest.
        let both = vec![worker(1), worker(2)];
        assert_eq!((of(0), of(1)), ((1, both.clone()), (2, both)));
        // Neither gets any of both again, nor does another machine of theirs.
        refresh(job);
        register(20, operator(1));
        for n in [1, 2, 20] {
            assert_noop!(
                Market::claim(signed(worker(n)), job),
                MarketError::<Test>::NothingToClaim
            );
        }
    });
}

#[test]
fn a_lie_in_what_was_finished_costs_what_any_lie_costs() {
    run(|| {
        let job = order(Policy::Replicate(2), 1);
        claim(1, job);
        claim(2, job);
        assert_ok!(try_seal(1, job, 0, 3, &lie(1)));
        seal_units(2, job, 0, 3);
        let third = claim_this(job, 0, 3..=8);
        seal_units(third, job, 0, 3);
        for n in [2, third] {
            open_units(n, job, 0, 3);
        }
        assert_eq!(bond(1), BOND - SLASH);
        assert_eq!(registered(1).accepted_units, 0);
        assert_eq!(registered(2).accepted_units, 3);
    });
    run(|| {
        // Alone: it is drawn for audits like any, and a jury looks at it like at any.
        let job = order(Policy::Optimistic, 1);
        claim(1, job);
        assert_ok!(try_seal(1, job, 0, 3, &lie(1)));
        assert_eq!(claim(9, job), 1);
        seal_units(9, job, 1, 5);
        open_units(9, job, 1, 5);
        reveal(1, job, 0, &lie(1));
        assert_ok!(Verification::challenge(signed(stranger()), job, 0));
        let jurors = answer_summons(job, &[2, 3, 4, 5, 6, 7, 8], 2);
        for n in &jurors {
            seal_units(*n, job, 0, 3);
        }
        for n in jurors {
            open_units(n, job, 0, 3);
        }
        assert_eq!(bond(1), BOND - SLASH);
        // What is paid is the honest part alone.
        assert_eq!(Market::job(job).expect("kept").paid, 5 * BATCH_COST / 4);
    });
}

#[test]
fn nobody_farms_trust_by_parts_or_is_rid_of_an_audit_by_cutting() {
    run(|| {
        // Confirmed by another one, it adds nothing to either.
        let job = order(Policy::Replicate(2), 1);
        claim(1, job);
        claim(2, job);
        seal_units(1, job, 0, 1);
        seal_units(2, job, 0, 1);
        for n in [1, 2] {
            open_units(n, job, 0, 1);
        }
        assert!(Results::<Test>::contains_key(job, 0));
        claim(3, job);
        for n in [2, 3] {
            seal_units(n, job, 1, 7);
        }
        for n in [2, 3] {
            open_units(n, job, 1, 7);
        }
        assert_eq!(outcome(job), Some(Outcome::Completed));
        assert_eq!([1, 2, 3].map(trust_of), [(0, 0); 3]);
    });
    run(|| {
        // A single one is drawn for audits as often as any, adds nothing when it has stood, and loses all when it is refuted.
        let (mut audited, mut stood) = (0, 0);
        for _ in 0..24 {
            trust(1, LONG, LONG);
            let job = order(Policy::Adaptive, 1);
            claim(1, job);
            assert_ok!(try_seal(1, job, 0, 3, &lie(1)));
            wait(DRAW_DELAY);
            if ballot(job).wanted == 2 {
                audited += 1;
            } else {
                assert!(matches!(ballot(job).stage, Stage::Standing { .. }));
                stood += 1;
                wait(STANDING_BLOCKS + 6);
                reveal(1, job, 0, &lie(1));
                assert_eq!(trust_of(1).0, LONG);
            }
            assert_ok!(Market::cancel(signed(requester()), job));
            wait(LIFE);
        }
        assert!(audited > 0 && stood > 0, "{audited} {stood}");
    });
}

/// What units of an order leave, as its keeper knows: half of the worst case.
fn leaves(units: core::ops::Range<u32>) -> Vec<UnitLeaf> {
    let leaf = |unit| UnitLeaf {
        unit,
        output: BlakeTwo256::hash_of(&("output", unit)),
        fuel: UNIT_FUEL as u64 / 2,
        peak_memory: 1 << 20,
        bytes_in: 1_000,
        bytes_out: 2_000,
        exit: 0,
    };
    units.map(leaf).collect()
}

fn of(leaves: &[UnitLeaf]) -> BatchSummary {
    BatchSummary::of(leaves, &CPU_1).expect("a CPU task")
}

/// Workers seal and open these parts of an order's only batch, and nobody doubts them: `kept` units are the first one's.
fn in_two(policy: Policy, kept: u32, found: [(u8, BatchSummary); 2]) -> u32 {
    let job = order(policy, 1);
    let [(first, keeps), (second, rest)] = found;
    claim(first, job);
    assert_ok!(try_seal(first, job, 0, kept, &keeps));
    reveal(first, job, 0, &keeps);
    claim(second, job);
    assert_ok!(try_seal(second, job, 1, 8 - kept, &rest));
    reveal(second, job, 1, &rest);
    wait(CHALLENGE_BLOCKS + 1);
    assert_eq!(outcome(job), Some(Outcome::Completed));
    job
}

/// Which parts were right, if they were held against these leaves.
fn parts(job: u32, leaves: &[UnitLeaf]) -> Option<Vec<(u32, bool)>> {
    let parts = Verification::hold_parts_against(job, 0, leaves)?;
    let right = |part: &CheckedPart<_>| (part.batch, part.checked.right);
    Some(parts.iter().map(right).collect())
}

/// Who is trusted lies in what it keeps, and gives away a unit, so that no answer for a whole batch is held against the lie.
#[test]
fn who_cuts_a_batch_does_not_escape_the_canary_that_it_is() {
    run(|| {
        for n in [1, 2] {
            trust(n, 10, 10);
        }
        let known = leaves(0..8);
        let job = in_two(Policy::Optimistic, 7, [(1, lie(1)), (2, of(&leaves(7..8)))]);
        let price = |part| {
            let result = Results::<Test>::get(job, part).expect("accepted");
            let record = Market::job(job).expect("kept");
            record.cost(part, result.summary.charge, record.price)
        };
        let expected = [(0, leaves(0..7), false), (1, leaves(7..8), true)];
        let expected = expected.map(|(batch, leaves, right)| CheckedPart {
            batch,
            answer: of(&leaves),
            checked: Checked {
                right,
                requester: requester(),
                price: price(batch),
            },
        });
        let held = Verification::hold_parts_against(job, 0, &known);
        assert_eq!(held, Some(expected.to_vec()));
        // The liar is no longer trusted; who got a part right gains nothing: it may have cost nothing.
        assert_eq!([1, 2].map(trust_of), [(0, 6), (10, 10)]);
        assert_eq!(bond(1), BOND, "nobody is slashed by a keeper's word");
        assert_eq!(parts(job, &known), None, "once");
        assert_eq!([1, 2].map(trust_of), [(0, 6), (10, 10)]);
    });
}

#[test]
fn an_honest_cut_costs_nobody_anything_also_under_replication() {
    for (policy, others) in [(Policy::Optimistic, 0), (Policy::Replicate(2), 1)] {
        run(|| {
            let job = order(policy, 1);
            claim(1, job);
            if others == 1 {
                claim(3, job);
            }
            let [keeps, rest] = [of(&leaves(0..3)), of(&leaves(3..8))];
            assert_ok!(try_seal(1, job, 0, 3, &keeps));
            claim(2, job);
            assert_ok!(try_seal(2, job, 1, 5, &rest));
            if others == 1 {
                assert_ok!(try_seal(3, job, 0, 3, &keeps));
                assert_ok!(try_seal(3, job, 1, 5, &rest));
                for (part, summary) in [(0, &keeps), (1, &rest)] {
                    reveal(3, job, part, summary);
                }
            }
            reveal(1, job, 0, &keeps);
            reveal(2, job, 1, &rest);
            wait(CHALLENGE_BLOCKS + 1);
            let before = [1, 2, 3].map(trust_of);
            assert_eq!(parts(job, &leaves(0..8)), Some(vec![(0, true), (1, true)]));
            assert_eq!([1, 2, 3].map(trust_of), before);
        });
    }
}

/// Leaves that are shown while somebody computes a part would be its result.
#[test]
fn leaves_are_held_against_nothing_that_is_in_flight_and_pass_over_what_failed() {
    run(|| {
        let job = order(Policy::Optimistic, 1);
        claim(1, job);
        assert_ok!(try_seal(1, job, 0, 7, &lie(1)));
        reveal(1, job, 0, &lie(1));
        wait(CHALLENGE_BLOCKS + 1);
        assert!(Results::<Test>::contains_key(job, 0));
        assert_eq!(parts(job, &leaves(0..8)), None);
        // WHEN nobody ever wants the rest
        wait(LIFE);
        assert_eq!(outcome(job), Some(Outcome::Expired));
        // THEN the lie is no better for it.
        assert_eq!(parts(job, &leaves(0..8)), Some(vec![(0, false)]));
        assert_eq!(trust_of(1), (0, 0));
    });
}

/// A keeper's mistake, or an order of another shape, must refute nobody.
#[test]
fn leaves_are_those_of_one_whole_batch_that_was_cut() {
    run(|| {
        trust(1, 10, 10);
        let job = in_two(
            Policy::Optimistic,
            3,
            [(1, of(&leaves(0..3))), (2, of(&leaves(3..8)))],
        );
        let whole = order(Policy::Optimistic, 1);
        claim(3, whole);
        assert_ok!(try_seal(3, whole, 0, 8, &of(&leaves(0..8))));
        reveal(3, whole, 0, &of(&leaves(0..8)));
        wait(CHALLENGE_BLOCKS + 1);
        for wrong in [leaves(0..7), leaves(0..9), vec![]] {
            assert_eq!(parts(job, &wrong), None);
        }
        assert_eq!(parts(whole, &leaves(0..8)), None, "it was not cut");
        for batch in [1, 2, u32::MAX] {
            let held = Verification::hold_parts_against(job, batch, &leaves(0..8));
            assert_eq!(held, None, "no batch of the order");
        }
        assert_eq!(parts(whole + 1, &leaves(0..8)), None);
        // Nor is the answer for the whole held against a part.
        for batch in [0, 1] {
            assert_eq!(
                Verification::hold_against(job, batch, &of(&leaves(0..8))),
                None
            );
        }
        assert_eq!(trust_of(1), (10, 10));
        assert_eq!(parts(job, &leaves(0..8)), Some(vec![(0, true), (1, true)]));
    });
}

#[test]
fn a_receipt_covers_all_that_was_ordered_as_one_batch_or_nothing() {
    run(|| {
        let job = order(Policy::Optimistic, 2);
        let batch = claim(1, job);
        let other = claim(2, job);
        seal_units(2, job, other, 8);
        open_units(2, job, other, 8);
        seal_units(1, job, batch, 3);
        open_units(1, job, batch, 3);
        // As a transaction: all or nothing.
        let receipt = |below| {
            with_storage_layer(|| Verification::acknowledge(signed(requester()), job, below))
        };
        assert_noop!(receipt(2), Error::<Test>::NotDelivered);
        claim(3, job);
        assert_noop!(receipt(2), Error::<Test>::NotDelivered);
        seal_units(3, job, 2, 5);
        open_units(3, job, 2, 5);
        // Now it covers all three: none of them stands any longer,
        // and is charged for what cuts made as well,
        let done = receipt(2).expect("all are delivered");
        let weight = <Test as Config>::WeightInfo::acknowledge(3);
        assert_eq!(done.actual_weight, Some(weight));
        let most = Call::<Test>::acknowledge { job, below: 2 }.get_dispatch_info();
        let all = <Test as Config>::WeightInfo::acknowledge(MAX_RECEIPT + MAX_CUTS);
        assert_eq!(most.call_weight, all);
        wait(2);
        assert_eq!(outcome(job), Some(Outcome::Completed));
        // and witnesses are called for none.
        for batch in 0..3 {
            assert_noop!(
                Verification::call_witnesses(signed(requester()), job, batch),
                Error::<Test>::AlreadyReceived
            );
        }
        assert_ok!(Market::clean_up(signed(requester()), job));
        assert_eq!(Results::<Test>::iter().count(), 0);
    });
}

#[test]
fn a_cancelled_job_is_finished_in_parts_too_and_an_expired_one_pays_what_there_is() {
    run(|| {
        let job = order(Policy::Optimistic, 1);
        claim(1, job);
        assert_ok!(Market::cancel(signed(requester()), job));
        seal_units(1, job, 0, 3);
        open_units(1, job, 0, 3);
        claim(2, job);
        seal_units(2, job, 1, 5);
        open_units(2, job, 1, 5);
        wait(CHALLENGE_BLOCKS + 1);
        assert_eq!(outcome(job), Some(Outcome::Cancelled));
        assert_eq!(Market::job(job).expect("kept").settled, 2);
    });
    run(|| {
        let job = order(Policy::Replicate(2), 1);
        wait(LIFE - 3);
        claim(1, job);
        claim(2, job);
        wait(4);
        // Nobody is to be had for the rest, which fails; what both have finished is paid.
        seal_units(1, job, 0, 3);
        assert!(Market::batch(job, 1).is_none());
        seal_units(2, job, 0, 3);
        for n in [1, 2] {
            open_units(n, job, 0, 3);
        }
        assert_eq!(outcome(job), Some(Outcome::Expired));
        let record = Market::job(job).expect("kept");
        assert_eq!((record.settled, record.failed), (1, 1));
        assert_eq!(registered(1).accepted_units, 3);
    });
}

#[test]
fn bids_are_raised_for_parts_as_for_batches() {
    run(|| {
        let job = order(Policy::Replicate(2), 1);
        claim(1, job);
        assert_ok!(Market::raise(signed(requester()), job, PRICE + 1));
        claim(2, job);
        seal_units(1, job, 0, 3);
        let record = Market::job(job).expect("open");
        let prices = [0, 1].map(|batch| Market::price_of(job, batch, &record));
        assert_eq!(prices, [PRICE + 1; 2]);
        assert_ok!(Market::raise(signed(requester()), job, 3 * PRICE + 1));
        check_state();
        claim(3, job);
        for (n, batch, units) in [(2, 0, 3), (2, 1, 5), (3, 1, 5)] {
            seal_units(n, job, batch, units);
        }
        for (n, batch, units) in [(1, 0, 3), (2, 0, 3), (2, 1, 5), (3, 1, 5)] {
            open_units(n, job, batch, units);
        }
        let record = Market::job(job).expect("kept");
        let price = |batch, charge, price| record.cost(batch, charge, price);
        let due =
            price(0, found(0, 3).charge, PRICE + 1) + price(1, found(1, 5).charge, 3 * PRICE + 1);
        assert_eq!(record.paid, 2 * due);
    });
}

#[test]
fn a_seal_names_its_units_and_nothing_else_changes() {
    run(|| {
        let job = order(Policy::Replicate(2), 1);
        claim(1, job);
        let cut = call(1, job, 0, 4, &found(0, 4));
        for origin in [RuntimeOrigin::root(), RuntimeOrigin::none()] {
            use frame_support::traits::UnfilteredDispatchable;
            assert_noop!(
                cut.clone().dispatch_bypass_filter(origin),
                DispatchError::BadOrigin
            );
        }
        let weight = Verification::commit(
            signed(worker(1)),
            job,
            0,
            4,
            H256::repeat_byte(1),
            H256::repeat_byte(2),
        );
        // A part is the heaviest of all commitments.
        assert_eq!(weight.expect("it may").actual_weight, None);
    });
}

/// A batch that takes a lane 160 blocks at its limits.
fn long_order() -> u32 {
    let job = pallet_market::NextJobId::<Test>::get();
    let mut order = spec(4, 2);
    (order.batch_size, order.fuel_limit) = (8, 60_000_000_000);
    order.deadline = System::block_number() + 1_000;
    assert_ok!(Market::submit(signed(requester()), order));
    job
}

/// Worker `n` has four lanes.
fn few_lanes(n: u8) {
    pallet_workers::Workers::<Test>::mutate_extant(worker(n), |record| record.capacity /= 8);
}

#[test]
fn who_misses_both_parts_of_a_batch_rests_as_for_the_whole() {
    let rest_of_2 = |is_cut: bool| {
        let mut rest = 0;
        run(|| {
            let job = long_order();
            // The whole rest is more than the least one.
            few_lanes(2);
            claim(1, job);
            claim(2, job);
            if is_cut {
                seal_units(1, job, 0, 4);
            }
            while registered(2).missed < 1 + u32::from(is_cut) {
                next_block();
            }
            rest = registered(2).arrears;
        });
        rest
    };
    let whole = rest_of_2(false);
    assert!(whole > MISS_REST, "{whole}");
    assert_eq!(rest_of_2(true), whole);
}

/// Worker 2 claims a batch and gives it back so many blocks before its deadline; the rest that it gets.
fn rest_of(blocks_left: u64, gives_back: fn(u32)) -> u64 {
    let mut rest = 0;
    run(|| {
        let job = long_order();
        few_lanes(2);
        claim(2, job);
        // Twice 160 blocks, and the slack.
        wait(SLACK + 320 - blocks_left);
        gives_back(job);
        let record = registered(2);
        assert_eq!((record.missed, record.committed), (0, 0));
        rest = record.arrears;
        assert_eq!(record.rests_until > System::block_number(), rest > 0);
    });
    rest
}

#[test]
fn who_gives_back_when_an_honest_machine_would_be_done_rests_like_one_that_missed() {
    let hand_back: fn(u32) = |job| {
        assert_ok!(Verification::hand_back(signed(worker(2)), job, 0));
    };
    let decline: fn(u32) = |job| {
        assert_ok!(Verification::decline(signed(worker(2)), job, 0));
    };
    for gives_back in [hand_back, decline] {
        // The owner of an honest machine comes while it computes.
        assert_eq!(rest_of(320, gives_back), 0);
        assert_eq!(rest_of(160, gives_back), 0);
        // Somebody stalls: a quarter of the machine for 165 blocks, rounded up.
        for left in [159, 0] {
            assert_eq!(rest_of(left, gives_back), 42);
        }
    }
    // What is sealed of it is no stalling.
    let cut: fn(u32) = |job| seal_units(2, job, 0, 4);
    assert_eq!(rest_of(160, cut), 0);
    assert_eq!(rest_of(0, cut), 22);
}
