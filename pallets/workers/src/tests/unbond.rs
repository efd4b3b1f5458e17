//! A part of a bond leaves, and whoever would lie while it does.

use frame_support::{assert_noop, assert_ok, dispatch::DispatchResult};
use sungrid_primitives::traits::Workers as _;

use crate::{Error, Event, MAX_UNBONDING, mock::*};

/// What Olga bonds beyond the least that her worker needs.
const MORE: u128 = 6_000;
/// Blocks after which what left at rest is free.
const REST: u64 = if LIABILITY > COOLDOWN {
    LIABILITY
} else {
    COOLDOWN
};

fn unbond(amount: u128) -> DispatchResult {
    Workers::unbond(signed("olga"), account("w1"), amount)
}

fn withdraw() -> DispatchResult {
    Workers::withdraw_unbonded(signed("olga"), account("w1"))
}

fn free_at() -> Vec<u64> {
    let parts = Workers::unbonding(account("w1"));
    parts.into_iter().map(|(_, at)| at).collect()
}

/// Olga's worker of one SUNS, with more than the least bond.
fn bonded() {
    register("olga", "w1");
    assert_ok!(Workers::bond_more(signed("olga"), account("w1"), MORE));
}

/// The worker takes a batch.
fn take() {
    assert_eq!(Workers::commit(&account("w1"), 1), Ok(()));
}

/// Its verdict is there.
fn decided(accepted: bool) {
    let w1 = account("w1");
    Workers::release(&w1, 1);
    if accepted {
        Workers::note_accepted(&w1, 1, 1);
    }
    Workers::resolved(&w1);
}

#[test]
fn what_the_capacity_does_not_need_comes_back_after_the_cool_down() {
    scenario(|| {
        bonded();
        let left = System::block_number();
        assert_ok!(unbond(1_000));
        System::assert_last_event(
            Event::Unbonding {
                worker: account("w1"),
                amount: 1_000,
                stays: BOND_PER_SUNS + MORE - 1_000,
            }
            .into(),
        );
        assert_eq!(held("olga"), BOND_PER_SUNS + MORE);
        assert_eq!(free_at(), [left + REST]);
        at(left + REST - 1);
        assert_noop!(withdraw(), Error::<Test>::CoolingDown);
        at(left + REST);
        assert_ok!(withdraw());
        System::assert_last_event(
            Event::UnbondedWithdrawn {
                worker: account("w1"),
                operator: account("olga"),
                amount: 1_000,
                bond: BOND_PER_SUNS + MORE - 1_000,
            }
            .into(),
        );
        assert_eq!(held("olga"), BOND_PER_SUNS + MORE - 1_000);
        assert_noop!(withdraw(), Error::<Test>::NothingLeaves);
        assert!(can_commit(&account("w1"), 1));
    });
}

#[test]
fn what_the_capacity_needs_stays() {
    scenario(|| {
        bonded();
        assert_noop!(unbond(0), Error::<Test>::NothingToUnbond);
        for too_much in [MORE + 1, BOND_PER_SUNS + MORE + 1, u128::MAX] {
            assert_noop!(unbond(too_much), Error::<Test>::BondTooLow);
        }
        assert_ok!(unbond(MORE));
        // It counts for nothing from now on: neither for another part, nor for more capacity, nor for calls.
        assert_noop!(unbond(1), Error::<Test>::BondTooLow);
        let two = sungrid_primitives::suns::Resources {
            fuel_per_second: 2 * SUNS_1.fuel_per_second,
            memory: 2 * SUNS_1.memory,
            storage: 2 * SUNS_1.storage,
            bandwidth: 2 * SUNS_1.bandwidth,
            ..SUNS_1
        };
        assert_noop!(
            Workers::set_capacity(signed("olga"), account("w1"), two),
            Error::<Test>::BondTooLow
        );
        assert_eq!(Workers::feeless_calls_left(account("w1")), 5);
        // Of a smaller machine the rest may go, too.
        assert_ok!(Workers::set_capacity(signed("olga"), account("w1"), LANE));
        assert_ok!(unbond(BOND_PER_SUNS - MIN_BOND));
        assert_noop!(unbond(1), Error::<Test>::BondTooLow);
        assert_eq!(record("w1").staying(), MIN_BOND);
    });
}

#[test]
fn only_the_operator_of_a_worker_that_stays_takes_anything_out() {
    scenario(|| {
        bonded();
        for who in ["oskar", "w1"] {
            assert_noop!(
                Workers::unbond(signed(who), account("w1"), 1),
                Error::<Test>::NotOperator
            );
            assert_noop!(
                Workers::withdraw_unbonded(signed(who), account("w1")),
                Error::<Test>::NotOperator
            );
        }
        let nobody = || account("w9");
        let unknown = Error::<Test>::UnknownWorker;
        assert_noop!(Workers::unbond(signed("olga"), nobody(), 1), unknown);
        assert_noop!(
            Workers::withdraw_unbonded(signed("olga"), nobody()),
            Error::<Test>::UnknownWorker
        );
        assert_noop!(withdraw(), Error::<Test>::NothingLeaves);
        assert!(Workers::unbonding(nobody()).is_empty());
        assert_ok!(unbond(1));
        assert_ok!(Workers::leave(signed("olga"), account("w1")));
        assert_noop!(unbond(1), Error::<Test>::Leaving);
        // Everything leaves, this part with it.
        at(System::block_number() + COOLDOWN);
        assert_ok!(Workers::withdraw(signed("olga"), account("w1")));
        assert_eq!(held("olga"), 0);
    });
}

#[test]
fn parts_leave_one_after_the_other_and_no_more_than_a_few() {
    scenario(|| {
        bonded();
        let first = System::block_number();
        for part in 0..MAX_UNBONDING {
            at(first + u64::from(part));
            assert_ok!(unbond(100));
            // In the same block it is the same part.
            assert_ok!(unbond(1));
        }
        assert_eq!(record("w1").unbonding.len(), MAX_UNBONDING as usize);
        assert_eq!(record("w1").leaving(), 101 * u128::from(MAX_UNBONDING));
        at(first + u64::from(MAX_UNBONDING));
        assert_noop!(unbond(100), Error::<Test>::TooManyUnbondings);
        // Two of them are free.
        at(first + REST + 1);
        assert_ok!(withdraw());
        assert_eq!(held("olga"), BOND_PER_SUNS + MORE - 2 * 101);
        assert_noop!(withdraw(), Error::<Test>::CoolingDown);
        assert_ok!(unbond(100));
        at(first + 2 * REST + 1);
        assert_ok!(withdraw());
        assert_eq!(record("w1").leaving(), 0);
    });
}

#[test]
fn who_takes_money_out_before_or_after_a_lie_loses_what_everybody_loses() {
    for before in [true, false] {
        scenario(|| {
            bonded();
            if before {
                assert_ok!(unbond(MORE));
                take();
            } else {
                take();
                assert_ok!(unbond(MORE));
            }
            // Nothing is found out within the cool-down, however long that is.
            at(System::block_number() + LONGEST - 1);
            if !before {
                // What it claimed before the money left holds it.
                assert_noop!(withdraw(), Error::<Test>::CoolingDown);
            }
            let slashed = Workers::slash(&account("w1"), &[]).total;
            decided(false);
            assert_eq!(slashed, (BOND_PER_SUNS + MORE) / 10);
            assert_noop!(withdraw(), Error::<Test>::Resting);
            at(System::block_number() + MAX_MISS_REST);
            assert_ok!(withdraw());
            assert_eq!(held("olga"), BOND_PER_SUNS - slashed);
            // What stays bears it: no work until it is bonded again.
            assert!(!can_commit(&account("w1"), 1));
        });
    }
}

#[test]
fn a_lie_after_the_money_left_is_weighed_by_what_stays() {
    scenario(|| {
        bonded();
        let w1 = account("w1");
        assert_eq!(Workers::exposed(&w1), (BOND_PER_SUNS + MORE) / 10);
        assert_ok!(unbond(MORE));
        // A draw of `Adaptive` trusts no money that may be gone by the time of its verdict.
        assert_eq!(Workers::exposed(&w1), BOND_PER_SUNS / 10);
    });
}

#[test]
fn outputs_that_are_owed_hold_what_answered_for_them() {
    scenario(|| {
        bonded();
        take();
        assert_ok!(unbond(MORE));
        at(System::block_number() + REST);
        decided(true);
        let accepted_at = System::block_number();
        assert_eq!(free_at(), [accepted_at + LIABILITY]);
        // Whatever it does next: who answered for the outputs answers.
        at(accepted_at + 1);
        take();
        at(accepted_at + LIABILITY - 1);
        assert_noop!(withdraw(), Error::<Test>::CoolingDown);
        let damages = Workers::indemnify(&account("w1"), &account("rita"), u128::MAX);
        assert_eq!(damages, BOND_PER_SUNS + MORE);
        decided(false);
        assert_noop!(withdraw(), Error::<Test>::NothingLeaves);
        assert_eq!(held("olga"), 0);
    });
}

#[test]
fn a_question_that_is_open_holds_what_answers() {
    scenario(|| {
        bonded();
        take();
        decided(true);
        assert_ok!(unbond(MORE));
        let left = System::block_number();
        Workers::questioned(&account("w1"));
        at(left + REST + 1);
        assert_noop!(withdraw(), Error::<Test>::CoolingDown);
        Workers::resolved(&account("w1"));
        assert_ok!(withdraw());
    });
}

#[test]
fn a_worker_that_is_always_at_work_keeps_nothing_for_ever() {
    scenario(|| {
        bonded();
        take();
        assert_ok!(unbond(MORE));
        let left = System::block_number();
        while System::block_number() < left + LONGEST {
            assert_noop!(withdraw(), Error::<Test>::CoolingDown);
            // The next before the last is decided.
            take();
            decided(true);
            at(System::block_number() + 1);
        }
        assert_ok!(withdraw());
        decided(true);
    });
}

#[test]
fn who_rests_takes_nothing_to_another_worker() {
    scenario(|| {
        bonded();
        assert_ok!(unbond(MORE));
        let w1 = account("w1");
        at(System::block_number() + REST);
        let now = System::block_number();
        crate::Workers::<Test>::mutate_extant(&w1, |record| record.claimed_at = now);
        Workers::let_rest(&w1, 1, 1, Some(now));
        let record = record("w1");
        let forgotten = record.rests_until + 16 * record.arrears;
        assert_eq!(free_at(), [forgotten]);
        at(forgotten - 1);
        assert_noop!(withdraw(), Error::<Test>::Resting);
        at(forgotten);
        assert_ok!(withdraw());
    });
}

#[test]
fn who_buys_a_worker_gets_the_bond_that_was_there() {
    scenario(|| {
        bonded();
        assert_ok!(unbond(MORE));
        let price = BOND_PER_SUNS + MORE;
        let (w1, oskar) = (account("w1"), account("oskar"));
        assert_ok!(Workers::offer(
            signed("olga"),
            w1.clone(),
            oskar.clone(),
            price
        ));
        at(System::block_number() + REST);
        // In the block in which Oskar accepts.
        assert_noop!(withdraw(), Error::<Test>::Offered);
        let key = account("w2");
        assert_ok!(Workers::accept(
            signed("oskar"),
            w1,
            price,
            key.clone(),
            proof("w2", "oskar")
        ));
        assert_eq!((held("olga"), held("oskar")), (0, BOND_PER_SUNS + MORE));
        assert_ok!(Workers::withdraw_unbonded(signed("oskar"), key));
        assert_eq!(held("oskar"), BOND_PER_SUNS);
    });
}

#[test]
fn a_slash_leaves_no_more_to_withdraw_than_there_is() {
    scenario(|| {
        bonded();
        assert_ok!(unbond(1_000));
        at(2);
        assert_ok!(unbond(MORE - 1_000));
        // What stays goes first, then what left last.
        let w1 = account("w1");
        Workers::indemnify(&w1, &account("rita"), BOND_PER_SUNS + MORE - 1_500);
        let parts: Vec<_> = Workers::unbonding(w1.clone());
        assert_eq!(parts, [(1_000, 1 + REST), (500, 2 + REST)]);
        Workers::indemnify(&w1, &account("rita"), 600);
        assert_eq!(Workers::unbonding(w1), [(900, 1 + REST)]);
        at(2 + REST);
        assert_ok!(withdraw());
        assert_eq!((held("olga"), record("w1").bond), (0, 0));
    });
}
