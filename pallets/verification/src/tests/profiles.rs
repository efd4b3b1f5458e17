//! Work in another profile than the machines of most: who may claim it, what it costs, and what it tells of prices.

use frame_support::{assert_noop, assert_ok};
use pallet_market::{Error as MarketError, Outcome, Policy};
use sp_core::Pair;
use sungrid_primitives::{
    attributes::{Architecture, Attributes, EnergySource, TaskClass},
    explain::Rejection,
    registration::registration_payload,
    suns::{CPU_1, GPU_1, Profile, Resources},
    traits::{CPU_1_ID, ProfileId, ProfileKind},
};

use crate::mock::*;

/// A card beside its processor: what is computed is metered by the fuel of the program that drives it.
const WITH_CARD: Profile = Profile {
    contains: Resources {
        gpu_memory: GPU_1.contains.gpu_memory,
        ..CPU_1.contains
    },
};

/// Adds the next version of a kind.
fn add(kind: ProfileKind, profile: Profile) -> ProfileId {
    assert_ok!(Suns::add_profile(RuntimeOrigin::root(), kind, profile));
    let version = pallet_suns::Profiles::<Test>::iter_keys()
        .filter(|id| id.kind == kind)
        .map(|id| id.version)
        .max();
    ProfileId {
        kind,
        version: version.expect("added"),
    }
}

/// Registers worker `n`, beside that of the same operator, for four SUNS of a profile.
fn register_for(n: u8, operator: AccountId, id: ProfileId, profile: Profile) {
    let genesis = System::block_hash(0);
    let payload = registration_payload(&genesis, operator.as_ref(), worker(n).as_ref());
    let one = profile.contains;
    assert_ok!(Workers::register(
        signed(operator),
        worker(n),
        vec![n].try_into().expect("short"),
        Attributes {
            jurisdiction: *b"DE",
            region: Default::default(),
            architecture: Architecture::X86_64,
            energy: EnergySource::Wind,
            carbon: 10,
            classes: vec![TaskClass::Rendering].try_into().expect("one"),
        },
        ENVIRONMENT,
        id,
        Resources {
            fuel_per_second: 4 * one.fuel_per_second,
            memory: 4 * one.memory,
            storage: 4 * one.storage,
            bandwidth: 4 * one.bandwidth,
            gpu_flops: 4 * one.gpu_flops,
            gpu_memory: 4 * one.gpu_memory,
            gpu_bandwidth: 4 * one.gpu_bandwidth,
            addresses: 4 * one.addresses,
        },
        BOND,
        sp_core::sr25519::Pair::from_seed(&[n; 32]).sign(&payload),
    ));
}

#[test]
fn work_in_another_profile_is_for_its_machines_at_its_price() {
    run(|| {
        let id = add(ProfileKind::Gpu, WITH_CARD);
        let mut order = spec(1, 2);
        order.profile = id;
        // Nothing trades in a profile before it has a floor of its own, nor below that.
        let submit = |order: &_| Market::submit(signed(requester()), Clone::clone(order));
        assert_noop!(submit(&order), MarketError::<Test>::PriceBelowFloor);
        assert_ok!(Suns::set_price_floor(RuntimeOrigin::root(), id, 3 * PRICE));
        order.price = 3 * PRICE - 1;
        assert_noop!(submit(&order), MarketError::<Test>::PriceBelowFloor);
        order.price = 5 * PRICE;
        let job = pallet_market::NextJobId::<Test>::get();
        let spots = || (Suns::spot(CPU_1_ID), Suns::spot(id));
        let before = spots();
        assert_ok!(submit(&order));

        // Twelve machines of Cpu/1 are none of those that it wants,
        assert!((1..=WORKERS).all(|n| !Market::claimable(job, worker(n))));
        let survey = Market::explain(job).expect("open").survey;
        let [profile] = &survey.constraints[..] else {
            panic!("{survey:?}");
        };
        assert_eq!(
            (profile.reason, profile.alone, survey.suitable),
            (Rejection::Profile, u32::from(WORKERS), 0)
        );
        assert_eq!(Market::quote(&order).map(|quote| quote.wait), Some(None));
        // and those of the profile do nothing else.
        for (n, beside) in [(13, 1), (14, 2)] {
            register_for(n, operator(beside), id, WITH_CARD);
        }
        let other = submit_under(Policy::Replicate(2), 1);
        assert!(!Market::claimable(other, worker(13)));
        for n in [13, 14] {
            claim(n, job);
        }
        for n in [13, 14] {
            commit(n, job, 0, &truth(0));
        }
        for n in [13, 14] {
            reveal(n, job, 0, &truth(0));
        }
        assert_eq!(outcome(job), Some(Outcome::Completed));
        // Two results of half of the worst case, at five times the price; which tells of this profile, and of no other.
        let paid = Market::job(job).expect("kept").paid;
        assert_eq!(paid, 5 * BATCH_COST);
        let after = spots();
        assert_eq!(after.0, before.0);
        assert!(after.1 > before.1, "{before:?} {after:?}");
        assert_eq!(registered(13).delivered, BATCH_CHARGE / 2);
    });
}

/// What no fuel meters has no bill that anybody could replay.
#[test]
fn a_profile_without_fuel_is_declared_and_priced_and_computes_nothing() {
    run(|| {
        let id = add(ProfileKind::Gpu, GPU_1);
        assert_ok!(Suns::set_price_floor(RuntimeOrigin::root(), id, 1));
        register_for(13, operator(1), id, GPU_1);
        assert_eq!(registered(13).capacity, 4_000_000);
        let mut order = spec(1, 2);
        order.profile = id;
        assert_noop!(
            Market::submit(signed(requester()), order.clone()),
            MarketError::<Test>::UnsuitableProfile
        );
        assert_eq!(Market::quote(&order), None);
    });
}

/// One that contains no line cannot be paid for bytes: an order says that it moves none.
#[test]
fn a_profile_without_a_line_takes_what_moves_nothing() {
    run(|| {
        let mut contains = WITH_CARD.contains;
        contains.bandwidth = 0;
        let profile = Profile { contains };
        let id = add(ProfileKind::Gpu, profile);
        assert_ok!(Suns::set_price_floor(RuntimeOrigin::root(), id, 1));
        let mut order = spec(1, 2);
        order.profile = id;
        assert_noop!(
            Market::submit(signed(requester()), order.clone()),
            MarketError::<Test>::UnsuitableProfile
        );
        order.traffic_limit = 0;
        assert_ok!(Market::submit(signed(requester()), order));
    });
}
