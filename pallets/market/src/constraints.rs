//! Errors of the constraints, which are in [`sungrid_primitives::constraints`], so that clients decide as the chain does.

use sungrid_primitives::constraints::{Unmet, Unsound};

use crate::*;

impl<T> From<Unmet> for Error<T> {
    fn from(unmet: Unmet) -> Self {
        match unmet {
            Unmet::Class => Self::ClassNotServed,
            Unmet::Jurisdiction => Self::OutsideJurisdictions,
            Unmet::Region => Self::OutsideRegions,
            Unmet::Architecture => Self::WrongArchitecture,
            Unmet::Energy => Self::WrongEnergySource,
            Unmet::Carbon => Self::TooMuchCarbon,
            Unmet::Tier(_) => Self::TierTooLow,
            Unmet::Streak => Self::StreakTooShort,
        }
    }
}

impl<T> From<Unsound> for Error<T> {
    fn from(unsound: Unsound) -> Self {
        match unsound {
            Unsound::Jurisdiction => Self::BadJurisdiction,
            Unsound::TooFewJurisdictions => Self::TooFewJurisdictions,
        }
    }
}
