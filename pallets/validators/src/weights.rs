//! Weights of the calls: database operations counted, plus an allowance for decoding the lists.

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
    /// Weight of `bond`.
    fn bond() -> Weight;
    /// Weight of `stand`.
    fn stand() -> Weight;
    /// Weight of `leave`.
    fn leave() -> Weight;
    /// Weight of `withdraw`.
    fn withdraw() -> Weight;
    /// Weight of `set_seats`.
    fn set_seats() -> Weight;
}

/// Weights in terms of the runtime's database weights.
pub struct SubstrateWeight<T>(PhantomData<T>);

impl<T: frame_system::Config + crate::Config> SubstrateWeight<T> {
    fn of(nanoseconds: u64, reads: u64, writes: u64) -> Weight {
        Weight::from_parts(nanoseconds * 1_000, 8_000).saturating_add(
            <T as frame_system::Config>::DbWeight::get().reads_writes(reads, writes),
        )
    }
}

impl<T: frame_system::Config + crate::Config> WeightInfo for SubstrateWeight<T> {
    // Reads keys, bond and both lists; writes the lists.
    fn add_authority() -> Weight {
        Self::of(20_000, 4, 2)
    }

    // Reads the list and the bar of each authority; writes the list.
    fn remove_authority() -> Weight {
        Self::of(15_000, 1 + u64::from(T::MaxAuthorities::get()), 1)
    }

    // The bar and its counter.
    fn reinstate() -> Weight {
        Self::of(12_000, 2, 2)
    }

    // Bond, account and hold.
    fn bond() -> Weight {
        Self::of(45_000, 3, 3)
    }

    // Reads both lists, the bar, and keys, bond and credit of two accounts with the round; writes the list
    // and a bond.
    fn stand() -> Weight {
        Self::of(40_000, 11, 2)
    }

    // Reads the session, the bond and both lists; writes bond and list.
    fn leave() -> Weight {
        Self::of(25_000, 4, 2)
    }

    // Session, bond, account and hold.
    fn withdraw() -> Weight {
        Self::of(45_000, 4, 3)
    }

    fn set_seats() -> Weight {
        Self::of(10_000, 0, 1)
    }
}

impl WeightInfo for () {
    fn add_authority() -> Weight {
        Weight::from_parts(20_000_000, 0)
    }

    fn remove_authority() -> Weight {
        Weight::from_parts(15_000_000, 0)
    }

    fn reinstate() -> Weight {
        Weight::from_parts(12_000_000, 0)
    }

    fn bond() -> Weight {
        Weight::from_parts(45_000_000, 0)
    }

    fn stand() -> Weight {
        Weight::from_parts(40_000_000, 0)
    }

    fn leave() -> Weight {
        Weight::from_parts(25_000_000, 0)
    }

    fn withdraw() -> Weight {
        Weight::from_parts(45_000_000, 0)
    }

    fn set_seats() -> Weight {
        Weight::from_parts(10_000_000, 0)
    }
}
