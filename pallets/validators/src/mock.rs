//! A runtime with sessions, history and this pallet.

use std::collections::BTreeMap;

use frame_support::{
    derive_impl, parameter_types,
    traits::{ConstU32, ConstU64, ConstU128, tokens::imbalance::ResolveTo},
};
use frame_system::EnsureRoot;
use pallet_session::{SessionHandler, disabling::UpToLimitWithReEnablingDisablingStrategy};
use sp_core::crypto::{KeyTypeId, key_types::DUMMY};
use sp_runtime::{
    BuildStorage, Perbill,
    testing::UintAuthorityId,
    traits::{ConvertInto, OpaqueKeys},
};
use sp_staking::offence::{OffenceDetails, OnOffenceHandler};
use sungrid_primitives::traits::CreditHistory;

use crate::{Pallet, Seats, UnitIdentification};

pub(crate) const TREASURY: u64 = 99;
pub(crate) const MIN_BOND: u128 = 1_000;
pub(crate) const BALANCE: u128 = 10_000;
pub(crate) const HISTORY: u32 = 3;

frame_support::construct_runtime!(
    pub enum Test {
        System: frame_system,
        Balances: pallet_balances,
        Validators: crate,
        Session: pallet_session,
        Historical: pallet_session::historical,
    }
);

#[derive_impl(frame_system::config_preludes::TestDefaultConfig)]
impl frame_system::Config for Test {
    type AccountData = pallet_balances::AccountData<u128>;
    type Block = frame_system::mocking::MockBlock<Test>;
}

#[derive_impl(pallet_balances::config_preludes::TestDefaultConfig)]
impl pallet_balances::Config for Test {
    type AccountStore = System;
    type Balance = u128;
    type ExistentialDeposit = ConstU128<10>;
}

parameter_types! {
    pub static Announced: Vec<u64> = Vec::new();
    pub const TreasuryAccount: u64 = TREASURY;
    pub static Credits: BTreeMap<u64, u128> = BTreeMap::new();
    pub static FirstSeats: Seats = Seats { least: 2, most: 3 };
}

/// Credit as the tests say.
pub struct MockCredit;

impl CreditHistory<u64> for MockCredit {
    fn credit_average(operator: &u64) -> u128 {
        Credits::get().get(operator).copied().unwrap_or(0)
    }

    #[cfg(feature = "runtime-benchmarks")]
    fn prepare(operator: &u64, average: u128) {
        credit(*operator, average);
    }
}

/// Says what the verified work of `who` was worth.
pub(crate) fn credit(who: u64, average: u128) {
    Credits::mutate(|credits| credits.insert(who, average));
}

/// Keeps the validators that it is told of.
pub struct Handler;

impl SessionHandler<u64> for Handler {
    const KEY_TYPE_IDS: &'static [KeyTypeId] = &[DUMMY];

    fn on_genesis_session<Ks: OpaqueKeys>(validators: &[(u64, Ks)]) {
        Announced::set(validators.iter().map(|(who, _)| *who).collect());
    }

    fn on_new_session<Ks: OpaqueKeys>(_: bool, validators: &[(u64, Ks)], _: &[(u64, Ks)]) {
        Announced::set(validators.iter().map(|(who, _)| *who).collect());
    }

    fn on_disabled(_: u32) {}
}

impl pallet_session::Config for Test {
    type Currency = Balances;
    type DisablingStrategy = UpToLimitWithReEnablingDisablingStrategy;
    type KeyDeposit = ConstU128<0>;
    type Keys = UintAuthorityId;
    type NextSessionRotation = pallet_session::PeriodicSessions<ConstU64<1_000>, ConstU64<0>>;
    type RuntimeEvent = RuntimeEvent;
    type SessionHandler = Handler;
    type SessionManager = pallet_session::historical::NoteHistoricalRoot<Test, Validators>;
    type ShouldEndSession = pallet_session::PeriodicSessions<ConstU64<1_000>, ConstU64<0>>;
    type ValidatorId = u64;
    type ValidatorIdOf = ConvertInto;
    type WeightInfo = ();
}

impl pallet_session::historical::Config for Test {
    type FullIdentification = ();
    type FullIdentificationOf = UnitIdentification;
    type RuntimeEvent = RuntimeEvent;
}

impl crate::Config for Test {
    type CreditHistory = MockCredit;
    type Currency = Balances;
    type FineDestination = ResolveTo<TreasuryAccount, Balances>;
    type GovernanceOrigin = EnsureRoot<u64>;
    type HistoryDepth = ConstU32<HISTORY>;
    type InitialSeats = FirstSeats;
    type MaxAuthorities = ConstU32<6>;
    type MaxCandidates = ConstU32<6>;
    type MinBond = ConstU128<MIN_BOND>;
    type RuntimeHoldReason = RuntimeHoldReason;
    type WeightInfo = ();
}

/// A chain at its first block, whose genesis validators are `authorities`.
pub(crate) fn new_test_ext(authorities: &[u64]) -> sp_io::TestExternalities {
    let mut storage = frame_system::GenesisConfig::<Test>::default()
        .build_storage()
        .expect("the default genesis is valid");
    pallet_balances::GenesisConfig::<Test> {
        balances: (1..=30)
            .chain([TREASURY])
            .map(|who| (who, BALANCE))
            .collect(),
        ..Default::default()
    }
    .assimilate_storage(&mut storage)
    .expect("balances are valid");
    pallet_session::GenesisConfig::<Test> {
        keys: authorities
            .iter()
            .map(|who| (*who, *who, UintAuthorityId(*who)))
            .collect(),
        ..Default::default()
    }
    .assimilate_storage(&mut storage)
    .expect("session keys are valid");
    let mut externalities = sp_io::TestExternalities::from(storage);
    externalities.execute_with(|| System::set_block_number(1));
    externalities
}

/// Starts such a chain; runs `test`; checks the invariants.
pub(crate) fn with_authorities(authorities: &[u64], test: impl FnOnce()) {
    new_test_ext(authorities).execute_with(|| {
        test();
        Pallet::<Test>::do_try_state().expect("invariants hold");
    });
}

/// Ends this session and the next, so that what was decided before is in force.
pub(crate) fn two_sessions() {
    Session::rotate_session();
    Session::rotate_session();
}

/// Gives `who` session keys.
pub(crate) fn set_keys(who: u64, key: u64) {
    Session::set_keys(RuntimeOrigin::signed(who), UintAuthorityId(key), Vec::new())
        .expect("the account can take keys");
}

/// Gives `who` keys and bonds `amount` of it.
pub(crate) fn bond(who: u64, amount: u128) {
    set_keys(who, who);
    Validators::bond(RuntimeOrigin::signed(who), amount).expect("the account is rich");
}

/// Makes `who` a candidate with the minimum bond and this credit.
pub(crate) fn candidate(who: u64, average: u128) {
    bond(who, MIN_BOND);
    credit(who, average);
    Validators::stand(RuntimeOrigin::signed(who), None).expect("the list has room");
}

/// What is held of `who` as a validator.
pub(crate) fn held(who: u64) -> u128 {
    use frame_support::traits::fungible::InspectHold;
    Balances::balance_on_hold(&crate::HoldReason::ValidatorBond.into(), &who)
}

/// Proves an equivocation of `who` worth `percent`.
pub(crate) fn offend(who: u64, percent: u32) {
    <Validators as OnOffenceHandler<_, _, _>>::on_offence(
        &[OffenceDetails {
            offender: (who, ()),
            reporters: Vec::new(),
        }],
        &[Perbill::from_percent(percent)],
        Session::current_index(),
    );
}
