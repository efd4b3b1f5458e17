//! Weights of the calls: database operations counted, plus an allowance for decoding the list of authorities.

use core::marker::PhantomData;

use frame_support::{traits::Get, weights::Weight};

/// What each call weighs.
pub trait WeightInfo {
    /// Weight of `add_authority`.
    fn add_authority() -> Weight;
    /// Weight of `remove_authority`.
    fn remove_authority() -> Weight;
    /// Weight of `reinstate`.
    fn reinstate() -> Weight;
}

/// Weights in terms of the runtime's database weights.
pub struct SubstrateWeight<T>(PhantomData<T>);

impl<T: frame_system::Config + crate::Config> WeightInfo for SubstrateWeight<T> {
    fn add_authority() -> Weight {
        // Reads keys and the list; writes the list.
        Weight::from_parts(15_000_000, 4_000)
            .saturating_add(<T as frame_system::Config>::DbWeight::get().reads_writes(2, 1))
    }

    fn remove_authority() -> Weight {
        // Reads the list and the bar of each authority; writes the list, the bar and its counter.
        let authorities = u64::from(<T as crate::Config>::MaxAuthorities::get());
        Weight::from_parts(15_000_000, 4_000).saturating_add(
            <T as frame_system::Config>::DbWeight::get().reads_writes(2 + authorities, 3),
        )
    }

    fn reinstate() -> Weight {
        Weight::from_parts(12_000_000, 4_000)
            .saturating_add(<T as frame_system::Config>::DbWeight::get().reads_writes(2, 2))
    }
}

impl WeightInfo for () {
    fn add_authority() -> Weight {
        Weight::from_parts(15_000_000, 0)
    }

    fn remove_authority() -> Weight {
        Weight::from_parts(15_000_000, 0)
    }

    fn reinstate() -> Weight {
        Weight::from_parts(12_000_000, 0)
    }
}
