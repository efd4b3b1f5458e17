//! Weights of our pallets, measured on this runtime by `scripts/weights`.

pub mod frame_system_extensions;
pub mod pallet_auditors;
pub mod pallet_canaries;
pub mod pallet_capacity;
pub mod pallet_delegation;
pub mod pallet_images;
pub mod pallet_liveness;
pub mod pallet_market;
pub mod pallet_rewards;
pub mod pallet_suns;
pub mod pallet_validators;
pub mod pallet_verification;
pub mod pallet_workers;
