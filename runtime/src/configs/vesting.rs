//! `pallet_vesting`: founders' and promotion tokens that free themselves block by block.

use frame_support::{
    parameter_types,
    traits::{ConstU128, WithdrawReasons},
};
use sp_runtime::traits::ConvertInto;

use crate::{Balances, Runtime, RuntimeEvent, System, constants::currency::ISC};

parameter_types! {
    /// Unvested tokens can be neither transferred nor reserved.
    pub UnvestedFundsAllowedWithdrawReasons: WithdrawReasons =
        WithdrawReasons::except(WithdrawReasons::TRANSFER | WithdrawReasons::RESERVE);
}

impl pallet_vesting::Config for Runtime {
    type BlockNumberProvider = System;
    type BlockNumberToBalance = ConvertInto;
    type Currency = Balances;
    type MinVestedTransfer = ConstU128<{ 10 * ISC }>;
    type RuntimeEvent = RuntimeEvent;
    type UnvestedFundsAllowedWithdrawReasons = UnvestedFundsAllowedWithdrawReasons;
    type WeightInfo = pallet_vesting::weights::SubstrateWeight<Runtime>;

    const MAX_VESTING_SCHEDULES: u32 = 28;
}
