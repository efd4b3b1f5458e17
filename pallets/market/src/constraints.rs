//! Who may take which batch. The constraints themselves are in [`sungrid_primitives::constraints`], so that clients
//! decide as the chain does.

use sungrid_primitives::{
    constraints::{Unmet, Unsound},
    traits::WorkerView,
};

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
            Unmet::Tier => Self::TierTooLow,
            Unmet::AcceptedUnits => Self::TooFewAcceptedUnits,
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

impl<T: Config> Pallet<T> {
    /// Whether a worker may join those who ever got a batch: replicas have different operators and, if the job
    /// says so, different jurisdictions.
    pub(crate) fn may_join(
        job: &JobRecordOf<T>,
        view: &WorkerView<T::AccountId>,
        record: &BatchRecordOf<T>,
    ) -> bool {
        record.assignments.iter().all(|other| {
            other.operator != view.operator
                && !(job.spec.constraints.distinct_jurisdictions
                    && other.jurisdiction == view.attributes.jurisdiction)
        })
    }
}
