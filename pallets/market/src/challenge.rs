//! The money of a challenge: held when somebody doubts a result, given back or lost with the verdict.

use frame_support::{
    defensive, ensure,
    pallet_prelude::DispatchError,
    traits::{Defensive, Get, fungible::MutateHold, tokens::Precision},
};
use sungrid_primitives::{
    BatchIndex, JobId,
    traits::{Assignment, BatchControl, Income},
};

use crate::*;

/// Jurors who must agree on what a challenged result should be.
pub const JURY: u32 = 2;

impl<T: Config> Pallet<T> {
    /// Holds a challenger's bond: [`Config::ChallengeBond`] and the pay of a jury at the limits of the batch. For the
    /// verifier, which has checked that the result may be challenged.
    ///
    /// # Errors
    /// [`Error::NoSuchJob`] without such a batch in flight, [`Error::AlreadyChallenged`]; the token's own if the balance
    /// does not suffice.
    pub fn challenge(
        id: JobId,
        batch: BatchIndex,
        challenger: &T::AccountId,
    ) -> Result<u128, DispatchError> {
        let terms = Self::terms(id, batch).ok_or(Error::<T>::NoSuchJob)?;
        let bond = terms
            .max_pay
            .checked_mul(u128::from(JURY))
            .and_then(|pay| pay.checked_add(T::ChallengeBond::get()))
            .ok_or(Error::<T>::EscrowTooLarge)?;
        Batches::<T>::try_mutate_exists(id, batch, |record| {
            let record = record.as_mut().ok_or(Error::<T>::NoSuchJob)?;
            ensure!(record.challenge.is_none(), Error::<T>::AlreadyChallenged);
            T::Currency::hold(&HoldReason::Challenge.into(), challenger, bond)?;
            record.challenge = Some(Challenge {
                challenger: challenger.clone(),
                bond,
            });
            Ok(bond)
        })
    }

    pub(crate) fn release_challenge(challenge: &Challenge<T::AccountId>) {
        let reason = HoldReason::Challenge.into();
        let Challenge { challenger, bond } = challenge;
        let released = T::Currency::release(&reason, challenger, *bond, Precision::BestEffort)
            .defensive_unwrap_or_default();
        if released != *bond {
            defensive!("the bond was held when the result was challenged");
        }
    }

    /// Ends a challenge. If jurors confirmed the result, each is paid `due` out of the challenger's bond, by way of
    /// the pot; of the rest half goes to `honest` in equal parts, rounded down, and what remains to the
    /// treasury. What nobody can take stays the challenger's, as does all of the bond if it was right or
    /// nobody decided. Returns what each juror is paid.
    pub(crate) fn settle_challenge(
        id: JobId,
        batch: BatchIndex,
        challenge: Challenge<T::AccountId>,
        due: u128,
        jurors: &[Assignment<T::AccountId>],
        honest: &[T::AccountId],
    ) -> Option<u128> {
        let Challenge { challenger, bond } = &challenge;
        let pay = |to: &T::AccountId, amount: u128| {
            Self::pay_from_hold(HoldReason::Challenge, challenger, to, amount)
        };
        let upheld = !jurors.is_empty() && honest.len() > jurors.len();
        let mut lost = 0u128;
        let mut juror_pay = None;
        if upheld {
            let total = due.saturating_mul(jurors.len() as u128);
            if pay(&T::Income::pot(), total) == total {
                lost = total;
                juror_pay = Some(due);
            } else {
                defensive!("the bond covers the jury, and the pot exists");
            }
            let fine = bond.saturating_sub(lost);
            let each = (fine / 2).checked_div(honest.len() as u128).unwrap_or(0);
            let to_honest = honest.iter().fold(0u128, |sum, operator| {
                sum.saturating_add(pay(operator, each))
            });
            let to_treasury = pay(&T::Treasury::get(), fine.saturating_sub(to_honest));
            lost = lost.saturating_add(to_honest).saturating_add(to_treasury);
        }
        Self::release_challenge(&Challenge {
            challenger: challenger.clone(),
            bond: bond.saturating_sub(lost),
        });
        Self::deposit_event(Event::ChallengeEnded {
            job: id,
            batch,
            challenger: challenge.challenger,
            lost,
        });
        juror_pay
    }
}
