//! Whoever has not computed what it claims.

use frame_support::{assert_noop, assert_ok, dispatch::Pays};
use sp_core::H256;
use sungrid_primitives::capacity::Shape;

use crate::{Error, Event, mock::*};

fn treasury() -> u128 {
    Balances::free_balance(TREASURY)
}

#[test]
fn a_false_claim_cannot_be_opened_and_costs_the_bond() {
    scenario(|| {
        register("w1");
        let nora = Balances::free_balance(account("nora"));
        let before = (treasury(), counted("w1"), nora);
        // Half of each lane was left out.
        let work = compute("w1", SHAPE, |_, index| index % 2 == 1);
        assert_ok!(work.commit("w1"));
        pass(DRAW_DELAY);
        assert_noop!(open("w1", &work), Error::<Test>::DoesNotHold);
        pass(OPEN_WINDOW);
        assert_noop!(
            Capacity::settle(signed("nora"), account("w1")),
            Error::<Test>::NothingToSettle
        );
        pass(1);
        assert_noop!(open_late("w1"), Error::<Test>::OpenedTooLate);
        let settled = Capacity::settle(signed("nora"), account("w1")).expect("over");
        assert_eq!(
            settled.pays_fee,
            Pays::No,
            "who finds it is out of pocket for nothing"
        );
        let (slashed, bounty) = (WORKER_BOND / 10, WORKER_BOND / 100);
        is_false("w1", slashed, bounty);
        // A tenth of it to who settled it, the rest to the treasury, and it is on record.
        assert_eq!(treasury() - before.0, slashed - bounty);
        assert_eq!(Balances::free_balance(account("nora")), before.2 + bounty);
        assert_eq!(record("w1").faults, 1);
        assert_eq!(record("w1").in_flight, 0);
        assert_eq!(standing("w1").counted, before.1);
        assert_noop!(
            Capacity::settle(signed("nora"), account("w1")),
            Error::<Test>::NothingToSettle
        );
    });
}

fn is_false(worker: &str, slashed: u128, bounty: u128) {
    System::assert_last_event(
        Event::ClaimFalse {
            worker: account(worker),
            slashed,
            bounty,
        }
        .into(),
    );
}

/// Claims what it has not computed, and is silent until its time is over.
fn claim_falsely(worker: &str) {
    assert_ok!(compute(worker, SHAPE, |_, _| true).commit(worker));
    pass(DRAW_DELAY + OPEN_WINDOW + 1);
}

fn settle(who: &str, worker: &str) {
    assert_ok!(Capacity::settle(signed(who), account(worker)));
}

#[test]
fn the_next_false_claim_costs_the_whole_bond() {
    scenario(|| {
        register("w1");
        let start = treasury();
        claim_falsely("w1");
        settle("nora", "w1");
        let left = WORKER_BOND - WORKER_BOND / 10;
        assert_eq!(record("w1").bond, left);
        // What it lost is bonded again, or it were not in service; then everything goes.
        assert_ok!(Workers::bond_more(
            signed("olga"),
            account("w1"),
            WORKER_BOND / 10
        ));
        claim_falsely("w1");
        settle("nora", "w1");
        is_false("w1", WORKER_BOND, WORKER_BOND / 10);
        assert_eq!((record("w1").bond, record("w1").faults), (0, 2));
        let slashed = WORKER_BOND + WORKER_BOND / 10;
        assert_eq!(treasury() - start, slashed - slashed / 10);
        assert_noop!(Capacity::start(signed("w1")), Error::<Test>::NotInService);
    });
}

/// Or whoever is caught would take another key, and begin anew.
#[test]
fn a_new_key_does_not_make_the_next_false_claim_cheaper() {
    scenario(|| {
        register("w1");
        claim_falsely("w1");
        settle("nora", "w1");
        assert_ok!(Workers::bond_more(
            signed("olga"),
            account("w1"),
            WORKER_BOND / 10
        ));
        assert_ok!(Workers::rotate_key(
            signed("olga"),
            account("w1"),
            account("w2"),
            proof("w2", "olga"),
        ));
        claim_falsely("w2");
        settle("nora", "w2");
        is_false("w2", WORKER_BOND, WORKER_BOND / 10);
    });
}

/// An accident is an accident: a proof that holds does not forgive it, time does.
#[test]
fn a_false_claim_is_remembered_for_so_long() {
    for (wait, cost) in [(0, WORKER_BOND), (1, WORKER_BOND / 10)] {
        scenario(|| {
            register("w1");
            claim_falsely("w1");
            settle("nora", "w1");
            let settled = System::block_number();
            assert_ok!(Workers::bond_more(
                signed("olga"),
                account("w1"),
                WORKER_BOND / 10
            ));
            prove("w1");
            let due = settled + FALSE_CLAIM_MEMORY - 1 + wait;
            pass(RUN_EVERY);
            assert_ok!(compute("w1", SHAPE, |_, _| true).commit("w1"));
            pass(due - System::block_number());
            settle("nora", "w1");
            is_false("w1", cost, cost / 10);
        });
    }
}

/// Or the one who is slashed would be first to report itself.
#[test]
fn nobody_is_paid_for_settling_its_own_false_claim() {
    for who in ["w1", "olga"] {
        scenario(|| {
            register("w1");
            let before = treasury();
            claim_falsely("w1");
            settle(who, "w1");
            is_false("w1", WORKER_BOND / 10, 0);
            assert_eq!(treasury() - before, WORKER_BOND / 10);
        });
    }
    // By an accomplice it saves a tenth of the slash.
    scenario(|| {
        register("w1");
        let before = treasury();
        claim_falsely("w1");
        settle("nora", "w1");
        assert_eq!(treasury() - before, WORKER_BOND / 10 * 9 / 10);
    });
}

fn open_late(worker: &str) -> frame_support::pallet_prelude::DispatchResult {
    Capacity::open(signed(worker), Default::default())
}

#[test]
fn a_false_claim_takes_what_was_proven_before() {
    scenario(|| {
        register("w1");
        let proven = prove("w1");
        pass(RUN_EVERY);
        let work = compute("w1", SHAPE, |lane, _| lane == 1);
        assert_ok!(work.commit("w1"));
        // Until it is decided, what it had proven counts.
        assert_eq!(standing("w1").counted, proven);
        pass(DRAW_DELAY + OPEN_WINDOW + 1);
        assert_ok!(Capacity::settle(signed("w1"), account("w1")));
        assert_eq!(standing("w1").proven, None);
    });
}

#[test]
fn keeping_an_opening_back_is_no_way_to_another_draw() {
    scenario(|| {
        register("w1");
        let work = compute("w1", SHAPE, |lane, _| lane == 0);
        assert_ok!(work.commit("w1"));
        // The draw does not suit it: no other proof, no other key, no way out until it has paid.
        pass(DRAW_DELAY + OPEN_WINDOW + RUN_EVERY);
        assert_noop!(Capacity::start(signed("w1")), Error::<Test>::Undecided);
        let rotated = Workers::rotate_key(
            signed("olga"),
            account("w1"),
            account("w2"),
            proof("w2", "olga"),
        );
        assert_eq!(
            rotated,
            Err(pallet_workers::Error::<Test>::WorkInFlight.into())
        );
        assert_ok!(Workers::leave(signed("olga"), account("w1")));
        pass(COOLDOWN);
        assert_noop!(
            Workers::withdraw(signed("olga"), account("w1")),
            pallet_workers::Error::<Test>::WorkInFlight
        );
        assert_ok!(Capacity::settle(signed("olga"), account("w1")));
        assert_ok!(Workers::withdraw(signed("olga"), account("w1")));
        assert_eq!(
            Balances::free_balance(account("olga")),
            FUNDS - WORKER_BOND / 10
        );
    });
}

#[test]
fn what_was_left_out_is_found_as_often_as_it_is_drawn() {
    // Over many beginnings: the openings hold exactly if none of those segments was drawn.
    let mut caught = 0;
    for fork in 0..12 {
        scenario(|| {
            Fork::set(&fork);
            register("w1");
            let left_out = |lane, index| lane == 1 && index % 8 == 7;
            let work = compute("w1", SHAPE, left_out);
            assert_ok!(work.commit("w1"));
            pass(DRAW_DELAY);
            let draw = draw("w1").expect("drawn");
            let samples = SHAPE.samples(&draw);
            let drawn = samples.iter().any(|(lane, index)| left_out(*lane, *index));
            assert_eq!(open("w1", &work).is_err(), drawn);
            caught += u32::from(drawn);
        });
    }
    // Eight of 128, 16 draws: two times in three.
    assert!((1..12).contains(&caught), "{caught}");
}

#[test]
fn what_was_computed_on_another_fork_is_refused_and_costs_nothing() {
    scenario(|| {
        register("w1");
        assert_ok!(Capacity::start(signed("w1")));
        // Computed for the block that the node saw; the chain went another way.
        let elsewhere =
            sungrid_primitives::capacity::seed(&H256::repeat_byte(0xee), account("w1").as_ref());
        let work = Work::of(elsewhere, SHAPE, |_, _| false);
        pass(MAX_RUN / BLOCK_MS);
        assert_noop!(work.commit("w1"), Error::<Test>::WrongSeed);
        // The right one is not too late.
        assert_ok!(Work::of(seed_of("w1", 1), SHAPE, |_, _| false).commit("w1"));
        assert_eq!(record("w1").faults, 0);
    });
}

#[test]
fn a_lane_is_not_told_twice() {
    scenario(|| {
        register("w1");
        let one = Shape { lanes: 1, ..SHAPE };
        let work = compute("w1", one, |_, _| false).repeated(SHAPE.lanes);
        assert_ok!(work.commit("w1"));
        pass(DRAW_DELAY);
        assert_noop!(open("w1", &work), Error::<Test>::DoesNotHold);
    });
}

#[test]
fn nobody_commits_to_more_than_it_computed_and_gets_through() {
    scenario(|| {
        register("w1");
        // It computed two lanes, and says that the same were four.
        let work = compute("w1", SHAPE, |_, _| false);
        let claimed = Shape { lanes: 4, ..SHAPE };
        let half = Work::of(work.seed, claimed, |lane, _| lane >= 2);
        assert_ok!(half.commit("w1"));
        pass(DRAW_DELAY);
        // 1 in 65,536 draws has none of the lanes that are not there: this is not one of them.
        assert_noop!(open("w1", &half), Error::<Test>::DoesNotHold);
        // Nor does what it computes after the draw do: it has committed to something else.
        let whole = Work::of(work.seed, claimed, |_, _| false);
        assert_noop!(open("w1", &whole), Error::<Test>::DoesNotHold);
    });
}

#[test]
fn the_draw_is_unknown_until_its_block() {
    scenario(|| {
        register("w1");
        let work = compute("w1", SHAPE, |_, _| false);
        assert_ok!(work.commit("w1"));
        let known = |blocks| {
            frame_support::storage::with_transaction(|| {
                pass(blocks);
                let draw = draw("w1");
                sp_runtime::TransactionOutcome::Rollback(Ok::<_, sp_runtime::DispatchError>(draw))
            })
            .expect("rolled back")
        };
        assert_eq!(known(DRAW_DELAY - 1), None);
        let one = known(DRAW_DELAY).expect("drawn");
        // Another output of the last block's author, another draw.
        NoRandomness::set(&true);
        assert_ne!(known(DRAW_DELAY), Some(one));
    });
}
