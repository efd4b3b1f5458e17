//! Benchmarks; each checks that its call did what it is measured for.

use frame_benchmarking::v2::*;
use frame_support::traits::{
    Get,
    fungible::{Inspect, Mutate},
};
use frame_system::{Pallet as System, RawOrigin, pallet_prelude::BlockNumberFor};
use sp_core::H256;
use sp_runtime::{Saturating, traits::Zero};
use sungrid_primitives::{environment::EnvironmentId, traits::Workers as _};

use crate::*;

/// A worker, and a draw of block 0 that names it last.
fn drawn<T: Config>() -> T::AccountId {
    let (worker, operator) = (account("worker", 0, 0), account("operator", 0, 0));
    pallet_workers::Pallet::<T>::prepare(&worker, &operator, EnvironmentId::repeat_byte(7));
    let draw = Draw {
        seed: H256::repeat_byte(1),
        workers: u32::MAX,
    };
    Draws::<T>::insert(BlockNumberFor::<T>::zero(), draw);
    Members::<T>::mutate_extant(&worker, |member| {
        member.index = draw.tickets().last().unwrap_or_default();
        member.since = Zero::zero();
        MemberAt::<T>::insert(member.index, &worker);
    });
    worker
}

#[benchmarks]
mod benchmarks {
    use super::*;

    #[benchmark]
    fn draw() {
        drawn::<T>();
        let now = T::LotteryRound::get();

        #[block]
        {
            Pallet::<T>::draw(now);
        }

        assert!(Draws::<T>::contains_key(now));
        assert!(!Draws::<T>::contains_key(BlockNumberFor::<T>::zero()));
    }

    #[benchmark]
    fn alive() {
        let worker = drawn::<T>();
        let block = BlockNumberFor::<T>::zero();
        System::<T>::set_block_number(block);

        #[extrinsic_call]
        _(RawOrigin::Signed(worker.clone()), block);

        let answered = Members::<T>::get(worker).and_then(|member| member.answered);
        assert_eq!(answered, Some(block));
    }

    /// Reporter and treasury are paid, and another member moves into the gap.
    #[benchmark]
    fn report() -> Result<(), BenchmarkError> {
        let worker = drawn::<T>();
        let (other, operator) = (account("worker", 1, 0), account("operator", 1, 0));
        pallet_workers::Pallet::<T>::prepare(&other, &operator, EnvironmentId::repeat_byte(7));
        let reporter: T::AccountId = whitelisted_caller();
        T::Currency::mint_into(&reporter, T::Currency::minimum_balance())?;
        T::Currency::mint_into(&T::Treasury::get(), T::Currency::minimum_balance())?;
        let block = BlockNumberFor::<T>::zero();
        let late = block
            .saturating_add(T::AnswerWindow::get())
            .saturating_add(1u32.into());
        System::<T>::set_block_number(late);

        #[extrinsic_call]
        _(RawOrigin::Signed(reporter.clone()), worker.clone(), block);

        assert!(!Members::<T>::contains_key(worker));
        assert!(T::Currency::balance(&reporter) > T::Currency::minimum_balance());
        Ok(())
    }

    impl_benchmark_test_suite!(Pallet, crate::mock::new_test_ext(), crate::mock::Test);
}
