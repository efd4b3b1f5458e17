//! Weights of the calls.
//!
//! Those of `()` are estimates by hand, for mocks; a runtime's are measured on it by `scripts/weights`.

use frame_support::weights::Weight;

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
