//! Weights of `pallet_capacity`: placeholders until measured.

use core::marker::PhantomData;

use frame_support::weights::Weight;

/// Weights of `pallet_capacity`.
pub struct WeightInfo<T>(PhantomData<T>);

impl<T: frame_system::Config> pallet_capacity::WeightInfo for WeightInfo<T> {
    fn on_initialize() -> Weight {
        <() as pallet_capacity::WeightInfo>::on_initialize()
    }
    fn start() -> Weight {
        <() as pallet_capacity::WeightInfo>::start()
    }
    fn commit() -> Weight {
        <() as pallet_capacity::WeightInfo>::commit()
    }
    fn open(depth: u32) -> Weight {
        <() as pallet_capacity::WeightInfo>::open(depth)
    }
    fn settle() -> Weight {
        <() as pallet_capacity::WeightInfo>::settle()
    }
    fn set_allowance() -> Weight {
        <() as pallet_capacity::WeightInfo>::set_allowance()
    }
}
