//! Genesis states of networks that anybody may start: `development` and `local_testnet`.
//!
//! Their keys are public. Both hold [`GENESIS_ISSUANCE`], all of it in the hands of the well-known accounts
//! and the treasury; the allocation of a public network's genesis is that network's own chain specification.

use alloc::{
    string::{String, ToString},
    vec,
    vec::Vec,
};

use frame_support::build_struct_json_patch;
use hex_literal::hex;
use sp_core::H256;
use sp_genesis_builder::{DEV_RUNTIME_PRESET, LOCAL_TESTNET_RUNTIME_PRESET, PresetId};
use sp_keyring::{Ed25519Keyring, Sr25519Keyring};
use sungrid_primitives::{
    environment::EnvironmentId,
    suns::{CPU_1, GPU_1, NETWORK_1, Profile, STORAGE_1},
    traits::{CPU_1_ID, GPU_1_ID, NETWORK_1_ID, ProfileId, STORAGE_1_ID},
};

use crate::{
    AccountId, BABE_GENESIS_EPOCH_CONFIG, BabeConfig, Balance, BalancesConfig, CouncilConfig,
    Rewards, RuntimeGenesisConfig, SessionConfig, SessionKeys, SunsConfig,
    TechnicalCommitteeConfig,
    configs::TreasuryAccount,
    constants::currency::{EXISTENTIAL_DEPOSIT, ISC, MILLI_ISC},
};

/// All tokens at genesis, planck.
pub const GENESIS_ISSUANCE: Balance = 100_000_000 * ISC;

/// What each well-known account owns at genesis, planck.
pub const ENDOWMENT: Balance = 5_000_000 * ISC;

/// The profiles of the genesis and the least price of a SUNS·hour in each, planck. Referenda change the
/// prices, and add versions.
pub const PROFILES: [(ProfileId, Profile, Balance); 4] = [
    (CPU_1_ID, CPU_1, 100 * MILLI_ISC),
    (GPU_1_ID, GPU_1, 50 * MILLI_ISC),
    (STORAGE_1_ID, STORAGE_1, 10 * MILLI_ISC),
    (NETWORK_1_ID, NETWORK_1, 50 * MILLI_ISC),
];

/// The environments whose results are accepted from the beginning: what `sungrid-worker` of this
/// repository runs on x86-64 Linux. A worker of another environment says which; referenda add it.
pub const ENVIRONMENTS: [EnvironmentId; 1] = [H256(hex!(
    "17854b0b1f5a66153460eb0610a80ec22093856fa35f842dff06c5b2b99f25a2"
))];

/// A validator of a development network.
struct Authority {
    /// Validates and is paid: zombienet, too, uses the stash.
    account: AccountId,
    /// What it signs with.
    keys: SessionKeys,
}

impl Authority {
    fn new(account: Sr25519Keyring, babe: Sr25519Keyring, grandpa: Ed25519Keyring) -> Self {
        Self {
            account: account.to_account_id(),
            keys: SessionKeys {
                grandpa: grandpa.public().into(),
                babe: babe.public().into(),
            },
        }
    }

    fn alice() -> Self {
        Self::new(
            Sr25519Keyring::AliceStash,
            Sr25519Keyring::Alice,
            Ed25519Keyring::Alice,
        )
    }

    fn bob() -> Self {
        Self::new(
            Sr25519Keyring::BobStash,
            Sr25519Keyring::Bob,
            Ed25519Keyring::Bob,
        )
    }
}

/// The well-known accounts, every one with its [`ENDOWMENT`], the pot with the minimum that makes it
/// exist, and the treasury with the rest.
fn balances() -> Vec<(AccountId, Balance)> {
    let mut balances: Vec<_> = Sr25519Keyring::well_known()
        .map(|key| (key.to_account_id(), ENDOWMENT))
        .collect();
    balances.push((Rewards::account_id(), EXISTENTIAL_DEPOSIT));
    let given: Balance = balances.iter().map(|(_, amount)| amount).sum();
    balances.push((TreasuryAccount::get(), GENESIS_ISSUANCE - given));
    balances
}

/// The patch of a network with these validators, as JSON.
fn genesis(authorities: Vec<Authority>) -> String {
    let committee: Vec<AccountId> = [
        Sr25519Keyring::Alice,
        Sr25519Keyring::Bob,
        Sr25519Keyring::Charlie,
    ]
    .into_iter()
    .map(Sr25519Keyring::to_account_id)
    .collect();
    build_struct_json_patch!(RuntimeGenesisConfig {
        balances: BalancesConfig {
            balances: balances()
        },
        babe: BabeConfig {
            epoch_config: BABE_GENESIS_EPOCH_CONFIG
        },
        session: SessionConfig {
            keys: authorities
                .into_iter()
                .map(|authority| (authority.account.clone(), authority.account, authority.keys))
                .collect(),
        },
        council: CouncilConfig {
            members: committee.clone()
        },
        suns: SunsConfig {
            profiles: PROFILES.map(|(id, profile, _)| (id, profile)).to_vec(),
            floors: PROFILES.map(|(id, _, floor)| (id, floor)).to_vec(),
            environments: ENVIRONMENTS.to_vec(),
        },
        technical_committee: TechnicalCommitteeConfig { members: committee },
    })
    .to_string()
}

/// The preset of that name as a JSON patch, if there is one.
pub fn get_preset(id: &PresetId) -> Option<Vec<u8>> {
    let authorities = match id.as_ref() {
        DEV_RUNTIME_PRESET => vec![Authority::alice()],
        LOCAL_TESTNET_RUNTIME_PRESET => vec![Authority::alice(), Authority::bob()],
        _ => return None,
    };
    Some(genesis(authorities).into_bytes())
}

/// The names that [`get_preset`] knows.
pub fn preset_names() -> Vec<PresetId> {
    vec![
        PresetId::from(DEV_RUNTIME_PRESET),
        PresetId::from(LOCAL_TESTNET_RUNTIME_PRESET),
    ]
}
