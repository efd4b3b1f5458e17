//! What the calls do, after their origin is known.

use frame_support::{ensure, pallet_prelude::DispatchResult, traits::Get};
use frame_system::{Pallet as System, pallet_prelude::BlockNumberFor};
use sp_runtime::Saturating;
use sungrid_primitives::traits::Liveness;

use crate::*;

type Register<T> = pallet_workers::Pallet<T>;

impl<T: Config> Pallet<T> {
    /// Every check of an answer.
    pub(crate) fn check_answer(
        worker: &T::AccountId,
        block: BlockNumberFor<T>,
    ) -> Result<MemberOf<T>, Error<T>> {
        let member = Members::<T>::get(worker)
            .filter(|_| Register::<T>::in_service(worker).is_some())
            .ok_or(Error::<T>::NotInLottery)?;
        let now = System::<T>::block_number();
        ensure!(
            now <= block.saturating_add(T::AnswerWindow::get()),
            Error::<T>::AnswerTooLate
        );
        ensure!(Self::owes_answer(&member, block), Error::<T>::NotDrawn);
        Ok(member)
    }

    pub(crate) fn do_alive(worker: T::AccountId, block: BlockNumberFor<T>) -> DispatchResult {
        let mut member = Self::check_answer(&worker, block)?;
        member.answered = Some(block);
        Members::<T>::insert(&worker, member);
        if let Some((operator, capacity)) = Register::<T>::in_service(&worker)
            && capacity >= T::MinCapacity::get()
        {
            T::Liveness::note_live(&worker, &operator);
        }
        Self::deposit_event(Event::Answered { worker, block });
        Ok(())
    }

    /// Whether a worker can be reported for a block's draw.
    pub(crate) fn is_absent(worker: &T::AccountId, block: BlockNumberFor<T>) -> bool {
        Members::<T>::get(worker).is_some_and(|member| Self::owes_answer(&member, block))
            && Register::<T>::in_service(worker).is_some()
    }

    pub(crate) fn do_report(
        reporter: T::AccountId,
        worker: T::AccountId,
        block: BlockNumberFor<T>,
    ) -> DispatchResult {
        ensure!(Self::can_be_reported(block), Error::<T>::ReportTooEarly);
        ensure!(Self::is_absent(&worker, block), Error::<T>::NotAbsent);
        let bounty = Register::<T>::penalise_absence(&worker, &reporter, T::AbsencePenalty::get());
        Self::deposit_event(Event::AbsenceReported {
            worker,
            block,
            reporter,
            bounty,
        });
        Ok(())
    }

    /// Whether the time to answer a block's draw is over.
    pub(crate) fn can_be_reported(block: BlockNumberFor<T>) -> bool {
        System::<T>::block_number() > block.saturating_add(T::AnswerWindow::get())
    }
}
