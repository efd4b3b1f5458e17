//! A runtime with balances, authorship and this pallet.

use frame_support::{
    PalletId, derive_impl, parameter_types,
    traits::{ConstU32, ConstU64, ConstU128, FindAuthor, Hooks},
};
use frame_system::EnsureRoot;
use sp_runtime::{BuildStorage, ConsensusEngineId, Permill};
use sungrid_primitives::traits::{Income, Payment};

use crate as pallet_rewards;

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
    pub type Authorship = pallet_authorship;
    #[runtime::pallet_index(3)]
    pub type Rewards = pallet_rewards;
}

#[derive_impl(frame_system::config_preludes::TestDefaultConfig)]
impl frame_system::Config for Test {
    type Block = Block;
    type AccountData = pallet_balances::AccountData<u128>;
}

pub(crate) const EXISTENTIAL_DEPOSIT: u128 = 10;
pub(crate) const ROUND: u64 = 5;
pub(crate) const EMISSION_CAP: u128 = 1_000_000;
pub(crate) const TREASURY: u64 = 200;
/// Most that the node reserve gives per round, and rounds in which it gives.
pub(crate) const RESERVE_PER_ROUND: u128 = 10_000_000;
pub(crate) const RESERVE_ROUNDS: u32 = 100;
/// Most that a live worker gets per round.
pub(crate) const NODE_REWARD_CAP: u128 = 700_000;
pub(crate) const CREDIT_WINDOW: u32 = 10;
/// Pays for jobs and fees.
pub(crate) const PAYER: u64 = 100;
pub(crate) const FUNDS: u128 = 1 << 100;

#[derive_impl(pallet_balances::config_preludes::TestDefaultConfig)]
impl pallet_balances::Config for Test {
    type Balance = u128;
    type AccountStore = System;
    type ExistentialDeposit = ConstU128<EXISTENTIAL_DEPOSIT>;
}

parameter_types! {
    pub const RewardsId: PalletId = PalletId(*b"sg/rewrd");
    pub const ReserveId: PalletId = PalletId(*b"sg/nodes");
    pub const Treasury: u64 = TREASURY;
    pub static EmissionRate: Permill = Permill::from_percent(8);
    /// Who makes the blocks.
    pub static Author: Option<u64> = None;
}

/// The author that a test names.
pub struct NamedAuthor;

impl FindAuthor<u64> for NamedAuthor {
    fn find_author<'a, I>(_: I) -> Option<u64>
    where
        I: 'a + IntoIterator<Item = (ConsensusEngineId, &'a [u8])>,
    {
        Author::get()
    }
}

impl pallet_authorship::Config for Test {
    type FindAuthor = NamedAuthor;
    type EventHandler = Rewards;
}

impl pallet_rewards::Config for Test {
    type Currency = Balances;
    type PalletId = RewardsId;
    type Treasury = Treasury;
    type RoundBlocks = ConstU64<ROUND>;
    type EmissionCap = ConstU128<EMISSION_CAP>;
    type EmissionRate = EmissionRate;
    type ReserveId = ReserveId;
    type ReservePerRound = ConstU128<RESERVE_PER_ROUND>;
    type ReserveRounds = ConstU32<RESERVE_ROUNDS>;
    type NodeRewardCap = ConstU128<NODE_REWARD_CAP>;
    type Delegations = ();
    type CreditWindow = ConstU32<CREDIT_WINDOW>;
    type GovernanceOrigin = EnsureRoot<u64>;
    type WeightInfo = ();
}

/// Begins the next block.
pub(crate) fn next_block(author: Option<u64>) {
    Author::set(author);
    Authorship::on_finalize(System::block_number());
    let now = System::block_number() + 1;
    System::set_block_number(now);
    Authorship::on_initialize(now);
    Rewards::on_initialize(now);
}

/// Goes on, without authors, until the round has ended.
pub(crate) fn next_round() {
    let round = crate::Current::<Test>::get().number;
    while crate::Current::<Test>::get().number == round {
        next_block(None);
    }
}

/// Pays for verified work of an operator's only worker as the market does.
pub(crate) fn pay(operator: u64, developer: Option<u64>, amount: u128, charge: u128) {
    pay_worker(operator + 1_000, operator, developer, amount, charge);
}

/// The same of any worker.
pub(crate) fn pay_worker(
    worker: u64,
    operator: u64,
    developer: Option<u64>,
    amount: u128,
    charge: u128,
) {
    use frame_support::traits::{fungible::Mutate, tokens::Preservation};
    let pot = <Rewards as Income<u64>>::pot();
    Balances::transfer(&PAYER, &pot, amount, Preservation::Expendable).expect("the payer is rich");
    let payment = Payment {
        worker,
        operator,
        developer,
        amount,
        charge,
        units: 4,
    };
    <Rewards as Income<u64>>::paid(payment);
}

/// Pays a transaction fee as the payment pallet does.
pub(crate) fn fee(amount: u128) {
    use frame_support::traits::{
        OnUnbalanced,
        fungible::Balanced,
        tokens::{Fortitude, Precision, Preservation},
    };
    let fee = Balances::withdraw(
        &PAYER,
        amount,
        Precision::Exact,
        Preservation::Expendable,
        Fortitude::Polite,
    )
    .expect("the payer is rich");
    Rewards::on_unbalanced(fee);
}

/// Gives the node reserve what it can give away.
pub(crate) fn fill_reserve(amount: u128) {
    use frame_support::traits::fungible::Mutate;
    Balances::mint_into(&Rewards::node_reserve(), amount + EXISTENTIAL_DEPOSIT)
        .expect("no overflow");
}

/// What the node reserve can still give away.
pub(crate) fn reserve() -> u128 {
    Balances::free_balance(Rewards::node_reserve()).saturating_sub(EXISTENTIAL_DEPOSIT)
}

pub(crate) fn genesis() -> RuntimeGenesisConfig {
    RuntimeGenesisConfig {
        balances: pallet_balances::GenesisConfig {
            balances: vec![(PAYER, FUNDS), (TREASURY, EXISTENTIAL_DEPOSIT)],
            ..Default::default()
        },
        ..Default::default()
    }
}

pub(crate) fn with_genesis(genesis: RuntimeGenesisConfig) -> sp_io::TestExternalities {
    let mut ext: sp_io::TestExternalities = genesis.build_storage().expect("genesis builds").into();
    // Blocks from 1 on have events.
    ext.execute_with(|| System::set_block_number(1));
    ext
}

pub(crate) fn new_test_ext() -> sp_io::TestExternalities {
    with_genesis(genesis())
}

/// Runs a scenario; the invariants must hold when it is over.
pub(crate) fn scenario(test: impl FnOnce()) {
    new_test_ext().execute_with(|| {
        test();
        Rewards::do_try_state().expect("invariants hold");
    });
}

/// Accounts that have earned something and not claimed it, whatever it is worth.
pub(crate) fn still_to_claim() -> usize {
    let has_any = |mut record: crate::AccountRecord| {
        let roles = crate::Role::ALL.map(|role| *record.of(role));
        roles.iter().any(|entry| entry.points + entry.pending > 0)
    };
    crate::Accounts::<Test>::iter_values()
        .filter(|record| has_any(*record))
        .count()
}
