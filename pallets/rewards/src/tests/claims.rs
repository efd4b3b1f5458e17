//! Who gets what, when, in which order.

use frame_support::{assert_noop, assert_ok};
use sp_runtime::{DispatchError, TokenError};

use crate::{Accounts, Error, Event, Owed, Rounds, mock::*};

fn signed(who: u64) -> RuntimeOrigin {
    RuntimeOrigin::signed(who)
}

#[test]
fn all_roles_are_paid_at_once() {
    scenario(|| {
        next_block(Some(1));
        pay(1, Some(1), 10_000, 1);
        next_round();
        assert_ok!(Rewards::claim_rewards(signed(1)));
        System::assert_last_event(
            Event::RewardsClaimed {
                account: 1,
                amount: 9_720,
            }
            .into(),
        );
        assert_eq!(Balances::free_balance(1), 9_720);
        // Nothing is left behind, neither planck nor records.
        assert_eq!(Owed::<Test>::get(), 0);
        assert_eq!(Rounds::<Test>::iter().count(), 0);
        assert_eq!(still_to_claim(), 0);
        assert_eq!(
            Balances::free_balance(Rewards::account_id()),
            EXISTENTIAL_DEPOSIT
        );
    });
}

#[test]
fn a_round_must_end_before_it_pays() {
    scenario(|| {
        pay(1, None, 10_000, 1);
        assert_eq!(Rewards::pending(1), 0);
        assert_noop!(
            Rewards::claim_rewards(signed(1)),
            Error::<Test>::NothingToClaim
        );
        next_round();
        assert_ok!(Rewards::claim_rewards(signed(1)));
        assert_noop!(
            Rewards::claim_rewards(signed(1)),
            Error::<Test>::NothingToClaim
        );
        assert_noop!(
            Rewards::claim_rewards(signed(99)),
            Error::<Test>::NothingToClaim
        );
        assert_noop!(
            Rewards::claim_for(signed(1), 99),
            Error::<Test>::NothingToClaim
        );
    });
}

#[test]
fn a_claim_takes_what_has_ended_and_leaves_what_runs() {
    scenario(|| {
        pay(1, None, 1_000, 1);
        next_round();
        pay(1, None, 500, 1);
        assert_ok!(Rewards::claim_rewards(signed(1)));
        assert_eq!(Balances::free_balance(1), 648);
        assert_eq!(Accounts::<Test>::get(1).worker.points, 500);
        next_round();
        assert_eq!(Rewards::pending(1), 324);
    });
}

#[test]
fn earning_again_keeps_what_an_earlier_round_gave() {
    scenario(|| {
        pay(1, None, 1_000, 1);
        pay(2, None, 1_000, 1);
        next_round();
        next_round();
        // The second payment folds the first round's part in.
        pay(1, None, 10, 1);
        let entry = Accounts::<Test>::get(1).worker;
        assert_eq!((entry.pending, entry.points, entry.round), (648, 10, 2));
        assert_eq!(Rewards::pending(1), 648);
        assert_eq!(Rewards::pending(2), 648);
    });
}

#[test]
fn anyone_may_trigger_a_payment_to_its_owner() {
    scenario(|| {
        pay(1, None, 10_000, 1);
        next_round();
        assert_ok!(Rewards::claim_for(signed(PAYER), 1));
        System::assert_last_event(
            Event::RewardsClaimed {
                account: 1,
                amount: 6_480,
            }
            .into(),
        );
        assert_eq!(Balances::free_balance(1), 6_480);
    });
}

#[test]
fn an_amount_that_cannot_create_the_account_waits() {
    scenario(|| {
        // 60 % of 10 and of no emission are 6: below the existential deposit of 10.
        pay(1, None, 10, 1);
        next_round();
        assert_eq!(Rewards::pending(1), 6);
        assert_noop!(
            Rewards::claim_for(signed(PAYER), 1),
            TokenError::BelowMinimum
        );
        pay(1, None, 10, 1);
        next_round();
        assert_ok!(Rewards::claim_for(signed(PAYER), 1));
        assert_eq!(Balances::free_balance(1), 12);
    });
}

#[test]
fn the_last_one_takes_the_rest() {
    // 600 planck for three operators with 1, 1 and 5 points: no order leaves dust.
    for order in [
        [1, 2, 3],
        [1, 3, 2],
        [2, 1, 3],
        [2, 3, 1],
        [3, 1, 2],
        [3, 2, 1],
    ] {
        scenario(|| {
            for who in 1..=3 {
                Balances::force_set_balance(RuntimeOrigin::root(), who, EXISTENTIAL_DEPOSIT)
                    .expect("an account to receive dust");
            }
            pay(1, None, 1, 1);
            pay(2, None, 1, 1);
            pay(3, None, 5, 1);
            fee(993);
            next_round();
            for who in order {
                assert_ok!(Rewards::claim_rewards(signed(who)));
            }
            let paid: u128 = (1..=3)
                .map(|who| Balances::free_balance(who) - EXISTENTIAL_DEPOSIT)
                .sum();
            assert_eq!(paid, 600);
            assert!(Balances::free_balance(3) - EXISTENTIAL_DEPOSIT >= 428);
            assert_eq!(Rounds::<Test>::iter().count(), 0);
        });
    }
}

#[test]
fn points_that_are_worth_nothing_are_in_nobody_s_way() {
    scenario(|| {
        // GIVEN two authors, and a share of one planck
        next_block(Some(1));
        next_block(Some(2));
        fee(10);
        next_round();
        assert_eq!([1, 2].map(Rewards::pending), [0, 0]);
        // WHEN the first one claims, who is worth half a planck
        assert_ok!(Rewards::claim_rewards(signed(1)));
        System::assert_last_event(
            Event::RewardsClaimed {
                account: 1,
                amount: 0,
            }
            .into(),
        );
        assert_noop!(
            Rewards::claim_rewards(signed(1)),
            Error::<Test>::NothingToClaim
        );
        // THEN the planck is the other's
        assert_eq!(Rewards::pending(2), 1);

        // Earning again folds points as well.
        next_block(Some(2));
        assert_eq!(Rounds::<Test>::iter().count(), 0);
        assert_eq!(Rewards::pending(2), 1);
    });
}

#[test]
fn claims_need_a_signature() {
    scenario(|| {
        for origin in [RuntimeOrigin::none(), RuntimeOrigin::root()] {
            assert_noop!(
                Rewards::claim_rewards(origin.clone()),
                DispatchError::BadOrigin
            );
            assert_noop!(Rewards::claim_for(origin, 1), DispatchError::BadOrigin);
        }
    });
}
