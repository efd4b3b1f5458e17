//! When a batch that nobody has claimed yet is accepted: for quotes.

use frame_support::traits::Get;
use frame_system::pallet_prelude::BlockNumberFor;
use pallet_market::{Policy, SUMMONS_STEP};
use sp_runtime::traits::SaturatedConversion;
use sungrid_primitives::{
    policy::{RESULTS_PER_LIE, TRUSTED_FROM},
    traits::{Outlook, Prospect, Workers},
};

use crate::*;

impl<T: Config> Pallet<T> {
    /// What is to be expected of a batch that this worker of this operator claims first, and computes at its limits.
    ///
    /// Commitments and reveals are in the next block, summonses reach somebody when they reach everybody.
    pub(crate) fn look_out(
        worker: &T::AccountId,
        operator: &T::AccountId,
        batch: &Prospect<'_>,
    ) -> Outlook {
        let number = |blocks: BlockNumberFor<T>| -> u64 { blocks.saturated_into() };
        let blocks = |seconds| number(Self::virtual_blocks(seconds));
        let now = number(frame_system::Pallet::<T>::block_number());
        let claimed = now.saturating_add(blocks(batch.start));
        let sealed = claimed.saturating_add(blocks(batch.virtual_seconds));
        let drawn = sealed.saturating_add(number(T::DrawDelay::get()));
        let found_again = drawn
            .saturating_add((8 * SUMMONS_STEP).into())
            .saturating_add(blocks(batch.virtual_seconds));
        let (until, is_checked) = match batch.policy {
            Policy::Optimistic => (
                sealed.saturating_add(number(T::ChallengeWindow::get())),
                false,
            ),
            Policy::Replicate(_) => (sealed, true),
            Policy::Quorum(_) => (found_again, true),
            Policy::Adaptive => {
                let trust = Trusts::<T>::get(worker, batch.environment);
                let audit = number(Self::audit_blocks(batch.virtual_seconds));
                let stands =
                    drawn.saturating_add(number(Self::standing_blocks(batch.virtual_seconds)));
                let latest = Self::latest_before(batch.deadline.saturated_into());
                let latest = number(latest).max(drawn);
                let audited = AuditedUntil::<T>::get(operator).map_or(0, number);
                if trust.streak < TRUSTED_FROM || claimed.saturating_add(audit) >= batch.deadline {
                    // Two are ordered at once.
                    (sealed, true)
                } else if audited > stands.max(latest) {
                    (found_again, true)
                } else {
                    let stake = <T as pallet_market::Config>::Workers::exposed(worker);
                    let all = u128::from(trust.audited_in(stake, batch.pay));
                    let audits = u128::from(RESULTS_PER_LIE).min(all);
                    let alone = u128::from(stands.max(audited).min(latest));
                    // Block numbers times at most some ten thousand.
                    let sum = u128::from(found_again)
                        .saturating_mul(audits)
                        .saturating_add(alone.saturating_mul(all.saturating_sub(audits)));
                    (sum.div_ceil(all.max(1)).saturated_into(), false)
                }
            }
        };
        Outlook {
            seconds: until
                .saturating_sub(now)
                .saturating_mul(T::SecondsPerBlock::get()),
            is_checked,
        }
    }
}
