//! A runtime with balances and this pallet, and the people in it.

// The runtime macros want everything that they name to be `pub`.
#![allow(unreachable_pub)]

use frame_support::{
    BoundedVec, derive_impl, parameter_types,
    traits::{ConstU64, ConstU128, Contains},
    weights::Weight,
};
use sp_core::{H256, Pair, sr25519};
use sp_runtime::{AccountId32, BuildStorage, Perbill, traits::IdentityLookup};
use sungrid_primitives::{
    attributes::{Architecture, Attributes, EnergySource, TaskClass},
    environment::EnvironmentId,
    registration::registration_payload,
    suns::{CPU_1, LANE_FUEL_PER_SECOND, Profile, Resources},
    traits::{CPU_1_ID, Pricing, ProfileId},
};

use crate::{self as pallet_workers, Endpoint, WorkerRecordOf};

type Block = frame_system::mocking::MockBlock<Test>;

#[frame_support::runtime]
mod runtime {
    #[runtime::runtime]
    #[runtime::derive(
        RuntimeCall,
        RuntimeEvent,
        RuntimeError,
        RuntimeOrigin,
        RuntimeFreezeReason,
        RuntimeHoldReason,
        RuntimeSlashReason,
        RuntimeLockId,
        RuntimeTask,
        RuntimeViewFunction
    )]
    pub struct Test;

    #[runtime::pallet_index(0)]
    pub type System = frame_system;
    #[runtime::pallet_index(1)]
    pub type Balances = pallet_balances;
    #[runtime::pallet_index(2)]
    pub type Workers = pallet_workers;
}

#[derive_impl(frame_system::config_preludes::TestDefaultConfig)]
impl frame_system::Config for Test {
    type Block = Block;
    type AccountId = AccountId32;
    type Lookup = IdentityLookup<AccountId32>;
    type AccountData = pallet_balances::AccountData<u128>;
}

pub(crate) const EXISTENTIAL_DEPOSIT: u128 = 10;
pub(crate) const MIN_BOND: u128 = 1_000;
pub(crate) const BOND_PER_SUNS: u128 = 4_000;
pub(crate) const COOLDOWN: u64 = 20;
pub(crate) const LIABILITY: u64 = 30;
pub(crate) const LONGEST: u64 = 200;
pub(crate) const MISS_REST: u64 = 5;
pub(crate) const MAX_MISS_REST: u64 = 100;
/// A bond of one SUNS is good for a call in two blocks, and for five at once.
pub(crate) const CALL_BOND: u128 = 2 * BOND_PER_SUNS;
pub(crate) const FEELESS_WINDOW: u64 = 10;
pub(crate) const FUNDS: u128 = 1_000_000;
pub(crate) const ENVIRONMENT: EnvironmentId = EnvironmentId::repeat_byte(7);
pub(crate) const NEXT_ENVIRONMENT: EnvironmentId = EnvironmentId::repeat_byte(8);
pub(crate) const TREASURY: AccountId32 = AccountId32::new([200; 32]);
pub(crate) const GENESIS: H256 = H256::repeat_byte(3);
/// Capacity of [`SUNS_1`].
pub(crate) const SUNS: u64 = 1_000_000;
/// One SUNS.
pub(crate) const SUNS_1: Resources = CPU_1.contains;
/// A machine of one lane: an eighth of a SUNS.
pub(crate) const LANE: Resources = Resources {
    fuel_per_second: LANE_FUEL_PER_SECOND,
    memory: 1 << 30,
    ..CPU_1.contains
};

#[derive_impl(pallet_balances::config_preludes::TestDefaultConfig)]
impl pallet_balances::Config for Test {
    type Balance = u128;
    type AccountStore = System;
    type ExistentialDeposit = ConstU128<EXISTENTIAL_DEPOSIT>;
}

parameter_types! {
    pub const Treasury: AccountId32 = TREASURY;
    pub const SlashFraction: Perbill = Perbill::from_percent(10);
    pub const AdmissionLimit: Perbill = Perbill::from_percent(80);
    pub const FeelessBudget: Weight = Weight::from_parts(4_000_000_000, 0);
    pub static LongestBatch: u64 = LONGEST;
}

/// Here, a resumption follows the pause that has paid for it.
pub struct FollowUps;

impl Contains<RuntimeCall> for FollowUps {
    fn contains(call: &RuntimeCall) -> bool {
        matches!(
            call,
            RuntimeCall::Workers(pallet_workers::Call::resume { .. })
        )
    }
}

/// `Cpu/1` and two environments.
pub struct MockPricing;

impl Pricing for MockPricing {
    fn profile(id: ProfileId) -> Option<Profile> {
        (id == CPU_1_ID).then_some(CPU_1)
    }

    fn floor(_: ProfileId) -> u128 {
        1
    }

    fn spot(_: ProfileId) -> u128 {
        1
    }

    fn note_settled(_: ProfileId, _: u128, _: u128) {}

    fn accepts(environment: &EnvironmentId) -> bool {
        [ENVIRONMENT, NEXT_ENVIRONMENT].contains(environment)
    }

    #[cfg(feature = "runtime-benchmarks")]
    fn prepare(_: ProfileId, _: Profile, _: u128, _: EnvironmentId) {}
}

impl pallet_workers::Config for Test {
    type Currency = Balances;
    type RuntimeHoldReason = RuntimeHoldReason;
    type Pricing = MockPricing;
    type Proofs = ();
    type Treasury = Treasury;
    type MinBond = ConstU128<MIN_BOND>;
    type BondPerSuns = ConstU128<BOND_PER_SUNS>;
    type SlashFraction = SlashFraction;
    type Cooldown = ConstU64<COOLDOWN>;
    type LongestBatch = LongestBatch;
    type Liability = ConstU64<LIABILITY>;
    type MissRest = ConstU64<MISS_REST>;
    type MaxMissRest = ConstU64<MAX_MISS_REST>;
    type AdmissionLimit = AdmissionLimit;
    type Attestations = ();
    type Roster = ();
    type Delegations = ();
    type CallBond = ConstU128<CALL_BOND>;
    type FeelessWindow = ConstU64<FEELESS_WINDOW>;
    type FeelessBudget = FeelessBudget;
    type FollowUps = FollowUps;
    type WeightInfo = ();
}

/// The key of somebody, by name.
pub(crate) fn pair(name: &str) -> sr25519::Pair {
    sr25519::Pair::from_string(&format!("//{name}"), None).expect("a derivation path")
}

/// The account of somebody, by name.
pub(crate) fn account(name: &str) -> AccountId32 {
    AccountId32::new(pair(name).public().0)
}

/// The worker key's consent to `operator`.
pub(crate) fn proof(worker: &str, operator: &str) -> sr25519::Signature {
    proof_on(GENESIS, worker, operator)
}

/// The same on another chain.
pub(crate) fn proof_on(genesis: H256, worker: &str, operator: &str) -> sr25519::Signature {
    let (key, operator) = (pair(worker), account(operator));
    key.sign(&registration_payload(
        &genesis,
        operator.as_ref(),
        &key.public().0,
    ))
}

pub(crate) fn attributes() -> Attributes {
    Attributes {
        jurisdiction: *b"DE",
        region: BoundedVec::truncate_from(b"Bavaria".to_vec()),
        architecture: Architecture::X86_64,
        energy: EnergySource::Solar,
        carbon: 20,
        classes: BoundedVec::truncate_from(vec![TaskClass::General, TaskClass::Rendering]),
    }
}

pub(crate) fn endpoint() -> Endpoint {
    BoundedVec::truncate_from(vec![1; 64])
}

pub(crate) fn signed(name: &str) -> RuntimeOrigin {
    RuntimeOrigin::signed(account(name))
}

/// A registration that can be varied before it is sent.
pub(crate) struct Registration {
    pub(crate) operator: &'static str,
    pub(crate) worker: &'static str,
    pub(crate) attributes: Attributes,
    pub(crate) environment: EnvironmentId,
    pub(crate) profile: ProfileId,
    pub(crate) resources: Resources,
    pub(crate) bond: u128,
    pub(crate) proof: sr25519::Signature,
}

impl Registration {
    /// One SUNS with its least bond.
    pub(crate) fn new(operator: &'static str, worker: &'static str) -> Self {
        Self {
            operator,
            worker,
            attributes: attributes(),
            environment: ENVIRONMENT,
            profile: CPU_1_ID,
            resources: SUNS_1,
            bond: BOND_PER_SUNS,
            proof: proof(worker, operator),
        }
    }

    pub(crate) fn send(self) -> frame_support::dispatch::DispatchResult {
        Workers::register(
            signed(self.operator),
            account(self.worker),
            endpoint(),
            self.attributes,
            self.environment,
            self.profile,
            self.resources,
            self.bond,
            self.proof,
        )
    }
}

/// Registers a worker of one SUNS.
pub(crate) fn register(operator: &'static str, worker: &'static str) {
    Registration::new(operator, worker)
        .send()
        .expect("a sound registration");
}

/// A worker's record.
pub(crate) fn record(worker: &str) -> WorkerRecordOf<Test> {
    crate::Workers::<Test>::get(account(worker)).expect("registered")
}

/// Whether the market may give a worker a batch of this charge.
pub(crate) fn can_commit(worker: &AccountId32, charge: u64) -> bool {
    use sungrid_primitives::traits::Workers as _;
    Workers::view(worker).is_some_and(|view| view.available && charge <= view.free)
}

/// Held of an operator.
pub(crate) fn held(operator: &str) -> u128 {
    use frame_support::traits::fungible::InspectHold;
    Balances::balance_on_hold(&crate::HoldReason::Bond.into(), &account(operator))
}

/// Goes on to a block.
pub(crate) fn at(block: u64) {
    System::set_block_number(block);
}

pub(crate) fn new_test_ext() -> sp_io::TestExternalities {
    let genesis = RuntimeGenesisConfig {
        balances: pallet_balances::GenesisConfig {
            balances: ["olga", "oskar", "otto"]
                .map(|name| (account(name), FUNDS))
                .into_iter()
                .chain([(TREASURY, EXISTENTIAL_DEPOSIT)])
                .collect(),
            ..Default::default()
        },
        ..Default::default()
    };
    let mut ext: sp_io::TestExternalities = genesis.build_storage().expect("genesis builds").into();
    ext.register_extension(sp_keystore::KeystoreExt::new(
        sp_keystore::testing::MemoryKeystore::new(),
    ));
    ext.execute_with(|| {
        // Blocks from 1 on have events.
        System::set_block_number(1);
        frame_system::BlockHash::<Test>::insert(0, GENESIS);
    });
    ext
}

/// Runs a scenario; the invariants must hold when it is over, and no planck may appear or vanish.
pub(crate) fn scenario(test: impl FnOnce()) {
    new_test_ext().execute_with(|| {
        let issuance = Balances::total_issuance();
        test();
        assert_eq!(Balances::total_issuance(), issuance);
        Workers::do_try_state().expect("invariants hold");
    });
}
