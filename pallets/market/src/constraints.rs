//! Who may take which batch. The constraints themselves are in [`sungrid_primitives::constraints`], so that clients
//! decide as the chain does.

use frame_support::ensure;
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
    /// Whether a worker may work on a job at all.
    pub(crate) fn check_constraints(
        job: &JobRecordOf<T>,
        view: &WorkerView<T::AccountId>,
    ) -> Result<(), Error<T>> {
        ensure!(
            view.environment == job.spec.environment,
            Error::<T>::WrongEnvironment
        );
        ensure!(view.profile == job.spec.profile, Error::<T>::WrongProfile);
        let constraints = &job.spec.constraints;
        let (attributes, tiers) = (&view.attributes, &view.tiers);
        let mut unmet = constraints.unmet(job.class, attributes, tiers, view.accepted_units);
        unmet.next().map_or(Ok(()), |unmet| Err(unmet.into()))
    }

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
