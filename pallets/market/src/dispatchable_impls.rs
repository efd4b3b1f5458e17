//! What users do: submit, claim, cancel, clean up.

use alloc::vec::Vec;
use codec::Encode;
use frame_support::{
    defensive_assert, ensure,
    pallet_prelude::*,
    traits::{Defensive, Get, Randomness, fungible::MutateHold, tokens::Precision},
};
use frame_system::pallet_prelude::BlockNumberFor;
use sp_runtime::traits::{BlakeTwo256, Hash, SaturatedConversion, Saturating};
use sungrid_primitives::{
    BatchIndex, JobId,
    attributes::TaskClass,
    explain::nearer,
    job::{MAX_BATCH_UNITS, MAX_UNITS, batch_count},
    suns,
    traits::{Assignment, Images, Pricing, Verifier, WorkerView, Workers},
};

use crate::*;

/// What a claim would do, found without changing anything.
pub(crate) struct ClaimPlan<T: Config> {
    job: JobRecordOf<T>,
    view: WorkerView<T::AccountId>,
    batch: BatchIndex,
    /// `None` if nobody had the batch before.
    record: Option<BatchRecordOf<T>>,
    /// Batches of the window that were looked at to find it.
    looked_at: u32,
}

/// How many batches were looked at, the one that is drawn, and its record if somebody had it before.
type Drawn<T> = (u32, BatchIndex, Option<BatchRecordOf<T>>);

/// What a job comes to at its limits.
pub(crate) struct WorstCase {
    pub(crate) rate: u64,
    pub(crate) unit_charge: u128,
    pub(crate) escrow: u128,
    pub(crate) deposit: u128,
    /// Of a batch, seconds; `None` beyond any.
    pub(crate) seconds: Option<u64>,
}

impl<T: Config> Pallet<T> {
    /// Opens a job, of a series or not; returns its number.
    pub(crate) fn do_submit(
        requester: T::AccountId,
        spec: JobSpecOf<T>,
        series: Option<JobId>,
    ) -> Result<JobId, DispatchError> {
        let now = frame_system::Pallet::<T>::block_number();
        let worst = Self::worst_case(&spec)?;
        let (class, appeal_blocks) = Self::check_spec(&spec, &worst, now)?;
        let WorstCase {
            rate,
            unit_charge,
            escrow,
            deposit,
            ..
        } = worst;

        let id = Self::next_id()?;
        let pending = Self::join_predecessor(&requester, &spec, id, now)?;
        let batches = batch_count(spec.units, spec.batch_size);
        T::Currency::hold(&HoldReason::Escrow.into(), &requester, escrow)?;
        T::Currency::hold(&HoldReason::Deposit.into(), &requester, deposit)?;

        T::Images::note_job(&spec.image);
        Self::schedule(spec.deadline, id, None);
        let mut job = JobRecord {
            requester: requester.clone(),
            claim_until: spec.deadline.saturating_sub(appeal_blocks.saturated_into()),
            price: spec.price,
            spec,
            class,
            state: if pending {
                JobState::Pending
            } else {
                JobState::Open
            },
            batches,
            cuts: BoundedVec::new(),
            rate,
            unit_charge,
            next_batch: 0,
            window: BoundedVec::new(),
            waiting: 0,
            claims: 0,
            in_flight: 0,
            settled: 0,
            failed: 0,
            fuel: 0,
            escrow,
            paid: 0,
            deposit,
            cleaned: 0,
            series,
            successors: BoundedVec::new(),
        };
        Self::refill_window(id, &mut job);
        Jobs::<T>::insert(id, job);
        Self::deposit_event(Event::JobSubmitted {
            job: id,
            requester,
            escrow,
            deposit,
            batches,
        });
        Ok(id)
    }

    /// Takes the next number.
    pub(crate) fn next_id() -> Result<JobId, Error<T>> {
        let id = NextJobId::<T>::get();
        NextJobId::<T>::put(id.checked_add(1).ok_or(Error::<T>::TooManyJobs)?);
        Ok(id)
    }

    /// Every check of an order but those of its price. Returns the class of its image, and the blocks that its last
    /// batch may take.
    pub(crate) fn check_spec(
        spec: &JobSpecOf<T>,
        worst: &WorstCase,
        now: BlockNumberFor<T>,
    ) -> Result<(TaskClass, u64), Error<T>> {
        ensure!(spec.units > 0, Error::<T>::NoUnits);
        ensure!(spec.units <= MAX_UNITS, Error::<T>::TooManyUnits);
        ensure!(
            (1..=MAX_BATCH_UNITS).contains(&spec.batch_size),
            Error::<T>::BadBatchSize
        );
        ensure!(
            spec.fuel_limit > 0 && spec.memory_limit > 0,
            Error::<T>::NoLimits
        );
        let seconds = worst
            .seconds
            .filter(|seconds| *seconds <= T::MaxBatchSeconds::get())
            .ok_or(Error::<T>::BatchTooLong)?;
        ensure!(spec.policy.is_valid(), Error::<T>::BadPolicy);
        ensure!(spec.deadline > now, Error::<T>::DeadlinePassed);
        let appeal_blocks = T::Verifier::appeal_blocks(&spec.policy, seconds);
        ensure!(
            spec.deadline > now.saturating_add(appeal_blocks.saturated_into()),
            Error::<T>::DeadlineTooNear
        );
        ensure!(
            spec.deadline <= now.saturating_add(T::MaxJobBlocks::get()),
            Error::<T>::DeadlineTooFar
        );
        ensure!(!spec.endpoint.is_empty(), Error::<T>::NoEndpoint);
        spec.constraints.validate(spec.policy.paid_results())?;
        ensure!(
            T::Pricing::accepts(&spec.environment),
            Error::<T>::EnvironmentNotAccepted
        );
        let class = T::Images::class(&spec.image).ok_or(Error::<T>::UnknownImage)?;
        ensure!(
            T::Images::developer_of_usable(&spec.image).is_some(),
            Error::<T>::ImageRetired
        );
        Ok((class, appeal_blocks))
    }

    /// What the job comes to at its limits, by its profile and its bid.
    pub(crate) fn worst_case(spec: &JobSpecOf<T>) -> Result<WorstCase, Error<T>> {
        let profile = T::Pricing::profile(spec.profile).ok_or(Error::<T>::UnknownProfile)?;
        ensure!(
            spec.price >= T::Pricing::floor(spec.profile),
            Error::<T>::PriceBelowFloor
        );
        let rate = profile
            .unit_rate(spec.memory_limit)
            .ok_or(Error::<T>::UnsuitableProfile)?;
        let unit_charge = profile
            .unit_charge(spec.fuel_limit, spec.memory_limit, spec.traffic_limit)
            .ok_or(Error::<T>::UnsuitableProfile)?;
        let batches = batch_count(spec.units, spec.batch_size);
        let escrow = spec
            .batch_cost(unit_charge, spec.price)
            .and_then(|cost| cost.checked_mul(batches.into()))
            .ok_or(Error::<T>::EscrowTooLarge)?;
        let deposit = Self::deposit_for(batches).ok_or(Error::<T>::EscrowTooLarge)?;
        Ok(WorstCase {
            seconds: suns::virtual_seconds(spec.batch_size, spec.fuel_limit, rate, unit_charge),
            rate,
            unit_charge,
            escrow,
            deposit,
        })
    }

    /// Returns what it took.
    pub(crate) fn do_claim(worker: T::AccountId, id: JobId) -> Result<Weight, DispatchError> {
        let ClaimPlan {
            mut job,
            view,
            batch,
            record,
            looked_at,
        } = Self::plan_claim(&worker, id)?;
        T::Workers::commit(&worker, job.rate).map_err(|()| Error::<T>::CapacityExhausted)?;

        let mut record = record.unwrap_or_else(|| {
            job.in_flight.saturating_inc();
            BatchRecord {
                assignments: BoundedVec::new(),
                // This claim.
                wanted: 1,
                summons: None,
                challenge: None,
                delivered: false,
            }
        });
        // Whoever claims gets the bid that it sees, and so do those who have the batch already. But a jury gets what its
        // challenger put up.
        let is_raised = job.price != job.spec.price && record.challenge.is_none();
        if is_raised {
            RaisedPrices::<T>::insert(id, batch, job.price);
        }
        let operator = view.operator;
        // `want_replica` never lets assigned plus wanted exceed the bound.
        record
            .assignments
            .try_push(Claimant {
                worker: worker.clone(),
                operator: operator.clone(),
                jurisdiction: view.attributes.jurisdiction,
                working: true,
            })
            .map_err(|_| Error::<T>::NothingToClaim)
            .defensive()?;
        record.wanted.saturating_dec();
        let trusts_read = match job.spec.policy {
            Policy::Quorum(_) => record.assignments.len() as u32,
            Policy::Adaptive => 1,
            Policy::Optimistic | Policy::Replicate(_) => 0,
        };
        let asks = job.spec.constraints.asks_for_record();
        let spoken_for = (record.assignments.len() as u32).saturating_add(record.wanted);
        let room = MAX_ASSIGNMENTS.saturating_sub(spoken_for);
        let more = T::Verifier::assigned(
            id,
            batch,
            Assignment {
                worker: worker.clone(),
                operator: operator.clone(),
            },
            &job.spec.policy,
            &job.spec.environment,
            job.batch_seconds(),
            room,
        );
        record.wanted.saturating_accrue(more.min(room));
        job.claims.saturating_inc();
        if record.wanted == 0 {
            Self::leave_window(id, &mut job, batch);
        }
        Batches::<T>::insert(id, batch, record);
        Jobs::<T>::insert(id, job);
        Self::deposit_event(Event::BatchClaimed {
            job: id,
            batch,
            worker,
            operator,
        });
        Ok(T::WeightInfo::claim(
            looked_at,
            trusts_read,
            asks.into(),
            is_raised.into(),
        ))
    }

    /// Whether [`Pallet::claim`] would succeed.
    pub(crate) fn would_claim(worker: &T::AccountId, id: JobId) -> bool {
        Self::plan_claim(worker, id).is_ok()
    }

    /// The draw alone, for tests of its fairness.
    #[cfg(test)]
    pub(crate) fn would_draw(worker: &T::AccountId, id: JobId) -> Option<BatchIndex> {
        let (job, view) = (Jobs::<T>::get(id)?, T::Workers::view(worker)?);
        let drawn = Self::draw(worker, id, &job, &view);
        drawn.ok().map(|(_, batch, _)| batch)
    }

    /// Every check of a claim, and the draw.
    fn plan_claim(worker: &T::AccountId, id: JobId) -> Result<ClaimPlan<T>, Error<T>> {
        let now = frame_system::Pallet::<T>::block_number();
        let view = T::Workers::view(worker).ok_or(Error::<T>::WorkerUnavailable)?;
        let job = Jobs::<T>::get(id).ok_or(Error::<T>::NoSuchJob)?;
        ensure!(job.takes_claims(&now), Error::<T>::NotOpen);
        let first = Self::rejections(&job.spec, job.class, job.rate, worker, &view).next();
        if let Some(rejection) = first {
            return Err(rejection.into());
        }
        let (looked_at, batch, record) = Self::draw(worker, id, &job, &view)?;
        Ok(ClaimPlan {
            job,
            view,
            batch,
            record,
            looked_at,
        })
    }

    /// Whether a summons has come to a worker by now.
    pub(crate) fn reached(
        summons: &Summons<BlockNumberFor<T>>,
        worker: &T::AccountId,
        view: &WorkerView<T::AccountId>,
    ) -> bool {
        let now = frame_system::Pallet::<T>::block_number();
        let age: u32 = now.saturating_sub(summons.from).saturated_into();
        let since: u32 = now.saturating_sub(summons.keyed_by).saturated_into();
        // A younger key may have been looked for among many, so that its ticket is a low one.
        let ticket = if view.keyed_for < since {
            u8::MAX
        } else {
            BlakeTwo256::hash_of(&(summons.seed, worker)).0[0]
        };
        // All 256 tickets after eight steps.
        u32::from(ticket) < 1 << (age / SUMMONS_STEP).min(8)
    }

    /// Draws uniformly among the batches of the window that are open to the worker: a shuffle that stops
    /// at the first of them, so that it mostly reads one. Returns how many it read, too.
    ///
    /// # Errors
    /// What keeps the worker from the batch that it is [nearest](nearer) to.
    fn draw(
        worker: &T::AccountId,
        id: JobId,
        job: &JobRecordOf<T>,
        view: &WorkerView<T::AccountId>,
    ) -> Result<Drawn<T>, Error<T>> {
        let door = Self::door(id, job, view);
        let mut nearest = None;
        for (looked_at, batch) in (1..).zip(Self::shuffled(worker, id, job)) {
            let record = Batches::<T>::get(id, batch);
            let barred: Vec<_> = Self::barred(&door, job, record.as_ref(), worker, view).collect();
            if barred.is_empty() {
                return Ok((looked_at, batch, record));
            }
            nearest = Some(nearer(nearest, barred));
        }
        let first = nearest.and_then(|barred| barred.first().copied());
        Err(first.map_or(Error::NothingToClaim, Into::into))
    }

    /// The window in the order in which a claim of this worker looks at it now.
    pub(crate) fn shuffled(
        worker: &T::AccountId,
        id: JobId,
        job: &JobRecordOf<T>,
    ) -> impl Iterator<Item = BatchIndex> {
        let (random, _) = T::Randomness::random(b"sungrid/claim");
        let parent = frame_system::Pallet::<T>::parent_hash();
        let seed = T::Hashing::hash_of(&(random, parent, worker, id, job.claims));
        let mut window: Vec<BatchIndex> = job.window.to_vec();
        (0u32..).map_while(move |round| {
            let hash = T::Hashing::hash_of(&(seed, round)).encode();
            // Any hash has more than 8 bytes; 64 bits over at most 32 batches leave no bias to speak of.
            let number = hash
                .iter()
                .take(8)
                .fold(0u64, |number, byte| (number << 8) | u64::from(*byte));
            let at = number.checked_rem(window.len() as u64)?;
            Some(window.swap_remove(at as usize))
        })
    }

    pub(crate) fn do_cancel(who: T::AccountId, id: JobId) -> DispatchResult {
        if let Some(series) = Series::<T>::get(id) {
            ensure!(series.requester == who, Error::<T>::NotRequester);
            Self::end_series(id, series);
            return Ok(());
        }
        let mut job = Jobs::<T>::get(id).ok_or(Error::<T>::NoSuchJob)?;
        ensure!(job.requester == who, Error::<T>::NotRequester);
        ensure!(job.is_open_to_orders(), Error::<T>::NotOpen);
        Self::close(id, &mut job, Closing::Cancelled);
        Self::deposit_event(Event::JobCancelled {
            job: id,
            in_flight: job.in_flight,
        });
        Self::store_or_end(id, job);
        Ok(())
    }

    /// Returns the number of batches removed.
    pub(crate) fn do_clean_up(who: &T::AccountId, id: JobId) -> Result<u32, DispatchError> {
        let mut job = Jobs::<T>::get(id).ok_or(Error::<T>::NoSuchJob)?;
        let JobState::Ended { at, .. } = job.state else {
            return Err(Error::<T>::NotEnded.into());
        };
        let now = frame_system::Pallet::<T>::block_number();
        let received = job.requester == *who && T::Verifier::received(id) >= job.next_batch;
        ensure!(
            received || now >= at.saturating_add(T::Retention::get()),
            Error::<T>::RetentionNotOver
        );
        ensure!(!Self::is_awaited(&job), Error::<T>::InputOfOthers);
        ensure!(
            Doubts::<T>::iter_key_prefix(id).next().is_none(),
            Error::<T>::OutputsInQuestion
        );
        // Batches that were never in the window have no results.
        let last = job.opened();
        let end = last.min(job.cleaned.saturating_add(T::CleanUpLimit::get()));
        let batches = end.saturating_sub(job.cleaned);
        for batch in (job.cleaned..end).map(|place| job.opened_at(place)) {
            T::Verifier::forget(id, batch);
            RaisedPrices::<T>::remove(id, batch);
        }
        job.cleaned = end;
        let deposit = if end == last {
            let reason = HoldReason::Deposit.into();
            let released =
                T::Currency::release(&reason, &job.requester, job.deposit, Precision::BestEffort)?;
            defensive_assert!(
                released == job.deposit,
                "the deposit was held at submission"
            );
            Jobs::<T>::remove(id);
            T::Verifier::forget_job(id);
            released
        } else {
            Jobs::<T>::insert(id, job);
            0
        };
        Self::deposit_event(Event::CleanedUp {
            job: id,
            batches,
            deposit,
        });
        Ok(batches)
    }
}
