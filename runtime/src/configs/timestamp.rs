//! `pallet_timestamp`: the clock that BABE's slots follow.

use frame_support::traits::ConstU64;

use crate::{Babe, Runtime, constants::time::SLOT_DURATION};

impl pallet_timestamp::Config for Runtime {
    type MinimumPeriod = ConstU64<{ SLOT_DURATION / 2 }>;
    type Moment = u64;
    type OnTimestampSet = Babe;
    type WeightInfo = pallet_timestamp::weights::SubstrateWeight<Runtime>;
}
