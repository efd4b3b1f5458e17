//! A slash is borne by all, in proportion.

use frame_support::{assert_noop, assert_ok};
use pallet_workers::Error as WorkersError;
use sp_runtime::Perbill;
use sungrid_primitives::traits::Workers as _;

use crate::mock::*;

fn slash(worker: &str) -> u128 {
    Workers::slash(&account(worker), &[account("eve")]).total
}

#[test]
fn everybody_loses_in_proportion() {
    scenario(|| {
        open(0, "w1", Perbill::zero());
        delegate("dora", 2 * OWN);
        delegate("dirk", OWN);
        // What deters the operator is what it loses itself.
        assert_eq!(Workers::exposed(&account("w1")), OWN / 10);
        assert_eq!(slash("w1"), 4 * OWN / 10);
        assert_eq!(record("w1").bond, OWN * 9 / 10);
        assert_eq!(position("dora").staying, 2 * OWN * 9 / 10);
        assert_eq!(position("dirk").staying, OWN * 9 / 10);
        // Half of Olga's to those who were right, all else to the treasury.
        assert_eq!(free("eve"), FUNDS + OWN / 20);
        let treasury = Balances::free_balance(TREASURY) - EXISTENTIAL_DEPOSIT;
        assert_eq!(treasury, 4 * OWN / 10 - OWN / 20);
    });
}

#[test]
fn who_joins_after_a_slash_has_not_lost() {
    scenario(|| {
        open(0, "w1", Perbill::zero());
        delegate("dora", OWN);
        slash("w1");
        delegate("dirk", OWN);
        assert_eq!(position("dora").staying, OWN * 9 / 10);
        // Rounding leaves a planck behind.
        assert_eq!(position("dirk").staying, OWN - 1);
        // Income goes by what is still there: 90 : 90 : 100.
        next_round();
        pay("w1", 14_000);
        next_round();
        assert_eq!(position("dora").income, 2_700);
        assert_eq!(position("dirk").income, 2_999);
    });
}

#[test]
fn the_odd_planck_is_the_operator_s() {
    scenario(|| {
        open(0, "w1", Perbill::zero());
        delegate("dora", 33_333);
        let taken = slash("w1");
        assert_eq!(taken, 13_334);
        let (own, dora) = (record("w1").bond, position("dora").staying);
        assert_eq!(dora, 33_333 - 3_333);
        assert_eq!(own + dora, OWN + 33_333 - taken);
    });
}

#[test]
fn a_slash_of_everything_takes_everything() {
    scenario(|| {
        open(0, "w1", Perbill::zero());
        delegate("dora", OWN);
        next_round();
        pay("w1", 10_000);
        next_round();
        SlashFraction::set(Perbill::one());
        slash("w1");
        let record = record("w1");
        assert_eq!((record.bond, record.delegated.stake), (0, 0));
        // What was earned is not at stake,
        assert_eq!(position("dora").income, 3_000);
        // nobody can join any more, nobody earns,
        assert_ok!(Workers::bond_more(signed("olga"), account("w1"), OWN));
        assert_noop!(
            Delegation::delegate(signed("dirk"), 0, LEAST),
            WorkersError::<Test>::SlashedOut
        );
        pay("w1", 10_000);
        next_round();
        assert_eq!(position("dora").income, 3_000);
        // and the way out is open.
        undelegate("dora");
        pass(COOLDOWN);
        assert_ok!(Delegation::withdraw(signed("dora"), 0));
        assert_eq!(free("dora"), FUNDS - OWN + 3_000);
        delegate("dirk", LEAST);
    });
}

#[test]
fn lying_to_one_s_own_accomplice_does_not_pay() {
    scenario(|| {
        // GIVEN Olga with the least part that she may have, and Eve, who is hers and agrees with the truth
        open(0, "w1", Perbill::zero());
        delegate("dora", 4 * OWN);
        for _ in 0..10 {
            slash("w1");
        }
        // THEN the two have less than they had, whatever it cost Dora.
        let lost = OWN - record("w1").bond;
        let gained = free("eve") - FUNDS;
        assert!(2 * gained <= lost, "{gained} for {lost}");
    });
}

#[test]
fn an_absence_is_the_operator_s() {
    scenario(|| {
        open(0, "w1", Perbill::zero());
        delegate("dora", 4 * OWN);
        let w1 = account("w1");
        Workers::penalise_absence(&w1, &account("eve"), OWN / 2);
        assert_eq!(position("dora").staying, 4 * OWN);
        // Beside half as much of her own, only half as much of others' counts.
        assert_eq!(record("w1").backing(), 5 * OWN / 2);
        Workers::penalise_absence(&w1, &account("eve"), u128::MAX);
        assert_eq!(position("dora").staying, 4 * OWN);
        assert_eq!((record("w1").bond, record("w1").backing()), (0, 0));
    });
}

#[test]
fn slashed_again_and_again_the_rest_is_still_paid_out() {
    scenario(|| {
        open(0, "w1", Perbill::zero());
        delegate("dora", 77_777);
        delegate("dirk", 23_456);
        for _ in 0..60 {
            slash("w1");
        }
        let stake = record("w1").delegated.stake;
        undelegate("dora");
        undelegate("dirk");
        pass(COOLDOWN);
        assert_ok!(Delegation::withdraw(signed("dora"), 0));
        assert_ok!(Delegation::withdraw(signed("dirk"), 0));
        assert_eq!(record("w1").delegated, Default::default());
        assert_eq!(free("dora") + free("dirk"), 2 * FUNDS - 101_233 + stake);
    });
}

#[test]
fn what_the_operator_takes_out_leaves_a_fifth_beside_others_money() {
    scenario(|| {
        open(0, "w1", Perbill::zero());
        let (olga, w1) = (|| signed("olga"), account("w1"));
        let unbond = |amount| Workers::unbond(olga(), w1.clone(), amount);
        assert_ok!(Workers::bond_more(olga(), w1.clone(), OWN));
        delegate("dora", 4 * OWN);
        // The capacity needs an own part of a fifth of a SUNS at least, others' money a fifth of all.
        assert_noop!(unbond(OWN + 1), WorkersError::<Test>::OwnPartTooSmall);
        assert_ok!(unbond(OWN));
        // Nobody joins on what leaves.
        assert_noop!(
            Delegation::delegate(signed("dirk"), 0, LEAST),
            WorkersError::<Test>::OwnPartTooSmall
        );
        assert_eq!(record("w1").backing(), 5 * OWN);
        // Both parts of the bond and the stake are slashed.
        assert_eq!(slash("w1"), 6 * OWN / 10);
        assert_eq!(position("dora").staying, 4 * OWN * 9 / 10);
        assert_eq!(
            (record("w1").bond, record("w1").leaving()),
            (2 * OWN * 9 / 10, OWN)
        );
        pass(COOLDOWN.max(MAX_MISS_REST));
        assert_ok!(Workers::withdraw_unbonded(olga(), w1));
        assert_eq!(record("w1").bond, 2 * OWN * 9 / 10 - OWN);
    });
}

#[test]
fn with_what_others_leave_the_operator_may_take_out_all_but_a_fifth() {
    scenario(|| {
        open(0, "w1", Perbill::zero());
        let unbond = |amount| Workers::unbond(signed("olga"), account("w1"), amount);
        assert_noop!(unbond(1), WorkersError::<Test>::BondTooLow);
        delegate("dora", OWN * 4 / 5);
        assert_noop!(unbond(OWN * 4 / 5 + 1), WorkersError::<Test>::BondTooLow);
        assert_ok!(unbond(OWN * 4 / 5));
        assert!(available("w1"));
        // What she took out earns nothing: of the operators' 600 Dora has four fifths, her part of all that counts.
        next_round();
        pay("w1", 1_000);
        next_round();
        assert_eq!(position("dora").income, 480);
        // What others take out counts no more, either.
        undelegate("dora");
        assert!(!available("w1"));
    });
}
