//! Benchmarks; each checks that its call did what it is measured for.

use codec::Decode;
use frame_benchmarking::v2::*;
use frame_support::{
    BoundedVec,
    traits::{
        Get,
        fungible::{Inspect, Mutate},
    },
};
use frame_system::{Pallet as System, RawOrigin, pallet_prelude::BlockNumberFor};
use sp_core::{crypto::KeyTypeId, sr25519};
use sp_io::crypto::{sr25519_generate, sr25519_sign};
use sp_runtime::Saturating;
use sungrid_primitives::{
    attributes::{Architecture, Attributes, EnergySource, TaskClass},
    environment::EnvironmentId,
    job::MAX_ENDPOINT_BYTES,
    registration::registration_payload,
    suns::{CPU_1, Resources},
    traits::{CPU_1_ID, Pricing, Workers as WorkersTrait},
};

use crate::*;

const KEY_TYPE: KeyTypeId = KeyTypeId(*b"sgwk");
const ENVIRONMENT: EnvironmentId = EnvironmentId::repeat_byte(7);

fn endpoint() -> Endpoint {
    BoundedVec::truncate_from(alloc::vec![1; MAX_ENDPOINT_BYTES as usize])
}

fn attributes() -> Attributes {
    Attributes {
        // The last of the list: the longest search.
        jurisdiction: *b"ZW",
        region: BoundedVec::truncate_from(alloc::vec![b'x'; 32]),
        architecture: Architecture::Other,
        energy: EnergySource::Unknown,
        carbon: u16::MAX,
        classes: BoundedVec::truncate_from(TaskClass::ALL.to_vec()),
    }
}

/// A registered worker and its operator.
fn worker<T: Config>() -> (T::AccountId, T::AccountId) {
    let (worker, operator) = (account("worker", 0, 0), whitelisted_caller());
    <Pallet<T> as WorkersTrait<_>>::prepare(&worker, &operator, ENVIRONMENT);
    (worker, operator)
}

/// A new key and its consent.
fn consent<T: Config>(
    operator: &T::AccountId,
) -> Result<(T::AccountId, sr25519::Signature), BenchmarkError> {
    let key = sr25519_generate(KEY_TYPE, None);
    let worker = T::AccountId::decode(&mut &key.0[..])
        .map_err(|_| BenchmarkError::Stop("accounts are 32-byte keys"))?;
    let genesis = System::<T>::block_hash(BlockNumberFor::<T>::default());
    let payload = registration_payload(&genesis, operator.as_ref(), &key.0);
    let proof = sr25519_sign(KEY_TYPE, &key, &payload)
        .ok_or(BenchmarkError::Stop("the keystore has just made this key"))?;
    Ok((worker, proof))
}

/// So many parts of a worker's bond leave, each since a block of its own.
fn leaving<T: Config>(worker: &T::AccountId, parts: u32) {
    let now = System::<T>::block_number();
    Workers::<T>::mutate_extant(worker, |record| {
        for n in 0..parts {
            let part = Unbonding {
                amount: 1,
                left: now.saturating_add(n.into()),
            };
            // Whatever fails here fails the benchmark at its verification.
            let _ = record.unbonding.try_push(part);
        }
    });
    System::<T>::set_block_number(now.saturating_add(parts.into()));
}

fn prices<T: Config>() {
    T::Pricing::prepare(CPU_1_ID, CPU_1, 1, ENVIRONMENT);
}

#[benchmarks]
mod benchmarks {
    use super::*;

    #[benchmark]
    fn register() -> Result<(), BenchmarkError> {
        prices::<T>();
        let operator: T::AccountId = whitelisted_caller();
        let bond = Pallet::<T>::bond_for(1_000_000);
        T::Currency::mint_into(&operator, (bond + T::Currency::minimum_balance()) * 2)?;
        let (worker, proof) = consent::<T>(&operator)?;

        #[extrinsic_call]
        _(
            RawOrigin::Signed(operator.clone()),
            worker.clone(),
            endpoint(),
            attributes(),
            ENVIRONMENT,
            CPU_1_ID,
            CPU_1.contains,
            bond,
            proof,
        );

        assert_eq!(
            Workers::<T>::get(worker).map(|record| record.operator),
            Some(operator)
        );
        Ok(())
    }

    #[benchmark]
    fn update() {
        let (worker, _) = worker::<T>();

        #[extrinsic_call]
        _(
            RawOrigin::Signed(worker.clone()),
            worker.clone(),
            endpoint(),
            attributes(),
        );

        assert_eq!(
            Workers::<T>::get(worker).map(|record| record.attributes),
            Some(attributes())
        );
    }

    #[benchmark]
    fn set_capacity() {
        prices::<T>();
        let (worker, operator) = worker::<T>();
        let resources = Resources { ..CPU_1.contains };

        #[extrinsic_call]
        _(RawOrigin::Signed(operator), worker.clone(), resources);

        assert_eq!(
            Workers::<T>::get(worker).map(|record| record.capacity),
            Some(1_000_000)
        );
    }

    #[benchmark]
    fn bond_more() -> Result<(), BenchmarkError> {
        let (worker, operator) = worker::<T>();
        let amount = T::MinBond::get();
        T::Currency::mint_into(&operator, amount)?;
        let before = Workers::<T>::get(&worker).map(|record| record.bond);

        #[extrinsic_call]
        _(RawOrigin::Signed(operator), worker.clone(), amount);

        let after = Workers::<T>::get(&worker).map(|record| record.bond);
        assert_eq!(after, before.map(|bond| bond + amount));
        Ok(())
    }

    /// The last part that can leave.
    #[benchmark]
    fn unbond() {
        let (worker, operator) = worker::<T>();
        leaving::<T>(&worker, MAX_UNBONDING.saturating_sub(1));
        let before = Workers::<T>::get(&worker).map(|record| record.staying());
        Workers::<T>::mutate_extant(&worker, |record| record.capacity = 1);
        let amount = T::MinBond::get();

        #[extrinsic_call]
        _(RawOrigin::Signed(operator), worker.clone(), amount);

        let record = Workers::<T>::get(&worker).expect("registered");
        assert!(record.unbonding.is_full());
        assert_eq!(Some(record.staying()), before.map(|before| before - amount));
    }

    /// All parts that can leave, none of which answers for anything any more.
    #[benchmark]
    fn withdraw_unbonded() {
        let (worker, operator) = worker::<T>();
        leaving::<T>(&worker, MAX_UNBONDING);
        let before = Workers::<T>::get(&worker).expect("registered");
        let now = System::<T>::block_number();
        let all = T::LongestBatch::get().saturating_add(T::Liability::get());
        System::<T>::set_block_number(now.saturating_add(all));

        #[extrinsic_call]
        _(RawOrigin::Signed(operator), worker.clone());

        let record = Workers::<T>::get(&worker).expect("registered");
        assert!(record.unbonding.is_empty());
        assert_eq!(record.bond, before.staying());
    }

    #[benchmark]
    fn pause() {
        let (worker, _) = worker::<T>();

        #[extrinsic_call]
        _(RawOrigin::Signed(worker.clone()), worker.clone());

        assert_eq!(
            Workers::<T>::get(worker).map(|record| record.state),
            Some(WorkerState::Paused)
        );
    }

    #[benchmark]
    fn resume() {
        let (worker, _) = worker::<T>();
        Workers::<T>::mutate_extant(&worker, |record| record.state = WorkerState::Paused);

        #[extrinsic_call]
        _(RawOrigin::Signed(worker.clone()), worker.clone());

        assert_eq!(
            Workers::<T>::get(worker).map(|record| record.state),
            Some(WorkerState::Active)
        );
    }

    #[benchmark]
    fn leave() {
        let (worker, operator) = worker::<T>();

        #[extrinsic_call]
        _(RawOrigin::Signed(operator), worker.clone());

        assert!(matches!(
            Workers::<T>::get(worker).map(|record| record.state),
            Some(WorkerState::Leaving { .. })
        ));
    }

    #[benchmark]
    fn withdraw() {
        let (worker, operator) = worker::<T>();
        let until = System::<T>::block_number();
        Workers::<T>::mutate_extant(&worker, |record| {
            record.state = WorkerState::Leaving { until };
        });

        #[extrinsic_call]
        _(RawOrigin::Signed(operator), worker.clone());

        assert!(!Workers::<T>::contains_key(worker));
    }

    #[benchmark]
    fn set_environment() {
        prices::<T>();
        let (worker, operator) = worker::<T>();
        Workers::<T>::mutate_extant(&worker, |record| record.environment = EnvironmentId::zero());

        #[extrinsic_call]
        _(RawOrigin::Signed(operator), worker.clone(), ENVIRONMENT);

        assert_eq!(
            Workers::<T>::get(worker).map(|record| record.environment),
            Some(ENVIRONMENT)
        );
    }

    #[benchmark]
    fn rotate_key() -> Result<(), BenchmarkError> {
        let (worker, operator) = worker::<T>();
        let (key, proof) = consent::<T>(&operator)?;

        #[extrinsic_call]
        _(
            RawOrigin::Signed(operator),
            worker.clone(),
            key.clone(),
            proof,
        );

        assert!(Workers::<T>::contains_key(key) && !Workers::<T>::contains_key(worker));
        Ok(())
    }

    #[benchmark]
    fn offer() {
        let (worker, operator) = worker::<T>();
        let buyer = account("buyer", 0, 0);

        #[extrinsic_call]
        _(RawOrigin::Signed(operator), worker.clone(), buyer, 1);

        assert!(Offers::<T>::contains_key(worker));
    }

    #[benchmark]
    fn retract_offer() -> Result<(), BenchmarkError> {
        let (worker, operator) = worker::<T>();
        Pallet::<T>::do_offer(operator.clone(), worker.clone(), operator.clone(), 1)?;

        #[extrinsic_call]
        _(RawOrigin::Signed(operator), worker.clone());

        assert!(!Offers::<T>::contains_key(worker));
        Ok(())
    }

    #[benchmark]
    fn accept() -> Result<(), BenchmarkError> {
        let (worker, operator) = worker::<T>();
        let buyer: T::AccountId = account("buyer", 0, 0);
        let price = T::Currency::minimum_balance();
        T::Currency::mint_into(&buyer, price.saturating_mul(2))?;
        Pallet::<T>::do_offer(operator, worker.clone(), buyer.clone(), price)?;
        let now = System::<T>::block_number();
        System::<T>::set_block_number(now.saturating_add(T::Cooldown::get()));
        let (key, proof) = consent::<T>(&buyer)?;

        #[extrinsic_call]
        _(
            RawOrigin::Signed(buyer.clone()),
            worker,
            price,
            key.clone(),
            proof,
        );

        assert_eq!(
            Workers::<T>::get(key).map(|record| record.operator),
            Some(buyer)
        );
        Ok(())
    }

    impl_benchmark_test_suite!(Pallet, crate::mock::new_test_ext(), crate::mock::Test);
}
