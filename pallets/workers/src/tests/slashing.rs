//! Where a slashed planck goes. `scenario` checks that none appears or vanishes.

use frame_support::{assert_ok, traits::fungible::Mutate};
use sp_runtime::{AccountId32, traits::Zero};
use sungrid_primitives::traits::{Slashed, Workers as _};

use crate::{Event, mock::*};

const TENTH: u128 = BOND_PER_SUNS / 10;

fn free(name: &str) -> u128 {
    Balances::free_balance(account(name))
}

fn treasury() -> u128 {
    Balances::free_balance(TREASURY) - EXISTENTIAL_DEPOSIT
}

#[test]
fn half_to_the_honest_half_to_the_treasury() {
    scenario(|| {
        register("olga", "w1");
        let slashed = Workers::slash(&account("w1"), &[account("oskar"), account("otto")]);
        assert_eq!(
            slashed,
            Slashed {
                total: TENTH,
                to_honest: TENTH / 2
            }
        );
        assert_eq!(free("oskar"), FUNDS + TENTH / 4);
        assert_eq!(free("otto"), FUNDS + TENTH / 4);
        assert_eq!(treasury(), TENTH / 2);
        assert_eq!(held("olga"), BOND_PER_SUNS - TENTH);
        let record = record("w1");
        assert_eq!((record.bond, record.faults), (BOND_PER_SUNS - TENTH, 1));
        System::assert_has_event(
            Event::WorkerSlashed {
                worker: account("w1"),
                operator: account("olga"),
                amount: TENTH,
                to_honest: TENTH / 2,
                bond: BOND_PER_SUNS - TENTH,
                delegated: 0,
            }
            .into(),
        );
    });
}

#[test]
fn remainders_go_to_the_treasury() {
    scenario(|| {
        // A bond of 4 007: a tenth, rounded up, is 401; half, rounded down, 200; a third of it 66.
        Registration {
            bond: 4_007,
            ..Registration::new("olga", "w1")
        }
        .send()
        .expect("sound");
        let honest = [account("oskar"), account("otto"), account("third")];
        let slashed = Workers::slash(&account("w1"), &honest);
        // The third has no account, but 66 planck create one.
        assert_eq!(
            slashed,
            Slashed {
                total: 401,
                to_honest: 198
            }
        );
        assert_eq!(free("third"), 66);
        assert_eq!(treasury(), 203);
    });
}

#[test]
fn without_honest_replicas_all_goes_to_the_treasury() {
    scenario(|| {
        register("olga", "w1");
        let slashed = Workers::slash(&account("w1"), &[]);
        assert_eq!(
            slashed,
            Slashed {
                total: TENTH,
                to_honest: 0
            }
        );
        assert_eq!(treasury(), TENTH);
    });
}

#[test]
fn a_part_too_small_to_create_an_account_goes_to_the_treasury() {
    scenario(|| {
        // A tenth of the least bond is 100, half of it 50; a sixth of that, 8, is below the existential
        // deposit of 10.
        Registration {
            resources: LANE,
            bond: MIN_BOND,
            ..Registration::new("olga", "w1")
        }
        .send()
        .expect("sound");
        let strangers = ["a", "b", "c", "d", "e"].map(account);
        let honest: Vec<AccountId32> = strangers.iter().cloned().chain([account("otto")]).collect();
        let slashed = Workers::slash(&account("w1"), &honest);
        assert_eq!(
            slashed,
            Slashed {
                total: 100,
                to_honest: 8
            }
        );
        for stranger in &strangers {
            assert!(Balances::free_balance(stranger).is_zero());
        }
        assert_eq!(free("otto"), FUNDS + 8);
        assert_eq!(treasury(), 92);
    });
}

#[test]
fn what_nobody_can_take_stays_in_the_bond() {
    new_test_ext().execute_with(|| {
        // GIVEN a treasury that does not exist, and a slash too small to create it
        assert_ok!(Balances::burn_from(
            &TREASURY,
            EXISTENTIAL_DEPOSIT,
            frame_support::traits::tokens::Preservation::Expendable,
            frame_support::traits::tokens::Precision::Exact,
            frame_support::traits::tokens::Fortitude::Force,
        ));
        register("olga", "w1");
        crate::Workers::<Test>::mutate_extant(account("w1"), |record| record.bond = 40);
        let issuance = pallet_balances::TotalIssuance::<Test>::get();
        // WHEN a tenth of 40 is slashed
        let slashed = Workers::slash(&account("w1"), &[account("oskar")]);
        // THEN the honest operator has its half, and the other half stays
        assert_eq!(
            slashed,
            Slashed {
                total: 2,
                to_honest: 2
            }
        );
        assert_eq!(record("w1").bond, 38);
        assert_eq!(held("olga"), BOND_PER_SUNS - 2);
        assert_eq!(pallet_balances::TotalIssuance::<Test>::get(), issuance);
    });
}

/// Whoever is slashed now has rested.
fn rested() {
    System::set_block_number(System::block_number() + MAX_MISS_REST);
}

#[test]
fn a_worker_bonded_too_little_takes_no_work_until_it_bonds_more() {
    scenario(|| {
        register("olga", "w1");
        let w1 = account("w1");
        Workers::slash(&w1, &[]);
        rested();
        assert!(!can_commit(&w1, 1));
        assert_eq!(Workers::commit(&w1, 1), Err(()));
        assert_ok!(Workers::bond_more(signed("olga"), w1.clone(), TENTH - 1));
        assert!(!can_commit(&w1, 1));
        assert_ok!(Workers::bond_more(signed("olga"), w1.clone(), 1));
        assert!(can_commit(&w1, 1));
    });
}

#[test]
fn less_capacity_also_makes_a_slashed_bond_enough() {
    scenario(|| {
        register("olga", "w1");
        let w1 = account("w1");
        Workers::slash(&w1, &[]);
        assert_ok!(Workers::set_capacity(signed("olga"), w1.clone(), LANE));
        rested();
        assert!(can_commit(&w1, 1));
    });
}

#[test]
fn a_liar_is_slashed_to_the_last_planck() {
    scenario(|| {
        register("olga", "w1");
        register("olga", "w2");
        let mut rounds = 0;
        while record("w1").bond > 0 {
            // Rounded up, so that every lie costs something.
            assert!(Workers::slash(&account("w1"), &[account("oskar")]).total > 0);
            rounds += 1;
            assert!(rounds < 1_000, "a bond comes to its end");
        }
        assert_eq!(
            Workers::slash(&account("w1"), &[account("oskar")]),
            Slashed::default()
        );
        // Her other worker's bond is not touched.
        assert_eq!(held("olga"), BOND_PER_SUNS);
        assert_eq!(record("w2").bond, BOND_PER_SUNS);
    });
}

#[test]
fn the_bond_of_an_operator_without_free_balance_is_slashable() {
    scenario(|| {
        let all = FUNDS - EXISTENTIAL_DEPOSIT;
        Registration {
            bond: all,
            ..Registration::new("olga", "w1")
        }
        .send()
        .expect("sound");
        let slashed = Workers::slash(&account("w1"), &[account("oskar")]);
        assert_eq!(slashed.total, all.div_ceil(10));
    });
}

#[test]
#[should_panic(expected = "withdrawn before its verdict")]
fn slashing_nobody_is_a_bug() {
    new_test_ext().execute_with(|| Workers::slash(&account("w9"), &[]));
}
