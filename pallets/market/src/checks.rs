//! What a worker must be to take a batch of a job: one list, which claims and explanations share.

use sungrid_primitives::{attributes::TaskClass, explain::Rejection, traits::WorkerView};

use crate::*;

fn failed<const N: usize>(checks: [(bool, Rejection); N]) -> impl Iterator<Item = Rejection> {
    let failed = checks.into_iter().filter(|(holds, _)| !holds);
    failed.map(|(_, rejection)| rejection)
}

impl<T: Config> Pallet<T> {
    /// Everything that speaks against a worker for a job of a class, one claim of which takes `rate` µSUNS, in the
    /// order of [`Rejection`]; what comes first is what a claim would be told.
    pub(crate) fn rejections(
        spec: &JobSpecOf<T>,
        class: TaskClass,
        rate: u64,
        worker: &WorkerView<T::AccountId>,
    ) -> impl Iterator<Item = Rejection> + use<T> {
        let (attributes, tiers) = (&worker.attributes, &worker.tiers);
        let unmet = spec
            .constraints
            .unmet(class, attributes, tiers, worker.accepted_units);
        failed([
            (worker.available, Rejection::Unavailable),
            (
                worker.environment == spec.environment,
                Rejection::Environment,
            ),
            (worker.profile == spec.profile, Rejection::Profile),
        ])
        .chain(unmet.map(Rejection::Constraint))
        .chain(failed([
            (rate <= worker.capacity, Rejection::TooSmall),
            (rate <= worker.free, Rejection::Busy),
        ]))
    }
}

impl<T> From<Rejection> for Error<T> {
    fn from(rejection: Rejection) -> Self {
        match rejection {
            Rejection::Unavailable => Self::WorkerUnavailable,
            Rejection::Environment => Self::WrongEnvironment,
            Rejection::Profile => Self::WrongProfile,
            Rejection::Constraint(unmet) => unmet.into(),
            Rejection::TooSmall | Rejection::Busy => Self::CapacityExhausted,
        }
    }
}
