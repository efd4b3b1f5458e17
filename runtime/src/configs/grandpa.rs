//! `pallet_grandpa`: who votes on finality, and proof against voters on both sides.

use frame_support::traits::{ConstU32, ConstU64, KeyOwnerProofSystem};
use sp_consensus_grandpa::AuthorityId;
use sp_core::crypto::KeyTypeId;

use super::{offences::ReportLongevity, validators::MaxAuthorities};
use crate::{Historical, Offences, Runtime, RuntimeEvent, constants::time::HISTORY_DEPTH};

impl pallet_grandpa::Config for Runtime {
    type EquivocationReportSystem =
        pallet_grandpa::EquivocationReportSystem<Self, Offences, Historical, ReportLongevity>;
    type KeyOwnerProof = <Historical as KeyOwnerProofSystem<(KeyTypeId, AuthorityId)>>::Proof;
    type MaxAuthorities = MaxAuthorities;
    // Nobody nominates on this chain.
    type MaxNominators = ConstU32<0>;
    type MaxSetIdSessionEntries = ConstU64<{ HISTORY_DEPTH as u64 }>;
    type RuntimeEvent = RuntimeEvent;
    type WeightInfo = ();
}
