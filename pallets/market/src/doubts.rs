//! The money of a call for witnesses: held of a requester that cannot fetch what it paid for, given back or lost with
//! what they say; and what those pay who withheld it.

use alloc::vec::Vec;
use frame_support::{
    defensive, ensure,
    pallet_prelude::DispatchError,
    traits::{Defensive, Get, fungible::MutateHold, tokens::Precision},
};
use sungrid_primitives::{
    BatchIndex, JobId,
    traits::{Assignment, Income, Workers},
};

use crate::*;

impl<T: Config> Pallet<T> {
    /// Holds of a job's requester what a call for witnesses costs if they find the outputs: [`Config::ChallengeBond`] and
    /// `fees`. The bonds of those who have them stay until [`Pallet::end_doubt`]. For the verifier, which has checked that
    /// they may be called; returns what is held.
    ///
    /// # Errors
    /// [`Error::NoSuchJob`]; [`Error::AlreadyChallenged`] while witnesses are at it; the token's own if the balance does not
    /// suffice.
    pub fn doubt(
        id: JobId,
        batch: BatchIndex,
        holders: &[Assignment<T::AccountId>],
        fees: u128,
    ) -> Result<u128, DispatchError> {
        let job = Jobs::<T>::get(id).ok_or(Error::<T>::NoSuchJob)?;
        ensure!(
            !Doubts::<T>::contains_key(id, batch),
            Error::<T>::AlreadyChallenged
        );
        let bond = T::ChallengeBond::get()
            .checked_add(fees)
            .ok_or(Error::<T>::EscrowTooLarge)?;
        T::Currency::hold(&HoldReason::Challenge.into(), &job.requester, bond)?;
        Doubts::<T>::insert(id, batch, bond);
        for holder in holders {
            T::Workers::questioned(&holder.worker);
        }
        Ok(bond)
    }

    /// Pays each of `witnesses` `fee` planck out of what is held for a call, and says what they got together. What one of
    /// them cannot take stays the requester's.
    pub fn pay_witnesses(
        id: JobId,
        batch: BatchIndex,
        witnesses: &[T::AccountId],
        fee: u128,
    ) -> u128 {
        let (Some(job), Some(bond)) = (Jobs::<T>::get(id), Doubts::<T>::get(id, batch)) else {
            defensive!("witnesses are paid while the call is open");
            return 0;
        };
        let fees = witnesses.iter().fold(0u128, |sum, witness| {
            let most = fee.min(bond.saturating_sub(sum));
            let reason = HoldReason::Challenge;
            sum.saturating_add(Self::pay_from_hold(reason, &job.requester, witness, most))
        });
        Doubts::<T>::insert(id, batch, bond.saturating_sub(fees));
        fees
    }

    /// Ends a call: if the doubt was `wrong`, the treasury gets [`Config::ChallengeBond`] of what is held; the rest is the
    /// requester's again. The bonds of those who have the outputs answer for this call no more.
    pub fn end_doubt(
        id: JobId,
        batch: BatchIndex,
        holders: &[Assignment<T::AccountId>],
        wrong: bool,
    ) {
        let (Some(job), Some(bond)) = (Jobs::<T>::get(id), Doubts::<T>::take(id, batch)) else {
            defensive!("a call ends once, while its job is there");
            return;
        };
        let fine = if wrong {
            let (reason, treasury) = (HoldReason::Challenge, T::Treasury::get());
            let most = bond.min(T::ChallengeBond::get());
            Self::pay_from_hold(reason, &job.requester, &treasury, most)
        } else {
            0
        };
        let rest = bond.saturating_sub(fine);
        let released = T::Currency::release(
            &HoldReason::Challenge.into(),
            &job.requester,
            rest,
            Precision::BestEffort,
        )
        .defensive_unwrap_or_default();
        if released != rest {
            defensive!("the bond was held when witnesses were called");
        }
        for holder in holders {
            T::Workers::resolved(&holder.worker);
        }
        Self::deposit_event(Event::DoubtEnded {
            job: id,
            batch,
            fine,
        });
    }

    /// Nobody serves the outputs of a batch: its settlement is turned back. What the requester paid, `results` times the cost
    /// of `charge`, and `costs` on top, returns to it out of the bonds of all who have them, in equal parts, rounded up, the
    /// shortfall of one on the next; then each is slashed, all of that for the treasury, unless it was for another batch of
    /// late: a machine that is away owes many. Before [`Pallet::end_doubt`], while their bonds are sure to be there.
    ///
    /// The payment itself stays in its pot: much of it is spent, and not by those who withhold.
    pub fn turn_back(
        id: JobId,
        batch: BatchIndex,
        holders: &[Assignment<T::AccountId>],
        results: u32,
        charge: u128,
        costs: u128,
    ) {
        let Some(job) = Jobs::<T>::get(id) else {
            defensive!("a job stays while its outputs are in question");
            return;
        };
        let price = job.cost(batch, charge, Self::price_of(id, batch, &job));
        let due = price.saturating_mul(results.into()).saturating_add(costs);
        let mut left = due;
        let share_of = (1..=holders.len() as u128).rev();
        for (holder, others) in holders.iter().zip(share_of) {
            let paid = T::Workers::indemnify(&holder.worker, &job.requester, left.div_ceil(others));
            left = left.saturating_sub(paid);
        }
        Self::deposit_event(Event::TurnedBack {
            job: id,
            batch,
            returned: due.saturating_sub(left),
            owed: left,
        });
        let slashed: Vec<_> = holders
            .iter()
            .map(|holder| T::Workers::slash_withheld(&holder.worker))
            .collect();
        for (holder, amounts) in holders.iter().zip(slashed) {
            let Some(amounts) = amounts else {
                continue;
            };
            T::Income::faulted(&holder.worker, &holder.operator);
            Self::deposit_event(Event::Slashed {
                job: id,
                batch,
                worker: holder.worker.clone(),
                operator: holder.operator.clone(),
                total: amounts.total,
                to_honest: amounts.to_honest,
            });
        }
    }
}
