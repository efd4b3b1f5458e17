//! The presets: they build, hold what they should, and a tool can rewrite them.

mod common;

use std::collections::BTreeSet;

use common::{genesis, patch};
use frame_support::traits::fungible::{Inspect, InspectHold};
use serde_json::Value;
use sp_keyring::Sr25519Keyring;
use sungrid_primitives::traits::Pricing;
use sungrid_runtime::{
    AccountId, Babe, Balances, Council, Grandpa, Rewards, Runtime, Session, Suns, System,
    TechnicalCommittee, Validators,
    constants::currency::EXISTENTIAL_DEPOSIT,
    genesis_config_presets::{ENVIRONMENTS, GENESIS_ISSUANCE, PROFILES, get_preset, preset_names},
};

fn accounts() -> Vec<AccountId> {
    frame_system::Account::<Runtime>::iter_keys().collect()
}

#[test]
fn every_preset_conserves_the_issuance() {
    for name in preset_names() {
        genesis(patch(name.as_ref())).execute_with(|| {
            assert_eq!(Balances::total_issuance(), GENESIS_ISSUANCE, "{name:?}");
            let sum: u128 = accounts().iter().map(Balances::total_balance).sum();
            assert_eq!(sum, GENESIS_ISSUANCE, "{name:?}");
        });
    }
}

#[test]
fn nobody_lives_below_the_minimum() {
    for name in preset_names() {
        genesis(patch(name.as_ref())).execute_with(|| {
            for account in accounts() {
                let total = Balances::total_balance(&account);
                assert!(
                    total >= EXISTENTIAL_DEPOSIT,
                    "{account} has {total} in {name:?}"
                );
                assert_eq!(Balances::total_balance_on_hold(&account), 0);
            }
        });
    }
}

#[test]
fn validators_have_keys_and_councils_have_members() {
    for (name, validators) in [("development", 1), ("local_testnet", 2)] {
        genesis(patch(name)).execute_with(|| {
            assert_eq!(Session::validators().len(), validators);
            assert_eq!(Validators::eligible().len(), validators);
            assert_eq!(Babe::authorities().len(), validators);
            assert_eq!(Grandpa::grandpa_authorities().len(), validators);
            let members: BTreeSet<_> = [
                Sr25519Keyring::Alice,
                Sr25519Keyring::Bob,
                Sr25519Keyring::Charlie,
            ]
            .map(|key| key.to_account_id())
            .into();
            assert_eq!(
                pallet_collective::Members::<Runtime, pallet_collective::Instance1>::get()
                    .into_iter()
                    .collect::<BTreeSet<_>>(),
                members
            );
            assert!(members.iter().all(Council::is_member));
            assert!(members.iter().all(TechnicalCommittee::is_member));
        });
    }
}

#[test]
fn a_tool_that_rewrites_session_keys_gets_its_validators() {
    let mut patch = patch("local_testnet");
    let keys = patch["session"]["keys"]
        .as_array_mut()
        .expect("a list of keys");
    let alice = keys[0].clone();
    // What zombienet does: empty the list, then put in its own.
    keys.clear();
    let dave = serde_json::to_value(Sr25519Keyring::DaveStash.to_account_id()).expect("JSON");
    keys.push(Value::Array(vec![dave.clone(), dave, alice[2].clone()]));

    genesis(patch).execute_with(|| {
        assert_eq!(
            Session::validators(),
            vec![Sr25519Keyring::DaveStash.to_account_id()]
        );
        assert_eq!(Validators::eligible(), Session::validators());
    });
}

#[test]
fn a_market_can_open_at_once() {
    genesis(patch("development")).execute_with(|| {
        for (id, profile, floor) in PROFILES {
            assert_eq!(Suns::profile(id), Some(profile));
            assert_eq!(Suns::floor(id), floor);
            assert_eq!(Suns::spot(id), Some(floor));
            assert_eq!(Suns::capacity(id, profile.contains), Some(1_000_000));
        }
        assert!(ENVIRONMENTS.iter().all(Suns::accepts));
        assert!(System::account_exists(&Rewards::account_id()));
    });
}

#[test]
fn an_unknown_preset_is_none() {
    assert!(get_preset(&"mainnet".into()).is_none());
}
