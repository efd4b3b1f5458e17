//! Genesis states of networks that anybody may start: `development` and `local_testnet`.
//!
//! Their keys are public. Both allocate the tokens as [`allocation`] says [C13]; the well-known accounts have
//! their endowment out of what is for promotion. The multisigs, the founders' and the foundation's reserve,
//! are of well-known accounts, too.

use alloc::{
    string::{String, ToString},
    vec,
    vec::Vec,
};

use frame_support::build_struct_json_patch;
use hex_literal::hex;
use sp_core::H256;
use sp_genesis_builder::{DEV_RUNTIME_PRESET, LOCAL_TESTNET_RUNTIME_PRESET, PresetId};
use sp_keyring::{
    Ed25519Keyring,
    Sr25519Keyring::{self, Alice, Bob, Charlie, Dave, Eve, Ferdie},
};
use sp_runtime::traits::AccountIdConversion;
use sungrid_primitives::{
    environment::EnvironmentId,
    suns::{CPU_1, CPU_1_GENESIS_FLOOR, GPU_1, NETWORK_1, Profile, STORAGE_1},
    traits::{CPU_1_ID, GPU_1_ID, NETWORK_1_ID, ProfileId, STORAGE_1_ID},
};

use crate::{
    AccountId, BABE_GENESIS_EPOCH_CONFIG, BabeConfig, Balance, BalancesConfig, CapacityConfig,
    CouncilConfig, Multisig, Rewards, RewardsConfig, RuntimeGenesisConfig, SessionConfig,
    SessionKeys, SunsConfig, TechnicalCommitteeConfig, VestingConfig,
    configs::TreasuryAccount,
    constants::{
        allocation,
        currency::{EXISTENTIAL_DEPOSIT, ISC, MILLI_ISC},
        time::DAYS,
    },
};

/// What each well-known account owns at genesis, out of what is for promotion, planck.
pub const ENDOWMENT: Balance = 1_000_000 * ISC;

/// The profiles of the genesis and the least price of a SUNS·hour in each, planck. Referenda change the
/// prices, and add versions.
pub const PROFILES: [(ProfileId, Profile, Balance); 4] = [
    (CPU_1_ID, CPU_1, CPU_1_GENESIS_FLOOR),
    (GPU_1_ID, GPU_1, 50 * MILLI_ISC),
    (STORAGE_1_ID, STORAGE_1, 10 * MILLI_ISC),
    (NETWORK_1_ID, NETWORK_1, 50 * MILLI_ISC),
];

/// What counts of a worker's capacity without a proof, µSUNS: a thousand SUNS, so that on these networks everybody works at
/// once. On one whose operators do not know each other it should be a tenth of a SUNS, or nothing.
pub const UNPROVEN_CAPACITY: u64 = 1_000_000_000;

/// The environments whose results are accepted from the beginning: what `sungrid-worker` of this
/// repository runs on x86-64 Linux. A worker of another environment says which; referenda add it.
pub const ENVIRONMENTS: [EnvironmentId; 1] = [H256(hex!(
    "7bc642c0d2fec8bdc739f52ac2e5a144ed2737d2b9c86627ee8f42bcb71c7558"
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
        Self::new(Sr25519Keyring::AliceStash, Alice, Ed25519Keyring::Alice)
    }

    fn bob() -> Self {
        Self::new(Sr25519Keyring::BobStash, Bob, Ed25519Keyring::Bob)
    }
}

/// The account of two out of three well-known ones.
fn two_of(keys: [Sr25519Keyring; 3]) -> AccountId {
    let mut accounts = keys.map(Sr25519Keyring::to_account_id);
    accounts.sort();
    Multisig::multi_account_id(&accounts, 2)
}

/// The founders' account: Alice, Bob and Charlie, two of them.
pub fn founders() -> AccountId {
    two_of([Alice, Bob, Charlie])
}

/// The foundation's reserve account: Dave, Eve and Ferdie, two of them.
pub fn foundation_reserve() -> AccountId {
    two_of([Dave, Eve, Ferdie])
}

/// What [`allocation`] says. Out of what is for promotion, every well-known account has its [`ENDOWMENT`],
/// and pot and treasury the minimum that makes them exist.
fn balances() -> Vec<(AccountId, Balance)> {
    let mut balances: Vec<_> = Sr25519Keyring::well_known()
        .map(|key| (key.to_account_id(), ENDOWMENT))
        .collect();
    balances.push((Rewards::account_id(), EXISTENTIAL_DEPOSIT));
    balances.push((TreasuryAccount::get(), EXISTENTIAL_DEPOSIT));
    let promoted: Balance = balances.iter().map(|(_, amount)| amount).sum();
    balances.extend([
        (
            allocation::PROMOTION_ID.into_account_truncating(),
            allocation::PROMOTION - promoted,
        ),
        (
            allocation::SALE_ID.into_account_truncating(),
            allocation::SALE,
        ),
        (Rewards::node_reserve(), allocation::NODES),
        (founders(), allocation::FOUNDERS),
    ]);
    balances
}

/// The patch of a network with these validators, as JSON.
fn genesis(authorities: Vec<Authority>) -> String {
    let committee: Vec<AccountId> = [Alice, Bob, Charlie]
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
        capacity: CapacityConfig {
            allowance: UNPROVEN_CAPACITY
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
        // From the first block, nothing of it liquid.
        vesting: VestingConfig {
            vesting: vec![(founders(), 0, allocation::VESTING_YEARS * 365 * DAYS, 0)],
        },
        rewards: RewardsConfig {
            foundation_reserve: Some(foundation_reserve()),
        },
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
