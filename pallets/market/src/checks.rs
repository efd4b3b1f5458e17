//! What a worker must be to take a batch of a job: one list, which claims and explanations share.

use sungrid_primitives::{
    JobId,
    attributes::{TaskClass, Tiers},
    explain::Rejection,
    traits::{Verifier, WorkerView, Workers},
};

use crate::*;

fn failed<const N: usize>(checks: [(bool, Rejection); N]) -> impl Iterator<Item = Rejection> {
    let failed = checks.into_iter().filter(|(holds, _)| !holds);
    failed.map(|(_, rejection)| rejection)
}

/// What decides for all batches of a job alike whether a worker may take them.
pub(crate) struct Door {
    /// Whether the time to start batches is over.
    late: bool,
    /// Whether the job is paused.
    paused: bool,
    /// Whether the worker's operator rests from it.
    rests: bool,
}

impl<T: Config> Pallet<T> {
    /// Everything that speaks against a worker for a job of a class, one claim of which takes `rate` µSUNS, in the
    /// order of [`Rejection`]; what comes first is what a claim would be told.
    pub(crate) fn rejections(
        spec: &JobSpecOf<T>,
        class: TaskClass,
        rate: u64,
        key: &T::AccountId,
        worker: &WorkerView<T::AccountId>,
    ) -> impl Iterator<Item = Rejection> + use<T> {
        let constraints = &spec.constraints;
        let tiers = if constraints.tiers == Tiers::default() {
            Tiers::default()
        } else {
            T::Workers::tiers(key)
        };
        let streak = match constraints.min_streak {
            0 => 0,
            _ => T::Verifier::trust_of(key, &spec.environment).streak,
        };
        let unmet = constraints.unmet(class, &worker.attributes, &tiers, streak);
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
            (rate <= worker.declared, Rejection::TooSmall),
            (
                rate <= worker.capacity || rate > worker.declared,
                Rejection::Unproven,
            ),
            (rate <= worker.free, Rejection::Busy),
        ]))
    }

    /// How all batches of a job stand to a worker now.
    pub(crate) fn door(id: JobId, job: &JobRecordOf<T>, worker: &WorkerView<T::AccountId>) -> Door {
        Door {
            late: frame_system::Pallet::<T>::block_number() >= job.claim_until,
            paused: T::Verifier::is_paused(id),
            rests: T::Verifier::rests(id, &worker.operator),
        }
    }

    /// Everything that keeps a worker from one batch in the window of a job, in the order of [`Rejection`]. `record`: of the
    /// batch, if it was started.
    ///
    /// When its operator rests, only challenged ones are for it: or accomplices of a liar could keep a jury away. When the time to start
    /// batches is over, also those that somebody was drawn for, which have started. In a pause those of which something was delivered.
    pub(crate) fn barred(
        door: &Door,
        job: &JobRecordOf<T>,
        record: Option<&BatchRecordOf<T>>,
        key: &T::AccountId,
        worker: &WorkerView<T::AccountId>,
    ) -> impl Iterator<Item = Rejection> + use<T> {
        let challenged = record.is_some_and(|record| record.challenge.is_some());
        let delivered = record.is_some_and(|record| record.delivered);
        let apart = job.spec.constraints.distinct_jurisdictions;
        // Replicas have different operators and, if the job says so, different jurisdictions.
        let had = record.map_or(&[][..], |record| &record.assignments);
        let same_operator = had.iter().any(|had| had.operator == worker.operator);
        let same_place = had
            .iter()
            .any(|had| had.jurisdiction == worker.attributes.jurisdiction);
        let summons = record.and_then(|record| record.summons);
        let started = challenged || summons.is_some();
        let drawn = summons.is_none_or(|summons| Self::reached(&summons, key, worker));
        failed([
            (started || !door.late, Rejection::Late),
            (challenged || delivered || !door.paused, Rejection::Paused),
            (challenged || !door.rests, Rejection::Resting),
            (!same_operator, Rejection::SameOperator),
            (!apart || !same_place, Rejection::SameJurisdiction),
            (drawn, Rejection::NotDrawn),
        ])
    }
}

impl<T> From<Rejection> for Error<T> {
    fn from(rejection: Rejection) -> Self {
        match rejection {
            Rejection::Unavailable => Self::WorkerUnavailable,
            Rejection::Environment => Self::WrongEnvironment,
            Rejection::Profile => Self::WrongProfile,
            Rejection::Constraint(unmet) => unmet.into(),
            Rejection::TooSmall | Rejection::Unproven | Rejection::Busy => Self::CapacityExhausted,
            Rejection::Paused | Rejection::Resting => Self::InputMissing,
            Rejection::Late
            | Rejection::SameOperator
            | Rejection::SameJurisdiction
            | Rejection::NotDrawn => Self::NothingToClaim,
        }
    }
}
