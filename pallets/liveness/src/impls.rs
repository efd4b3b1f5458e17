//! Draws, and who takes part in them.

use alloc::vec::Vec;
use frame_support::{
    defensive,
    traits::{Get, Randomness},
};
use frame_system::{Pallet as System, pallet_prelude::BlockNumberFor};
use sp_runtime::{
    Saturating,
    traits::{CheckedSub, One},
};
use sungrid_primitives::traits::{Fleet, Roster};

use crate::*;

impl<T: Config> Pallet<T> {
    /// Draws for a block, and forgets the draw that is a round old.
    pub(crate) fn draw(now: BlockNumberFor<T>) {
        let workers = MemberCount::<T>::get();
        if workers > 0 {
            let (random, _) = T::Randomness::random(b"sungrid/lottery");
            let seed = random.unwrap_or_else(System::<T>::parent_hash);
            Draws::<T>::insert(now, Draw { seed, workers });
        }
        if let Some(old) = now.checked_sub(&T::LotteryRound::get()) {
            Draws::<T>::remove(old);
        }
    }

    fn round(block: BlockNumberFor<T>) -> BlockNumberFor<T> {
        // The integrity test keeps the divisor above zero.
        block / T::LotteryRound::get()
    }

    /// Whether a block's draw is about this member, and it has answered neither that nor another of its round.
    pub(crate) fn owes_answer(member: &MemberOf<T>, block: BlockNumberFor<T>) -> bool {
        member.since <= block
            && member
                .answered
                .is_none_or(|answered| Self::round(answered) < Self::round(block))
            && Draws::<T>::get(block).is_some_and(|draw| draw.has(member.index))
    }

    /// The last draw that a worker owes an answer to which the next block still takes.
    pub(crate) fn open_draw(worker: &T::AccountId) -> Option<BlockNumberFor<T>> {
        let mut block = System::<T>::block_number();
        let next = block.saturating_add(One::one());
        while next <= block.saturating_add(T::AnswerWindow::get()) {
            if Self::check_answer(worker, block).is_ok() {
                return Some(block);
            }
            block = block.checked_sub(&One::one())?;
        }
        None
    }

    /// The workers that can be reported for a block's draw.
    pub(crate) fn absent_in(block: BlockNumberFor<T>) -> Vec<T::AccountId> {
        let Some(draw) = Draws::<T>::get(block).filter(|_| Self::can_be_reported(block)) else {
            return Vec::new();
        };
        let mut absent: Vec<_> = draw
            .tickets()
            .filter_map(MemberAt::<T>::get)
            .filter(|worker| Self::is_absent(worker, block))
            .collect();
        absent.sort();
        absent.dedup();
        absent
    }
}

impl<T: Config> Roster<T::AccountId> for Pallet<T> {
    fn joined(worker: &T::AccountId) {
        if Members::<T>::contains_key(worker) {
            defensive!("a worker became active twice");
            return;
        }
        let now = System::<T>::block_number();
        let index = MemberCount::<T>::get();
        // Each has a bond of its own: there is not money enough for 2^32 of them.
        MemberCount::<T>::put(index.saturating_add(1));
        MemberAt::<T>::insert(index, worker);
        let next_round = Self::round(now).saturating_add(One::one());
        Members::<T>::insert(
            worker,
            Member {
                index,
                seated: now,
                since: next_round.saturating_mul(T::LotteryRound::get()),
                answered: None,
            },
        );
    }

    fn left(worker: &T::AccountId) {
        let Some(Member { index, .. }) = Members::<T>::take(worker) else {
            defensive!("a worker that was not active paused or left");
            return;
        };
        let last = MemberCount::<T>::get().saturating_sub(1);
        MemberCount::<T>::put(last);
        let Some(moved) = MemberAt::<T>::take(last) else {
            defensive!("numbers are dense");
            return;
        };
        if index == last {
            return;
        }
        let now = System::<T>::block_number();
        Members::<T>::mutate_extant(&moved, |member| {
            member.index = index;
            member.seated = now;
            // Earlier draws of its new number were about another.
            member.since = member.since.max(now.saturating_add(One::one()));
        });
        MemberAt::<T>::insert(index, moved);
    }
}

impl<T: Config> Fleet<T::AccountId, BlockNumberFor<T>> for Pallet<T> {
    fn count() -> u32 {
        MemberCount::<T>::get()
    }

    fn at(number: u32, block: BlockNumberFor<T>) -> Option<T::AccountId> {
        let worker = MemberAt::<T>::get(number)?;
        let member = Members::<T>::get(&worker)?;
        (member.seated <= block).then_some(worker)
    }
}
