//! A runtime with balances and this pallet.

use frame_support::{derive_impl, traits::ConstU128};
use sp_runtime::BuildStorage;
use sungrid_primitives::ContentHash;

use crate as pallet_images;

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
    pub type Images = pallet_images;
}

#[derive_impl(frame_system::config_preludes::TestDefaultConfig)]
impl frame_system::Config for Test {
    type Block = Block;
    type AccountData = pallet_balances::AccountData<u128>;
}

pub(crate) const EXISTENTIAL_DEPOSIT: u128 = 10;
pub(crate) const DEPOSIT: u128 = 500;

#[derive_impl(pallet_balances::config_preludes::TestDefaultConfig)]
impl pallet_balances::Config for Test {
    type Balance = u128;
    type AccountStore = System;
    type ExistentialDeposit = ConstU128<EXISTENTIAL_DEPOSIT>;
}

impl pallet_images::Config for Test {
    type Currency = Balances;
    type GovernanceOrigin = frame_system::EnsureRoot<u64>;
    type RuntimeHoldReason = RuntimeHoldReason;
    type Deposit = ConstU128<DEPOSIT>;
    type WeightInfo = ();
}

pub(crate) const ALICE: u64 = 1;
pub(crate) const BOB: u64 = 2;
/// Has too little for a deposit.
pub(crate) const POOR: u64 = 3;
pub(crate) const IMAGE: ContentHash = ContentHash::repeat_byte(1);
pub(crate) const OTHER: ContentHash = ContentHash::repeat_byte(2);

pub(crate) fn new_test_ext() -> sp_io::TestExternalities {
    let genesis = RuntimeGenesisConfig {
        balances: pallet_balances::GenesisConfig {
            balances: vec![(ALICE, 10_000), (BOB, 10_000), (POOR, DEPOSIT)],
            ..Default::default()
        },
        ..Default::default()
    };
    let mut ext: sp_io::TestExternalities = genesis.build_storage().expect("genesis builds").into();
    // Blocks from 1 on have events.
    ext.execute_with(|| System::set_block_number(1));
    ext
}

/// Runs a scenario; the invariants must hold when it is over, and no planck may be lost.
pub(crate) fn scenario(test: impl FnOnce()) {
    new_test_ext().execute_with(|| {
        let issuance = Balances::total_issuance();
        test();
        assert_eq!(Balances::total_issuance(), issuance);
        Images::do_try_state().expect("invariants hold");
    });
}
