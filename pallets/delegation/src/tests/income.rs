//! Who gets which part of a worker's income. A worker's part of a payment is 60 %.

use frame_support::{assert_noop, assert_ok};
use pallet_workers::Error as WorkersError;
use sp_runtime::Perbill;

use crate::{Error, Event, mock::*};

const TEN: Perbill = Perbill::from_percent(10);

#[test]
fn income_is_divided_by_bond_after_the_commission() {
    scenario(|| {
        // GIVEN a quarter of the bond Olga's, a half Dora's, a quarter Dirk's, and 10 % commission
        open(0, "w1", TEN);
        delegate("dora", 2 * OWN);
        delegate("dirk", OWN);
        next_round();
        // WHEN the worker earns 6 000
        pay("w1", 10_000);
        assert_noop!(
            Delegation::claim(signed("dora"), 0),
            Error::<Test>::NothingToClaim
        );
        next_round();
        // THEN of the 5 400 after the commission everybody has its part, the operator by the usual way
        assert_eq!(position("dora").income, 2_700);
        assert_eq!(position("dirk").income, 1_350);
        assert_eq!(claimable("olga"), 600 + 1_350);
        assert_ok!(Delegation::claim(signed("dora"), 0));
        System::assert_last_event(
            Event::IncomeClaimed {
                pool: 0,
                delegator: account("dora"),
                amount: 2_700,
            }
            .into(),
        );
        assert_eq!(free("dora"), FUNDS - 2 * OWN + 2_700);
    });
}

#[test]
fn a_pool_that_nobody_is_in_costs_a_payment_nothing() {
    scenario(|| {
        // GIVEN a pool without a stake
        open(0, "w1", TEN);
        let before = pool();
        next_round();
        // WHEN its worker earns 6 000
        pay("w1", 10_000);
        // THEN the pool was left alone, and all of it is the operator's
        assert_eq!(pool(), before);
        next_round();
        assert_eq!(claimable("olga"), 6_000);
        // AND who comes then has no part of what was before.
        delegate("dora", OWN);
        next_round();
        pay("w1", 10_000);
        next_round();
        assert_eq!(position("dora").income, 2_700);
    });
}

#[test]
fn nobody_claims_twice() {
    scenario(|| {
        open(0, "w1", TEN);
        delegate("dora", OWN);
        delegate("dirk", OWN);
        next_round();
        pay("w1", 10_000);
        next_round();
        assert_ok!(Delegation::claim(signed("dora"), 0));
        assert_noop!(
            Delegation::claim(signed("dora"), 0),
            Error::<Test>::NothingToClaim
        );
        // Nor by leaving and coming back,
        undelegate("dora");
        delegate("dora", OWN);
        assert_eq!(position("dora").income, 0);
        next_round();
        assert_noop!(
            Delegation::claim(signed("dora"), 0),
            Error::<Test>::NothingToClaim
        );
        // and Dirk's is still there.
        assert_ok!(Delegation::claim(signed("dirk"), 0));
        assert_eq!(free("dirk"), FUNDS - OWN + 1_800);
        assert_noop!(
            Delegation::claim(signed("eve"), 0),
            Error::<Test>::NoDelegation
        );
        assert_noop!(
            Delegation::claim(signed("eve"), 1),
            Error::<Test>::UnknownPool
        );
    });
}

#[test]
fn delegating_just_before_a_payout_earns_nothing_of_it() {
    scenario(|| {
        open(0, "w1", Perbill::zero());
        delegate("dora", OWN);
        next_round();
        pay("w1", 10_000);
        // WHEN Eve joins with three times as much, before and after the round ends
        delegate("eve", OWN);
        next_round();
        delegate("eve", 2 * OWN);
        // THEN what Dora and Olga have earned is theirs,
        assert_eq!(position("dora").income, 3_000);
        assert_eq!(position("eve").income, 0);
        // AND of the next round Eve has what the part of hers earns that was there when it began,
        pay("w1", 9_000);
        next_round();
        assert_eq!(position("dora").income, 3_000 + 1_800);
        assert_eq!(position("eve").income, 1_800);
        // AND then all of it.
        pay("w1", 10_000);
        next_round();
        assert_eq!(position("dora").income, 3_000 + 1_800 + 1_200);
        assert_eq!(position("eve").income, 1_800 + 3_600);
    });
}

#[test]
fn who_does_nothing_for_long_loses_nothing() {
    scenario(|| {
        // Many join, in different rounds, and nobody looks until the end.
        open(0, "w1", Perbill::zero());
        delegate("dora", OWN);
        next_round();
        delegate("dirk", OWN);
        pay("w1", 10_000);
        next_round();
        pay("w1", 9_000);
        next_round();
        next_round();
        delegate("eve", OWN);
        next_round();
        pay("w1", 20_000);
        pass(10 * ROUND);
        assert_eq!(position("dora").income, 3_000 + 1_800 + 3_000);
        assert_eq!(position("dirk").income, 1_800 + 3_000);
        assert_eq!(position("eve").income, 3_000);
    });
}

#[test]
fn who_leaves_has_nothing_of_the_round_and_all_of_those_before() {
    scenario(|| {
        open(0, "w1", Perbill::zero());
        delegate("dora", OWN);
        delegate("dirk", OWN);
        next_round();
        pay("w1", 9_000);
        next_round();
        pay("w1", 9_000);
        undelegate("dora");
        next_round();
        assert_eq!(position("dora").income, 1_800);
        assert_eq!(position("dirk").income, 1_800 + 3_600);
        // Leaving earns nothing.
        pay("w1", 9_000);
        next_round();
        assert_eq!(position("dora").income, 1_800);
        assert_eq!(position("dirk").income, 1_800 + 3_600 + 2_700);
    });
}

#[test]
fn what_nobody_is_there_to_take_waits_for_who_comes() {
    scenario(|| {
        open(0, "w1", Perbill::zero());
        delegate("dora", OWN);
        next_round();
        pay("w1", 10_000);
        undelegate("dora");
        next_round();
        pay("w1", 10_000);
        assert_eq!(position("dora").income, 0);
        delegate("dirk", OWN);
        next_round();
        next_round();
        pay("w1", 0);
        next_round();
        assert_eq!(position("dirk").income, 3_000);
    });
}

#[test]
fn a_commission_raised_just_before_a_payout_comes_too_late() {
    scenario(|| {
        open(0, "w1", TEN);
        delegate("dora", OWN);
        next_round();
        pay("w1", 10_000);
        // WHEN Olga wants everything
        assert_ok!(Delegation::set_commission(
            signed("olga"),
            0,
            Perbill::one()
        ));
        let from = System::block_number() + NOTICE;
        System::assert_last_event(
            Event::CommissionSet {
                pool: 0,
                commission: Perbill::one(),
                from,
            }
            .into(),
        );
        // THEN neither this nor any later income within the notice is hers,
        pay("w1", 10_000);
        next_round();
        assert_eq!(position("dora").income, 2 * 2_700);
        at(from - 1);
        pay("w1", 10_000);
        // and what was earned before stays Dora's after it.
        at(from);
        pay("w1", 10_000);
        next_round();
        assert_eq!(position("dora").income, 3 * 2_700);
    });
}

#[test]
fn a_raise_can_be_taken_back_and_a_cut_counts_at_once() {
    scenario(|| {
        open(0, "w1", TEN);
        let set =
            |percent| Delegation::set_commission(signed("olga"), 0, Perbill::from_percent(percent));
        assert_ok!(set(50));
        assert_ok!(set(5));
        pass(2 * NOTICE);
        let now = || pool().commission_at(System::block_number());
        assert_eq!(now(), Perbill::from_percent(5));
        // A raise that counts is what the next is measured by.
        assert_ok!(set(20));
        pass(NOTICE);
        assert_ok!(set(30));
        assert_eq!(now(), Perbill::from_percent(20));
        assert_noop!(
            Delegation::set_commission(signed("dora"), 0, TEN),
            WorkersError::<Test>::NotOperator
        );
        assert_noop!(
            Delegation::set_commission(signed("olga"), 1, TEN),
            Error::<Test>::UnknownPool
        );
    });
}

#[test]
fn thousands_of_dust_delegations_cost_the_others_nothing() {
    scenario(|| {
        // GIVEN Dora, and two thousand accounts with the least there is
        open(0, "w1", Perbill::zero());
        assert_ok!(Workers::bond_more(signed("olga"), account("w1"), FUNDS / 2));
        delegate("dora", 2_000 * LEAST);
        let dust: Vec<_> = (0..2_000u32).map(|n| account(&n.to_string())).collect();
        for who in &dust {
            use frame_support::traits::fungible::Mutate;
            assert_ok!(Balances::transfer(
                &account("eve"),
                who,
                LEAST + EXISTENTIAL_DEPOSIT,
                frame_support::traits::tokens::Preservation::Preserve,
            ));
            assert_ok!(Delegation::delegate(
                RuntimeOrigin::signed(who.clone()),
                0,
                LEAST
            ));
        }
        next_round();
        // WHEN incomes come that do not divide
        for _ in 0..7 {
            pay("w1", 1_000_003);
            next_round();
        }
        // THEN Dora has as much as all of them together, to their rounding,
        let income = |who: &sp_runtime::AccountId32| {
            Delegation::position(0, who.clone()).map_or(0, |position| position.income)
        };
        let all: u128 = dust.iter().map(income).sum();
        let dora = position("dora").income;
        assert!(dora >= all && dora - all <= 2_001, "{dora} and {all}");
        // AND everything that is owed is there to be claimed.
        for who in &dust {
            assert_ok!(Delegation::claim(RuntimeOrigin::signed(who.clone()), 0));
        }
        assert_ok!(Delegation::claim(signed("dora"), 0));
    });
}

#[test]
fn income_of_less_than_a_planck_each_is_not_lost() {
    scenario(|| {
        open(0, "w1", Perbill::zero());
        delegate("dora", OWN);
        delegate("dirk", OWN);
        next_round();
        // Six planck each time, two for each of the three.
        for _ in 0..10 {
            pay("w1", 10);
            next_round();
        }
        for who in ["dora", "dirk"] {
            let income = position(who).income;
            assert!((15..=20).contains(&income), "{who} has {income}");
        }
    });
}
