//! Random histories: whatever happens in whatever order, no planck appears, vanishes or stays behind.

use proptest::prelude::*;
use sungrid_primitives::traits::{Income, Liveness};

use crate::{CarriedOver, Current, LastRound, Owed, Rounds, mock::*};

/// People of the histories: few, so that they meet in every role.
const PEOPLE: core::ops::Range<u64> = 1..6;

#[derive(Clone, Debug)]
enum Act {
    Block(Option<u64>),
    Pay {
        operator: u64,
        developer: Option<u64>,
        amount: u128,
        charge: u128,
    },
    Fee(u128),
    Gift(u128),
    Live(u64, u64),
    Fault(u64),
    Claim(u64),
}

fn act() -> impl Strategy<Value = Act> {
    // From dust to a thousand times what emission is capped at.
    let amount = prop_oneof![0..100u128, 0..1u128 << 24, 0..1u128 << 34];
    prop_oneof![
        4 => prop::option::of(PEOPLE).prop_map(Act::Block),
        4 => (PEOPLE, prop::option::of(PEOPLE), amount.clone(), 0..1u128 << 70).prop_map(
            |(operator, developer, amount, charge)| Act::Pay { operator, developer, amount, charge }
        ),
        2 => amount.clone().prop_map(Act::Fee),
        1 => amount.prop_map(Act::Gift),
        2 => (PEOPLE, PEOPLE).prop_map(|(worker, operator)| Act::Live(worker, operator)),
        1 => PEOPLE.prop_map(Act::Fault),
        2 => PEOPLE.prop_map(Act::Claim),
    ]
}

fn issuance() -> u128 {
    pallet_balances::TotalIssuance::<Test>::get()
}

fn pot() -> u128 {
    Balances::free_balance(Rewards::account_id())
}

/// Runs a history and checks after every step; returns everything that was minted.
fn live(history: Vec<Act>) -> u128 {
    use frame_support::traits::{fungible::Mutate, tokens::Preservation};

    let mut minted = 0;
    for act in history {
        let (before, round) = (issuance(), Current::<Test>::get().number);
        let filled = reserve();
        match act {
            Act::Block(author) => next_block(author),
            Act::Pay {
                operator,
                developer,
                amount,
                charge,
            } => {
                pay(operator, developer, amount, charge);
            }
            Act::Fee(amount) => fee(amount),
            Act::Gift(amount) => {
                Balances::transfer(
                    &PAYER,
                    &Rewards::account_id(),
                    amount,
                    Preservation::Preserve,
                )
                .expect("the payer is rich");
            }
            Act::Live(worker, operator) => {
                <Rewards as Liveness<u64>>::note_live(&worker, &operator);
            }
            Act::Fault(operator) => {
                <Rewards as Income<u64>>::faulted(&(operator + 1_000), &operator);
            }
            Act::Claim(who) => {
                let (pending, had) = (Rewards::pending(who), Balances::free_balance(who));
                if Rewards::claim_for(RuntimeOrigin::signed(PAYER), who).is_ok() {
                    // What the view promised, to the planck.
                    assert_eq!(Balances::free_balance(who), had + pending);
                    assert_eq!(Rewards::pending(who), 0);
                }
            }
        }
        let emission = match LastRound::<Test>::get() {
            Some(last) if Current::<Test>::get().number > round => {
                assert!(last.emission <= EMISSION_CAP);
                assert!((last.emission + last.granted) * 100 <= last.payments * 8);
                assert_eq!(reserve(), filled - last.granted - last.maintenance);
                last.emission
            }
            _ => {
                assert_eq!(reserve(), filled);
                0
            }
        };
        assert_eq!(issuance(), before + emission);
        minted += emission;
        Rewards::do_try_state().expect("invariants hold");
    }
    minted
}

proptest! {
    #[test]
    fn money_is_conserved_and_every_claim_order_pays_all(
        history in prop::collection::vec(act(), 1..80),
        order in Just(PEOPLE.collect::<Vec<_>>()).prop_shuffle(),
        reserve in prop_oneof![Just(0), 0..1u128 << 30, Just(1 << 50)],
    ) {
        new_test_ext().execute_with(|| {
            // Everybody has an account, so that the smallest amount can be paid.
            for who in PEOPLE {
                Balances::force_set_balance(RuntimeOrigin::root(), who, EXISTENTIAL_DEPOSIT)
                    .expect("an account");
            }
            fill_reserve(reserve);
            let start = issuance();
            let minted = live(history);
            next_round();
            let last = LastRound::<Test>::get().expect("a round has ended");
            assert_eq!(issuance(), start + minted + last.emission);

            // WHEN everybody claims, in any order
            for who in order {
                let pending = Rewards::pending(who);
                let claimed = Rewards::claim_rewards(RuntimeOrigin::signed(who));
                assert!(claimed.is_ok() || pending == 0);
            }
            // THEN nothing is left but what has never had a receiver: no dust
            assert_eq!(Owed::<Test>::get(), CarriedOver::<Test>::get().total());
            assert_eq!(pot(), EXISTENTIAL_DEPOSIT + Owed::<Test>::get());
            assert_eq!(Rounds::<Test>::iter().count(), 0);
            assert_eq!(still_to_claim(), 0);
            Rewards::do_try_state().expect("invariants hold");
        });
    }
}
