//! `pallet_session` and its history: validators' keys, rotated with BABE's epochs.

use frame_support::traits::ConstU128;
use pallet_session::{disabling::UpToLimitWithReEnablingDisablingStrategy, historical};
use pallet_validators::UnitIdentification;
use sp_runtime::traits::{ConvertInto, OpaqueKeys};

use crate::{
    AccountId, Babe, Balances, Runtime, RuntimeEvent, SessionKeys, Validators,
    constants::currency::deposit,
};

impl pallet_session::Config for Runtime {
    type Currency = Balances;
    type DisablingStrategy = UpToLimitWithReEnablingDisablingStrategy;
    // Two public keys and their owners.
    type KeyDeposit = ConstU128<{ deposit(3, 192) }>;
    type Keys = SessionKeys;
    type NextSessionRotation = Babe;
    type RuntimeEvent = RuntimeEvent;
    type SessionHandler = <SessionKeys as OpaqueKeys>::KeyTypeIdProviders;
    type SessionManager = historical::NoteHistoricalRoot<Self, Validators>;
    type ShouldEndSession = Babe;
    type ValidatorId = AccountId;
    type ValidatorIdOf = ConvertInto;
    type WeightInfo = pallet_session::weights::SubstrateWeight<Runtime>;
}

impl historical::Config for Runtime {
    type FullIdentification = ();
    type FullIdentificationOf = UnitIdentification;
    type RuntimeEvent = RuntimeEvent;
}
