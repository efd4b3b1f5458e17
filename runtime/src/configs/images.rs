//! `pallet_images`: what there is to run.

use frame_support::traits::ConstU128;

use crate::{Balances, Runtime, RuntimeHoldReason, constants::currency::deposit};

impl pallet_images::Config for Runtime {
    type Currency = Balances;
    // One record: digest, developer, class, usage.
    type Deposit = ConstU128<{ deposit(1, 128) }>;
    type RuntimeHoldReason = RuntimeHoldReason;
    type WeightInfo = ();
}
