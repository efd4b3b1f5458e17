//! `pallet_delegation`: what others stake on workers.

use crate::{
    Rewards, Runtime,
    constants::{currency::ISC, time::DAYS},
};
use frame_support::{
    PalletId, parameter_types,
    traits::{ConstU32, ConstU128},
};

parameter_types! {
    /// Names the pools' accounts.
    pub const PoolsPalletId: PalletId = PalletId(*b"sun/pool");
}

impl pallet_delegation::Config for Runtime {
    // A test network's value, long beside the cool-down of ten minutes.
    type CommissionNotice = ConstU32<DAYS>;
    type Earnings = Rewards;
    // An account's and a delegation's records are some 300 bytes: a tenth of that as a deposit.
    type MinDelegation = ConstU128<ISC>;
    type PalletId = PoolsPalletId;
    type WeightInfo = crate::weights::pallet_delegation::WeightInfo<Runtime>;
}
