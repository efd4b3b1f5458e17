//! `pallet_babe`: who authors the block of a slot, and proof against authors of two.

use frame_support::traits::{ConstU32, ConstU64, KeyOwnerProofSystem};
use sp_consensus_babe::AuthorityId;
use sp_core::crypto::KeyTypeId;

use super::{offences::ReportLongevity, validators::MaxAuthorities};
use crate::{
    Historical, Offences, Runtime, Session,
    constants::time::{EPOCH_DURATION_IN_SLOTS, MILLISECS_PER_BLOCK},
};

impl pallet_babe::Config for Runtime {
    type DisabledValidators = Session;
    type EpochChangeTrigger = pallet_babe::ExternalTrigger;
    type EpochDuration = ConstU64<EPOCH_DURATION_IN_SLOTS>;
    type EquivocationReportSystem =
        pallet_babe::EquivocationReportSystem<Self, Offences, Historical, ReportLongevity>;
    type ExpectedBlockTime = ConstU64<MILLISECS_PER_BLOCK>;
    type KeyOwnerProof = <Historical as KeyOwnerProofSystem<(KeyTypeId, AuthorityId)>>::Proof;
    type MaxAuthorities = MaxAuthorities;
    // Nobody nominates on this chain.
    type MaxNominators = ConstU32<0>;
    type WeightInfo = ();
}
