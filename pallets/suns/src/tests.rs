//! Every call, every error, every invariant.

use frame_support::{assert_noop, assert_ok};
use sp_runtime::{DispatchError, TryRuntimeError};
use sungrid_primitives::{
    ISC,
    environment::EnvironmentId,
    suns::{
        CPU_1, GPU_1, MICRO, Profile, Resources, SECONDS_PER_HOUR,
        spot::{LEAST_STEP, Spot, VOLUME},
    },
    traits::{CPU_1_ID, GPU_1_ID, Pricing, ProfileId, ProfileKind},
};

use crate::{
    Environments, Error, Event, Latest, PriceFloors, PriceQuote, Profiles, SpotRecord, Spots,
    mock::{
        ENVIRONMENT, FLOOR, PERIOD, RuntimeOrigin, Suns, System, Test, genesis, scenario,
        with_genesis,
    },
};

const OTHER: EnvironmentId = EnvironmentId::repeat_byte(8);

mod calls {
    use super::*;

    #[test]
    fn the_genesis_is_what_it_says() {
        scenario(|| {
            assert_eq!(<Suns as Pricing>::profile(CPU_1_ID), Some(CPU_1));
            assert_eq!(<Suns as Pricing>::floor(CPU_1_ID), FLOOR);
            assert!(<Suns as Pricing>::accepts(&ENVIRONMENT));
            assert!(!<Suns as Pricing>::accepts(&OTHER));
        });
    }

    #[test]
    fn versions_of_a_kind_follow_each_other_and_never_change() {
        scenario(|| {
            assert_ok!(Suns::add_profile(
                RuntimeOrigin::root(),
                ProfileKind::Gpu,
                GPU_1
            ));
            System::assert_last_event(
                Event::ProfileAdded {
                    id: GPU_1_ID,
                    profile: GPU_1,
                }
                .into(),
            );
            let bigger = Profile {
                contains: Resources {
                    gpu_memory: 32 << 30,
                    ..GPU_1.contains
                },
            };
            assert_ok!(Suns::add_profile(
                RuntimeOrigin::root(),
                ProfileKind::Gpu,
                bigger
            ));
            let second = ProfileId {
                version: 2,
                ..GPU_1_ID
            };
            assert_eq!(Profiles::<Test>::get(second), Some(bigger));
            assert_eq!(Profiles::<Test>::get(GPU_1_ID), Some(GPU_1));
            assert_eq!(Profiles::<Test>::get(CPU_1_ID), Some(CPU_1));
        });
    }

    #[test]
    fn a_profile_must_contain_something() {
        scenario(|| {
            let empty = Profile {
                contains: Resources::default(),
            };
            assert_noop!(
                Suns::add_profile(RuntimeOrigin::root(), ProfileKind::Cpu, empty),
                Error::<Test>::EmptyProfile
            );
        });
    }

    #[test]
    fn versions_end() {
        scenario(|| {
            Latest::<Test>::insert(ProfileKind::Gpu, u16::MAX);
            assert_noop!(
                Suns::add_profile(RuntimeOrigin::root(), ProfileKind::Gpu, GPU_1),
                Error::<Test>::NoVersionLeft
            );
            Latest::<Test>::remove(ProfileKind::Gpu);
        });
    }

    #[test]
    fn a_floor_changes_and_needs_its_profile() {
        scenario(|| {
            assert_ok!(Suns::set_price_floor(RuntimeOrigin::root(), CPU_1_ID, 5));
            System::assert_last_event(
                Event::PriceFloorSet {
                    id: CPU_1_ID,
                    price: 5,
                }
                .into(),
            );
            assert_eq!(<Suns as Pricing>::floor(CPU_1_ID), 5);
            assert_noop!(
                Suns::set_price_floor(RuntimeOrigin::root(), GPU_1_ID, 5),
                Error::<Test>::UnknownProfile
            );
        });
    }

    #[test]
    fn a_profile_without_a_floor_is_not_free() {
        scenario(|| {
            assert_ok!(Suns::add_profile(
                RuntimeOrigin::root(),
                ProfileKind::Gpu,
                GPU_1
            ));
            assert_eq!(<Suns as Pricing>::floor(GPU_1_ID), u128::MAX);
            assert_eq!(Suns::price_floor(GPU_1_ID), None);
            // A floor of zero, on the other hand, is a decision.
            assert_ok!(Suns::set_price_floor(RuntimeOrigin::root(), GPU_1_ID, 0));
            assert_eq!(<Suns as Pricing>::floor(GPU_1_ID), 0);
        });
    }

    #[test]
    fn environments_come_and_go() {
        scenario(|| {
            assert_noop!(
                Suns::set_environment(RuntimeOrigin::root(), ENVIRONMENT, true),
                Error::<Test>::AlreadyAccepted
            );
            assert_noop!(
                Suns::set_environment(RuntimeOrigin::root(), OTHER, false),
                Error::<Test>::NotAccepted
            );
            assert_ok!(Suns::set_environment(RuntimeOrigin::root(), OTHER, true));
            System::assert_last_event(Event::EnvironmentAccepted { id: OTHER }.into());
            assert!(<Suns as Pricing>::accepts(&OTHER));
            assert_ok!(Suns::set_environment(
                RuntimeOrigin::root(),
                ENVIRONMENT,
                false
            ));
            System::assert_last_event(Event::EnvironmentRevoked { id: ENVIRONMENT }.into());
            assert!(!<Suns as Pricing>::accepts(&ENVIRONMENT));
        });
    }

    #[test]
    fn only_governance_decides() {
        scenario(|| {
            for origin in [RuntimeOrigin::signed(1), RuntimeOrigin::none()] {
                assert_noop!(
                    Suns::add_profile(origin.clone(), ProfileKind::Gpu, GPU_1),
                    DispatchError::BadOrigin
                );
                assert_noop!(
                    Suns::set_price_floor(origin.clone(), CPU_1_ID, 0),
                    DispatchError::BadOrigin
                );
                assert_noop!(
                    Suns::set_environment(origin, OTHER, true),
                    DispatchError::BadOrigin
                );
            }
        });
    }

    #[test]
    fn views_compute_with_the_stored_profile() {
        scenario(|| {
            let lane = Resources {
                fuel_per_second: 1_000_000_000,
                ..Default::default()
            };
            let hour = 3_600 * 1_000_000_000;
            assert_eq!(Suns::capacity(CPU_1_ID, CPU_1.contains), Some(1_000_000));
            assert_eq!(Suns::charge(CPU_1_ID, lane, 1_000_000_000), Some(125_000));
            assert_eq!(Suns::charge(CPU_1_ID, lane, 1), Some(1), "rounded up");
            assert_eq!(Suns::price_floor(CPU_1_ID), Some(FLOOR));
            assert_eq!(Suns::spot(CPU_1_ID), Some(FLOOR));
            assert_eq!(
                Suns::quote(CPU_1_ID, lane, hour),
                Some(PriceQuote {
                    charge: 125_000 * SECONDS_PER_HOUR,
                    at_floor: FLOOR / 8,
                    at_spot: FLOOR / 8,
                })
            );
            // A resource that the profile lacks, and a profile that does not exist.
            let gpu = Resources {
                gpu_memory: 1,
                ..lane
            };
            assert_eq!(Suns::charge(CPU_1_ID, gpu, hour), None);
            assert_eq!(Suns::quote(CPU_1_ID, gpu, hour), None);
            assert_eq!(Suns::capacity(GPU_1_ID, lane), None);
            assert_eq!(Suns::charge(GPU_1_ID, lane, hour), None);
            assert_eq!(Suns::quote(GPU_1_ID, lane, hour), None);
        });
    }

    #[test]
    fn what_cannot_be_traded_has_no_price() {
        scenario(|| {
            assert_ok!(Suns::add_profile(
                RuntimeOrigin::root(),
                ProfileKind::Gpu,
                GPU_1
            ));
            assert_eq!(
                Suns::charge(GPU_1_ID, GPU_1.contains, 1_000_000_000),
                Some(MICRO)
            );
            assert_eq!(Suns::spot(GPU_1_ID), None);
            assert_eq!(Suns::quote(GPU_1_ID, GPU_1.contains, 1), None);
            assert_eq!(<Suns as Pricing>::spot(GPU_1_ID), u128::MAX);
        });
    }

    #[test]
    fn sizes_beyond_reason_saturate() {
        scenario(|| {
            let all = Resources {
                fuel_per_second: u64::MAX,
                memory: u64::MAX,
                storage: u64::MAX,
                bandwidth: u64::MAX,
                ..Default::default()
            };
            let capacity = Suns::capacity(CPU_1_ID, all).expect("profile exists");
            let charge = Suns::charge(CPU_1_ID, all, u64::MAX).expect("all are in the profile");
            assert!(u128::from(capacity) <= charge);
            assert!(Suns::quote(CPU_1_ID, all, u64::MAX).is_some());
        });
    }
}

mod spot {
    use super::*;

    fn settle(price: u128, charge: u128) {
        <Suns as Pricing>::note_settled(CPU_1_ID, price, charge);
    }

    fn spot() -> u128 {
        <Suns as Pricing>::spot(CPU_1_ID)
    }

    #[test]
    fn it_follows_what_is_paid_by_charge() {
        scenario(|| {
            assert_eq!(spot(), FLOOR);
            settle(FLOOR + ISC, VOLUME);
            assert_eq!(spot(), FLOOR + ISC / 2);
            // A thousandth of the volume moves it by a thousandth of the gap, about.
            settle(FLOOR, VOLUME / 1_000);
            let moved = FLOOR + ISC / 2 - spot();
            assert!((ISC / 2_002 - 1..ISC / 2_000).contains(&moved), "{moved}");
        });
    }

    #[test]
    fn it_never_falls_below_the_floor() {
        scenario(|| {
            settle(0, u128::MAX);
            assert_eq!(spot(), FLOOR);
            // A floor that rises lifts it at once, and one that falls lets it go on from where it is.
            assert_ok!(Suns::set_price_floor(
                RuntimeOrigin::root(),
                CPU_1_ID,
                2 * FLOOR
            ));
            assert_eq!(spot(), 2 * FLOOR);
            settle(2 * FLOOR, 1);
            assert_ok!(Suns::set_price_floor(RuntimeOrigin::root(), CPU_1_ID, 0));
            assert_eq!(spot(), 2 * FLOOR);
            settle(0, u128::MAX);
            assert_eq!(spot(), 2 * FLOOR - 2 * FLOOR / 8);
        });
    }

    #[test]
    fn a_self_dealer_s_huge_bid_moves_it_by_an_eighth_in_a_round() {
        scenario(|| {
            // GIVEN somebody who pays himself any price for any amount of work, in every block
            for block in 1..=PERIOD {
                System::set_block_number(block);
                settle(u128::MAX, u128::MAX);
            }
            assert_eq!(spot(), FLOOR + FLOOR / 8);
            // WHEN the next period begins THEN he has another eighth, and no more
            System::set_block_number(PERIOD + 1);
            settle(u128::MAX, u128::MAX);
            settle(u128::MAX, u128::MAX);
            let raised = FLOOR + FLOOR / 8;
            assert_eq!(spot(), raised + raised / 8);
            // AND one period of honest work at the floor takes it back
            System::set_block_number(2 * PERIOD + 1);
            settle(FLOOR, 1_000 * VOLUME);
            let step = (raised + raised / 8) / 8;
            assert_eq!(spot(), raised + raised / 8 - step);
        });
    }

    #[test]
    fn a_huge_bid_buys_no_more_than_its_planck() {
        scenario(|| {
            // 10 ISC for a hundred-thousandth of a SUNS·hour, or for one hour at 10 ISC: a tenth at most.
            let hour = MICRO * SECONDS_PER_HOUR;
            settle(1_000_000 * ISC, hour / 100_000);
            let by_bid = spot() - FLOOR;
            assert!(by_bid > 0 && by_bid <= ISC / 10, "{by_bid}");
            settle(10 * ISC, hour);
            assert!(spot() - FLOOR - by_bid <= ISC / 10);
        });
    }

    #[test]
    fn profiles_have_prices_of_their_own() {
        scenario(|| {
            assert_ok!(Suns::add_profile(
                RuntimeOrigin::root(),
                ProfileKind::Gpu,
                GPU_1
            ));
            assert_ok!(Suns::set_price_floor(RuntimeOrigin::root(), GPU_1_ID, 0));
            <Suns as Pricing>::note_settled(GPU_1_ID, ISC, VOLUME);
            assert_eq!(<Suns as Pricing>::spot(GPU_1_ID), LEAST_STEP);
            assert_eq!(spot(), FLOOR);
            assert!(!Spots::<Test>::contains_key(CPU_1_ID));
        });
    }

    #[test]
    #[should_panic(expected = "in which nothing may trade")]
    fn work_in_a_profile_without_a_floor_is_a_bug() {
        scenario(|| <Suns as Pricing>::note_settled(GPU_1_ID, 1, 1));
    }
}

mod genesis_checks {
    use super::*;

    #[test]
    #[should_panic(expected = "empty or out of order")]
    fn versions_must_be_in_order() {
        let mut genesis = genesis();
        genesis.profiles.push((
            ProfileId {
                version: 3,
                ..CPU_1_ID
            },
            CPU_1,
        ));
        with_genesis(genesis);
    }

    #[test]
    #[should_panic(expected = "which does not exist")]
    fn a_floor_needs_its_profile() {
        let mut genesis = genesis();
        genesis.floors.push((GPU_1_ID, 1));
        with_genesis(genesis);
    }

    #[test]
    #[should_panic(expected = "listed twice")]
    fn an_environment_is_listed_once() {
        let mut genesis = genesis();
        genesis.environments.push(ENVIRONMENT);
        with_genesis(genesis);
    }
}

mod invariants {
    use super::*;

    fn broken(corrupt: impl FnOnce()) -> TryRuntimeError {
        with_genesis(genesis()).execute_with(|| {
            corrupt();
            Suns::do_try_state().expect_err("the corruption is noticed")
        })
    }

    #[test]
    fn an_empty_profile_is_noticed() {
        let empty = Profile {
            contains: Resources::default(),
        };
        let error = broken(|| Profiles::<Test>::insert(CPU_1_ID, empty));
        assert_eq!(error, "1: a profile contains nothing".into());
    }

    #[test]
    fn gaps_and_strangers_among_versions_are_noticed() {
        let error = broken(|| Latest::<Test>::insert(ProfileKind::Cpu, 2));
        assert_eq!(error, "2: a version of a profile is missing".into());
        let error = broken(|| Profiles::<Test>::insert(GPU_1_ID, GPU_1));
        assert_eq!(error, "2: a profile has a version beyond the latest".into());
    }

    #[test]
    fn a_floor_without_profile_is_noticed() {
        let error = broken(|| PriceFloors::<Test>::insert(GPU_1_ID, 1));
        assert_eq!(error, "3: a price floor belongs to no profile".into());
    }

    #[test]
    fn a_spot_price_of_nothing_tradable_is_noticed() {
        let record = SpotRecord {
            spot: Spot::new(FLOOR),
            since: 1,
        };
        let error = broken(|| Spots::<Test>::insert(GPU_1_ID, record));
        assert_eq!(
            error,
            "4: a spot price belongs to no profile in which anything trades".into()
        );
    }

    #[test]
    fn a_spot_price_that_jumped_is_noticed() {
        for price in [FLOOR + FLOOR / 8 + 1, FLOOR - FLOOR / 8 - 1] {
            let record = SpotRecord {
                spot: Spot {
                    price,
                    anchor: FLOOR,
                },
                since: 1,
            };
            let error = broken(|| Spots::<Test>::insert(CPU_1_ID, record));
            assert_eq!(error, "5: a spot price moved further than it may".into());
        }
    }

    #[test]
    fn storage_is_as_declared() {
        // Clients list these maps: a hasher that hides the key would break them.
        scenario(|| {
            assert_eq!(
                Profiles::<Test>::iter_keys().collect::<Vec<_>>(),
                [CPU_1_ID]
            );
            assert_eq!(
                Environments::<Test>::iter_keys().collect::<Vec<_>>(),
                [ENVIRONMENT]
            );
        });
    }
}
