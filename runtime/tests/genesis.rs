//! The presets: they build, hold what they should, and a tool can rewrite them.

mod common;

use std::collections::BTreeSet;

use common::{genesis, patch};
use frame_support::traits::fungible::Inspect;
use serde_json::Value;
use sp_core::{ed25519, sr25519};
use sp_keyring::{Ed25519Keyring, Sr25519Keyring};
use sungrid_primitives::traits::Pricing;
use sungrid_runtime::{
    AccountId, Babe, Balances, Council, Grandpa, Rewards, Runtime, Session, SessionKeys, Suns,
    System, TechnicalCommittee, Validators,
    constants::{allocation::ISSUANCE, currency::EXISTENTIAL_DEPOSIT},
    genesis_config_presets::{
        ENVIRONMENTS, PROFILES, foundation_reserve, founders, get_preset, preset_names,
    },
};

fn accounts() -> Vec<AccountId> {
    frame_system::Account::<Runtime>::iter_keys().collect()
}

#[test]
fn every_preset_conserves_the_issuance() {
    for name in preset_names() {
        genesis(patch(name.as_ref())).execute_with(|| {
            assert_eq!(Balances::total_issuance(), ISSUANCE, "{name:?}");
            let sum: u128 = accounts().iter().map(Balances::total_balance).sum();
            assert_eq!(sum, ISSUANCE, "{name:?}");
        });
    }
}

#[test]
fn nobody_lives_below_the_minimum() {
    for name in preset_names() {
        genesis(patch(name.as_ref())).execute_with(|| {
            for account in accounts() {
                let total = Balances::balance(&account);
                assert!(
                    total >= EXISTENTIAL_DEPOSIT,
                    "{account} has {total} in {name:?}"
                );
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

/// What `docs/governance.md` has people change.
#[test]
fn a_genesis_of_strangers_builds_and_knows_no_well_known_key() {
    let stranger = |n: u8| AccountId::new([0xa0 | n; 32]);
    let json = |value: &AccountId| serde_json::to_value(value).expect("JSON");
    let mut patch = patch("local_testnet");
    let validators = [1, 2, 3].map(|n| {
        let keys = SessionKeys {
            grandpa: ed25519::Public::from_raw([n; 32]).into(),
            babe: sr25519::Public::from_raw([0x10 | n; 32]).into(),
        };
        let account = json(&stranger(n));
        let keys = serde_json::to_value(keys).expect("JSON");
        Value::Array(vec![account.clone(), account, keys])
    });
    patch["session"]["keys"] = Value::Array(validators.into());
    let known: Vec<_> = Sr25519Keyring::well_known()
        .map(|key| json(&key.to_account_id()))
        .collect();
    let (theirs, reserve) = (json(&stranger(14)), json(&stranger(15)));
    for entry in patch["balances"]["balances"]
        .as_array_mut()
        .expect("a list")
    {
        if let Some(n) = known.iter().position(|known| *known == entry[0]) {
            entry[0] = json(&stranger(n as u8 + 1));
        } else if entry[0] == json(&founders()) {
            entry[0] = theirs.clone();
        }
    }
    patch["vesting"]["vesting"][0][0] = theirs;
    patch["rewards"]["foundationReserve"] = reserve;
    let members: Value = [1, 2, 3].map(|n| json(&stranger(n))).to_vec().into();
    patch["council"]["members"] = members.clone();
    patch["technicalCommittee"]["members"] = members;
    patch["capacity"]["allowance"] = 0.into();

    genesis(patch).execute_with(|| {
        assert_eq!(Balances::total_issuance(), ISSUANCE);
        assert_eq!(Session::validators(), [1, 2, 3].map(stranger));
        assert_eq!(Babe::authorities().len(), 3);
        assert!(Council::is_member(&stranger(1)) && TechnicalCommittee::is_member(&stranger(3)));
        assert_eq!(pallet_capacity::Allowance::<Runtime>::get(), 0);
        let known: Vec<[u8; 32]> = Sr25519Keyring::iter()
            .map(|key| key.public().0)
            .chain(Ed25519Keyring::iter().map(|key| key.public().0))
            .chain([founders(), foundation_reserve()].map(Into::into))
            .collect();
        let (mut key, mut entries) = (Vec::new(), 0);
        while let Some(next) = sp_io::storage::next_key(&key) {
            let value = sp_io::storage::get(&next).unwrap_or_default();
            for known in &known {
                let holds = |bytes: &[u8]| bytes.windows(32).any(|part| part == known);
                assert!(
                    !holds(&next) && !holds(&value),
                    "{known:?} is in the state at {next:?}"
                );
            }
            (key, entries) = (next, entries + 1);
        }
        assert!(entries > 50, "{entries} entries only");
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
