//! What must always hold.

use frame_support::{ensure, traits::Get};
use pallet_workers::{WorkerState, Workers};
use sp_runtime::{Saturating, TryRuntimeError};

use crate::*;

impl<T: Config> Pallet<T> {
    /// What must hold after every block:
    ///
    /// 1. the members are the active workers of the register;
    /// 2. their numbers are dense: each number below the count has one member, which has that number;
    /// 3. draws are of the last round's worth of blocks, of some workers;
    /// 4. nobody has answered a draw yet to come, or has got its number in a block yet to come.
    pub fn do_try_state() -> Result<(), TryRuntimeError> {
        let active = Workers::<T>::iter()
            .filter(|(_, record)| record.state == WorkerState::Active)
            .map(|(worker, _)| worker);
        let mut count = 0u32;
        for worker in active {
            count = count.saturating_add(1);
            ensure!(
                Members::<T>::contains_key(&worker),
                "liveness 1: an active worker is not in the lottery"
            );
        }
        ensure!(
            Members::<T>::iter_keys().count() == count as usize,
            "liveness 1: somebody is in the lottery who is not active"
        );
        ensure!(
            MemberCount::<T>::get() == count
                && MemberAt::<T>::iter_keys().count() == count as usize,
            "liveness 2: there are not as many numbers as members"
        );
        let now = frame_system::Pallet::<T>::block_number();
        for (worker, member) in Members::<T>::iter() {
            ensure!(
                member.index < count && MemberAt::<T>::get(member.index) == Some(worker),
                "liveness 2: a member has another's number"
            );
            ensure!(
                member.answered.is_none_or(|answered| answered <= now),
                "liveness 4: a draw yet to come was answered"
            );
            ensure!(
                member.seated <= now,
                "liveness 4: a number is from a block yet to come"
            );
        }
        for (block, draw) in Draws::<T>::iter() {
            ensure!(
                block <= now
                    && now < block.saturating_add(T::LotteryRound::get())
                    && draw.workers > 0,
                "liveness 3: a draw that should not be there"
            );
        }
        Ok(())
    }
}
