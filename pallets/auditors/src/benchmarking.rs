//! Benchmarks; each checks that its call did what it is measured for.

use frame_benchmarking::v2::*;
use frame_support::traits::{
    EnsureOrigin, Get,
    fungible::{Inspect, Mutate},
};
use frame_system::{Pallet as System, RawOrigin};
use sp_runtime::Perbill;
use sungrid_primitives::{
    attributes::{PerAttribute, Statement, Tier},
    environment::EnvironmentId,
    traits::{Attestations, Workers as _},
};

use crate::*;

fn origin<T: Config>() -> Result<T::RuntimeOrigin, BenchmarkError> {
    T::AuditorOrigin::try_successful_origin()
        .map_err(|()| BenchmarkError::Stop("somebody must be able to admit auditors"))
}

/// An admitted auditor with the funds to bond.
fn admitted<T: Config>() -> Result<T::AccountId, BenchmarkError> {
    let auditor: T::AccountId = whitelisted_caller();
    let bond = T::AuditorBond::get().saturating_add(T::Currency::minimum_balance());
    T::Currency::mint_into(&auditor, bond.saturating_mul(2))?;
    T::Currency::mint_into(&T::Treasury::get(), T::Currency::minimum_balance())?;
    Pallet::<T>::do_admit(auditor.clone())?;
    Ok(auditor)
}

fn bonded<T: Config>() -> Result<T::AccountId, BenchmarkError> {
    let auditor = admitted::<T>()?;
    Pallet::<T>::do_bond(auditor.clone())?;
    Ok(auditor)
}

/// A worker of which the auditor has attested everything.
fn attested<T: Config>(auditor: &T::AccountId) -> Result<T::AccountId, BenchmarkError> {
    let worker = registered::<T>();
    let declared = pallet_workers::Workers::<T>::get(&worker)
        .ok_or(BenchmarkError::Stop("registered above"))?
        .attributes;
    for statement in [
        Statement::Jurisdiction(declared.jurisdiction),
        Statement::Region(declared.region),
        Statement::Architecture(declared.architecture),
        Statement::Energy(declared.energy),
        Statement::Carbon(declared.carbon),
    ] {
        Pallet::<T>::do_attest(auditor.clone(), worker.clone(), statement)?;
    }
    Ok(worker)
}

fn registered<T: Config>() -> T::AccountId {
    let (worker, operator) = (account("worker", 0, 0), account("operator", 0, 0));
    pallet_workers::Pallet::<T>::prepare(&worker, &operator, EnvironmentId::repeat_byte(7));
    Attested::<T>::remove(&worker);
    worker
}

#[benchmarks]
mod benchmarks {
    use super::*;

    #[benchmark]
    fn admit() -> Result<(), BenchmarkError> {
        let auditor: T::AccountId = whitelisted_caller();
        let origin = origin::<T>()?;

        #[extrinsic_call]
        _(origin as T::RuntimeOrigin, auditor.clone());

        assert!(Auditors::<T>::contains_key(auditor));
        Ok(())
    }

    #[benchmark]
    fn bond() -> Result<(), BenchmarkError> {
        let auditor = admitted::<T>()?;

        #[extrinsic_call]
        _(RawOrigin::Signed(auditor.clone()));

        let held = Auditors::<T>::get(auditor).map(|record| record.bond);
        assert_eq!(held, Some(T::AuditorBond::get()));
        Ok(())
    }

    #[benchmark]
    fn attest() -> Result<(), BenchmarkError> {
        let auditor = bonded::<T>()?;
        let worker = attested::<T>(&auditor)?;
        Pallet::<T>::do_retract(
            auditor.clone(),
            worker.clone(),
            PerAttribute {
                jurisdiction: true,
                ..Default::default()
            },
        )?;

        #[extrinsic_call]
        _(
            RawOrigin::Signed(auditor),
            worker.clone(),
            Statement::Jurisdiction(*b"DE"),
        );

        assert_eq!(Pallet::<T>::tiers(&worker).jurisdiction, Tier::Attested);
        Ok(())
    }

    #[benchmark]
    fn retract() -> Result<(), BenchmarkError> {
        let auditor = bonded::<T>()?;
        let worker = attested::<T>(&auditor)?;

        #[extrinsic_call]
        _(
            RawOrigin::Signed(auditor),
            worker.clone(),
            PerAttribute::<()>::default().map(|()| true),
        );

        assert!(!Attested::<T>::contains_key(worker));
        Ok(())
    }

    #[benchmark]
    fn resign() -> Result<(), BenchmarkError> {
        let auditor = bonded::<T>()?;

        #[extrinsic_call]
        _(RawOrigin::Signed(auditor.clone()));

        assert!(Auditors::<T>::get(auditor).is_some_and(|record| record.leaving.is_some()));
        Ok(())
    }

    #[benchmark]
    fn withdraw() -> Result<(), BenchmarkError> {
        let auditor = bonded::<T>()?;
        Auditors::<T>::mutate_extant(&auditor, |record| {
            record.leaving = Some(System::<T>::block_number());
        });

        #[extrinsic_call]
        _(RawOrigin::Signed(auditor.clone()));

        assert!(!Auditors::<T>::contains_key(auditor));
        Ok(())
    }

    /// Part of the bond is slashed, part released.
    #[benchmark]
    fn dismiss() -> Result<(), BenchmarkError> {
        let auditor = bonded::<T>()?;
        let worker = attested::<T>(&auditor)?;
        let origin = origin::<T>()?;

        #[extrinsic_call]
        _(
            origin as T::RuntimeOrigin,
            auditor.clone(),
            Perbill::from_percent(50),
        );

        assert!(!Auditors::<T>::contains_key(auditor));
        assert_eq!(Pallet::<T>::tiers(&worker), Default::default());
        Ok(())
    }

    impl_benchmark_test_suite!(Pallet, crate::mock::new_test_ext(), crate::mock::Test);
}
