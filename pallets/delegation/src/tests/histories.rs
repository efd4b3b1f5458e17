//! Random histories: whatever happens, no planck appears or vanishes, and in the end everybody has out what is his.

use frame_support::assert_ok;
use proptest::prelude::*;
use sp_runtime::Perbill;
use sungrid_primitives::traits::Workers as _;

use crate::{Delegations, Pools, mock::*};

const PEOPLE: [&str; 3] = ["dora", "dirk", "eve"];

#[derive(Clone, Debug)]
enum Act {
    Delegate(usize, u128),
    Undelegate(usize, u128),
    Withdraw(usize),
    Claim(usize),
    Pay(u128),
    Slash,
    Penalise(u128),
    Collect,
    Busy,
    Idle,
    Commission(u32),
    Rotate,
    HandOver(u128),
    Pass(u64),
}

fn act() -> impl Strategy<Value = Act> {
    let who = || 0..PEOPLE.len();
    prop_oneof![
        5 => (who(), 1..3 * OWN).prop_map(|(who, amount)| Act::Delegate(who, amount)),
        3 => (who(), 0..3 * OWN).prop_map(|(who, amount)| Act::Undelegate(who, amount)),
        3 => who().prop_map(Act::Withdraw),
        2 => who().prop_map(Act::Claim),
        5 => (0..100_000u128).prop_map(Act::Pay),
        1 => Just(Act::Slash),
        1 => (0..2 * OWN).prop_map(Act::Penalise),
        1 => Just(Act::Collect),
        1 => Just(Act::Busy),
        1 => Just(Act::Idle),
        1 => (0..101u32).prop_map(Act::Commission),
        1 => Just(Act::Rotate),
        2 => (0..OWN).prop_map(Act::HandOver),
        6 => (1..2 * COOLDOWN).prop_map(Act::Pass),
    ]
}

/// Does it, if it is allowed. `key` is the worker's, by number.
fn perform(act: &Act, key: &mut u32) {
    let name = format!("w{key}");
    let olgas = record(&name).operator == account("olga");
    let (operator, other) = if olgas {
        ("olga", "otto")
    } else {
        ("otto", "olga")
    };
    let worker = account(&name);
    match *act {
        Act::Delegate(who, amount) => {
            let _ = Delegation::delegate(signed(PEOPLE[who]), 0, amount);
        }
        Act::Undelegate(who, amount) => {
            let _ = Delegation::undelegate(signed(PEOPLE[who]), 0, amount);
        }
        Act::Withdraw(who) => {
            let _ = Delegation::withdraw(signed(PEOPLE[who]), 0);
        }
        Act::Claim(who) => {
            let _ = Delegation::claim(signed(PEOPLE[who]), 0);
        }
        Act::Pay(amount) => pay(&name, amount),
        Act::Slash => {
            Workers::slash(&worker, &[account("eve")]);
        }
        Act::Penalise(penalty) => {
            Workers::penalise_absence(&worker, &account("eve"), penalty);
        }
        // Anybody may bring the pool's income into its account.
        Act::Collect => {
            let _ = Rewards::claim_for(signed("eve"), Delegation::account_of(0));
        }
        Act::Busy => {
            let _ = Workers::commit(&worker, 1);
        }
        Act::Idle => {
            if record(&name).in_flight > 0 {
                Workers::release(&worker, 1);
                Workers::resolved(&worker);
            }
        }
        Act::Commission(percent) => {
            let commission = Perbill::from_percent(percent);
            assert_ok!(Delegation::set_commission(signed(operator), 0, commission));
        }
        Act::Rotate => {
            let next = format!("w{}", *key + 1);
            let proof = proof(&next, operator);
            if Workers::rotate_key(signed(operator), worker, account(&next), proof).is_ok() {
                *key += 1;
            }
        }
        // Offered, if it is not; else accepted, if that may be.
        Act::HandOver(price) => {
            let Some(offer) = pallet_workers::Offers::<Test>::get(&worker) else {
                assert_ok!(Workers::offer(
                    signed(operator),
                    worker,
                    account(other),
                    price
                ));
                return;
            };
            let next = format!("w{}", *key + 1);
            let (new, proof) = (account(&next), proof(&next, other));
            if Workers::accept(signed(other), worker, offer.price, new, proof).is_ok() {
                *key += 1;
            }
        }
        Act::Pass(blocks) => pass(blocks),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]
    #[test]
    fn everybody_has_his_own_in_the_end(acts in prop::collection::vec(act(), 1..60)) {
        scenario(|| {
            let mut key = 1;
            open(0, "w1", Perbill::from_percent(7));
            assert_ok!(Workers::bond_more(signed("olga"), account("w1"), OWN));
            for act in &acts {
                perform(act, &mut key);
                check();
            }
            // The worker goes, then everybody else does.
            while record(&format!("w{key}")).in_flight > 0 {
                perform(&Act::Idle, &mut key);
            }
            let worker = account(&format!("w{key}"));
            let operator = RuntimeOrigin::signed(record(&format!("w{key}")).operator);
            assert_ok!(Workers::leave(operator.clone(), worker.clone()));
            // It may have been slashed just now.
            pass(COOLDOWN.max(MAX_MISS_REST));
            assert_ok!(Workers::withdraw(operator, worker));
            check();
            next_round();
            for who in PEOPLE {
                if Delegations::<Test>::contains_key(0, account(who)) {
                    assert_ok!(Delegation::withdraw(signed(who), 0));
                }
                check();
            }
            assert_ok!(Delegation::close(signed("eve"), 0));
            assert!(Pools::<Test>::get(0).is_none());
            assert_eq!(Balances::free_balance(Delegation::account_of(0)), 0);
            assert_eq!(Rewards::pending(Delegation::account_of(0)), 0);
            assert_eq!(crate::Starts::<Test>::iter().count(), 0);
        });
    }
}
