//! Whether inputs and outputs are to be had (requirement X9): declines, and the pauses that they bring; delivery
//! receipts. What is handed back for a reason of the worker's own.
//!
//! Whoever withholds an input pays for the claims that were in vain, whoever declines gains nothing:
//!
//! | somebody | pays | gains |
//! |---|---|---|
//! | a requester that withholds its input | [`Config::ClaimFee`] for each decline that pauses the job, once per pause | nothing: no miss is on a worker's record |
//! | an operator that declines what it could have | its claims, [`Config::DeclineRest`] blocks without the job, the decline on record | nothing: the fee goes to the treasury |
//!
//! An operator counts once, however many workers it has, until it delivers something of the job. So `n` operators that
//! do no work, up to [`MAX_DECLINERS`], can pause a job `n / DeclinesToPause` times, each for [`Config::PauseLength`] blocks. Replicas that a challenge ordered
//! can be claimed all the same, or accomplices of a liar could keep its jury away; so can those of a batch of which
//! something was delivered.
//!
//! A delivery receipt is the requester's word against itself alone: it ends what protects the requester.
//!
//! Whoever found a result owes its outputs for [`Retention`](pallet_market::Config::Retention) blocks. A requester that cannot
//! fetch them calls [`WITNESSES`], drawn like juries are by randomness that nobody knew, but out of the whole fleet, so that nobody
//! can be quicker than the honest. They seal what they find, then open.
//!
//! | more than half of those drawn | requester | witnesses who say so | those who found the result |
//! |---|---|---|---|
//! | have fetched the same | loses the [`ChallengeBond`](pallet_market::Config::ChallengeBond) to the treasury, pays the witnesses | [`Config::WitnessFee`] each | nothing |
//! | could not fetch | has back what it paid for the batch, and for the witnesses | the same | pay that in equal parts, then are slashed, for the treasury |
//! | neither | has its bond back, may call again | nothing | nothing |
//!
//! - One who serves is enough: outputs are content-addressed, and a provider cannot know who asks. So all are slashed or none; each can
//!   make sure of the others' duty by serving.
//! - *Fetched* is shown by a hash over all bytes, keyed with the seed of the draw: nobody saves itself the transfer. A witness that
//!   has fetched serves what it has: a winner that would serve everybody but the requester serves it all the same.
//! - Nobody shares in the slash. The requester is made whole, the witnesses get the same fee for either word; so there is nothing to
//!   gain by saying that outputs are missing.
//! - A seal that is missing or not opened is a miss on the witness's record.

use frame_support::{ensure, pallet_prelude::*, traits::Get};
use frame_system::pallet_prelude::BlockNumberFor;
use pallet_market::{Error as MarketError, Pallet as Market};
use sp_runtime::traits::{SaturatedConversion, Saturating};
use sungrid_primitives::{
    BatchIndex, JobId,
    traits::{BatchControl, Workers as _},
};

use crate::*;

impl<T: Config> Pallet<T> {
    /// Whether so many operators declined that the job is paused.
    pub(crate) fn pauses(decliners: &DeclinersOf<T>) -> bool {
        let now = frame_system::Pallet::<T>::block_number();
        let counting = decliners.iter().filter(|d| d.counts(now)).count();
        counting as u32 >= T::DeclinesToPause::get()
    }

    /// Every check of handing a batch back.
    pub(crate) fn check_hand_back(
        worker: &T::AccountId,
        job: JobId,
        batch: BatchIndex,
    ) -> Result<(BallotRecordOf<T>, usize), Error<T>> {
        let (ballot, at) = Self::check_commit(worker, job, batch)?;
        let is_drawn =
            Market::<T>::batch(job, batch).is_some_and(|record| record.summons.is_some());
        ensure!(!is_drawn, Error::<T>::DrawnForIt);
        let operator = &ballot.replicas[at].assignment.operator;
        let decliners = Decliners::<T>::get(job);
        let known = decliners.iter().find(|d| d.operator == *operator);
        ensure!(
            known.is_none_or(|d| d.handed_back < MAX_HANDED_BACK),
            Error::<T>::HandedBackTooOften
        );
        Ok((ballot, at))
    }

    /// A worker has given back a batch that it had to seal by `until`. By the time that is left after that it is late: an honest machine that did
    /// not stand still would be done. Then it rests for what that machine would have taken, or whoever stalls would give back in the last block.
    fn note_given_back(
        worker: &T::AccountId,
        job: JobId,
        batch: BatchIndex,
        until: BlockNumberFor<T>,
    ) {
        let now = frame_system::Pallet::<T>::block_number();
        let margin = Self::virtual_blocks(Self::batch_seconds(job));
        if now <= until.saturating_sub(margin) {
            return;
        }
        let blocks = Self::blocks_at_limits(job, batch).saturating_add(T::CommitSlack::get());
        let rate = Market::<T>::job(job).map_or(0, |record| record.rate);
        <T as pallet_market::Config>::Workers::let_rest(
            worker,
            rate,
            blocks.saturated_into(),
            None,
        );
    }

    pub(crate) fn do_hand_back(
        worker: T::AccountId,
        job: JobId,
        batch: BatchIndex,
    ) -> DispatchResult {
        let (mut ballot, at) = Self::check_hand_back(&worker, job, batch)?;
        let Replica {
            assignment, state, ..
        } = ballot.replicas.remove(at);
        let operator = assignment.operator;
        Market::<T>::handed_back(job, batch, &worker);
        if let ReplicaState::Working { until } = state {
            Self::note_given_back(&worker, job, batch, until);
        }
        Self::deposit_event(Event::HandedBack {
            job,
            batch,
            worker,
            operator: operator.clone(),
        });
        Self::note_hand_back(job, operator);
        Self::want(job, batch, ballot, 1);
        Ok(())
    }

    /// It says nothing of the input: the operator rests, and counts for no pause.
    fn note_hand_back(job: JobId, operator: T::AccountId) {
        let mut decliners = Decliners::<T>::get(job);
        let mut decliner = Self::take_decliner(&mut decliners, operator);
        decliner.handed_back = decliner.handed_back.saturating_add(1);
        Self::let_rest(&mut decliners, decliner);
        Decliners::<T>::insert(job, decliners);
    }

    /// A worker hands back all but the first `units` units of a batch, which it is about to seal. The rest is a batch like one that
    /// was handed back. What is sealed so is no delivery: by crumbs nobody gets to hand back more often. Others have
    /// [`Config::CommitSlack`] blocks from now at least: what they were about to seal is none of the batch any more.
    pub(crate) fn cut(
        worker: &T::AccountId,
        job: JobId,
        batch: BatchIndex,
        units: u32,
        ballot: &mut BallotRecordOf<T>,
        at: usize,
    ) -> DispatchResult {
        let open = Market::<T>::batch(job, batch).map_or(0, |record| record.wanted);
        let made = Market::<T>::cut(job, batch, worker, units)?;
        let least = frame_system::Pallet::<T>::block_number().saturating_add(T::CommitSlack::get());
        for (_, other) in (0..)
            .zip(ballot.replicas.iter_mut())
            .filter(|(n, _)| *n != at)
        {
            if let ReplicaState::Working { until } = &mut other.state {
                *until = (*until).max(least);
                Self::expect_by(*until, job, batch);
                Self::expect_by(*until, job, made);
            }
        }
        let mut rest = ballot.clone();
        let Replica {
            assignment, state, ..
        } = rest.replicas.remove(at);
        let operator = assignment.operator;
        if let ReplicaState::Working { until } = state {
            Self::note_given_back(worker, job, made, until);
        }
        Self::deposit_event(Event::HandedBack {
            job,
            batch: made,
            worker: worker.clone(),
            operator: operator.clone(),
        });
        Self::note_hand_back(job, operator);
        Self::want(job, made, rest, open.saturating_add(1));
        Ok(())
    }

    /// Takes what is known of an operator out of the list, or makes room for it.
    fn take_decliner(decliners: &mut DeclinersOf<T>, operator: T::AccountId) -> DeclinerOf<T> {
        let now = frame_system::Pallet::<T>::block_number();
        if let Some(at) = decliners.iter().position(|d| d.operator == operator) {
            return decliners.remove(at);
        }
        if decliners.is_full() {
            // Whoever still rests, was counted once, or has handed back so often, is forgotten last.
            let least = decliners.iter().enumerate().filter(|(_, d)| !d.counts(now));
            let least = least.min_by_key(|(_, d)| {
                let rests = now < d.rests_until;
                (rests, d.counts_until.is_some(), d.handed_back)
            });
            if let Some((at, _)) = least {
                decliners.remove(at);
            }
        }
        Decliner {
            operator,
            rests_until: now,
            counts_until: None,
            handed_back: 0,
        }
    }

    fn let_rest(decliners: &mut DeclinersOf<T>, mut decliner: DeclinerOf<T>) {
        let now = frame_system::Pallet::<T>::block_number();
        decliner.rests_until = now.saturating_add(T::DeclineRest::get());
        // If it is full, all of them count: the job is paused, and one more makes no difference.
        let _ = decliners.try_push(decliner);
    }

    pub(crate) fn do_decline(
        worker: T::AccountId,
        job: JobId,
        batch: BatchIndex,
    ) -> DispatchResult {
        let (mut ballot, at) = Self::check_commit(&worker, job, batch)?;
        let Replica {
            assignment, state, ..
        } = ballot.replicas.remove(at);
        let operator = assignment.operator;
        Market::<T>::declined(job, batch, &worker);
        if let ReplicaState::Working { until } = state {
            Self::note_given_back(&worker, job, batch, until);
        }
        Self::deposit_event(Event::Declined {
            job,
            batch,
            worker,
            operator: operator.clone(),
        });
        Self::note_decline(job, operator);
        Self::want(job, batch, ballot, 1);
        Ok(())
    }

    /// Counts an operator that declined, and pauses the job if it is one too many.
    fn note_decline(job: JobId, operator: T::AccountId) {
        let now = frame_system::Pallet::<T>::block_number();
        let mut decliners = Decliners::<T>::get(job);
        let was_paused = Self::pauses(&decliners);
        let until = now.saturating_add(T::PauseLength::get());
        let mut decliner = Self::take_decliner(&mut decliners, operator);
        // Whom a former pause counted counts for no other, unless it delivers.
        decliner.counts_until.get_or_insert(until);
        Self::let_rest(&mut decliners, decliner);
        let begins = Self::pauses(&decliners) && !was_paused;
        if begins {
            // All are used up with it, or each later one would pause the job again with those that are left.
            let counting = decliners.iter_mut().filter(|d| d.counts(now));
            counting.for_each(|d| d.counts_until = Some(until));
        }
        Decliners::<T>::insert(job, decliners);
        if begins {
            let claims: u128 = T::DeclinesToPause::get().into();
            let due = T::ClaimFee::get().saturating_mul(claims);
            let fee = Market::<T>::charge_deposit(job, due);
            Self::deposit_event(Event::Paused { job, fee });
        }
    }

    /// An operator sealed a result: whatever it declined before, it has the input now.
    pub(crate) fn note_delivery(job: JobId, operator: &T::AccountId) -> bool {
        let mut decliners = Decliners::<T>::get(job);
        let Some(at) = decliners.iter().position(|d| d.operator == *operator) else {
            return false;
        };
        let was_paused = Self::pauses(&decliners);
        decliners.remove(at);
        if was_paused && !Self::pauses(&decliners) {
            Self::deposit_event(Event::Resumed { job });
        }
        Decliners::<T>::insert(job, decliners);
        true
    }

    pub(crate) fn do_resume(who: T::AccountId, job: JobId) -> DispatchResult {
        Market::<T>::refill_deposit(job, &who)?;
        let now = frame_system::Pallet::<T>::block_number();
        let mut decliners = Decliners::<T>::get(job);
        let waits = |d: &DeclinerOf<T>| d.counts(now) || now < d.rests_until;
        ensure!(decliners.iter().any(waits), Error::<T>::NothingDeclined);
        for decliner in decliners.iter_mut() {
            decliner.counts_until = decliner.counts_until.map(|_| now);
            decliner.rests_until = now;
        }
        Decliners::<T>::insert(job, decliners);
        Self::deposit_event(Event::Resumed { job });
        Ok(())
    }

    /// Returns how many batches it looked at, those that cuts made included.
    pub(crate) fn do_acknowledge(
        who: T::AccountId,
        id: JobId,
        below: BatchIndex,
    ) -> Result<u32, DispatchError> {
        let job = Market::<T>::job(id).ok_or(MarketError::<T>::NoSuchJob)?;
        ensure!(job.requester == who, MarketError::<T>::NotRequester);
        let first = Received::<T>::get(id);
        ensure!(below > first, Error::<T>::AlreadyReceived);
        ensure!(below <= job.next_batch, Error::<T>::NotDelivered);
        // All batches of an ended job are decided.
        let batches = if job.has_ended() {
            0
        } else {
            below.saturating_sub(first)
        };
        ensure!(batches <= MAX_RECEIPT, Error::<T>::ReceiptTooLong);
        let looked_at = first..first.saturating_add(batches);
        let layout = job.layout();
        let mut count = 0u32;
        for batch in looked_at.clone().chain(layout.made_of(looked_at)) {
            count.saturating_inc();
            ensure!(!job.window.contains(&batch), Error::<T>::NotDelivered);
            Self::end_window(id, batch)?;
        }
        Received::<T>::insert(id, below);
        Self::deposit_event(Event::Received { job: id, below });
        Ok(count)
    }

    /// Whether the requester says that it has the outputs of a batch.
    pub(crate) fn is_received(job: JobId, batch: BatchIndex) -> bool {
        let record = Market::<T>::job(job);
        record.is_some_and(|record| record.is_below(batch, Received::<T>::get(job)))
    }

    /// A result that stands does so no longer: an optimistic one is final in the next block, a sealed one is opened or
    /// audited by what its worker was caught with until now. All others must be decided.
    fn end_window(job: JobId, batch: BatchIndex) -> Result<(), Error<T>> {
        let Some(mut ballot) = Ballots::<T>::get(job, batch) else {
            return Ok(());
        };
        let Stage::Standing { since, until } = ballot.stage else {
            return Err(Error::<T>::NotDelivered);
        };
        let now = frame_system::Pallet::<T>::block_number();
        if now < until {
            ballot.stage = Stage::Standing { since, until: now };
            Ballots::<T>::insert(job, batch, ballot);
            Self::expect_by(now, job, batch);
        }
        Ok(())
    }
}
