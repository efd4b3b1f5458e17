//! Assignments, deadlines and verdicts: [`Verifier`] for the market.
//!
//! Missed commits, declines and what is handed back cost no bond; all three are recorded, apart. Who misses a deadline, of a reveal as well,
//! rests before its next claim, whatever becomes of the batch: see `rest.rs` of `pallet-workers`.
//!
//! | batch | winners | other results | withheld reveals | missed commits |
//! |---|---|---|---|---|
//! | decided | paid | slashed | slashed | recorded |
//! | challenged, the jury confirms | paid; jurors by the challenger | slashed | slashed | recorded |
//! | challenged, the jury refutes | jurors and challenger share half of the slash | slashed, the challenged one too | slashed | recorded |
//! | challenged, no jury agrees in time | the challenged result stands and is paid | nothing | recorded | recorded |
//! | more than [`Config::MaxReplicas`] would be needed (a quorum: [`MAX_ASSIGNMENTS`](pallet_market::MAX_ASSIGNMENTS)) | – | nothing | recorded | recorded |
//! | no replica is to be had: assignments used up, deadline passed | – | nothing | recorded | recorded |
//!
//! Withholding a reveal costs what a wrong result costs. Were it cheaper, two colluding replicas could
//! lie for free: reveal if the draw put both on one batch, withhold otherwise. Whose result was the only one had nobody to wait
//! for: it is unpaid, and loses only if others find something else.
//!
//! A result that no jury refutes stands, or a requester whose constraints suit one operator alone could challenge what
//! it ordered, find no jury, and keep the result without paying.

use alloc::vec::Vec;
use frame_support::{defensive, pallet_prelude::*, traits::Get};
use frame_system::pallet_prelude::BlockNumberFor;
use pallet_market::{MAX_ASSIGNMENTS, Pallet as Market, Policy};
use sp_core::H256;
use sp_runtime::traits::{One, SaturatedConversion, Saturating, Zero};
use sungrid_primitives::{
    BatchIndex, JobId,
    environment::EnvironmentId,
    policy::{AGREE_IF_DISPUTED, Trust},
    traits::{Assignment, BatchControl, BatchTerms, Outlook, Prospect, Ruling, Verdict, Verifier},
};

use crate::*;

/// Commit deadlines that jurors may miss before a jury runs out of time.
const STALLED_JURORS: u32 = 3;

impl<T: Config> Pallet<T> {
    /// Puts the end of a period, whose last block is `until`, on the agenda.
    pub(crate) fn expect_by(until: BlockNumberFor<T>, job: JobId, batch: BatchIndex) {
        Market::<T>::schedule(until.saturating_add(One::one()), job, Some(batch));
    }

    /// `worker` was to commit, or to reveal, from `since` on, and did not.
    fn note_missed(
        job: JobId,
        batch: BatchIndex,
        worker: T::AccountId,
        phase: Phase,
        since: BlockNumberFor<T>,
    ) {
        let blocks = Self::blocks_at_limits(job, batch).saturated_into();
        Market::<T>::missed(job, batch, &worker, blocks, since.saturated_into());
        Self::deposit_event(Event::Missed {
            job,
            batch,
            worker,
            phase,
        });
    }

    /// Blocks that a batch, whole or a part of one, takes at its limits.
    pub(crate) fn blocks_at_limits(job: JobId, batch: BatchIndex) -> BlockNumberFor<T> {
        let record = Market::<T>::job(job);
        let seconds = record.map_or(0, |record| record.seconds_of(record.units_in(batch)));
        Self::virtual_blocks(seconds)
    }

    /// What a batch of a job as it was ordered takes at its limits, seconds: deadlines of its parts are by that, too.
    pub(crate) fn batch_seconds(job: JobId) -> u64 {
        Market::<T>::job(job).map_or(0, |record| record.batch_seconds())
    }

    /// So many seconds in blocks, rounded up.
    pub(crate) fn virtual_blocks(seconds: u64) -> BlockNumberFor<T> {
        seconds
            .div_ceil(T::SecondsPerBlock::get().max(1))
            .saturated_into()
    }

    /// Blocks for a commitment.
    pub(crate) fn commit_blocks(virtual_seconds: u64) -> BlockNumberFor<T> {
        let twice = virtual_seconds.saturating_mul(2);
        T::CommitSlack::get().saturating_add(Self::virtual_blocks(twice))
    }

    /// Blocks from a challenge in which jurors can claim: so many may stall, one after the other, and there is still
    /// time for the next.
    pub(crate) fn jury_blocks(virtual_seconds: u64) -> BlockNumberFor<T> {
        let stalled = Self::commit_blocks(virtual_seconds).saturating_mul(STALLED_JURORS.into());
        T::JuryWindow::get().saturating_add(stalled)
    }

    /// Asks for `count` more replicas and stores the ballot, or gives up if one is not to be had.
    pub(crate) fn want(job: JobId, batch: BatchIndex, ballot: BallotRecordOf<T>, count: u32) {
        let now = frame_system::Pallet::<T>::block_number();
        let in_time = ballot.jury_until.is_none_or(|until| now <= until);
        if in_time && (0..count).all(|_| Market::<T>::want_replica(job, batch)) {
            Ballots::<T>::insert(job, batch, ballot);
        } else {
            Self::give_up(job, batch, ballot);
        }
    }

    /// Nobody can tell what is right. The batch fails; but a result that is under challenge was not refuted,
    /// so it stands.
    fn give_up(job: JobId, batch: BatchIndex, ballot: BallotRecordOf<T>) {
        let accused = ballot
            .jury_until
            .and_then(|_| ballot.replicas.into_iter().next());
        match accused {
            Some(Replica {
                assignment,
                state: ReplicaState::Revealed { summary, bundle },
                ..
            }) => {
                let winner = Winner {
                    worker: assignment.worker.clone(),
                    operator: assignment.operator.clone(),
                    bundle,
                };
                let ruling = Ruling {
                    winners: alloc::vec![assignment],
                    jurors: Vec::new(),
                    losers: Vec::new(),
                    summary,
                };
                Self::conclude(job, batch, alloc::vec![winner], ruling, 1);
            }
            _ => {
                Ballots::<T>::remove(job, batch);
                Market::<T>::conclude(job, batch, Verdict::Failed);
            }
        }
    }

    /// Replicas whose commit deadline has passed are out and get replaced. Jurors that nobody became in time
    /// end the challenge.
    fn replace_overdue(job: JobId, batch: BatchIndex, mut ballot: BallotRecordOf<T>) {
        let now = frame_system::Pallet::<T>::block_number();
        let mut overdue = Vec::new();
        ballot.replicas.retain(|replica| match replica.state {
            ReplicaState::Working { until } if until < now => {
                overdue.push((replica.assignment.worker.clone(), until));
                false
            }
            _ => true,
        });
        let count = overdue.len() as u32;
        if count > 0 {
            let blocks = Self::commit_blocks(Self::batch_seconds(job));
            for (worker, until) in overdue {
                let since = until.saturating_sub(blocks);
                Self::note_missed(job, batch, worker, Phase::Commit, since);
            }
        }
        let taken = ballot
            .votes()
            .filter(|replica| matches!(replica.state, ReplicaState::Working { .. }))
            .count() as u32;
        let open = ballot.wanted > ballot.sealed().saturating_add(taken);
        if open && ballot.jury_until.is_some_and(|until| until < now) {
            Self::give_up(job, batch, ballot);
        } else if count > 0 {
            Self::want(job, batch, ballot, count);
        }
    }

    /// Commitments that were not revealed in time count no more; the rest is compared again.
    fn close_reveals(
        job: JobId,
        batch: BatchIndex,
        terms: &BatchTerms,
        mut ballot: BallotRecordOf<T>,
        expected: H256,
        until: BlockNumberFor<T>,
    ) {
        let since = until.saturating_sub(T::RevealWindow::get());
        // Of one result alone nothing was to be had by waiting for others.
        let is_single = ballot.bar == Bar::Agree(1);
        for replica in ballot.replicas.iter_mut() {
            if matches!(replica.state, ReplicaState::Committed { digest, .. } if digest == expected)
            {
                replica.state = if is_single {
                    ReplicaState::Unopened { digest: expected }
                } else {
                    ReplicaState::Withheld
                };
                let worker = replica.assignment.worker.clone();
                Self::note_missed(job, batch, worker, Phase::Reveal, since);
            }
        }
        if ballot.jury_until.is_none() {
            // A single result that was to stand does not.
            ballot.bar = terms.policy.into();
            if is_single && terms.policy == Policy::Adaptive {
                // Two who found each other would settle a lie, and have the bond of who was away.
                Self::summon(job, batch);
            }
        }
        Self::advance(job, batch, terms, ballot);
    }

    /// Compares what is sealed, when all that is wanted is. If it decides, those who are right open their
    /// seals, and the verdict follows when they have; else more replicas are wanted, as many as a decision
    /// needs at least.
    pub(crate) fn advance(
        job: JobId,
        batch: BatchIndex,
        terms: &BatchTerms,
        mut ballot: BallotRecordOf<T>,
    ) {
        let tally =
            |ballot: &BallotRecordOf<T>| Self::tally(job, batch, &terms.environment, ballot, false);
        let mut found = tally(&ballot);
        let is_disputed = found.as_ref().is_some_and(|tally| tally.is_disputed);
        if terms.policy == Policy::Adaptive && is_disputed {
            ballot.bar = Bar::Agree(AGREE_IF_DISPUTED);
            found = tally(&ballot);
        }
        let missing = match found {
            Some(Tally {
                leading,
                missing: 0,
                ..
            }) => return Self::decided(job, batch, terms, ballot, leading),
            Some(tally) => tally.missing,
            None => Self::votes_at_least(ballot.bar),
        };
        let sealed = ballot.sealed();
        let wanted = sealed.saturating_add(missing);
        let most = match ballot.bar {
            Bar::Agree(_) => T::MaxReplicas::get(),
            Bar::Quorum(_) => MAX_ASSIGNMENTS,
        };
        if wanted > most {
            return Self::give_up(job, batch, ballot);
        }
        Self::deposit_event(Event::Undecided {
            job,
            batch,
            sealed,
            wanted,
        });
        if matches!(ballot.bar, Bar::Quorum(_)) {
            let assigned =
                Market::<T>::batch(job, batch).map_or(0, |record| record.assignments.len());
            if assigned as u32 >= MAX_ASSIGNMENTS {
                // Nobody is left to be drawn.
                return Self::give_up(job, batch, ballot);
            }
            ballot.wanted = sealed;
            Self::await_draw(job, batch, &mut ballot);
            Ballots::<T>::insert(job, batch, ballot);
            return;
        }
        ballot.wanted = wanted;
        ballot.stage = Stage::Sealing;
        Self::want(job, batch, ballot, missing);
    }

    fn decided(
        job: JobId,
        batch: BatchIndex,
        terms: &BatchTerms,
        mut ballot: BallotRecordOf<T>,
        digest: H256,
    ) {
        let now = frame_system::Pallet::<T>::block_number();
        // Fewer than before if some were withheld and it is decided all the same.
        ballot.wanted = ballot.sealed();
        if ballot.awaits_reveal(digest) {
            let until = now.saturating_add(T::RevealWindow::get());
            ballot.stage = Stage::Revealing { until, digest };
            Self::expect_by(until, job, batch);
            Self::deposit_event(Event::RevealOpened {
                job,
                batch,
                until,
                digest,
            });
        } else if terms.policy == Policy::Optimistic && ballot.jury_until.is_none() {
            let until = now.saturating_add(T::ChallengeWindow::get());
            ballot.stage = Stage::Standing { since: now, until };
            Self::expect_by(until, job, batch);
            Self::deposit_event(Event::Standing { job, batch, until });
        } else {
            return Self::accept(job, batch, terms, ballot, digest);
        }
        Ballots::<T>::insert(job, batch, ballot);
    }

    /// The result with this digest is right.
    fn accept(
        job: JobId,
        batch: BatchIndex,
        terms: &BatchTerms,
        ballot: BallotRecordOf<T>,
        digest: H256,
    ) {
        let challenged = ballot.jury_until.is_some();
        let (mut winners, mut jurors, mut losers) = (Vec::new(), Vec::new(), Vec::new());
        let mut found = None;
        let mut finders = Vec::new();
        for (at, replica) in ballot.replicas.into_iter().enumerate() {
            let right = replica.digest(job, batch) == Some(digest);
            match replica.state {
                ReplicaState::Revealed { summary, bundle } if right => {
                    found = Some(summary);
                    finders.push(Winner {
                        worker: replica.assignment.worker.clone(),
                        operator: replica.assignment.operator.clone(),
                        bundle,
                    });
                    if challenged && at > 0 {
                        jurors.push(replica.assignment);
                    } else {
                        winners.push(replica.assignment);
                    }
                }
                ReplicaState::Working { .. } => {
                    defensive!("a batch is decided when nothing is awaited");
                }
                // It was right, and is paid for nothing: as if it had missed the commitment.
                ReplicaState::Unopened { digest: said } if said == digest => {}
                _ => losers.push(replica.assignment),
            }
        }
        let Some(summary) = found else {
            defensive!("a batch is decided when somebody has opened the seal");
            return;
        };
        match &finders[..] {
            // A batch can be cut to parts that cost nothing to get right: they say nothing of anybody.
            _ if !terms.is_whole => {}
            // It has stood, and its operator was not caught meanwhile.
            [alone] if terms.policy == Policy::Adaptive => {
                Self::note_trust(&alone.worker, terms.environment, Trust::stood);
            }
            [_] => {}
            all => {
                for finder in all {
                    Self::note_trust(&finder.worker, terms.environment, Trust::confirmed);
                }
            }
        }
        for loser in &losers {
            Self::note_caught(&loser.worker, &loser.operator, terms.environment);
        }
        let paid = terms.policy.paid_results().min(winners.len() as u32);
        let ruling = Ruling {
            winners,
            jurors,
            losers,
            summary,
        };
        Self::conclude(job, batch, finders, ruling, paid);
    }

    /// `paid` of those who found the result are paid by the requester.
    fn conclude(
        job: JobId,
        batch: BatchIndex,
        finders: Vec<Winner<T::AccountId>>,
        ruling: Ruling<T::AccountId>,
        paid: u32,
    ) {
        Ballots::<T>::remove(job, batch);
        let result = ResultRecord {
            summary: ruling.summary,
            winners: BoundedVec::truncate_from(finders),
            checked: false,
            at: frame_system::Pallet::<T>::block_number(),
            paid,
            outputs: Outputs::Owed,
            witnesses: BoundedVec::new(),
        };
        Results::<T>::insert(job, batch, result);
        Market::<T>::conclude(job, batch, Verdict::Accepted(ruling));
    }
}

impl<T: Config> Verifier<T::AccountId> for Pallet<T> {
    fn assigned(
        job: JobId,
        batch: BatchIndex,
        assignment: Assignment<T::AccountId>,
        policy: &Policy,
        environment: &EnvironmentId,
        virtual_seconds: u64,
        room: u32,
    ) -> u32 {
        let now = frame_system::Pallet::<T>::block_number();
        let until = now.saturating_add(Self::commit_blocks(virtual_seconds));
        // Where nobody could be called any more to audit it, a lie would be refunded at worst: such a result does not stand alone.
        let in_time = || {
            let deadline = Market::<T>::job(job).map(|record| record.spec.deadline);
            deadline.is_some_and(|at| now.saturating_add(Self::audit_blocks(virtual_seconds)) < at)
        };
        // Nor do the two of it see each other before they seal, unless no time is left to draw the second.
        let is_drawn_for = *policy == Policy::Adaptive && in_time();
        let found = Ballots::<T>::get(job, batch);
        let is_new = found.is_none();
        let mut ballot = found.unwrap_or_else(|| BallotRecord {
            bar: (*policy).into(),
            wanted: 1,
            stage: Stage::Sealing,
            jury_until: None,
            round: 0,
            replicas: BoundedVec::new(),
        });
        let replica = Replica {
            assignment,
            state: ReplicaState::Working { until },
            round: ballot.round,
        };
        if ballot.replicas.try_push(replica).is_err() {
            defensive!("the market assigns a batch at most `MAX_ASSIGNMENTS` times");
            return 0;
        }
        let more = match ballot.bar {
            Bar::Agree(count) if is_new && !is_drawn_for => count.saturating_sub(1),
            Bar::Agree(_) => 0,
            // One at a time: the next one's weight is not known yet. None before the first has sealed: who is to find the same is drawn
            // when it cannot change its mind any more.
            Bar::Quorum(_) => {
                let last = ballot.hopeful().count() as u32 >= ballot.wanted;
                let tally = Self::tally(job, batch, environment, &ballot, true);
                u32::from(last && tally.is_some_and(|tally| tally.missing > 0))
            }
        }
        .min(room);
        ballot.wanted = ballot.wanted.saturating_add(more);
        Self::expect_by(until, job, batch);
        Ballots::<T>::insert(job, batch, ballot);
        more
    }

    fn deadline(job: JobId, batch: BatchIndex) -> Weight {
        // The batch is decided: its outputs may be in question, or the entry is stale.
        let (Some(ballot), Some(terms)) = (
            Ballots::<T>::get(job, batch),
            Market::<T>::terms(job, batch),
        ) else {
            return Self::call_deadline(job, batch);
        };
        let now = frame_system::Pallet::<T>::block_number();
        match ballot.stage {
            Stage::Sealing => Self::replace_overdue(job, batch, ballot),
            Stage::Drawing { at } if now >= at => Self::draw(job, batch, &terms, ballot, at),
            Stage::Revealing { until, digest } if now > until => {
                Self::close_reveals(job, batch, &terms, ballot, digest, until);
            }
            Stage::Standing { since, until } if now > until => {
                let result = ballot
                    .votes()
                    .find_map(|replica| replica.digest(job, batch));
                match result {
                    Some(digest) if ballot.awaits_reveal(digest) => {
                        Self::end_standing(job, batch, &terms, ballot, since);
                    }
                    Some(digest) => Self::accept(job, batch, &terms, ballot, digest),
                    None => {
                        defensive!("a result stands once it is sealed");
                    }
                }
            }
            _ => return <T as Config>::WeightInfo::deadline_moot(),
        }
        Self::deadline_weight()
    }

    /// Of the heaviest deadline there is. A deadline can do what the last reveal or the last testimony does.
    fn deadline_weight() -> Weight {
        <T as Config>::WeightInfo::deadline()
            .max(<T as Config>::WeightInfo::reveal())
            .max(<T as Config>::WeightInfo::testify())
            .max(<T as Config>::WeightInfo::draw_witnesses())
    }

    fn abandoned(job: JobId, batch: BatchIndex) {
        match Ballots::<T>::get(job, batch) {
            Some(ballot) => Self::give_up(job, batch, ballot),
            None => Market::<T>::conclude(job, batch, Verdict::Failed),
        }
    }

    fn appeal_blocks(policy: &Policy, virtual_seconds: u64) -> u64 {
        match policy {
            Policy::Replicate(_) | Policy::Adaptive => Zero::zero(),
            Policy::Optimistic => Self::commit_blocks(virtual_seconds)
                .saturating_add(T::RevealWindow::get())
                .saturating_add(T::ChallengeWindow::get())
                .saturating_add(Self::jury_blocks(virtual_seconds)),
            // A round of drawn ones, and that those of another can be claimed: of who decides, or replaces somebody.
            Policy::Quorum(_) => {
                Self::audit_blocks(virtual_seconds).saturating_add(T::DrawDelay::get())
            }
        }
        .saturated_into()
    }

    fn outlook(worker: &T::AccountId, operator: &T::AccountId, batch: &Prospect<'_>) -> Outlook {
        Self::look_out(worker, operator, batch)
    }

    fn trust_of(worker: &T::AccountId, environment: &EnvironmentId) -> Trust {
        Trusts::<T>::get(worker, environment)
    }

    fn is_paused(job: JobId) -> bool {
        Self::pauses(&Decliners::<T>::get(job))
    }

    fn rests(job: JobId, operator: &T::AccountId) -> bool {
        let now = frame_system::Pallet::<T>::block_number();
        Decliners::<T>::get(job)
            .iter()
            .any(|decliner| decliner.operator == *operator && now < decliner.rests_until)
    }

    fn received(job: JobId) -> BatchIndex {
        Received::<T>::get(job)
    }

    fn forget(job: JobId, batch: BatchIndex) {
        for winner in Results::<T>::take(job, batch)
            .into_iter()
            .flat_map(|result| result.winners)
        {
            Rated::<T>::remove(job, winner.operator);
        }
    }

    fn forget_job(job: JobId) {
        Decliners::<T>::remove(job);
        Received::<T>::remove(job);
    }

    #[cfg(feature = "runtime-benchmarks")]
    fn prepare_trust(worker: &T::AccountId, environment: &EnvironmentId) {
        Trusts::<T>::mutate(worker, environment, |trust| trust.streak = 1);
    }

    #[cfg(feature = "runtime-benchmarks")]
    fn prepare_result(job: JobId, batch: BatchIndex) {
        crate::benchmarking::prepare_result::<T>(job, batch);
    }
}
