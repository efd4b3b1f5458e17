//! What a worker must be to take a batch of a job: one list, which claims and explanations share.

use sungrid_primitives::{explain::Rejection, traits::WorkerView};

use crate::*;

/// Looks at a job, at the capacity that one claim of it takes (µSUNS), and at a worker.
type Check<T> = fn(
    &JobSpecOf<T>,
    u64,
    &WorkerView<<T as frame_system::Config>::AccountId>,
) -> Option<Rejection>;

impl<T: Config> Pallet<T> {
    /// In the order of [`Rejection`].
    const CHECKS: [Check<T>; 7] = [
        |_, _, worker| (!worker.available).then_some(Rejection::Unavailable),
        |spec, _, worker| {
            (worker.environment != spec.environment).then_some(Rejection::Environment)
        },
        |spec, _, worker| (worker.profile != spec.profile).then_some(Rejection::Profile),
        |spec, _, worker| {
            let allowed = &spec.constraints.jurisdictions;
            let inside = allowed.is_empty() || allowed.contains(&worker.jurisdiction);
            (!inside).then_some(Rejection::Jurisdiction)
        },
        |spec, _, worker| {
            (worker.accepted_units < spec.constraints.min_accepted_units)
                .then_some(Rejection::AcceptedUnits)
        },
        |_, rate, worker| (worker.capacity < rate).then_some(Rejection::TooSmall),
        |_, rate, worker| (worker.free < rate).then_some(Rejection::Busy),
    ];

    /// Everything that speaks against a worker; what comes first is what a claim would be told.
    pub(crate) fn rejections<'a>(
        spec: &'a JobSpecOf<T>,
        rate: u64,
        worker: &'a WorkerView<T::AccountId>,
    ) -> impl Iterator<Item = Rejection> + 'a {
        let checks = Self::CHECKS.into_iter();
        checks.filter_map(move |check| check(spec, rate, worker))
    }
}

impl<T> From<Rejection> for Error<T> {
    fn from(rejection: Rejection) -> Self {
        match rejection {
            Rejection::Unavailable => Self::WorkerUnavailable,
            Rejection::Environment => Self::WrongEnvironment,
            Rejection::Profile => Self::WrongProfile,
            Rejection::Jurisdiction => Self::OutsideJurisdictions,
            Rejection::AcceptedUnits => Self::TooFewAcceptedUnits,
            Rejection::TooSmall | Rejection::Busy => Self::CapacityExhausted,
        }
    }
}
