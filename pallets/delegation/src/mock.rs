//! A runtime with balances, workers, rewards and this pallet, and the people in it.

// The runtime macros want everything that they name to be `pub`.
#![allow(unreachable_pub)]

use frame_support::{
    PalletId, derive_impl, parameter_types,
    traits::{ConstU32, ConstU64, ConstU128, Hooks, Nothing},
    weights::Weight,
};
use frame_system::EnsureRoot;
use sp_core::{H256, Pair, sr25519};
use sp_runtime::{AccountId32, BuildStorage, Perbill, Permill, traits::IdentityLookup};
use sungrid_primitives::{
    attributes::{Architecture, Attributes, EnergySource, TaskClass},
    environment::EnvironmentId,
    registration::registration_payload,
    suns::{CPU_1, Profile},
    traits::{CPU_1_ID, Income, Payment, Pricing, ProfileId, Workers as _},
};

use crate::{self as pallet_delegation, DelegationOf, PoolId, PoolRecordOf, PositionOf};

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
    pub type Rewards = pallet_rewards;
    #[runtime::pallet_index(4)]
    pub type Delegation = pallet_delegation;
}

#[derive_impl(frame_system::config_preludes::TestDefaultConfig)]
impl frame_system::Config for Test {
    type Block = Block;
    type AccountId = AccountId32;
    type Lookup = IdentityLookup<AccountId32>;
    type AccountData = pallet_balances::AccountData<u128>;
}

pub(crate) const EXISTENTIAL_DEPOSIT: u128 = 10;
pub(crate) const COOLDOWN: u64 = 20;
/// Of whoever is slashed.
pub(crate) const MAX_MISS_REST: u64 = 100;
pub(crate) const LIABILITY: u64 = 10;
pub(crate) const NOTICE: u64 = 40;
pub(crate) const LONGEST: u64 = 100;
pub(crate) const LEAST: u128 = 1_000;
pub(crate) const ROUND: u64 = 5;
pub(crate) const FUNDS: u128 = 10_000_000;
/// The operator's own part, of one SUNS.
pub(crate) const OWN: u128 = 100_000;
pub(crate) const TREASURY: AccountId32 = AccountId32::new([200; 32]);
const PAYER: AccountId32 = AccountId32::new([201; 32]);
const ENVIRONMENT: EnvironmentId = EnvironmentId::repeat_byte(7);
const GENESIS: H256 = H256::repeat_byte(3);

#[derive_impl(pallet_balances::config_preludes::TestDefaultConfig)]
impl pallet_balances::Config for Test {
    type Balance = u128;
    type AccountStore = System;
    type ExistentialDeposit = ConstU128<EXISTENTIAL_DEPOSIT>;
}

parameter_types! {
    pub const Treasury: AccountId32 = TREASURY;
    pub static SlashFraction: Perbill = Perbill::from_percent(10);
    pub const AdmissionLimit: Perbill = Perbill::from_percent(80);
    pub const FeelessBudget: Weight = Weight::from_parts(1_000_000_000, 0);
    pub const RewardsId: PalletId = PalletId(*b"sg/rewrd");
    pub const ReserveId: PalletId = PalletId(*b"sg/nodes");
    pub const PoolsId: PalletId = PalletId(*b"sg/pools");
    pub const EmissionRate: Permill = Permill::from_percent(8);
    pub static FeelessWindow: u64 = COOLDOWN;
    pub static CommissionNotice: u64 = NOTICE;
    pub static MinDelegation: u128 = LEAST;
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
    type BondPerSuns = ConstU128<OWN>;
    type SlashFraction = SlashFraction;
    type Cooldown = ConstU64<COOLDOWN>;
    type LongestBatch = ConstU64<LONGEST>;
    type Liability = ConstU64<LIABILITY>;
    type MissRest = ConstU64<5>;
    type MaxMissRest = ConstU64<MAX_MISS_REST>;
    type AdmissionLimit = AdmissionLimit;
    type Attestations = ();
    type Roster = ();
    type Delegations = Delegation;
    type CallBond = ConstU128<{ OWN / 5 }>;
    type FeelessWindow = FeelessWindow;
    type FeelessBudget = FeelessBudget;
    type FollowUps = Nothing;
    type WeightInfo = ();
}

impl pallet_rewards::Config for Test {
    type Currency = Balances;
    type PalletId = RewardsId;
    type Treasury = Treasury;
    type RoundBlocks = ConstU64<ROUND>;
    // What is paid for work is all that there is to share.
    type EmissionCap = ConstU128<0>;
    type EmissionRate = EmissionRate;
    type ReserveId = ReserveId;
    type ReservePerRound = ConstU128<0>;
    type ReserveRounds = ConstU32<0>;
    type NodeRewardCap = ConstU128<0>;
    type Delegations = Delegation;
    type CreditWindow = ConstU32<10>;
    type GovernanceOrigin = EnsureRoot<AccountId32>;
    type WeightInfo = ();
}

impl pallet_delegation::Config for Test {
    type Earnings = Rewards;
    type PalletId = PoolsId;
    type MinDelegation = MinDelegation;
    type CommissionNotice = CommissionNotice;
    type WeightInfo = ();
}

fn bytes(name: &str) -> [u8; 32] {
    let mut bytes = [0; 32];
    bytes[..name.len()].copy_from_slice(name.as_bytes());
    bytes
}

fn pair(worker: &str) -> sr25519::Pair {
    sr25519::Pair::from_seed(&bytes(worker))
}

/// The account of somebody, by name: of a worker, whose name begins with `w`, one with a key.
pub(crate) fn account(name: &str) -> AccountId32 {
    AccountId32::new(if name.starts_with('w') {
        pair(name).public().0
    } else {
        bytes(name)
    })
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

/// Registers a worker of Olga's, of one SUNS.
pub(crate) fn register(worker: &str) {
    let attributes = Attributes {
        jurisdiction: *b"DE",
        region: Default::default(),
        architecture: Architecture::X86_64,
        energy: EnergySource::Solar,
        carbon: 20,
        classes: TaskClass::ALL.to_vec().try_into().expect("all fit"),
    };
    Workers::register(
        signed("olga"),
        account(worker),
        Default::default(),
        attributes,
        ENVIRONMENT,
        CPU_1_ID,
        CPU_1.contains,
        OWN,
        proof(worker, "olga"),
    )
    .expect("a sound registration");
}

/// Registers a worker of Olga's and opens pool `id` for it.
pub(crate) fn open(id: PoolId, worker: &str, commission: Perbill) {
    register(worker);
    assert_eq!(crate::NextPool::<Test>::get(), id);
    Delegation::open(signed("olga"), account(worker), commission).expect("no pool yet");
}

/// Somebody delegates to pool 0.
pub(crate) fn delegate(who: &str, amount: u128) {
    Delegation::delegate(signed(who), 0, amount).expect("a sound delegation");
}

/// Somebody takes all of his delegation to pool 0 out.
pub(crate) fn undelegate(who: &str) {
    Delegation::undelegate(signed(who), 0, u128::MAX).expect("there is something");
}

pub(crate) fn pool() -> PoolRecordOf<Test> {
    crate::Pools::<Test>::get(0).expect("open")
}

pub(crate) fn delegation(who: &str) -> DelegationOf<Test> {
    crate::Delegations::<Test>::get(0, account(who)).expect("there is one")
}

pub(crate) fn position(who: &str) -> PositionOf<Test> {
    Delegation::position(0, account(who)).expect("there is one")
}

pub(crate) fn record(worker: &str) -> pallet_workers::WorkerRecordOf<Test> {
    pallet_workers::Workers::<Test>::get(account(worker)).expect("registered")
}

/// Whether the market would give the worker anything.
pub(crate) fn available(worker: &str) -> bool {
    Workers::view(&account(worker)).is_some_and(|view| view.available)
}

pub(crate) fn free(name: &str) -> u128 {
    Balances::free_balance(account(name))
}

/// What the pool's account has above its deposit.
pub(crate) fn in_pool() -> u128 {
    Balances::free_balance(Delegation::account_of(0)) - EXISTENTIAL_DEPOSIT
}

/// What an operator could claim.
pub(crate) fn claimable(name: &str) -> u128 {
    Rewards::pending(account(name))
}

/// Pays for verified work as the market does.
pub(crate) fn pay(worker: &str, amount: u128) {
    use frame_support::traits::{fungible::Mutate, tokens::Preservation};
    let pot = <Rewards as Income<_>>::pot();
    Balances::transfer(&PAYER, &pot, amount, Preservation::Expendable).expect("the payer is rich");
    <Rewards as Income<_>>::paid(Payment {
        worker: account(worker),
        operator: record(worker).operator,
        developer: None,
        amount,
        charge: 1,
        units: 1,
    });
}

/// Goes on to a block.
pub(crate) fn at(block: u64) {
    while System::block_number() < block {
        let now = System::block_number() + 1;
        System::set_block_number(now);
        Rewards::on_initialize(now);
    }
}

/// Lets blocks pass.
pub(crate) fn pass(blocks: u64) {
    at(System::block_number() + blocks);
}

/// Goes on until the round has ended.
pub(crate) fn next_round() {
    at(pallet_rewards::Current::<Test>::get().ends);
}

pub(crate) fn new_test_ext() -> sp_io::TestExternalities {
    let genesis = RuntimeGenesisConfig {
        balances: pallet_balances::GenesisConfig {
            balances: ["olga", "otto", "dora", "dirk", "eve"]
                .map(|name| (account(name), FUNDS))
                .into_iter()
                .chain([(TREASURY, EXISTENTIAL_DEPOSIT), (PAYER, 1 << 100)])
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

/// Checks the invariants of all pallets.
pub(crate) fn check() {
    use frame_support::traits::{TryState, TryStateSelect::All};
    Delegation::do_try_state().expect("invariants hold");
    let now = System::block_number();
    <Workers as TryState<u64>>::try_state(now, All).expect("invariants of workers hold");
    <Rewards as TryState<u64>>::try_state(now, All).expect("invariants of rewards hold");
}

/// Runs a scenario; the invariants must hold when it is over, and no planck may appear or vanish.
pub(crate) fn scenario(test: impl FnOnce()) {
    new_test_ext().execute_with(|| {
        let issuance = Balances::total_issuance();
        test();
        assert_eq!(Balances::total_issuance(), issuance);
        check();
    });
}
