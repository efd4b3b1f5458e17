//! A runtime with balances, the register of workers and this pallet, and the people in it.

// The runtime macros want everything that they name to be `pub`.
#![allow(unreachable_pub)]

use frame_support::{
    BoundedVec, derive_impl, parameter_types,
    traits::{ConstU64, ConstU128, Nothing},
    weights::Weight,
};
use frame_system::EnsureRoot;
use sp_core::{H256, Pair, sr25519};
use sp_runtime::{AccountId32, BuildStorage, Perbill, traits::IdentityLookup};
use sungrid_primitives::{
    attributes::{Architecture, Attributes, EnergySource, Statement, TaskClass, Tiers},
    environment::EnvironmentId,
    registration::registration_payload,
    suns::{CPU_1, Profile},
    traits::{CPU_1_ID, Pricing, ProfileId, Workers as _},
};

use crate as pallet_auditors;

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
    #[runtime::pallet_index(3)]
    pub type Auditors = pallet_auditors;
}

#[derive_impl(frame_system::config_preludes::TestDefaultConfig)]
impl frame_system::Config for Test {
    type Block = Block;
    type AccountId = AccountId32;
    type Lookup = IdentityLookup<AccountId32>;
    type AccountData = pallet_balances::AccountData<u128>;
}

pub(crate) const EXISTENTIAL_DEPOSIT: u128 = 10;
pub(crate) const AUDITOR_BOND: u128 = 5_001;
pub(crate) const PERIOD: u64 = 100;
pub(crate) const COOLDOWN: u64 = 20;
pub(crate) const LIABILITY: u64 = 10;
pub(crate) const FUNDS: u128 = 1_000_000;
pub(crate) const TREASURY: AccountId32 = AccountId32::new([200; 32]);
const ENVIRONMENT: EnvironmentId = EnvironmentId::repeat_byte(7);
const GENESIS: H256 = H256::repeat_byte(3);
const WORKER_BOND: u128 = 4_000;

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
    pub const FeelessBudget: Weight = Weight::from_parts(1_000_000_000, 0);
}

/// `Cpu/1` and one environment.
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
        *environment == ENVIRONMENT
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
    type MinBond = ConstU128<1_000>;
    type BondPerSuns = ConstU128<WORKER_BOND>;
    type SlashFraction = SlashFraction;
    type Cooldown = ConstU64<COOLDOWN>;
    type LongestBatch = ConstU64<100>;
    type Liability = ConstU64<LIABILITY>;
    type MissRest = ConstU64<5>;
    type MaxMissRest = ConstU64<100>;
    type AdmissionLimit = AdmissionLimit;
    type Attestations = Auditors;
    type Roster = ();
    type Delegations = ();
    type CallBond = ConstU128<1_000>;
    type FeelessWindow = ConstU64<10>;
    type FeelessBudget = FeelessBudget;
    type FollowUps = Nothing;
    type WeightInfo = ();
}

impl pallet_auditors::Config for Test {
    type AuditorOrigin = EnsureRoot<AccountId32>;
    type AuditorBond = ConstU128<AUDITOR_BOND>;
    type AttestationPeriod = ConstU64<PERIOD>;
    type WeightInfo = ();
}

fn pair(name: &str) -> sr25519::Pair {
    sr25519::Pair::from_string(&format!("//{name}"), None).expect("a derivation path")
}

/// The account of somebody, by name.
pub(crate) fn account(name: &str) -> AccountId32 {
    AccountId32::new(pair(name).public().0)
}

pub(crate) fn signed(name: &str) -> RuntimeOrigin {
    RuntimeOrigin::signed(account(name))
}

/// A worker key's consent to `operator`.
pub(crate) fn proof(worker: &str, operator: &str) -> sr25519::Signature {
    let key = pair(worker);
    let payload = registration_payload(&GENESIS, account(operator).as_ref(), &key.public().0);
    key.sign(&payload)
}

pub(crate) fn attributes() -> Attributes {
    Attributes {
        jurisdiction: *b"DE",
        region: BoundedVec::truncate_from(b"DE-BY".to_vec()),
        architecture: Architecture::X86_64,
        energy: EnergySource::Solar,
        carbon: 20,
        classes: BoundedVec::truncate_from(TaskClass::ALL.to_vec()),
    }
}

/// Everything that [`attributes`] says, one by one.
pub(crate) fn statements() -> [Statement; 5] {
    let declared = attributes();
    [
        Statement::Jurisdiction(declared.jurisdiction),
        Statement::Region(declared.region),
        Statement::Architecture(declared.architecture),
        Statement::Energy(declared.energy),
        Statement::Carbon(declared.carbon),
    ]
}

/// Registers a worker of Olga's.
pub(crate) fn register(worker: &str) {
    Workers::register(
        signed("olga"),
        account(worker),
        Default::default(),
        attributes(),
        ENVIRONMENT,
        CPU_1_ID,
        CPU_1.contains,
        WORKER_BOND,
        proof(worker, "olga"),
    )
    .expect("a sound registration");
}

/// Changes what is said of a worker.
pub(crate) fn declare(worker: &str, change: impl FnOnce(&mut Attributes)) {
    let mut declared = attributes();
    change(&mut declared);
    Workers::update(
        signed(worker),
        account(worker),
        Default::default(),
        declared,
    )
    .expect("sound attributes");
}

/// An auditor that may attest.
pub(crate) fn auditor(name: &str) {
    Auditors::admit(RuntimeOrigin::root(), account(name)).expect("not admitted yet");
    Auditors::bond(signed(name)).expect("funds for the bond");
}

/// The auditor attests all of a worker.
pub(crate) fn attest(auditor: &str, worker: &str) {
    for statement in statements() {
        Auditors::attest(signed(auditor), account(worker), statement).expect("declared");
    }
}

/// What the market sees.
pub(crate) fn tiers(worker: &str) -> Tiers {
    let tiers = Workers::tiers(&account(worker));
    assert_eq!(tiers, Auditors::tiers_of(account(worker)));
    tiers
}

pub(crate) fn held(name: &str) -> u128 {
    use frame_support::traits::fungible::InspectHold;
    Balances::balance_on_hold(&crate::HoldReason::AuditorBond.into(), &account(name))
}

pub(crate) fn at(block: u64) {
    System::set_block_number(block);
}

pub(crate) fn new_test_ext() -> sp_io::TestExternalities {
    let genesis = RuntimeGenesisConfig {
        balances: pallet_balances::GenesisConfig {
            balances: ["olga", "anna", "arno"]
                .map(|name| (account(name), FUNDS))
                .into_iter()
                .chain([(TREASURY, EXISTENTIAL_DEPOSIT)])
                .collect(),
            ..Default::default()
        },
        ..Default::default()
    };
    let mut ext: sp_io::TestExternalities = genesis.build_storage().expect("genesis builds").into();
    ext.execute_with(|| {
        // Blocks from 1 on have events.
        System::set_block_number(1);
        frame_system::BlockHash::<Test>::insert(0, GENESIS);
    });
    ext
}

/// Runs a scenario; the invariants must hold when it is over, and no planck may appear or vanish.
pub(crate) fn scenario(test: impl FnOnce()) {
    use frame_support::traits::TryState;
    new_test_ext().execute_with(|| {
        let issuance = Balances::total_issuance();
        test();
        assert_eq!(Balances::total_issuance(), issuance);
        Auditors::do_try_state().expect("invariants hold");
        let all = frame_support::traits::TryStateSelect::All;
        <Workers as TryState<u64>>::try_state(System::block_number(), all)
            .expect("invariants of workers hold");
    });
}
