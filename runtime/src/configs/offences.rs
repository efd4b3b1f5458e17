//! `pallet_offences`: proven equivocations, handed to the validators pallet.

use frame_support::traits::ConstU64;
use pallet_session::historical::IdentificationTuple;

use crate::{
    Runtime, RuntimeEvent, Validators,
    constants::time::{EPOCH_DURATION_IN_SLOTS, HISTORY_DEPTH},
};

/// Blocks for which a report stays in the pool: as long as the history that proves it.
pub type ReportLongevity = ConstU64<{ HISTORY_DEPTH as u64 * EPOCH_DURATION_IN_SLOTS }>;

impl pallet_offences::Config for Runtime {
    type IdentificationTuple = IdentificationTuple<Self>;
    type OnOffenceHandler = Validators;
    type RuntimeEvent = RuntimeEvent;
}
