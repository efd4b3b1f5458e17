//! Recurring jobs: an order that is submitted again every so many blocks.
//!
//! The agenda starts them, so no block has more starts than it has weight for, and a start that is late moves the later
//! ones. Each job of a series is held for when it starts, like any other; its fee was held when the series was ordered,
//! since nobody sends a transaction for it.

use frame_support::{
    defensive, ensure,
    pallet_prelude::DispatchResult,
    storage::with_storage_layer,
    traits::{Defensive, Get, fungible::MutateHold, tokens::Precision},
};
use frame_system::pallet_prelude::BlockNumberFor;
use sp_runtime::traits::{One, Saturating};
use sungrid_primitives::{BatchIndex, JobId, traits::Income};

use crate::*;

impl<T: Config> Pallet<T> {
    pub(crate) fn do_repeat(
        requester: T::AccountId,
        spec: JobSpecOf<T>,
        every: BlockNumberFor<T>,
        times: u32,
    ) -> DispatchResult {
        let now = frame_system::Pallet::<T>::block_number();
        ensure!(spec.after.is_none(), Error::<T>::NotRepeatable);
        ensure!(
            (MIN_INTERVAL.into()..=T::MaxJobBlocks::get()).contains(&every),
            Error::<T>::BadInterval
        );
        ensure!((1..=MAX_STARTS).contains(&times), Error::<T>::BadTimes);
        let worst = Self::worst_case(&spec)?;
        Self::check_spec(&spec, &worst, now)?;
        let next = now.saturating_add(One::one());
        let series = SeriesRecord {
            requester: requester.clone(),
            lasts: spec.deadline.saturating_sub(now),
            spec,
            every,
            next,
            left: times,
            skipped: 0,
            deposit: T::JobDeposit::get(),
            fee: T::StartFee::get(),
        };
        let id = Self::next_id()?;
        T::Currency::hold(&HoldReason::Deposit.into(), &requester, series.held())?;
        Self::schedule(next, id, None);
        Series::<T>::insert(id, series);
        Self::deposit_event(Event::SeriesOpened {
            series: id,
            requester,
            times,
        });
        Ok(())
    }

    /// Starts the next job of a series, if there is one and it is due.
    pub(crate) fn start_if_due(id: JobId) {
        let now = frame_system::Pallet::<T>::block_number();
        let Some(mut series) = Series::<T>::get(id).filter(|series| series.next <= now) else {
            return;
        };
        let (requester, pot) = (series.requester.clone(), T::Income::pot());
        series.left = series.left.saturating_sub(1);
        let fee = Self::pay_from_hold(HoldReason::Deposit, &requester, &pot, series.fee);
        if fee != series.fee {
            defensive!("the fees of a series are held, and the pot exists");
        }
        let mut spec = series.spec.clone();
        spec.deadline = now.saturating_add(series.lasts);
        match with_storage_layer(|| Self::do_submit(requester, spec, Some(id))) {
            Ok(job) => {
                series.skipped = 0;
                Self::deposit_event(Event::SeriesStarted { series: id, job });
            }
            Err(reason) => {
                series.skipped = series.skipped.saturating_add(1);
                Self::deposit_event(Event::SeriesSkipped { series: id, reason });
            }
        }
        if series.left == 0 || series.skipped >= MAX_SKIPS {
            return Self::end_series(id, series);
        }
        series.next = now.saturating_add(series.every);
        Self::schedule(series.next, id, None);
        Series::<T>::insert(id, series);
    }

    /// Ends a series: nothing is started any more, and what is held for the record and for further starts returns.
    pub(crate) fn end_series(id: JobId, series: SeriesRecordOf<T>) {
        let reason = HoldReason::Deposit.into();
        let held = series.held();
        let released =
            T::Currency::release(&reason, &series.requester, held, Precision::BestEffort)
                .defensive_unwrap_or_default();
        if released != held {
            defensive!("the deposit was held when the series was ordered");
        }
        Agenda::<T>::remove(series.next, (id, None::<BatchIndex>));
        Series::<T>::remove(id);
        Self::deposit_event(Event::SeriesEnded {
            series: id,
            left: series.left,
            released,
        });
    }
}
