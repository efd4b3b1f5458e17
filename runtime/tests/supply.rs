//! Where the hundred million are, and how they get out of there.

mod common;

use common::{genesis, patch, try_genesis};
use frame_support::{
    assert_noop, assert_ok,
    dispatch::GetDispatchInfo,
    traits::{
        Hooks,
        fungible::Inspect,
        tokens::{Fortitude, Preservation},
    },
};
use serde_json::json;
use sp_keyring::Sr25519Keyring::{self, Alice, Bob, Dave, Eve, Ferdie};
use sp_runtime::{
    DispatchError,
    traits::{AccountIdConversion, Dispatchable},
};
use sungrid_runtime::{
    AccountId, Balances, BlockNumber, Multisig, Rewards, Runtime, RuntimeCall, RuntimeOrigin,
    System, Treasury, Vesting,
    configs::{
        TreasuryAccount,
        rewards::{NODE_REWARD_CAP, ROUNDS_PER_YEAR},
        treasury::SpendPeriod,
        workers::MIN_WORKER_BOND,
    },
    constants::{
        allocation::{self, ISSUANCE, PROMOTION_ID, SALE_ID, VESTING_YEARS},
        currency::{EXISTENTIAL_DEPOSIT, ISC},
        time::DAYS,
    },
    genesis_config_presets::{foundation_reserve, founders, preset_names},
};

fn signed(key: Sr25519Keyring) -> RuntimeOrigin {
    RuntimeOrigin::signed(key.to_account_id())
}

fn promotion() -> AccountId {
    PROMOTION_ID.into_account_truncating()
}

#[test]
fn every_preset_allocates_a_hundred_million() {
    for name in preset_names() {
        genesis(patch(name.as_ref())).execute_with(|| {
            assert_eq!(Balances::total_issuance(), 100_000_000 * ISC);
            let of = |account: &AccountId| Balances::total_balance(account);
            assert_eq!(of(&Rewards::node_reserve()), 30_000_000 * ISC);
            assert_eq!(of(&SALE_ID.into_account_truncating()), 25_000_000 * ISC);
            assert_eq!(of(&founders()), 15_000_000 * ISC);
            // Everybody else lives on what is for promotion.
            let people: u128 = Sr25519Keyring::well_known()
                .map(|key| of(&key.to_account_id()))
                .sum();
            let minimum = of(&Rewards::account_id()) + of(&TreasuryAccount::get());
            assert_eq!(minimum, 2 * EXISTENTIAL_DEPOSIT);
            assert_eq!(of(&promotion()) + people + minimum, 30_000_000 * ISC);
            assert_eq!(of(&foundation_reserve()), 0, "nothing is unspent yet");
            assert_eq!(Rewards::foundation_reserve(), foundation_reserve());
        });
    }
}

#[test]
fn a_genesis_with_other_shares_cannot_be_built() {
    for (field, value) in [
        ("shares", json!([90, 0, 0, 10])),
        ("foundationPercent", json!(90)),
        ("emissionRate", json!(500_000)),
    ] {
        let mut patch = patch("development");
        patch["rewards"][field] = value;
        let error = try_genesis(patch).expect_err("it is refused");
        assert!(error.contains("unknown field"), "{error}");
    }
}

#[test]
fn founders_wait_for_theirs() {
    genesis(patch("development")).execute_with(|| {
        let free = || {
            let kind = (Preservation::Expendable, Fortitude::Polite);
            Balances::reducible_balance(&founders(), kind.0, kind.1)
        };
        let wait = |until: BlockNumber| {
            System::set_block_number(until);
            assert_ok!(Vesting::vest_other(signed(Bob), founders().into()));
        };
        wait(1);
        assert!(free() < ISC, "{} is free at once", free());
        wait(VESTING_YEARS * 365 * DAYS / 2);
        // But for what the division by blocks leaves.
        assert!((allocation::FOUNDERS / 2).abs_diff(free()) < ISC);
        wait(VESTING_YEARS * 365 * DAYS + 1);
        assert_eq!(free(), allocation::FOUNDERS);
    });
}

#[test]
fn what_is_for_promotion_moves_by_referendum_alone() {
    genesis(patch("development")).execute_with(|| {
        let before = Balances::balance(&Alice.to_account_id());
        for account in [
            promotion(),
            SALE_ID.into_account_truncating(),
            Rewards::node_reserve(),
        ] {
            let call = RuntimeCall::Balances(pallet_balances::Call::force_transfer {
                source: account.into(),
                dest: Alice.to_account_id().into(),
                value: ISC,
            });
            assert_noop!(
                call.clone().dispatch(signed(Alice)).map_err(|e| e.error),
                DispatchError::BadOrigin
            );
            assert_ok!(call.dispatch(RuntimeOrigin::root()));
        }
        assert_eq!(Balances::balance(&Alice.to_account_id()), before + 3 * ISC);
    });
}

/// Ends the first treasury period.
fn end_period() {
    System::set_block_number(SpendPeriod::get());
    Treasury::on_initialize(SpendPeriod::get());
}

fn fund_treasury(amount: u128) {
    assert_ok!(Balances::transfer_keep_alive(
        signed(Alice),
        TreasuryAccount::get().into(),
        amount
    ));
}

fn treasury() -> u128 {
    Balances::balance(&TreasuryAccount::get()) - EXISTENTIAL_DEPOSIT
}

#[test]
fn what_a_period_leaves_unspent_is_the_foundation_s_reserve() {
    genesis(patch("development")).execute_with(|| {
        // GIVEN a thousand in the treasury, three hundred of it promised
        fund_treasury(1_000 * ISC);
        assert_ok!(Treasury::spend(
            RuntimeOrigin::root(),
            Box::new(()),
            300 * ISC,
            Box::new(Ferdie.to_account_id()),
            None
        ));
        // WHEN the period ends
        end_period();
        // THEN the rest moves, and nothing is burnt
        let reserve = foundation_reserve();
        assert_eq!(Balances::balance(&reserve), 700 * ISC);
        assert_eq!(treasury(), 300 * ISC);
        assert_eq!(Balances::total_issuance(), ISSUANCE);
        assert_ok!(Treasury::payout(signed(Dave), 0));
        assert_eq!(treasury(), 0);
        assert_eq!(Balances::total_issuance(), ISSUANCE);

        // and two of the three who keep the reserve spend from it: one alone does not.
        let call = RuntimeCall::Balances(pallet_balances::Call::transfer_keep_alive {
            dest: Bob.to_account_id().into(),
            value: 100 * ISC,
        });
        let weight = call.get_dispatch_info().call_weight;
        let others = |mut keys: [AccountId; 2]| {
            keys.sort();
            keys.to_vec()
        };
        let [dave, eve, ferdie] = [Dave, Eve, Ferdie].map(|key| key.to_account_id());
        assert_ok!(Multisig::as_multi(
            signed(Dave),
            2,
            others([eve, ferdie.clone()]),
            None,
            Box::new(call.clone()),
            weight
        ));
        assert_eq!(Balances::balance(&reserve), 700 * ISC);
        assert_ok!(Multisig::as_multi(
            signed(Eve),
            2,
            others([dave, ferdie]),
            Some(Multisig::timepoint()),
            Box::new(call),
            weight
        ));
        assert_eq!(Balances::balance(&reserve), 600 * ISC);
    });
}

#[test]
fn a_spend_that_expired_is_no_promise() {
    genesis(patch("development")).execute_with(|| {
        fund_treasury(1_000 * ISC);
        assert_ok!(Treasury::spend(
            RuntimeOrigin::root(),
            Box::new(()),
            300 * ISC,
            Box::new(Ferdie.to_account_id()),
            None
        ));
        pallet_treasury::Spends::<Runtime>::mutate(0, |spend| {
            spend.as_mut().expect("approved").expire_at = SpendPeriod::get();
        });
        end_period();
        assert_eq!(treasury(), 0);
        assert_eq!(Balances::balance(&foundation_reserve()), 1_000 * ISC);
    });
}

#[test]
fn more_promises_than_a_block_looks_at_keep_everything() {
    genesis(patch("development")).execute_with(|| {
        fund_treasury(1_000 * ISC);
        for _ in 0..100 {
            assert_ok!(Treasury::spend(
                RuntimeOrigin::root(),
                Box::new(()),
                ISC,
                Box::new(Ferdie.to_account_id()),
                None
            ));
        }
        end_period();
        assert_eq!(treasury(), 1_000 * ISC);
    });
}

#[test]
fn too_little_for_a_new_account_waits_in_the_treasury() {
    genesis(patch("development")).execute_with(|| {
        fund_treasury(EXISTENTIAL_DEPOSIT - 1);
        end_period();
        assert_eq!(treasury(), EXISTENTIAL_DEPOSIT - 1);
        assert_eq!(Balances::total_issuance(), ISSUANCE);
    });
}

#[test]
fn without_a_reserve_account_the_treasury_keeps_what_it_has() {
    let mut patch = patch("development");
    patch["rewards"]["foundationReserve"] = json!(null);
    genesis(patch).execute_with(|| {
        fund_treasury(1_000 * ISC);
        end_period();
        assert_eq!(treasury(), 1_000 * ISC);
        assert_eq!(Balances::total_issuance(), ISSUANCE);
        // A referendum names one.
        assert_noop!(
            Rewards::set_foundation_reserve(signed(Alice), Alice.to_account_id()),
            DispatchError::BadOrigin
        );
        assert_ok!(Rewards::set_foundation_reserve(
            RuntimeOrigin::root(),
            foundation_reserve()
        ));
        System::set_block_number(2 * SpendPeriod::get());
        Treasury::on_initialize(2 * SpendPeriod::get());
        assert_eq!(Balances::balance(&foundation_reserve()), 1_000 * ISC);
    });
}

/// The equal share of live nodes is interest on their bonds: a tenth a year of the least bond.
#[test]
fn a_sybil_s_year_is_worth_a_tenth_of_its_bond() {
    let year = NODE_REWARD_CAP * u128::from(ROUNDS_PER_YEAR);
    assert!(year <= MIN_WORKER_BOND / 10);
    assert!(year > MIN_WORKER_BOND * 99 / 1_000);
    // All of them together cannot get more than a fifth of 14.27 ISC in a round: 600,000 nodes would.
    assert_eq!(2_854 * ISC / 1_000 / NODE_REWARD_CAP, 600_025);
}
