//! `pallet_multisig`: accounts of several signers.

use frame_support::traits::{ConstU32, ConstU128};

use crate::{Balances, Runtime, RuntimeCall, RuntimeEvent, System, constants::currency::deposit};

impl pallet_multisig::Config for Runtime {
    type BlockNumberProvider = System;
    type Currency = Balances;
    // An entry under the multisig account and the call's hash.
    type DepositBase = ConstU128<{ deposit(1, 88) }>;
    type DepositFactor = ConstU128<{ deposit(0, 32) }>;
    type MaxSignatories = ConstU32<100>;
    type RuntimeCall = RuntimeCall;
    type RuntimeEvent = RuntimeEvent;
    type WeightInfo = pallet_multisig::weights::SubstrateWeight<Runtime>;
}
